"""How well does one larger network read after some minutes on two cores?

    python tests/benchmarks/large.py [--seeds 3] [--epochs 22] [--threads 2]

Strided convolutions of 48, 96, 128 and 128 channels with batch normalisation, 306,650 parameters,
learn distorted images of MNIST in bfloat16, which is quick on processors made for it. What is
counted are the seconds of training and validation, the files opened before.
"""

import argparse
import statistics
import time
from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR

from mnist_tutorial import evaluate, fit, mnist_loaders
from mnist_tutorial.recipes import Job
from mnist_tutorial.recipes.augment import random_warp

CHANNELS, KERNELS, STRIDES = (1, 48, 96, 128, 128), (5, 3, 3, 3), (2, 1, 2, 1)
RATE, DECAY, SMOOTHING, ELASTIC = 0.1, 2e-4, 0.05, 0.03  # a first guess, not tuned


def make_net():
    """Make the network: (N, 1, 28, 28) -> (N, 10)."""
    layers = []
    for (before, after), kernel, stride in zip(pairwise(CHANNELS), KERNELS, STRIDES):
        layers += [nn.Conv2d(before, after, kernel, stride, bias=False), nn.BatchNorm2d(after),
                   nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * CHANNELS[-1], 10))


def train(seed, epochs, threads):
    """Return the seconds, and the accuracies on validation and test images."""
    torch.manual_seed(seed)
    loaders = mnist_loaders(256, seed=seed, augment=partial(random_warp, elastic=ELASTIC),
                            allow_sample=False)
    net = make_net().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), RATE, 0.9, nesterov=True, weight_decay=DECAY)
    scheduler = OneCycleLR(optimizer, RATE, total_steps=epochs * len(loaders.train),
                           cycle_momentum=False)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        fit(net, loaders.train, loaders.validation, epochs=epochs, optimizer=optimizer,
            scheduler=scheduler, loss_function=partial(F.cross_entropy, label_smoothing=SMOOTHING),
            job=Job("cpu", threads), report_every=0)
    seconds = time.perf_counter() - start
    return seconds, evaluate(net, loaders.validation)[1], evaluate(net, loaders.test)[1]


def main():
    parser = argparse.ArgumentParser(description="Measure one larger network.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    print(f"{sum(part.numel() for part in make_net().parameters()):,} parameters")
    found = [train(seed, arguments.epochs, arguments.threads) for seed in range(arguments.seeds)]
    for name, values in zip(("seconds", "validation accuracy", "test accuracy"), zip(*found)):
        print(f"{name:20} mean {statistics.mean(values):.4f}, each",
              *(f"{value:.4f}" for value in values))


if __name__ == "__main__":
    main()
