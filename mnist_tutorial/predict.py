"""From a picture to a digit, its confidence and the ten probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from .checkpoint import load_pretrained
from .device import cpu_threads
from .images import ImageSource
from .preprocess import normalise, prepare


class Prediction(NamedTuple):
    """What the network answered, and what it saw.

    Attributes
    ----------
    digit : int
        0 to 9, the most probable.
    confidence : float
        Its probability, 0 to 1.
    probabilities : float32 array (10,)
        Softmax of the network's output; they add up to 1.
    picture : uint8 array (28, 28)
        What the network saw, before normalising.
    box : tuple of int (x, y, width, height)
        Where the digit stands in the (upright) source picture, in pixels.
    model : str
        Which weights answered.
    """

    digit: int
    confidence: float
    probabilities: np.ndarray
    picture: np.ndarray
    box: tuple
    model: str


@torch.inference_mode()
def probabilities(model: torch.nn.Module, pictures) -> np.ndarray:
    """Give the ten probabilities of each 28x28 picture.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (N, 1, 28, 28) to (N, 10) logits; left in evaluation mode.
    pictures : uint8 array or tensor (28, 28) or (N, 28, 28)

    Returns
    -------
    float32 array (N, 10)
    """
    model.eval()
    device = next(model.parameters()).device
    with cpu_threads():
        return model(normalise(pictures).to(device)).softmax(dim=1).cpu().numpy()


def predict_pictures(model: torch.nn.Module, pictures: list, boxes: list) -> list[Prediction]:
    """Read 28x28 pictures, all in one call of the network.

    Parameters
    ----------
    model : torch.nn.Module
        See :func:`probabilities`.
    pictures : list of uint8 arrays (28, 28)
    boxes : list of tuple
        Where each stands in its source, for the predictions.

    Returns
    -------
    list of Prediction
        One for each picture, none for an empty list.
    """
    name = getattr(model, "weights_name", type(model).__name__)
    answers = probabilities(model, pictures) if pictures else []
    return [Prediction(int(probs.argmax()), float(probs.max()), probs, picture, box, name)
            for probs, picture, box in zip(answers, pictures, boxes)]


def predict_image(source: ImageSource, model: torch.nn.Module | None = None) -> Prediction:
    """Read the one digit in a picture.

    Parameters
    ----------
    source : path, PIL image, or array
        Any picture that :func:`mnist_tutorial.preprocess.prepare` takes.
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.

    Raises
    ------
    ImageError
        The picture cannot be read; NoDigitError if it holds no ink.
    """
    model = load_pretrained() if model is None else model
    prepared = prepare(source)
    box = tuple(round(side * prepared.scale) for side in prepared.box)
    return predict_pictures(model, [prepared.picture], [box])[0]
