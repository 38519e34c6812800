"""Fetch MNIST: several mirrors, checksums, each file whole or not at all."""

from __future__ import annotations

import http.client
import os
import socket
import tempfile
import time
import zlib
from pathlib import Path

from torchvision import datasets
from torchvision.datasets.utils import check_integrity, download_and_extract_archive

from .errors import DatasetError

CHECKOUT = Path(__file__).resolve().parents[1]
# Next to the notebooks in a checkout; in the current folder if installed as a wheel.
DEFAULT_ROOT = (CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path()) / "datasets/mnist"
MD5 = {  # of the four files once unpacked; torchvision checks only the packed ones
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
RETRY_AFTER = 300  # seconds: a silent network costs ten for each mirror, too long for every call
_failed: dict[Path, tuple[float, DatasetError]] = {}  # root to when it failed last, and why


class MNIST(datasets.MNIST):
    """The genuine dataset: torchvision's class, with one more mirror and a name for figures.

    `data` is uint8 (N, 28, 28), 0 = background, 255 = ink; `targets`, the digits, is int64 (N,).
    """

    name = "MNIST"
    mirrors = [datasets.MNIST.mirrors[0], "https://storage.googleapis.com/cvdf-datasets/mnist/",
               *datasets.MNIST.mirrors[1:]]


def find_problems(root: str | Path) -> dict[str, str]:
    """Name those of the four files under `root`/MNIST/raw that are "missing" or "damaged"."""
    raw = Path(root) / "MNIST" / "raw"
    return {name: "damaged" if (raw / name).is_file() else "missing"
            for name, md5 in MD5.items() if not check_integrity(raw / name, md5)}


def download(root: str | Path = DEFAULT_ROOT, timeout: float = 10.0) -> None:
    """Fetch each file that is missing or damaged under `root`/MNIST/raw, with progress on stderr.

    Each is fetched into a folder of its own, checked by MD5 and only then moved into place, so
    that a cut connection, Ctrl-C or a second process at work never leaves half a file. After
    `timeout` seconds without an answer the next mirror is asked.

    Raises
    ------
    DatasetError
        No mirror has the file, or `root` cannot be written.
    """
    if not (problems := find_problems(root)):
        return
    raw = Path(root) / "MNIST" / "raw"
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)  # torchvision's download sets none: silence would last
    try:
        raw.mkdir(parents=True, exist_ok=True)
        for name in problems:
            with tempfile.TemporaryDirectory(dir=raw, prefix=".download-") as folder:
                os.replace(_fetch(name, folder), raw / name)
    except OSError as error:
        raise DatasetError(f"cannot write the dataset to {raw}: {error}") from error
    finally:
        socket.setdefaulttimeout(before)


def download_with_backoff(root: Path) -> None:
    """Fetch like :func:`download`, but for five minutes after a failure only raise it again."""
    when, reason = _failed.get(root, (0, None))
    if reason and time.monotonic() < when + RETRY_AFTER and find_problems(root):
        raise reason
    try:
        download(root)
    except DatasetError as error:
        _failed[root] = time.monotonic(), error
        raise


def _fetch(name: str, folder: str) -> Path:
    """Download and unpack one file into `folder`, from the first mirror that has it whole."""
    packed_md5, failures = dict(MNIST.resources)[name + ".gz"], []
    for mirror in MNIST.mirrors:
        try:
            download_and_extract_archive(f"{mirror}{name}.gz", folder, md5=packed_md5)
            return Path(folder) / name
        except (OSError, RuntimeError, EOFError, zlib.error, http.client.HTTPException) as error:
            reason = " ".join(str(getattr(error, "reason", error)).split())
            failures.append(f"{mirror} ({reason or type(error).__name__})")
    raise DatasetError(f"could not download {name}.gz from {', '.join(failures)}")
