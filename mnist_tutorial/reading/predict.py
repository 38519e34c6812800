"""From an image to a digit and its confidence, or to an honest "not sure"."""

import html
import math
from base64 import b64encode
from typing import NamedTuple, Sequence

import cv2
import numpy as np
import torch
from PIL import Image

from ..checkpoint import load_guard
from ..model import Guard
from ..preprocess import SIZE, fit_to_mnist
from ..sources import ImageSource, for_each_image
from ..training import probabilities
from .box import Box
from .candidates import Candidate, cut_out
from .find import SEARCH_SIDE, find_digits
from .images import load_reduced
from .layers import shrink

SURE = 0.85  # confidence that 97.2 % of MNIST's validation images reach, and 7 in 1,000 of no digit
DIGITS = 10
BATCH = 1000              # images in one call of the network, which takes memory for each
MAX_READ = 3_000          # candidates of an image that are read before patience ends
SHOWS_DIGIT = 0.5         # probability of being a digit from which nothing else is looked for
DISBELIEF = 0.15  # odds that ink of a digit is believed as little as other ink, see below
SECOND_CHOICE = 0.7    # least confidence of a second choice, and ...
SECOND_BELIEF = 0.375  # ... most belief in it: who looks on finds something in any image


class Prediction(NamedTuple):
    """What the network answered, and what it saw."""

    digit: int                 # 0 to 9, the most probable
    confidence: float          # its probability, 0 to 1
    probabilities: np.ndarray  # float32 (10,), more alike the less the image resembles a digit
    picture: np.ndarray        # uint8 (28, 28), what the network saw, before normalising
    box: Box                   # where the digit is in the (upright) source, in pixels
    model: str                 # which weights answered
    is_digit: float = 1.0      # how probable it is that the image shows a digit at all, 0 to 1

    @property
    def sure(self) -> bool:
        """Whether the confidence is at least 0.85."""
        return self.confidence >= SURE

    def __str__(self) -> str:
        digit = self.digit if self.sure else f"not sure, perhaps {self.digit}"
        return f"{digit}, confidence {self.confidence:.1%}"

    def __repr__(self) -> str:
        return f"<Prediction {self} ({self.model})>"

    def _repr_html_(self) -> str:
        return as_html([self.picture], f"{self} ({self.model})")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prediction) and all(
            map(np.array_equal, self._asdict().values(), other._asdict().values()))

    def __ne__(self, other: object) -> bool:
        return not self == other


def as_html(pictures: list[np.ndarray], text: str) -> str:
    """Return HTML that shows uint8 images (28, 28), side by side, and a text after them."""
    content = cv2.imencode(".png", np.hstack(pictures or [np.zeros((SIZE, SIZE), np.uint8)]))[1]
    data = b64encode(content.tobytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt=""> {html.escape(text)}'


def predict_pictures(model: torch.nn.Module, pictures: Sequence[np.ndarray],
                     boxes: Sequence[tuple[int, int, int, int]],
                     beliefs: Sequence[float] | None = None) -> list[Prediction]:
    """Read uint8 images (28, 28) that were in boxes of a source, and doubt those without a digit.

    Any network of ten classes answers with one of the ten, whatever it is shown. A second one, the
    guard (:func:`mnist_tutorial.reading.load_guard`), says how probable it is that there is a digit
    at all: d. With that probability the first one is believed, otherwise every digit is as good as
    any other: d * probabilities + (1 - d) / 10. A `Guard` as model answers both. Where
    `beliefs` tell how far the ink is a digit's, 0 to 1, by what is around it or beside it (b), d is
    multiplied by b / (b + 0.15 (1 - b)).
    """
    name, predictions = getattr(model, "weights_name", type(model).__name__), []
    guard = model if isinstance(model, Guard) else load_guard()
    trust = np.array([1] * len(pictures) if beliefs is None else beliefs, np.float32)
    trust /= trust + DISBELIEF * (1 - trust)
    for start in range(0, len(pictures), BATCH):
        batch, believed = pictures[start:start + BATCH], trust[start:start + BATCH, None]
        seen = probabilities(guard, batch)
        is_digit = believed * (1 - seen[:, guard.NONE:])
        answers = (believed * seen[:, :guard.NONE] if model is guard
                   else is_digit * probabilities(model, batch, DIGITS))
        answers += (1 - is_digit) / DIGITS
        predictions += [Prediction(int(answer.argmax()), float(answer.max()), answer, picture,
                                   Box(*box), name, float(share))
                        for answer, picture, box, (share,) in zip(answers, batch, boxes[start:],
                                                                  is_digit)]
    return predictions


class Reader:
    """Ask the networks what candidates show; boxes are in pixels of a source of that side.

    `left` is how many more are to be read before patience ends, less than 0 after that, and `slope`
    that of the rows in which they stand, in pixels down for each to the right.
    """

    def __init__(self, model: torch.nn.Module, source_side: float):
        self.model, self.source_side = model, source_side
        self.left, self.slope = MAX_READ, 0.0

    def read(self, candidates: list[Candidate], image: np.ndarray | None = None,
             most: float = 1) -> list[Candidate]:
        """Read each in `image` (uint8 (H, W)) or its copy, and believe none further than `most`."""
        pictures, boxes, self.left = [], [], self.left - len(candidates)
        for candidate in candidates:
            whole = candidate.layer.image if image is None else image
            ink, place = cut_out(whole, candidate)
            box = Box(*cv2.boundingRect(ink)).moved(place.left, place.top)
            boxes.append(box.scaled(self.source_side / max(whole.shape)))
            pictures.append(fit_to_mnist(levelled(ink, self.slope) if self.slope else ink))
        predictions = predict_pictures(self.model, pictures, boxes,
                                       [most * each.belief for each in candidates])
        return [candidate._replace(prediction=prediction)
                for candidate, prediction in zip(candidates, predictions)]


def levelled(ink: np.ndarray, slope: float) -> np.ndarray:
    """Turn ink, uint8 (h, w), that stands in a sloping row: uint8 (H, W), all of it."""
    angle = math.degrees(math.atan(slope))
    return np.array(Image.fromarray(ink).rotate(angle, Image.Resampling.BILINEAR, expand=True))


@for_each_image
def predict_image(source: ImageSource, model: torch.nn.Module | None = None) -> Prediction:
    """Read the one digit in an image.

    Where the most prominent strokes show none, the other candidates are read, and believed less.
    The source is any image that :func:`mnist_tutorial.reading.load_grey` takes; for a list of them,
    a folder or a pattern such as "photos/*.png" there is a list of predictions. By default, the
    guard that ships reads it. What cannot be read is an ImageError, without ink a NoDigitError.
    """
    model = load_guard() if model is None else model
    grey, scale = load_reduced(source)
    reader = Reader(model, scale * max(grey.shape))
    found = find_digits(shrink(grey, SEARCH_SIDE))
    answer = reader.read([next(found)], grey)[0].prediction
    if answer.is_digit >= SHOWS_DIGIT:
        return answer
    for other in reader.read(list(found), grey, SECOND_BELIEF):
        if other.prediction.confidence >= SECOND_CHOICE:
            return other.prediction
    return answer
