"""Muon: an optimizer that orthogonalises each layer's update."""

from typing import Iterable

import torch
from torch import nn

# The Newton-Schulz iteration x -> a x + b (x x') x + c (x x')^2 x, with the coefficients of Keller
# Jordan et al., 2024, "Muon: an optimizer for hidden layers in neural networks".
LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315
SQUARES_DECAY = 0.99  # Adam's second beta: memory of the squared gradients


def orthogonalise(matrix: torch.Tensor, rounds: int = 3) -> torch.Tensor:
    """Bring the singular values of a matrix, float tensor (rows, columns), to roughly 0.5 to 1.2.

    Its directions remain. A few products of matrices do it, cheaper than a decomposition; singular
    values below a few per cent of the largest need more than three `rounds`.
    """
    tall = len(matrix) > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)  # zeros remain zeros
    for _ in range(rounds):
        square = x @ x.T
        factor = torch.addmm(square, square, square, beta=CUBIC, alpha=QUINTIC)
        x = torch.addmm(x, factor, x, beta=LINEAR)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for the hidden layers, Adam (Kingma and Ba, 2015) for all other parameters.

    A few directions often dominate a layer's gradient. Made orthogonal, each step uses all of
    them, so that fewer steps are needed. Hidden are the weights (out, ...) between the first and
    the last layer, filters as rows of a matrix; all others learn at a tenth of `lr`.
    """

    def __init__(self, hidden: Iterable[nn.Parameter], others: Iterable[nn.Parameter],
                 lr: float = 0.06, momentum: float = 0.85):
        groups = [{"params": list(hidden), "lr": lr, "orthogonal": True},
                  {"params": list(others), "lr": lr / 10, "orthogonal": False}]
        super().__init__(groups, {"momentum": momentum})

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
        parameter.sub_(lr * step.view_as(parameter))

    @staticmethod
    def _adam(parameter, state, lr, momentum) -> None:
        if not state:
            zeros = torch.zeros_like(parameter)
            state.update(steps=torch.zeros((), device=zeros.device), mean=zeros,
                         square=zeros.clone())
        state["steps"] += 1
        mean = state["mean"].lerp_(parameter.grad, 1 - momentum)
        square = state["square"].lerp_(parameter.grad.square(), 1 - SQUARES_DECAY)
        size = (square / (1 - SQUARES_DECAY ** state["steps"])).sqrt_().add_(1e-8)
        parameter.sub_(lr / (1 - momentum ** state["steps"]) * (mean / size))
