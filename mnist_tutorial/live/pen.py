"""A camera above a pad on which a pen writes digits: its frames."""

from __future__ import annotations

import re
from typing import Iterator

import cv2
import numpy as np

from ..strokes import curve, skeleton
from .frames import Frames, paced

PAPER_GREY, PAPER_GRAIN = 225, 2  # grey level of the pad, and its standard deviation
PAPER_SHADE = (0.85, 0.9)         # share of the light at the right and at the lower edge
INK_BGR, PEN_BGR = (40, 40, 40), (90, 40, 20)
DIGIT_HEIGHT = 0.5                # of the frame's height, at most; in digit heights:
DIGIT_INDENT, DIGIT_SHIFT = 1 / 6, 0.04  # paper to the left of a digit; from its place, at most
DIGIT_SLANT = (-0.12, 0.05)       # of a digit's foot against its head, to the right
PEN_WIDTH, PEN_SPEED = (0.078, 0.111), 0.22  # the speed per frame
HOLD_FRAMES, TURN_FRAMES = 25, 8  # in which a written page lies still, and is drawn aside


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
