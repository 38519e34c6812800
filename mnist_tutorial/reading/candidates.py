"""What may be a digit: strokes that belong together, how much like a pen's they look, cut out."""

from typing import Any, Callable, NamedTuple

import cv2
import numpy as np

from . import layers
from .box import Box
from .layers import FILTER, NOISE_FLOOR, Layer, kernel

SOFT_EDGE, SOFT_EDGE_OF_SMALL = 3, 5  # pixels around a stroke; the latter in images like MNIST's
PEAK_PERCENTILE = 75   # of the darker ink; that is black, whatever a few darker pixels say
PAPER_PERCENTILE = 75  # of a tiny image: the light of its paper
MAX_STROKES = 500      # of an image: a checked cloth has thousands, each to be compared with each
MIN_STROKE = 0.008     # share of the longer side; what is smaller is a speck
NEIGHBOUR_SIDE = 19    # pixels around a place in which its stroke is sought ...
MIN_NEIGHBOURS = 0.01  # ... and share of them; a stroke that covers less has little say
MIN_STEP = 0.4         # share of the step from ink to paper that the paper next to it is lighter
EVENNESS_POWER = 4     # how hard uneven strokes are punished
BESIDE, NEAR = 11, 0.2  # pixels to the paper beside a stroke; what is nearby, as share of a digit
AS_DARK = 0.5          # share of a stroke's ink: what is as dark and touches it continues it
ONE_SHEET, EDGE = 0.24, 0.28  # most contrast there on a sheet, least at an edge; 1 is the ink's
MAX_THICKNESS = 0.5    # thickest place of a stroke as a share of the digit's longer side


class Stroke(NamedTuple):
    """The ink of one component, or of a part that was cut off it."""

    mask: np.ndarray         # uint8 (height, width) of the box, 1 = ink
    box: Box                 # in pixels of the layer
    cut: float = 0.0         # nats: cost of parting it from the stroke from which it was cut


class Candidate(NamedTuple):
    """Strokes of one layer that may be one digit; the most prominent has the highest score."""

    layer: Layer
    strokes: list[Stroke]
    box: Box                 # around all strokes, in pixels of the layer
    likeness: float = 0.0    # to strokes of a pen, 0 to 1
    score: float = 0.0       # size and place times likeness, in pixels
    prediction: Any = None   # the Prediction of what the networks read in it

    @classmethod
    def of(cls, layer: Layer, strokes: list[Stroke]) -> "Candidate":
        """Make one of strokes of a layer, one or more."""
        return cls(layer, strokes, Box.around([stroke.box for stroke in strokes]))

    @classmethod
    def of_tiny(cls, image: np.ndarray) -> "list[Candidate]":
        """Make one of a tiny image, uint8 (H, W), such as 8x8 or 16x16; none if it is even.

        Its strokes reach the border on all sides, so neither paper nor components tell ink from
        background: ink is what covers less.
        """
        dark = bool(2 * image.mean() > float(image.min()) + float(image.max()))
        grey = image if dark else 255 - image
        paper = np.full_like(grey, round(np.percentile(grey, PAPER_PERCENTILE)))
        ink, _ = layers.measure_ink(grey, paper)
        mask = (ink > max(layers.MIN_INK, layers.MIN_INK_OF_DARKEST * ink.max())).view(np.uint8)
        stroke = Stroke(mask, Box(0, 0, *grey.shape[::-1]))
        layer = Layer(image, grey, dark, paper, ink, mask)
        return [cls.of(layer, [stroke])] if mask.any() else []

    @property
    def belief(self) -> float:
        """How far its ink is believed to be a digit's, 0 to 1, by what is around it or beside it.

        A stroke has paper of one light on both sides, but for thin lines, which a closing removes;
        the edge of a finger or of a table has not.
        """
        if self.layer.belief is not None:
            return cv2.mean(self.layer.belief[self.box.slices()], self.mask())[0]
        where, mask = self.where, self.mask(self.where)
        grey = cv2.morphologyEx(self.layer.grey[where], cv2.MORPH_CLOSE, kernel(FILTER, FILTER))
        beside = cv2.dilate(mask, kernel(BESIDE, BESIDE)) - cv2.dilate(mask, kernel(FILTER, FILTER))
        side = 1 + int(NEAR * max(self.box[2:]))
        powers = grey[..., None] ** np.arange(3, dtype=np.float32) * beside[..., None]
        count, light, squares = cv2.split(cv2.blur(powers, (side, side)))
        variation = np.sqrt(np.maximum(count * squares / np.maximum(light, 1) ** 2 - 1, 0))
        contrast = cv2.mean(variation, mask)[0] / cv2.mean(self.layer.ink[where], mask)[0]
        return min(1, max(0, (EDGE - contrast) / (EDGE - ONE_SHEET)))

    def continued(self) -> float:
        """Return how far the ink that continues it nearby is a digit's, as a share of its belief.

        A whole digit has about 1, an arm of a plus sign less than a half.
        """
        where = self.box.slices(max(self.box[2:]), self.layer.grey.shape)
        mask, ink = self.mask(where), self.layer.ink[where]
        labels, _ = layers.label_components(mask | (ink > AS_DARK * cv2.mean(ink, mask)[0]))
        return self.layer.belief[where][np.isin(labels, labels[mask > 0])].mean() / self.belief

    @property
    def where(self) -> tuple[slice, slice]:
        """Rows and columns of its patch of the layer: its box with some paper around it."""
        return self.box.slices(3 + max(self.box.width, self.box.height) // 8, self.layer.grey.shape)

    def penlike(self) -> float:
        """Rate from 0 to 1 how much it looks like a pen's strokes: thin (no thumb is), evenly dark.

        The hole of a 0 looks like light ink, but is no lighter than the paper around the 0; clutter
        is no darker than some of its neighbours. Each place is compared with the stroke next to it:
        across the edge of a shadow both are darker by the same factor.
        """
        mask, longest = self.mask(self.where), max(max(stroke.box[2:]) for stroke in self.strokes)
        padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        thickness = 2 * cv2.distanceTransform(padded, cv2.DIST_L2, FILTER).max() - 1
        thin = max(0, 1 - thickness / longest / MAX_THICKNESS) ** 2
        if not thin:
            return 0.0
        grey, share = self.layer.grey[self.where], cv2.mean(self.layer.ink[self.where], mask)[0]
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        around, level = float(np.median(border)), cv2.mean(grey, mask)[0]
        height = min(1, max(0, (around - level) / (around + NOISE_FLOOR) / share))
        soft = cv2.dilate(mask, kernel(FILTER, FILTER))  # the strokes with their soft edge
        fence = cv2.subtract(cv2.dilate(soft, kernel(FILTER, FILTER)), soft)
        total, pixels = (cv2.boxFilter(part, cv2.CV_32F, (NEIGHBOUR_SIDE, NEIGHBOUR_SIDE))
                         for part in (cv2.multiply(grey, mask), mask))
        neighbour = total / np.maximum(pixels, MIN_NEIGHBOURS) + NOISE_FLOOR
        step = 1 + MIN_STEP * ((around + NOISE_FLOOR) / (level + NOISE_FLOOR) - 1)
        lighter = cv2.compare(grey + np.float32(NOISE_FLOOR), neighbour * step, cv2.CMP_GT)
        evenness = cv2.mean(lighter, fence)[0] / 255 if fence.any() else 1
        return thin * (np.sqrt(share) * height * evenness ** EVENNESS_POWER)

    def mask(self, where: tuple[slice, slice] | None = None) -> np.ndarray:
        """Draw its strokes into one mask of its box, or of a patch (h, w): uint8, 1 = ink."""
        rows, columns = where or self.box.slices()
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        for stroke in self.strokes:
            mask[stroke.box.moved(-columns.start, -rows.start).slices()] |= stroke.mask
        return mask


def list_strokes(layer: Layer, most: int = MAX_STROKES) -> list[Candidate]:
    """List the components of a layer that are no specks, one candidate each, the largest first."""
    labels, stats = layers.label_components(layer.mask)
    keep = stats[:, 2:4].max(axis=1) >= max(FILTER, MIN_STROKE * max(layer.grey.shape))
    keep[0] = False  # the background
    largest_first, strokes = np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable"), []
    for number in largest_first[keep[largest_first]][:most].tolist():
        box = Box(*stats[number, :4].tolist())
        mask = (labels[box.slices()] == number).view(np.uint8)
        strokes.append(Candidate.of(layer, [Stroke(mask, box)]))
    return strokes


def join_strokes(strokes: list[Candidate],
                 may_join: Callable[[Box, Box], bool]) -> list[Candidate]:
    """Join strokes of a layer, the lowest first, to the nearest one that `may_join` allows.

    It is asked for the boxes of a stroke and of one at least as high.
    """
    waiting, joined = sorted(strokes, key=lambda each: each.box.height), []
    while waiting:
        low = waiting.pop(0)
        near = [(low.box.gap(other.box), number) for number, other in enumerate(waiting)
                if may_join(low.box, other.box)]
        if near:
            number = min(near)[1]
            waiting[number] = Candidate.of(low.layer, low.strokes + waiting[number].strokes)
            waiting.sort(key=lambda each: each.box.height)
        else:
            joined.append(low)
    return joined


def cut_out(image: np.ndarray, candidate: Candidate) -> tuple[np.ndarray, Box]:
    """Cut the strokes out of the image (uint8 (H, W)) in which they were found, or a larger copy.

    Return them as uint8 (h, w), 0 = paper, 255 = the strongest ink, and where that is in `image`.
    """
    layer, (rows, columns) = candidate.layer, candidate.where
    (top, bottom), (left, right) = (  # all pixels of which those of the reduced copy were made
        (part.start * full // small, min(full, -(-part.stop * full // small)))
        for part, small, full in zip((rows, columns), layer.grey.shape, image.shape))
    grey = image[top:bottom, left:right]
    paper = cv2.resize(layer.paper[rows, columns], grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    ink, noise = layers.measure_ink(grey if layer.dark else 255 - grey, paper)
    large, mask = layers.is_large(grey), candidate.mask((rows, columns))
    reach = SOFT_EDGE if large else SOFT_EDGE_OF_SMALL
    near = cv2.dilate(mask, kernel(reach, reach))
    ink *= cv2.resize(near, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    ink[ink < 2 * noise] = 0
    if not ink.any():  # too faint to measure
        ink = cv2.resize(mask, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    peak = np.percentile(ink[ink > ink.max() / 4], PEAK_PERCENTILE) if large else ink.max()
    black = (np.minimum(ink / peak, 1) * 255).round().astype(np.uint8)
    return black, Box(left, top, right - left, bottom - top)
