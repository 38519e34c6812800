"""What the guard learns from: digits, and pictures made by chance that are none.

A network of ten classes answers with a digit whatever it is shown. The guard, a second one, answers the
question before: is it a digit at all? Training on made-up outliers so that unseen ones are recognised is
outlier exposure (Hendrycks et al., 2019, "Deep anomaly detection with outlier exposure").
"""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np
import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from torch.utils.data import TensorDataset

from .data import Loaders, mnist_loaders, tensor_loader
from .preprocess import SIZE, NoDigitError, fit_to_mnist

CANVAS = 112  # pixels on each side of the sheet that non-digits are drawn on
FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral")
# Letters that nobody takes for a digit, however they are written.
LETTERS = ("".join(sorted(set(string.ascii_letters) - set("BDGILOQSTZbgijloqsyzJYU"))) +
           "ΓΔΘΛΞΠΣΦΨΩαγεηθκλμπφψω" + "ЖИЛФЦЩЫЭЮЯжфщыюя" + "&@#%$€§+=*?~<>^{}±×≈∞∑√→↑")


def guard_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Open MNIST as :func:`mnist_tutorial.mnist_loaders` does, but labelled 1, a digit, and with pictures labelled 0.

    For each digit of MNIST there is one picture that is none, and to ten digits comes one in a rare hand.

    Parameters
    ----------
    batch_size, root, seed, augment, allow_sample
        See :func:`mnist_tutorial.mnist_loaders`.
    """
    parts = []
    for number, loader in enumerate(mnist_loaders(batch_size, root, allow_sample=allow_sample)):
        digits, labels = loader.dataset.tensors
        others = rare_digits(len(digits) // 10, seed=3 * seed + number)
        none = nondigits(len(digits), digits.numpy(), labels.numpy(), seed=3 * seed + number)
        pictures = torch.cat([digits, torch.from_numpy(others), torch.from_numpy(none)])
        labels = torch.cat([torch.ones(len(digits) + len(others)), torch.zeros(len(none))]).long()
        parts.append(TensorDataset(pictures, labels))
        parts[-1].name = f"{loader.dataset.name} and pictures without a digit"
    return Loaders(tensor_loader(parts[0], batch_size, shuffle=True, seed=seed, augment=augment),
                   tensor_loader(parts[1], 1000), tensor_loader(parts[2], 1000))


def nondigits(count: int, digits: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Make pictures that show no digit, prepared as photos of digits are.

    A third are digits spoilt (two run together, mirrored, on their side, with a part of another one), the
    others scribbles, letters, shapes and stains.

    Parameters
    ----------
    count : int
    digits, labels : uint8 array (N, 28, 28), int array (N,)
        Digits to spoil.
    seed : int

    Returns
    -------
    uint8 array (count, 28, 28)
    """
    rng = np.random.default_rng(seed)
    kinds = (_scribble, _scribble, _letter, _letter, _shape, _stain, _stain)
    made = []
    while len(made) < count:
        if len(made) % 3 == 0:
            ink = _spoil(rng, digits, labels)
        else:
            ink = kinds[rng.integers(len(kinds))](rng)
        try:
            made.append(fit_to_mnist(ink))
        except NoDigitError:  # an empty sheet: once more
            continue
    return np.stack(made)


# Ways to write that are rare in MNIST: a 1 with a flag and a foot, a 7 with a bar, an open 4. Corners of strokes in
# a box of 1x1, y downwards.
STYLES = (
    [[(0.2, 0.3), (0.55, 0.0), (0.55, 1.0)], [(0.1, 1.0), (1.0, 1.0)]],
    [[(0.2, 0.25), (0.6, 0.0), (0.6, 1.0)]],
    [[(0.1, 0.0), (0.9, 0.0), (0.4, 1.0)], [(0.25, 0.5), (0.95, 0.5)]],
    [[(0.1, 0.2), (0.1, 0.0), (0.9, 0.0), (0.5, 0.5), (0.4, 1.0)], [(0.2, 0.5), (0.9, 0.5)]],
    [[(0.4, 0.0), (0.05, 0.6), (0.95, 0.6)], [(0.7, 0.3), (0.7, 1.0)]],
    [[(0.15, 0.0), (0.1, 0.55), (0.8, 0.55)], [(0.85, 0.0), (0.75, 1.0)]],
)


def rare_digits(count: int, seed: int = 0) -> np.ndarray:
    """Make digits in ways to write that are rare in MNIST, half of them bent print.

    Returns
    -------
    uint8 array (count, 28, 28)
    """
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        if number % 2:
            ink = _printed(rng, string.digits[rng.integers(10)])
        else:
            ink, width, size = _sheet(), int(rng.integers(4, 13)), rng.uniform((35, 60), (65, 75))
            for stroke in STYLES[rng.integers(len(STYLES))]:
                points = (np.array(stroke) - 0.5 + rng.normal(0, 0.05, (len(stroke), 2))) * size + CANVAS / 2
                cv2.polylines(ink, [points.round().astype(np.int32)], False, 255, width, cv2.LINE_AA)
        made.append(fit_to_mnist(_bend(rng, ink)))
    return np.stack(made)


def _sheet() -> np.ndarray:
    return np.zeros((CANVAS, CANVAS), np.uint8)


def _scribble(rng) -> np.ndarray:
    """A few strokes, or one that does not end."""
    ink, width = _sheet(), int(rng.integers(3, 14))
    strokes, corners = ((1, rng.integers(8, 20)), (rng.integers(2, 7), rng.integers(2, 6)))[rng.integers(2)]
    for _ in range(strokes):
        points = rng.uniform(8, CANVAS - 8, (corners, 2))
        if rng.random() < 0.7:  # a curve through the corners
            t, whole = np.arange(corners), np.linspace(0, corners - 1, 12 * corners)
            points = np.stack([np.interp(whole, t, side) for side in points.T], axis=1).astype(np.float32)
            points = cv2.blur(points, (1, 13), borderType=cv2.BORDER_REPLICATE)
        cv2.polylines(ink, [points.round().astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return ink


@cache
def _font(name: str, style: Any, weight: str, size: int):
    return ImageFont.truetype(font_manager.findfont(font_manager.FontProperties(family=name, style=style,
                                                                                    weight=weight)), size)


def _printed(rng, text: str) -> np.ndarray:
    """Text in one of the fonts that come with Matplotlib."""
    name = FONTS[rng.integers(len(FONTS) if text.isascii() else 3)]  # the last one lacks most signs
    style, weight = ("normal", "italic")[rng.integers(2)], ("normal", "bold")[rng.integers(2)]
    image = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(image).text((CANVAS // 2, CANVAS // 2), text, 255, _font(name, style, weight, 72), anchor="mm")
    return np.array(image)


def _letter(rng) -> np.ndarray:
    """A letter or sign, or two, as if written by hand: bent and leaning."""
    text = "".join(rng.choice(list(LETTERS), 1 + (rng.random() < 0.15)))
    return _bend(rng, _printed(rng, text))


def _bend(rng, ink: np.ndarray) -> np.ndarray:
    """Turn, slant and distort smoothly (Simard et al., 2003)."""
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    push = [cv2.resize(rng.normal(0, 5, (5, 5)).astype(np.float32), (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
            for _ in range(2)]
    x, y = x - CANVAS / 2, y - CANVAS / 2
    angle, slant = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)
    across, down = np.cos(angle) * x - np.sin(angle) * y + slant * y, np.sin(angle) * x + np.cos(angle) * y
    return cv2.remap(ink, np.float32(across + CANVAS / 2 + push[0]), np.float32(down + CANVAS / 2 + push[1]),
                     cv2.INTER_LINEAR)


def _shape(rng) -> np.ndarray:
    """Polygons, bars, crosses, rings with marks in them, dots in a row, grids."""
    ink, width = _sheet(), int(rng.integers(2, 12))
    kind, middle = rng.integers(6), CANVAS // 2
    if kind == 0:    # a polygon, filled or not
        corners = rng.integers(3, 9)
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        points = middle + (rng.uniform(20, 50, (corners, 1)) * np.stack([np.cos(angles), np.sin(angles)], 1))
        cv2.polylines(ink, [points.astype(np.int32)], True, 255, width, cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.fillPoly(ink, [points.astype(np.int32)], int(rng.integers(60, 256)))
    elif kind == 1:  # bars from lying to steep, upright ones would be ones
        for _ in range(rng.integers(1, 5)):
            angle = rng.uniform(-0.9, 0.9)
            ends = middle + rng.uniform(15, 50) * np.array([-1, 1])[:, None] * [np.cos(angle), np.sin(angle)]
            ends += rng.uniform(-25, 25, 2)
            cv2.line(ink, *ends.astype(int).tolist(), 255, width, cv2.LINE_AA)
    elif kind == 2:  # a ring with marks in it
        cv2.ellipse(ink, (middle, middle), rng.integers(30, 50, 2).tolist(), 0, 0, 360, 255, width, cv2.LINE_AA)
        for _ in range(rng.integers(2, 6)):
            place = (middle + rng.integers(-22, 23, 2)).tolist()
            cv2.ellipse(ink, place, rng.integers(1, 12, 2).tolist(), 0, 0, int(rng.integers(120, 361)), 255,
                        int(rng.choice([-1, width])), cv2.LINE_AA)
    elif kind == 3:  # dots in a row
        for x in range(8, CANVAS, int(rng.integers(14, 40))):
            cv2.circle(ink, (x, middle + int(rng.integers(-20, 21))), int(rng.integers(2, 12)), 255, -1, cv2.LINE_AA)
    elif kind == 4:  # a grid or a comb
        step = int(rng.integers(12, 40))
        for place in range(8, CANVAS, step):
            cv2.line(ink, (place, 8), (place, CANVAS - 8), 255, width // 2 + 1)
            if rng.random() < 0.6:
                cv2.line(ink, (8, place), (CANVAS - 8, place), 255, width // 2 + 1)
    else:            # filled blobs
        for _ in range(rng.integers(1, 5)):
            cv2.ellipse(ink, rng.integers(25, CANVAS - 25, 2).tolist(), rng.integers(8, 35, 2).tolist(),
                        float(rng.uniform(0, 180)), 0, 360, int(rng.integers(80, 256)), -1, cv2.LINE_AA)
    return _bend(rng, ink)


def _stain(rng) -> np.ndarray:
    """Clouds above a threshold: what is cut out of clutter, cloth, hair and faces."""
    noise = rng.normal(0, 1, (CANVAS, CANVAS)).astype(np.float32)
    sigma = rng.uniform(2, 16, 2)
    cloud = cv2.GaussianBlur(noise, (0, 0), sigma[0], sigmaY=sigma[1])
    cloud = (cloud - np.quantile(cloud, rng.uniform(0.4, 0.85))) / cloud.std()
    ink = (255 * np.clip(cloud * rng.uniform(0.7, 4), 0, 1)).astype(np.uint8)
    if rng.random() < 0.6:  # the largest stain alone
        _, labels, stats, _ = cv2.connectedComponentsWithStats((ink > 30).astype(np.uint8))
        ink[labels != 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])] = 0
    return ink


MIRRORED = (3, 4, 6, 7, 9)     # digits that are none when mirrored ...
LYING = (2, 3, 4, 5, 6, 7, 9)  # ... and when on their side


def _spoil(rng, digits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Two digits run together, or one over the other, or one mirrored or on its side."""
    def draw(among=range(10)):
        while labels[number := rng.integers(len(digits))] not in among:
            pass
        return digits[number]

    kind = rng.integers(4)
    if kind == 0:
        return draw(MIRRORED)[:, ::-1]
    if kind == 1:
        return np.rot90(draw(LYING), rng.choice([1, 3]))
    ink, shift = np.zeros((2 * SIZE, 2 * SIZE), np.uint8), int(rng.integers(12, 20))
    down = int(rng.integers(-3, 4)) if kind == 2 else int(rng.integers(12, 20))  # beside, or below
    across = shift if kind == 2 else int(rng.integers(-4, 5))
    for place, digit in ((0, draw()), (1, draw())):
        y, x = SIZE // 2 + place * down, SIZE // 2 + place * across
        ink[y:y + SIZE, x:x + SIZE] = np.maximum(ink[y:y + SIZE, x:x + SIZE], digit[:2 * SIZE - y, :2 * SIZE - x])
    return ink
