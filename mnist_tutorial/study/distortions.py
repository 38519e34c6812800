"""Stress-test a network: rotate, shift, scale, add noise, blur and invert images, step by step.

Each function takes uint8 images (N, 28, 28), as array or tensor, and a strength, of which 0 changes
nothing, and returns a uint8 tensor of the same shape. All images are changed alike.
"""

import math
from typing import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..training import probabilities

BLUR_REACH = 3  # standard deviations from the middle of the Gaussian to its end


def turn(pictures: ArrayLike, degrees: float) -> torch.Tensor:
    """Rotate uint8 images (N, 28, 28) anticlockwise about their centre."""
    return _affine(pictures, angle=-degrees)


def shift(pictures: ArrayLike, pixels: float) -> torch.Tensor:
    """Shift uint8 images (N, 28, 28) to the right; ink that leaves the image is lost."""
    return _affine(pictures, translate=[pixels, 0])


def enlarge(pictures: ArrayLike, percent: float) -> torch.Tensor:
    """Scale the ink in uint8 images (N, 28, 28) up by some per cent, or down if negative."""
    return _affine(pictures, scale=1 + percent / 100)


def grain(pictures: ArrayLike, level: float) -> torch.Tensor:
    """Add Gaussian noise to uint8 images (N, 28, 28), always the same; `level` is in % of 255."""
    images = torch.as_tensor(pictures)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 255 * level / 100 * noise).round().clamp(0, 255).byte()


def blur(pictures: ArrayLike, pixels: float) -> torch.Tensor:
    """Blur uint8 images (N, 28, 28) with a Gaussian, `pixels` being its standard deviation."""
    from torchvision.transforms.v2 import functional  # a second to import
    images, reach = torch.as_tensor(pictures), math.ceil(BLUR_REACH * pixels)
    if not reach:
        return images
    size, padded = [2 * reach + 1] * 2, functional.pad(images, [reach])  # no ink beyond the border
    blurred = functional.gaussian_blur(padded, size, [pixels, pixels])
    return blurred[..., reach:-reach, reach:-reach]


def invert(pictures: ArrayLike, percent: float) -> torch.Tensor:
    """Mix the negatives into uint8 images (N, 28, 28): 50 is a uniform grey, 100 dark on light."""
    images = torch.as_tensor(pictures).float()
    return (images + percent / 100 * (255 - 2 * images)).round().clamp(0, 255).byte()


Distortions = dict[str, tuple[Callable[..., torch.Tensor], Sequence[float]]]
DISTORTIONS: Distortions = {  # each with evenly spaced strengths, 0 among them
    "turned (degrees)": (turn, range(-60, 61, 30)),
    "shifted (pixels)": (shift, range(0, 9, 2)),
    "enlarged (%)": (enlarge, range(-60, 61, 30)),
    "noise (% of ink)": (grain, range(0, 81, 20)),
    "blurred (pixels)": (blur, (0, 0.5, 1, 1.5, 2)),
    "inverted (%)": (invert, range(0, 101, 25)),
}


def robustness(model: torch.nn.Module, pictures: ArrayLike, labels: ArrayLike,
               distortions: Distortions = DISTORTIONS) -> dict[str, np.ndarray]:
    """Measure how accuracy falls under each distortion, a function with S strengths to try.

    Images are uint8 (N, 28, 28), labels int (N,); for the model see
    :func:`mnist_tutorial.probabilities`. Under each name is a float array (S,), 0 to 1.
    """
    measured = {}
    for name, (change, strengths) in distortions.items():
        answers = [probabilities(model, change(pictures, each)).argmax(axis=1)
                   for each in strengths]
        measured[name] = (np.array(answers) == np.asarray(labels)).mean(axis=1)
    return measured


def _affine(pictures: ArrayLike, angle=0.0, translate=(0, 0), scale=1.0) -> torch.Tensor:
    """Turn clockwise, shift and scale; beyond the border is background (0)."""
    from torchvision.transforms.v2 import InterpolationMode, functional  # a second to import
    return functional.affine(torch.as_tensor(pictures), angle, list(translate), scale, [0.0, 0.0],
                             interpolation=InterpolationMode.BILINEAR)
