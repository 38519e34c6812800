"""Read a page of digits: each with its box, in reading order, row by row."""

from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ..checkpoint import load_guard
from ..sources import ImageSource, for_each_image
from . import layers
from .box import Box
from .candidates import Candidate, join_strokes, list_strokes
from .images import load_reduced
from .predict import SECOND_BELIEF, Prediction, Reader, as_html
from .touching import POSSIBLE, digit_height, divide_row

COARSE_SIDE, COARSE_VIEW = 320, 160  # pixels, longest side of a coarse copy, and as it is seen
FINE_VIEW = 1000         # pixels, longest side of a finer copy, at most
WELL_SEEN, BEST_SEEN = (24, 70), 40  # pixels, heights of a digit that the network sees well, best
SMALL_PAGE = 112         # pixels, longest side to which a smaller image is enlarged
LIKELY = 0.5             # belief from which ink that nobody read is in doubt
# In heights of a digit: what is no digit, how near are its pieces, how tall are two, and no dot.
TOO_LOW, REACH, MAX_JOINED, MIN_PART = 0.4, 0.3, 1.4, 0.12
SAME_ROW = 0.5           # heights of a digit between the levels of neighbours
NEIGHBOUR = 2.5          # heights of a digit to the next of a row, from which its slope is told
STEEP, STEEPEST = 0.3, 0.65  # slopes of a row: digits lean as it does; no row is steeper
# Confidence up to which a digit is in doubt: any other is as good; how much of the ink that goes on
UNREAD, WHOLE = 0.12, 0.7  # is to be believed: 98 % of simulated digits had 0.93, parts mostly less
DOUBTED = 0.35           # heights of a digit: ink as high that nobody read is doubted
# Sure ones at first as a share of all and one more, so that a single one turns no page: of less, it
UPRIGHT, TURNED, NO_OTHER = 0.5, 0.65, 0.85  # is turned; stays so; isn't turned the other way


class Doubt(NamedTuple):
    """Ink in a row of digits that could not be read."""

    row: int    # in which row it stands ...
    place: int  # ... and how many digits are to the left of it there
    box: Box    # in pixels of the (upright) source


class Page(NamedTuple):
    """The digits of a page, and what may be digits too."""

    digits: list[Prediction]  # in reading order, the boxes in pixels of the (upright) source
    rows: list[list[int]]     # top to bottom, each the positions in `digits`, left to right
    doubts: list[Doubt]       # ink that could not be read, in reading order

    @property
    def sure(self) -> bool:
        """Whether there are digits, each is sure, and no ink is in doubt."""
        return bool(self.digits) and not self.doubts and all(each.sure for each in self.digits)

    @property
    def text(self) -> str:
        """The numbers in reading order, rows separated by "/", "?" for a doubt."""
        rows = [[str(self.digits[number].digit) for number in row] for row in self.rows]
        for doubt in reversed(self.doubts):
            rows[doubt.row].insert(doubt.place, "?")
        return "/".join(map("".join, rows))

    def __repr__(self) -> str:
        return f"<Page {self.text!r}, {len(self.digits)} digits{'' if self.sure else ', not sure'}>"

    def _repr_html_(self) -> str:
        return as_html([digit.picture for digit in self.digits], self.text)


@for_each_image
def read_digits(source: ImageSource, model: torch.nn.Module | None = None, *,
                quick: bool = False) -> Page:
    """Read all digits on a page.

    A network that sees the page as a whole tells which ink is of digits. Strokes are joined to
    candidates and put in rows. Where digits may touch or have come to pieces, the strokes are cut
    into small parts, the network reads every run of neighbouring parts, and the most probable way
    to divide the row is taken (LeCun et al., 1998, "Gradient-based learning applied to document
    recognition", section VI). Ink in a row of digits that cannot be read is in doubt.

    A page that shows few sure digits at first is tried on its sides until one is surely read; boxes
    stay those of the source. It is not if the answer must be `quick`, as for a webcam's frame; and
    small digits are then sought only where a first look shows some. Sources, the default model and
    errors are those of :func:`mnist_tutorial.predict_image`: a list, a folder or a pattern gives a
    list of pages. But a page without digits is no error.
    """
    model = load_guard() if model is None else model
    grey, scale = load_reduced(source)
    reader = Reader(model, scale * max(grey.shape))
    looks = {0: find_all_digits(grey, reader, quick)}

    def sure(turn: int) -> float:
        return sum(each.prediction.sure for each in looks[turn]) / (1 + len(looks[turn]))

    for turn in (1, 3) if not quick and sure(0) < UPRIGHT else ():
        looks[turn] = find_all_digits(np.ascontiguousarray(np.rot90(grey, turn)), reader)
        if sure(turn) > NO_OTHER:
            break
    turn = max(looks, key=sure)
    if turn == 0 or sure(turn) < TURNED:
        return _read_found(looks[0], reader)
    turned = _read_found(looks[turn], reader)
    height, width = (round(side * scale) for side in grey.shape)

    def turn_back(box: Box) -> Box:
        left, top = (width - box.bottom, box.left) if turn == 1 else (box.top, height - box.right)
        return Box(left, top, box.height, box.width)

    return Page([each._replace(box=turn_back(each.box)) for each in turned.digits], turned.rows,
                [each._replace(box=turn_back(each.box)) for each in turned.doubts])


def _read_found(found: list[Candidate], reader: Reader) -> Page:
    """Read a page, whose rows run more or less from left to right, of which these were found."""
    page = Page([], [], [])
    if not found:
        return page
    height, slope = digit_height(found), slope_of(found)
    if abs(slope) > STEEP:  # digits lean as their rows do
        reader.slope = slope
        found = reader.read(found)
    items = [each for row in in_rows(found, height, slope)
             for each in divide_row(row, height, reader)]
    layer = found[0].layer
    unread = (layer.belief > LIKELY).astype(np.uint8)
    for item in items:
        unread[item.box.slices(1, unread.shape)] = 0
    items += [each for each in list_strokes(layer._replace(mask=unread))
              if each.box.height > DOUBTED * height]
    scale = reader.source_side / max(unread.shape)
    for number, row in enumerate(in_rows(items, height, slope)):
        digits = []
        for item in row:
            if item.prediction and item.prediction.sure and item.continued() < WHOLE:
                item, = reader.read([item], most=SECOND_BELIEF)
            if item.prediction and item.prediction.confidence > UNREAD:
                digits.append(len(page.digits))
                page.digits.append(item.prediction)
            else:
                page.doubts.append(Doubt(number, len(digits), item.box.scaled(scale)))
        page.rows.append(digits)
    return page


def find_all_digits(grey: np.ndarray, reader: Reader, quick: bool = False) -> list[Candidate]:
    """Find the strokes of an image, uint8 (H, W), in which the networks see most digits.

    A first look at a coarse copy tells how large digits are, and a second one, at a copy on which
    they are as large as the network sees them best, finds them. If `quick`, the first one is enough
    where it shows nothing.
    """
    enlarge = SMALL_PAGE / max(grey.shape)
    if enlarge > 1:
        grey = cv2.resize(grey, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)
    copy = layers.shrink(grey, COARSE_SIDE)
    found = _best_layer(copy, COARSE_VIEW, reader, quick)
    height = digit_height(found)
    low, high = (side * max(1, max(copy.shape) / COARSE_VIEW) for side in WELL_SEEN)
    if low <= height <= high or quick and not found:
        return found
    view = round(min(FINE_VIEW, max(copy.shape) * BEST_SEEN / height)) if found else FINE_VIEW
    again = _best_layer(layers.shrink(grey, max(view, COARSE_SIDE)), view, reader)
    return max(found, again, key=_shown)


def _best_layer(image: np.ndarray, view: int, reader: Reader,
                quick: bool = False) -> list[Candidate]:
    """Return the candidates, read, of the layer that shows most digits; or the first sure ones.

    They are strokes, joined where they are too low for a digit.
    """
    best: list[Candidate] = []
    for layer in layers.page_layers(image, view):
        strokes = [each for each in list_strokes(layer) if each.belief > POSSIBLE]
        height = digit_height(strokes)
        joined = join_strokes(strokes, partial(_may_join, height))
        found = reader.read([each for each in joined if each.box.height > TOO_LOW * height])
        best = max(best, found, key=_shown)
        if quick and best and all(each.prediction.sure for each in best):
            break
    return best


def _may_join(height: float, low: Box, other: Box) -> bool:
    """Tell whether strokes may be one digit: near, one low and no dot, or one above the other."""
    if low.gap(other) > REACH * height or max(low[2:]) < MIN_PART * height:
        return False
    both = Box.around([low, other])
    above = 2 * (low.width + other.width - both.width) > min(low.width, other.width)
    return both.height < MAX_JOINED * height and (2 * low.height < height or above)


def _shown(found: list[Candidate]) -> float:
    """Measure what candidates show: the sum of their heights, each as far as it is believed."""
    return sum(each.box.height * each.prediction.confidence / max(each.layer.grey.shape)
               for each in found)


def slope_of(found: list[Candidate]) -> float:
    """Return how far rows fall for each pixel to the right: the median over neighbours."""
    middles = np.array([each.box.middle for each in found])
    right, down = (middles[:, None] - middles).T  # (N, N), from each to each
    near = NEIGHBOUR * np.array([[each.box.height] for each in found])
    beside = (0 < right) & (right < near) & (np.abs(down) < STEEPEST * right)
    ones = np.flatnonzero(beside.any(axis=1))
    nearest = ones, np.where(beside, np.hypot(right, down), np.inf)[ones].argmin(axis=1)
    return float(np.median(down[nearest] / right[nearest])) if ones.size else 0.0


def in_rows(items: list[Candidate], height: float, slope: float) -> list[list[Candidate]]:
    """Put candidates into rows, top to bottom, each from left to right; rows may bend a little."""
    def level(item: Candidate) -> float:
        return item.box.middle[1] - slope * item.box.middle[0]

    rows: list[list[Candidate]] = []
    for item in sorted(items, key=lambda each: each.box.middle):
        near = min(rows, key=lambda row: abs(level(row[-1]) - level(item)), default=None)
        if near and abs(level(near[-1]) - level(item)) < SAME_ROW * height:
            near.append(item)
        else:
            rows.append([item])
    return sorted(rows, key=lambda row: np.mean([level(each) for each in row]))
