"""How pytest runs the notebooks: each cell, compared with its stored output, then the solutions."""

import os
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from exercises import find_solutions
from nbval.plugin import IPyNbCell, IPyNbFile

from mnist_tutorial.data import SAMPLE, load_mnist
from mnist_tutorial.errors import DatasetError

collect_ignore = ["zh-CN"]  # the same code: tests/test_translation.py sees to that


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
        return "data: the embedded sample; outputs that depend on the data are not compared"
    return "data: MNIST"


class Notebook(IPyNbFile):
    """A notebook whose solutions run after its own cells, in the same kernel, as a learner's do."""

    def collect(self):
        yield from super().collect()
        for number, code in enumerate(find_solutions(self.nb), start=1):
            yield Solution.from_parent(self, name=f"Solution {number}", cell_num=number,
                                       options=defaultdict(bool),
                                       cell=nbformat.v4.new_code_cell(code))


class Solution(IPyNbCell):
    """A folded solution: it has no stored output, so it passes if it raises nothing."""

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    collected = yield
    return [Notebook.from_parent(parent, path=file_path) if isinstance(node, IPyNbFile) else node
            for node in collected]


def pytest_collection_modifyitems(items):
    """On the embedded sample, run the cells tagged "mnist" without comparing their output."""
    if os.environ.get("MNIST_ROOT") == SAMPLE:
        for item in items:
            if "mnist" in getattr(item, "cell", {}).get("metadata", {}).get("tags", ()):
                item.options["check"] = False
