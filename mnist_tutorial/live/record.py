"""Collect labelled images: a folder of PNG files, and a `labels.csv` with the digits on them.

`tests/benchmarks/handwriting.py` reads it, to measure how well your own writing is read.
"""

from __future__ import annotations

import csv
import io
import re
import threading
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
        Grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4). OpenCV's frames are BGR: pass
        ``frame[..., ::-1]``.
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
    label, png, folder = _check_label(label), _png(picture), Path(folder)
    try:
        with _ONE_AT_A_TIME:
            folder.mkdir(parents=True, exist_ok=True)
            table = _read_table(folder / TABLE)
            path = _write_picture(folder, png)
            try:
                write_atomically(folder / TABLE, _with_row(table, path.name, label))
            except BaseException:
                path.unlink()
                raise
    except OSError as error:
        raise RecordError(f"cannot write into {str(folder)!r} ({error.strerror or error}); "
                          "expected a folder of your own on a disk with room") from error
    return path


def _check_label(label: str | int) -> str:
    text = str(label).strip()
    if isinstance(label, bool) or not re.fullmatch(r"[0-9]+(/[0-9]+)*", text):
        raise RecordError("label: expected digits, rows separated by '/', such as 7 or "
                          f"2026/31415, got {label!r}")
    return text


def _png(picture: np.ndarray | Image.Image) -> bytes:
    """Encode a picture, before anything is written."""
    if isinstance(picture, np.ndarray):
        is_flat = picture.ndim >= 2 and picture.shape[2:] in PIXEL_SHAPES
        if picture.dtype != np.uint8 or not is_flat or not picture.size:
            raise RecordError("picture: expected uint8 of shape (H, W), (H, W, 3) or (H, W, 4), "
                              f"got {picture.dtype} of shape {picture.shape}")
        picture = Image.fromarray(np.ascontiguousarray(picture))
    if not isinstance(picture, Image.Image):
        raise RecordError("picture: expected a uint8 array or a PIL image, got "
                          f"{type(picture).__name__}")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = picture.convert("RGB")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _write_picture(folder: Path, png: bytes) -> Path:
    """Write to the first free number; another program may take one at the same time."""
    names = [path.stem for path in folder.glob("*.png")]
    number = max((int(name) for name in names if name.isdecimal()), default=0)
    while True:
        number += 1
        path = folder / f"{number:04d}.png"
        try:
            file = open(path, "xb")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(png)
        except BaseException:
            path.unlink()
            raise
        return path


def _read_table(path: Path) -> bytes:
    """Return the table's bytes, its header line alone where there is no table yet."""
    table = path.read_bytes() if path.exists() else b"filename,label\n"
    columns = _columns(table)
    if not {"filename", "label"} <= set(columns):
        raise RecordError(f"{str(path)!r}: expected a first line with the columns filename and "
                          f"label, got {','.join(columns)!r}; mend it or take another folder")
    return table


def _columns(table: bytes) -> list[str]:
    first = table.decode("utf-8-sig", errors="replace").partition("\n")[0]
    return next(csv.reader([first.rstrip("\r")]), [])


def _with_row(table: bytes, filename: str, label: str) -> bytes:
    """Append a row in the table's own order of columns, and leave the other rows as they are."""
    end = "\r\n" if b"\r\n" in table else "\n"
    row = io.StringIO(newline="")
    writer = csv.DictWriter(row, _columns(table), lineterminator=end)
    writer.writerow({"filename": filename, "label": label})
    gap = b"" if table.endswith(b"\n") else end.encode()
    return table + gap + row.getvalue().encode()
