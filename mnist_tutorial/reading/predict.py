"""From an image to a digit and its confidence, or to an honest "not sure"."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import cv2
import numpy as np
import torch

from ..checkpoint import load_pretrained
from ..preprocess import fit_to_mnist
from ..training import probabilities
from .box import Box
from .candidates import Candidate, cut_out
from .find import SEARCH_SIDE, find_digits
from .guard import load_guard
from .images import ImageSource, load_reduced
from .layers import shrink

SURE = 0.9    # confidence that one in a hundred made-up images without a digit reaches (validation)
DIGITS = 10
SHOWS_DIGIT = 0.5         # probability of being a digit from which nothing else is looked for
SECOND_CHOICE_TRUST = 0.8  # belief in a second choice: who looks on finds something in any image


class Prediction(NamedTuple):
    """What the network answered, and what it saw.

    Attributes
    ----------
    digit : int
        0 to 9, the most probable.
    confidence : float
        Its probability, 0 to 1.
    probabilities : float32 array (10,)
        Of the ten digits; they add up to 1. The less the image resembles a digit, the more alike
        they are.
    picture : uint8 array (28, 28)
        What the network saw, before normalising.
    box : Box
        Where the digit is in the (upright) source image: x, y, width and height in pixels.
    model : str
        Which weights answered.
    is_digit : float
        How probable it is that the image shows a digit at all, 0 to 1.
    """

    digit: int
    confidence: float
    probabilities: np.ndarray
    picture: np.ndarray
    box: Box
    model: str
    is_digit: float = 1.0

    @property
    def sure(self) -> bool:
        """Whether the confidence is at least 0.9."""
        return self.confidence >= SURE

    def doubted(self, trust: float) -> Prediction:
        """Return the prediction, believed with the probability `trust` only."""
        answers = _believed(self.probabilities, trust)
        return self._replace(confidence=float(answers.max()), probabilities=answers,
                             is_digit=trust * self.is_digit)

    def __str__(self) -> str:
        digit = self.digit if self.sure else f"not sure, perhaps {self.digit}"
        return f"{digit}, confidence {self.confidence:.1%}"


def predict_pictures(model: torch.nn.Module, pictures: Sequence[np.ndarray],
                     boxes: Sequence[tuple[int, int, int, int]]) -> list[Prediction]:
    """Read 28x28 images, all in one call of the network, and doubt those that show no digit.

    Any network of ten classes answers with one of the ten, whatever it is shown. A second one, the
    guard (:func:`mnist_tutorial.reading.load_guard`), says how probable it is that there is a digit
    at all: d. With that probability the first one is believed, otherwise every digit is as good as
    any other: d * probabilities + (1 - d) / 10.

    Parameters
    ----------
    model : torch.nn.Module
        See :func:`mnist_tutorial.probabilities`.
    pictures : list of uint8 arrays (28, 28)
        There is a prediction for each; the list may be empty.
    boxes : list of tuple (x, y, width, height)
        Where each is in its source, for the predictions.
    """
    if not len(pictures):
        return []
    name = getattr(model, "weights_name", type(model).__name__)
    is_digit = probabilities(load_guard(), pictures)[:, 1]
    answers = _believed(probabilities(model, pictures), is_digit[:, None])
    return [Prediction(int(answer.argmax()), float(answer.max()), answer, picture, Box(*box), name,
                       float(share))
            for answer, picture, box, share in zip(answers, pictures, boxes, is_digit)]


def _believed(answers: np.ndarray, trust):
    """Believe probabilities of ten digits so much, and otherwise each digit as much as another."""
    return trust * answers + (1 - trust) / DIGITS


class Reader:
    """Ask the networks what candidates show; boxes are in pixels of a source of that side."""

    def __init__(self, model: torch.nn.Module, source_side: float):
        self.model, self.source_side = model, source_side

    def read(self, candidates: list[Candidate], image: np.ndarray | None = None) -> list[Candidate]:
        """Return the candidates with a prediction each, all asked for at once.

        They are cut from `image` (uint8 (H, W)), by default from the copy on which they were found.
        """
        pictures, boxes = [], []
        for candidate in candidates:
            whole = candidate.layer.image if image is None else image
            ink, place = cut_out(whole, candidate)
            left, top, width, height = cv2.boundingRect(ink)
            box = Box(place.left + left, place.top + top, width, height)
            boxes.append(box.scaled(self.source_side / max(whole.shape)))
            pictures.append(fit_to_mnist(ink))
        predictions = predict_pictures(self.model, pictures, boxes)
        return [candidate._replace(prediction=prediction)
                for candidate, prediction in zip(candidates, predictions)]


def predict_image(source: ImageSource, model: torch.nn.Module | None = None) -> Prediction:
    """Read the one digit in an image.

    Where the most prominent strokes show none, the other candidates are read, and believed less.

    Parameters
    ----------
    source : path, PIL image, or array
        Any image that :func:`mnist_tutorial.prepare` takes.
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.

    Raises
    ------
    ImageError
        The image cannot be read; NoDigitError if it holds no ink.
    """
    model = load_pretrained() if model is None else model
    grey, scale = load_reduced(source)
    reader = Reader(model, scale * max(grey.shape))
    found = find_digits(shrink(grey, SEARCH_SIDE))
    answer = reader.read([next(found)], grey)[0].prediction
    if answer.is_digit >= SHOWS_DIGIT:
        return answer
    for other in reader.read(list(found), grey):
        if other.prediction.sure:
            return other.prediction.doubted(SECOND_CHOICE_TRUST)
    return answer
