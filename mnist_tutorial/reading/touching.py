"""Part digits that touch: cut their ink along seams, and take the most probable way to divide it."""

from __future__ import annotations

import cv2
import numpy as np

from .box import Box
from .candidates import Candidate, Stroke, stroke_depth
from .predict import DIGITS, Prediction, Reader

# Width / height of 0 to 9 in MNIST's training images, the standard deviation of its logarithm, and
# how many of these are nothing unusual.
ASPECT = np.log([0.9, 0.4, 0.93, 0.8, 0.8, 0.94, 0.72, 0.77, 0.77, 0.68])
ASPECT_SPREAD, ASPECT_FREE = 0.25, 1.25
NETWORK_WEIGHT = 2     # of the networks' doubt against that of the shape ...
MIN_PROBABILITY = 1e-3  # ... but not below that probability
LOW, COST_LOW = 0.7, 3  # heights of a digit; what is lower costs that many nats for each
COST_SKIP = 10         # nats, to take a part for no digit
COST_CUT, FREE_CUT = 0.5, 1.2  # nats of a cut through that many widths of the pen; each more is one
MAX_CUT, MIN_SLICE = 4, 0.15   # widths of the pen through ink; ink between two cuts: pen times height
COST_GAP = 2           # nats for each height of a digit between two components of one digit ...
COST_TALL, COST_GAP_TALL = 5, 10  # ... or if both are tall: two digits, or an open 4
CERTAIN = 0.15         # nats of doubt up to which a candidate needs no second look
# In heights of a digit:
TALL, NARROW = 0.6, 0.4     # of components: the tall ones may be digits, the narrow ones are not cut
NEAR, FAR = 0.1, 0.3        # gaps to be looked at: between two certain digits, and otherwise
MAX_WIDTH, MIN_HEIGHT = 1.8, 0.4  # of a digit
SEAM_SPACING = 0.1
SEAM_SLOPES = (0, -0.15, 0.15, -0.3, 0.3, -0.5, 0.5, -0.8, 0.8)  # columns for each row
MAX_PARTS = 20         # of a digit: more than seams can make of it

Spans = dict[tuple[int, int], Candidate]  # which part begins it, and which no longer belongs to it


def digit_height(candidates: list[Candidate]) -> float:
    """Return the height of a digit: a weighted median, in which neither dots nor lines count."""
    if not candidates:
        return 0.0
    by_height = sorted(candidates, key=lambda each: each.box.height)
    weights = np.cumsum([min(each.box.height, 2 * each.box.width)
                         * (each.prediction.confidence if each.prediction else 1)
                         for each in by_height])
    return float(by_height[np.searchsorted(weights, weights[-1] / 2)].box.height)


def divide_row(row: list[Candidate], height: float, reader: Reader) -> list[Candidate]:
    """Return the digits of the most probable way to divide a row.

    Parameters
    ----------
    row : list of Candidate
        From left to right, with predictions.
    height : float
        Of a digit on this page, in pixels of the layer.
    reader : Reader
        Asked for the parts and their joints.
    """
    height = digit_height([each for each in row if each.prediction.sure]) or height
    parts = [part for candidate in row for part in _cut_up(candidate, height)]
    parts.sort(key=lambda part: (_centre(part.strokes[0].component), _centre(part.box)))
    spans = _list_spans(parts, height)
    unread = [place for place, span in spans.items() if span.prediction is None]
    spans.update(zip(unread, reader.read([spans[place] for place in unread])))
    return _cheapest_way(spans, len(parts), height)


def _centre(box: Box) -> int:
    return box.left + box.right


def _list_spans(parts: list[Candidate], height: float) -> Spans:
    """List the runs of neighbouring parts that may be one digit."""
    spans = {}
    for start in range(len(parts)):
        for stop in range(start + 1, min(start + MAX_PARTS, len(parts)) + 1):
            span = parts[start]
            if stop > start + 1:
                certain = parts[stop - 1].prediction and parts[stop - 2].prediction
                before = Box.around([part.box for part in parts[start:stop - 1]])
                if parts[stop - 1].box.left - before.right >= (NEAR if certain else FAR) * height:
                    break
                strokes = [stroke for part in parts[start:stop] for stroke in part.strokes]
                span = Candidate.of(span.layer, strokes)
            if _may_be_one(span.box, height):
                spans[start, stop] = span
    return spans


def _may_be_one(box: Box, height: float) -> bool:
    """Tell whether what fills a box is neither too wide nor too low for a digit."""
    return box.width < MAX_WIDTH * max(height, box.height) and box.height > MIN_HEIGHT * height


def _cheapest_way(spans: Spans, count: int, height: float) -> list[Candidate]:
    """Return the digits of the cheapest way through the parts of a row (Viterbi's algorithm)."""
    costs, ways = [0.0] + [np.inf] * count, [[] for _ in range(count + 1)]
    for start in range(count):
        steps = [(COST_SKIP, start + 1, [])]
        steps += [(_cost(span, height), stop, [span])
                  for (begin, stop), span in spans.items() if begin == start]
        for cost, stop, digit in steps:
            if costs[start] + cost < costs[stop]:
                costs[stop], ways[stop] = costs[start] + cost, ways[start] + digit
    return ways[-1]


def _cost(span: Candidate, height: float) -> float:
    """Return the cost, in nats, of taking a span for the digit that the network reads there."""
    return (cost_of_digit(span.prediction, span.box, height) + _cost_of_gaps(span.strokes, height)
            + span.strokes[0].cut)


def cost_of_digit(prediction: Prediction, box: Box, height: float) -> float:
    """Return the cost, in nats, of taking what fills a box for the digit that is read there.

    Parameters
    ----------
    prediction : Prediction
    box : Box
    height : float
        Of a digit, in the pixels of `box`.
    """
    aspect = np.log(box.width / box.height) - ASPECT[prediction.digit]
    if prediction.digit == 1:
        aspect = max(0, aspect / 2)  # a mere stroke, or one with a flag and a foot
    shape = max(0, abs(aspect) / ASPECT_SPREAD - ASPECT_FREE) ** 2 / 2
    shape += COST_LOW * max(0, LOW - box.height / height)
    is_this = prediction.confidence - (1 - prediction.is_digit) / DIGITS
    return shape - NETWORK_WEIGHT * np.log(max(is_this, MIN_PROBABILITY))


def _cost_of_gaps(strokes: list[Stroke], height: float) -> float:
    """Return the cost, in nats, of taking components that are not in touch for one digit."""
    cost = 0.0
    for number, stroke in enumerate(strokes):
        before = strokes[:number]
        if not before or any(stroke.component == other.component for other in before):
            continue
        nearest = min(before, key=lambda other: stroke.box.gap(other.box))
        gap = max(0, stroke.box.gap(nearest.box)) / height
        if min(stroke.component.height, nearest.component.height) > TALL * height:
            cost += COST_TALL + COST_GAP_TALL * gap
        else:
            cost += COST_GAP * gap
    return cost


def _cut_up(candidate: Candidate, height: float) -> list[Candidate]:
    """Cut a candidate into parts; one that is certain to be a digit stays whole."""
    box = candidate.box
    if cost_of_digit(candidate.prediction, box, height) < CERTAIN:
        return [candidate._replace(strokes=[Stroke(candidate.mask(), box, box)])]
    strokes = [part for stroke in candidate.strokes for part in _cut_stroke(stroke, height)]
    return [Candidate.of(candidate.layer, [stroke]) for stroke in strokes]


def _cut_stroke(whole: Stroke, height: float) -> list[Stroke]:
    """Cut a component along its seams, if it is wide enough for two digits."""
    if whole.box.width < NARROW * height:
        return [whole]
    area = int(whole.mask.sum())
    pen = 4 * stroke_depth(whole.mask).sum() / area  # the mean depth of a bar is a quarter
    number, costs, last = np.zeros(whole.mask.shape, int), [0.0], 0
    for cost, seam in _seams(whole.mask, SEAM_SPACING * height):
        right = np.arange(whole.mask.shape[1]) >= seam[:, None]
        left = area - int(whole.mask[right].sum())
        if cost < MAX_CUT * pen and left - last > MIN_SLICE * pen * height:
            number, last = number + right, left
            costs.append(COST_CUT + max(0, cost / pen - FREE_CUT))
    parts = []
    for which, cost in enumerate(costs):
        mask = whole.mask * (number == which).astype(np.uint8)
        inside = Box(*cv2.boundingRect(mask))
        if inside.width:
            box = Box(whole.box.left + inside.left, whole.box.top + inside.top, *inside[2:])
            parts.append(Stroke(mask[inside.slices()], box, whole.box, cost))
    return parts


def _seams(mask: np.ndarray, spacing: float) -> list[tuple[float, np.ndarray]]:
    """Return the straight cuts that cross the least ink, one for each `spacing` columns.

    Returns
    -------
    list of tuple (cost, columns)
        Pixels of ink that it crosses, and its column in each row: int array (height,).
    """
    height, width = mask.shape
    from_middle = np.arange(height)[:, None] - height / 2
    lines = [(np.arange(width) + slope * from_middle).round().astype(int).clip(0, width - 1)
             for slope in SEAM_SLOPES]
    costs = np.array([np.take_along_axis(mask, line, axis=1).sum(axis=0, dtype=int) + abs(slope)
                      for line, slope in zip(lines, SEAM_SLOPES)])
    reach = max(2, round(spacing))
    seams = []
    for start in range(reach, width - reach, reach):
        column = start + int(costs[:, start:start + reach].min(axis=0).argmin())
        steepness = int(costs[:, column].argmin())
        seams.append((costs[steepness, column], lines[steepness][:, column]))
    return seams
