"""Find MNIST's four files by their content, or fetch them: whole, by SHA-256, or not at all."""

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
SHA256 = {  # of the four files once unpacked
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
Files = dict[str, tuple[str, bytes]]  # of those of the four that there are, by name: path, content
SIZES = dict(zip(SHA256, (47_040_016, 60_008, 7_840_016, 10_008)))  # bytes, unpacked
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
    return {name: os.path.join(tidy(root), "MNIST", "raw", name) for name in SHA256}


def find_files(root: str | Path) -> Files:
    """Return those of the four files that lie in `root` or below, by any name, unpacked."""
    found: Files = {}
    names = {checksum: name for name, checksum in SHA256.items()}
    for path in chain(usual_paths(root).values(), _below(root)):
        content = read_file(path)
        if name := names.get(hashlib.sha256(content).hexdigest()):
            found.setdefault(name, (path, content))
            if len(found) == len(SHA256):
                break
    return found


def find_problems(root: str | Path) -> dict[str, str]:
    """Say of those of the four files that are not found: "missing", "damaged or unreadable"."""
    # Looked for first: what another process puts there meanwhile is not damaged.
    there = [name for name, path in usual_paths(root).items() if os.path.isfile(path)]
    found = find_files(root)
    return {name: "damaged or unreadable" if name in there else "missing"
            for name in SHA256 if name not in found}


def find_all_files(root: str | Path) -> Files:
    """Find all four like :func:`find_files`; a DatasetError names those that are not there."""
    if len(found := find_files(root)) == len(SHA256):
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


def download(root: str | Path = DEFAULT_ROOT, timeout: float = 10.0) -> Files:
    """Fetch what is missing to `root`/MNIST/raw, and return what :func:`find_files` does.

    Each is checked by SHA-256 before it is written, in one step: a cut connection, Ctrl-C or a
    second process at work never leaves half a file. Where `timeout` seconds bring less than a
    kilobyte each, the next mirror is asked. DatasetError if none has it, or it cannot be written.
    """
    files = find_files(root)
    try:
        for name, path in usual_paths(root).items():
            if name not in files:
                files[name] = path, _fetch(name, timeout)
                write_atomically(*files[name])
    except OSError as error:
        raise DatasetError(f"cannot write the dataset to {tidy(root)}: {error}") from error
    return files


def download_with_backoff(root: Path) -> Files:
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
            if hashlib.sha256(content).hexdigest() != SHA256[name]:
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
