"""What the guard learns from: digits, and images made at random that show none.

A network of ten classes answers with a digit whatever it is shown. The guard, a second network,
answers the question before: is it a digit at all? Training on made-up outliers so that unseen ones
are recognised is outlier exposure (Hendrycks et al., 2019, "Deep anomaly detection with outlier
exposure"). The shipped guard was trained on exactly these ranges and this order of random draws;
any others make another training set.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np
import torch
from matplotlib.font_manager import findfont
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont
from torch.utils.data import TensorDataset

from ..data import EVALUATION_BATCH, Loaders, mnist_loaders, tensor_loader
from ..errors import NoDigitError
from ..preprocess import SIZE, fit_to_mnist

SPOILT_EVERY, DIGITS_PER_RARE = 3, 10  # non-digits to a spoilt one; digits to a rare one
# Classes of digits that show no digit when spoilt like this.
SPOILT_BY = {"mirrored": (3, 4, 6, 7, 9), "turned": (2, 3, 4, 5, 6, 7, 9)}
# Pixels of MNIST from one digit to the next run into it, and aside; ranges exclude their end.
NEXT_DIGIT, ASIDE_IN_ROW, ASIDE_IN_COLUMN = (12, 20), (-3, 4), (-4, 5)

# A sketch is a sheet of its own: uint8 array (112, 112), 0 = background. Lengths are its pixels.
CANVAS, MIDDLE, MARGIN, SHEET = 112, 56, 8, (112, 112)
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
# Ways to write that are rare in MNIST, as corners of strokes in a box of 1x1, y downwards.
HANDS = ([[(.2, .3), (.55, 0), (.55, 1)], [(.1, 1), (1, 1)]],
         [[(.2, .25), (.6, 0), (.6, 1)]],
         [[(.1, 0), (.9, 0), (.4, 1)], [(.25, .5), (.95, .5)]],
         [[(.1, .2), (.1, 0), (.9, 0), (.5, .5), (.4, 1)], [(.2, .5), (.9, .5)]],
         [[(.4, 0), (.05, .6), (.95, .6)], [(.7, .3), (.7, 1)]],
         [[(.15, 0), (.1, .55), (.8, .55)], [(.85, 0), (.75, 1)]])

_font = cache(ImageFont.truetype)  # opening a font takes longer than writing a letter


def guard_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Load MNIST, labelled 1, and as many images without a digit, labelled 0, as three loaders.

    For every ten digits of MNIST there is one more in a rare hand, labelled 1 too. The parameters
    are those of :func:`mnist_tutorial.mnist_loaders`.
    """
    parts = []
    for number, loader in enumerate(mnist_loaders(batch_size, root, allow_sample=allow_sample)):
        digits, labels = loader.dataset.tensors
        part_seed = len(Loaders._fields) * seed + number
        rare = rare_digits(len(digits) // DIGITS_PER_RARE, part_seed)
        none = nondigits(len(digits), digits.numpy(), labels.numpy(), part_seed)
        images = torch.cat([digits, torch.from_numpy(rare), torch.from_numpy(none)])
        is_digit = torch.arange(len(images)) < len(digits) + len(rare)
        parts.append(TensorDataset(images, is_digit.long()))
        parts[-1].name = f"{loader.dataset.name} and pictures without a digit"
    return Loaders(tensor_loader(parts[0], batch_size, shuffle=True, seed=seed, augment=augment),
                   *(tensor_loader(part, EVALUATION_BATCH) for part in parts[1:]))


def nondigits(count: int, digits: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Make images that show no digit, prepared as photos of digits are: uint8 (count, 28, 28).

    A third are spoilt digits, the others are scribbles, letters, shapes and stains.

    Parameters
    ----------
    digits, labels : uint8 array (N, 28, 28), int array (N,)
        Digits to spoil, 0 = background, and their classes.
    """
    rng, made = np.random.default_rng(seed), []
    while len(made) < count:
        spoil = len(made) % SPOILT_EVERY == 0
        ink = spoilt(rng, digits, labels) if spoil else pick(rng, SKETCHES)(rng)
        with suppress(NoDigitError):  # an empty sheet: try again
            made.append(fit_to_mnist(ink))
    return np.stack(made)


def rare_digits(count: int, seed: int = 0) -> np.ndarray:
    """Make rare digits, half by hand, half in bent print: uint8 (count, 28, 28), background 0."""
    rng, made = np.random.default_rng(seed), []
    for number in range(count):
        ink = printed(rng, pick(rng, "0123456789")) if number % 2 else rare_hand(rng)
        made.append(fit_to_mnist(bend(rng, ink)))
    return np.stack(made)


def spoilt(rng: Generator, digits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mirror or turn a digit, or run two together: uint8 array (28, 28) or (56, 56)."""
    kind = pick(rng, (*SPOILT_BY, "in a row", "in a column"))
    if kind in SPOILT_BY:
        number = rng.integers(len(digits))
        while labels[number] not in SPOILT_BY[kind]:
            number = rng.integers(len(digits))
        if kind == "mirrored":
            return digits[number][:, ::-1]
        return np.rot90(digits[number], rng.choice([1, 3]))  # to the left or to the right
    across = rng.integers(*NEXT_DIGIT)
    if kind == "in a row":
        down = rng.integers(*ASIDE_IN_ROW)
    else:
        down, across = rng.integers(*NEXT_DIGIT), rng.integers(*ASIDE_IN_COLUMN)
    ink = np.zeros((2 * SIZE, 2 * SIZE), np.uint8)
    for y, x in ((0, 0), (down, across)):
        part = ink[SIZE // 2 + y:, SIZE // 2 + x:][:SIZE, :SIZE]
        np.maximum(part, pick(rng, digits)[:part.shape[0], :part.shape[1]], out=part)
    return ink


def pick(rng: Generator, options: Any) -> Any:
    """Pick one of the options, each as likely."""
    return options[rng.integers(len(options))]


def rare_hand(rng: Generator) -> np.ndarray:
    """Draw a digit as few people write it: uint8 (112, 112)."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*RARE_WIDTH))
    size = rng.uniform(*RARE_SIZE)
    for corners in pick(rng, HANDS):
        shaken = np.array(corners) - 0.5 + rng.normal(0, RARE_SHAKE, (len(corners), 2))
        points = (shaken * size + MIDDLE).round().astype(np.int32)
        cv2.polylines(ink, [points], False, 255, width, cv2.LINE_AA)
    return ink


def scribble(rng: Generator) -> np.ndarray:
    """Draw a few strokes, or one that does not end: uint8 (112, 112)."""
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
    """Print text in one of Matplotlib's fonts: uint8 (112, 112)."""
    name = pick(rng, FONTS if text.isascii() else FONTS[:-1])  # the last lacks most signs
    style, weight = pick(rng, ("normal", "italic")), pick(rng, ("normal", "bold"))
    font = _font(findfont(f"{name}:style={style}:weight={weight}"), FONT_SIZE)
    image = Image.new("L", SHEET)
    ImageDraw.Draw(image).text((MIDDLE, MIDDLE), text, 255, font, anchor="mm")
    return np.array(image)


def letter(rng: Generator) -> np.ndarray:
    """Draw a letter or sign, or two, bent and leaning as if by hand: uint8 (112, 112)."""
    count = 2 if rng.random() < LETTER_PAIRS else 1
    return bend(rng, printed(rng, "".join(rng.choice(list(LETTERS), count))))


def bend(rng: Generator, ink: np.ndarray) -> np.ndarray:
    """Turn, slant and distort a uint8 drawing (112, 112) smoothly (Simard et al., 2003)."""
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32) - MIDDLE
    nodes = [rng.normal(0, WARP, WARP_GRID).astype(np.float32) for _ in range(2)]
    push_x, push_y = (cv2.resize(push, SHEET, interpolation=cv2.INTER_CUBIC) for push in nodes)
    angle, slant = rng.uniform(-MAX_TILT, MAX_TILT), rng.uniform(-MAX_TILT, MAX_TILT)
    from_x = np.cos(angle) * x - np.sin(angle) * y + slant * y + MIDDLE + push_x
    from_y = np.sin(angle) * x + np.cos(angle) * y + MIDDLE + push_y
    return cv2.remap(ink, np.float32(from_x), np.float32(from_y), cv2.INTER_LINEAR)


def polygon(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw a polygon, filled or not, on a uint8 sheet (112, 112)."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(*CORNERS)))
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radii = rng.uniform(*POLYGON_RADIUS, (len(angles), 1))
    points = (MIDDLE + radii * directions).astype(np.int32)
    cv2.polylines(ink, [points], True, 255, width, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.fillPoly(ink, [points], int(rng.integers(*FILL_GREY)))


def bars(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw bars, level to steep, on a uint8 sheet (112, 112)."""
    for _ in range(rng.integers(*BARS)):
        angle = rng.uniform(*BAR_ANGLE)
        half = rng.uniform(*BAR_REACH) * np.array([np.cos(angle), np.sin(angle)])
        ends = np.array([MIDDLE - half, MIDDLE + half]) + rng.uniform(*BAR_SHIFT, 2)
        cv2.line(ink, *ends.astype(int).tolist(), 255, width, cv2.LINE_AA)


def ring(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw a ring with marks in it on a uint8 sheet (112, 112)."""
    radii = rng.integers(*RING_RADIUS, 2).tolist()
    cv2.ellipse(ink, (MIDDLE, MIDDLE), radii, 0, 0, 360, 255, width, cv2.LINE_AA)
    for _ in range(rng.integers(*MARKS)):
        place = (MIDDLE + rng.integers(*MARK_SHIFT, 2)).tolist()
        radii, arc = rng.integers(*MARK_RADIUS, 2).tolist(), int(rng.integers(*MARK_ARC))
        filled_or_not = int(rng.choice([-1, width]))
        cv2.ellipse(ink, place, radii, 0, 0, arc, 255, filled_or_not, cv2.LINE_AA)


def dots(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw dots in a row on a uint8 sheet (112, 112)."""
    for x in range(MARGIN, CANVAS, rng.integers(*DOT_STEP)):
        place, radius = (x, MIDDLE + int(rng.integers(*DOT_SHIFT))), int(rng.integers(*DOT_RADIUS))
        cv2.circle(ink, place, radius, 255, -1, cv2.LINE_AA)


def grid(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw a grid or a comb on a uint8 sheet (112, 112)."""
    for place in range(MARGIN, CANVAS, rng.integers(*GRID_STEP)):
        cv2.line(ink, (place, MARGIN), (place, CANVAS - MARGIN), 255, width // 2 + 1)
        if rng.random() < GRID_CROSSED:
            cv2.line(ink, (MARGIN, place), (CANVAS - MARGIN, place), 255, width // 2 + 1)


def blobs(rng: Generator, ink: np.ndarray, width: int) -> None:
    """Draw filled ellipses on a uint8 sheet (112, 112)."""
    for _ in range(rng.integers(*BLOBS)):
        place, radii = rng.integers(*BLOB_PLACE, 2).tolist(), rng.integers(*BLOB_RADIUS, 2).tolist()
        angle, grey = rng.uniform(0, 180), int(rng.integers(*BLOB_GREY))
        cv2.ellipse(ink, place, radii, angle, 0, 360, grey, -1, cv2.LINE_AA)


SHAPES = (polygon, bars, ring, dots, grid, blobs)


def shape(rng: Generator) -> np.ndarray:
    """Draw one of the six shapes, bent: uint8 (112, 112)."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*SHAPE_WIDTH))
    pick(rng, SHAPES)(rng, ink, width)
    return bend(rng, ink)


def stain(rng: Generator) -> np.ndarray:
    """Draw clouds above a threshold, like bits of clutter, cloth and faces: uint8 (112, 112)."""
    noise = rng.normal(0, 1, SHEET).astype(np.float32)
    sigma_x, sigma_y = rng.uniform(*CLOUD_SIGMA, 2)
    cloud = cv2.GaussianBlur(noise, (0, 0), sigma_x, sigmaY=sigma_y)
    cloud = (cloud - np.quantile(cloud, rng.uniform(*CLOUD_QUANTILE))) / cloud.std()
    ink = (255 * np.clip(cloud * rng.uniform(*CLOUD_GAIN), 0, 1)).astype(np.uint8)
    if rng.random() < LONE_STAINS:  # the largest stain alone
        _, labels, stats, _ = cv2.connectedComponentsWithStats((ink > MIN_STAIN).astype(np.uint8))
        ink[labels != 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])] = 0
    return ink


SKETCHES = (scribble, scribble, letter, letter, shape, stain, stain)  # twice = twice as likely
