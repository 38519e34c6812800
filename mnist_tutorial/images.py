"""Read any picture: files, PIL images and arrays of every kind become upright grey levels."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any, Union

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

_PACKED = Path(__file__).parent / "img"
IMG = _PACKED if _PACKED.is_dir() else Path(__file__).parents[1] / "img"  # the course's pictures
LARGEST = 1280  # longest side kept: a digit of 5 % of the page still has 64 pixels
MOST = 100_000_000  # pixels: what claims to have more may be a trap that fills the memory

ImageSource = Union[str, Path, np.ndarray, Image.Image]


class ImageError(ValueError):
    """A picture that cannot be read; the message says what was expected and what came."""


def load_grey(source: ImageSource) -> np.ndarray:
    """Read any picture as upright grey levels.

    Parameters
    ----------
    source : str, pathlib.Path, PIL.Image.Image or array
        Arrays are (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA, of uint8, uint16, bool or
        float 0..1. Of an animation the first frame counts.

    Returns
    -------
    uint8 array (H, W)
        0 = black. Pictures with a side above 1280 pixels come reduced to that.

    Raises
    ------
    ImageError
        If `source` is no readable picture.
    """
    return load_reduced(source)[0]


def load_reduced(source: ImageSource) -> tuple[np.ndarray, float]:
    """Read any picture as :func:`load_grey` does, and say by how much it was reduced.

    Returns
    -------
    grey : uint8 array (H, W)
    scale : float
        Pixels of the source for one of `grey`, 1 or more.
    """
    if isinstance(source, (str, Path)):
        image, longest = _read(Path(source))
    elif isinstance(source, (np.ndarray, Image.Image)):
        image = _upright(_from_array(source) if isinstance(source, np.ndarray) else source, "the picture")
        longest = max(source.shape[:2] if isinstance(source, np.ndarray) else source.size)
    else:
        raise ImageError(f"expected a path, a PIL image or a numpy array, got {type(source).__name__}")
    _reduce(image)
    return np.array(image), longest / max(image.size)


def _reduce(image: Image.Image) -> None:
    """Shrink in place what is larger than needed."""
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX, reducing_gap=None)


def _read(path: Path) -> tuple[Image.Image, int]:
    """Read a picture file and its longest side; let JPEG decode at a fraction of it where that is enough."""
    name = repr(str(path))
    if not _is_file(path):
        what = ("a folder" if os.path.isdir(path) else "a device or a pipe" if os.path.exists(path)
                else "a web address: download it first" if re.match("[a-z]+:/", str(path)) else "no such file")
        raise ImageError(f"expected the path of a picture, got {name} ({what})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is amiss in a file is an error below, or no matter
        try:
            with open(path, "rb") as file, Image.open(file) as image:
                if image.format == "EPS":  # a program, which Pillow would have Ghostscript run
                    raise ImageError(f"expected a picture made of pixels, got {name} (PostScript); save it as PNG")
                longest = max(image.size)
                image.draft("L", (LARGEST, LARGEST))
                return _upright(image, name), longest
        except Image.DecompressionBombError as error:
            raise _too_large(name, str(error)) from error
        except ImageError:
            raise
        except Exception as error:  # on damaged files Pillow's decoders raise a dozen different types
            raise _unreadable(name, error) from error


def _is_file(path: Path) -> bool:
    """Tell whether it can be opened without waiting: a pipe could be read for ever, a device has no end."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _upright(image: Image.Image, name: str) -> Image.Image:
    """Convert to 8-bit grey, turned as the camera was held."""
    if 0 in image.size:
        raise ImageError(f"expected a picture with pixels, got one of {image.width}x{image.height}")
    if image.width * image.height > MOST:
        raise _too_large(name, f"{image.width}x{image.height}")
    try:
        grey = _to_grey(image)
        grey.info = image.info
        grey.getexif().update(image.getexif())
        return ImageOps.exif_transpose(grey)
    except ImageError:
        raise
    except Exception as error:  # a picture may still be read from its file, and that be damaged
        raise _unreadable(name, error) from error


def _too_large(name: str, size: str) -> ImageError:
    return ImageError(f"expected a picture of at most {MOST:,} pixels, got {name} ({size}); cut or reduce it")


def _unreadable(name: str, error: Exception) -> ImageError:
    unknown = isinstance(error, UnidentifiedImageError)
    reason = "of no known format" if unknown else " ".join(str(error).split())
    return ImageError(f"{name} cannot be read as a picture ({reason}); save it again as JPEG or PNG")


def _from_array(array: np.ndarray) -> Image.Image:
    """Wrap an array as a PIL image of 8 bits."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in (3, 4)) or array.size == 0:
        raise ImageError("expected an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) "
                         f"with pixels in it, got {array.shape}")
    if array.shape[0] * array.shape[1] > MOST:  # asked before any copy: a broadcast array takes no memory
        raise _too_large("an array", str(array.shape))
    if array.dtype == np.uint16:
        array = (array / 257).round()
    elif array.dtype == bool:
        array = array * 255
    elif array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # not: catches NaN too
            raise ImageError(f"expected floats from 0 to 1, got {array.min()} to {array.max()}; divide by the largest")
        array = (array * 255).round()
    elif array.dtype != np.uint8:
        raise ImageError(f"expected uint8, uint16, bool or float pixels, got {array.dtype}; convert with .astype")
    return Image.fromarray(np.ascontiguousarray(array.astype(np.uint8)))


def _to_grey(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to 8-bit grey."""
    if image.mode[0] in "IF":  # 16 bits or more: nothing but the values tells where white lies
        wide = image.convert("F")
        highest: Any = wide.getextrema()[1]
        white = next((top for top in (1, 255, 65535) if highest <= top), highest)
        _reduce(wide)
        pixels = np.asarray(wide)
        if not (np.isfinite(pixels).all() and np.isfinite(highest)):
            raise ImageError("expected a picture of finite values, got one with NaN or infinite pixels")
        return Image.fromarray((pixels.clip(0) * (255 / white)).clip(max=255).round().astype(np.uint8))
    return _flatten(image) if image.has_transparency_data else image.convert("L")


def _flatten(image: Image.Image) -> Image.Image:
    """Put a transparent picture on the ground on which its strokes show."""
    pair = image.convert("LA")
    _reduce(pair)
    grey, alpha = (np.asarray(band, dtype=np.float32) for band in pair.split())
    cover = alpha / 255
    light = (grey * cover).sum() > 127 * cover.sum()
    strokes = cover.mean() < 0.5  # else what is opaque is the sheet, and its ground must match it
    ground = 0 if light == strokes else 255
    return Image.fromarray((grey * cover + ground * (1 - cover)).round().astype(np.uint8))
