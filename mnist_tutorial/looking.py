"""Look into a network: what each layer makes of a picture, and which pixels an answer hangs on."""

from __future__ import annotations

import numpy as np
import torch

from .preprocess import STD, normalise


@torch.inference_mode()
def layer_outputs(net: torch.nn.Module, pictures) -> dict[str, np.ndarray]:
    """Give what every layer makes of the pictures, in the order in which they work.

    Parameters
    ----------
    net : torch.nn.Module
        Maps (N, 1, 28, 28) to logits; left in evaluation mode.
    pictures : uint8 array or tensor (28, 28) or (N, 28, 28)

    Returns
    -------
    dict
        A layer's name in the network, for example ``"conv1.0"``, to a float32 array (N, ...).
    """
    outputs = {}
    hooks = [layer.register_forward_hook(lambda _, __, output, name=name: outputs.update({name: output.cpu().numpy()}))
             for name, layer in net.named_modules() if not any(layer.children())]
    try:
        net.eval()(normalise(pictures).to(next(net.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def saliency(net: torch.nn.Module, picture, digit: int, against: int, noise: float = 0.1,
             copies: int = 100) -> np.ndarray:
    """Measure how much each pixel speaks for one digit rather than another.

    It is the gradient of the logarithm of their odds, p(digit) / p(against), which is the difference of their
    logits (Simonyan et al., 2014, "Deep inside convolutional networks", take it of one logit). A single gradient
    is grainy, and on even ground arbitrary: where all values are equal, max-pooling passes it on to any one of
    four. So it is averaged over copies with a little noise (Smilkov et al., 2017, "SmoothGrad").

    Parameters
    ----------
    net : torch.nn.Module
        Maps (N, 1, 28, 28) to logits; left in evaluation mode.
    picture : uint8 array or tensor (28, 28)
    digit, against : int
        Two classes.
    noise : float
        Its standard deviation, as a share of full ink; always the same noise.
    copies : int

    Returns
    -------
    float32 array (28, 28)
        Change of the log-odds for each unit of ink, from 0 (ground) to 1 (full). Positive: more ink here makes
        `digit` more probable. It holds for small changes.
    """
    image = normalise(picture)
    grain = torch.randn(copies, *image.shape[1:], generator=torch.Generator().manual_seed(0)) * noise / STD
    images = (image + grain).to(next(net.parameters()).device).requires_grad_()
    logits = net.eval()(images)
    gradient, = torch.autograd.grad((logits[:, digit] - logits[:, against]).mean(), images)
    return gradient.sum(dim=0)[0].cpu().numpy() / STD
