"""Paths of gradient descent are those of the theory, and the figure shows them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mnist_tutorial.study.descent import CURVATURE, START, descend, show_descent, valley


def test_without_momentum_each_step_shrinks_the_parameters_alike():
    path = descend(0.15, steps=20)
    assert path.shape == (21, 2) and path.dtype == np.float64
    expected = np.array(START) * (1 - 0.15 * CURVATURE) ** np.arange(21)[:, None]
    np.testing.assert_allclose(path, expected)


@pytest.mark.parametrize("rate, diverges", [(0.01, False), (0.199, False), (0.201, True)])
def test_rates_above_the_stable_one_climb(rate, diverges):
    losses = valley(descend(rate, steps=5000))
    assert (losses[-1] > losses[0]) == diverges


@pytest.mark.parametrize("momentum", [0, 0.7])
def test_steps_are_those_of_pytorch(momentum):
    point = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([point], lr=0.05, momentum=momentum)
    for expected in descend(0.05, momentum):
        np.testing.assert_allclose(point.detach(), expected)
        optimizer.zero_grad()
        (torch.tensor(CURVATURE) * point**2 / 2).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("rates, panels", [(0.1, 1), ([0.01, 0.1], 2)])
def test_figure_draws_a_path_for_each_setting(rates, panels, figure):
    assert show_descent(rates, 0.5) is None
    axes = plt.gcf().axes
    assert len(axes) == panels
    for axis, rate in zip(axes, np.atleast_1d(rates)):
        np.testing.assert_allclose(axis.lines[0].get_xydata(), descend(rate, 0.5))
        assert f"learning rate {rate:.2f}\nmomentum 0.50\n" in axis.get_title()
