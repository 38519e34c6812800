"""Digits as strokes of a pen, in the ways that the world writes them, each time by another hand.

MNIST was written in the United States of the 1990s: a 1 with an upstroke or a foot, a crossed 7 or
a 9 with a curl is rare in it. A network knows only the hands it saw; these can be drawn for it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

# Digit -> ways to write it -> pen positions "x,y" in percent of the digit's height, y downwards.
# At "/" the pen is lifted; a position given twice is a corner.
SKELETONS = {
    "0": ["40,5 22,5 8,27 4,58 12,87 29,99 46,86 55,54 52,23 40,6 27,3",
          "30,2 12,12 3,35 4,65 14,90 32,98 50,86 58,60 56,32 46,10 28,2",
          "28,4 10,20 3,50 12,85 30,97 50,85 58,50 50,18 26,3 / 66,-4 -4,104",
          "28,4 10,20 3,50 12,85 30,97 50,85 58,50 50,18 26,3 / 56,12 8,88",
          "50,14 32,2 12,14 3,50 14,88 34,98 52,82 58,48 48,14 30,0 36,8"],
    "1": ["31,0 29,33 25,70 22,100", "8,27 20,15 33,0 33,0 31,38 28,74 27,100",
          "0,40 18,20 36,0 36,0 36,38 35,74 35,100", "-8,62 14,32 36,0 36,0 36,38 35,74 35,100",
          "10,24 24,14 34,2 34,2 34,38 33,70 33,98 / 8,100 58,98",
          "4,36 20,20 36,0 36,0 35,50 34,98 / 6,99 64,98",
          "12,22 16,30 26,18 36,0 36,0 36,38 34,74 34,100",
          "6,20 18,16 32,0 32,0 36,38 38,74 36,92 44,99 56,94",
          "14,18 26,2 36,8 34,38 30,74 26,100", "20,100 26,60 34,0 34,0 35,50 36,100",
          "0,92 30,48 60,0 60,0 63,50 65,100"],
    "2": ["6,25 11,10 27,1 46,6 53,25 44,48 25,74 4,96 4,96 22,92 42,95 66,91",
          "7,22 14,7 31,1 48,9 50,29 37,58 17,88 5,95 1,86 10,80 27,88 46,98 67,90",
          "4,20 18,2 42,4 52,22 44,46 22,72 4,92 2,80 14,74 28,84 44,96 66,88",
          "2,14 20,4 40,4 56,10 56,10 40,38 22,66 4,96 4,96 30,97 62,97",
          "8,30 4,14 20,0 44,4 54,24 42,50 20,76 2,98 2,98 24,88 40,90 54,100 68,92",
          "10,28 18,32 20,22 8,18 12,4 32,0 50,10 52,30 36,60 8,94 8,94 34,92 64,95"],
    "3": ["5,15 16,4 34,2 47,14 41,32 20,45 20,45 41,48 55,65 49,87 30,99 10,96 1,86",
          "4,4 28,3 54,4 54,4 38,22 22,42 22,42 44,46 58,64 52,86 32,98 12,96 0,84",
          "6,12 22,1 42,4 48,20 36,38 24,44 30,46 50,54 56,74 46,94 24,101 2,92",
          "10,18 20,4 40,4 48,20 34,40 22,46 24,40 34,46 54,56 56,80 36,98 10,98 -4,86 6,80"],
    "4": ["30,2 22,23 12,43 3,61 3,61 28,62 64,57 / 51,22 47,48 44,78 41,103",
          "40,0 24,28 4,64 4,64 34,64 66,63 / 42,32 42,62 42,102",
          "44,0 26,26 2,62 2,62 32,62 66,61 / 46,-2 46,50 45,102",
          "46,100 46,60 46,0 46,0 26,30 2,66 2,66 34,66 68,65",
          "10,4 8,28 6,52 6,52 28,54 54,50 / 50,2 50,50 48,102",
          "16,2 12,28 10,46 20,54 40,50 54,40 / 56,4 52,50 44,104",
          "8,0 6,26 6,48 6,48 28,48 52,46 52,46 56,2 56,2 52,50 50,102",
          "26,0 16,34 4,66 4,66 32,65 66,64 / 42,42 42,64 41,100"],
    "5": ["17,5 14,20 8,43 8,43 24,36 44,42 53,61 46,85 26,99 9,95 0,86 / 16,6 35,6 59,0",
          "56,4 34,4 14,5 14,5 12,24 9,44 9,44 28,38 48,46 54,66 44,90 22,99 2,90",
          "58,2 40,6 18,4 12,24 12,42 30,42 50,52 52,76 36,96 12,98 0,88",
          "52,2 30,4 16,14 14,32 26,42 44,54 48,76 32,96 10,96 -2,84"],
    "6": ["45,0 29,13 13,38 5,68 12,91 29,100 46,90 51,71 41,58 25,59 10,75",
          "34,0 18,26 6,58 6,82 22,99 44,92 50,72 36,56 16,62 6,76",
          "54,10 42,0 24,8 8,40 4,74 18,98 42,96 52,76 42,58 22,58 8,72",
          "26,0 16,40 10,74 16,94 34,99 48,86 44,68 26,66 12,80"],
    "7": ["3,14 9,8 28,10 48,6 61,5 61,5 54,24 41,50 32,76 28,102",
          "0,10 14,6 36,7 58,2 58,2 50,26 37,52 27,78 22,100 / 15,53 34,50 55,46",
          "2,4 30,4 60,4 60,4 44,36 30,68 22,100",
          "2,4 30,4 60,4 60,4 44,36 30,68 22,100 / 10,52 62,50",
          "4,24 4,4 4,4 30,5 62,4 62,4 46,34 34,68 28,102",
          "4,26 6,6 6,6 34,6 62,4 62,4 46,36 32,70 26,102 / 12,54 34,52 60,48",
          "0,16 10,2 24,4 40,12 52,12 64,2 64,2 50,30 36,60 28,100",
          "0,16 10,2 24,4 40,12 52,12 64,2 64,2 48,34 34,66 26,100 / 10,56 32,50 58,50",
          "0,8 24,6 54,4 62,12 48,36 34,64 30,100"],
    "8": ["47,14 35,2 18,4 10,19 20,36 40,51 53,70 47,91 28,100 9,91 7,71 21,52 40,36 51,19 46,7",
          "28,46 12,38 8,18 24,1 44,4 50,24 38,42 26,47 8,60 4,82 20,98 44,96 54,76 44,56 26,47",
          "52,10 36,0 16,6 12,24 28,42 48,58 54,80 38,98 14,96 4,78 16,56 38,40 54,16"],
    "9": ["47,15 36,2 16,6 6,26 13,43 29,44 43,30 49,11 49,11 49,38 45,68 37,102",
          "50,22 40,4 20,2 6,18 8,38 26,46 44,36 50,16 50,16 50,44 46,76 34,96 14,98 2,84",
          "48,20 36,2 16,6 6,24 14,42 32,44 48,28 48,10 48,10 52,40 50,72 36,98 16,100 4,90 10,80",
          "50,12 32,0 12,6 6,28 20,44 40,38 50,18 46,48 34,76 10,102",
          "50,24 44,6 24,0 6,12 6,34 24,44 44,36 50,20 50,20 54,50 44,86 22,102 2,94"],
}
# Weights of four points in a Catmull-Rom curve from the second to the third, by powers of t.
CURVE_WEIGHTS = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2

# Of a drawn digit: its sheet and height in pixels, the pen's width there; in digit heights, how far
# positions are shaken and lines bowed; its slant, turn (radians) and the logarithm of its breadth,
# each as mean and standard deviation.
SHEET_SIDE, DRAWN_HEIGHT, DRAWN_PEN = 112, 70, (3, 13)
MAX_SHAKE, BOW, SLANT, TURN, BREADTH = 0.045, 0.03, (0.08, 0.16), (0, 0.08), (0.05, 0.18)
FRACTION_BITS = 3  # of a pixel, in OpenCV's coordinates


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


def shake(points: np.ndarray, deviation: float, rng: Generator) -> np.ndarray:
    """Move points, float (n, 2), as an unsteady hand does; corners stay corners."""
    moved = points + rng.normal(0, deviation, points.shape)
    corners = np.flatnonzero((points[1:] == points[:-1]).all(1))
    moved[corners + 1] = moved[corners]
    return moved


def draw_digit(rng: Generator, digit: str | int) -> np.ndarray:
    """Draw a digit in one of its ways, by one of many hands: uint8 (112, 112), 0 = background."""
    digit = str(digit)
    style = int(rng.integers(len(SKELETONS[digit])))
    angle, slant, breadth = rng.normal(*TURN), rng.normal(*SLANT), np.exp(rng.normal(*BREADTH))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    form = turn @ np.array([[breadth, -slant], [0, 1]])
    deviation, bow, phase = rng.uniform(0, MAX_SHAKE), rng.normal(0, BOW, 2), rng.uniform(size=2)
    ink, width = np.zeros((SHEET_SIDE, SHEET_SIDE), np.uint8), int(rng.integers(*DRAWN_PEN))
    for points in skeleton(digit, style):
        line = curve(shake(points, deviation, rng)) - [0.3, 0.5]
        line += bow * np.sin(2 * np.pi * (line[:, ::-1] + phase))
        pixels = DRAWN_HEIGHT * line @ form.T + SHEET_SIDE / 2
        cv2.polylines(ink, [np.rint(pixels * 2 ** FRACTION_BITS).astype(np.int32)], False, 255,
                      width, cv2.LINE_AA, FRACTION_BITS)
    return ink
