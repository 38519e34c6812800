"""Read any image: files, PIL images and arrays of every kind become upright grey levels."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any, Union

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import ImageError

# The folder of the course's images: part of an installed package, next to it in a checkout.
IMG = Path(__file__).parents[1] / "img"
if not IMG.is_dir():
    IMG = Path(__file__).parents[2] / "img"

# Whatever can be read as an image, see `load_grey`: the path of a file, an array or a PIL image.
ImageSource = Union[str, Path, np.ndarray, Image.Image]

LONGEST_SIDE = 1280       # pixels kept: a digit of 5 % of the page still has 64
MAX_PIXELS = 100_000_000  # a file that claims to have more may be a trap that fills the memory
CHANNELS = (), (1,), (3,), (4,)  # the rest of an array's shape after height and width
WHITES = 1, 255, 65535  # usual levels of white in images of 16 bits or more
# From an array's pixels to 0..255; another byte order is another type.
SCALES = {np.dtype("uint8"): 1, np.dtype("uint16"): 255 / 65535, np.dtype("bool"): 255}
MIDDLE_GREY = 127  # level above which strokes, or a sheet, are light


def load_grey(source: ImageSource) -> np.ndarray:
    """Read any image as upright grey levels.

    Parameters
    ----------
    source : str, pathlib.Path, PIL.Image.Image or array
        Arrays are (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA, of uint8, uint16, bool or
        float 0..1. Of an animation, the first frame is read. Transparent parts become a background
        on which strokes show.

    Returns
    -------
    uint8 array (H, W)
        0 = black. An image with a side above 1280 pixels is reduced to that.

    Raises
    ------
    ImageError
        `source` cannot be read as an image, or it has more than 100 million pixels.
    """
    return load_reduced(source)[0]


def load_reduced(source: ImageSource) -> tuple[np.ndarray, float]:
    """Read any image as :func:`load_grey` does, and say by how much it was reduced.

    Returns
    -------
    grey : uint8 array (H, W)
    scale : float
        Pixels of the source per pixel of `grey`, 1 or more.
    """
    name = repr(str(source)) if isinstance(source, (str, Path)) else "the image"
    try:
        if isinstance(source, np.ndarray):
            source = _from_array(source)
        if isinstance(source, Image.Image):
            image, longest = _upright(source, name), max(source.size)
        elif isinstance(source, (str, Path)):
            image, longest = _read(Path(source), name)
        else:
            raise ImageError("expected a path, a PIL image or an array, "
                             f"got {type(source).__name__}")
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error)) from error
    except Exception as error:  # on damaged files Pillow's decoders raise a dozen types
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "of no known format" if unknown else " ".join(str(error).split())
        raise ImageError(f"{name} cannot be read as an image ({reason}); "
                         "save it again as JPEG or PNG") from error
    _reduce(image)
    return np.array(image), longest / max(image.size)


def _reduce(image: Image.Image) -> None:
    """Shrink in place an image that is larger than needed."""
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX, reducing_gap=None)


def _read(path: Path, name: str) -> tuple[Image.Image, int]:
    """Read a file, JPEG at a fraction of its size if that will do; return its longest side too."""
    if not os.path.isfile(path):  # a pipe could be read for ever, and a device has no end
        kind = ("a folder" if os.path.isdir(path) else "a device or a pipe" if os.path.exists(path)
                else "a web address: download it first" if re.match("[a-z]+:/", str(path))
                else "no such file")
        raise ImageError(f"expected the path of an image, got {name} ({kind})")
    with warnings.catch_warnings(), open(path, "rb") as file:
        warnings.simplefilter("ignore")  # a flaw in a file is an error, or does not matter
        with Image.open(file) as image:
            if image.format == "EPS":  # a program, which Pillow would have Ghostscript run
                raise ImageError(f"expected an image made of pixels, got {name} (PostScript); "
                                 "save it as PNG")
            longest = max(image.size)
            image.draft("L", (LONGEST_SIDE, LONGEST_SIDE))
            return _upright(image, name), longest


def _upright(image: Image.Image, name: str) -> Image.Image:
    """Convert to 8-bit grey, turned as the camera was held."""
    if 0 in image.size:
        raise ImageError(f"expected an image with pixels, got {image.width}x{image.height} of them")
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name, f"{image.width}x{image.height}")
    grey = _to_grey(image)
    grey.info = image.info
    grey.getexif().update(image.getexif())
    return ImageOps.exif_transpose(grey)


def _too_large(name: str, size: str) -> ImageError:
    return ImageError(f"expected an image of at most {MAX_PIXELS:,} pixels, got {name} ({size}); "
                      "cut or reduce it")


def _from_array(array: np.ndarray) -> Image.Image:
    """Wrap an array as a PIL image of 8 bits."""
    if array.ndim < 2 or array.shape[2:] not in CHANNELS or array.size == 0:
        raise ImageError("expected an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) "
                         f"with pixels in it, got {array.shape}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:  # before any copy: a broadcast array is small
        raise _too_large("an array", str(array.shape))
    is_float = array.dtype.kind == "f"
    if is_float and not (array.min() >= 0 and array.max() <= 1):  # "not" catches NaN too
        raise ImageError(f"expected floats from 0 to 1, got {array.min()} to {array.max()}; "
                         "divide by the largest")
    scale = 255 if is_float else SCALES.get(array.dtype)
    if scale is None:
        raise ImageError(f"expected uint8, uint16, bool or float pixels, got {array.dtype}; "
                         "convert with .astype")
    flat = array[:, :, 0] if array.shape[2:] == (1,) else array
    return Image.fromarray(np.ascontiguousarray((flat * scale).round().astype(np.uint8)))


def _to_grey(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to 8-bit grey."""
    if image.mode.startswith(("I", "F")):  # 16 bits or more: only the values tell which is white
        wide = image.convert("F")
        brightest: Any = wide.getextrema()[1]
        white = next((level for level in WHITES if brightest <= level), brightest)
        _reduce(wide)
        pixels = np.asarray(wide)
        if not (np.isfinite(pixels).all() and np.isfinite(brightest)):
            raise ImageError("expected an image of finite values, got one with NaN or infinity")
        grey = (pixels.clip(0) * (255 / white)).clip(max=255)
        return Image.fromarray(grey.round().astype(np.uint8))
    return _flatten(image) if image.has_transparency_data else image.convert("L")


def _flatten(image: Image.Image) -> Image.Image:
    """Put a transparent image on a background on which its strokes show."""
    pair = image.convert("LA")
    _reduce(pair)
    grey, alpha = (np.asarray(band, dtype=np.float32) for band in pair.split())
    cover = alpha / 255
    light, sheet = (grey * cover).sum() > MIDDLE_GREY * cover.sum(), 2 * cover.mean() > 1
    background = 255 * (light if sheet else not light)  # a sheet's must match, strokes stand out
    return Image.fromarray((grey * cover + background * (1 - cover)).round().astype(np.uint8))
