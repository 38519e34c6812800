"""What images come from: files of known formats that do not take long, bytes, lists, tensors."""

import glob
import io
import os
import re
import reprlib
import warnings
from contextlib import suppress
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Callable, TypeVar, Union

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from .device import no_warnings
from .errors import ImageError
from .preprocess import MEAN, STD

# Whatever can be read as an image, see :func:`mnist_tutorial.reading.load_grey`.
ImageSource = Union[str, Path, bytes, bytearray, memoryview, BinaryIO, np.ndarray, torch.Tensor,
                    Image.Image]
Read = TypeVar("Read", bound=Callable)

# Not among them: PostScript, a program that Pillow would have run, and whatever may hold that.
FORMATS = "JPEG MPO PNG BMP GIF PPM TIFF WEBP AVIF HEIF JPEG2000 TGA PCX SGI".split()
SUFFIXES = set(".jpg .jpeg .png .bmp .gif .pbm .pgm .ppm .tif .tiff .webp .avif .heic .heif .jp2 "
               ".tga".split())
# Pixels of the largest images, so that none takes 3 s or 1 GB: JPEG is reduced while decoding.
MAX_PIXELS, MAX_SIDE = 50_000_000, 100_000
LIMITS = {"JPEG": 110_000_000, "MPO": 110_000_000, "TIFF": 36_000_000, "HEIF": 30_000_000,
          "WEBP": 30_000_000, "AVIF": 30_000_000, "JPEG2000": 5_000_000}
MAX_IN_PYTHON = 500_000  # where the decoder is not written in C
MAX_SCANNED = 1_100_000_000  # pixels of a JPEG times its scans: each passes over all of them ...
BYTE_COST = 8  # ... and a byte of its file takes as long as so many of these
MAX_READS = 500_000  # a file that has to be read in more pieces is made to take long
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")  # of a JPEG; the others have no content
START_OF_SCAN, END_OF_IMAGE = b"\xda", b"\xd9"
TILE_WIDTH, TILE_HEIGHT = 322, 323  # tags of a TIFF
LONGEST_START = 16  # bytes that tell what a file is
UNKNOWN = {  # how it begins: what it is
    rb"%!PS|\xc5\xd0\xd3\xc6": "PostScript", rb"%PDF": "a PDF",
    rb"(?s).{4}ftyp(hei|hev|mif1|msf1)": "HEIC, for which `pip install pillow-heif` is needed"}
HINTS = {type(None): ", which cv2.imread gives for a missing file", tuple: ": pass its image",
         list: ": pass its images one by one", io.TextIOWrapper: ": open the file with 'rb'"}
ADDRESS = re.compile(r"([A-Za-z]{2,}:)[/\\]+")  # of the web; a Path makes one slash of two
CHANNELS = (1,), (3,), (4,)  # the rest of a shape besides height and width
# From an array's pixels to 0..255; another byte order is another type.
SCALES = {np.dtype("uint8"): 1, np.dtype("uint16"): 255 / 65535, np.dtype("bool"): 255}
STRIP = 1 << 20  # values that are converted at a time
TOLERANCE = 0.01  # of grey levels 0..1 that were normalised in half precision
LINE = reprlib.Repr()
LINE.maxstring = 100  # characters of a name in a message


def list_images(source: str | Path) -> list[str | Path]:
    """List the images of a folder, or the files that a pattern such as "photos/*.png" matches.

    They are sorted. Whatever else it is, or where there are none, it stands alone in the list.
    """
    path = os.path.expanduser(source)
    is_folder = os.path.isdir(path)
    if not is_folder and os.path.exists(path):
        return [source]
    found = glob.glob(os.path.join(glob.escape(path), "*") if is_folder else path, recursive=True)
    files: list[str | Path] = [path for path in map(Path, sorted(found)) if path.is_file()
                               and (path.suffix.lower() in SUFFIXES or not is_folder)]
    return files or [source]


def for_each_image(read: Read) -> Read:
    """Let a function that reads an image take a list, a folder or a pattern, and return a list."""
    @wraps(read)
    def read_all(source: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(source, (str, Path)) and (found := list_images(source)) != [source]:
            source = found
        if isinstance(source, list):
            return [read(each, *arguments, **options) for each in source]
        return read(source, *arguments, **options)
    return read_all  # type: ignore[return-value]


def name_of(source: Any) -> str:
    """Return what a message calls a source: a path in quotes, shortened, or just "the image"."""
    if not isinstance(source, (str, os.PathLike)):
        return "the image"
    return LINE.repr(ADDRESS.sub(r"\1//", os.fsdecode(source), count=1))


def open_file(source: Any) -> BinaryIO:
    """Open a path, or the bytes of a file, or a file that is open; ImageError for all else."""
    if isinstance(source, (str, os.PathLike)):
        return _Pieces(io.FileIO(_find(source)))
    if hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        with suppress(AttributeError, OSError):
            source.seek(0)
        source = source.read()
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _Pieces(io.BytesIO(source))
    raise ImageError("expected a path, the bytes of a file, a PIL image, an array or a tensor, got "
                     f"{type(source).__name__}{HINTS.get(type(source), '')}")


class _Pieces(io.BufferedReader):
    """A file that counts how often it is read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.count += 1
        if self.count > MAX_READS:
            raise ImageError("expected an image, got a file of too many pieces; save it anew")
        return super().read(size)


def _find(source: str | os.PathLike) -> str:
    """Return the path of the file that is meant: also a pasted or dropped one, and one with ~."""
    text = os.fsdecode(source)
    pasted = text.strip(" \"'"), re.sub(r"\\(.)", r"\1", text)
    for path in map(os.path.expanduser, (text, *pasted, text)):  # the message is of the last
        if os.path.isfile(path):  # a pipe could be read for ever, and a device has no end
            return path
    kind = ("a folder without images" if os.path.isdir(path)
            else "a device or a pipe" if os.path.exists(path)
            else "a web address: download it first" if ADDRESS.match(text)
            else "no such file; to keep backslashes write r'...'" if not text.isprintable()
            else "no such file" if os.path.isabs(path)
            else f"no such file in {name_of(os.getcwd())}")
    raise ImageError(f"expected the path of an image, got {name_of(source)} ({kind})")


def open_image(file: BinaryIO, name: str) -> Image.Image:
    """Open an image of one of the FORMATS, not decoded yet; ImageError if it would take long."""
    with no_warnings():
        image = _identify(file, name)
    check_size(name, image.width, image.height, _most_pixels(image, file))
    if image.format == "TIFF":
        check_size(name, image.tag_v2.get(TILE_WIDTH, 1), image.tag_v2.get(TILE_HEIGHT, 1))
        if image.is_animated:
            warnings.warn(f"{name} has several pages: only the first is read", stacklevel=2)
    return image


def _identify(file: BinaryIO, name: str) -> Any:
    """Let Pillow find out which of the FORMATS it is; UnidentifiedImageError says what else."""
    start = file.read(LONGEST_START)
    kind = next((each for pattern, each in UNKNOWN.items() if re.match(pattern, start)),
                "of no known format")
    with suppress(ImportError):
        if kind.startswith("HEIC"):
            import_module("pillow_heif").register_heif_opener()
    try:
        for import_some in (Image.preinit, Image.init):  # all that Pillow has takes a while
            import_some()
            with suppress(UnidentifiedImageError):
                return Image.open(file, formats=[each for each in FORMATS if each in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has far too many pixels; cut or reduce it") from error
    raise UnidentifiedImageError(kind)


def _most_pixels(image: Any, file: BinaryIO) -> int:
    """Return how many pixels an opened file may have, by what decoding them costs."""
    if any(tile[0] in Image.DECODERS for tile in image.tile):
        return MAX_IN_PYTHON
    most = LIMITS.get(image.format, MAX_PIXELS)
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        content, place, scans = file.read(), 0, 0
        while (found := MARKER.search(content, place)) and found[1] != END_OF_IMAGE:
            scans += found[1] == START_OF_SCAN
            place = found.end() + int.from_bytes(content[found.end():found.end() + 2], "big")
        if scans > 1:
            most = min(most, max(0, MAX_SCANNED - BYTE_COST * len(content)) // scans)
    return most


def check_size(name: str, width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Refuse an image without pixels, or with too many, with an ImageError."""
    if not width * height:
        raise ImageError(f"expected an image with pixels, got {width}x{height} of them")
    if width * height > most or max(width, height) > MAX_SIDE:
        raise ImageError(f"expected an image of at most {most:,} pixels, and {MAX_SIDE:,} a side, "
                         f"got {name} ({width}x{height}); cut or reduce it")


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor (H, W), (C, H, W) or (1, C, H, W) as array (H, W[, C]), not normalised."""
    if tensor.ndim > 1:  # before any copy: an expanded tensor is small
        check_size("a tensor", tensor.shape[-1], tensor.shape[-2])
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.numel():
        tensor = tensor.to(torch.float32, copy=True)
        low, high = (float(each) * STD + MEAN for each in tensor.aminmax())
        if (low < MEAN or high > STD + MEAN) and -TOLERANCE < low and high < 1 + TOLERANCE:
            tensor.mul_(STD).add_(MEAN).clamp_(0, 1)
    if tensor.shape[:-3] == (1,):
        tensor = tensor[0]
    return (tensor.movedim(0, -1) if tensor.shape[:-2] in CHANNELS else tensor).numpy()


def as_image(array: np.ndarray) -> Image.Image:
    """Return an array of pixels, see :func:`mnist_tutorial.reading.load_grey`, as 8-bit image."""
    array = np.asarray(array)
    if array.ndim < 2 or array.shape[2:] not in ((), *CHANNELS) or array.size == 0:
        raise ImageError("expected an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) "
                         f"with pixels in it, got {array.shape}; pass those of a batch as a list")
    check_size("an array", *array.shape[1::-1])  # before any copy: a broadcast array is small
    is_float = array.dtype.kind == "f"
    scale = 255 if is_float else SCALES.get(array.dtype)
    if scale is None:
        raise ImageError(f"expected uint8, uint16, bool or float pixels, got {array.dtype}; "
                         "convert with .astype")
    flat = array[:, :, 0] if array.shape[2:] == (1,) else array
    pixels, rows = np.empty(flat.shape, np.uint8), max(1, STRIP // flat[0].size)
    for start in range(0, len(flat), rows):  # copies of all of it would take gigabytes
        part = flat[start:start + rows]
        if is_float:
            if not (part.min() >= 0 and part.max() <= 1):  # "not" catches NaN too
                raise ImageError(f"expected floats from 0 to 1, got {part.min()} to {part.max()}; "
                                 "scale them to that")
            part = part.astype(np.float64)
        pixels[start:start + rows] = (part * scale).round()
    return Image.fromarray(pixels)
