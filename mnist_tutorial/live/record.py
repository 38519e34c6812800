"""Collect labelled images: a folder of PNG files, and a `labels.csv` with the digits on them.

`tests/benchmarks/handwriting.py` reads it, to measure how well your own writing is read.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..checkpoint import write_atomically
from ..errors import RecordError

TABLE = "labels.csv"
PIXEL_SHAPES = ((), (3,), (4,))     # grey, RGB and RGBA: an array's shape after height and width
_ONE_AT_A_TIME = threading.Lock()   # widgets answer in threads of their own


def record(picture: np.ndarray | Image.Image, label: str | int, folder: str | Path) -> Path:
    """Save a picture with its label, in addition to those that are there already.

    Parameters
    ----------
    picture : uint8 array or PIL image
        Grey (H, W), RGB (H, W, 3), RGBA (H, W, 4). OpenCV has BGR: pass ``frame[..., ::-1]``.
    label : str or int
        The digits in reading order, rows separated by "/": ``7`` or ``"2026/31415"``.
    folder : path
        Made if it is missing.

    Returns
    -------
    Path
        The new PNG file, numbered on: ``0001.png``, ``0002.png``, ... None is ever overwritten.

    Raises
    ------
    RecordError
        Another label or picture, a `labels.csv` with other columns, or no right to write there.
    """
    text, png, folder = str(label).strip(), _png(picture), Path(folder)
    if isinstance(label, bool) or not re.fullmatch(r"[0-9]+(/[0-9]+)*", text):
        raise RecordError("label: expected digits, rows separated by '/', such as 7 or "
                          f"2026/31415, got {label!r}")
    try:
        with _ONE_AT_A_TIME:
            folder.mkdir(parents=True, exist_ok=True)
            path = _new_file(folder)
            try:
                path.write_bytes(png)
                write_atomically(folder / TABLE, _table_with(folder / TABLE, path.name, text))
            except BaseException:
                path.unlink()
                raise
    except OSError as error:
        raise RecordError(f"cannot write into {str(folder)!r} ({error.strerror or error}); "
                          "expected a folder of your own on a disk with room") from error
    return path


def _png(picture: np.ndarray | Image.Image) -> bytes:
    if isinstance(picture, np.ndarray):
        is_flat = picture.ndim >= 2 and picture.shape[2:] in PIXEL_SHAPES
        if picture.dtype != np.uint8 or not is_flat or not picture.size:
            raise RecordError("picture: expected uint8 of shape (H, W), (H, W, 3) or (H, W, 4), "
                              f"got {picture.dtype} of shape {picture.shape}")
        picture = Image.fromarray(np.ascontiguousarray(picture))
    if not isinstance(picture, Image.Image):
        raise RecordError(f"picture: expected an array or PIL image, got {type(picture).__name__}")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = picture.convert("RGB")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _new_file(folder: Path) -> Path:
    """Make a file at the first free number; another program may take one at the same time."""
    names = [path.stem for path in folder.glob("*.png")]
    number = max((int(name) for name in names if name.isdecimal()), default=0)
    while True:
        number += 1
        path = folder / f"{number:04d}.png"
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
            return path


def _table_with(path: Path, filename: str, label: str) -> bytes:
    """Append a row in the table's own order of columns, and leave the other rows as they are."""
    table = path.read_bytes() if path.exists() else b"filename,label\n"
    first = table.decode("utf-8-sig", errors="replace").partition("\n")[0].rstrip("\r")
    columns = next(csv.reader([first]), [])
    if not {"filename", "label"} <= set(columns):
        raise RecordError(f"{str(path)!r}: expected a first line with the columns filename and "
                          f"label, got {','.join(columns)!r}; mend it or take another folder")
    row = {"filename": filename, "label": label}
    line = ",".join(row.get(column, "") for column in columns).encode()
    end = b"\r\n" if b"\r\n" in table else b"\n"
    gap = b"" if table.endswith(b"\n") else end
    return table + gap + line + end
