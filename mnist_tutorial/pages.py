"""Read a page of digits: each with its box, in reading order, row by row."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch

from .checkpoint import load_pretrained
from .images import ImageSource, load_reduced
from .ink import SMALL, Group, Layer, contrast, cut, enlarge, layers, patch, shrink, thinness
from .predict import predict_pictures
from .preprocess import SEARCH as FIRST
from .preprocess import NoDigitError, find_digit, fit_to_mnist

SEARCH = 800     # longest side of the copy on which digits are sought: one of 2 % still has 16 pixels
CLEAR = 0.1      # rating of strokes from which on they are certainly not clutter
THICK = 1.5      # strokes of a marker are this many times wider than one digit alone may have them
LIKELY = 0.02    # rating of strokes below which they are clutter, not a digit
WIDE = 0.8       # widths, in heights of a digit, from which on two digits may be touching ...
TOO_WIDE = 1.25  # ... and from which on one digit alone is out of the question
SLANTS = (0, 0.3)  # cuts are upright or lean to the right, as writing does
DOUBT = 0.9      # a cut must be this much surer than the whole, or the whole stands


class Page(NamedTuple):
    """The digits of a page.

    Attributes
    ----------
    digits : list of Prediction
        In reading order; the boxes are in pixels of the (upright) source.
    rows : list of list of int
        For each row, top to bottom, the positions in `digits` of its digits, left to right.
    """

    digits: list
    rows: list

    @property
    def text(self) -> str:
        """The numbers in reading order, rows separated by "/"; empty for an empty page."""
        return "/".join("".join(str(self.digits[number].digit) for number in row) for row in self.rows)


class _Piece(NamedTuple):
    """Components that belong to one digit, or to several that touch."""

    chosen: tuple  # their numbers in the layer
    box: tuple     # left, top, right, bottom in pixels of the reduced copy

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def centre(self) -> tuple:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def read_digits(source: ImageSource, model: torch.nn.Module | None = None) -> Page:
    """Read all digits on a page.

    Strokes are sought as for a single digit, joined to digits and put in rows. Where digits may
    touch, each way to cut them is shown to the network, and the surest is taken (over-segmentation
    with recognition: LeCun et al., 1998, "Gradient-based learning applied to document recognition").

    Parameters
    ----------
    source : path, PIL image or array
        Whatever :func:`mnist_tutorial.images.load_grey` reads.
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.

    Returns
    -------
    Page
        Without digits if none were found.

    Raises
    ------
    ImageError
        If `source` is no readable picture.
    """
    model = load_pretrained() if model is None else model
    grey, scale = load_reduced(source)
    small = shrink(grey, SEARCH)
    rows = _one(small) if max(small.shape) <= SMALL else _all(small)
    groups = [group for row in rows for ways in row for way in ways for group in way]
    answers = iter(_read(model, grey, small.shape, groups, scale))
    answers = [[[[next(answers) for group in way] for way in ways] for ways in row] for row in rows]
    return _page([[digit for ways in row for digit in _surest(ways)] for row in answers])


def _one(grey: np.ndarray) -> list:
    """Find the digit of a picture that is too small for several: one row, one piece, one way to cut it."""
    try:
        return [[[[find_digit(grey)]]]]
    except NoDigitError:
        return []


def _all(grey: np.ndarray) -> list:
    """Find the rows of a page, in each its pieces, for each the ways to cut it."""
    layer, pieces = _best(grey)
    height = _height(pieces)
    return [[_ways(layer, piece, height) for piece in row] for row in _rows(pieces, height)]


def _page(rows: list) -> Page:
    """Number the digits of all rows through."""
    digits = [digit for row in rows for digit in row]
    numbers = iter(range(len(digits)))
    return Page(digits, [[next(numbers) for digit in row] for row in rows])


def _best(grey: np.ndarray) -> tuple:
    """Find the strokes of the likelier polarity: that of the most prominent digit, or that of many more strokes."""
    try:
        first = find_digit(shrink(grey, FIRST)).dark
    except NoDigitError:  # all digits are small
        first = True
    total, layer, pieces = _strokes(grey, first)
    other, *instead = _strokes(grey, not first)
    return instead if other > 1.5 * total and len(instead[1]) > len(pieces) else (layer, pieces)


def _strokes(grey: np.ndarray, dark: bool) -> tuple:
    """Find the strokes of one polarity: their total rating, and the layer that shows most of them, its pieces."""
    best, most = (0.0, None, []), 0.0
    for layer in layers(grey, dark):
        flat = (255 * (1 - layer.ink.clip(0, 1))).astype(np.uint8)  # evenly lit: no shadow's edge in it
        pieces = _join(_candidates(layer))
        rated = [max(_rate(layer, piece, layer.grey, THICK), _rate(layer, piece, flat, THICK)) for piece in pieces]
        shown = sum(min(rating, CLEAR) * piece.height for piece, rating in zip(pieces, rated))
        if shown > 1.02 * most:  # the lower threshold comes first, and shows whole strokes
            total = sum(_rate(layer, piece, layer.grey, 1) * piece.height for piece in pieces)
            best = (total, layer, [piece for piece, rating in zip(pieces, rated) if rating > LIKELY])
            most = shown
    return best


def _candidates(layer: Layer) -> list:
    """List the components that are no specks, lines or edges of the page."""
    x, y, w, h = layer.stats.T[:4]
    page = max(layer.grey.shape)
    line = (w > 6 * h) & (w > 0.1 * page)
    keep = (np.maximum(w, h) >= max(3, 0.008 * page)) & ~line
    keep[0] = False  # the ground
    if (keep & ~layer.touching).any():
        keep &= ~layer.touching
    corners = np.stack([x, y, x + w, y + h], axis=1).tolist()
    return [_Piece((number,), tuple(corners[number])) for number in np.flatnonzero(keep).tolist()]


def _height(pieces: list) -> float:
    """Give the height of a digit: the median, weighted so that neither dots nor upright lines have a say."""
    if not pieces:
        return 0.0
    pieces = sorted(pieces, key=lambda piece: piece.height)
    weights = np.cumsum([min(piece.height, 2 * piece.width) for piece in pieces])
    return float(pieces[np.searchsorted(weights, weights[-1] / 2)].height)


def _join(pieces: list) -> list:
    """Join strokes that are too low for a digit to the nearest one; drop what stays too low or is too tall."""
    height = _height(pieces)
    pieces = sorted((piece for piece in pieces if piece.height < 2.2 * height), key=lambda piece: piece.height)
    joined = []
    while pieces:
        low, *pieces = pieces
        near = [(_gap(low, other), number) for number, other in enumerate(pieces) if _may_join(low, other, height)]
        gap, number = min(near, default=(np.inf, None))
        if gap <= 0.3 * height:
            pieces[number] = _union(low, pieces[number])
            pieces.sort(key=lambda piece: piece.height)
        elif low.height > 0.4 * height:
            joined.append(low)
    return joined


def _may_join(low: _Piece, other: _Piece, height: float) -> bool:
    """Tell whether two pieces may be one digit: one low and no dot, or one above the other."""
    if max(low.width, low.height) < 0.12 * height:
        return False
    both = _union(low, other)
    overlap = low.width + other.width - both.width
    above = overlap > 0.5 * min(low.width, other.width)
    return both.height < 1.4 * height and (low.height < 0.5 * height or above)


def _union(a: _Piece, b: _Piece) -> _Piece:
    left, top = map(min, a.box[:2], b.box[:2])
    right, bottom = map(max, a.box[2:], b.box[2:])
    return _Piece(a.chosen + b.chosen, (left, top, right, bottom))


def _gap(a: _Piece, b: _Piece) -> float:
    """Give the distance of two boxes, negative where they overlap."""
    return max(max(a.box[0], b.box[0]) - min(a.box[2], b.box[2]), max(a.box[1], b.box[1]) - min(a.box[3], b.box[3]))


def _rate(layer: Layer, piece: _Piece, grey: np.ndarray, thick: float) -> float:
    """Rate from 0 to 1 how much a piece looks like strokes of a pen, `thick` times as wide as usual."""
    where = patch(piece.box)
    mask = layer.mask(list(piece.chosen), where)
    return thinness(mask, thick * max(piece.width, piece.height)) * contrast(grey[where], layer.ink[where], mask)


def _rows(pieces: list, height: float) -> list:
    """Put pieces into rows, top to bottom, each from left to right; rows may slope."""
    slope = _slope(pieces, height)
    level = {piece: piece.centre[1] - slope * piece.centre[0] for piece in pieces}
    rows = []
    for piece in sorted(pieces, key=lambda piece: piece.centre[0]):
        near = min(rows, key=lambda row: abs(level[row[-1]] - level[piece]), default=None)
        if near and abs(level[near[-1]] - level[piece]) < 0.5 * height:
            near.append(piece)
        else:
            rows.append([piece])
    return sorted(rows, key=lambda row: np.mean([level[piece] for piece in row]))


def _slope(pieces: list, height: float) -> float:
    """Give the slope of the rows: the median between each piece and its nearest neighbour to the right."""
    slopes = []
    for piece in pieces:
        steps = np.subtract([other.centre for other in pieces], piece.centre)
        steps = steps[(steps[:, 0] > 0.3 * height) & (np.abs(steps[:, 1]) < 0.5 * steps[:, 0])]
        if len(steps):
            x, y = min(steps, key=lambda step: np.hypot(*step))
            if x < 2.5 * height:
                slopes.append(y / x)
    return float(np.median(slopes)) if slopes else 0.0


def _ways(layer: Layer, piece: _Piece, height: float) -> list:
    """Give the ways to cut a piece into digits, each a list of groups; the whole comes first."""
    where = patch(piece.box)
    mask = layer.mask(list(piece.chosen), where)
    whole = [_group(layer, mask, where)]
    if piece.width < WIDE * height:
        return [whole]
    ways = [whole]
    for slant in SLANTS:
        across = _across(mask.shape, slant)
        columns = np.bincount(across[mask > 0])
        for parts in range(2, 1 + max(2, round(piece.width / (0.6 * height)))):
            for shift in (-0.2, 0, 0.2) if parts == 2 else (0,):
                ways.append(_split(layer, mask, where, across, _cuts(columns, parts, shift)))
    return [way for way in ways if all(_fits(group, height) for group in way)] or [whole]


def _across(shape: tuple, slant: float) -> np.ndarray:
    """Number the leaning columns of a patch: int array (h, w), the same along each line that leans by `slant`."""
    y, x = np.indices(shape)
    return np.rint(x + slant * y).astype(int)


def _fits(group: Group, height: float) -> bool:
    """Tell whether a part is neither too low nor too wide for one digit."""
    w, h = cv2.boundingRect(group.mask)[2:]
    return h > 0.5 * height and w <= TOO_WIDE * max(height, h)


def _cuts(columns: np.ndarray, parts: int, shift: float) -> list:
    """Give the columns with the least ink near those that part a piece equally."""
    left, right = np.flatnonzero(columns)[[0, -1]]
    width = (right - left) / parts
    cuts = []
    for number in range(1, parts):
        middle = left + (number + shift) * width
        near = np.arange(int(middle - 0.2 * width), int(middle + 0.2 * width) + 1)
        cuts.append(int(near[np.argmin(columns[near] + 0.01 * np.abs(near - middle))]))
    return cuts


def _split(layer: Layer, mask: np.ndarray, where: tuple, across: np.ndarray, cuts: list) -> list:
    """Part a piece at leaning columns."""
    part = np.searchsorted(cuts, across, side="right")
    return [_group(layer, mask * (part == number).astype(np.uint8), where) for number in range(len(cuts) + 1)]


def _group(layer: Layer, mask: np.ndarray, where: tuple) -> Group:
    """Make a group of what a patch's mask shows, with no more paper around it than it needs."""
    x, y, w, h = cv2.boundingRect(mask)
    top, left = where[0].start, where[1].start
    whole = np.zeros(layer.grey.shape, np.uint8)
    whole[where] = mask
    inner = patch((left + x, top + y, left + x + w, top + y + h))
    return Group(whole[inner], layer.paper[inner], inner, layer.dark)


def _read(model: torch.nn.Module, grey: np.ndarray, small: tuple, groups: list, scale: float) -> list:
    """Ask the network for the digit of each group, all at once."""
    pictures, boxes = [], []
    for group in groups:
        where = enlarge(group.where, small, grey.shape)
        ink = cut(grey[where], group)
        x, y, w, h = cv2.boundingRect(ink)
        boxes.append(tuple(round(side * scale) for side in (where[1].start + x, where[0].start + y, w, h)))
        pictures.append(fit_to_mnist(ink))
    return predict_pictures(model, pictures, boxes)


def _surest(ways: list) -> list:
    """Choose among ways to cut the one whose least sure digit is surest."""
    return max(ways, key=lambda way: min(digit.confidence for digit in way) * (1 if len(way) == 1 else DOUBT))
