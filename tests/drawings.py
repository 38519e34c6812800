"""Digits drawn on paper, for the tests of several modules."""

import cv2
import numpy as np

from mnist_tutorial.reading.find import prepare

SEVEN = [(60, 50), (140, 50), (95, 160)]
FIVE = [(130, 50), (75, 50), (72, 95), (115, 92), (130, 120), (110, 150), (70, 148)]


def page(strokes=SEVEN, width=10, shape=(240, 200), paper=230, ink=40, at=(0, 0)):
    """Draw dark strokes on light paper."""
    grey = np.full(shape, paper, np.uint8)
    cv2.polylines(grey, [np.array(strokes) + at], False, ink, width, cv2.LINE_AA)
    return grey


def difference(a, b):
    """Mean difference of two prepared pictures, in grey levels."""
    return np.abs(prepare(a).picture.astype(int) - prepare(b).picture).mean()
