"""A pen that writes digits: their strokes, the curve through them, and the frames of a camera."""

from __future__ import annotations

import re
from typing import Iterator

import cv2
import numpy as np

from .frames import Frames, paced

# Digit -> ways to write it -> pen positions "x,y" in percent of the digit's height, y downwards.
# At "/" the pen is lifted; a position given twice is a corner.
SKELETONS = {
    "0": ["40,5 22,5 8,27 4,58 12,87 29,99 46,86 55,54 52,23 40,6 27,3"],
    "1": ["31,0 29,33 25,70 22,100", "8,27 20,15 33,0 33,0 31,38 28,74 27,100"],
    "2": ["6,25 11,10 27,1 46,6 53,25 44,48 25,74 4,96 4,96 22,92 42,95 66,91",
          "7,22 14,7 31,1 48,9 50,29 37,58 17,88 5,95 1,86 10,80 27,88 46,98 67,90"],
    "3": ["5,15 16,4 34,2 47,14 41,32 20,45 20,45 41,48 55,65 49,87 30,99 10,96 1,86"],
    "4": ["30,2 22,23 12,43 3,61 3,61 28,62 64,57 / 51,22 47,48 44,78 41,103"],
    "5": ["17,5 14,20 8,43 8,43 24,36 44,42 53,61 46,85 26,99 9,95 0,86 / 16,6 35,6 59,0"],
    "6": ["45,0 29,13 13,38 5,68 12,91 29,100 46,90 51,71 41,58 25,59 10,75"],
    "7": ["3,14 9,8 28,10 48,6 61,5 61,5 54,24 41,50 32,76 28,102",
          "0,10 14,6 36,7 58,2 58,2 50,26 37,52 27,78 22,100 / 15,53 34,50 55,46"],
    "8": ["47,14 35,2 18,4 10,19 20,36 40,51 53,70 47,91 28,100 9,91 7,71 21,52 40,36 51,19 46,7"],
    "9": ["47,15 36,2 16,6 6,26 13,43 29,44 43,30 49,11 49,11 49,38 45,68 37,102"],
}
# Weights of four points in a Catmull-Rom curve from the second to the third, by powers of t.
CURVE_WEIGHTS = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2

PAPER_GREY, PAPER_GRAIN = 225, 2  # grey level of the pad, and its standard deviation
PAPER_SHADE = (0.85, 0.9)         # share of the light at the right and at the lower edge
INK_BGR, PEN_BGR = (40, 40, 40), (90, 40, 20)
DIGIT_HEIGHT = 0.5                # of the frame's height, at most; in digit heights:
DIGIT_INDENT, DIGIT_SHIFT = 1 / 6, 0.04  # paper to the left of a digit; from its place, at most
DIGIT_SLANT = (-0.12, 0.05)       # of a digit's foot against its head, to the right
PEN_WIDTH, PEN_SPEED = (0.078, 0.111), 0.22  # the speed per frame
HOLD_FRAMES, TURN_FRAMES = 25, 8  # in which a written page lies still, and is drawn aside


def skeleton(digit: str, style: int = 0) -> list[np.ndarray]:
    """Return a digit's strokes, float64 (points, 2): x and y, one unit high, y downwards.

    `style` is the way to write it; beyond the last they count from the first again.
    """
    styles = SKELETONS[digit]
    return [np.array([point.split(",") for point in stroke.split()], float) / 100
            for stroke in styles[style % len(styles)].split("/")]


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


def write_digits(text: str = "3 14 159 2 6", *, seed: int = 0, size: tuple[int, int] = (640, 480),
                 rate: float | None = None) -> Frames:
    """Yield the frames of a camera above a pad on which a pen writes; no camera is needed.

    Parameters
    ----------
    text : str
        Digits, with a space where the page is to be turned.
    seed : int
        The same text, seed and size give the same frames; another seed gives another hand.
    size : tuple of int (width, height)
        Of the frames, in pixels.
    rate : float, optional
        Frames per second, at most. Default: as many as are asked for.

    Yields
    ------
    uint8 array (H, W, 3), BGR

    Raises
    ------
    ValueError
        If `text` holds anything but digits and spaces.
    """
    if not re.fullmatch("[0-9 ]*", text):
        raise ValueError(f"text: expected digits and spaces, got {text!r}")
    return paced(_written(text.split(), np.random.default_rng(seed), size), rate)


def _written(pages: list[str], rng: np.random.Generator, size: tuple[int, int]) -> Frames:
    width, height = size
    right, lower = PAPER_SHADE
    light = np.outer(np.linspace(1, lower, height), np.linspace(1, right, width))
    grain = rng.normal(0, PAPER_GRAIN, (height, width, len(INK_BGR)))
    paper = (PAPER_GREY * light[..., None] + grain).clip(0, 255).astype(np.uint8)
    for number, text in enumerate(pages, start=1):
        page = paper.copy()
        for points, thickness in _strokes(text, rng, size):
            cv2.polylines(page, [points], False, INK_BGR, thickness, cv2.LINE_AA)
            frame, tip = page.copy(), points[-1]
            hand = tip + (height // 2, height)
            cv2.line(frame, tuple(tip), tuple(hand), PEN_BGR, 2 * thickness, cv2.LINE_AA)
            yield frame
        for _ in range(HOLD_FRAMES):
            yield page.copy()
        for step in range(1, TURN_FRAMES if number < len(pages) else 0):  # the last page stays
            frame, aside = paper.copy(), step * width // TURN_FRAMES
            frame[:, :width - aside] = page[:, aside:]
            yield frame


def _strokes(text: str, rng: np.random.Generator,
             size: tuple[int, int]) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the part of a line that each frame adds, int32 (points, 2), and its width in pixels."""
    width, height = size
    unit = min(DIGIT_HEIGHT * height, width / (len(text) + 2 * DIGIT_INDENT))  # pixels
    left, top = (width - unit * len(text)) / 2, (height - unit) / 2
    for place, digit in enumerate(text):
        shift, slant = rng.uniform(-DIGIT_SHIFT, DIGIT_SHIFT, 2), rng.uniform(*DIGIT_SLANT)
        thickness = max(2, round(unit * rng.uniform(*PEN_WIDTH)))
        for points in skeleton(digit):
            line = curve(points) + shift
            line[:, 0] += place + DIGIT_INDENT + slant * (line[:, 1] - 1 / 2)
            length = np.append(0, np.hypot(*np.diff(line, axis=0).T).cumsum())
            cuts = np.searchsorted(length, np.arange(PEN_SPEED, length[-1], PEN_SPEED))
            pixels = np.rint(unit * line + [left, top]).astype(np.int32)
            for start, end in zip([0, *cuts], [*cuts, len(pixels)]):
                yield pixels[start:end + 1], thickness
