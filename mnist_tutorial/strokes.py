"""Digits as strokes of a pen, in the ways that the world writes them, each time by another hand.

MNIST was written in the United States of the 1990s: a 1 with an upstroke or a foot, a crossed 7 or
a 9 with a curl is rare in it. A network knows only the hands it saw; these can be drawn for it.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

# Digit -> ways to write it -> pen positions "x,y" in percent of the digit's height, y downwards.
# At "/" the pen is lifted; a position given twice is a corner. RARE ways are marked by "~".
SKELETONS: dict[str, list[str]] = {}
RARE: dict[str, list[str]] = {}
for _way in Path(__file__).with_suffix(".txt").read_text("ascii").splitlines():
    (RARE if _way[1] == "~" else SKELETONS).setdefault(_way[0], []).append(_way[2:])
# Weights of four points in a Catmull-Rom curve from the second to the third, by powers of t.
CURVE_WEIGHTS = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2

# Of a drawn digit: its sheet and height in pixels, the pen's width there; in digit heights, how far
# positions are shaken and lines bowed; its slant, turn (radians) and the logarithm of its breadth,
# each as mean and standard deviation.
SHEET_SIDE, DRAWN_HEIGHT, DRAWN_PEN = 112, 70, (3, 13)
MAX_SHAKE, BOW, SLANT, TURN, BREADTH = 0.045, 0.03, (0.08, 0.16), (0, 0.08), (0.05, 0.18)
# Of a hurried one: the pen's width; how far strokes are shifted, in digit heights, as standard
# deviation; the shares of a stroke that its ends may lack, and of the sheet's ink a cut side.
HURRIED_PEN, LIFT, MAX_MISSING, CUT_SHARE, MAX_CUT = (3, 17), 0.025, 0.08, 0.1, 0.12
FRACTION_BITS = 3  # of a pixel, in OpenCV's coordinates


def skeleton(digit: str, style: int = 0) -> list[np.ndarray]:
    """Return a digit's strokes, float64 (points, 2): x and y, one unit high, y downwards.

    `style` is the way to write it; beyond the last they count from the first again.
    """
    styles = SKELETONS[digit]
    return strokes_of(styles[style % len(styles)])


def strokes_of(way: str) -> list[np.ndarray]:
    """Return the strokes of a way to write, of `SKELETONS` or `RARE`: float64 (points, 2) each."""
    return [np.array([point.split(",") for point in stroke.split()], float) / 100
            for stroke in way.split("/")]


def curve(points: np.ndarray, steps: int = 24) -> np.ndarray:
    """Return a smooth line, float64 (m, 2), in `steps` from each point to the next.

    Where a point, float (n, 2), is given twice is a corner; between corners there are two or more.
    """
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = np.vander(t, len(CURVE_WEIGHTS), increasing=True) @ CURVE_WEIGHTS  # (steps, 4)
    corners = np.flatnonzero((points[1:] == points[:-1]).all(1)) + 1
    line = []
    for part in np.split(points, corners):
        guides = np.vstack([2 * part[0] - part[1], part, 2 * part[-1] - part[-2]])
        for start in range(len(part) - 1):
            line.append(weights @ guides[start:start + len(CURVE_WEIGHTS)])
        line.append(part[-1:])
    return np.vstack(line)


def shake(points: np.ndarray, deviation: float, rng: Generator) -> np.ndarray:
    """Move points, float (n, 2), as an unsteady hand does; corners stay corners."""
    moved = points + rng.normal(0, deviation, points.shape)
    corners = np.flatnonzero((points[1:] == points[:-1]).all(1))
    moved[corners + 1] = moved[corners]
    return moved


def draw_digit(rng: Generator, digit: str | int, hurried: bool = False) -> np.ndarray:
    """Draw a digit in one of its ways, by one of many hands: uint8 (112, 112), 0 = background.

    `hurried`, also in one of its rare ways, by less careful hands, and some cut off at a side.
    """
    digit = str(digit)
    ways = SKELETONS[digit] + RARE[digit] * hurried
    way = ways[rng.integers(len(ways))]
    angle, slant, breadth = rng.normal(*TURN), rng.normal(*SLANT), np.exp(rng.normal(*BREADTH))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    form = turn @ np.array([[breadth, -slant], [0, 1]])
    deviation, bow, phase = rng.uniform(0, MAX_SHAKE), rng.normal(0, BOW, 2), rng.uniform(size=2)
    ink = np.zeros((SHEET_SIDE, SHEET_SIDE), np.uint8)
    width = int(rng.integers(*(HURRIED_PEN if hurried else DRAWN_PEN)))
    for points in strokes_of(way):
        line = curve(shake(points, deviation, rng)) - [0.3, 0.5]
        if hurried:
            start, end = (len(line) * rng.uniform(0, MAX_MISSING, 2)).astype(int)
            line = line[start:len(line) - end] + rng.normal(0, LIFT, 2)
        line += bow * np.sin(2 * np.pi * (line[:, ::-1] + phase))
        pixels = DRAWN_HEIGHT * line @ form.T + SHEET_SIDE / 2
        cv2.polylines(ink, [np.rint(pixels * 2 ** FRACTION_BITS).astype(np.int32)], False, 255,
                      width, cv2.LINE_AA, FRACTION_BITS)
    if hurried and rng.random() < CUT_SHARE:
        side = np.rot90(ink, rng.integers(4))  # a view: its upper side is one of the ink's
        top = np.flatnonzero(side.any(axis=1))[0]
        side[:top + int(DRAWN_HEIGHT * rng.uniform(0, MAX_CUT))] = 0
    return ink
