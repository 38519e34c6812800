"""Writers who do not exist: each has own ways, slant and pen, and repeats them unsteadily."""

import cv2
import numpy as np
import torch

from mnist_tutorial.preprocess import fit_to_mnist
from mnist_tutorial.strokes import SKELETONS, curve, shake, skeleton

SIDE, HEIGHT, BITS = 112, 70, 3  # pixels of a sheet, of a digit; of a pixel in OpenCV's coordinates


def write(seed, each=10):
    """Write every digit so often in one made-up hand: uint8 (10 each, 28, 28), int64 (10 each,)."""
    rng = np.random.default_rng(seed)
    slant, turn, breadth = rng.normal(0.1, 0.25), rng.normal(0, 0.12), rng.normal(0.05, 0.25)
    pen = int(rng.integers(4, 12))
    ways = [int(rng.integers(len(SKELETONS[str(digit)]))) for digit in range(10)]
    hand = [[shake(points, 0.05, rng) for points in skeleton(str(digit), ways[digit])]
            for digit in range(10)]
    pictures, labels = [], np.tile(np.arange(10), each)
    for digit in labels:
        angle, lean = turn + rng.normal(0, 0.04), slant + rng.normal(0, 0.05)
        form = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        form = form @ np.array([[np.exp(breadth), -lean], [0, 1]])
        ink = np.zeros((SIDE, SIDE), np.uint8)
        for points in hand[digit]:
            line = HEIGHT * (curve(shake(points, 0.025, rng)) - [0.3, 0.5]) @ form.T + SIDE / 2
            cv2.polylines(ink, [np.rint(line * 2 ** BITS).astype(np.int32)], False, 255, pen,
                          cv2.LINE_AA, BITS)
        pictures.append(fit_to_mnist(ink))
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(labels)
