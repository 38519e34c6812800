"""Look into a network: at the output of each layer, and at the pixels that decide an answer."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..preprocess import STD, normalise


@torch.inference_mode()
def layer_outputs(net: torch.nn.Module, pictures: ArrayLike) -> dict[str, np.ndarray]:
    """Return the output of every layer, float32 (N, ...), in the order of the forward pass.

    The keys are the layers' names in the network, for example ``"conv1.0"``.

    Parameters
    ----------
    net : torch.nn.Module
        Maps (N, 1, 28, 28) to logits; left in evaluation mode.
    pictures : uint8 array or tensor (28, 28) or (N, 28, 28)
    """
    outputs: dict[str, np.ndarray] = {}

    def keep(name, layer, inputs, output) -> None:
        outputs[name] = output.cpu().numpy()

    with ExitStack() as hooks:  # removes them at its end, also after an error
        for name, layer in net.named_modules():
            if not any(layer.children()):
                hooks.enter_context(layer.register_forward_hook(partial(keep, name)))
        net.eval()(normalise(pictures).to(next(net.parameters()).device))
    return outputs


def saliency(net: torch.nn.Module, picture: ArrayLike, digit: int, against: int,
             noise: float = 0.1, copies: int = 100) -> np.ndarray:
    """Measure how much each pixel speaks for one digit rather than another.

    It is the gradient of the logarithm of their odds, p(digit) / p(against), which is the
    difference of their logits (Simonyan et al., 2014, "Deep inside convolutional networks", take
    it of one logit). A single gradient is grainy, and arbitrary where the background is uniform:
    of four equal values, max-pooling passes it to any one. So it is averaged over copies with a
    little noise (Smilkov et al., 2017, "SmoothGrad"), the same in every call; its standard
    deviation is a share of full ink. For `net` and `picture`, uint8 (28, 28), see
    :func:`layer_outputs`.

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
