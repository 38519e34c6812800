"""The course in one file of plain PyTorch: it trains, tests, saves, loads and reads."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from mnist_tutorial import Net, draw_digit, load_mnist

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "notebooks" / "mnist.py"


@pytest.fixture
def script():
    return runpy.run_path(str(SCRIPT), run_name="mnist")


def test_its_network_is_the_courses(script):
    ours, theirs = Net(), script["Net"]()
    shapes = [value.shape for value in theirs.state_dict().values()]
    assert [value.shape for value in ours.state_dict().values()] == shapes
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values())))
    images = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(theirs(images), ours(images))


def test_it_learns_a_small_subset(script, sample, capsys):
    torch.manual_seed(0)
    images = load_mnist(transform=script["transform"])
    loader = DataLoader(Subset(images, range(600)), batch_size=64, shuffle=True)
    net = script["Net"]()
    before = script["test"](net, loader)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(4):
        script["train"](net, loader, optimizer)
    assert before < 0.3 < 0.8 < script["test"](net, loader)
    assert "loss" in capsys.readouterr().out


def test_it_trains_saves_and_reads_from_the_command_line(tmp_path, monkeypatch, capsys, sample):
    """All ten epochs, of 200 images of the sample."""
    from torchvision import datasets
    monkeypatch.chdir(tmp_path)
    genuine = datasets.MNIST

    def of_the_sample(*arguments, **options):
        if "download" not in options:  # the course's own call
            return genuine(*arguments, **options)
        return Subset(load_mnist(options["train"], transform=options["transform"]), range(200))

    monkeypatch.setattr(datasets, "MNIST", of_the_sample)
    monkeypatch.setattr(sys, "argv", ["mnist.py"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "test accuracy" in capsys.readouterr().out and (tmp_path / "mnist.pt").exists()
    monkeypatch.setattr(sys, "argv", ["mnist.py", str(ROOT / "img" / "3.jpg")])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "3.jpg: " in capsys.readouterr().out


def test_it_makes_drawn_digits_look_like_mnist(script, tmp_path):
    from PIL import Image
    for digit in range(10):
        ink = draw_digit(np.random.default_rng(digit), digit)
        Image.fromarray(255 - ink).save(tmp_path / "drawn.png")
        made = np.asarray(script["prepare"](tmp_path / "drawn.png"), float)
        rows, columns = np.nonzero(made)
        assert made.shape == (28, 28) and 15 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        centre = [(np.indices((28, 28))[axis] * made).sum() / made.sum() for axis in (0, 1)]
        assert max(abs(np.array(centre) - 14)) < 1
