"""The guard: a second network that says whether a picture shows a digit at all."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..checkpoint import SHIPPED, load_weights
from ..model import Guard

GUARD = SHIPPED.with_name("guard.pt")


@cache
def load_guard(path: str | Path = GUARD) -> Guard:
    """Return the network that tells digits from everything else; it is loaded once.

    Returns
    -------
    Guard
        In evaluation mode; its classes are 0, no digit, and 1, a digit. What it was trained on
        is told in :mod:`mnist_tutorial.recipes.nondigits`.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or not for this network.
    """
    return load_weights(path, Guard())
