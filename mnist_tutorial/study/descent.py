"""Gradient descent in a narrow valley: a loss of two parameters, and the path down (chapter 2b)."""

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

from ..plots import make_figure

CURVATURE = np.array([1, 10])  # of the valley, along it and across: no rate above 2 / 10 is stable
START, STEPS = (-4.0, 1.5), 30
SPAN = np.linspace(-5, 5), np.linspace(-2.5, 2.5)  # what is drawn of the two parameters
LEVELS = np.geomspace(0.1, 40, num=6)              # of the loss, where a line is drawn
THIN, STAR = {"colors": "0.5", "linewidths": 0.7}, {"marker": "*", "color": "C0", "markersize": 11}
DOTS = {"marker": "o", "color": "C1", "markersize": 3, "linewidth": 1}
FIGURE_WIDTH, FIGURE_HEIGHT, WIDEST = 8.4, 2.8, 4.2  # inches; the last of a single panel


def descend(learning_rate: float, momentum: float = 0.0, steps: int = STEPS) -> np.ndarray:
    """Return the parameters at the start and after each step: float64 (steps + 1, 2).

    Their loss is (a² + 10 b²) / 2. A step is the learning rate times the velocity, downhill; the
    velocity is the gradient plus `momentum` times the last one, as in :class:`torch.optim.SGD`.
    """
    path, velocity = [np.array(START)], np.zeros(2)
    for _ in range(steps):
        velocity = momentum * velocity + CURVATURE * path[-1]
        path.append(path[-1] - learning_rate * velocity)
    return np.array(path)


def valley(parameters: np.ndarray) -> np.ndarray:
    """Return the loss of parameters: of one pair (2,), or of each in an array (H, W, 2)."""
    return (CURVATURE * parameters**2).sum(axis=-1) / 2


def show_descent(learning_rate: ArrayLike = 0.1, momentum: ArrayLike = 0.0) -> None:
    """Draw thirty steps of :func:`descend`; several rates or momenta are drawn side by side."""
    settings = np.broadcast_arrays(np.atleast_1d(learning_rate), momentum)
    panels = settings[0].size
    landscape = valley(np.stack(np.meshgrid(*SPAN), axis=-1))
    width = min(FIGURE_WIDTH / panels, WIDEST)
    _, axes = make_figure((width, FIGURE_HEIGHT), columns=panels, sharey=True, dpi=None)
    for axis, rate, kept in zip(axes.flat, *settings):
        path = descend(rate, kept)
        loss = valley(path[-1])
        axis.contour(*SPAN, landscape, LEVELS, **THIN)
        axis.plot(*path.T, **DOTS)
        axis.plot(0, 0, **STAR)
        axis.set(xlim=SPAN[0][[0, -1]], ylim=SPAN[1][[0, -1]], xlabel="parameter a",
                 title=f"learning rate {rate:.2f}\nmomentum {kept:.2f}\nloss {loss:,.4f}")
    axes[0, 0].set_ylabel("parameter b")
    plt.show()
