"""Make confidence mean what it says: of the answers given with 90 %, nine in ten should be right.

After Guo et al., 2017, "On calibration of modern neural networks".
"""

from typing import Iterable, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.nn import functional as F

from ..model import Guard, Net

FIT_STEPS = 50  # of L-BFGS at most; a single number takes fewer


class Reliability(NamedTuple):
    """Answers sorted into equal intervals of confidence: arrays (bins,), NaN if one is empty."""

    answers: np.ndarray     # int, the number in each interval
    confidence: np.ndarray  # float, their mean, 0 to 1
    accuracy: np.ndarray    # float, the share of them that is right, 0 to 1


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Reliability:
    """Compare confidence and accuracy: probabilities, float (N, classes), for labels, int (N,)."""
    probabilities = np.asarray(probabilities)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == np.asarray(labels)
    interval = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(interval, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(count, np.bincount(interval, confidence, bins) / count,
                           np.bincount(interval, right, bins) / count)


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike,
                               bins: int = 15) -> float:
    """Average, over all answers, how far :func:`reliability`'s two means are apart: 0 to 1."""
    count, confidence, accuracy = reliability(probabilities, labels, bins)
    return float(np.nansum(count * np.abs(confidence - accuracy)) / count.sum())


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Find the number by which logits must be divided for the lowest cross-entropy.

    It is above 1 for an overconfident network, below 1 for an underconfident one. Logits, float
    (N, classes), and labels, int64 (N,), should be of images that were not trained on.
    """
    logits = logits.detach().double()
    sharpness = torch.ones((), dtype=torch.float64, requires_grad=True)  # 1 / temperature: convex
    optimizer = torch.optim.LBFGS([sharpness], max_iter=FIT_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(logits * sharpness, labels)
        value.backward()
        return value

    optimizer.step(loss)
    return 1 / sharpness.item()


@torch.no_grad()
def logits_of(net: torch.nn.Module, loader: Iterable) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a loader's logits, float32 (N, classes), and labels, int64 (N,), on the CPU."""
    net.eval()
    device = next(net.parameters()).device
    parts = [(net(images.to(device)).cpu(), labels.cpu()) for images, labels in loader]
    logits, labels = map(torch.cat, zip(*parts))
    return logits, labels


@torch.no_grad()
def calibrate(net: Net | Guard, loader: Iterable) -> float:
    """Divide the last layer by the loader's :func:`fit_temperature`, which is returned."""
    temperature = fit_temperature(*logits_of(net, loader))
    for parameter in net.fc[-1].parameters():
        parameter.div_(temperature)
    return temperature
