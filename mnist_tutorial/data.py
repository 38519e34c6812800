"""Load MNIST, and serve it to the training loop in batches."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from .download import DEFAULT_ROOT, MD5, MNIST, download_with_backoff, find_problems
from .errors import DatasetError
from .preprocess import fit_to_mnist, normalise

SAMPLE = "sample"  # as a root: asks for the embedded sample
SAMPLE_FULL_INK, SAMPLE_TRAINING = 16, 1500  # its grey level of full ink; images to train on
BYTES_MAGIC = 0x800  # how a file of bytes begins in MNIST's format; its dimensions are added
VALIDATION_PART = 12  # one in twelve training images validates: the last 5,000 of MNIST's
EVALUATION_BATCH = 1000  # images; changes the speed, not the result
_announced: set[str] = set()  # reasons for which the sample is used


class Sample(MNIST):
    """The embedded sample: scikit-learn's 1,797 handwritten digits, brought to 28x28.

    They are real handwriting (Alpaydin and Kaynak, 1998, UCI "Optical Recognition of Handwritten
    Digits") but only 8x8 pixels, so they look blurred: the first 1,500 for training, the last 297
    for the test. They lie in a temporary folder, in four files of MNIST's own format.
    """

    name = "embedded sample, not MNIST"


@functools.cache
def _sample_folder() -> tempfile.TemporaryDirectory:
    """Write the sample as MNIST's four files, once; the folder goes when the process ends."""
    from sklearn.datasets import load_digits  # seldom needed, and a second or more to import

    digits = load_digits()
    small = (digits.images * 255 / SAMPLE_FULL_INK).astype(np.uint8)  # (N, 8, 8)
    images = np.stack([fit_to_mnist(image) for image in small])
    labels = digits.target.astype(np.uint8)
    folder = tempfile.TemporaryDirectory(prefix="mnist_tutorial-")
    raw = Path(folder.name) / Sample.__name__ / "raw"
    raw.mkdir(parents=True)
    parts = (images[:SAMPLE_TRAINING], labels[:SAMPLE_TRAINING],
             images[SAMPLE_TRAINING:], labels[SAMPLE_TRAINING:])
    for name, part in zip(MD5, parts):  # the names of the four files, in this order
        header = np.array([BYTES_MAGIC + part.ndim, *part.shape], dtype=">i4")
        (raw / name).write_bytes(header.tobytes() + part.tobytes())
    return folder


def load_mnist(train: bool = True, root: str | Path | None = None, *,
               transform: Callable | None = None, allow_sample: bool = True) -> MNIST:
    """Load MNIST from the first place that has it; otherwise the embedded sample, with a notice.

    The order: `root`; the environment variable MNIST_ROOT; `datasets/mnist`, downloaded if need be;
    the embedded sample. ``"sample"`` as root or MNIST_ROOT asks for the sample. A failed download
    is tried again after five minutes, and by :func:`download` at once.

    Parameters
    ----------
    train : bool
        The 60,000 training images, or the 10,000 of the test.
    root : path, optional
        A folder in torchvision's layout (`root`/MNIST/raw). It is read only, never filled.
    transform : callable, optional
        Applied to each PIL image, as torchvision does.

    Raises
    ------
    DatasetError
        `root` or MNIST_ROOT is incomplete, or MNIST is nowhere and `allow_sample` is False.
    """
    return _open(_locate(root, allow_sample), train, transform)


def _open(folder: Path, train: bool, transform: Callable | None = None) -> MNIST:
    """Open one part of the dataset in `folder`; each class looks for files under its own name."""
    kind = MNIST if (folder / MNIST.__name__).is_dir() else Sample
    return kind(folder, train, transform)


def _locate(root: str | Path | None, allow_sample: bool) -> Path:
    """Find a folder with all four files, checked: MNIST's or the sample's."""
    asked = root or os.environ.get("MNIST_ROOT")
    if not asked:
        try:
            download_with_backoff(DEFAULT_ROOT)
            return DEFAULT_ROOT
        except DatasetError as error:
            if not allow_sample:
                raise
            return _use_sample(str(error))
    if str(asked) == SAMPLE:
        if allow_sample:
            return _use_sample("it was asked for")
        raise DatasetError("expected MNIST, but root or MNIST_ROOT asks for the embedded sample")
    if problems := find_problems(asked):
        listed = ", ".join(f"{name} is {problem}" for name, problem in problems.items())
        raise DatasetError(f"expected the four files of MNIST in {Path(asked, 'MNIST', 'raw')}, "
                           f"but {listed}. Name another folder, or none to have them downloaded.")
    return Path(asked)


def _use_sample(why: str) -> Path:
    """Warn once per reason that the embedded sample is being used, and return its folder."""
    if why not in _announced:
        _announced.add(why)
        print(f"Using the embedded sample of 1,797 small digits instead of MNIST, because {why}. "
              "All of the course runs on it, but its figures are not MNIST's.", file=sys.stderr)
    return Path(_sample_folder().name)


def tensor_dataset(dataset: MNIST, start: int = 0, stop: int | None = None) -> TensorDataset:
    """Hold a dataset, or a part of it, as tensors uint8 (N, 28, 28) and int64 (N,)."""
    # Bytes: to normalise each batch later costs no more than to fetch four times as many.
    tensors = TensorDataset(dataset.data[start:stop], dataset.targets[start:stop])
    tensors.name = dataset.name
    return tensors


def tensor_loader(dataset: TensorDataset, batch_size: int = 64, *, shuffle: bool = False,
                  seed: int = 0, augment: Callable | None = None) -> DataLoader:
    """Serve batches cut from tensors in one go, several times faster than image by image.

    Parameters
    ----------
    dataset : TensorDataset
        Anything that can be indexed with a list of numbers; if empty, it raises a DatasetError.
        Images of bytes are normalised (:func:`mnist_tutorial.preprocess.normalise`).
    shuffle : bool
        In a new order each epoch, drawn from the loader's own `generator`, seeded with `seed`.
    augment : callable, optional
        ``augment(images, generator) -> images``, applied to each normalised batch.

    Returns
    -------
    DataLoader
        Of images, float32 (batch_size, 1, 28, 28), and labels, int64; the last batch may be short.
    """
    if not len(dataset):
        raise DatasetError("expected at least one image to make batches of, got an empty dataset")
    generator = torch.Generator().manual_seed(seed)
    order = RandomSampler(dataset, generator=generator) if shuffle else range(len(dataset))
    batches = BatchSampler(order, batch_size, drop_last=False)  # lists of indices

    def collate(batch):
        images, labels = batch
        images = normalise(images) if images.dtype == torch.uint8 else images
        return (augment(images, generator) if augment else images), labels

    return DataLoader(dataset, sampler=batches, batch_size=None, collate_fn=collate,
                      generator=generator)


class Loaders(NamedTuple):
    """The three parts of the data, each a DataLoader."""

    train: DataLoader
    validation: DataLoader
    test: DataLoader


def mnist_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Load MNIST as three loaders: 55,000 images to train, 5,000 to validate, 10,000 to test.

    The split is fixed, whatever the `seed`. `batch_size`, `seed` and `augment` are for the training
    loader, see :func:`tensor_loader`; for `root` and `allow_sample` see :func:`load_mnist`.
    """
    folder = _locate(root, allow_sample)
    full, test = _open(folder, train=True), _open(folder, train=False)
    cut = len(full) - len(full) // VALIDATION_PART
    train = tensor_dataset(full, stop=cut)
    return Loaders(tensor_loader(train, batch_size, shuffle=True, seed=seed, augment=augment),
                   tensor_loader(tensor_dataset(full, start=cut), EVALUATION_BATCH),
                   tensor_loader(tensor_dataset(test), EVALUATION_BATCH))
