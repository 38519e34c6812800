"""The guard: a second network that says whether a picture shows a digit at all."""

from functools import cache
from pathlib import Path

from ..checkpoint import SHIPPED, load_weights
from ..model import Guard

GUARD = SHIPPED.with_name("guard.pt")


@cache
def load_guard(path: str | Path = GUARD) -> Guard:
    """Return the network that tells digits from everything else, loaded once, for evaluation.

    Its classes are 0, no digit, and 1, a digit; what it was trained on is told in
    :mod:`mnist_tutorial.recipes.nondigits`. The errors are those of :func:`load_weights`.
    """
    return load_weights(Guard(), path)
