"""What several test modules share."""

import os
from pathlib import Path

import matplotlib
import pytest
import torch
from tally import TALLY, table

from mnist_tutorial.data import DEFAULT_ROOT, SAMPLE, find_problems

matplotlib.use("agg")
torch.set_num_threads(1)


@pytest.fixture
def mnist_root():
    """The folder of genuine MNIST, or a skip that says where it would be looked for."""
    root = os.environ.get("MNIST_ROOT", DEFAULT_ROOT)
    if root == SAMPLE or find_problems(root):
        pytest.skip(f"needs genuine MNIST in {DEFAULT_ROOT}, or in the folder that MNIST_ROOT names")
    return Path(root)


@pytest.fixture
def sample(monkeypatch):
    """Have everything use the embedded sample."""
    monkeypatch.setenv("MNIST_ROOT", SAMPLE)


def pytest_terminal_summary(terminalreporter):
    """Say how much hostile input was tried: python -m pytest tests/test_hostile_*.py"""
    if TALLY:
        terminalreporter.section("hostile input and faults")
        terminalreporter.write("\n".join(table()) + "\n")
