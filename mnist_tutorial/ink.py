"""Where the ink is: the paper's light divided away, and the strokes that then stand out."""

from __future__ import annotations

from typing import Iterator, NamedTuple

import cv2
import numpy as np

PAPER = 160     # longest side of the copy on which the paper's light is estimated
DARK = 16       # grey levels below which a camera sees noise, and shares of it mean nothing
FAINT = 0.06    # share of the paper's light that the faintest pencil takes away
SMALL = 56      # shortest side in pixels up to which strokes may be no wider than the 3x3 filters


class Layer(NamedTuple):
    """One reading of a picture: strokes of one polarity above one threshold, as components.

    Attributes
    ----------
    grey, paper : uint8 arrays (H, W)
        The picture with its strokes dark, and the light of the bare paper.
    ink : float32 array (H, W)
        Share of the paper's light that is missing.
    dark : bool
        Dark on light; else `grey` is the inverted picture.
    labels : int32 array (H, W)
        Number of each pixel's component, 0 = ground.
    stats : int32 array (N, 5)
        x, y, width, height and area of each component, in pixels.
    touching : bool array (N,)
        Which components touch the picture's border.
    """

    grey: np.ndarray
    paper: np.ndarray
    ink: np.ndarray
    dark: bool
    labels: np.ndarray
    stats: np.ndarray
    touching: np.ndarray

    def mask(self, chosen, where: tuple) -> np.ndarray:
        """Give the pixels of the chosen components in a patch: uint8, 1 = ink."""
        table = np.zeros(len(self.stats), np.uint8)
        table[chosen] = 1
        return table.take(self.labels[where])


class Group(NamedTuple):
    """Strokes that may be one digit, as a patch of the reduced copy.

    Attributes
    ----------
    mask : uint8 array (h, w)
        1 = ink.
    paper : uint8 array (h, w)
        The light of the bare paper; for light on dark that of the inverted copy.
    where : tuple of slice
        The rows and columns of the patch.
    dark : bool
        Dark on light.
    """

    mask: np.ndarray
    paper: np.ndarray
    where: tuple
    dark: bool


def shrink(grey: np.ndarray, longest: int) -> np.ndarray:
    """Reduce to `longest` pixels on the longest side; leave smaller pictures as they are."""
    scale = min(1, longest / max(grey.shape))
    return cv2.resize(grey, [max(1, round(side * scale)) for side in grey.shape[::-1]], interpolation=cv2.INTER_AREA)


def large(grey: np.ndarray) -> bool:
    """Tell whether strokes are wider than the 3x3 filters that take the noise away."""
    return min(grey.shape) > SMALL


def layers(grey: np.ndarray, dark: bool) -> Iterator[Layer]:
    """Split a picture into components above each threshold, dark on light or light on dark."""
    grey = grey if dark else 255 - grey
    paper = _paper(grey)
    ink, noise = measure(grey, paper)
    if large(grey):
        ink = cv2.GaussianBlur(ink, (3, 3), 0)
    for level in _levels(ink, noise):
        labels, stats = _components((ink > level).view(np.uint8))
        yield Layer(grey, paper, ink, dark, labels, stats, _touching(stats, grey.shape))


def _components(mask: np.ndarray) -> tuple:
    """Label connected pixels, with the algorithm that is quickest on one core."""
    return cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_GRANA)[1:3]


def _touching(stats: np.ndarray, shape: tuple) -> np.ndarray:
    x, y, w, h = stats.T[:4]
    return (x == 0) | (y == 0) | (x + w == shape[1]) | (y + h == shape[0])


def _paper(grey: np.ndarray) -> np.ndarray:
    """Estimate the light of the bare paper under dark strokes.

    A closing wider than any stroke fills the strokes and nothing else: it leaves a shadow's edge
    where it is, which a blur would smear.
    """
    small = shrink(grey, PAPER)
    if large(grey):
        small = cv2.medianBlur(small, 3)  # a closing would climb on every bright speck of noise
    width = max(3, min(small.shape) // 3)
    padded = cv2.copyMakeBorder(small, *[width] * 4, cv2.BORDER_REPLICATE)  # or slopes end in a step
    paper = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    paper = paper[width:-width, width:-width]
    if small.shape != grey.shape:  # enlarging blurs a shadow's edge: let its dark side win
        paper = cv2.erode(paper, np.ones((3, 3), np.uint8))
    return cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)


def measure(grey: np.ndarray, paper: np.ndarray) -> tuple:
    """Measure how much darker than its paper each pixel is, as a share of the paper's light.

    Returns the share, 0 where the paper is bare, and the standard deviation of its noise, both
    from low percentiles: ink may cover half of a crop. (A normal law has 0.67 and 0.545 there.)
    """
    ink = cv2.subtract(paper, grey, dtype=cv2.CV_32F) / cv2.add(paper, DARK, dtype=cv2.CV_32F)
    sample = ink[::1 + len(ink) // 50]
    lag = 4 if large(grey) else 1  # pixels: the grain of paper and of JPEG is some pixels wide
    steps = np.abs(sample[:, lag:] - sample[:, :-lag])
    noise = percentile(steps, 30) / 0.545 if steps.size else 0.0
    return ink - np.float32(percentile(sample, 25) + 0.67 * noise), noise


def percentile(values: np.ndarray, percent: float) -> float:
    """Give NumPy's percentile without interpolation, several times as quickly."""
    return float(np.sort(values, axis=None)[round(percent / 100 * (values.size - 1))])


def _levels(ink: np.ndarray, noise: float) -> list:
    """Give the thresholds to try: just above the noise, and between ruled lines and ink (Otsu)."""
    floor = max(FAINT, 5 * noise, 0.2 * float(ink.max()))
    values = (ink[ink > floor].clip(0, 1) * 255).astype(np.uint8)
    return [floor, cv2.threshold(values, 0, 255, cv2.THRESH_OTSU)[0] / 255] if values.size else []


def gather(seed: int, stats: np.ndarray, touching: np.ndarray) -> tuple:
    """Join to one component the pieces of the same digit; return all of them and their patch.

    A piece as tall as the digit is probably another digit: it must be almost in touch.
    """
    x, y, w, h, area = stats.T
    left, top, right, bottom = x, y, x + w, y + h
    a, b, c, d = left[seed], top[seed], right[seed], bottom[seed]
    free = (area > 0.02 * area[seed]) & (~touching | touching[seed])
    free[[0, seed]] = False
    chosen, more = [seed], np.flatnonzero(free)
    while more.size:
        tall = np.minimum(h, d - b) > 0.7 * np.maximum(h, d - b)
        both = np.maximum(np.maximum(c, right) - np.minimum(a, left), np.maximum(d, bottom) - np.minimum(b, top))
        gap = np.maximum(np.maximum(a - right, left - c), np.maximum(b - bottom, top - d))
        more = np.flatnonzero(free & (gap <= np.where(tall, 0.1, 0.25) * both))
        free[more] = False
        chosen.extend(more.tolist())
        a, b, c, d = left[chosen].min(), top[chosen].min(), right[chosen].max(), bottom[chosen].max()
    return chosen, patch((a, b, c, d))


def patch(box: tuple) -> tuple:
    """Give the slices of a box (left, top, right, bottom) with some paper around it."""
    a, b, c, d = (int(side) for side in box)
    margin = 3 + max(c - a, d - b) // 8
    return slice(max(0, b - margin), d + margin), slice(max(0, a - margin), c + margin)


def enlarge(where: tuple, small: tuple, full: tuple) -> tuple:
    """Give the slices that cover on the full picture what `where` covers on the reduced one."""
    return tuple(slice(part.start * more // less, min(more, -(-part.stop * more // less)))
                 for part, more, less in zip(where, full, small))


def cut(grey: np.ndarray, group: Group) -> np.ndarray:
    """Cut the strokes of a group out of its patch at full size, as uint8 ink."""
    size = grey.shape[::-1]
    ink, noise = measure(grey if group.dark else 255 - grey,
                         cv2.resize(group.paper, size, interpolation=cv2.INTER_LINEAR))
    reach = 3 if large(grey) else 5  # pixels of the reduced copy: a stroke's soft edge
    near = cv2.dilate(group.mask, np.ones((reach, reach), np.uint8))
    ink *= cv2.resize(near, size, interpolation=cv2.INTER_NEAREST)
    ink[ink < 2 * noise] = 0
    peak = percentile(ink[ink > ink.max() / 4], 75) if large(grey) else ink.max()
    return (np.minimum(ink / peak, 1) * 255).round().astype(np.uint8)


def contrast(grey: np.ndarray, ink: np.ndarray, mask: np.ndarray) -> float:
    """Rate from 0 to 1 how evenly the strokes stand out from what lies around them.

    The hole of a 0 looks like light ink, but is no lighter than the paper around the 0; clutter
    is no darker than some of its neighbours.
    """
    around = percentile(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]), 50)
    level, share = cv2.mean(grey, mask)[0], cv2.mean(ink, mask)[0]
    height = min(1, max(0, (around - level) / (around + DARK) / share))
    soft = cv2.dilate(mask, np.ones((3, 3), np.uint8))  # the strokes with their soft edge
    fence = cv2.subtract(cv2.dilate(soft, np.ones((3, 3), np.uint8)), soft)
    lighter = cv2.compare(grey, level + 0.4 * (around - level), cv2.CMP_GT)
    even = cv2.mean(lighter, fence)[0] / 255 if fence.any() else 1
    return share ** 0.5 * height * even ** 4


def thinness(mask: np.ndarray, longest: int) -> float:
    """Rate from 0 to 1: strokes are thin for their length, a sheet of paper or a thumb is not."""
    depth = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
    return max(0, 1 - (2 * depth.max() - 1) / longest / 0.4) ** 2
