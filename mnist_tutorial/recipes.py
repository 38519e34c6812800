"""Two ways to train the same network: the tutorial's classic recipe, and a better one."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR

from .data import Loaders, mnist_loaders
from .model import Net
from .training import Epoch, fit


def random_affine(images: torch.Tensor, generator: torch.Generator, degrees: float = 10, scale: float = 0.1,
                  shear: float = 0.15, shift: float = 0.1) -> torch.Tensor:
    """Turn, stretch, slant and shift each image a little, each in its own way.

    As torchvision's ``RandomAffine`` does, but with other numbers for each image of a batch.

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
    ground = images.min()
    return F.grid_sample(images - ground, grid, align_corners=False) + ground


# "classic" is the tutorial's. "tuned" was chosen on the validation images: one cycle alone brought
# them from 98.6 to 99.1 %, distorted images and five epochs more to 99.3 % (seed 0).
RECIPES = {
    "classic": dict(epochs=10, batch_size=64, lr=0.01, momentum=0.5, one_cycle=False, augment=False),
    "tuned": dict(epochs=15, batch_size=64, lr=0.05, momentum=0.9, one_cycle=True, augment=True),
}


def train_net(*, epochs: int, batch_size: int, lr: float, momentum: float, one_cycle: bool, augment: bool,
              seed: int = 0, root: str | Path | None = None, allow_sample: bool = True,
              **options) -> tuple[Net, list[Epoch], Loaders]:
    """Train a fresh :class:`Net` on MNIST, for example ``train_net(**RECIPES["tuned"])``.

    Parameters
    ----------
    epochs, batch_size, lr, momentum
        Of stochastic gradient descent.
    one_cycle : bool
        Let the learning rate rise to `lr` and fall to almost nothing (Smith and Topin, 2018,
        "Super-convergence"), instead of keeping it at `lr`. Momentum is then Nesterov's.
    augment : bool
        Train on randomly distorted images, :func:`random_affine`.
    seed : int
        Of the first weights, the order of the images and their distortions.
    root, allow_sample
        Where the data is, see :func:`mnist_tutorial.data.load_mnist`.
    **options
        Passed to :func:`mnist_tutorial.training.fit`.

    Returns
    -------
    net : Net
    history : list of Epoch
    loaders : Loaders
        What it was trained and validated on, and the test images, which it has not seen.
    """
    loaders = mnist_loaders(batch_size, root, seed=seed, augment=random_affine if augment else None,
                            allow_sample=allow_sample)
    torch.manual_seed(seed)
    # The same numbers in another order in memory; the CPU's convolutions are 1.7 times as fast on it.
    net = Net().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum, nesterov=one_cycle)
    scheduler = None
    if one_cycle:
        scheduler = OneCycleLR(optimizer, max_lr=lr, total_steps=epochs * len(loaders.train), cycle_momentum=False)
    settings = dict(epochs=epochs, batch_size=batch_size, lr=lr, momentum=momentum, one_cycle=one_cycle,
                    augment=augment, seed=seed, data=loaders.train.dataset.name)
    history = fit(net, loaders.train, loaders.validation, epochs=epochs, optimizer=optimizer, scheduler=scheduler,
                  settings=settings, **options)
    return net, history, loaders
