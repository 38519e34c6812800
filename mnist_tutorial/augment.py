"""Training pictures changed by chance, each in its own way, so that no two epochs show the same.

torchvision's transforms draw one set of numbers for a whole batch, and picture by picture they take
longer than the training step; these change all pictures of a batch at once.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from .preprocess import MEAN, STD


def random_shift(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift all images of a batch together, by -1, 0 or 1 pixel each way; next to no time is spent on it.

    Parameters
    ----------
    images : float tensor (N, C, H, W)
        Their borders are empty: what leaves on one side comes in on the other.
    generator : torch.Generator
    """
    return images.roll(torch.randint(-1, 2, (2,), generator=generator).tolist(), dims=(2, 3))


def random_warp(images: torch.Tensor, generator: torch.Generator, degrees: float = 10, scale: float = 0.1,
                shear: float = 0.15, shift: float = 0.1, elastic: float = 0.0) -> torch.Tensor:
    """Turn, stretch, slant, shift and bend each image a little.

    Parameters
    ----------
    images : float32 tensor (N, C, H, W)
    generator : torch.Generator
        Where the random numbers come from.
    degrees : float
        Largest angle.
    scale, shear : float
        Largest change of size, and of x per y, as a fraction.
    shift : float
        Largest shift, as a fraction of half the width: 0.1 is 1.4 pixels of 28.
    elastic : float
        Standard deviation of a smooth displacement on top, as a fraction of half the width (Simard et al.,
        2003, "Best practices for convolutional neural networks applied to visual document analysis").

    Returns
    -------
    float32 tensor (N, C, H, W)
        What comes in at the borders has the value of the darkest pixel of the batch.
    """
    def draw(limit: float) -> torch.Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * limit

    angle, size, slant = draw(math.radians(degrees)), 1 + draw(scale), draw(shear)
    rows = torch.stack([angle.cos() / size, slant - angle.sin() / size, draw(shift),
                        angle.sin() / size, angle.cos() / size, draw(shift)], dim=1)
    grid = F.affine_grid(rows.view(-1, 2, 3), list(images.shape), align_corners=False)
    if elastic:
        push = elastic * torch.randn(len(images), 2, 5, 5, generator=generator)
        grid = grid + F.interpolate(push, images.shape[2:], mode="bicubic").permute(0, 2, 3, 1)
    ground = images.min()
    return F.grid_sample(images - ground, grid, align_corners=False) + ground


def random_pen(images: torch.Tensor, generator: torch.Generator, thick: float = 1.0, thin: float = 0.7,
               blur: float = 1.0, noise: float = 0.12) -> torch.Tensor:
    """Write with another pen: half of the images thicker or thinner, some blurred, some with uneven ink.

    Parameters
    ----------
    images : float32 tensor (N, 1, H, W)
        Normalised, see :func:`mnist_tutorial.preprocess.normalise`.
    generator : torch.Generator
    thick, thin, blur : float
        Largest share, 0 to 1, of the image that is replaced by its dilation, its erosion, its mean over 3x3.
    noise : float
        Largest standard deviation of the ink's strength, of 0..1.

    Returns
    -------
    float32 tensor (N, 1, H, W)
        Normalised.
    """
    def draw(low: float, high: float, share: float) -> torch.Tensor:
        """Give each image a number, 0 to all but a share of them."""
        values, chosen = torch.rand(2, len(images), 1, 1, 1, generator=generator)
        return torch.where(chosen < share, low + (high - low) * values, 0)

    ink = images * STD + MEAN
    pen = draw(-thin, thick, 0.5)
    dilated, eroded = F.max_pool2d(ink, 3, 1, 1), -F.max_pool2d(-ink, 3, 1, 1)
    ink = torch.where(pen > 0, ink + pen * (dilated - ink), ink - pen * (eroded - ink))
    ink = ink + draw(0, blur, 0.3) * (F.avg_pool2d(ink, 3, 1, 1) - ink)
    grain = draw(0, noise, 0.2) * torch.randn(ink.shape, generator=generator)
    ink = (ink + grain * (ink > 0.02)).clamp(0, 1)
    return (ink - MEAN) / STD


def handwriting(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change images as other writers, pens and cameras would: :func:`random_warp`, then :func:`random_pen`."""
    return random_pen(random_warp(images, generator, 15, 0.15, 0.25, elastic=0.04), generator)
