"""The network's input: one definition for training, photos, webcam and pad alike.

MNIST's own convention (https://yann.lecun.com/exdb/mnist/): light ink on a dark background, the
digit scaled to fit a 20x20 box, grey levels kept, its centre of mass in the middle of 28x28.
"""

import cv2
import numpy as np
import torch

from .errors import ImageError, NoDigitError

SIZE = 28        # pixels on each side of the network's input
DIGIT_SIDE = 20  # pixels, longest side of the digit inside it
MEAN, STD = 0.1307, 0.3081  # of all 60,000 training images, pixels scaled to 0..1
FINE = 4         # strokes are measured and thickened on a grid this many times finer
MIN_STROKE, MAX_STROKE = 2.6, 4  # pixels, width of the strokes of most digits of MNIST
STROKE_LEVEL = 100  # grey level from which a pixel of the fine grid belongs to the stroke


def fit_to_mnist(ink: np.ndarray) -> np.ndarray:
    """Bring ink of any size to MNIST's 28x28: cropped, scaled, as thick and as centred as there.

    The ink is a uint8 array (H, W), 0 = background, 255 = ink, with nothing in it but the digit;
    returned is one (28, 28). NoDigitError: there is no ink.
    """
    left, top, width, height = cv2.boundingRect(ink)
    if width == 0:
        raise NoDigitError("expected an image with ink in it, got one that is all 0")
    digit = scale_to_box(ink[top:top + height, left:left + width])
    height, width = digit.shape
    # As MNIST has it, the centre of mass is on pixel (14, 14); but nothing of the digit is cut off.
    moments = cv2.moments(digit)
    left = min(max(round(SIZE / 2 - moments["m10"] / moments["m00"]), 0), SIZE - width)
    top = min(max(round(SIZE / 2 - moments["m01"] / moments["m00"]), 0), SIZE - height)
    image = np.zeros((SIZE, SIZE), np.uint8)
    image[top:top + height, left:left + width] = digit
    return image


def scale_to_box(ink: np.ndarray) -> np.ndarray:
    """Scale ink, cropped to the digit, to a longest side of 20 pixels and to MNIST's stroke width.

    Return uint8 (h, w) for uint8 (H, W), 255 = ink; a digit of that size comes back as it is.
    """
    if max(ink.shape) == DIGIT_SIDE:
        return ink
    fine = _resize(ink, FINE * DIGIT_SIDE)
    fine = _adapt_strokes(cv2.copyMakeBorder(fine, *[2 * FINE] * 4, cv2.BORDER_CONSTANT))
    left, top, width, height = cv2.boundingRect((fine > fine.max() / 4).astype(np.uint8))
    digit = _resize(fine[top:top + height, left:left + width], DIGIT_SIDE).astype(np.float32)
    return (digit * (255 / digit.max())).round().astype(np.uint8)


def _resize(ink: np.ndarray, longest: int) -> np.ndarray:
    """Bring the longest side to `longest` pixels, keeping grey levels."""
    scale = longest / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    return cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _adapt_strokes(fine: np.ndarray) -> np.ndarray:
    """Thicken thin strokes and thin very thick ones, on the fine grid."""
    depth = cv2.distanceTransform((fine > STROKE_LEVEL).astype(np.uint8), cv2.DIST_L2, 3)
    if not depth.any():
        return fine
    width = 4 * depth[depth > 0].mean() / FINE  # the mean depth of a bar is a quarter of its width
    change = MIN_STROKE - width if width < MIN_STROKE else min(0, MAX_STROKE - width)
    size = 1 + 2 * abs(round(change * FINE / 2))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(fine, kernel) if change > 0 else cv2.erode(fine, kernel)


def normalise(images) -> torch.Tensor:
    """Turn uint8 images (28, 28) or (N, 28, 28), also a list, into the network's input.

    It is ``(images / 255 - MEAN) / STD``, float32 (N, 1, 28, 28), bit for bit as from torchvision's
    transforms. In the images, 0 is background and 255 ink. ImageError: another type or shape.
    """
    images = torch.as_tensor(np.asarray(images) if isinstance(images, list) else images)
    if images.dtype != torch.uint8 or images.shape[-2:] != (SIZE, SIZE) or images.ndim > 3:
        raise ImageError(f"expected uint8 images of shape ({SIZE}, {SIZE}) or (N, {SIZE}, {SIZE}), "
                         f"got {images.dtype} of shape {tuple(images.shape)}")
    return images.reshape(-1, 1, SIZE, SIZE).float().div_(255).sub_(MEAN).div_(STD)
