"""Read a page of digits: each with its box, in reading order, row by row."""

from __future__ import annotations

from typing import Iterable, NamedTuple

import cv2
import numpy as np
import torch

from ..checkpoint import load_pretrained
from ..errors import NoDigitError
from . import layers
from .box import Box
from .candidates import Candidate, contrast, stroke_depth, thinness
from .find import find_digits
from .images import ImageSource, load_reduced
from .predict import Prediction, Reader
from .touching import digit_height, divide_row

COARSE_SIDE, FINE_SIDE = 320, 800  # pixels, longest side of the copies on which digits are sought
TALL_DIGIT = 60          # pixels, height of a digit from which on the coarse copy shows all of it
MAX_STROKES = 500        # of a page: a checked cloth has thousands, each to be compared with each
CLEAR_CONFIDENCE = 0.6   # of the digits in a layer, from which on no other polarity is tried
MORE_SHOWN = 1.02        # times what the layer before shows, whose lower threshold keeps thin strokes
MIN_PENLIKE = 0.02       # likeness to strokes of a pen, 0 to 1; clutter has less
MARKER_WIDTH = 1.5       # times the width that the strokes of a single digit may have
MIN_STROKE = 0.008       # share of the page's longer side; what is smaller is a speck
LINE_ASPECT, LINE_WIDTH = 6, 0.1  # times its height, share of the page: what is wider is a line
EDGE_STEP, EDGE_SIDE = 0.2, 7     # share of the light by which, and pixels in which a sheet ends
EDGE_SHARE = 0.8         # of a component that lies on such an edge
LINE_STRENGTH = 0.3      # width times darkness of a line's remains, as a share of the median stroke
MIN_IS_DIGIT = 5e-4      # probability of being a digit, times the best in the row
# In heights of a digit: what is no digit, what is too low is joined to a stroke that is near ...
TOO_TALL, TOO_LOW, REACH_OF_CRUMB, REACH_OF_STROKE = 2.2, 0.4, 0.1, 0.3
MIN_PART, MAX_JOINED = 0.12, 1.4  # ... if it is no dot, and both together are not too tall
SAME_ROW = 0.5           # between the levels of neighbours


class Page(NamedTuple):
    """The digits of a page.

    Attributes
    ----------
    digits : list of Prediction
        In reading order; the boxes are in pixels of the (upright) source.
    rows : list of list of int
        For each row, top to bottom, the positions in `digits` of its digits, left to right.
    """

    digits: list[Prediction]
    rows: list[list[int]]

    @classmethod
    def of(cls, rows: Iterable[list[Candidate]]) -> Page:
        """Number the digits of all rows through, without those that are none."""
        page = cls([], [])
        for row in rows:
            best = max((each.prediction.is_digit for each in row), default=0)  # rarely alone
            digits = [each.prediction for each in row if each.prediction.is_digit * best > MIN_IS_DIGIT]
            if digits:
                page.rows.append([len(page.digits) + number for number in range(len(digits))])
                page.digits.extend(digits)
        return page

    @property
    def text(self) -> str:
        """The numbers in reading order, rows separated by "/"; empty for an empty page."""
        return "/".join("".join(str(self.digits[number].digit) for number in row)
                        for row in self.rows)


def read_digits(source: ImageSource, model: torch.nn.Module | None = None) -> Page:
    """Read all digits on a page.

    Strokes are sought as for a single digit, joined to candidates and put in rows. Where digits may
    touch or have come to pieces, the strokes are cut into small parts, the network reads every run
    of neighbouring parts, and the most probable way to divide the row is taken (LeCun et al., 1998,
    "Gradient-based learning applied to document recognition", section VI).

    Parameters
    ----------
    source : path, PIL image or array
        Whatever :func:`mnist_tutorial.reading.load_grey` reads.
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.

    Returns
    -------
    Page
        Without digits if none were found.

    Raises
    ------
    ImageError
        If `source` is no readable image.
    """
    model = load_pretrained() if model is None else model
    grey, scale = load_reduced(source)
    reader = Reader(model, scale * max(grey.shape))
    if max(grey.shape) <= layers.SMALL_SIDE:  # too small for several digits
        try:
            return Page.of([reader.read([next(find_digits(grey))])])
        except NoDigitError:
            return Page([], [])
    found = drop_remains_of_lines(find_all_digits(grey, reader))
    height = digit_height(found)
    return Page.of(divide_row(row, height, reader) for row in in_rows(found, height))


def find_all_digits(image: np.ndarray, reader: Reader) -> list[Candidate]:
    """Find the strokes in which the network sees most digits, all in one layer.

    Large digits are found on a coarse copy; it also tells whether small ones are dark or light.

    Parameters
    ----------
    image : uint8 array (H, W)
    reader : Reader
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
            joined = join_strokes(list_strokes(layer))
            found = reader.read([each for each in joined if _penlike(each) > MIN_PENLIKE])
            if _shown(found) > MORE_SHOWN * _shown(best):
                best = found
        if sum(each.box.height ** 2 * (each.prediction.confidence - CLEAR_CONFIDENCE)
               for each in best) > 0:
            break
    return best


def _penlike(candidate: Candidate) -> float:
    """Rate from 0 to 1 how much strokes look like a pen's, as they are or evenly lit."""
    where, layer = candidate.where, candidate.layer
    mask, ink = candidate.mask(where), layer.ink[where]
    evenly_lit = (255 * (1 - ink.clip(0, 1))).astype(np.uint8)  # without a shadow's edge
    longest = MARKER_WIDTH * max(candidate.box.width, candidate.box.height)
    return thinness(mask, longest) * max(contrast(layer.grey[where], ink, mask),
                                         contrast(evenly_lit, ink, mask))


def _shown(found: list[Candidate]) -> float:
    """Measure what candidates show: the sum of their heights, each as far as it is believed."""
    return sum(each.box.height * each.prediction.confidence for each in found)


def list_strokes(layer: layers.Layer) -> list[Candidate]:
    """List the components that are no specks, lines or edges of the page, one candidate each."""
    width, height, area = layer.stats[:, 2:5].T
    page = max(layer.grey.shape)
    line = (width > LINE_ASPECT * height) & (width > LINE_WIDTH * page)
    change = cv2.morphologyEx(layer.paper, cv2.MORPH_GRADIENT, layers.kernel(EDGE_SIDE, EDGE_SIDE))
    on_edge = np.bincount(layer.labels[change > EDGE_STEP * layer.paper], minlength=len(width))
    keep = (np.maximum(width, height) >= max(layers.FILTER, MIN_STROKE * page)) & ~line
    keep &= on_edge <= EDGE_SHARE * area
    keep[0] = False  # the background
    if (keep & ~layer.touching).any():
        keep &= ~layer.touching
    numbers = np.flatnonzero(keep)
    largest_first = numbers[np.argsort(-area[numbers], kind="stable")]
    return [Candidate.of_components(layer, [number])
            for number in sorted(largest_first[:MAX_STROKES].tolist())]


def join_strokes(strokes: list[Candidate]) -> list[Candidate]:
    """Join strokes that are too low for a digit to the nearest one; drop what stays too low."""
    height = digit_height(strokes)
    waiting = sorted((each for each in strokes if each.box.height < TOO_TALL * height),
                     key=_height)
    joined = []
    while waiting:
        low = waiting.pop(0)
        compact = 2 * min(low.box[2:]) > max(low.box[2:])  # a crumb, or a dot and no stroke
        reach = (REACH_OF_CRUMB if compact else REACH_OF_STROKE) * height
        near = [(low.box.gap(other.box), number) for number, other in enumerate(waiting)]
        near = [(gap, number) for gap, number in near
                if gap <= reach and _may_join(low, waiting[number], height)]
        if near:
            number = min(near)[1]
            waiting[number] = Candidate.of(low.layer, low.strokes + waiting[number].strokes)
            waiting.sort(key=_height)
        elif low.box.height > TOO_LOW * height:
            joined.append(low)
    return joined


def _height(candidate: Candidate) -> int:
    return candidate.box.height


def _may_join(low: Candidate, other: Candidate, height: float) -> bool:
    """Tell whether two candidates may be one digit: one low and no dot, or one above the other."""
    if max(low.box.width, low.box.height) < MIN_PART * height:
        return False
    both = Box.around([low.box, other.box])
    shared = low.box.width + other.box.width - both.width
    above = 2 * shared > min(low.box.width, other.box.width)
    return both.height < MAX_JOINED * height and (2 * low.box.height < height or above)


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
    for candidate in sorted(found, key=lambda each: each.box.left + each.box.right):
        level = _level(candidate)
        near = min(rows, key=lambda row: abs(_level(row[-1]) - level), default=None)
        if near and abs(_level(near[-1]) - level) < SAME_ROW * height:
            near.append(candidate)
        else:
            rows.append([candidate])
    return sorted(rows, key=lambda row: np.mean([_level(each) for each in row]))


def _level(candidate: Candidate) -> float:
    return (candidate.box.top + candidate.box.bottom) / 2
