"""Look into a network: at the output of each layer, and at the pixels that decide an answer."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..preprocess import STD, normalise


@torch.inference_mode()
def layer_outputs(net: torch.nn.Module, pictures: ArrayLike) -> dict[str, np.ndarray]:
    """Return the output of every layer, in the order of the forward pass.

    Parameters
    ----------
    net : torch.nn.Module
        Maps (N, 1, 28, 28) to logits; left in evaluation mode.
    pictures : uint8 array or tensor (28, 28) or (N, 28, 28)

    Returns
    -------
    dict of str to float32 array (N, ...)
        By the layer's name in the network, for example ``"conv1.0"``.
    """
    outputs: dict[str, np.ndarray] = {}
    hooks = [layer.register_forward_hook(partial(_keep, outputs, name))
             for name, layer in net.named_modules() if not any(layer.children())]
    try:
        net.eval()(normalise(pictures).to(next(net.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def _keep(outputs: dict[str, np.ndarray], name: str, layer, inputs, output) -> None:  # a hook
    outputs[name] = output.cpu().numpy()


def saliency(net: torch.nn.Module, picture: ArrayLike, digit: int, against: int,
             noise: float = 0.1, copies: int = 100) -> np.ndarray:
    """Measure how much each pixel speaks for one digit rather than another.

    It is the gradient of the logarithm of their odds, p(digit) / p(against), which is the
    difference of their logits (Simonyan et al., 2014, "Deep inside convolutional networks", take
    it of one logit). A single gradient is grainy, and arbitrary where the background is uniform:
    of four equal values, max-pooling passes it to any one. So it is averaged over copies with a
    little noise (Smilkov et al., 2017, "SmoothGrad").

    Parameters
    ----------
    net : torch.nn.Module
        Maps (N, 1, 28, 28) to logits; left in evaluation mode.
    picture : uint8 array or tensor (28, 28)
    digit, against : int
        Two classes.
    noise, copies : float, int
        Standard deviation of the noise, as a share of full ink; it is the same in every call.

    Returns
    -------
    float32 array (28, 28)
        Change of the log-odds for each unit of ink, from 0 (background) to 1 (full). Positive:
        more ink here makes `digit` more probable. It holds for small changes.
    """
    image = normalise(picture)
    generator = torch.Generator().manual_seed(0)
    grain = torch.randn(copies, *image.shape[1:], generator=generator) * noise / STD
    images = (image + grain).to(next(net.parameters()).device).requires_grad_()
    logits = net.eval()(images)
    log_odds = logits[:, digit] - logits[:, against]
    gradient, = torch.autograd.grad(log_odds.mean(), images)
    return gradient.sum(dim=0)[0].cpu().numpy() / STD
