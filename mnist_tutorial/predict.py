"""From a picture to a digit, its confidence and the ten probabilities, or to an honest "not sure"."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from .checkpoint import load_guard, load_pretrained
from .device import cpu_threads
from .images import ImageSource
from .preprocess import Prepared, alternatives, normalise, prepare

SURE = 0.9    # confidence that one in a hundred made-up pictures without a digit reaches (validation split)
SECOND = 0.8  # belief in a second choice: whoever goes on looking finds something in any picture in the end


class Prediction(NamedTuple):
    """What the network answered, and what it saw.

    Attributes
    ----------
    digit : int
        0 to 9, the most probable.
    confidence : float
        Its probability, 0 to 1.
    probabilities : float32 array (10,)
        Of the ten digits; they add up to 1. The less the picture resembles a digit, the more alike they are.
    picture : uint8 array (28, 28)
        What the network saw, before normalising.
    box : tuple of int (x, y, width, height)
        Where the digit stands in the (upright) source picture, in pixels.
    model : str
        Which weights answered.
    is_digit : float
        How probable it is that the picture shows a digit at all, 0 to 1.
    """

    digit: int
    confidence: float
    probabilities: np.ndarray
    picture: np.ndarray
    box: tuple
    model: str
    is_digit: float = 1.0

    @property
    def sure(self) -> bool:
        """Whether the confidence is at least 0.9."""
        return self.confidence >= SURE

    def __str__(self) -> str:
        return f"{self.digit if self.sure else f'not sure, perhaps {self.digit}'}, confidence {self.confidence:.1%}"


@torch.inference_mode()
def probabilities(model: torch.nn.Module, pictures) -> np.ndarray:
    """Give what a network makes of each 28x28 picture: the softmax of its output.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (N, 1, 28, 28) to (N, classes) logits; left in evaluation mode.
    pictures : uint8 array or tensor (28, 28) or (N, 28, 28)

    Returns
    -------
    float32 array (N, classes)
    """
    if model.training:  # asked first: to set it takes a third of the time of a single prediction
        model.eval()
    device = next(model.parameters()).device
    with cpu_threads():
        return model(normalise(pictures).to(device)).softmax(dim=1).cpu().numpy()


def predict_pictures(model: torch.nn.Module, pictures: list, boxes: list) -> list[Prediction]:
    """Read 28x28 pictures, all in one call of the network, and doubt what shows no digit.

    Any network of ten classes answers with one of the ten, whatever it is shown. A second one, the guard
    (:func:`mnist_tutorial.checkpoint.load_guard`), says how probable it is that there is a digit at all:
    d. With that probability the first one is believed, else every digit is as good as any other:
    d * probabilities + (1 - d) / 10.

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
    if not pictures:
        return []
    name = getattr(model, "weights_name", type(model).__name__)
    is_digit = probabilities(load_guard(), pictures)[:, 1]
    answers = _believed(probabilities(model, pictures), is_digit[:, None])
    return [Prediction(int(answer.argmax()), float(answer.max()), answer, picture, box, name, float(share))
            for answer, picture, box, share in zip(answers, pictures, boxes, is_digit)]


def _believed(answers, share):
    """Believe probabilities of ten digits with a probability of their own, else any digit as much as another."""
    return share * answers + (1 - share) / 10


def predict_image(source: ImageSource, model: torch.nn.Module | None = None) -> Prediction:
    """Read the one digit in a picture.

    Where the most prominent strokes show none, what else might be one is looked at, and believed less.

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
    (first,) = _predict(model, [prepared])
    if first.is_digit >= 0.5:
        return first
    for other in _predict(model, alternatives(prepared)):
        if other.sure:
            return _doubt(other, SECOND)
    return first


def _predict(model: torch.nn.Module, stages: list[Prepared]) -> list[Prediction]:
    boxes = [tuple(round(side * prepared.scale) for side in prepared.box) for prepared in stages]
    return predict_pictures(model, [prepared.picture for prepared in stages], boxes)


def _doubt(prediction: Prediction, share: float) -> Prediction:
    """Believe a prediction with the probability `share` only."""
    answers = _believed(prediction.probabilities, share)
    return prediction._replace(confidence=float(answers.max()), probabilities=answers,
                               is_digit=share * prediction.is_digit)
