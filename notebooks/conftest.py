"""How pytest runs the notebooks: each cell again, its output compared with the stored one."""

import os
from pathlib import Path

import pytest

from mnist_tutorial.data import SAMPLE, DatasetError, load_mnist


def pytest_configure(config):
    """Settle once where the data comes from, so that no cell downloads or waits for a network."""
    asked = os.environ.get("MNIST_ROOT")
    if asked and asked != SAMPLE:
        os.environ["MNIST_ROOT"] = str(Path(asked).resolve())
    try:
        load_mnist(allow_sample=False)
    except DatasetError as error:
        if asked and asked != SAMPLE:  # a slip of the pen must not turn MNIST into the sample
            raise pytest.UsageError(f"MNIST_ROOT: {error}") from error
        os.environ["MNIST_ROOT"] = SAMPLE


def pytest_report_header(config):
    if os.environ.get("MNIST_ROOT") == SAMPLE:
        return "data: the embedded sample, not MNIST; outputs that depend on the data are not compared"
    return "data: MNIST"


def pytest_collection_modifyitems(items):
    """On the embedded sample, run the cells tagged "mnist" without comparing their output."""
    if os.environ.get("MNIST_ROOT") == SAMPLE:
        for item in items:
            if "mnist" in getattr(item, "cell", {}).get("metadata", {}).get("tags", ()):
                item.options["check"] = False
