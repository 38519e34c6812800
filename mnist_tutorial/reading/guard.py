"""The guard: a network of eleven classes, which says whether a picture shows a digit at all."""

from functools import cache

from ..checkpoint import SHIPPED, load_weights
from ..model import Guard


@cache
def load_guard() -> Guard:
    """Return the network that knows digits and what is none, loaded once, for evaluation.

    Its classes are the ten digits and, as `Guard.NONE`, everything else; what it was trained on is
    told in :mod:`mnist_tutorial.recipes.nondigits`. The errors are those of :func:`load_weights`.
    """
    guard = load_weights(Guard(), SHIPPED.with_name("guard.pt"))
    guard.weights_name = "shipped weights"
    return guard
