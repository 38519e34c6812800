"""What a network gets wrong: which digits it takes for which, and which answers surprise most."""

from __future__ import annotations

import numpy as np


def confusion(labels, answers, classes: int = 10) -> np.ndarray:
    """Count how often each digit was given each answer.

    Parameters
    ----------
    labels, answers : int array or tensor (N,)
        0 to `classes` - 1.

    Returns
    -------
    int array (classes, classes)
        Row: the label; column: the answer. The right answers stand on the diagonal.
    """
    pairs = classes * np.asarray(labels, dtype=int) + np.asarray(answers, dtype=int)
    return np.bincount(pairs, minlength=classes ** 2).reshape(classes, classes)


def surest_errors(probabilities, labels, count: int | None = None) -> np.ndarray:
    """Find the wrong answers, the most confident first.

    Parameters
    ----------
    probabilities : float array or tensor (N, classes)
    labels : int array or tensor (N,)
    count : int, optional
        How many at the most; default all.

    Returns
    -------
    int array
        Numbers of pictures.
    """
    probabilities = np.asarray(probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != np.asarray(labels))
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]


def least_likely_labels(probabilities, labels, count: int | None = None) -> np.ndarray:
    """Find the pictures whose label the network believes least.

    Where a good network is sure of another digit, it may be the label that is wrong (Northcutt et al., 2021,
    "Confident learning: estimating uncertainty in dataset labels").

    Parameters
    ----------
    probabilities : float array or tensor (N, classes)
    labels : int array or tensor (N,)
    count : int, optional
        How many at the most; default all.

    Returns
    -------
    int array
        Numbers of pictures, the least likely label first.
    """
    labels = np.asarray(labels)
    return np.argsort(np.asarray(probabilities)[np.arange(len(labels)), labels], kind="stable")[:count]
