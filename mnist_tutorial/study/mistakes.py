"""What a network gets wrong: which digits it confuses, and which answers surprise most."""

import numpy as np
from numpy.typing import ArrayLike


def confusion(labels: ArrayLike, answers: ArrayLike, classes: int = 10) -> np.ndarray:
    """Count the answers, int (N,), to each label, int (N,): int (classes, classes), label first."""
    pairs = classes * np.asarray(labels, dtype=int) + np.asarray(answers, dtype=int)
    return np.bincount(pairs, minlength=classes ** 2).reshape(classes, classes)


def surest_errors(probabilities: ArrayLike, labels: ArrayLike,
                  count: int | None = None) -> np.ndarray:
    """Find the wrong answers, the most confident first: at most `count`, by default all.

    Of probabilities, float (N, classes), and labels, int (N,), it returns indices: int array (M,).
    """
    probabilities = np.asarray(probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != np.asarray(labels))
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]


def least_likely_labels(probabilities: ArrayLike, labels: ArrayLike,
                        count: int | None = None) -> np.ndarray:
    """Find the images whose label the network believes least, the least likely first.

    Where a good network is sure of another digit, the label itself may be wrong (Northcutt et al.,
    2021, "Confident learning: estimating uncertainty in dataset labels"). See also
    :func:`surest_errors`, which takes and returns the same.
    """
    labels = np.asarray(labels)
    of_label = np.asarray(probabilities)[np.arange(len(labels)), labels]
    return np.argsort(of_label, kind="stable")[:count]
