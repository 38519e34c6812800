"""Where the ink is: the paper's light divided away, and the strokes that then stand out."""

from typing import Any, Iterator, NamedTuple, Sequence

import cv2
import numpy as np

from .ink import believe

PAPER_COPY_SIDE = 160  # pixels, longest side of the copy on which the paper's light is estimated
NOISE_FLOOR = 16       # grey levels; below it a camera sees noise, and shares of it mean nothing
MIN_INK = 0.06         # share of the paper's light that the faintest pencil takes away ...
MIN_INK_OF_DARKEST = 0.2   # ... at least as a share of the darkest ink in the image, and ...
MIN_INK_OF_NOISE = 5       # ... in standard deviations of the noise
SMALL_SIDE = 56        # pixels of the shorter side up to which a 3x3 filter could erase strokes
TINY_SIDE = 20         # pixels of the longer side up to which only one digit has room
STROKE_WIDTH = 0.34    # share of the shorter side; anything wider is paper or shadow
NARROW_STROKE = 0.14   # the same where the shadows of fingers lie among the strokes
DARK_BOARD = 96        # grey level; a median below it suggests light strokes on a dark board
RULE_WIDTH, RULE_LENGTH = 0.02, 0.6  # of a rule line, largest and least, as shares of the sides
RULE_RUN = 9           # pixels of a line between two crossing strokes
RULES = 3              # fewer straight lines than that are strokes
FILTER = 3             # pixels, side of the filters for noise and soft edges
INKY = 0.3             # belief from which a pixel is taken for ink of a digit
AROUND = 15            # pixels, side of what lies around a stroke
GRAIN = 4              # pixels, width of the grain of paper and of JPEG
# Of a normal distribution: standard deviations from mean to quartile, and a low percentile of the
# difference of two of its numbers.
QUARTILE, STEP_PERCENTILE, STEP_DEVIATION = 0.67, 30, 0.545


class Layer(NamedTuple):
    """One reading of an image (H, W): strokes of one polarity above one threshold."""

    image: np.ndarray   # uint8 (H, W), as it came
    grey: np.ndarray    # the same with its strokes dark: inverted if they are not `dark`
    dark: bool
    paper: np.ndarray   # uint8 (H, W), the light of the bare paper under dark strokes
    ink: np.ndarray     # float32 (H, W), the share of that light which is missing
    mask: np.ndarray    # uint8 (H, W), 1 = ink
    belief: Any = None  # float32 (H, W), and the touches: what :func:`believe` says of the image,
    touch: Any = None   # if it was asked


def shrink(grey: np.ndarray, longest: int) -> np.ndarray:
    """Reduce a uint8 image (H, W) to `longest` pixels on the longer side; keep a smaller one."""
    scale = min(1, longest / max(grey.shape))
    size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def is_large(grey: np.ndarray) -> bool:
    """Tell whether strokes in an image (H, W) are wider than the 3x3 filters against noise."""
    return min(grey.shape) > SMALL_SIDE


def is_paper(grey: np.ndarray) -> bool:
    """Tell whether an image, uint8 (H, W), seems to be light paper and no dark board."""
    return bool(np.median(grey[::4, ::4]) >= DARK_BOARD)


def page_layers(image: np.ndarray, longest: int) -> Iterator[Layer]:
    """Split a page, uint8 (H, W), into components: of ink that is believed a digit's, and of all.

    What is to be believed is seen on a copy of so many pixels on the longer side.
    """
    belief, touch = (cv2.resize(part, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
                     for part in believe(shrink(image, longest)))
    likely = (belief > INKY).astype(np.uint8)
    wide, soft = (cv2.dilate(likely, kernel(side, side)) for side in (AROUND, FILTER))
    around, dark = cv2.subtract(wide, soft), is_paper(image)
    if around.any():
        dark = cv2.mean(image, likely)[0] < cv2.mean(image, around)[0]
    for number, layer in enumerate(find_layers(image, dark, seen=(belief, touch))):
        if number == 0:
            yield layer._replace(mask=likely)
        yield layer


def find_layers(image: np.ndarray, dark: bool, widest: float = STROKE_WIDTH,
                seen: Sequence[np.ndarray] = ()) -> Iterator[Layer]:
    """Split an image, uint8 (H, W), into components above two thresholds, the lower one first.

    Strokes are dark on light paper, or light on a dark board; anything wider than `widest`, a share
    of the shorter side, belongs to the paper. `seen` is what :func:`believe` says of the image.
    """
    grey = image if dark else 255 - image
    paper = estimate_paper(grey, widest)
    ink, noise = measure_ink(grey, paper)
    if is_large(grey):
        ink = cv2.GaussianBlur(ink, (FILTER, FILTER), 0)
    # One threshold just above the noise, and one between rule lines and ink (Otsu, 1979).
    floor = max(MIN_INK, MIN_INK_OF_NOISE * noise, MIN_INK_OF_DARKEST * float(ink.max()))
    values = (ink[ink > floor].clip(0, 1) * 255).astype(np.uint8)
    otsu = cv2.threshold(values, 0, 255, cv2.THRESH_OTSU)[0] / 255 if values.size else 0
    for threshold in (floor, otsu) if values.size else ():
        mask = (ink > threshold).view(np.uint8)
        for _ in ("horizontal", "vertical"):
            mask = np.ascontiguousarray(remove_horizontal_rules(mask).T)
        yield Layer(image, grey, dark, paper, ink, mask, *seen)


def label_components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label connected pixels of a uint8 mask (H, W): int32 labels (H, W), 0 = background.

    Also returned are the left, top, width, height and area of each, in pixels: int32 (N, 5).
    """
    # Of OpenCV's algorithms, Grana's is the quickest on one core.
    return cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_GRANA)[1:-1]


def remove_horizontal_rules(mask: np.ndarray) -> np.ndarray:
    """Remove rule lines from a uint8 mask (H, W): thin, straight, right across, three or more.

    A stroke that crosses one is bridged by a closing across it.
    """
    thick, width = 2 + round(RULE_WIDTH * min(mask.shape)), mask.shape[1]
    thin = cv2.subtract(mask, cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel(thick, 1)))
    if cv2.countNonZero(thin) < RULES * RULE_LENGTH * width:  # the usual case, told quickly
        return mask
    joined = cv2.dilate(thin, kernel(FILTER, 1))  # a sloping line is a row of short steps
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, kernel(1, 2 * thick))  # strokes cross it
    runs = cv2.morphologyEx(joined, cv2.MORPH_OPEN, kernel(1, max(RULE_RUN, width // 10)))
    labels, stats = label_components(runs)
    is_rule = stats[:, cv2.CC_STAT_WIDTH] > RULE_LENGTH * width
    is_rule[0] = False
    if is_rule.sum() < RULES:
        return mask
    rest = cv2.subtract(mask, cv2.bitwise_and(thin, is_rule.astype(np.uint8).take(labels)))
    bridged = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, kernel(1 + thick, 1))
    return cv2.bitwise_or(rest, cv2.bitwise_and(bridged, mask))


def kernel(height: int, width: int) -> np.ndarray:
    """Return the kernel of a morphological operation: uint8 (height, width), all ones."""
    return np.ones((height, width), np.uint8)


def estimate_paper(grey: np.ndarray, widest: float = STROKE_WIDTH) -> np.ndarray:
    """Estimate the light of the bare paper under dark strokes: uint8 (H, W), like `grey`.

    A closing wider than any stroke fills the strokes and nothing else: it leaves a shadow's edge
    where it is, which a blur would smear.
    """
    small = shrink(grey, PAPER_COPY_SIDE)
    if is_large(grey):
        small = cv2.medianBlur(small, FILTER)  # a closing would climb on bright specks of noise
    width = max(FILTER, int(min(small.shape) * widest))
    padded = cv2.copyMakeBorder(small, *[width] * 4, cv2.BORDER_REPLICATE)  # no step there
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel(width, width))
    paper = closed[width:-width, width:-width]
    if small.shape != grey.shape:  # enlarging blurs a shadow's edge: let its dark side win
        paper = cv2.erode(paper, kernel(FILTER, FILTER))
    return cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)


def measure_ink(grey: np.ndarray, paper: np.ndarray) -> tuple[np.ndarray, float]:
    """Measure how much darker than its paper each pixel is, as a share of the paper's light.

    That is float32 (H, W): about 0 where the paper is bare (noise goes either way), 1 where no
    light is left. The second result is its standard deviation on bare paper. Both are taken from
    low percentiles, since ink may cover half of a crop.
    """
    light = cv2.add(paper, NOISE_FLOOR, dtype=cv2.CV_32F)
    ink = cv2.subtract(paper, grey, dtype=cv2.CV_32F) / light
    if max(grey.shape) <= TINY_SIDE:  # too few pixels to tell noise from strokes
        return ink, 0.0
    sample = ink[::1 + len(ink) // 50]  # 50 to 100 rows are enough
    lag = GRAIN if is_large(grey) else 1
    steps = np.abs(sample[:, lag:] - sample[:, :-lag])
    noise = np.percentile(steps, STEP_PERCENTILE) / STEP_DEVIATION if steps.size else 0.0
    return ink - np.float32(np.percentile(sample, 25) + QUARTILE * noise), noise
