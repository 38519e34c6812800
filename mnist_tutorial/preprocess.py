"""What the network eats: one definition for training, pictures, webcam and pad alike.

MNIST's own convention (https://yann.lecun.com/exdb/mnist/): light ink on dark ground, the digit
scaled to fit a 20x20 box with its grey levels kept, its centre of mass in the middle of 28x28.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch

from .images import ImageError, ImageSource, load_grey, load_reduced

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
PAPER = 160     # longest side of the copy on which the paper's light is estimated
DARK = 16       # grey levels below which a camera sees noise, and shares of it mean nothing
FAINT = 0.06    # share of the paper's light that the faintest pencil takes away
FINE = 4        # strokes are measured and thickened on a grid this many times finer
THIN, THICK = 2.6, 4.5  # stroke widths in pixels between which most of MNIST's lie


class _Group(NamedTuple):
    """Strokes that may be the digit, as a patch of the reduced copy."""

    score: float
    mask: np.ndarray   # uint8, 1 = ink
    paper: np.ndarray  # the light of the bare paper
    where: tuple       # the two slices of the patch
    dark: bool         # dark on light; else light on dark, and `paper` is for the inverted copy


def naive_resize(source: ImageSource) -> np.ndarray:
    """Resize to 28x28 and nothing else: the usual way, for comparison; uint8 array (28, 28)."""
    return cv2.resize(load_grey(source), (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def _shrink(grey: np.ndarray, longest: int) -> np.ndarray:
    """Reduce to `longest` pixels on the longest side; leave smaller pictures as they are."""
    scale = min(1, longest / max(grey.shape))
    return cv2.resize(grey, [max(1, round(side * scale)) for side in grey.shape[::-1]], interpolation=cv2.INTER_AREA)


def _paper(grey: np.ndarray) -> np.ndarray:
    """Estimate the light of the bare paper under dark strokes.

    A closing wider than any stroke fills the strokes and nothing else: it leaves a shadow's edge
    where it is, which a blur would smear.
    """
    small = _shrink(grey, PAPER)
    if _large(grey):
        small = cv2.medianBlur(small, 3)  # a closing would climb on every bright speck of noise
    width = max(3, min(small.shape) // 3)
    padded = cv2.copyMakeBorder(small, *[width] * 4, cv2.BORDER_REPLICATE)  # or slopes end in a step
    paper = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    paper = paper[width:-width, width:-width]
    if small.shape != grey.shape:  # enlarging blurs a shadow's edge: let its dark side win
        paper = cv2.erode(paper, np.ones((3, 3), np.uint8))
    return cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _large(grey: np.ndarray) -> bool:
    """Tell whether strokes are wider than the 3x3 filters that take the noise away."""
    return min(grey.shape) > 2 * SIZE


def _ink(grey: np.ndarray, paper: np.ndarray) -> tuple:
    """Measure how much darker than its paper each pixel is, as a share of the paper's light.

    Returns the share, 0 where the paper is bare, and the standard deviation of its noise, both
    from low percentiles: ink may cover half of a crop. (A normal law has 0.67 and 0.545 there.)
    """
    ink = cv2.subtract(paper, grey, dtype=cv2.CV_32F) / cv2.add(paper, DARK, dtype=cv2.CV_32F)
    sample = ink[::1 + len(ink) // 100]
    lag = 4 if _large(grey) else 1  # pixels: the grain of paper and of JPEG is some pixels wide
    steps = np.abs(sample[:, lag:] - sample[:, :-lag])
    noise = float(np.percentile(steps, 30)) / 0.545 if steps.size else 0.0
    return ink - (float(np.percentile(sample, 25)) + 0.67 * noise), noise


def _levels(ink: np.ndarray, noise: float):
    """Give the thresholds to try: just above the noise, and between ruled lines and ink (Otsu)."""
    floor = max(FAINT, 5 * noise, 0.2 * float(ink.max()))
    values = (ink[ink > floor].clip(0, 1) * 255).astype(np.uint8)
    return [floor, cv2.threshold(values, 0, 255, cv2.THRESH_OTSU)[0] / 255] if values.size else []


def _groups(grey: np.ndarray, paper: np.ndarray, dark: bool):
    """Give the groups of dark strokes that might be the digit."""
    ink, noise = _ink(grey, paper)
    if _large(grey):
        ink = cv2.GaussianBlur(ink, (3, 3), 0)
    for level in _levels(ink, noise):
        labels, stats = cv2.connectedComponentsWithStats((ink > level).astype(np.uint8), connectivity=8)[1:3]
        rank, touching = _rank(stats, grey.shape)
        for seed in np.argsort(-rank)[:4]:
            if rank[seed] > 0:
                chosen, where = _gather(int(seed), stats, touching)
                mask = np.isin(np.arange(len(stats)), chosen).astype(np.uint8)[labels[where]]
                likely = _contrast(grey[where], ink[where], mask) * _thinness(mask, stats[chosen, 2:4].max())
                if not _large(grey):
                    likely = max(likely, 1e-3)  # a crop without margin shows no paper around its digit
                if likely > 0:
                    whole = min(2, mask.sum() / stats[seed, cv2.CC_STAT_AREA])  # many crumbs are no digit
                    yield _Group(rank[seed] * whole ** 0.5 * likely, mask, paper[where], where, dark)


def _rank(stats: np.ndarray, shape: tuple) -> tuple:
    """Rank components by size and place, and tell which touch the picture's border.

    What touches is a desk, a shadow or a ruled line, unless there is nothing else.
    """
    x, y, w, h, area = stats.T
    height, width = shape
    touching = (x == 0) | (y == 0) | (x + w == width) | (y + h == height)
    away = np.hypot((x + w / 2) / width - 0.5, (y + h / 2) / height - 0.5)
    speck = np.maximum(w, h) < max(3, 0.035 * min(shape))
    speck[0] = True  # the ground
    return np.sqrt(area) * (1 - away) * np.where(touching, 0.1, 1) * ~speck, touching


def _gather(seed: int, stats: np.ndarray, touching: np.ndarray) -> tuple:
    """Join to one component the pieces of the same digit; return all of them and their patch.

    A piece as tall as the digit is probably another digit: it must be almost in touch.
    """
    x, y, w, h, area = stats.T
    left, top, right, bottom = x, y, x + w, y + h
    a, b, c, d = left[seed], top[seed], right[seed], bottom[seed]
    free = (area > 0.02 * area[seed]) & (~touching | touching[seed])
    free[[0, seed]] = False
    chosen, more = [seed], np.array([seed])
    while more.size:
        tall = np.minimum(h, d - b) > 0.7 * np.maximum(h, d - b)
        both = np.maximum(np.maximum(c, right) - np.minimum(a, left), np.maximum(d, bottom) - np.minimum(b, top))
        gap = np.maximum(np.maximum(a - right, left - c), np.maximum(b - bottom, top - d))
        more = np.flatnonzero(free & (gap <= np.where(tall, 0.1, 0.25) * both))
        free[more] = False
        chosen.extend(more.tolist())
        a, b, c, d = left[chosen].min(), top[chosen].min(), right[chosen].max(), bottom[chosen].max()
    margin = 3 + max(c - a, d - b) // 8
    return chosen, (slice(max(0, b - margin), d + margin), slice(max(0, a - margin), c + margin))


def _contrast(grey: np.ndarray, ink: np.ndarray, mask: np.ndarray) -> float:
    """Rate from 0 to 1 how evenly the strokes stand out from what lies around them.

    The hole of a 0 looks like light ink, but is no lighter than the paper around the 0; clutter
    is no darker than some of its neighbours.
    """
    strokes = mask > 0
    around = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    level, share = float(grey[strokes].mean()), float(ink[strokes].mean())
    contrast = min(1, max(0, (around - level) / (around + DARK) / share))
    fence = cv2.dilate(mask, np.ones((5, 5), np.uint8)) > cv2.dilate(mask, np.ones((3, 3), np.uint8))
    even = (grey[fence] - level > 0.4 * (around - level)).mean() if fence.any() else 1
    return np.sqrt(share) * contrast * even ** 4


def _thinness(mask: np.ndarray, longest: int) -> float:
    """Rate from 0 to 1: strokes are thin for their length, a sheet of paper or a thumb is not."""
    depth = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
    return max(0, 1 - (2 * depth.max() - 1) / longest / 0.4) ** 2


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


def _find(grey: np.ndarray) -> _Group:
    """Find the most prominent group of strokes, dark on light or light on dark."""
    found = [*_groups(grey, _paper(grey), True), *_groups(255 - grey, _paper(255 - grey), False)]
    if not found:
        raise NoDigitError("no ink found: expected a digit that stands out from its ground, got an even picture")
    return max(found, key=lambda group: group.score)


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
    small = _shrink(grey, SEARCH)
    group = _find(small)
    ink = np.zeros_like(grey)
    where = tuple(slice(part.start * full // less, min(full, -(-part.stop * full // less)))
                  for part, full, less in zip(group.where, grey.shape, small.shape))
    ink[where] = _cut(grey[where], group)
    return Prepared(grey, ink, cv2.boundingRect(ink), fit_to_mnist(ink), scale)


def _cut(grey: np.ndarray, group: _Group) -> np.ndarray:
    """Cut the strokes of a group out of its patch at full size, as uint8 ink."""
    size = grey.shape[::-1]
    ink, noise = _ink(grey if group.dark else 255 - grey, cv2.resize(group.paper, size, interpolation=cv2.INTER_LINEAR))
    reach = 3 if _large(grey) else 5  # pixels of the reduced copy: a stroke's soft edge
    near = cv2.dilate(group.mask, np.ones((reach, reach), np.uint8))
    ink[(cv2.resize(near, size, interpolation=cv2.INTER_NEAREST) == 0) | (ink < 2 * noise)] = 0
    peak = np.percentile(ink[ink > ink.max() / 4], 75) if _large(grey) else ink.max()
    return (np.minimum(ink / peak, 1) * 255).round().astype(np.uint8)


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
    return pictures.reshape(-1, 1, SIZE, SIZE).float().div(255).sub_(MEAN).div_(STD)
