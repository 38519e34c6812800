"""An optimizer that turns each layer's step into one that changes all directions alike."""

from __future__ import annotations

from typing import Iterable

import torch
from torch import nn


def orthogonalise(matrix: torch.Tensor, rounds: int = 3) -> torch.Tensor:
    """Bring all singular values of a matrix near 1 (roughly 0.5 to 1.2) and keep its directions.

    A few products of matrices do it, cheaper than a decomposition: the Newton-Schulz iteration with the
    coefficients of Keller Jordan et al., 2024, "Muon: an optimizer for hidden layers in neural networks".

    Parameters
    ----------
    matrix : float tensor (rows, columns)
    rounds : int
        Of the iteration; singular values below a few per cent of the largest need more than three.
    """
    tall = len(matrix) > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        a = x @ x.T
        b = torch.addmm(a, a, a, beta=-4.7750, alpha=2.0315)  # -4.7750 a + 2.0315 a @ a
        x = torch.addmm(x, b, x, beta=3.4445)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for the hidden layers, Adam (Kingma and Ba, 2015) for all else.

    A plain gradient of a layer is often dominated by few directions. Made orthogonal, each step uses all of
    them, and so fewer steps do.

    Parameters
    ----------
    hidden : iterable of Parameter (out, ...)
        Weights between the first and the last layer; filters are taken as rows of a matrix.
    others : iterable of Parameter
        First and last layer and all biases.
    lr : float
        Of the hidden layers; all else has a tenth of it.
    momentum : float
        Of the gradient, in both parts.
    """

    def __init__(self, hidden: Iterable[nn.Parameter], others: Iterable[nn.Parameter], lr: float = 0.06,
                 momentum: float = 0.85):
        super().__init__([{"params": list(hidden), "lr": lr, "orthogonal": True},
                          {"params": list(others), "lr": lr / 10, "orthogonal": False}], {"momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: nothing needs the loss twice
        """Change the parameters once, by the gradients that they hold."""
        for group in self.param_groups:
            change = self._orthogonal if group["orthogonal"] else self._adam
            for parameter in group["params"]:
                change(parameter, self.state[parameter], group["lr"], group["momentum"])

    @staticmethod
    def _orthogonal(parameter, state, lr, momentum) -> None:
        gradient = parameter.grad
        mean = state.setdefault("mean", torch.zeros_like(gradient)).mul_(momentum).add_(gradient)
        step = orthogonalise(gradient.add(mean, alpha=momentum).flatten(start_dim=1))
        parameter.sub_(step.view_as(parameter), alpha=lr)

    @staticmethod
    def _adam(parameter, state, lr, momentum, decay=0.99) -> None:
        if not state:
            state.update(steps=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["steps"] += 1
        mean = state["mean"].lerp_(parameter.grad, 1 - momentum)
        square = state["square"].lerp_(parameter.grad.square(), 1 - decay)
        size = (square / (1 - decay ** state["steps"])).sqrt_().add_(1e-8)
        parameter.addcdiv_(mean, size, value=-lr / (1 - momentum ** state["steps"]))
