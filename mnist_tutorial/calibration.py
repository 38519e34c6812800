"""Make confidence mean what it says: of the answers given with 90 %, nine in ten should be right.

Temperature scaling and the expected calibration error, after Guo et al., 2017, "On calibration of
modern neural networks".
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from .model import Guard, Net


class Reliability(NamedTuple):
    """Answers put into equal intervals of confidence, arrays (bins,); means of nothing are NaN.

    Attributes
    ----------
    answers : int array
        How many answers fell into each interval.
    confidence, accuracy : float array
        Their mean confidence, and the share of them that is right, 0 to 1.
    """

    answers: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def reliability(probabilities, labels, bins: int = 15) -> Reliability:
    """Compare confidence and accuracy, interval by interval.

    Parameters
    ----------
    probabilities : float array or tensor (N, classes)
        Each row adds up to 1.
    labels : int array or tensor (N,)
    bins : int
        Number of equal intervals of confidence between 0 and 1.
    """
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    count, sure, correct = (np.bincount(number, weights, bins) for weights in (None, confidence, right))
    with np.errstate(invalid="ignore"):
        return Reliability(count, sure / count, correct / count)


def expected_calibration_error(probabilities, labels, bins: int = 15) -> float:
    """Measure how far confidence and accuracy lie apart.

    Their differences in each interval of :func:`reliability` are averaged, weighted by the number
    of answers in it.

    Returns
    -------
    float
        0 (confidence tells the truth) to 1.
    """
    count, confidence, accuracy = reliability(probabilities, labels, bins)
    return float(np.nansum(count * np.abs(confidence - accuracy)) / count.sum())


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Find the number by which logits must be divided for the lowest cross-entropy.

    Parameters
    ----------
    logits : float tensor (N, classes)
        Of pictures that were not trained on.
    labels : int64 tensor (N,)

    Returns
    -------
    float
        Above 1 for a network that is too sure of itself, below 1 for one that is too modest.
    """
    sharpness = torch.ones((), dtype=torch.float64, requires_grad=True)  # 1 / temperature: the loss is convex in it
    logits = logits.detach().double()
    optimizer = torch.optim.LBFGS([sharpness], max_iter=50, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(logits * sharpness, labels)
        value.backward()
        return value

    optimizer.step(loss)
    return 1 / sharpness.item()


@torch.no_grad()
def logits_of(net: torch.nn.Module, loader: Iterable) -> tuple[torch.Tensor, torch.Tensor]:
    """Answer everything in the loader: logits float32 (N, classes) and labels int64 (N,), on the CPU."""
    net.eval()
    device = next(net.parameters()).device
    logits, labels = zip(*[(net(images.to(device)).cpu(), labels.cpu()) for images, labels in loader])
    return torch.cat(logits), torch.cat(labels)


@torch.no_grad()
def calibrate(net: Net | Guard, loader: Iterable) -> float:
    """Divide the net's last layer by the temperature that its pictures ask for: the answers stay the same.

    Parameters
    ----------
    net : Net or Guard
        Changed in place, left in evaluation mode.
    loader : iterable of (images, labels)
        Pictures that the network was not trained on.

    Returns
    -------
    float
        The temperature, see :func:`fit_temperature`.
    """
    logits, labels = logits_of(net, loader)
    with torch.enable_grad():
        temperature = fit_temperature(logits, labels)
    last = net.fc[-1]
    last.weight.div_(temperature)
    last.bias.div_(temperature)
    return temperature
