import os
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms

from mnist_tutorial import data
from mnist_tutorial import download as downloads
from mnist_tutorial.data import Tensors, load_mnist, mnist_loaders, tensor_dataset, tensor_loader
from mnist_tutorial.download import SHA256, SIZES, download, find_problems
from mnist_tutorial.errors import DatasetError
from mnist_tutorial.preprocess import MEAN, STD


def test_download_fills_the_folder_and_only_once(mirror):
    assert set(find_problems(mirror.root).values()) == {"missing"}
    download(mirror.root)
    assert find_problems(mirror.root) == {}
    assert sorted(path.name for path in mirror.raw.iterdir()) == sorted(SHA256)
    asked = len(mirror.asked)
    download(mirror.root)
    assert len(mirror.asked) == asked


def test_download_mends_only_what_is_damaged(mirror):
    download(mirror.root)
    damaged, missing, *good = SHA256
    (mirror.raw / damaged).write_bytes(b"cut off in mid-")
    (mirror.raw / missing).unlink()
    before = {name: (mirror.raw / name).stat().st_mtime_ns for name in good}
    assert find_problems(mirror.root) == {damaged: "damaged or unreadable", missing: "missing"}
    download(mirror.root)
    assert find_problems(mirror.root) == {}
    assert before == {name: (mirror.raw / name).stat().st_mtime_ns for name in good}


@pytest.mark.parametrize("answer", [(404, None, b""), (503, None, b"busy"),
                                    (200, None, b"wrong bytes"), (200, 10_000, b"cut off")],
                         ids=["404", "503", "wrong bytes", "cut off"])
def test_download_that_fails_leaves_no_half_file(mirror, answer):
    name = list(SHA256)[2]
    mirror.files[f"{name}.gz"] = answer
    with pytest.raises(DatasetError, match=f"could not download {name}.gz from .*first.*second"):
        download(mirror.root, timeout=1)
    # What was good stays.
    assert sorted(path.name for path in mirror.raw.iterdir()) == sorted(list(SHA256)[:2])
    mirror.files = dict(mirror.good)
    download(mirror.root)
    assert find_problems(mirror.root) == {}


def test_second_mirror_is_asked_when_the_first_fails(mirror, monkeypatch):
    monkeypatch.setattr(downloads, "MIRRORS", ["http://127.0.0.1:9/", *downloads.MIRRORS])
    download(mirror.root)
    assert find_problems(mirror.root) == {}


def test_silent_server_is_given_up(mirror, monkeypatch):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setattr(downloads, "MIRRORS", [f"http://127.0.0.1:{silent.getsockname()[1]}/"])
        with pytest.raises(DatasetError, match="timed out"):
            download(mirror.root, timeout=0.2)
    assert socket.getdefaulttimeout() is None


def fetch(mirrors, checksums, sizes, root):
    downloads.MIRRORS[:] = mirrors
    SHA256.update(checksums)
    SIZES.update(sizes)
    download(root)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of threads, which rest
def test_two_processes_at_once_are_safe(mirror):
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    told = downloads.MIRRORS, dict(SHA256), dict(SIZES), mirror.root
    workers = [context.Process(target=fetch, args=told) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    assert find_problems(mirror.root) == {}
    assert sorted(path.name for path in mirror.raw.iterdir()) == sorted(SHA256)


def test_folder_that_cannot_be_made_is_explained(mirror):
    mirror.root.parent.mkdir()
    mirror.root.write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match="cannot write the dataset"):
        download(mirror.root)


def test_explicit_root_goes_before_the_environment(mnist_root, monkeypatch):
    monkeypatch.setenv("MNIST_ROOT", "/nowhere")
    assert load_mnist(root=mnist_root).name == "MNIST"
    assert load_mnist(root="sample").name == data.SAMPLE_NAME


def test_environment_goes_before_the_default(monkeypatch):
    monkeypatch.setenv("MNIST_ROOT", "sample")
    assert load_mnist().name == data.SAMPLE_NAME
    monkeypatch.setenv("MNIST_ROOT", "/nowhere")
    with pytest.raises(DatasetError, match="train-images-idx3-ubyte is missing"):
        load_mnist()


def test_incomplete_root_is_refused_and_left_alone(tmp_path):
    with pytest.raises(DatasetError, match="expected the four files"):
        load_mnist(root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_network_the_sample_says_why_it_stands_in(no_network, capsys):
    train, test = load_mnist(True), load_mnist(False)
    (line,) = capsys.readouterr().err.splitlines()
    assert "instead of MNIST, because could not download" in line and "refused" in line
    assert train.name == test.name == "embedded sample, not MNIST"
    with pytest.raises(DatasetError, match="could not download"):
        load_mnist(allow_sample=False)


def test_sample_that_is_asked_for_but_not_allowed_is_refused(sample):
    with pytest.raises(DatasetError, match="asks for the embedded sample"):
        load_mnist(allow_sample=False)


def test_sample_looks_like_mnist(sample):
    train, test = load_mnist(True), load_mnist(False)
    assert (len(train), len(test)) == (1500, 297)
    for part in (train, test):
        assert part.data.dtype == torch.uint8 and part.data.shape[1:] == (28, 28)
        assert part.targets.dtype == torch.int64 and set(part.targets.tolist()) == set(range(10))
        filled = part.data > 0
        heights, widths = filled.any(2).sum(1), filled.any(1).sum(1)
        assert torch.maximum(heights, widths).max() <= 20
        x = torch.arange(28.0)
        mass = part.data.float().sum((1, 2))
        assert ((part.data.float().sum(1) @ x) / mass - 14).abs().max() < 1
        assert ((part.data.float().sum(2) @ x) / mass - 14).abs().max() < 1
    image, label = train[0]
    assert (image.size, image.mode, label) == ((28, 28), "L", 0)
    assert sorted(os.listdir(train.raw_folder)) == sorted(SHA256)


def reference_batches(dataset, batch_size):
    """What torchvision's per-image path gives."""
    dataset.transform = transforms.Compose([transforms.ToTensor(),
                                            transforms.Normalize((MEAN,), (STD,))])
    return DataLoader(dataset, batch_size)


def assert_same_batches(dataset, count):
    fast = tensor_loader(tensor_dataset(dataset), 64)
    slow = reference_batches(dataset, 64)
    assert len(fast) == len(slow)
    for _, (images, labels), (expected_images, expected_labels) in zip(range(count), fast, slow):
        assert torch.equal(images, expected_images) and torch.equal(labels, expected_labels)


def test_batches_are_bit_for_bit_torchvisions_on_the_sample(sample):
    assert_same_batches(load_mnist(False), count=5)


def test_batches_are_bit_for_bit_torchvisions_on_mnist(mnist_root):
    assert_same_batches(load_mnist(False, mnist_root), count=20)


def numbered(count):
    return TensorDataset(torch.arange(count), torch.arange(count))


def test_loader_is_an_ordinary_dataloader():
    dataset = numbered(10)
    loader = tensor_loader(dataset, 4)
    assert isinstance(loader, DataLoader) and loader.dataset is dataset and len(loader) == 3
    assert [batch.tolist() for batch, _ in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_shuffling_is_a_new_order_each_epoch_and_hangs_on_the_seed():
    def two_epochs(seed):
        loader = tensor_loader(numbered(50), 8, shuffle=True, seed=seed)
        return [torch.cat([batch for batch, _ in loader]).tolist() for _ in range(2)]

    first, second = two_epochs(0)
    assert first != second and sorted(first) == sorted(second) == list(range(50))
    assert two_epochs(0) == [first, second] != two_epochs(1)


def test_augment_gets_images_and_the_loaders_generator():
    loader = tensor_loader(numbered(4), 4,
                           augment=lambda x, generator: x + torch.ones_like(x) * 100)
    (batch, labels), = loader
    assert batch.tolist() == [100, 101, 102, 103] and labels.tolist() == [0, 1, 2, 3]


def test_empty_dataset_is_explained():
    with pytest.raises(DatasetError, match="at least one image"):
        tensor_loader(TensorDataset(torch.zeros(0, 1), torch.zeros(0)))


@pytest.mark.parametrize("index", [[4, 0, 0], 3, slice(1, 3), [-1, 2], [],
                                   [True, False, True, False, False, True], torch.tensor([5, 1])])
def test_rows_are_what_indexing_gives(index):
    parts = torch.arange(12).view(6, 2), torch.arange(6)
    for ours, part in zip(Tensors("some", *parts)[index], parts):
        assert torch.equal(ours, part[index])


def test_rows_beyond_the_end_are_refused():
    with pytest.raises(IndexError):
        Tensors("some", torch.arange(6))[[0, 6]]


def test_loaders_do_not_wait_for_torchvision(sample, monkeypatch):
    """Its import takes as long as PyTorch's own."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert len(mnist_loaders().train.dataset) == 1375


def test_split_is_fixed_and_nothing_is_lost(sample):
    full = load_mnist(True).data
    for seed in (0, 1):
        loaders = mnist_loaders(seed=seed)
        train, validation = loaders.train.dataset.tensors[0], loaders.validation.dataset.tensors[0]
        assert torch.equal(torch.cat([train, validation]), full)
        assert len(validation) == 125 and len(loaders.test.dataset) == 297
        assert {loader.dataset.name for loader in loaders} == {data.SAMPLE_NAME}


@pytest.mark.parametrize("root", ["sample", None])
def test_loaders_hold_what_torchvision_reads(root, request):
    root = root or request.getfixturevalue("mnist_root")
    train, validation, test = (loader.dataset.tensors for loader in mnist_loaders(root=root))
    learned = map(torch.cat, zip(train, validation))
    for ours, whole in ((learned, load_mnist(True, root)), (test, load_mnist(False, root))):
        for tensor, theirs in zip(ours, (whole.data, whole.targets), strict=True):
            assert tensor.dtype == theirs.dtype and torch.equal(tensor, theirs)


def test_mnist_is_split_as_the_tutorial_says(mnist_root):
    loaders = mnist_loaders(root=mnist_root)
    assert [len(loader.dataset) for loader in loaders] == [55_000, 5_000, 10_000]
    assert len(loaders.train) == 860
    images, labels = next(iter(loaders.train))
    assert images.shape == (64, 1, 28, 28)
    assert images.dtype == torch.float32 and labels.dtype == torch.int64


def test_default_root_is_in_the_checkout():
    assert downloads.DEFAULT_ROOT == Path(__file__).resolve().parents[1] / "datasets" / "mnist"
