"""Which ink is of digits: a network that looks at a picture as a whole, not at one stroke."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch

from ..checkpoint import SHIPPED, load_weights
from ..device import cpu_threads
from ..model import InkNet

INK = SHIPPED.with_name("ink.pt")
CONTRAST_SIDE = 41    # pixels around one that it is compared with ...
MIN_DEVIATION = 0.04  # ... and their least standard deviation, of white: noise is no contrast
BLOCK = 32            # pixels, of which both sides of the network's input are multiples


@cache
def load_ink(path: str | Path = INK) -> InkNet:
    """Return the network that tells which ink is of digits, loaded once, for evaluation.

    It learned from notebooks/scenes.py. The errors are those of :func:`load_weights`.
    """
    return load_weights(InkNet(), path).to(memory_format=torch.channels_last)


def even_out(grey: np.ndarray) -> np.ndarray:
    """Bring all places of an image to one contrast: float32 (H, W), about -3 to 3, of uint8 (H, W).

    Each pixel is compared with the mean and the standard deviation around it (local contrast
    normalisation: Jarrett et al., 2009, "What is the best multi-stage architecture?").
    """
    levels, size = grey.astype(np.float32) / 255, (CONTRAST_SIDE, CONTRAST_SIDE)
    mean = cv2.blur(levels, size)
    variance = cv2.blur(levels * levels, size) - mean * mean
    return (levels - mean) / (np.sqrt(variance.clip(0)) + MIN_DEVIATION)


@torch.inference_mode()
def believe(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell of each pixel of a uint8 image (H, W) how probably a digit's ink is there, and a touch.

    Both are float32 (H, W), 0 to 1; the second is high where two digits touch. What is seen best
    are digits between 20 and 80 pixels high.
    """
    height, width = image.shape
    padded = cv2.copyMakeBorder(image, 0, -height % BLOCK, 0, -width % BLOCK, cv2.BORDER_REPLICATE)
    inputs = torch.from_numpy(even_out(padded))[None, None]
    with cpu_threads():
        answers = load_ink()(inputs.contiguous(memory_format=torch.channels_last)).sigmoid()[0]
    belief, touch = answers[:, :height, :width].contiguous().numpy()
    return belief, touch
