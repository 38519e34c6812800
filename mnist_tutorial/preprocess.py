"""What the network eats: one definition for training, pictures, webcam and pad alike.

MNIST's own convention (https://yann.lecun.com/exdb/mnist/): light ink on dark ground, the digit
scaled to fit a 20x20 box with its grey levels kept, its centre of mass in the middle of 28x28.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np
import torch

from .images import ImageError, ImageSource, load_grey, load_reduced
from .ink import (
    TINY,
    Group,
    Layer,
    brightest,
    contrast,
    cut,
    enlarge,
    gather,
    large,
    layers,
    light_of_paper,
    measure,
    shrink,
    thinness,
    whole,
)

SIZE = 28       # pixels on each side of what the network sees
BOX = 20        # longest side of the digit inside it
MEAN = 0.1307   # of all 60,000 training pictures, pixels scaled to 0..1
STD = 0.3081


class NoDigitError(ImageError):
    """A readable picture on which no ink was found."""


class Prepared(NamedTuple):
    """The stages from a picture to the network's input.

    Attributes
    ----------
    grey : uint8 array (H, W)
        The picture, upright, 0 = black.
    ink : uint8 array (H, W)
        Strength of ink, 0 = paper, 255 = the darkest ink (or the lightest, for light on dark).
    box : tuple of int (x, y, width, height)
        Where the digit stands in `grey` and `ink`, in pixels.
    picture : uint8 array (28, 28)
        The digit as MNIST would have it: what the network sees.
    scale : float
        Pixels of the source for one of `grey`: above 1 where a large photo was reduced.
    """

    grey: np.ndarray
    ink: np.ndarray
    box: tuple
    picture: np.ndarray
    scale: float


SEARCH = 320    # longest side of the copy on which the digit is sought
LEAST = 0.3     # size in pixels times likeliness from which on strokes are worth a second look
LIKELY = 0.2    # how likely strokes look that are trusted to be a digit's
ALONE = 0.95    # share of all ink from which on a component is alone on the picture ...
EVEN = 0.95     # ... if the light of the paper is even: its darkest place, as a share of its brightest
FINE = 4        # strokes are measured and thickened on a grid this many times finer
THIN, THICK = 2.6, 4.5  # stroke widths in pixels between which most of MNIST's lie


def naive_resize(source: ImageSource) -> np.ndarray:
    """Resize to 28x28 and nothing else: the usual way, for comparison; uint8 array (28, 28)."""
    return cv2.resize(load_grey(source), (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def find_digit(grey: np.ndarray) -> Group:
    """Find the most prominent group of strokes, dark on light or light on dark."""
    if max(grey.shape) <= TINY:
        group = whole(grey)
    else:
        group = _likeliest(grey)
    if group is None:
        raise NoDigitError("no ink found: expected a digit that stands out from its ground, got an even picture")
    return group


def _likeliest(grey: np.ndarray) -> Group | None:
    """Give the best group of both polarities, None if there is none.

    The likelier polarity goes first; where it shows a convincing digit, the other is not tried. Where
    neither shows a likely one, the shadows of fingers may lie on it: taken for paper, they uncover it. Thick
    strokes fall to pieces there, so it counts for less.
    """
    light = np.median(grey[::4, ::4]) < 96
    found = []
    for dark in (not light, light):
        score, likely, group = _best(grey, dark)
        if score > 0.025 * grey.size ** 0.5 and likely > LIKELY:
            return group
        found.append((score, likely, group))
    score, likely, group = max(found, key=lambda rated: rated[0])
    if likely < LIKELY and large(grey):
        other, _, uncovered = _best(grey, not light, narrow=True)
        return uncovered if 0.7 * other > score else group
    return group


def _best(grey: np.ndarray, dark: bool, narrow: bool = False) -> tuple:
    """Give the best group of one polarity: its score, how likely its strokes are a digit's, and itself."""
    best = (0.0, 0.0, None)
    for rank, layer, seed in _seeds(grey, dark, narrow):
        if rank > best[0]:  # else it will hardly be better, and rating takes time
            best = max(best, _rate(rank, layer, seed, best[0]), key=lambda rated: rated[0])
    return best


def _seeds(grey: np.ndarray, dark: bool, narrow: bool) -> list:
    """List the components of one polarity that might be the digit, with their ranks, highest first."""
    found = []
    for layer in layers(grey, dark, narrow):
        rank = _rank(layer)
        found += [(float(rank[seed]), layer, int(seed)) for seed in np.argsort(-rank)[:4] if rank[seed] > 0]
    return sorted(found, key=lambda seed: -seed[0])


def _rank(layer: Layer) -> np.ndarray:
    """Rank components by size, place and light: of all that is in sight, a sheet is among the brightest.

    What touches the border is a desk, a shadow or a ruled line, unless there is nothing else.
    """
    x, y, w, h, area = layer.stats.T
    height, width = layer.grey.shape
    away = np.hypot((x + w / 2) / width - 0.5, (y + h / 2) / height - 0.5)
    speck = np.maximum(w, h) < max(3, 0.035 * min(height, width))
    speck[0] = True  # the ground
    light = layer.paper[y + h // 2, x + w // 2] / max(1, brightest(layer.paper))
    return np.sqrt(area) * (1 - away) * np.minimum(1, light) ** 2 * np.where(layer.touching, 0.1, 1) * ~speck


def _rate(rank: float, layer: Layer, seed: int, best: float) -> tuple:
    """Rate a component alone and with its pieces, carelessly once it is clear that `best` is out of reach."""
    area = layer.stats[:, cv2.CC_STAT_AREA]
    ways = gather(layer, seed)[0 if large(layer.grey) else -1:]  # a small crop holds no clutter
    alone = area[seed] > ALONE * area[1:].sum() and layer.paper.min() > EVEN * layer.paper.max()
    total = area[ways[-1][0]].sum()
    found: tuple[float, float, Group | None] = (-1.0, 0.0, None)
    for chosen, where in reversed(ways):
        size = rank * max(0.7, area[chosen].sum() / total)  # what is left out counts against it
        size *= min(2, area[chosen].sum() / area[seed]) ** 0.5  # many crumbs are no digit
        mask = layer.mask(chosen, where)
        likely = thinness(mask, layer.stats[chosen, 2:4].max())
        if size * likely > max(best, found[0]):
            likely *= contrast(layer.grey[where], layer.ink[where], mask, alone)
        if not large(layer.grey):
            likely = max(likely, 1e-3)  # a crop without margin shows no paper around its digit
        if size * likely > found[0]:
            found = (size * likely, likely, Group(mask, layer.paper[where], where, layer.dark))
    return found


def fit_to_mnist(ink: np.ndarray) -> np.ndarray:
    """Bring ink of any size to MNIST's 28x28: cropped, scaled, as thick and as centred as there.

    Parameters
    ----------
    ink : uint8 array (H, W)
        0 = ground, 255 = ink, nothing in it but the digit.

    Returns
    -------
    uint8 array (28, 28)
    """
    x, y, w, h = cv2.boundingRect(ink)
    if w == 0:
        raise NoDigitError("expected a picture with ink in it, got one that is all 0")
    return _centre(_scale(ink[y:y + h, x:x + w]))


def _scale(ink: np.ndarray) -> np.ndarray:
    """Scale the longest side to 20 pixels, and strokes towards MNIST's width."""
    if max(ink.shape) == BOX:
        return ink
    fine = _thicken(cv2.copyMakeBorder(_resize(ink, FINE * BOX), *[2 * FINE] * 4, cv2.BORDER_CONSTANT))
    x, y, w, h = cv2.boundingRect((fine > fine.max() / 4).astype(np.uint8))
    digit = _resize(fine[y:y + h, x:x + w], BOX).astype(np.float32)
    return (digit * (255 / digit.max())).round().astype(np.uint8)


def _resize(ink: np.ndarray, longest: int) -> np.ndarray:
    """Bring the longest side to `longest` pixels, keeping grey levels."""
    scale = longest / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    return cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _thicken(fine: np.ndarray) -> np.ndarray:
    """Thicken thin strokes and thin very thick ones, on the fine grid."""
    depth = cv2.distanceTransform((fine > 100).astype(np.uint8), cv2.DIST_L2, 3)
    if not depth.any():
        return fine
    width = 4 * depth[depth > 0].mean() / FINE  # the mean depth of a bar is a quarter of its width
    change = THIN - width if width < THIN else min(0, THICK - 0.5 - width)
    size = 1 + 2 * abs(round(change * FINE / 2))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(fine, kernel) if change > 0 else cv2.erode(fine, kernel)


def _centre(digit):
    """Set the digit's centre of mass on pixel (14, 14), as MNIST has it, cutting nothing off."""
    height, width = digit.shape
    moments = cv2.moments(digit)
    x = round(SIZE / 2 - moments["m10"] / moments["m00"])
    y = round(SIZE / 2 - moments["m01"] / moments["m00"])
    x, y = min(max(x, 0), SIZE - width), min(max(y, 0), SIZE - height)
    picture = np.zeros((SIZE, SIZE), np.uint8)
    picture[y:y + height, x:x + width] = digit
    return picture


def prepare(source: ImageSource) -> Prepared:
    """Turn a picture of one digit into what MNIST would have made of it.

    The paper's light is estimated and divided away; strokes are sought on a reduced copy in both
    polarities; the most prominent group is cut out at full size, scaled, thickened and centred.

    Parameters
    ----------
    source : path, PIL image or array
        Whatever :func:`mnist_tutorial.images.load_grey` reads. Of several digits the most prominent counts.

    Returns
    -------
    Prepared

    Raises
    ------
    ImageError
        If `source` is no readable picture.
    NoDigitError
        If nothing on it looks like ink.
    """
    grey, scale = load_reduced(source)
    small = shrink(grey, SEARCH)
    return _prepare(grey, scale, find_digit(small), small.shape)


def _prepare(grey: np.ndarray, scale: float, group: Group, searched: tuple) -> Prepared:
    """Cut a group, found on a copy of the shape `searched`, out of the picture and fit it."""
    where = enlarge(group.where, searched, grey.shape)
    ink = np.zeros_like(grey)
    ink[where] = cut(grey[where], group)
    return Prepared(grey, ink, tuple(cv2.boundingRect(ink)), fit_to_mnist(ink), scale)


def alternatives(prepared: Prepared) -> list[Prepared]:
    """List what else in the picture might be the digit, likeliest first, for when the first choice shows none.

    Among faces, fingers and furniture the most prominent strokes may be a chair's.
    """
    small = shrink(prepared.grey, SEARCH)
    if not large(small):
        return []
    light, found = bool(np.median(small[::4, ::4]) < 96), []
    for dark, narrow in ((not light, False), (light, False), (not light, True)):
        for rank, layer, seed in _seeds(small, dark, narrow):
            for chosen, where in gather(layer, seed):
                mask = layer.mask(chosen, where)
                score = rank * thinness(mask, layer.stats[chosen, 2:4].max())
                score *= contrast(layer.grey[where], layer.ink[where], mask)
                if score > LEAST:
                    found.append((score, Group(mask, layer.paper[where], where, layer.dark)))
    others = []
    for _, group in sorted(found, key=lambda rated: -rated[0]):
        with suppress(NoDigitError):  # too faint to be cut out
            others.append(_prepare(prepared.grey, prepared.scale, group, small.shape))
    return others


def steps(source: ImageSource) -> dict[str, np.ndarray]:
    """Give all that lies between a picture and the network's input, to look at.

    Parameters
    ----------
    source : path, PIL image or array
        What :func:`prepare` takes; the same errors are raised.

    Returns
    -------
    dict of str to uint8 array (H, W)
        In the order in which they are made: the picture in grey, the light of its bare paper, the ink (the share
        of that light which is missing), the strokes that belong to the digit, the digit scaled to 20 pixels and
        as thick as MNIST's, and that with its centre of mass in the middle of 28x28.
    """
    prepared = prepare(source)
    small = shrink(prepared.grey, SEARCH)
    dark = find_digit(small).dark
    ground = light_of_paper(small if dark else 255 - small)
    missing = measure(small if dark else 255 - small, ground)[0].clip(0)
    x, y, w, h = prepared.box
    digit = prepared.ink[y:y + h, x:x + w]
    return {"grey": small, "light of the paper": ground if dark else 255 - ground,
            "ink": (255 * missing / missing.max()).astype(np.uint8), "the digit": digit,
            f"{BOX} pixels": _scale(digit), f"{SIZE}x{SIZE}": prepared.picture}


def normalise(pictures) -> torch.Tensor:
    """Turn 28x28 pictures into the network's input.

    Parameters
    ----------
    pictures : uint8 array or tensor (28, 28) or (N, 28, 28), or list of arrays (28, 28)
        0 = ground, 255 = ink.

    Returns
    -------
    float32 tensor (N, 1, 28, 28)
        ``(pictures / 255 - MEAN) / STD``: bit for bit what torchvision's
        ``ToTensor`` and ``Normalize`` give.
    """
    pictures = torch.as_tensor(np.asarray(pictures) if isinstance(pictures, list) else pictures)
    if pictures.dtype != torch.uint8 or pictures.shape[-2:] != (SIZE, SIZE) or pictures.ndim > 3:
        raise ImageError(f"expected uint8 pictures of shape ({SIZE}, {SIZE}) or (N, {SIZE}, {SIZE}), "
                         f"got {pictures.dtype} of shape {tuple(pictures.shape)}")
    return pictures.reshape(-1, 1, SIZE, SIZE).float().div_(255).sub_(MEAN).div_(STD)
