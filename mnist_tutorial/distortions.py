"""Strain a network: the same pictures turned, shifted, scaled, grainy, blurred and inverted, more and more.

Each function takes uint8 pictures (N, 28, 28) and a strength, and gives pictures of the same kind. At
strength 0 they are what they were. Unlike :mod:`mnist_tutorial.augment`, nothing is left to chance.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from .predict import probabilities


def turn(pictures, degrees: float) -> torch.Tensor:
    """Turn anticlockwise about the middle."""
    angle = math.radians(degrees)
    return _warp(pictures, [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]])


def shift(pictures, pixels: float) -> torch.Tensor:
    """Shift to the right; what leaves the picture is lost."""
    width = torch.as_tensor(pictures).shape[-1]
    return _warp(pictures, [[1, 0, -2 * pixels / width], [0, 1, 0]])


def enlarge(pictures, percent: float) -> torch.Tensor:
    """Make larger by so many per cent, or smaller if negative."""
    factor = 1 + percent / 100
    return _warp(pictures, [[1 / factor, 0, 0], [0, 1 / factor, 0]])


def grain(pictures, level: float) -> torch.Tensor:
    """Add normal noise with a standard deviation of so many per cent of full ink, always the same."""
    images = _floats(pictures)
    return _bytes(images + 2.55 * level * torch.randn(images.shape, generator=torch.Generator().manual_seed(0)))


def blur(pictures, pixels: float) -> torch.Tensor:
    """Blur by a Gaussian with a standard deviation of so many pixels."""
    images = _floats(pictures)
    if pixels:
        reach = math.ceil(3 * pixels)
        weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / pixels) ** 2)
        weights /= weights.sum()
        images = F.conv2d(images, weights.view(1, 1, 1, -1), padding=(0, reach))
        images = F.conv2d(images, weights.view(1, 1, -1, 1), padding=(reach, 0))
    return _bytes(images)


def invert(pictures, percent: float) -> torch.Tensor:
    """Mix in the negative: at 50 the picture is an even grey, at 100 the ink is dark and the ground light."""
    images = _floats(pictures)
    return _bytes(images + percent / 100 * (255 - 2 * images))


# Each with evenly spaced strengths, 0 among them.
DISTORTIONS = {
    "turned (degrees)": (turn, range(-60, 61, 30)),
    "shifted (pixels)": (shift, range(0, 9, 2)),
    "enlarged (%)": (enlarge, range(-60, 61, 30)),
    "noise (% of ink)": (grain, range(0, 81, 20)),
    "blurred (pixels)": (blur, (0, 0.5, 1, 1.5, 2)),
    "inverted (%)": (invert, range(0, 101, 25)),
}


class Robustness(NamedTuple):
    """How accurate a network is at each strength of one distortion; accuracies are 0 to 1."""

    strengths: tuple
    accuracies: np.ndarray


def robustness(model: torch.nn.Module, pictures, labels, distortions: dict = DISTORTIONS) -> dict[str, Robustness]:
    """Measure how accuracy falls under distortions.

    Parameters
    ----------
    model : torch.nn.Module
        See :func:`mnist_tutorial.predict.probabilities`.
    pictures : uint8 array or tensor (N, 28, 28)
    labels : int array or tensor (N,)
    distortions : dict
        A name to a pair: function of pictures and strength, and the strengths to try.

    Returns
    -------
    dict
        Each name to its Robustness.
    """
    labels = np.asarray(labels)
    return {name: Robustness(tuple(strengths), np.array([
        (probabilities(model, change(pictures, strength)).argmax(axis=1) == labels).mean() for strength in strengths]))
        for name, (change, strengths) in distortions.items()}


def _floats(pictures) -> torch.Tensor:
    return torch.as_tensor(pictures).float().unsqueeze(1)


def _bytes(images: torch.Tensor) -> torch.Tensor:
    return images.squeeze(1).round().clamp(0, 255).byte()


def _warp(pictures, rows) -> torch.Tensor:
    """Fetch each pixel from where the 2x3 matrix sends it; beyond the border is ground (0)."""
    images = _floats(pictures)
    grid = F.affine_grid(torch.tensor(rows).float().expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return _bytes(F.grid_sample(images, grid, align_corners=False))
