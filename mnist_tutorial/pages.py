"""Read a page of digits: each with its box, in reading order, row by row."""

from __future__ import annotations

from functools import partial
from typing import Iterator, NamedTuple

import cv2
import numpy as np
import torch

from .checkpoint import load_pretrained
from .images import ImageSource, load_reduced
from .ink import SMALL, Group, Layer, contrast, cut, layers, patch, shrink, stroke_depth, thinness
from .predict import Prediction, predict_pictures
from .preprocess import NoDigitError, find_digit, fit_to_mnist

COARSE, FINE = 320, 800  # longest sides of the copies on which digits are sought
TALL = 60        # pixels of a digit from which on the coarse copy shows all of it
MANY = 500       # strokes of a page: a checked cloth shows thousands, and each would be compared with each
LIKELY = 0.02    # rating of strokes below which they are clutter, not a digit
THICK = 1.5      # strokes of a marker are this many times wider than one digit alone may have them
CLEAR = 0.6      # share of certain digits among strokes from which on no other ones are sought
RULED = 0.3      # width times darkness, as a share of the median, below which an upright stroke is a line's remains
NONE = 5e-4      # probability of being a digit, times the best in the row, below which a piece is dropped
ASPECT = np.log([0.9, 0.4, 0.93, 0.8, 0.8, 0.94, 0.72, 0.77, 0.77, 0.68])  # usual width / height of 0 to 9 in MNIST
SPREAD = 0.25    # standard deviation of its logarithm ...
EASY = 1.25      # ... and how many of them are nothing unusual
TRUST = 2        # weight of the networks' doubt against that of the shape
LEAST = 1e-3     # probability below which they are not taken at their word
SKIP = 10        # nats that it costs to take a part for no digit
CUT = 0.5        # nats that a cut costs, however little ink it crosses
CERTAIN = 0.15   # nats of doubt up to which a piece that stands alone needs no second look
NEAR = 0.1       # gap, in heights of a digit, below which two certain pieces are looked at together ...
FAR = 0.3        # ... and below which two are of which one is not certain
STEP = 0.1       # heights of a digit from one seam to the next
MOST = 20        # parts of a digit: more than seams can make of it


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


class _Part(NamedTuple):
    """Ink that belongs to one digit: a component or a part of one."""

    mask: np.ndarray  # uint8 (h, w), 1 = ink
    box: tuple        # left, top, right, bottom in pixels of the reduced copy
    whole: tuple      # box of the component
    cut: float = 0.0  # cost, in nats, of parting it from the part before, from which it was cut
    digit: Prediction | None = None  # what it certainly is


class _Piece(NamedTuple):
    """Parts that are taken for one digit, or for several that touch."""

    parts: list
    box: tuple
    digit: Prediction | None = None

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


def read_digits(source: ImageSource, model: torch.nn.Module | None = None) -> Page:
    """Read all digits on a page.

    Strokes are sought as for a single digit, joined to pieces and put in rows. Where digits may touch
    or have come to pieces, the strokes are cut into small parts, the network reads every run of
    neighbouring parts, and the most probable way to divide the row is taken (LeCun et al., 1998,
    "Gradient-based learning applied to document recognition", section VI).

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
    read = partial(_read, model, scale * max(grey.shape))
    if max(grey.shape) <= SMALL:  # too small for several digits
        try:
            return _page([read(grey, [find_digit(grey)])])
        except NoDigitError:
            return _page([])
    layer, pieces = _find(grey, read)
    if not pieces:
        return _page([])
    height = _height(pieces)
    return _page(_divide(layer, _rows(pieces, height), height, read))


def _page(rows: list) -> Page:
    """Drop what is no digit, and number the digits of all rows through."""
    best = [max((digit.is_digit for digit in row), default=0) for row in rows]  # a digit is rarely alone
    rows = [[digit for digit in row if digit.is_digit * most > NONE] for row, most in zip(rows, best)]
    digits = [digit for row in rows for digit in row]
    numbers = iter(range(len(digits)))
    return Page(digits, [[next(numbers) for digit in row] for row in rows if row])


def _find(grey: np.ndarray, read) -> tuple:
    """Find the strokes in which the network sees most digits: their layer, and the pieces they form.

    Large digits are found on a coarse copy; it also tells whether small ones are dark or light.
    """
    copy = shrink(grey, COARSE)
    light = bool(np.median(copy[::4, ::4]) < 96)
    found = score, layer, pieces = _strokes(copy, (not light, light), read)
    height = _height(pieces)
    if height < TALL and max(grey.shape) > COARSE:
        polarities = (layer.dark,) if score else (not light, light)
        longest = min(FINE, round(COARSE * TALL / height)) if height else FINE
        found = max(found, _strokes(shrink(grey, longest), polarities, read), key=lambda strokes: strokes[0])
    return found[1], _strong(*found[1:])


def _strokes(grey: np.ndarray, polarities: tuple, read) -> tuple:
    """Find the layer that shows most digits: the sum of their heights, the layer, its pieces."""
    best: tuple[float, Layer | None, list] = (0.0, None, [])
    for dark in polarities:
        seen = [(layer, _pieces(layer)) for layer in layers(grey, dark)]
        digits = iter(read(grey, [_group(layer, piece.parts) for layer, pieces in seen for piece in pieces]))
        for layer, pieces in seen:
            pieces = [piece._replace(digit=next(digits)) for piece in pieces]
            shown = sum(piece.height * piece.digit.confidence for piece in pieces)
            if shown > 1.02 * best[0]:  # the lower threshold comes first, and shows whole strokes
                best = (shown, layer, pieces)
        if sum(piece.height ** 2 * (piece.digit.confidence - CLEAR) for piece in best[2]) > 0:
            break
    return best


def _strong(layer: Layer, pieces: list) -> list:
    """Drop remains of ruled lines: upright strokes much thinner and lighter than the others."""
    groups = [_group(layer, piece.parts) for piece in pieces]
    strengths = [cv2.mean(stroke_depth(group.mask) * layer.ink[group.where], group.mask)[0] for group in groups]
    return [piece for piece, strength in zip(pieces, strengths)
            if piece.digit.digit != 1 or strength > RULED * np.median(strengths)]


def _pieces(layer: Layer) -> list:
    """Form pieces of the components that look like strokes."""
    return [piece for piece in _join(_candidates(layer)) if _rate(layer, piece) > LIKELY]


def _candidates(layer: Layer) -> list:
    """List the components that are no specks, lines or edges of the page."""
    x, y, w, h = layer.stats.T[:4]
    page = max(layer.grey.shape)
    line = (w > 6 * h) & (w > 0.1 * page)
    step = cv2.morphologyEx(layer.paper, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8)) > 0.2 * layer.paper
    edge = np.bincount(layer.labels[step], minlength=len(w)) > 0.8 * layer.stats[:, cv2.CC_STAT_AREA]  # of a sheet
    keep = (np.maximum(w, h) >= max(3, 0.008 * page)) & ~line & ~edge
    keep[0] = False  # the ground
    if (keep & ~layer.touching).any():
        keep &= ~layer.touching
    if keep.sum() > MANY:
        keep &= layer.stats[:, cv2.CC_STAT_AREA] >= np.sort(layer.stats[keep, cv2.CC_STAT_AREA])[-MANY]
        keep[np.flatnonzero(keep)[MANY:]] = False  # where all are alike
    pieces = []
    for number in np.flatnonzero(keep).tolist():
        left, top, width, height = layer.stats[number, :4].tolist()
        mask = (layer.labels[top:top + height, left:left + width] == number).view(np.uint8)
        box = (left, top, left + width, top + height)
        pieces.append(_Piece([_Part(mask, box, box)], box))
    return pieces


def _height(pieces: list) -> float:
    """Give the height of a digit: the median, weighted so that neither dots nor upright lines have a say."""
    if not pieces:
        return 0.0
    pieces = sorted(pieces, key=lambda piece: piece.height)
    weights = np.cumsum([min(piece.height, 2 * piece.width) * (piece.digit.confidence if piece.digit else 1)
                         for piece in pieces])
    return float(pieces[np.searchsorted(weights, weights[-1] / 2)].height)


def _join(pieces: list) -> list:
    """Join strokes that are too low for a digit to the nearest one; drop what stays too low or is too tall."""
    height = _height(pieces)
    pieces = sorted((piece for piece in pieces if piece.height < 2.2 * height), key=lambda piece: piece.height)
    joined = []
    while pieces:
        low, *pieces = pieces
        compact = 2 * min(low.width, low.height) > max(low.width, low.height)  # a crumb, or a dot and no stroke
        reach = (0.1 if compact else 0.3) * height
        near = [(gap, number) for number, other in enumerate(pieces)
                if (gap := _gap(low.box, other.box)) <= reach and _may_join(low, other, height)]
        if near:
            number = min(near)[1]
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
    return _Piece(a.parts + b.parts, _bounds([a, b]))


def _bounds(parts: list) -> tuple:
    """Give the box around parts or pieces."""
    left, top, right, bottom = zip(*(part.box for part in parts))
    return min(left), min(top), max(right), max(bottom)


def _gap(a: tuple, b: tuple) -> float:
    """Give the distance of two boxes, negative where they overlap."""
    return max(max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3]))


def _rate(layer: Layer, piece: _Piece) -> float:
    """Rate from 0 to 1 how much a piece looks like strokes of a pen, as it is or evenly lit (no shadow's edge)."""
    mask, _, where, _ = _group(layer, piece.parts)
    flat = (255 * (1 - layer.ink[where].clip(0, 1))).astype(np.uint8)
    even = max(contrast(grey, layer.ink[where], mask) for grey in (layer.grey[where], flat))
    return even * thinness(mask, THICK * max(piece.width, piece.height))


def _rows(pieces: list, height: float) -> list:
    """Put pieces into rows, top to bottom, each from left to right; rows may slope."""
    boxes = np.array([piece.box for piece in pieces])
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    level = centres[:, 1] - _slope(centres, height) * centres[:, 0]
    rows = []
    for number in np.argsort(centres[:, 0]):
        near = min(rows, key=lambda row: abs(level[row[-1]] - level[number]), default=None)
        if near and abs(level[near[-1]] - level[number]) < 0.5 * height:
            near.append(number)
        else:
            rows.append([number])
    return [[pieces[number] for number in row] for row in sorted(rows, key=lambda row: level[row].mean())]


def _slope(centres: np.ndarray, height: float) -> float:
    """Give the slope of the rows: the median between each piece and its nearest neighbour to the right."""
    slopes = []
    for centre in centres:
        steps = centres - centre
        steps = steps[(steps[:, 0] > 0.3 * height) & (np.abs(steps[:, 1]) < 0.5 * steps[:, 0])]
        if len(steps):
            x, y = min(steps, key=lambda step: np.hypot(*step))
            if x < 2.5 * height:
                slopes.append(y / x)
    return float(np.median(slopes)) if slopes else 0.0


def _divide(layer: Layer, rows: list, height: float, read) -> list:
    """Give the digits of the most probable way to divide each row."""
    heights = [_height([piece for piece in row if piece.digit.sure]) or height for row in rows]
    ways = [_ways(_parts(row, height), height) for row, height in zip(rows, heights)]
    spans = [span for row in ways for starting in row for span in starting if not _known(span)]
    digits = iter(read(layer.grey if layer.dark else 255 - layer.grey, [_group(layer, span) for span in spans]))
    return [_cheapest(row, height, digits) for row, height in zip(ways, heights)]


def _known(span: list) -> Prediction | None:
    return span[0].digit if len(span) == 1 else None


def _ways(parts: list, height: float) -> list:
    """List for each part the spans of neighbouring parts that begin with it and may be one digit."""
    ways = []
    for start in range(len(parts)):
        ways.append([])
        for stop in range(start + 1, min(start + MOST, len(parts)) + 1):
            span = parts[start:stop]
            reach = NEAR if span[-1].digit and parts[stop - 2].digit else FAR
            if len(span) > 1 and span[-1].box[0] - _bounds(span[:-1])[2] >= reach * height:
                break
            if _may_be_one(span, height):
                ways[-1].append(span)
    return ways


def _cheapest(ways: list, height: float, digits: Iterator) -> list:
    """Give the digits of the cheapest way through the parts of a row (Viterbi's algorithm)."""
    best = [(0.0, [])] + [(np.inf, [])] * len(ways)
    for start, spans in enumerate(ways):
        cost, path = best[start]
        steps = [(SKIP, 1, [])]
        for span in spans:
            digit = _known(span) or next(digits)
            doubt = _doubt(digit, _bounds(span), height)
            steps.append((doubt + _gaps(span, height) + span[0].cut, len(span), [digit]))
        for price, length, more in steps:
            if cost + price < best[start + length][0]:
                best[start + length] = cost + price, path + more
    return best[-1][1]


def _may_be_one(parts: list, height: float) -> bool:
    """Tell whether parts together are neither too wide nor too low for a digit."""
    left, top, right, bottom = _bounds(parts)
    return right - left < 1.8 * max(height, bottom - top) and bottom - top > 0.4 * height


def _doubt(digit: Prediction, box: tuple, height: float) -> float:
    """Give the cost, in nats, of taking what fills a box for the digit that the network reads there."""
    w, h = box[2] - box[0], box[3] - box[1]
    aspect = np.log(w / h) - ASPECT[digit.digit]
    if digit.digit == 1:
        aspect = max(0, aspect / 2)  # a mere stroke, or one with a flag and a foot
    shape = 0.5 * max(0, abs(aspect) / SPREAD - EASY) ** 2 + 3 * max(0, 0.7 - h / height)
    share = digit.confidence - (1 - digit.is_digit) / 10  # probability of being a digit, and this one
    return shape - TRUST * np.log(max(share, LEAST))


def _gaps(parts: list, height: float) -> float:
    """Give the cost, in nats, of taking components that are not in touch for one digit."""
    cost = 0.0
    for number, part in enumerate(parts):
        before = parts[:number]
        if before and all(part.whole != other.whole for other in before):
            gap, other = min(((_gap(part.box, other.box), other) for other in before), key=lambda pair: pair[0])
            tall = all(box[3] - box[1] > 0.6 * height for box in (part.whole, other.whole))  # two digits, or a 4
            cost += 5 + 10 * max(0, gap) / height if tall else 2 * max(0, gap) / height
    return cost


def _parts(row: list, height: float) -> list:
    """Cut the components of a row into parts, in reading order; a piece that is certain to be a digit stays whole."""
    parts = []
    for piece in row:
        if _doubt(piece.digit, piece.box, height) < CERTAIN:
            parts.append(_Part(_mask(piece.parts), piece.box, piece.box, digit=piece.digit))
        else:
            for whole in piece.parts:
                parts += [whole] if whole.mask.shape[1] < 0.4 * height else _cut(whole, height)
    return sorted(parts, key=lambda part: (part.whole[0] + part.whole[2], part.box[0] + part.box[2]))


def _cut(whole: _Part, height: float) -> list:
    """Cut a component along its seams."""
    area = int(whole.mask.sum())
    pen = 4 * stroke_depth(whole.mask).sum() / area
    part, costs, last = np.zeros(whole.mask.shape, int), [0.0], 0
    for cost, seam in _seams(whole.mask, STEP * height):
        right = np.arange(whole.mask.shape[1]) >= seam[:, None]
        left = area - whole.mask[right].sum()
        if cost < 4 * pen and left - last > 0.15 * pen * height:
            part, last = part + right, left
            costs.append(CUT + max(0, cost / pen - 1.2))
    parts = []
    for number, cost in enumerate(costs):
        mask = whole.mask * (part == number).astype(np.uint8)
        x, y, w, h = cv2.boundingRect(mask)
        if w:
            left, top = whole.box[0] + x, whole.box[1] + y
            parts.append(_Part(mask[y:y + h, x:x + w], (left, top, left + w, top + h), whole.box, cost))
    return parts


def _seams(mask: np.ndarray, spacing: float) -> list:
    """Give the seams from top to bottom that cross the least ink, one for each `spacing` columns: costs and columns.

    A seam moves by at most one column from row to row. For each column, the best seam that passes there
    at half height is put together from its upper and its lower half (dynamic programming).
    """
    middle = len(mask) // 2
    upper, ups = _descend(mask[:middle + 1])
    lower, downs = _descend(mask[middle:][::-1])
    costs = upper + lower - mask[middle]
    seams, reach = [], max(2, round(spacing))
    for start in range(reach, len(costs) - reach, reach):
        column = start + int(costs[start:start + reach].argmin())
        seams.append((costs[column], np.array([*_climb(ups, column), *_climb(downs, column)[::-1][1:]])))
    return seams


def _descend(mask: np.ndarray) -> tuple:
    """Give the cost of the best seam from the first row to each column of the last, and the steps back."""
    three, steps = np.full((3, mask.shape[1]), np.inf), []
    cost = mask[0].astype(float)
    for row in mask[1:]:
        three[0, 1:], three[1], three[2, :-1] = cost[:-1] + 0.1, cost, cost[1:] + 0.1
        steps.append(three.argmin(0) - 1)
        cost = three.min(0) + row
    return cost, steps


def _climb(steps: list, column: int) -> list:
    """Follow a seam from a column of the last row back to the first: its columns, first row first."""
    columns = [column]
    for step in reversed(steps):
        columns.append(columns[-1] + step[columns[-1]])
    return columns[::-1]


def _group(layer: Layer, parts: list) -> Group:
    """Make one group of parts."""
    where = patch(_bounds(parts))
    where = tuple(slice(part.start, min(part.stop, side)) for part, side in zip(where, layer.grey.shape))
    return Group(_mask(parts, where), layer.paper[where], where, layer.dark)


def _mask(parts: list, where: tuple | None = None) -> np.ndarray:
    """Draw parts into one mask, that of their box by default."""
    left, top, right, bottom = _bounds(parts)
    y, x = where or (slice(top, bottom), slice(left, right))
    mask = np.zeros((y.stop - y.start, x.stop - x.start), np.uint8)
    for part in parts:
        left, top, right, bottom = part.box
        mask[top - y.start:bottom - y.start, left - x.start:right - x.start] |= part.mask
    return mask


def _read(model: torch.nn.Module, size: float, grey: np.ndarray, groups: list) -> list:
    """Ask the networks for the digit of each group, all at once; `size` is the longest side of the source."""
    scale, pictures, boxes = size / max(grey.shape), [], []
    for group in groups:
        ink = cut(grey[group.where], group)
        if not ink.any():  # too faint to measure
            ink = 255 * group.mask
        x, y, w, h = cv2.boundingRect(ink)
        left, top = group.where[1].start + x, group.where[0].start + y
        boxes.append(tuple(round(side * scale) for side in (left, top, w, h)))
        pictures.append(fit_to_mnist(ink))
    return predict_pictures(model, pictures, boxes)
