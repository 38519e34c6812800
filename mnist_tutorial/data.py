"""Load MNIST, and serve it to the training loop in batches."""

import atexit
import functools
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset, get_worker_info

from . import download
from .errors import DatasetError
from .preprocess import SIZE, fit_to_mnist, normalise

if TYPE_CHECKING:
    from torchvision import datasets

SAMPLE = "sample"  # as a root: asks for the embedded sample
SAMPLE_NAME = "embedded sample, not MNIST"
SAMPLE_FULL_INK, SAMPLE_TRAINING = 16, 1500  # its grey level of full ink; images to train on
LAYOUT = (16, SIZE, SIZE), (8,)  # of images, of labels: bytes before the first, shape of each
BYTES_MAGIC = 0x800  # how a file of bytes begins in MNIST's format; its dimensions are added
VALIDATION_PART = 12  # one in twelve training images validates: the last 5,000 of MNIST's
EVALUATION_BATCH = 1000  # images; changes the speed, not the result


@functools.cache
def _write_files(*paths: str) -> Path:
    """Write the files of `paths`, or the sample's, plain to a root that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="mnist_tutorial-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    contents = map(download.read_file, paths) if paths else _make_sample()
    for name, content in zip(download.SHA256, contents):
        (raw / name).write_bytes(content)
    return folder


@functools.cache
def _make_sample() -> list[bytes]:
    """Make the sample's four files, in MNIST's own format.

    Its 1,797 digits are real handwriting, from scikit-learn (Alpaydin and Kaynak, 1998, UCI
    "Optical Recognition of Handwritten Digits"), but only 8x8 pixels, so they look blurred at
    28x28: the first 1,500 for training, the last 297 for the test.
    """
    from sklearn.datasets import load_digits  # seldom needed, and a second or more to import

    digits = load_digits()
    small = (digits.images * 255 / SAMPLE_FULL_INK).astype(np.uint8)  # (N, 8, 8)
    images = np.stack([fit_to_mnist(image) for image in small])
    parts = [np.split(each, [SAMPLE_TRAINING]) for each in (images, digits.target.astype(np.uint8))]
    return [np.array([BYTES_MAGIC + part.ndim, *part.shape], ">i4").tobytes() + part.tobytes()
            for both in zip(*parts) for part in both]


def load_mnist(train: bool = True, root: str | Path | None = None, *,
               transform: Callable | None = None, allow_sample: bool = True) -> "datasets.MNIST":
    """Load the 60,000 training images of MNIST, or the 10,000 of its test.

    They come from the first of these: `root`; the environment variable MNIST_ROOT;
    `datasets/mnist`, downloaded if need be (after a failure, not for five minutes); the embedded
    sample, with a notice, which ``"sample"`` as root or MNIST_ROOT asks for. `root` holds the four
    files, there or a few levels below, packed or not, by any name: their content tells. It is only
    read. `transform` is applied to each PIL image.

    Returned is torchvision's MNIST, of checked files, with a `name` for figures. Its `data` is
    uint8 (N, 28, 28), 0 = background, 255 = ink; `targets`, the digits, int64 (N,). A DatasetError
    says that `root` or MNIST_ROOT is incomplete, or that MNIST is nowhere and `allow_sample` is
    False.
    """
    if not isinstance(train, (bool, np.bool_)):
        raise DatasetError(f"expected train=True or False, got {train!r:.80}: a folder is root=")
    name, folder, files = _locate(root, allow_sample)
    paths = {each: path for each, (path, _) in files.items()}
    # torchvision would prefer MNIST/processed/*.pt, which nobody has checked.
    if paths != download.usual_paths(folder) or (folder / "MNIST" / "processed").exists():
        folder = _write_files(*(paths[each] for each in download.SHA256))
    from torchvision import datasets  # it takes two seconds to import
    dataset = datasets.MNIST(folder, train, transform)
    dataset.name = name
    return dataset


def _locate(root: str | Path | None, allow_sample: bool) -> tuple[str, Path, download.Files]:
    """Find MNIST or the sample: its name, the folder where it was looked for, and its files."""
    asked = download.tidy(root) or download.tidy(os.environ.get("MNIST_ROOT"))
    if asked == SAMPLE:
        if allow_sample:
            return _use_sample("it was asked for")
        raise DatasetError("expected MNIST, but root or MNIST_ROOT asks for the embedded sample")
    folder = Path(asked or download.DEFAULT_ROOT)
    try:
        find = download.find_all_files if asked else download.download_with_backoff
        return "MNIST", folder, find(folder)
    except DatasetError as error:
        if asked or not allow_sample:
            raise
        return _use_sample(str(error))


@functools.cache
def _use_sample(why: str) -> tuple[str, Path, download.Files]:
    """Warn, once per reason, that the embedded sample is being used."""
    print(f"Using the embedded sample of 1,797 small digits instead of MNIST, because {why}. "
          "All of the course runs on it, but its figures are not MNIST's.", file=sys.stderr)
    paths = download.usual_paths(folder := _write_files())
    return SAMPLE_NAME, folder, dict(zip(paths, zip(paths.values(), _make_sample())))


class Tensors(TensorDataset):
    """Tensors, with a `name` for figures; rows are copied, several times as fast as by indexing."""

    def __init__(self, name: str, *tensors: torch.Tensor):
        super().__init__(*tensors)
        self.name = name

    def __getitem__(self, index):
        if isinstance(index, list):
            with suppress(IndexError, RuntimeError, TypeError, ValueError):  # such as -1: as usual
                rows = torch.from_numpy(np.array(index))  # on the CPU, whatever the default is
                return tuple(tensor.index_select(0, rows) for tensor in self.tensors)
        return super().__getitem__(index)


def tensor_dataset(dataset: Any) -> Tensors:
    """Hold a dataset as tensors uint8 (N, 28, 28) and int64 (N,).

    It is MNIST or one like it, such as torchvision's FashionMNIST; its `transform` is left out.
    """
    name = getattr(dataset, "name", type(dataset).__name__)
    try:  # Bytes: to normalise each batch later costs no more than to fetch four times as many.
        return Tensors(name, *map(torch.as_tensor, (dataset.data, dataset.targets)))
    except Exception as error:  # of whatever kind, others' datasets being of any
        raise DatasetError("expected a dataset with `data` and as many `targets`, like MNIST, got "
                           f"{type(dataset).__name__}") from error


def tensor_loader(dataset: Any, batch_size: int = 64, *, shuffle: bool = False,
                  seed: int = 0, augment: Callable | None = None) -> DataLoader:
    """Serve batches, cut in one go: several times faster than image by image.

    They are images, float32 (batch_size, 1, 28, 28), and labels, int64; the last may be short.
    `dataset` is anything that can be indexed with a list of numbers, or that :func:`tensor_dataset`
    takes; bytes are normalised (:func:`mnist_tutorial.preprocess.normalise`). With `shuffle`, each
    epoch has a new order, drawn from the loader's own `generator`, seeded with `seed`.
    ``augment(images, generator) -> images`` changes each normalised batch. What is unfit, as three
    images show, raises a DatasetError.
    """
    if hasattr(dataset, "targets"):
        dataset = tensor_dataset(dataset)
    if type(batch_size) is not int or not 0 < batch_size <= sys.maxsize:
        raise DatasetError(f"expected a number of images as batch_size, got {batch_size!r:.80}")
    expected = "a dataset of at least one image and label, which a list of numbers indexes"
    try:
        images, _ = _Collate()(dataset[[0, 0, 0]])
        expected = "augment(images, generator) to return images of the same shape and type"
        with torch.random.fork_rng(devices=()):  # training draws the same numbers after it
            changed, _ = _Collate(augment, torch.Generator())(dataset[[0, 0, 0]])
        if (changed.shape, changed.dtype) != (images.shape, images.dtype):
            raise ValueError(f"got {changed.dtype} {tuple(changed.shape)}")
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise DatasetError(f"expected {expected}, but: {why:.200}") from error
    generator = torch.Generator().manual_seed(seed)
    order = RandomSampler(dataset, generator=generator) if shuffle else range(len(dataset))
    batches = BatchSampler(order, batch_size, drop_last=False)  # lists of indices
    return DataLoader(dataset, sampler=batches, batch_size=None, generator=generator,
                      collate_fn=_Collate(augment, generator))


class _Collate:
    """Turns a batch into the network's input."""

    def __init__(self, augment: Callable | None = None, generator: torch.Generator | None = None):
        self.augment, self.generator = augment, generator

    def __reduce__(self):  # for workers that are spawned: generators do not get there
        return _Collate, (self.augment,)

    def __call__(self, batch):
        images, labels = batch
        images = normalise(images) if images.dtype == torch.uint8 else images
        if self.augment is not None:
            # PyTorch seeds the generator of its own anew in each worker and for each epoch.
            generator = torch.default_generator if get_worker_info() else self.generator
            images = self.augment(images, generator)
        return images, labels


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
    name, _, files = _locate(root, allow_sample)
    images, labels, test_images, test_labels = (
        torch.from_numpy(np.frombuffer(files[each][1], np.uint8)[start:].copy()).view(-1, *shape)
        for each, (start, *shape) in zip(download.SHA256, 2 * LAYOUT))
    cut = len(labels) - len(labels) // VALIDATION_PART
    train, validation, test = (Tensors(name, pixels, digits.long()) for pixels, digits in (
        (images[:cut], labels[:cut]), (images[cut:], labels[cut:]), (test_images, test_labels)))
    return Loaders(tensor_loader(train, batch_size, shuffle=True, seed=seed, augment=augment),
                   *(tensor_loader(part, EVALUATION_BATCH) for part in (validation, test)))
