"""The glossary's terms are in bold where it says that they are, in both editions."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LINES = (NOTEBOOKS / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
ROWS = [line.strip("| ").split(" | ") for line in LINES if line.startswith("| ")][1:]
CHAPTERS = {path.stem.split("_")[0].lstrip("0"): path.name
            for path in NOTEBOOKS.glob("[0-9]*.ipynb")}


def words_in_bold(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = re.sub("```.*?```|`[^`]*`", "", text, flags=re.S)  # code has other stars
    return " ".join(re.findall(r"\*\*(.+?)\*\*", text, flags=re.S)).lower()


def stem(term):
    """The first of a term's names, without what stands in brackets and without a plural's s."""
    return re.split(r" ?[(（,，/、]", term)[0].lower().rstrip("s")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_terms_are_in_bold_in_their_chapter(chapter):
    english, chinese = (words_in_bold(folder / CHAPTERS[chapter])
                        for folder in (NOTEBOOKS, NOTEBOOKS / "zh-CN"))
    rows = [row for row in ROWS if row[-1] == chapter]
    assert rows
    assert not [row[0] for row in rows if stem(row[0]) not in english]
    assert not [row[1] for row in rows
                if stem(row[1]) not in chinese and stem(row[0]) not in chinese]


def test_glossary_is_in_order_and_whole():
    assert all(len(row) == 5 and all(row) for row in ROWS) and len(ROWS) > 100
    terms = [stem(row[0]) for row in ROWS]
    assert terms == sorted(set(terms))
    assert {row[-1] for row in ROWS} == set(CHAPTERS)
