"""What must agree between the project's files."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from exercises import find_checks, find_exercises, find_solutions

import mnist_tutorial

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


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
    chapters = [path.stem for path in NOTEBOOKS if path.stem != "02b_by_hand"]
    assert chapters[:5] == [
        "01_setup", "02_dataset", "03_training", "04_image_inference", "05_webcam_inference"]


def test_listings_are_the_packages_code():
    packaged = {node.name: bare(node) for path in (ROOT / "mnist_tutorial").rglob("*.py")
                for node in ast.parse(path.read_text(encoding="utf-8")).body
                if hasattr(node, "name")}
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
    numbers = [cell.execution_count for cell in code]
    assert numbers == list(range(1, len(code) + 1))  # otherwise nbval compares nothing
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    errors = [cell for cell in code for output in cell.outputs if output.output_type == "error"]
    assert all("raises-exception" in cell.metadata.get("tags", ()) for cell in errors)
    text = path.read_text(encoding="utf-8")
    for folder in (ROOT.parent, Path.home()):  # no paths of the author's machine
        assert str(folder) not in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_are_told_to_who_cannot_see_them(path):
    """nbconvert makes it the alternative text of a cell's figures."""
    for cell in read(path).cells:
        if any("image/png" in output.get("data", ()) for output in cell.get("outputs", ())):
            assert len(cell.metadata.get("alt", "")) > 20, cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_the_courses_rhythm(path):
    cells = read(path).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert text.startswith("# ")
    for part in ("**You will learn**", "**You need**", "**Time:**",
                 "\n## Summary", "\n## Exercises"):
        assert part in text
    lines = [len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code"]
    assert sorted(lines)[len(lines) // 2] <= 6 and max(lines) <= 30


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_has_a_cell_to_fill_in_and_a_solution(path):
    notebook = read(path)
    exercises, checks = find_exercises(notebook), find_checks(notebook)
    solutions = find_solutions(notebook)
    assert 3 <= len(exercises) <= 8 and len(set(exercises)) == len(exercises)
    chapter = path.stem.split("_")[0].lstrip("0")
    assert exercises == [f"{chapter}.{number}" for number in range(1, len(exercises) + 1)]
    assert list(solutions) == exercises and set(checks) <= set(exercises)
    for code in solutions.values():  # notebooks/conftest.py runs them, and checks them
        assert ast.parse(code).body
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", ()):  # unsolved, it says what is missing
            (output,) = cell.outputs
            assert re.match(rf"{chapter}\.\d+ not yet: .+\.$", output.text), cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_that_give_a_solution_away_are_folded(path):
    """JupyterLab folds their code; notebooks/refresh.py sees to it."""
    solutions = [code.strip() for code in find_solutions(read(path)).values()]
    for cell in read(path).cells:
        if cell.cell_type == "code" and cell.source.strip() in solutions:
            assert cell.metadata["jupyter"]["source_hidden"], cell.id


PROSE = [*ROOT.glob("*.md"), *ROOT.glob("datasets/*.md"), *sorted(ROOT.glob("tests/**/*.md")),
         *sorted(ROOT.glob("notebooks/**/*.md")), *sorted(ROOT.glob("notebooks/**/*.ipynb"))]
PROSE = [path for path in PROSE if ".ipynb_checkpoints" not in path.parts]


def prose(path):
    """What a page or notebook says."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def anchors(path):
    """The places in a page to which a link can lead, as GitHub and as Jupyter name them."""
    text = re.sub(r"```.*?```", "", prose(path), flags=re.S)
    titles = re.findall(r"^#+ +(.+?) *$", text, flags=re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles} | {
        title.replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    """Files and headings are there; web addresses, which are not asked for, are well formed."""
    text = prose(path)
    links = re.findall(r"\]\(([^)\s]+)[^)]*\)", text)
    links += re.findall(r'(?:src|href)="([^"]+)"', text)
    for link in links:
        if re.match("[a-z]+:", link):
            address = urlsplit(link)
            assert address.scheme == "https", link
            assert re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", address.netloc), link
        else:
            name, _, place = link.partition("#")
            target = path.parent / unquote(name) if name else path
            assert target.exists(), link
            assert not place or unquote(place) in anchors(target), link


def test_spelling():
    """Look for common misspellings in all that people read."""
    code = [path.read_text(encoding="utf-8") for path in (
        *(ROOT / "mnist_tutorial").rglob("*.py"), *ROOT.glob("notebooks/*.py"),
        *ROOT.glob("img/*.py"), *ROOT.glob(".github/**/*.y*ml"), ROOT / "CITATION.cff")]
    text = "\n".join([*map(prose, PROSE), *code])
    done = subprocess.run([sys.executable, "-m", "codespell_lib", "-"], input=text,
                          encoding="utf-8", capture_output=True,
                          env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr


def test_oldest_versions_tested_are_those_that_pyproject_allows():
    allowed = dict(re.findall(r'"([a-z-]+)>=([\d.]+)"', (ROOT / "pyproject.toml").read_text()))
    oldest = (ROOT / ".github" / "oldest.txt").read_text()
    tested = dict(re.findall(r"^([a-z-]+)==([\d.]+)$", oldest, flags=re.M))
    del allowed["hatchling"]  # which builds the package and is no part of it
    assert set(tested) == set(allowed)
    assert all(f"{tested[name]}.".startswith(f"{bound}.") for name, bound in allowed.items())


def test_workflow_runs_what_there_is():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    pyproject = (ROOT / "pyproject.toml").read_text()
    oldest = re.search(r'requires-python = ">=([0-9.]+)', pyproject)[1]
    matrix = jobs["unit"]["strategy"]["matrix"]
    assert matrix["python"][0] == oldest
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    for job in jobs.values():
        commands = "\n".join(step.get("run", "") for step in job["steps"])
        assert job["runs-on"] and job["timeout-minutes"] and commands
        for name in re.findall(r"(?:tests|\.github|img)/[\w./]+", commands):
            assert (ROOT / name).exists(), name
        for extra in re.findall(r'-e "\.\[(\w+)\]"', commands):
            assert re.search(rf"^{extra} = ", pyproject, flags=re.M), extra
        for pin in re.findall(r"torch\w*==[\d.]+", commands):
            assert pin in (ROOT / ".github" / "oldest.txt").read_text()


def test_conda_gets_its_packages_from_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    pyproject = (ROOT / "pyproject.toml").read_text()
    python = re.search('requires-python = "(.*?)"', pyproject)[1]
    assert conda == [f"python{python}", "pip"]
    assert pip == {"pip": ["-e ."]}
    assert environment["name"] == mnist_tutorial.__name__


def test_version_is_the_same_everywhere():
    version = re.search('^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), flags=re.M)[1]
    assert version == mnist_tutorial.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version and citation["cff-version"] == "1.2.0"
    newest = re.search("^## (.+?),", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)[1]
    assert newest == version


def test_readmes_quote_the_cards_figure():
    card = json.loads((ROOT / "mnist_tutorial" / "weights" / "net.json").read_text())
    for folder in (ROOT, ROOT / "tests" / "benchmarks"):
        for name in ("README.md", "README.zh-CN.md"):
            text = (folder / name).read_text(encoding="utf-8")
            assert f"{card['test_accuracy']['mean']:.2%}" in text, folder / name


@pytest.mark.parametrize("path", sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")),
                         ids=lambda path: path.stem)
def test_issue_forms_are_forms(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem != "config":
        assert form["name"] and form["description"]
        names = [field["id"] for field in form["body"]]
        assert len(set(names)) == len(names)
        assert all(field["attributes"]["label"] for field in form["body"])
        if path.stem != "sentence":  # what every answer begins with
            assert {"picture", "check"} <= set(names)


def test_pre_commit_runs_what_the_workflow_runs():
    hooks = yaml.safe_load((ROOT / ".github" / "pre-commit.yaml").read_text())["repos"][0]["hooks"]
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    commands = [step.get("run", "") for step in jobs["lint"]["steps"]]
    for hook in hooks[:2]:
        assert any(command.startswith(hook["entry"]) for command in commands), hook["entry"]
    for name in re.findall(r"(?:tests|notebooks)/\S+", " ".join(hook["entry"] for hook in hooks)):
        assert (ROOT / name).exists(), name
