"""Look into a network: at the output of each layer, and at the pixels that decide an answer."""

from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..preprocess import STD, normalise


@torch.inference_mode()
def layer_outputs(net: torch.nn.Module, pictures: ArrayLike) -> dict[str, np.ndarray]:
    """Return each layer's output, float32 (N, ...), under its name in the network: ``"conv1.0"``.

    They are in the order of the forward pass. The images are uint8 (28, 28) or (N, 28, 28); the
    network is left in evaluation mode.
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
    """Measure how much each pixel of a uint8 image (28, 28) speaks for one digit against another.

    It is the gradient of the logarithm of their odds, p(digit) / p(against), by the ink, 0 to 1, as
    a float32 array (28, 28): positive where a little more ink makes `digit` more probable (Simonyan
    et al., 2014, "Deep inside convolutional networks", take that of one logit). A single gradient
    is grainy, and arbitrary where the background is uniform: of four equal values, max-pooling
    passes it to any one. So it is averaged over copies with a little noise, a share of full ink and
    the same in every call (Smilkov et al., 2017, "SmoothGrad").
    """
    image = normalise(picture)
    grain = torch.randn(copies, *image.shape[1:], generator=torch.Generator().manual_seed(0))
    images = (image + grain * noise / STD).to(next(net.parameters()).device).requires_grad_()
    logits = net.eval()(images)
    log_odds = logits[:, digit] - logits[:, against]
    gradient, = torch.autograd.grad(log_odds.mean(), images)
    return gradient.sum(dim=0)[0].cpu().numpy() / STD
