"""Where the ink is: the paper's light divided away, and the strokes that then stand out."""

from __future__ import annotations

from typing import Iterator, NamedTuple

import cv2
import numpy as np

PAPER = 160     # longest side of the copy on which the paper's light is estimated
DARK = 16       # grey levels below which a camera sees noise, and shares of it mean nothing
FAINT = 0.06    # share of the paper's light that the faintest pencil takes away
SMALL = 56      # shortest side in pixels up to which strokes may be no wider than the 3x3 filters
TINY = 20       # longest side in pixels up to which a picture has no room for more than its digit
WIDEST = 0.34   # strokes are narrower than that, as a share of the shortest side
NARROW = 0.14   # the same where the shadows of fingers lie among the strokes
BESIDE = 19     # pixels around a place in which its stroke is sought: a blurred one's edge alone is too light
SAME = 0.25     # largest difference (of logarithms) between the light of one sheet in two places
RULE = 0.02     # thickest ruled line, as a share of the page's shortest side
ACROSS = 0.6    # shortest ruled line, as a share of the side along which it runs


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


def layers(grey: np.ndarray, dark: bool, narrow: bool = False) -> Iterator[Layer]:
    """Split a picture into components above each threshold, dark on light or light on dark.

    What is wider than any stroke, or where `narrow` as wide as a finger's shadow, belongs to the paper.
    """
    grey = grey if dark else 255 - grey
    paper = light_of_paper(grey, NARROW if narrow else WIDEST)
    ink, noise = measure(grey, paper)
    if large(grey):
        ink = cv2.GaussianBlur(ink, (3, 3), 0)
    for level in _levels(ink, noise):
        labels, stats = _components(_unruled((ink > level).view(np.uint8)))
        yield Layer(grey, paper, ink, dark, labels, stats, _touching(stats, grey.shape))


def _components(mask: np.ndarray) -> tuple:
    """Label connected pixels, with the algorithm that is quickest on one core."""
    labels, stats = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_GRANA)[1:3]
    stats[stats[:, cv2.CC_STAT_AREA] == 0] = 0  # of a ground without pixels OpenCV gives a box far outside
    return labels, stats


def _unruled(mask: np.ndarray) -> np.ndarray:
    """Take ruled lines out of a mask: thin, straight, right across the page, and several of them.

    A stroke that crosses a line goes on below it: a closing gives it back what the line took.
    """
    thick = 2 + round(RULE * min(mask.shape))
    for line, across in ((np.s_[None, :], np.s_[:, None]), (np.s_[:, None], np.s_[None, :])):
        ruled = _lines(mask, thick, line, across)
        if ruled is not None:
            rest = cv2.subtract(mask, ruled)
            bridged = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, np.ones(1 + thick, np.uint8)[across])
            mask = cv2.bitwise_or(rest, cv2.bitwise_and(bridged, mask))
    return mask


def _lines(mask: np.ndarray, thick: int, line: tuple, across: tuple) -> np.ndarray | None:
    """Give the pixels of the ruled lines in one direction, or None where there are fewer than three."""
    side = 0 if line[0] is None else 1
    length = mask.shape[1 - side]
    thin = cv2.subtract(mask, cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones(thick, np.uint8)[across]))
    if cv2.countNonZero(thin) < 3 * ACROSS * length:  # the usual case, and quickly told
        return None
    wide = cv2.dilate(thin, np.ones(3, np.uint8)[across])  # or a line that slopes falls to short steps
    wide = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones(2 * thick, np.uint8)[line])  # and one that is crossed
    runs = cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones(max(9, length // 10), np.uint8)[line])
    labels, stats = _components(runs)
    long = stats[:, cv2.CC_STAT_WIDTH + side] > ACROSS * length
    long[0] = False
    if long.sum() < 3:
        return None
    return cv2.bitwise_and(thin, long.astype(np.uint8).take(labels))


def _touching(stats: np.ndarray, shape: tuple) -> np.ndarray:
    x, y, w, h = stats.T[:4]
    return (x == 0) | (y == 0) | (x + w == shape[1]) | (y + h == shape[0])


def light_of_paper(grey: np.ndarray, widest: float = WIDEST) -> np.ndarray:
    """Estimate the light of the bare paper under dark strokes.

    A closing wider than any stroke fills the strokes and nothing else: it leaves a shadow's edge
    where it is, which a blur would smear.
    """
    small = shrink(grey, PAPER)
    if large(grey):
        small = cv2.medianBlur(small, 3)  # a closing would climb on every bright speck of noise
    width = max(3, int(min(small.shape) * widest))
    padded = cv2.copyMakeBorder(small, *[width] * 4, cv2.BORDER_REPLICATE)  # or slopes end in a step
    paper = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    paper = paper[width:-width, width:-width]
    if small.shape != grey.shape:  # enlarging blurs a shadow's edge: let its dark side win
        paper = cv2.erode(paper, np.ones((3, 3), np.uint8))
    return cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)


def brightest(paper: np.ndarray) -> float:
    """Give the light of the brightest thing as large as a sheet."""
    small = paper[::4, ::4]
    width = max(1, min(small.shape) // 4)
    return float(cv2.erode(small, np.ones((width, width), np.uint8)).max())


def measure(grey: np.ndarray, paper: np.ndarray) -> tuple:
    """Measure how much darker than its paper each pixel is, as a share of the paper's light.

    Returns the share, 0 where the paper is bare, and the standard deviation of its noise, both
    from low percentiles: ink may cover half of a crop. (A normal law has 0.67 and 0.545 there.)
    """
    ink = cv2.subtract(paper, grey, dtype=cv2.CV_32F) / cv2.add(paper, DARK, dtype=cv2.CV_32F)
    if max(grey.shape) <= TINY:  # too few pixels to tell noise from strokes
        return ink, 0.0
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


def whole(grey: np.ndarray) -> Group | None:
    """Take a tiny picture (the 8x8 and 16x16 of other collections) for one digit; None if it is even.

    Its strokes reach the border on all sides, so neither paper nor components tell ink from ground:
    ink is what covers less.
    """
    low, high = float(grey.min()), float(grey.max())
    dark = bool(grey.mean() > (low + high) / 2)
    grey = grey if dark else 255 - grey
    paper = np.full_like(grey, round(percentile(grey, 75)))
    ink, _ = measure(grey, paper)
    mask = (ink > max(FAINT, 0.2 * ink.max())).astype(np.uint8)
    return Group(mask, paper, (slice(0, grey.shape[0]), slice(0, grey.shape[1])), dark) if mask.any() else None


def gather(layer: Layer, seed: int) -> list:
    """Join to one component the pieces of the same digit; return all of them and their patch.

    Pieces of a digit lie beside, above or below the largest on the same paper, else clutter would join
    to clutter all over the picture. One as tall as the digit is probably another digit: it must be almost in touch.
    """
    x, y, w, h, area = layer.stats.T
    left, top, right, bottom = x, y, x + w, y + h
    a, b, c, d = left[seed], top[seed], right[seed], bottom[seed]
    light = layer.paper[y + h // 2, x + w // 2].astype(np.float32) + DARK
    beside = (np.minimum(d, bottom) > np.maximum(b, top)) | (np.minimum(c, right) > np.maximum(a, left))
    alike = np.abs(np.log(light / light[seed])) < SAME
    free = (area > 0.02 * area[seed]) & (~layer.touching | layer.touching[seed]) & beside
    free[[0, seed]] = False
    chosen, more = [seed], np.flatnonzero(free)
    while more.size:
        tall = np.minimum(h, d - b) > 0.7 * np.maximum(h, d - b)
        both = np.maximum(np.maximum(c, right) - np.minimum(a, left), np.maximum(d, bottom) - np.minimum(b, top))
        gap = np.maximum(np.maximum(a - right, left - c), np.maximum(b - bottom, top - d))
        reach = 2.5 * max(w[chosen].max(), h[chosen].max())
        near = np.where(~alike, 0.05, np.where(tall, 0.1, 0.25))  # the edge of a shadow may cut a digit
        more = np.flatnonzero(free & (gap <= near * both) & (both <= reach))
        free[more] = False
        chosen.extend(more.tolist())
        a, b, c, d = left[chosen].min(), top[chosen].min(), right[chosen].max(), bottom[chosen].max()
    alone = patch((left[seed], top[seed], right[seed], bottom[seed]))
    return [([seed], alone)] + [(chosen, patch((a, b, c, d)))] * (len(chosen) > 1)


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
    """Cut the strokes of a group out of its patch at full size, as uint8 ink; all 0 where they are lost in noise."""
    size = grey.shape[::-1]
    ink, noise = measure(grey if group.dark else 255 - grey,
                         cv2.resize(group.paper, size, interpolation=cv2.INTER_LINEAR))
    reach = 3 if large(grey) else 5  # pixels of the reduced copy: a stroke's soft edge
    near = cv2.dilate(group.mask, np.ones((reach, reach), np.uint8))
    ink *= cv2.resize(near, size, interpolation=cv2.INTER_NEAREST)
    ink[ink < 2 * noise] = 0
    if not ink.any():  # too faint to measure
        return np.zeros(ink.shape, np.uint8)
    peak = percentile(ink[ink > ink.max() / 4], 75) if large(grey) else ink.max()
    return (np.minimum(ink / peak, 1) * 255).round().astype(np.uint8)


def contrast(grey: np.ndarray, ink: np.ndarray, mask: np.ndarray, alone: bool = False) -> float:
    """Rate from 0 to 1 how evenly the strokes stand out from what lies around them.

    The hole of a 0 looks like light ink, but is no lighter than the paper around the 0; clutter
    is no darker than some of its neighbours. Each place is compared with the stroke beside it: across the
    edge of a shadow both are darker by the same factor. Where the strokes are `alone` on even
    paper, that stroke is sought as far away as it is thick: an enlarged picture has edges as broad as that.
    """
    around = percentile(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]), 50)
    level, share = cv2.mean(grey, mask)[0], cv2.mean(ink, mask)[0]
    height = min(1, max(0, (around - level) / (around + DARK) / share))
    soft = cv2.dilate(mask, np.ones((3, 3), np.uint8))  # the strokes with their soft edge
    fence = cv2.subtract(cv2.dilate(soft, np.ones((3, 3), np.uint8)), soft)
    side = max(BESIDE, 4 * int(stroke_depth(mask).max()) + 1) if alone else BESIDE
    total, pixels = (cv2.boxFilter(part, cv2.CV_32F, (side, side)) for part in (cv2.multiply(grey, mask), mask))
    beside = total / np.maximum(pixels, 0.01) + DARK  # the light of the strokes next to each place
    lighter = cv2.compare(grey + np.float32(DARK), beside * (0.6 + 0.4 * (around + DARK) / (level + DARK)), cv2.CMP_GT)
    even = cv2.mean(lighter, fence)[0] / 255 if fence.any() else 1
    return share ** 0.5 * height * even ** 4


def thinness(mask: np.ndarray, longest: float) -> float:
    """Rate from 0 to 1: strokes are thin for their length, a sheet of paper or a thumb is not."""
    return max(0, 1 - (2 * stroke_depth(mask).max() - 1) / longest / 0.5) ** 2


def stroke_depth(mask: np.ndarray) -> np.ndarray:
    """Give the distance of each pixel of ink from the ground: float32, of the mask's shape."""
    return cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)[1:-1, 1:-1]
