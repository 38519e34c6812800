"""Read any image: files, PIL images, arrays and tensors become upright grey levels."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from .. import sources
from ..device import no_warnings
from ..errors import ImageError
from ..sources import ImageSource, as_array

# The folder of the course's images: part of an installed package, next to it in a checkout.
IMG = Path(__file__).parents[1] / "img"
if not IMG.is_dir():
    IMG = Path(__file__).parents[2] / "img"

LONGEST_SIDE = 1280  # pixels kept: a digit of 5 % of the page still has 64
DRAFT_SIDE = 2 * LONGEST_SIDE  # of what is decoded of a JPEG: so a path and an image agree
WHITES = 1, 255, 65535  # usual levels of white in images of 16 bits or more
MIDDLE_GREY = 127  # level above which strokes, or a sheet, are light


def load_grey(source: ImageSource) -> np.ndarray:
    """Read any image as upright grey levels: uint8 (H, W), 0 = black, no side above 1280 pixels.

    The source is a path, the bytes of a file, an open binary file, a PIL image, an array or a
    tensor. Arrays are (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA, of uint8, uint16, bool or
    float 0..1. Tensors may also be (C, H, W) or (1, C, H, W), and normalised as for the network. Of
    an animation, the first frame is read; of a file with pages the first one, with a warning.
    Transparent parts become a background on which strokes show. All else is an ImageError, and more
    pixels than 110 million for JPEG, 50 or less for others.
    """
    return load_reduced(source)[0]


def load_reduced(source: ImageSource) -> tuple[np.ndarray, float]:
    """Return what :func:`load_grey` does, and how long its pixels are in those of the source."""
    name = sources.name_of(source)
    try:
        if isinstance(source, torch.Tensor):
            source = as_array(source)
        if isinstance(source, np.ndarray):
            source = sources.as_image(source)
        if isinstance(source, Image.Image):
            sources.check_size(name, *source.size)
            image, longest = _upright(source), max(source.size)
        else:
            with sources.open_file(source) as file, sources.open_image(file, name) as opened, \
                    no_warnings():
                longest = max(opened.size)  # a JPEG is read at a fraction of it if that will do
                opened.draft("L", (DRAFT_SIDE, DRAFT_SIDE))
                image = _upright(opened)
    except (ImageError, UserWarning):  # a warning may be made an error
        raise
    except Exception as error:  # on damaged files Pillow's decoders raise a dozen types
        reason = sources.LINE.repr(" ".join(str(error).split()))[1:-1]
        raise ImageError(f"{name} cannot be read as an image ({reason}); save it again as JPEG or "
                         "PNG") from error
    _reduce(image)
    return np.array(image), longest / max(image.size)


def _reduce(image: Image.Image) -> None:
    """Shrink in place an image that is larger than needed."""
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX, reducing_gap=None)


def _upright(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to 8-bit grey, turned as the camera was held."""
    if image.mode.startswith(("I", "F")):  # 16 bits or more: only the values tell which is white
        wide = image.convert("F")
        brightest: Any = wide.getextrema()[1]
        white = next((level for level in WHITES if brightest <= level), brightest)
        _reduce(wide)
        pixels = np.asarray(wide)
        if not (np.isfinite(pixels).all() and np.isfinite(brightest)):
            raise ImageError("expected an image of finite values, got one with NaN or infinity")
        pixels = (pixels.clip(0) * (255 / white)).clip(max=255)
        grey = Image.fromarray(pixels.round().astype(np.uint8))
    else:
        grey = _flatten(image) if image.has_transparency_data else image.convert("L")
    grey.info = image.info
    grey.getexif().update(image.getexif())
    return ImageOps.exif_transpose(grey)


def _flatten(image: Image.Image) -> Image.Image:
    """Put a transparent image on a background on which its strokes show."""
    pair = image.convert("LA")
    _reduce(pair)
    grey, alpha = (np.asarray(band, dtype=np.float32) for band in pair.split())
    cover = alpha / 255
    light, sheet = (grey * cover).sum() > MIDDLE_GREY * cover.sum(), 2 * cover.mean() > 1
    background = 255 * (light if sheet else not light)  # a sheet's must match, strokes stand out
    return Image.fromarray((grey * cover + background * (1 - cover)).round().astype(np.uint8))
