"""How pytest runs the notebooks: each cell, compared with its stored output, then the solutions.

Figures are compared too, which nbval leaves out: their size, and a reduced copy of them.
"""

import os
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from exercises import find_checks, find_solutions
from figures import unlike
from nbval import plugin
from nbval.plugin import IPyNbCell, IPyNbFile

from mnist_tutorial.data import SAMPLE, mnist_loaders
from mnist_tutorial.errors import DatasetError

collect_ignore = ["zh-CN"]  # the same code: tests/test_translation.py sees to that


def pytest_addoption(parser):
    """Take in nbval here, where the notebooks are: the unit tests don't wait for its import."""
    plugin.pytest_addoption(parser)


def pytest_configure(config):
    """Settle once where the data comes from, so that no cell downloads or waits for a network."""
    config.option.nbval_current_env = True
    config.option.nbval_cell_timeout, config.option.nbval_kernel_startup_timeout = 600, 120
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for each kernel: the cores have a worker each
    asked = os.environ.get("MNIST_ROOT")
    if asked and asked != SAMPLE:
        os.environ["MNIST_ROOT"] = str(Path(asked).resolve())
    try:
        mnist_loaders(allow_sample=False)
    except DatasetError as error:
        if asked and asked != SAMPLE:  # a slip of the pen must not turn MNIST into the sample
            raise pytest.UsageError(f"MNIST_ROOT: {error}") from error
        os.environ["MNIST_ROOT"] = SAMPLE


def pytest_report_header(config):
    if os.environ.get("MNIST_ROOT") == SAMPLE:
        return "data: the embedded sample; outputs that depend on the data are not compared"
    return "data: MNIST"


ACCEPTED = """
from mnist_tutorial.exercises import find_slip
slip = {}
assert slip is None, slip
"""


class Notebook(IPyNbFile):
    """A notebook whose solutions run after its own cells, in the same kernel, as a learner's do.

    Each is checked as the learner's own answer is.
    """

    def collect(self):
        for cell in super().collect():
            cell.__class__ = Cell
            yield cell
        checks = find_checks(self.nb)
        for number, code in find_solutions(self.nb).items():
            if number in checks:
                code += ACCEPTED.format(checks[number].replace("check_exercise", "find_slip"))
            yield Solution.from_parent(self, name=f"Solution {number}", cell_num=number,
                                       options=defaultdict(bool),
                                       cell=nbformat.v4.new_code_cell(code))


class Cell(IPyNbCell):
    """A cell whose figures are compared with the stored ones."""

    def compare_outputs(self, test, ref, skip_compare=None):
        alike = super().compare_outputs(test, ref, skip_compare)
        ours, theirs = ([output["data"]["image/png"] for output in outputs
                         if "image/png" in output.get("data", ())] for outputs in (test, ref))
        slips = [slip for pair in zip(ours, theirs) if (slip := unlike(*pair))]
        if len(ours) != len(theirs):
            slips.append(f"{len(ours)} figures, stored are {len(theirs)}")
        self.comparison_traceback.extend(slips)
        return alike and not slips


class Solution(IPyNbCell):
    """A folded solution: it has no stored output, so it passes if it raises nothing."""

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".ipynb":
        return Notebook.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(items):
    """On the embedded sample, run the cells tagged "mnist" without comparing their output."""
    if os.environ.get("MNIST_ROOT") == SAMPLE:
        for item in items:
            if "mnist" in getattr(item, "cell", {}).get("metadata", {}).get("tags", ()):
                item.options["check"] = False
