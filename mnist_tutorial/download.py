"""Find MNIST's four files by their content, or fetch them: checked by MD5, whole or not at all."""

import glob
import hashlib
import os
import sys
import threading
import time
import urllib.request
import zlib
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any, Iterator

from .checkpoint import write_atomically
from .errors import DatasetError

CHECKOUT = Path(__file__).resolve().parents[1]
# Next to the notebooks in a checkout; in the current folder if installed as a wheel.
DEFAULT_ROOT = (CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path()) / "datasets/mnist"
MD5 = {  # of the four files once unpacked
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
SIZES = dict(zip(MD5, (47_040_016, 60_008, 7_840_016, 10_008)))  # bytes, unpacked
MIRRORS = ["https://ossci-datasets.s3.amazonaws.com/mnist/",
           "https://storage.googleapis.com/cvdf-datasets/mnist/",
           "http://yann.lecun.com/exdb/mnist/"]
DEEPEST, MOST_FILES = 4, 50_000  # levels below a root, and files there, that are looked at
FOREIGN = {".npz": "Keras", ".csv": "Kaggle"}  # endings of MNIST's other formats, and whose
GZIP = 31  # zlib's `wbits` for packed files
SLOWEST, CHUNK = 1000, 2**16  # bytes a second that a mirror must send; bytes received at once
RETRY_AFTER = 300  # seconds: a silent network costs ten for each mirror, too long for every call
_failed: dict[Path, tuple[float, DatasetError]] = {}  # root to when it failed last, and why


def tidy(folder: Any) -> str:
    """Return a folder's name as it is meant: no quotes or blanks around it, `~` for the home."""
    try:
        name = os.fsdecode(os.fsencode("" if folder is None else folder).replace(b"\0", b"?"))
    except (TypeError, ValueError) as error:
        raise DatasetError(f"expected a folder's path as root, got {ascii(folder):.80}") from error
    return name if os.path.exists(name) else os.path.expanduser(name.strip("\"' \t\r\n"))


def usual_paths(root: str | Path) -> dict[str, str]:
    """Return where torchvision looks for each of the four files."""
    return {name: os.path.join(tidy(root), "MNIST", "raw", name) for name in MD5}


def find_files(root: str | Path) -> dict[str, str]:
    """Return where those of the four files are that lie in `root` or below, by any name."""
    found: dict[str, str] = {}
    names = {md5: name for name, md5 in MD5.items()}
    for path in chain(usual_paths(root).values(), _below(root)):
        if name := names.get(hashlib.md5(read_file(path)).hexdigest()):
            found.setdefault(name, path)
            if len(found) == len(MD5):
                break
    return found


def find_problems(root: str | Path) -> dict[str, str]:
    """Say of those of the four files that are not found: "missing", "damaged or unreadable"."""
    # Looked for first: what another process puts there meanwhile is not damaged.
    there = [name for name, path in usual_paths(root).items() if os.path.isfile(path)]
    found = find_files(root)
    return {name: "damaged or unreadable" if name in there else "missing"
            for name in MD5 if name not in found}


def find_all_files(root: str | Path) -> dict[str, str]:
    """Find all four like :func:`find_files`; a DatasetError names those that are not there."""
    if len(found := find_files(root)) == len(MD5):
        return found
    listed = ", ".join(f"{name} is {problem}" for name, problem in find_problems(root).items())
    other = min((f" {os.path.basename(path)} is {FOREIGN[path[-4:]]}'s, in a format not read here."
                 for path in _below(root) if path[-4:] in FOREIGN), default="")
    raise DatasetError(f"expected the four files of MNIST in {tidy(root)!r:.200} or below, but "
                       f"{listed}.{other} Name another folder, or none to have them downloaded.")


def _below(root: str | Path) -> Iterator[str]:
    """List `root` and what is a few levels below."""
    levels = (glob.iglob(os.path.join(glob.escape(tidy(root)), *"*" * depth))
              for depth in range(DEEPEST + 1))
    return islice(chain.from_iterable(levels), MOST_FILES)


def read_file(path: str) -> bytes:
    """Read and unpack a file if it may be one of the four; else, and if unreadable, nothing."""
    with suppress(OSError, zlib.error):
        size = os.path.getsize(path)  # a pipe, which would be waited for, has none
        if size in SIZES.values():
            return Path(path).read_bytes()
        if path.lower().endswith(".gz") and 0 < size < max(SIZES.values()):
            return _unpack(Path(path).read_bytes())
    return b""


def _unpack(packed: bytes | bytearray) -> bytes:
    return zlib.decompressobj(GZIP).decompress(packed, max(SIZES.values()))


def download(root: str | Path = DEFAULT_ROOT, timeout: float = 10.0) -> dict[str, str]:
    """Fetch what is missing to `root`/MNIST/raw, and return where the four files are.

    Each is checked by MD5 before it is written, in one step: a cut connection, Ctrl-C or a second
    process at work never leaves half a file. Where `timeout` seconds bring less than a kilobyte
    each, the next mirror is asked. DatasetError if none has the file, or it cannot be written.
    """
    paths = find_files(root)
    try:
        for name, path in usual_paths(root).items():
            if name not in paths:
                write_atomically(path, _fetch(name, timeout))
                paths[name] = path
    except OSError as error:
        raise DatasetError(f"cannot write the dataset to {tidy(root)}: {error}") from error
    return paths


def download_with_backoff(root: Path) -> dict[str, str]:
    """Fetch like :func:`download`, but for five minutes after a failure only raise it again."""
    when, reason = _failed.get(root, (0, None))
    if reason and time.monotonic() < when + RETRY_AFTER and find_problems(root):
        raise reason
    try:
        return download(root)
    except DatasetError as error:
        _failed[root] = time.monotonic(), error
        raise


def _fetch(name: str, timeout: float) -> bytes:
    """Download and unpack one file, from the first mirror that has it whole."""
    failures = []
    for mirror in MIRRORS:
        try:
            packed = _receive(f"{mirror}{name}.gz", SIZES[name], timeout)
            content = _unpack(packed)
            if hashlib.md5(content).hexdigest() != MD5[name]:
                raise OSError(f"{len(packed):,} bytes came, but not those of the file")
            print(f"Fetched {name}.gz, {len(packed):,} bytes, from {mirror}", file=sys.stderr)
            return content
        except (OSError, zlib.error) as error:
            failures.append(f"{mirror} ({error!s:.200})")
    if any(proxy.lower().startswith("socks") for proxy in urllib.request.getproxies().values()):
        failures.append("a SOCKS proxy, which is not understood: set HTTPS_PROXY to an HTTP one")
    raise DatasetError(f"could not download {name}.gz from {', '.join(failures)}")


def _receive(address: str, limit: int, timeout: float) -> bytearray:
    """Fetch what lies at an address, hardly more than `limit` bytes; OSError if it fails."""
    received, failures = bytearray(), []

    def receive() -> None:
        try:
            with urllib.request.urlopen(address, timeout=timeout) as answer:
                while len(received) <= limit and (part := answer.read1(CHUNK)):
                    received.extend(part)
        except Exception as error:  # a mirror may send anything
            reason = " ".join(str(getattr(error, "reason", error)).split())
            failures.append(reason or type(error).__name__)

    # In a thread, to be left: to look the address up, or a header in drips, may take for ever.
    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    while thread.is_alive():
        before = len(received)
        thread.join(timeout)
        if thread.is_alive() and len(received) - before <= SLOWEST * timeout:
            limit = -1  # which ends the thread
            raise TimeoutError(f"timed out: too little came in {timeout:g} seconds")
    if failures:
        raise OSError(failures[0])
    return received
