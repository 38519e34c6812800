"""Collect labelled images: a folder of PNG files, and a `labels.csv` with the digits on them.

:func:`load_folder` reads it to learn from, `tests/benchmarks/handwriting.py` to measure.
"""

import csv
import io
import os
import re
import reprlib
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock  # comes with PyTorch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader

from ..checkpoint import write_atomically
from ..data import Tensors, tensor_loader
from ..errors import CourseError, DatasetError, RecordError
from ..reading.find import prepare
from ..reading.images import load_reduced
from ..reading.pages import read_digits
from ..sources import ImageSource, as_image, list_images

TABLE, LOCK, LOCK_TIMEOUT, LOCK_PERIOD = "labels.csv", ".labels.lock", 60, 0.01  # seconds
SEPARATORS, MAX_LABEL = ",;\t", 300  # Excel's is ; where numbers have a decimal comma; characters
LABELS, MOST_NAMED = "0123456789", 5  # single labels; files that a message names
SHEET_MARGIN = 0.15  # of a digit's longer side, that is cut out of a sheet around it


def record(picture: np.ndarray | Image.Image, label: str | int, folder: str | Path) -> Path:
    """Save an image with its label, in addition to those that are in the folder already.

    The image is PIL's, or an array: grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4), uint8 or another
    type of :func:`mnist_tutorial.reading.load_grey`, otherwise an ImageError is raised. OpenCV has
    BGR: pass ``frame[..., ::-1]``. The label has its digits in reading order, rows separated by
    "/": ``7`` or ``"2026/31415"``. Returned is the path of the new PNG, numbered on: ``0001.png``,
    ... None is ever overwritten. RecordError: another label or table, or nothing can be written.

    Any number of threads and programs may record at once. The image is complete before it is
    listed; one that is not in `labels.csv` was cut short: it does not count, but keeps its number.
    """
    text = str(label).strip()
    is_label = re.fullmatch("[0-9]+(/[0-9]+)*", text) and len(text) <= MAX_LABEL
    if isinstance(label, bool) or not is_label:
        raise RecordError("label: expected digits, rows separated by '/', such as 7 or 2026/31415, "
                          f"of {MAX_LABEL} characters at most, got {reprlib.repr(text)}")
    png, folder = _png(picture), Path(os.path.expanduser(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK).acquire(LOCK_TIMEOUT, poll_interval=LOCK_PERIOD):
            table, separator, rows = read_table(folder / TABLE)
            path = _new_path(folder, rows)
            row = {"filename": path.name, "label": text}
            line = separator.join(row.get(column, "") for column in rows[0])
            end = (re.search("\r\n|\r|\n", table) or ["\n"])[0]
            gap = "" if table.endswith(end) else end
            try:
                write_atomically(path, png)
                write_atomically(folder / TABLE, (table + gap + line + end).encode())
            except Exception:  # not at Ctrl-C, when it may be listed already
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        reason = error.strerror or error
        raise RecordError(f"cannot write into {str(folder)[:MAX_LABEL]!r} ({reason}); expected a "
                          "folder of your own on a disk with room") from error
    return path


def _png(picture: np.ndarray | Image.Image) -> bytes:
    image = picture if isinstance(picture, Image.Image) else as_image(picture)
    image = ImageOps.exif_transpose(image)
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _new_path(folder: Path, rows: list[list[str]]) -> Path:
    """Choose the number after all that are in the folder or in the table; sweep what kills left."""
    for left in folder.glob(".[0-9]*.png.*.part"):
        left.unlink()
    names = [path.name for path in folder.glob("*.png")] + [cell for row in rows for cell in row]
    numbers = [int(name[:-4]) for name in names if re.fullmatch(r"[0-9]{1,18}\.png", name)]
    paths = (folder / f"{number:04d}.png" for number in count(max(numbers, default=0) + 1))
    return next(path for path in paths if not path.exists())  # other programs know no lock


def read_table(path: Path) -> tuple[str, str, list[list[str]]]:
    """Return a table's text, separator and rows, the columns' names first; or a RecordError."""
    if path.exists() and not path.is_file():
        raise RecordError(f"{str(path)!r} is no file; remove it or take another folder")
    try:
        table = (path.read_bytes().decode() if path.exists() else "") or "filename,label\n"
        for separator in SEPARATORS:
            lines = io.StringIO(table.lstrip("\ufeff"), newline="")
            rows = list(csv.reader(lines, delimiter=separator, strict=True))
            if rows and {"filename", "label"} <= set(rows[0]):
                return table, separator, rows
        came = reprlib.repr(table.splitlines()[0])
    except (UnicodeDecodeError, csv.Error) as error:
        came = f"a damaged one ({error})"
    raise RecordError(f"{str(path)!r}: expected a table in UTF-8 with the columns filename and "
                      f"label, got {came}; mend it, in Excel save it as 'CSV UTF-8', or take "
                      "another folder")


def record_sheet(source: ImageSource, label: str, folder: str | Path) -> list[Path]:
    """Cut a photo of a sheet with rows of known digits, and save each as :func:`record` does.

    The label has the digits in reading order, rows separated by "/": "0123456789/0123456789". What
    is read does not matter, only that as many digits are found in each row: otherwise a RecordError
    says how many there are, and nothing is saved. Returned are the paths, in reading order.
    """
    grey, scale = load_reduced(source)
    page, wanted = read_digits(grey), label.split("/")
    found = [len(row) + sum(doubt.row == number for doubt in page.doubts)
             for number, row in enumerate(page.rows)]
    if not re.fullmatch("[0-9]+(/[0-9]+)*", label) or found != list(map(len, wanted)) \
            or page.doubts:
        raise RecordError(f"expected rows of {', '.join(map(str, map(len, wanted)))} digits, as in "
                          f"the label {label[:MAX_LABEL]!r}, and found rows of "
                          f"{', '.join(map(str, found)) or 'none'}: {page.text or 'nothing'}; "
                          "photograph it again, larger and brighter, or save digit by digit")
    boxes = [page.digits[number].box.scaled(1 / scale) for row in page.rows for number in row]
    cuts = [grey[box.slices(round(SHEET_MARGIN * max(box[2:])), grey.shape)] for box in boxes]
    return [record(cut, digit, folder) for cut, digit in zip(cuts, "".join(wanted))]


def load_folder(folder: str | Path, batch_size: int = 64, **options: Any) -> DataLoader:
    """Load a folder of your own digits, as the drawing pad or :func:`record` saved it.

    It holds images and a `labels.csv`, or a folder of images for each digit, named 0 to 9. Each
    image is prepared as a photo is (:func:`mnist_tutorial.prepare`). The loader is that of
    :func:`mnist_tutorial.data.tensor_loader`, which takes the `options`: shuffle, seed, augment. A
    DatasetError says what is missing, or which images show no digit or have no single one as label.
    """
    folder = Path(os.path.expanduser(folder))
    labelled, pictures, labels, wrong = _list_labelled(folder), [], [], []
    for path, label in labelled:
        try:
            labels.append(list(LABELS).index(label))
            pictures.append(prepare(path).picture)
        except (CourseError, ValueError) as error:
            wrong.append(f"{path.name} with label {label!r} ({error})")
    if wrong or not labelled:
        raise DatasetError(f"expected images of one digit each in {str(folder)!r}, with labels; "
                           f"got {'; '.join(wrong[:MOST_NAMED]) or 'none'}")
    images = torch.from_numpy(np.stack(pictures))
    return tensor_loader(Tensors(folder.name, images, torch.tensor(labels)), batch_size, **options)


def _list_labelled(folder: Path) -> list[tuple[Path, str]]:
    """List a folder's images, each with its label."""
    if (folder / TABLE).exists():
        _, _, (columns, *rows) = read_table(folder / TABLE)
        named = [dict(zip(columns, row)) for row in rows if row]
        return [(folder / row.get("filename", ""), row.get("label", "").strip()) for row in named]
    return [(path, digit) for digit in LABELS if (folder / digit).is_dir()
            for path in map(Path, list_images(folder / digit)) if path.is_file()]
