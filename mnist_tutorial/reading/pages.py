"""Read a page of digits: each with its box, in reading order, row by row."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ..checkpoint import load_pretrained
from ..errors import NoDigitError
from ..sources import ImageSource, for_each_image
from . import layers
from .box import Box
from .candidates import Candidate, join_strokes, list_strokes, stroke_depth
from .find import find_digits
from .images import load_reduced
from .predict import Prediction, Reader, as_html
from .touching import digit_height, divide_row

COARSE_SIDE, FINE_SIDE = 320, 800  # pixels, longest side of the copies on which digits are sought
TALL_DIGIT = 60          # pixels, height of a digit from which on the coarse copy shows all of it
CLEAR_CONFIDENCE = 0.6   # of the digits in a layer, from which on no other polarity is tried
# In heights of a digit: what is no digit, how near are its pieces, how tall are two, and no dot.
TOO_LOW, REACH, MAX_JOINED, MIN_PART = 0.4, 0.3, 1.4, 0.12
MARKER_WIDTH = 1.5       # times the width that the strokes of a single digit may have
MIN_PENLIKE = 0.02       # 0 to 1; clutter has less
LINE_STRENGTH = 0.3      # width times darkness of a line's remains, as a share of the median stroke
SAME_ROW = 0.5           # heights of a digit between the levels of neighbours


class Page(NamedTuple):
    """The digits of a page."""

    digits: list[Prediction]  # in reading order, the boxes in pixels of the (upright) source
    rows: list[list[int]]     # top to bottom, each the positions in `digits`, left to right

    @property
    def text(self) -> str:
        """The numbers in reading order, rows separated by "/"; empty for an empty page."""
        return "/".join("".join(str(self.digits[number].digit) for number in row)
                        for row in self.rows)

    def __repr__(self) -> str:
        return f"<Page {self.text!r}, {len(self.digits)} digits>"

    def _repr_html_(self) -> str:
        return as_html([digit.picture for digit in self.digits], self.text)


@for_each_image
def read_digits(source: ImageSource, model: torch.nn.Module | None = None) -> Page:
    """Read all digits on a page.

    Strokes are sought as for a single digit, joined to candidates and put in rows. Where digits may
    touch or have come to pieces, the strokes are cut into small parts, the network reads every run
    of neighbouring parts, and the most probable way to divide the row is taken (LeCun et al., 1998,
    "Gradient-based learning applied to document recognition", section VI).

    Sources, the default model and errors are those of :func:`mnist_tutorial.predict_image`: a list,
    a folder or a pattern gives a list of pages. But a page without digits is no error.
    """
    model = load_pretrained() if model is None else model
    grey, scale = load_reduced(source)
    reader = Reader(model, scale * max(grey.shape))
    if max(grey.shape) <= layers.SMALL_SIDE:  # too small for several digits
        rows = []
        with suppress(NoDigitError):
            rows = [reader.read([next(find_digits(grey))])]
    else:
        found = drop_remains_of_lines(find_all_digits(grey, reader))
        height = digit_height(found)
        rows = [divide_row(row, height, reader) for row in in_rows(found, height)]
    page = Page([], [])
    for row in filter(None, rows):
        page.rows.append([len(page.digits) + place for place in range(len(row))])
        page.digits.extend(digit.prediction for digit in row)
    return page


def find_all_digits(image: np.ndarray, reader: Reader) -> list[Candidate]:
    """Find the strokes of an image, uint8 (H, W), in which the network sees most digits.

    Large ones are found on a coarse copy; it also tells whether small ones are dark or light.
    """
    copy = layers.shrink(image, COARSE_SIDE)
    found = _best_layer(copy, layers.polarities(copy), reader)
    height = digit_height(found)
    if height >= TALL_DIGIT or max(image.shape) <= COARSE_SIDE:
        return found
    longest = min(FINE_SIDE, round(COARSE_SIDE * TALL_DIGIT / height)) if found else FINE_SIDE
    either = (found[0].layer.dark,) if found else layers.polarities(copy)
    return max(found, _best_layer(layers.shrink(image, longest), either, reader), key=_shown)


def _best_layer(image: np.ndarray, either: tuple[bool, ...], reader: Reader) -> list[Candidate]:
    """Return the candidates, read, of the layer that shows most digits."""
    best: list[Candidate] = []
    for dark in either:
        for layer in layers.find_layers(image, dark):
            best = max(best, reader.read(list_candidates(layer)), key=_shown)
        if sum(each.box.height ** 2 * (each.prediction.confidence - CLEAR_CONFIDENCE)
               for each in best) > 0:
            break
    return best


def list_candidates(layer: layers.Layer) -> list[Candidate]:
    """List what may be the digits of a page: strokes, joined where they are too low for a digit."""
    strokes = list_strokes(layer)
    strokes = [each for each in strokes if not each.touching] or strokes  # else a page's edge
    height = digit_height(strokes)
    joined = join_strokes(strokes, partial(_may_join, height))
    return [each for each in joined
            if each.box.height > TOO_LOW * height and each.penlike(MARKER_WIDTH) > MIN_PENLIKE]


def _may_join(height: float, low: Box, other: Box) -> bool:
    """Tell whether strokes may be one digit: near, one low and no dot, or one above the other."""
    if low.gap(other) > REACH * height or max(low[2:]) < MIN_PART * height:
        return False
    both = Box.around([low, other])
    above = 2 * (low.width + other.width - both.width) > min(low.width, other.width)
    return both.height < MAX_JOINED * height and (2 * low.height < height or above)


def _shown(found: list[Candidate]) -> float:
    """Measure what candidates show: the sum of their heights, each as far as it is believed."""
    return sum(each.box.height * each.prediction.confidence for each in found)


def drop_remains_of_lines(found: list[Candidate]) -> list[Candidate]:
    """Drop upright strokes much thinner and lighter than the others: remains of rule lines."""
    strengths = []
    for candidate in found:
        mask = candidate.mask()
        depth = stroke_depth(mask) * candidate.layer.ink[candidate.box.slices()]
        strengths.append(cv2.mean(depth, mask)[0])
    return [candidate for candidate, strength in zip(found, strengths)
            if candidate.prediction.digit != 1 or strength > LINE_STRENGTH * np.median(strengths)]


def in_rows(found: list[Candidate], height: float) -> list[list[Candidate]]:
    """Put candidates into rows, top to bottom, each from left to right; rows may slope."""
    rows: list[list[Candidate]] = []
    for candidate in sorted(found, key=lambda each: each.box.middle):
        level = candidate.box.middle[1]
        near = min(rows, key=lambda row: abs(row[-1].box.middle[1] - level), default=None)
        if near and abs(near[-1].box.middle[1] - level) < SAME_ROW * height:
            near.append(candidate)
        else:
            rows.append([candidate])
    return sorted(rows, key=lambda row: np.mean([each.box.middle[1] for each in row]))
