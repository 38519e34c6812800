"""Find the one digit in an image, and bring it to the network's 28x28."""

from __future__ import annotations

from typing import Iterator, NamedTuple

import cv2
import numpy as np

from ..errors import NoDigitError
from ..preprocess import DIGIT_SIDE, SIZE, fit_to_mnist, scale_to_box
from . import layers
from .box import Box
from .candidates import Candidate, contrast, cut_out, thinness
from .images import ImageSource, load_grey, load_reduced
from .layers import Layer

SEARCH_SIDE = 320         # pixels, longest side of the copy on which the digit is sought
SEEDS = 4                 # most prominent components of a layer that are looked at
MIN_SEED = 0.035          # share of the image's shorter side; what is smaller is a speck
TOUCHING_WEIGHT = 0.1     # of ink at the border: a desk, a shadow or a rule line, if there is more
SHADOW_WEIGHT = 0.7       # of strokes sought among shadows, where thick ones fall to pieces
CONVINCING_SCORE = 0.025  # per pixel of the image's side; with such a digit the search ends
MIN_LIKENESS = 0.2        # of strokes that look like a pen's; shadows lie among what has less
MIN_LIKENESS_OF_SMALL = 1e-3  # of strokes in a crop, which shows no paper around them
MIN_SCORE = 0.3           # of what is worth a second look
MIN_SHARE = 0.7           # of the score: weight of one of the pieces that seem to belong together
MIN_PIECE = 0.02          # share of the area of the largest piece
MAX_LIGHT_RATIO = 0.25    # logarithm, between two places of one sheet
TALL_PIECE = 0.7          # share of the digit's height; what is as tall may be another digit
MAX_DIGIT = 2.5           # times the size of its largest piece
# Between pieces, as shares of the digit's size: usually, to a tall one, across a shadow's edge.
GAP, GAP_TO_TALL, GAP_IN_SHADOW = 0.25, 0.1, 0.05


class Prepared(NamedTuple):
    """The stages from an image to the network's input.

    Attributes
    ----------
    grey : uint8 array (H, W)
        The image, upright, 0 = black.
    ink : uint8 array (H, W)
        Strength of ink, 0 = paper, 255 = the darkest ink (or the lightest, for light on dark).
    box : Box
        Where the digit is in `grey` and `ink`, in pixels.
    picture : uint8 array (28, 28)
        The digit as MNIST would have it: what the network sees.
    scale : float
        Pixels of the source for one of `grey`: above 1 where a large photo was reduced.
    """

    grey: np.ndarray
    ink: np.ndarray
    box: Box
    picture: np.ndarray
    scale: float


def naive_resize(source: ImageSource) -> np.ndarray:
    """Resize to 28x28 and nothing else: the usual way, for comparison; uint8 array (28, 28)."""
    return cv2.resize(load_grey(source), (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def find_digits(image: np.ndarray) -> Iterator[Candidate]:
    """Yield what may be the one digit of an image, the most prominent first.

    The likelier polarity is searched first; where it shows a convincing digit, the others are
    searched only if more than one candidate is asked for. The last search takes the shadows of
    fingers for paper, which uncovers a digit on which they lie.

    Parameters
    ----------
    image : uint8 array (H, W)
        Grey levels of either polarity.

    Raises
    ------
    NoDigitError
        There is none.
    """
    large, (dark, light) = layers.is_large(image), layers.polarities(image)
    others = [(light, layers.STROKE_WIDTH), (dark, layers.NARROW_STROKE)]
    if max(image.shape) <= layers.TINY_SIDE:
        found = Candidate.of_tiny(image)
    else:
        found = _search(image, dark, layers.STROKE_WIDTH)
        if not (found and found[0].likeness > MIN_LIKENESS
                and found[0].score > CONVINCING_SCORE * np.sqrt(image.size)):
            found = _ranked(found + _search(image, *others.pop(0)))
            if large and not (found and found[0].likeness > MIN_LIKENESS):
                found = _ranked(found + _search(image, *others.pop(0)))
    if not found:
        raise NoDigitError("no ink found: expected a digit that stands out from its background, "
                           "got an even image")
    yield found[0]
    if large:  # otherwise there is no room for anything else
        for search in others:
            found += _search(image, *search)
        yield from _ranked([each for each in found[1:] if each.score > MIN_SCORE])


def _ranked(found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda candidate: -candidate.score)


def _search(image: np.ndarray, dark: bool, widest: float) -> list[Candidate]:
    """List the candidates of one polarity that have a score, the highest first."""
    weight = SHADOW_WEIGHT if widest == layers.NARROW_STROKE else 1
    found = []
    for layer in layers.find_layers(image, dark, widest):
        prominence = weight * _prominence(layer)
        for seed in np.argsort(-prominence)[:SEEDS].tolist():
            if prominence[seed] > 0:
                found += _rated(layer, seed, prominence[seed])
    return _ranked(found)


def _prominence(layer: Layer) -> np.ndarray:
    """Rank components by size, place and light: of all that is in sight, a sheet is the brightest.

    Returns
    -------
    float array (N,)
        In pixels; 0 for the background and for specks.
    """
    left, top, width, height, area = layer.stats.T
    rows, columns = layer.grey.shape
    away = np.hypot((left + width / 2) / columns - 1 / 2, (top + height / 2) / rows - 1 / 2)
    counts = np.maximum(width, height) >= max(layers.FILTER, MIN_SEED * min(rows, columns))
    counts[0] = False
    light = np.minimum(1, layer.light / max(1, layer.paper.max()))
    weight = np.where(layer.touching, TOUCHING_WEIGHT, 1)
    return counts * np.sqrt(area) * (1 - away) * light ** 2 * weight


def _rated(layer: Layer, seed: int, prominence: float) -> list[Candidate]:
    """Make candidates of a component with its pieces, and alone, each with a score if it has one."""
    areas, sizes = layer.stats[:, cv2.CC_STAT_AREA], layer.stats[:, 2:4]
    pieces, large = join_pieces(layer, seed), layers.is_large(layer.grey)
    found = []
    for numbers in (pieces, [seed]) if large and len(pieces) > 1 else (pieces,):
        candidate, area = Candidate.of_components(layer, numbers), areas[numbers].sum()
        where = candidate.where
        mask = candidate.mask(where)
        likeness = thinness(mask, sizes[numbers].max())
        if likeness:
            likeness *= contrast(layer.grey[where], layer.ink[where], mask)
        likeness = likeness if large else max(likeness, MIN_LIKENESS_OF_SMALL)
        size = prominence * max(MIN_SHARE, area / areas[pieces].sum())
        size *= np.sqrt(min(2, area / areas[seed]))  # many crumbs are no digit
        found += [candidate._replace(likeness=likeness, score=size * likeness)] if likeness else []
    return found


def join_pieces(layer: Layer, seed: int) -> list[int]:
    """Return the numbers of the components that seem to be pieces of the same digit as `seed`.

    Pieces of a digit lie next to, above or below the largest on the same paper, or clutter would
    join to clutter all over the image. One as tall as the digit is probably another digit: it must
    be almost in touch.
    """
    left, top, width, height, area = layer.stats.T
    right, bottom = left + width, top + height
    box, light = layer.box(seed), layer.light.astype(np.float32) + layers.NOISE_FLOOR
    beside = (np.minimum(box.bottom, bottom) > np.maximum(box.top, top))
    above = (np.minimum(box.right, right) > np.maximum(box.left, left))
    same_light = np.abs(np.log(light / light[seed])) < MAX_LIGHT_RATIO
    free = (area > MIN_PIECE * area[seed]) & (~layer.touching | layer.touching[seed])
    free &= beside | above
    free[[0, seed]] = False
    chosen, more = [seed], np.flatnonzero(free)
    while more.size:
        tall = np.minimum(height, box.height) > TALL_PIECE * np.maximum(height, box.height)
        both = np.maximum(np.maximum(box.right, right) - np.minimum(box.left, left),
                          np.maximum(box.bottom, bottom) - np.minimum(box.top, top))
        gap = np.maximum(np.maximum(box.left, left) - np.minimum(box.right, right),
                         np.maximum(box.top, top) - np.minimum(box.bottom, bottom))
        allowed = np.where(~same_light, GAP_IN_SHADOW, np.where(tall, GAP_TO_TALL, GAP))
        largest = MAX_DIGIT * layer.stats[chosen, 2:4].max()
        more = np.flatnonzero(free & (gap <= allowed * both) & (both <= largest))
        free[more] = False
        chosen.extend(more.tolist())
        box = Box.around([layer.box(number) for number in chosen])
    return chosen


def prepare(source: ImageSource) -> Prepared:
    """Turn an image of one digit into what MNIST would have made of it.

    The paper's light is estimated and divided away; strokes are sought on a reduced copy in both
    polarities; the most prominent candidate is cut out at full size, scaled, thickened and centred.

    Parameters
    ----------
    source : path, PIL image or array
        Whatever :func:`mnist_tutorial.reading.load_grey` reads. Of several digits the most
        prominent counts.

    Raises
    ------
    ImageError
        If `source` is no readable image; NoDigitError if nothing on it looks like ink.
    """
    grey, scale = load_reduced(source)
    strokes, place = cut_out(grey, next(find_digits(layers.shrink(grey, SEARCH_SIDE))))
    ink = np.zeros_like(grey)
    ink[place.slices()] = strokes
    return Prepared(grey, ink, Box(*cv2.boundingRect(ink)), fit_to_mnist(strokes), scale)


def steps(source: ImageSource) -> dict[str, np.ndarray]:
    """Return all that lies between an image and the network's input, to look at.

    Parameters
    ----------
    source : path, PIL image or array
        What :func:`prepare` takes; the same errors are raised.

    Returns
    -------
    dict of str to uint8 array (H, W)
        In the order in which they are made: the image in grey, the light of its bare paper, the
        ink (the share of that light which is missing), the strokes that belong to the digit, the
        digit scaled to 20 pixels and as thick as MNIST's, and that with its centre of mass in the
        middle of 28x28.
    """
    prepared = prepare(source)
    layer = next(find_digits(layers.shrink(prepared.grey, SEARCH_SIDE))).layer
    missing, digit = layer.ink.clip(0), prepared.ink[prepared.box.slices()]
    return {"grey": layer.image, "light of the paper": layer.paper if layer.dark else 255 - layer.paper,
            "ink": (255 * missing / missing.max()).astype(np.uint8), "the digit": digit,
            f"{DIGIT_SIDE} pixels": scale_to_box(digit), f"{SIZE}x{SIZE}": prepared.picture}
