"""What the guard learns from: digits, and images made at random that show none.

A network of ten classes answers with a digit whatever it is shown. The guard, a second network,
answers the question before: is it a digit at all? Training on made-up outliers so that unseen ones
are recognised is outlier exposure (Hendrycks et al., 2019, "Deep anomaly detection with outlier
exposure"). The shipped guard was trained on exactly this order of random draws; any other makes
another training set.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from numpy.random import Generator
from torch.utils.data import TensorDataset

from ..data import EVALUATION_BATCH, Loaders, mnist_loaders, tensor_loader
from ..errors import NoDigitError
from ..preprocess import SIZE, fit_to_mnist
from .sketches import bend, letter, pick, printed, rare_hand, scribble, shape, stain

SKETCHES = (scribble, scribble, letter, letter, shape, stain, stain)  # twice = twice as likely
SPOILT_EVERY = 3      # one non-digit in three is a spoilt digit, the others are sketches
DIGITS_PER_RARE = 10  # digits of MNIST to one in a rare hand
# Classes of digits that show no digit when spoilt like this.
SPOILT_BY = {"mirrored": (3, 4, 6, 7, 9), "turned": (2, 3, 4, 5, 6, 7, 9)}
# Ranges in pixels of MNIST, without their end: from one digit to the next run into it, and aside.
NEXT_DIGIT, ASIDE_IN_ROW, ASIDE_IN_COLUMN = (12, 20), (-3, 4), (-4, 5)


def guard_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Load MNIST, labelled 1, and as many images without a digit, labelled 0, as three loaders.

    For every ten digits of MNIST there is one more in a rare hand, labelled 1 too.

    Parameters
    ----------
    batch_size, root, seed, augment, allow_sample
        See :func:`mnist_tutorial.mnist_loaders`.
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
    """Make images that show no digit, prepared as photos of digits are.

    A third are spoilt digits, the others are scribbles, letters, shapes and stains.

    Parameters
    ----------
    count, seed : int
    digits, labels : uint8 array (N, 28, 28), int array (N,)
        Digits to spoil, 0 = background, and their classes.

    Returns
    -------
    uint8 array (count, 28, 28)
        0 = background.
    """
    rng, made = np.random.default_rng(seed), []
    while len(made) < count:
        spoil = len(made) % SPOILT_EVERY == 0
        ink = spoilt(rng, digits, labels) if spoil else pick(rng, SKETCHES)(rng)
        with suppress(NoDigitError):  # an empty sheet: try again
            made.append(fit_to_mnist(ink))
    return np.stack(made)


def rare_digits(count: int, seed: int = 0) -> np.ndarray:
    """Make digits as MNIST seldom has them: half in rare handwriting, half in bent print.

    Parameters
    ----------
    count, seed : int

    Returns
    -------
    uint8 array (count, 28, 28)
        0 = background.
    """
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
