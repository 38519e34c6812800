"""Where MNIST comes from, and how it reaches the training loop."""

from __future__ import annotations

import functools
import http.client
import os
import socket
import struct
import sys
import tempfile
import time
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset
from torchvision import datasets
from torchvision.datasets.utils import check_integrity, download_and_extract_archive

from .preprocess import SIZE, fit_to_mnist, normalise

CHECKOUT = Path(__file__).resolve().parents[1]
# Beside the notebooks in a checkout; in the current folder when installed as a wheel.
DEFAULT_ROOT = (CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path()) / "datasets" / "mnist"
SAMPLE = "sample"  # as a root: asks for the embedded sample

MD5 = {  # of the four files once unpacked; torchvision checks only the packed ones
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class DatasetError(RuntimeError):
    """The dataset is missing, damaged or cannot be fetched; the message says what to do."""


class MNIST(datasets.MNIST):
    """The genuine dataset: torchvision's class, with one more mirror and a name.

    Attributes
    ----------
    data : uint8 tensor (N, 28, 28)
        0 = ground, 255 = ink.
    targets : int64 tensor (N,)
        The digits, 0 to 9.
    name : str
        What plots call it.
    """

    name = "MNIST"
    mirrors = [
        datasets.MNIST.mirrors[0],
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        *datasets.MNIST.mirrors[1:],
    ]


class Sample(MNIST):
    """The embedded sample: scikit-learn's 1,797 handwritten digits, brought to 28x28.

    They are real handwriting (Alpaydin and Kaynak, 1998, UCI "Optical Recognition of Handwritten
    Digits") but only 8x8 pixels, so they look blurred beside MNIST. The first 1,500 serve for
    training, the last 297 for the test. They stand in four files of MNIST's own format, in a
    temporary folder, so that all that can be done with MNIST's files can be done with them.
    """

    name = "embedded sample, not MNIST"

    def __init__(self, train: bool = True, transform: Callable | None = None):
        super().__init__(_sample_folder().name, train, transform)


@functools.cache
def _sample_folder() -> tempfile.TemporaryDirectory:
    """Write the sample as MNIST's four files, once a process; the folder goes when the process ends."""
    from sklearn.datasets import load_digits  # seldom needed, and a second or more to import

    digits = load_digits()
    pictures = np.stack([fit_to_mnist((image * 255 / 16).astype(np.uint8)) for image in digits.images])
    folder = tempfile.TemporaryDirectory(prefix="mnist_tutorial-")
    raw = Path(folder.name) / "Sample" / "raw"
    raw.mkdir(parents=True)
    for part, rows in (("train", slice(1500)), ("t10k", slice(1500, None))):
        count = len(pictures[rows])
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 2051, count, SIZE, SIZE) + pictures[rows].tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2i", 2049, count) + digits.target[rows].astype(np.uint8).tobytes())
    return folder


def find_problems(root: str | Path) -> dict[str, str]:
    """Say which of the four files under `root`/MNIST/raw are missing or damaged.

    Returns
    -------
    dict
        File name to "missing" or "damaged"; empty if the dataset is whole (checked by MD5).
    """
    raw = Path(root) / "MNIST" / "raw"
    problems = {}
    for name, md5 in MD5.items():
        if not (raw / name).is_file():
            problems[name] = "missing"
        elif not check_integrity(raw / name, md5):
            problems[name] = "damaged"
    return problems


@contextmanager
def _socket_timeout(seconds: float):
    """Give up on a silent server: torchvision's download sets no timeout of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _fetch(name: str, folder: str) -> Path:
    """Download and unpack one file into `folder`, from the first mirror that has it whole."""
    packed_md5 = dict(MNIST.resources)[name + ".gz"]
    failures = []
    for mirror in MNIST.mirrors:
        try:
            download_and_extract_archive(f"{mirror}{name}.gz", folder, md5=packed_md5)
            return Path(folder) / name
        except (OSError, RuntimeError, EOFError, zlib.error, http.client.HTTPException) as error:
            reason = " ".join(str(getattr(error, "reason", error)).split())
            failures.append(f"{mirror} ({reason or type(error).__name__})")
    raise DatasetError(f"could not download {name}.gz from {', '.join(failures)}")


def download(root: str | Path = DEFAULT_ROOT, timeout: float = 10.0) -> None:
    """Fetch what is missing or damaged under `root`, with progress on stderr.

    Each file is fetched into a folder of its own, checked by MD5 and only then moved into place,
    so a cut connection, Ctrl-C or a second process at work never leaves half a file.

    Parameters
    ----------
    root : path
        Filled in torchvision's layout, `root`/MNIST/raw.
    timeout : float
        Seconds without an answer after which a mirror is given up.

    Raises
    ------
    DatasetError
        No mirror has the file, or `root` cannot be written.
    """
    problems = find_problems(root)
    if not problems:
        return
    raw = Path(root) / "MNIST" / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        for name in problems:
            with tempfile.TemporaryDirectory(dir=raw, prefix=".download-") as folder, _socket_timeout(timeout):
                os.replace(_fetch(name, folder), raw / name)
    except OSError as error:
        raise DatasetError(f"cannot write the dataset to {raw}: {error}") from error


RETRY = 300  # seconds: a network that is silent costs ten for each mirror, and each call would wait anew
_failed: dict[Path, tuple[float, DatasetError]] = {}


def _download_if_hopeful(root: Path) -> None:
    """Fetch what is missing, as :func:`download` does, but after a failure only say again why, for a while."""
    if not find_problems(root):
        return
    when, error = _failed.get(root, (-RETRY, None))
    if error and time.monotonic() < when + RETRY:
        raise error
    try:
        download(root)
    except DatasetError as error:
        _failed[root] = time.monotonic(), error
        raise


def load_mnist(train: bool = True, root: str | Path | None = None, *,
               transform: Callable | None = None, allow_sample: bool = True) -> MNIST:
    """Open MNIST wherever it is to be had, else the embedded sample, and say so.

    The order: `root`; the environment variable MNIST_ROOT; `datasets/mnist`; download into
    `datasets/mnist`; the embedded sample. ``"sample"`` as root or MNIST_ROOT asks for the sample.
    A download that failed is tried again by the calls after five minutes, and by :func:`download` at once.

    Parameters
    ----------
    train : bool
        The 60,000 training pictures, or the 10,000 of the test.
    root : path, optional
        A folder in torchvision's layout (`root`/MNIST/raw). It is read only, never filled.
    transform : callable, optional
        Applied to each PIL picture, as torchvision does.
    allow_sample : bool
        False: raise rather than fall back to the sample.

    Raises
    ------
    DatasetError
        `root` or MNIST_ROOT is incomplete, or no data can be had and `allow_sample` is False.
    """
    return _open(_locate(root, allow_sample), train, transform)


def _open(root: Path | None, train: bool, transform: Callable | None = None) -> MNIST:
    """Open the part of the dataset under `root`, or of the sample where that is None."""
    return MNIST(root, train, transform) if root else Sample(train, transform)


def _locate(root: str | Path | None, allow_sample: bool) -> Path | None:
    """Find a folder with all four files, checked, or None: the sample has to stand in."""
    asked = root or os.environ.get("MNIST_ROOT")
    if asked and str(asked) != SAMPLE:
        if problems := find_problems(asked):
            listed = ", ".join(f"{name} is {problem}" for name, problem in problems.items())
            raise DatasetError(f"expected the four files of MNIST in {Path(asked) / 'MNIST' / 'raw'}, but {listed}. "
                               "Name another folder, or none to have them downloaded.")
        return Path(asked)
    if asked:
        why = "it was asked for"
        if not allow_sample:
            raise DatasetError("expected MNIST itself, but root or MNIST_ROOT asks for the embedded sample")
    else:
        try:
            _download_if_hopeful(DEFAULT_ROOT)
            return DEFAULT_ROOT
        except DatasetError as error:
            if not allow_sample:
                raise
            why = str(error)
    _announce_sample(why)
    return None


_announced: set[str] = set()


def _announce_sample(why: str) -> None:
    """Say once for each reason that the sample stands in, and what that means."""
    if why not in _announced:
        _announced.add(why)
        print(f"Using the embedded sample of 1,797 small digits instead of MNIST, because {why}. "
              "All of the course runs on it, but its figures are not MNIST's.", file=sys.stderr)


def tensor_dataset(dataset: MNIST) -> TensorDataset:
    """Hold a whole dataset as one tensor.

    Returns
    -------
    TensorDataset
        Of uint8 (N, 28, 28) and int64 (N,), with the `name` of `dataset`. They stay bytes, 47 MB for the 60,000
        training pictures and not 188: to normalise each batch costs no more than to fetch four times as much.
    """
    tensors = TensorDataset(dataset.data, dataset.targets)
    tensors.name = dataset.name
    return tensors


def tensor_loader(dataset: TensorDataset, batch_size: int = 64, *, shuffle: bool = False, seed: int = 0,
                  augment: Callable | None = None) -> DataLoader:
    """Serve batches cut from tensors in one go, several times faster than picture by picture.

    Parameters
    ----------
    dataset : TensorDataset
        Anything that can be indexed with a list of numbers. Pictures of bytes are normalised
        (:func:`mnist_tutorial.preprocess.normalise`), all else is passed on as it is.
    shuffle : bool
        In a new order each epoch, drawn from the loader's own `generator`, seeded with `seed`.
    augment : callable, optional
        ``augment(images, generator) -> images``, applied to each normalised batch.

    Returns
    -------
    DataLoader
        Of ``(images, labels)``: float32 (batch_size, 1, 28, 28) and int64 (batch_size,); the last
        batch may be shorter.
    """
    if not len(dataset):
        raise DatasetError("expected at least one picture to make batches of, got an empty dataset")
    generator = torch.Generator().manual_seed(seed)
    sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)

    def collate(batch):
        images, labels = batch
        if images.dtype == torch.uint8:
            images = normalise(images)
        return (augment(images, generator) if augment else images), labels

    # The sampler gives whole batches of indices and the DataLoader passes them on as they are.
    return DataLoader(dataset, sampler=BatchSampler(sampler, batch_size, drop_last=False), batch_size=None,
                      collate_fn=collate, generator=generator)


class Loaders(NamedTuple):
    """The three parts of the data, each a DataLoader."""

    train: DataLoader
    validation: DataLoader
    test: DataLoader


def mnist_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Open MNIST as three loaders: 55,000 to train, 5,000 to validate, 10,000 to test.

    The split is fixed: the last twelfth of the training pictures validates, whatever the `seed`.

    Parameters
    ----------
    batch_size, seed, augment
        Of the training loader, see :func:`tensor_loader`.
    root, allow_sample
        See :func:`load_mnist`.
    """
    folder = _locate(root, allow_sample)
    full, test = (tensor_dataset(_open(folder, train)) for train in (True, False))
    cut = len(full) - len(full) // 12
    parts = []
    for part in (slice(cut), slice(cut, None)):
        parts.append(TensorDataset(*(tensor[part] for tensor in full.tensors)))
        parts[-1].name = full.name
    return Loaders(tensor_loader(parts[0], batch_size, shuffle=True, seed=seed, augment=augment),
                   tensor_loader(parts[1], 1000), tensor_loader(test, 1000))
