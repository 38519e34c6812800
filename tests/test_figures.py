"""Stored figures are compared with new ones, which nbval alone would not: notebooks/conftest.py."""

import os
import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import nbformat
import pytest
from figures import unlike
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
DRAW = "import matplotlib.pyplot as plt\nplt.bar(range(3), {})\nplt.show()"


def figures_of(notebook):
    return [output.data["image/png"] for cell in notebook.cells if cell.cell_type == "code"
            for output in cell.outputs if "image/png" in output.get("data", ())]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_each_figure_is_like_itself_and_no_other(path):
    figures = figures_of(nbformat.read(path, as_version=4))
    assert not any(unlike(figure, figure) for figure in figures)
    assert all(unlike(*pair) for pair in combinations(figures, 2)), "they could be swapped unseen"


def test_swapped_figures_are_found(tmp_path):
    """A notebook runs as the chapters do: two figures are as stored, two were swapped."""
    shutil.copy(FOLDER / "conftest.py", tmp_path)
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(DRAW.format(heights))
        for heights in 2 * ("[1, 2, 3]", "[3, 2, 1]")])
    NotebookClient(notebook, kernel_name="python3").execute()
    *_, first, second = notebook.cells
    first.outputs, second.outputs = second.outputs, first.outputs
    nbformat.write(notebook, tmp_path / "swapped.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, tmp_path],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(FOLDER), "MNIST_ROOT": "sample",
             "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})  # conftest.py takes in nbval
    said = done.stdout
    assert done.returncode == 1 and "2 failed, 2 passed" in said and "grey levels" in said, said
    failed = re.findall(r"^FAILED .*/swapped.ipynb::Cell (\d)", said, flags=re.M)
    assert failed == ["2", "3"], said
