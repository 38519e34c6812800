"""Find the one digit in an image, and bring it to the network's 28x28."""

import math
from typing import Any, Iterator, NamedTuple

import cv2
import numpy as np

from ..errors import NoDigitError
from ..preprocess import DIGIT_SIDE, SIZE, fit_to_mnist, scale_to_box
from . import layers
from .box import Box
from .candidates import Candidate, cut_out, join_strokes, list_strokes
from .images import ImageSource, load_grey, load_reduced

SEARCH_SIDE = 320         # pixels, longest side of the copy on which the digit is sought
MOST_STROKES = 40         # largest components of a layer that are looked at ...
SEEDS = 4                 # ... and, once they are joined, the most prominent of these
MIN_SIZE = 0.035          # share of the image's shorter side; what is smaller is no digit
TOUCHING_WEIGHT = 0.1     # of ink at the border: a desk, a shadow or a rule line, if there is more
SHADOW_WEIGHT = 0.7       # of strokes sought among shadows, where thick ones fall to pieces
CONVINCING_SCORE = 0.025  # per pixel of the image's side; with such a digit the search ends
MIN_LIKENESS = 0.2        # of strokes that look like a pen's; shadows lie among what has less
PIECE_WEIGHT = 0.7        # of a stroke that seems to be a part of something larger
MAX_GAP = 0.25            # between pieces, as a share of the digit's size
MIN_PIECE, MAX_DIGIT = 0.1, 2.5  # times the larger stroke: a piece is no less, a digit no more
MIN_SCORE = 0.3           # of what is worth a second look


class Prepared(NamedTuple):
    """The stages from an image to the network's input."""

    grey: np.ndarray     # uint8 (H, W), the upright image, 0 = black
    ink: np.ndarray      # uint8 (H, W), the digit's strokes, 0 = paper, 255 = the strongest ink
    box: Box             # where they are in `grey` and `ink`, in pixels
    picture: np.ndarray  # uint8 (28, 28), what the network sees
    scale: float         # pixels of the source for one of `grey`: above 1 where it was reduced


def naive_resize(source: ImageSource) -> np.ndarray:
    """Resize to 28x28 and nothing else: the usual way, for comparison; uint8 array (28, 28)."""
    return cv2.resize(load_grey(source), (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def find_digits(image: np.ndarray) -> Iterator[Candidate]:
    """Yield what may be the one digit of an image, the most prominent first.

    The likelier polarity of the image, uint8 (H, W), is searched first; where it shows a convincing
    digit, all is searched only if more are asked for. The last search takes the shadows of fingers
    for paper, which uncovers a digit on which they lie. Raises NoDigitError if there is none.
    """
    large, dark = layers.is_large(image), layers.is_paper(image)
    searches: list[Any] = [(dark, layers.STROKE_WIDTH), (not dark, layers.STROKE_WIDTH),
                           (dark, layers.NARROW_STROKE, SHADOW_WEIGHT)]
    tiny = max(image.shape) <= layers.TINY_SIDE
    found = Candidate.of_tiny(image) if tiny else []
    for search in () if tiny else searches if large else searches[:-1]:
        found = _ranked(found + _search(image, *search))
        if found and found[0].likeness > MIN_LIKENESS and (
                search != searches[0] or found[0].score > CONVINCING_SCORE * np.sqrt(image.size)):
            break
    if not found:
        raise NoDigitError("no ink found: expected a digit that stands out from its background, "
                           "got an even image")
    yield found[0]
    if large:  # otherwise there is no room for anything else
        found = [each for search in searches for each in _search(image, *search, thorough=True)]
        yield from _ranked([each for each in found if each.score > MIN_SCORE])


def _ranked(found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda candidate: -candidate.score)


def _search(image: np.ndarray, dark: bool, widest: float, weight: float = 1,
            *, thorough: bool = False) -> list[Candidate]:
    """List candidates of one polarity, the highest score first; all only if `thorough`."""
    found, best = [], 0.0
    for layer in layers.find_layers(image, dark, widest):
        strokes = list_strokes(layer, MOST_STROKES)
        joined = join_strokes(strokes, _may_join)
        pieces = [each for each in strokes if all(each is not one for one in joined)]
        ranked = [(weight * _prominence(each), each) for each in joined]
        ranked += [(weight * PIECE_WEIGHT * _prominence(each), each) for each in pieces]
        ranked.sort(key=lambda pair: -pair[0])
        for prominence, candidate in ranked[:SEEDS]:  # a score is no higher than its prominence
            if prominence > best and (likeness := candidate.penlike()):
                found.append(candidate._replace(likeness=likeness, score=prominence * likeness))
                best = 0.0 if thorough else max(best, found[-1].score)
    return _ranked(found)


def _may_join(low: Box, other: Box) -> bool:
    """Tell whether strokes may be one digit: near for their size, and no dot."""
    size, gap = max(other[2:]), low.gap(other)
    if gap > MAX_GAP * MAX_DIGIT * size or max(low[2:]) < MIN_PIECE * size:  # told quickly
        return False
    both = max(Box.around([low, other])[2:])
    return gap <= MAX_GAP * both and both <= MAX_DIGIT * size


def _prominence(candidate: Candidate) -> float:
    """Rank by size, place and light: of all that is in sight, a sheet is the brightest."""
    layer, box, (x, y) = candidate.layer, candidate.box, candidate.box.middle
    rows, columns = layer.grey.shape
    if max(box[2:]) < MIN_SIZE * min(rows, columns):
        return 0.0
    away = math.hypot(x / columns - 1 / 2, y / rows - 1 / 2)
    light = layer.paper[int(y), int(x)] / max(1, int(layer.paper.max()))
    area = sum(cv2.countNonZero(stroke.mask) for stroke in candidate.strokes)
    touching = 0 in box[:2] or box.right == columns or box.bottom == rows
    return (TOUCHING_WEIGHT if touching else 1) * math.sqrt(area) * (1 - away) * min(1, light) ** 2


def prepare(source: ImageSource) -> Prepared:
    """Turn an image of one digit into what MNIST would have made of it.

    The paper's light is estimated and divided away; strokes are sought on a reduced copy in both
    polarities; the most prominent candidate is cut out at full size, scaled, thickened and centred.
    Sources and errors are those of :func:`mnist_tutorial.predict_image`, but for lists and folders.
    """
    grey, scale = load_reduced(source)
    strokes, place = cut_out(grey, next(find_digits(layers.shrink(grey, SEARCH_SIDE))))
    ink = np.zeros_like(grey)
    ink[place.slices()] = strokes
    return Prepared(grey, ink, Box(*cv2.boundingRect(ink)), fit_to_mnist(strokes), scale)


def steps(source: ImageSource) -> dict[str, np.ndarray]:
    """Return all that :func:`prepare` makes, to look at: names to uint8 arrays (H, W), in order.

    They are the image in grey, the light of its bare paper, the ink (the share of that light which
    is missing), the strokes that belong to the digit, the digit scaled to 20 pixels and as thick as
    MNIST's, and that with its centre of mass in the middle of 28x28.
    """
    prepared = prepare(source)
    layer = next(find_digits(layers.shrink(prepared.grey, SEARCH_SIDE))).layer
    missing, digit = layer.ink.clip(0), prepared.ink[prepared.box.slices()]
    paper = layer.paper if layer.dark else 255 - layer.paper
    return {"grey": layer.image, "light of the paper": paper,
            "ink": (255 * missing / missing.max()).astype(np.uint8), "the digit": digit,
            f"{DIGIT_SIDE} pixels": scale_to_box(digit), f"{SIZE}x{SIZE}": prepared.picture}
