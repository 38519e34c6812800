"""The repository's address is kept in one place, and all that shows it follows."""

import ast
import re
import shutil

import address
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

EXAMPLE = "https://github.com/somebody/mnist_tutorial"


def test_everything_shows_the_address_that_pyproject_has():
    known = address.read_address()
    for path, text in address.texts(known).items():
        assert path.read_text(encoding="utf-8") == text, f"run python notebooks/address.py: {path}"
    for path in address.chapters():
        first = next(cell for cell in nbformat.read(path, as_version=4).cells
                     if cell.cell_type == "code")
        assert first.id == "install", path
        assert first.source == address.first_cell(known), f"run python notebooks/address.py: {path}"


@pytest.fixture
def copy(tmp_path):
    """A copy of all that shows the address, with two of the chapters."""
    for name in ("pyproject.toml", "CITATION.cff", *address.ASK):
        shutil.copy(address.ROOT / name, tmp_path)
    for folder in address.FOLDERS.values():
        (tmp_path / folder).mkdir(exist_ok=True)
        shutil.copy(address.ROOT / folder / "01_setup.ipynb", tmp_path / folder)
    return tmp_path


def contents(folder):
    return {path: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def test_an_address_is_brought_everywhere_and_taken_away_again(copy):
    address.write_address("", copy)
    address.spread("", copy)
    without = contents(copy)
    assert not [path for path, text in without.items() if "badge.svg" in text or "git+" in text]
    address.write_address(EXAMPLE, copy)
    assert address.read_address(copy) == EXAMPLE
    assert len(address.spread(EXAMPLE, copy)) == 5
    assert address.spread(EXAMPLE, copy) == []
    shown = contents(copy)
    assert all(EXAMPLE in text for text in shown.values())
    for name, folder in address.FOLDERS.items():
        text = shown[copy / name]
        assert "ADDRESS" not in text and f"git clone {EXAMPLE} mnist_tutorial\n" in text
        assert f"/github/somebody/mnist_tutorial/blob/main/{folder}/01_setup.ipynb" in text
    address.write_address("", copy)
    address.spread("", copy)
    assert contents(copy) == without


@pytest.fixture
def elsewhere(monkeypatch):
    """An IPython in which the course is not installed; give what a cell asks pip for."""
    shell, asked = InteractiveShell(config=Config(HistoryManager={"enabled": False})), []
    shell.register_magic_function(asked.append, magic_name="pip")

    def no_input(*_):
        raise AssertionError("a first cell must not wait for an answer")
    monkeypatch.setattr("builtins.input", no_input)

    def run(code, installed=False):
        if not installed:
            monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        asked.clear()
        shell.run_cell(code).raise_error()
        return list(asked)
    return run


@pytest.mark.parametrize("known", ["", EXAMPLE])
def test_first_cell_is_silent_where_the_course_is_installed(known, elsewhere, capsys):
    assert elsewhere(address.first_cell(known), installed=True) == []
    assert capsys.readouterr().out == ""


def test_first_cell_installs_nothing_from_an_unknown_address(elsewhere, capsys):
    assert elsewhere(address.first_cell("")) == []
    printed = capsys.readouterr().out
    assert "pip install -e ." in printed and printed.count("\n") == 1


def test_first_cell_installs_from_the_address_and_says_so(elsewhere, capsys):
    assert elsewhere(address.first_cell(EXAMPLE)) == [f"install --quiet git+{EXAMPLE}"]
    assert EXAMPLE in capsys.readouterr().out


@pytest.mark.parametrize("known", ["", EXAMPLE])
def test_first_cell_is_short(known):
    code = address.first_cell(known)
    assert len(code.splitlines()) <= 6 and max(map(len, code.splitlines())) <= 100
    assert ast.parse(re.sub("%pip.*", "pass", code))
