"""Augmentation: training images changed at random, so that no two epochs show the same.

torchvision's transforms change a batch's images all alike, or take longer than the training step
if called for each; these change all images of a batch at once, each in its own way.
"""

import math

import torch
from torch.nn import functional as F

from ..preprocess import MEAN, STD

ELASTIC_KNOTS = 5  # on each side of the coarse grid of displacements that is made smooth
PEN_SHARE, BLUR_SHARE, NOISE_SHARE = 0.5, 0.3, 0.2  # of the images have another pen, blur, noise
MIN_NOISY_INK = 0.02  # of 0..1; the background stays clean
NEIGHBOURS = 3, 1, 1  # kernel size, stride and padding, of a pixel and the eight around it
STRONG_WARP = {"degrees": 15, "scale": 0.15, "shear": 0.25, "elastic": 0.04}  # as writers differ


def random_shift(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift all images (N, C, H, W) of a batch together, by -1, 0 or 1 pixel each way."""
    down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
    # Pixel by pixel, over rows and images: what leaves comes in elsewhere, seldom with ink in it.
    return images.roll(down * images.shape[-1] + right)


def random_warp(images: torch.Tensor, generator: torch.Generator, degrees: float = 10,
                scale: float = 0.1, shear: float = 0.15, shift: float = 0.1,
                elastic: float = 0.0) -> torch.Tensor:
    """Rotate, stretch, slant, shift and bend each image of float32 (N, C, H, W) a little.

    The limits are an angle, and as fractions a change of size, a change of x per y, and a shift, of
    half the width: 0.1 is 1.4 pixels of 28. `elastic`, a fraction of it too, is the standard
    deviation of a smooth displacement (Simard et al., 2003, "Best practices for convolutional
    neural networks applied to visual document analysis"). Borders are as the darkest pixel of all.
    """
    def draw(limit: float) -> torch.Tensor:  # from -limit to limit, for each image
        return (torch.rand(len(images), generator=generator) * 2 - 1) * limit

    angle = draw(math.radians(degrees))
    size = 1 + draw(scale)
    slant, right, down = draw(shear), draw(shift), draw(shift)
    cos, sin = angle.cos() / size, angle.sin() / size
    matrices = torch.stack([cos, slant - sin, right, sin, cos, down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrices.to(images), list(images.shape), align_corners=False)
    if elastic:
        knots = torch.randn(len(images), 2, ELASTIC_KNOTS, ELASTIC_KNOTS, generator=generator)
        bend = F.interpolate(elastic * knots.to(images), images.shape[2:], mode="bicubic")
        grid = grid + bend.movedim(1, -1)
    background = images.min()
    return F.grid_sample(images - background, grid, align_corners=False) + background


def random_pen(images: torch.Tensor, generator: torch.Generator, thick: float = 1.0,
               thin: float = 0.7, blur: float = 1.0, noise: float = 0.12) -> torch.Tensor:
    """Change the pen: half of the images thicker or thinner, some blurred, some with uneven ink.

    Images and result are normalised, float32 (N, 1, H, W). Limits are the shares, 0 to 1, replaced
    by dilation, erosion and the mean of 3x3, and the standard deviation of the ink's strength.
    """
    def draw(low: float, high: float, share: float) -> torch.Tensor:
        # For a share of the images a number from low to high, otherwise 0.
        values, chosen = torch.rand(2, 1, len(images), 1, 1, generator=generator)
        return torch.where(chosen < share, low + (high - low) * values, 0).to(images)

    # Pooling is many times as fast where channels lie side by side: the images become channels.
    ink = images.transpose(0, 1).contiguous(memory_format=torch.channels_last) * STD + MEAN
    pen = draw(-thin, thick, PEN_SHARE)
    dilated, eroded = F.max_pool2d(ink, *NEIGHBOURS), -F.max_pool2d(-ink, *NEIGHBOURS)
    ink = torch.where(pen > 0, ink + pen * (dilated - ink), ink - pen * (eroded - ink))
    ink = ink + draw(0, blur, BLUR_SHARE) * (F.avg_pool2d(ink, *NEIGHBOURS) - ink)
    grain = draw(0, noise, NOISE_SHARE) * torch.randn(ink.shape, generator=generator).to(images)
    ink = ink + grain * (ink > MIN_NOISY_INK)
    return (ink.clamp(0, 1) - MEAN).div(STD).transpose(0, 1).contiguous()


def handwriting(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change images as other writers, pens and cameras would; normalised float32 (N, 1, H, W)."""
    return random_pen(random_warp(images, generator, **STRONG_WARP), generator)
