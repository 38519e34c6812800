"""What must agree between the project's files."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from exercises import find_exercises, find_solutions

import mnist_tutorial

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
CHINESE = sorted((ROOT / "notebooks" / "zh-CN").glob("*.ipynb"))  # see test_translation.py


def read(path):
    return nbformat.read(path, as_version=4)


def bare(node):
    """A definition without docstrings and annotations, as text to compare."""
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            if ast.get_docstring(part) is not None:
                part.body = part.body[1:]
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None
    return ast.dump(node)


def test_there_are_the_five_chapters():
    assert [path.stem for path in NOTEBOOKS][:5] == ["01_setup", "02_dataset", "03_training", "04_image_inference",
                                                     "05_webcam_inference"]


def test_listings_are_the_packages_code():
    packaged = {node.name: bare(node) for path in (ROOT / "mnist_tutorial").glob("*.py")
                for node in ast.parse(path.read_text(encoding="utf-8")).body if hasattr(node, "name")}
    listed = {node.name: bare(node) for path in NOTEBOOKS for cell in read(path).cells
              if "listing" in cell.metadata.get("tags", ()) for node in ast.parse(cell.source).body}
    assert sorted(listed) == ["Net", "evaluate", "train_one_epoch"]
    for name, code in listed.items():
        assert code == packaged[name], f"{name} in the notebook is not {name} in the package"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_as_it_should_be(path):
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert path.stat().st_size < 500_000
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))  # else nbval compares nothing
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    errors = [cell for cell in code for output in cell.outputs if output.output_type == "error"]
    assert all("raises-exception" in cell.metadata.get("tags", ()) for cell in errors)
    text = path.read_text(encoding="utf-8")
    assert str(ROOT.parent) not in text and str(Path.home()) not in text  # no paths of the author's machine


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_the_courses_rhythm(path):
    cells = read(path).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert text.startswith("# ")
    for part in ("**You will learn**", "**You need**", "**Time:**", "\n## Summary", "\n## Exercises"):
        assert part in text
    lines = [len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code"]
    assert sorted(lines)[len(lines) // 2] <= 6 and max(lines) <= 30


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_has_a_solution_in_code(path):
    exercises, solutions = find_exercises(read(path)), find_solutions(read(path))
    assert 3 <= len(exercises) <= 5 and len(solutions) == len(exercises)
    for code in solutions:  # notebooks/conftest.py runs them
        assert ast.parse(code).body


@pytest.mark.parametrize("path", [*ROOT.glob("README*.md"), *NOTEBOOKS, *CHINESE],
                         ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8") if path.suffix == ".md" else "\n".join(
        cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text) + re.findall(r'src="(?!https?:)([^"]+)"', text):
        assert (path.parent / target).exists(), target


def test_conda_gets_its_packages_from_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert conda == [f"python{re.search('requires-python = .(.*).$', pyproject, flags=re.M)[1]}", "pip"]
    assert pip == {"pip": ["-e .[test]"]}
    assert environment["name"] == mnist_tutorial.__name__


def test_version_stands_once_and_is_the_same():
    version = re.search('^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), flags=re.M)[1]
    assert version == mnist_tutorial.__version__


def test_readme_quotes_the_cards_figure():
    accuracy = json.loads((ROOT / "mnist_tutorial" / "weights" / "net.json").read_text())["test_accuracy"]
    assert f"{accuracy['mean']:.2%}".replace("%", " %") in (ROOT / "README.md").read_text(encoding="utf-8")
