"""Random sketches for the guard to learn from: rare digits, scribbles, letters, shapes, stains.

Each is drawn on a sheet of its own: uint8 array (112, 112), 0 = background. The shipped guard was
trained on exactly these ranges and this order of random draws; others make another training set.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from matplotlib.font_manager import findfont
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

# Lengths are pixels of the sheet; ranges of whole numbers exclude their upper end.
CANVAS = 112  # on each side of the sheet
SHEET, MIDDLE, MARGIN = (CANVAS, CANVAS), CANVAS // 2, 8
WARP_GRID, WARP, MAX_TILT = (5, 5), 5, 0.3  # nodes, their standard deviation; radians, and slant
# Of a rare digit: pen, smallest and largest (width, height), deviation of corners as a share of it.
RARE_WIDTH, RARE_SIZE, RARE_SHAKE = (4, 13), ((35, 60), (65, 75)), 0.05
SCRIBBLE_WIDTH, ENDLESS_CORNERS, SHORT_STROKES, SHORT_CORNERS = (3, 14), (8, 20), (2, 7), (2, 6)
CURVED, CURVE_POINTS, CURVE_MEAN = 0.7, 12, 13  # share of strokes; points a corner; averaged
FONT_SIZE, LETTER_PAIRS = 72, 0.15  # share of letters that come with another one
SHAPE_WIDTH, CORNERS, POLYGON_RADIUS, FILL_GREY = (2, 12), (3, 9), (20, 50), (60, 256)
# The angle in radians from level: an upright bar would be a one.
BARS, BAR_REACH, BAR_SHIFT, BAR_ANGLE = (1, 5), (15, 50), (-25, 25), (-0.9, 0.9)
RING_RADIUS, MARKS, MARK_SHIFT = (30, 50), (2, 6), (-22, 23)
MARK_RADIUS, MARK_ARC = (1, 12), (120, 361)  # degrees
DOT_STEP, DOT_SHIFT, DOT_RADIUS = (14, 40), (-20, 21), (2, 12)
GRID_STEP, GRID_CROSSED = (12, 40), 0.6  # share of upright lines that come with a level one
BLOBS, BLOB_PLACE, BLOB_RADIUS, BLOB_GREY = (1, 5), (25, CANVAS - 25), (8, 35), (80, 256)
CLOUD_SIGMA, CLOUD_QUANTILE, CLOUD_GAIN = (2, 16), (0.4, 0.85), (0.7, 4)
LONE_STAINS, MIN_STAIN = 0.6, 30  # share of sheets; grey level

FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral")
# Letters that nobody takes for a digit, however they are written.
LETTERS = ("ACEFHKMNPRVWXacdefhkmnprtuvwxΓΔΘΛΞΠΣΦΨΩαγεηθκλμπφψωЖИЛФЦЩЫЭЮЯжфщыюя"
           "&@#%$€§+=*?~<>^{}±×≈∞∑√→↑")
# Ways to write that are rare in MNIST: a 1 with a flag and a foot, a 7 with a bar, an open 4.
# Corners of strokes in a box of 1x1, y downwards.
HANDS = ([[(.2, .3), (.55, 0), (.55, 1)], [(.1, 1), (1, 1)]],
         [[(.2, .25), (.6, 0), (.6, 1)]],
         [[(.1, 0), (.9, 0), (.4, 1)], [(.25, .5), (.95, .5)]],
         [[(.1, .2), (.1, 0), (.9, 0), (.5, .5), (.4, 1)], [(.2, .5), (.9, .5)]],
         [[(.4, 0), (.05, .6), (.95, .6)], [(.7, .3), (.7, 1)]],
         [[(.15, 0), (.1, .55), (.8, .55)], [(.85, 0), (.75, 1)]])

_font = cache(ImageFont.truetype)  # opening a font takes longer than writing a letter


def pick(rng: Generator, options: Any) -> Any:
    """Pick one of the options, each as likely."""
    return options[rng.integers(len(options))]


def rare_hand(rng: Generator) -> np.ndarray:
    """Draw a digit as few people write it."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*RARE_WIDTH))
    size = rng.uniform(*RARE_SIZE)
    for corners in pick(rng, HANDS):
        shaken = np.array(corners) - 0.5 + rng.normal(0, RARE_SHAKE, (len(corners), 2))
        points = (shaken * size + MIDDLE).round().astype(np.int32)
        cv2.polylines(ink, [points], False, 255, width, cv2.LINE_AA)
    return ink


def scribble(rng: Generator) -> np.ndarray:
    """Draw a few strokes, or one that does not end."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*SCRIBBLE_WIDTH))
    endless = 1, rng.integers(*ENDLESS_CORNERS)
    short = rng.integers(*SHORT_STROKES), rng.integers(*SHORT_CORNERS)
    strokes, corners = pick(rng, (endless, short))
    for _ in range(strokes):
        points = rng.uniform(MARGIN, CANVAS - MARGIN, (corners, 2))
        if rng.random() < CURVED:
            t = np.linspace(0, corners - 1, CURVE_POINTS * corners)
            points = np.stack([np.interp(t, np.arange(corners), side) for side in points.T], axis=1)
            points = cv2.blur(np.float32(points), (1, CURVE_MEAN), borderType=cv2.BORDER_REPLICATE)
        cv2.polylines(ink, [points.round().astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return ink


def printed(rng: Generator, text: str) -> np.ndarray:
    """Print text in one of the fonts that come with Matplotlib."""
    name = pick(rng, FONTS if text.isascii() else FONTS[:-1])  # the last lacks most signs
    style, weight = pick(rng, ("normal", "italic")), pick(rng, ("normal", "bold"))
    font = _font(findfont(f"{name}:style={style}:weight={weight}"), FONT_SIZE)
    image = Image.new("L", SHEET)
    ImageDraw.Draw(image).text((MIDDLE, MIDDLE), text, 255, font, anchor="mm")
    return np.array(image)


def letter(rng: Generator) -> np.ndarray:
    """Draw a letter or sign, or two, as if written by hand: bent and leaning."""
    count = 2 if rng.random() < LETTER_PAIRS else 1
    return bend(rng, printed(rng, "".join(rng.choice(list(LETTERS), count))))


def bend(rng: Generator, ink: np.ndarray) -> np.ndarray:
    """Turn, slant and distort a drawing smoothly (Simard et al., 2003)."""
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32) - MIDDLE
    nodes = [rng.normal(0, WARP, WARP_GRID).astype(np.float32) for _ in range(2)]
    push_x, push_y = (cv2.resize(push, SHEET, interpolation=cv2.INTER_CUBIC) for push in nodes)
    angle, slant = rng.uniform(-MAX_TILT, MAX_TILT), rng.uniform(-MAX_TILT, MAX_TILT)
    from_x = np.cos(angle) * x - np.sin(angle) * y + slant * y + MIDDLE + push_x
    from_y = np.sin(angle) * x + np.cos(angle) * y + MIDDLE + push_y
    return cv2.remap(ink, np.float32(from_x), np.float32(from_y), cv2.INTER_LINEAR)


def polygon(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw a polygon, filled or not."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(*CORNERS)))
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radii = rng.uniform(*POLYGON_RADIUS, (len(angles), 1))
    points = (MIDDLE + radii * directions).astype(np.int32)
    cv2.polylines(ink, [points], True, 255, width, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.fillPoly(ink, [points], int(rng.integers(*FILL_GREY)))


def bars(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw bars, level to steep."""
    for _ in range(rng.integers(*BARS)):
        angle = rng.uniform(*BAR_ANGLE)
        half = rng.uniform(*BAR_REACH) * np.array([np.cos(angle), np.sin(angle)])
        ends = np.array([MIDDLE - half, MIDDLE + half]) + rng.uniform(*BAR_SHIFT, 2)
        cv2.line(ink, *ends.astype(int).tolist(), 255, width, cv2.LINE_AA)


def ring(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw a ring with marks in it."""
    radii = rng.integers(*RING_RADIUS, 2).tolist()
    cv2.ellipse(ink, (MIDDLE, MIDDLE), radii, 0, 0, 360, 255, width, cv2.LINE_AA)
    for _ in range(rng.integers(*MARKS)):
        place = (MIDDLE + rng.integers(*MARK_SHIFT, 2)).tolist()
        radii, arc = rng.integers(*MARK_RADIUS, 2).tolist(), int(rng.integers(*MARK_ARC))
        filled_or_not = int(rng.choice([-1, width]))
        cv2.ellipse(ink, place, radii, 0, 0, arc, 255, filled_or_not, cv2.LINE_AA)


def dots(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw dots in a row."""
    for x in range(MARGIN, CANVAS, rng.integers(*DOT_STEP)):
        place, radius = (x, MIDDLE + int(rng.integers(*DOT_SHIFT))), int(rng.integers(*DOT_RADIUS))
        cv2.circle(ink, place, radius, 255, -1, cv2.LINE_AA)


def grid(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw a grid or a comb."""
    for place in range(MARGIN, CANVAS, rng.integers(*GRID_STEP)):
        cv2.line(ink, (place, MARGIN), (place, CANVAS - MARGIN), 255, width // 2 + 1)
        if rng.random() < GRID_CROSSED:
            cv2.line(ink, (MARGIN, place), (CANVAS - MARGIN, place), 255, width // 2 + 1)


def blobs(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw filled ellipses."""
    for _ in range(rng.integers(*BLOBS)):
        place, radii = rng.integers(*BLOB_PLACE, 2).tolist(), rng.integers(*BLOB_RADIUS, 2).tolist()
        angle, grey = rng.uniform(0, 180), int(rng.integers(*BLOB_GREY))
        cv2.ellipse(ink, place, radii, angle, 0, 360, grey, -1, cv2.LINE_AA)


SHAPES = (polygon, bars, ring, dots, grid, blobs)


def shape(rng: Generator) -> np.ndarray:
    """Draw one of the six shapes, bent."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*SHAPE_WIDTH))
    pick(rng, SHAPES)(rng, ink, width)
    return bend(rng, ink)


def stain(rng: Generator) -> np.ndarray:
    """Draw clouds above a threshold, like cut-outs of clutter, cloth, hair and faces."""
    noise = rng.normal(0, 1, SHEET).astype(np.float32)
    sigma_x, sigma_y = rng.uniform(*CLOUD_SIGMA, 2)
    cloud = cv2.GaussianBlur(noise, (0, 0), sigma_x, sigmaY=sigma_y)
    cloud = (cloud - np.quantile(cloud, rng.uniform(*CLOUD_QUANTILE))) / cloud.std()
    ink = (255 * np.clip(cloud * rng.uniform(*CLOUD_GAIN), 0, 1)).astype(np.uint8)
    if rng.random() < LONE_STAINS:  # the largest stain alone
        _, labels, stats, _ = cv2.connectedComponentsWithStats((ink > MIN_STAIN).astype(np.uint8))
        ink[labels != 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])] = 0
    return ink
