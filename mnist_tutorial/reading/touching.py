"""Part digits that touch: cut their ink, and take the most probable way to divide it."""

import cv2
import numpy as np

from .box import Box
from .candidates import Candidate, Stroke
from .predict import DIGITS, Prediction, Reader

# Width / height of 0 to 9 in MNIST's training images, the standard deviation of its logarithm, and
# how many of these are nothing unusual.
ASPECT = np.log([0.9, 0.4, 0.93, 0.8, 0.8, 0.94, 0.72, 0.77, 0.77, 0.68])
ASPECT_SPREAD, ASPECT_FREE = 0.25, 1.25
NETWORK_WEIGHT = 2     # of the networks' doubt against that of the shape ...
MIN_PROBABILITY = 1e-3  # ... but not below that probability
LOW, COST_LOW = 0.7, 3  # heights of a digit; what is lower costs that many nats for each
COST_SKIP = 10         # nats, to take a part for no digit
COST_CUT, PEN = 0.5, 0.1  # nats of a cut, and the length, in heights of a digit, of one nat more
POSSIBLE = 0.1         # belief from which ink may be a digit's: skipped, it is in doubt
CERTAIN = 0.25         # nats of doubt up to which a candidate needs no second look
SEVERAL = 0.25         # belief from which ink may be several digits; touching ones all have more
# In heights of a digit:
NARROW = 0.4                # components as narrow are not cut
MAX_WIDTH, MIN_HEIGHT = 1.8, 0.4  # of a digit
SEAM_SPACING = 0.1
SEAM_SLOPES = (0, -0.15, 0.15, -0.3, 0.3, -0.5, 0.5, -0.8, 0.8)  # columns for each row
FAR = 0.2              # heights of a digit, gap from which on two parts are two digits
MAX_PARTS = 20         # of a digit: more than seams can make of it


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
    """Return the digits of the most probable way to divide a row; `height`: of a digit, pixels."""
    if reader.left < 0:
        return row
    parts = [part for candidate in row for part in _cut_up(candidate, height)]
    parts.sort(key=lambda part: part.box.middle)
    spans = _list_spans(parts, height)
    unread = [place for place, span in spans.items() if span.prediction is None]
    spans.update(zip(unread, reader.read([spans[place] for place in unread])))
    # Viterbi's algorithm: the cheapest way to each part, and the digits on it.
    ways: list[tuple[float, list[Candidate]]] = [(0.0, []), *((np.inf, []) for _ in parts)]
    for start, part in enumerate(parts):
        cost, digits = ways[start]
        doubt = [part._replace(prediction=None)] if part.belief > POSSIBLE else []
        steps = [(span.strokes[0].cut + cost_of(span.prediction, span.box, height), stop, [span])
                 for (begin, stop), span in spans.items() if begin == start]
        for step, stop, digit in [(COST_SKIP, start + 1, doubt), *steps]:
            if cost + step < ways[stop][0]:
                ways[stop] = cost + step, digits + digit
    return ways[-1][1]


def _list_spans(parts: list[Candidate], height: float) -> dict[tuple[int, int], Candidate]:
    """List the runs of parts that may be one digit, by the numbers of their first and the next."""
    spans = {}
    for start, span in enumerate(parts):
        for stop in range(start + 1, min(start + MAX_PARTS, len(parts)) + 1):
            if stop > start + 1:
                if parts[stop - 1].box.left - span.box.right >= FAR * height:
                    break
                span = Candidate.of(span.layer, span.strokes + parts[stop - 1].strokes)
            if span.box.width >= MAX_WIDTH * max(height, span.box.height):
                break
            if span.box.height > MIN_HEIGHT * height:
                spans[start, stop] = span
    return spans


def cost_of(prediction: Prediction, box: Box, height: float) -> float:
    """Return the cost, in nats, of taking what fills a box for the digit that is read there."""
    aspect = np.log(box.width / box.height) - ASPECT[prediction.digit]
    if prediction.digit == 1:
        aspect = max(0, aspect / 2)  # a mere stroke, or one with a flag and a foot
    shape = max(0, abs(aspect) / ASPECT_SPREAD - ASPECT_FREE) ** 2 / 2
    shape += COST_LOW * max(0, LOW - box.height / height)
    is_this = prediction.confidence - (1 - prediction.is_digit) / DIGITS
    return shape - NETWORK_WEIGHT * np.log(max(is_this, MIN_PROBABILITY))


def _cut_up(candidate: Candidate, height: float) -> list[Candidate]:
    """Cut a candidate's strokes along seams, unless it is certain to be a digit or to be none."""
    if candidate.belief < SEVERAL or cost_of(candidate.prediction, candidate.box, height) < CERTAIN:
        return [candidate]
    parts = []
    for whole in candidate.strokes:
        number, costs = np.zeros(whole.mask.shape, int), [0.0]
        ink = whole.mask * (1 - candidate.layer.touch[whole.box.slices()])
        is_wide = whole.box.width >= NARROW * height  # enough for two digits
        for cost, seam in _seams(ink, SEAM_SPACING * height) if is_wide else ():
            number += np.arange(whole.mask.shape[1]) >= seam[:, None]
            costs.append(COST_CUT + cost / (PEN * height))
        for which, cost in enumerate(costs):
            mask = whole.mask * (number == which).astype(np.uint8)
            inside = Box(*cv2.boundingRect(mask))
            if inside.width:
                part = Stroke(mask[inside.slices()], inside.moved(*whole.box[:2]), cost)
                parts.append(Candidate.of(candidate.layer, [part]))
    return parts


def _seams(ink: np.ndarray, spacing: float) -> list[tuple[float, np.ndarray]]:
    """Return the straight cuts that cross the least ink, one for each `spacing` columns.

    Given is how much ink, 0 to 1, is in each pixel (height, width), that where digits touch left
    out. Each cut is the ink that it crosses, and its column in each row: int array (height,).
    """
    height, width = ink.shape
    from_middle = np.arange(height)[:, None] - height / 2
    lines = [(np.arange(width) + slope * from_middle).round().astype(int).clip(0, width - 1)
             for slope in SEAM_SLOPES]
    costs = np.array([np.take_along_axis(ink, line, axis=1).sum(axis=0, dtype=float) + abs(slope)
                      for line, slope in zip(lines, SEAM_SLOPES)])
    reach = max(2, round(spacing))
    seams = []
    for start in range(reach, width - reach, reach):
        column = start + int(costs[:, start:start + reach].min(axis=0).argmin())
        steepness = int(costs[:, column].argmin())
        seams.append((costs[steepness, column], lines[steepness][:, column]))
    return seams
