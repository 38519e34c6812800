"""The Chinese edition says what the English one says, and runs the same code."""

import re

import nbformat
import pytest
import translate
from exercises import find_exercises, find_solutions
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ENGLISH = sorted(translate.FOLDER.glob("[0-9]*.ipynb"))
READMES = translate.FOLDER.parent / "README.md", translate.FOLDER.parent / "README.zh-CN.md"
PAIRS = pytest.mark.parametrize("path", ENGLISH, ids=lambda path: path.stem)


def editions(path):
    return translate.read(path), translate.read(translate.CHINESE / path.name)


def skeleton(text):
    """What must be the same in both languages: code, headings, lists, tables, links, formulas."""
    text = text.replace("zh-CN/", "")  # paths lead to the reader's edition
    blocks = re.findall(r"^```(?:python|bash)\n.*?^```", text, flags=re.S | re.M)
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    links = re.findall(r"\]\((?:\.\./)*([^)]+)\)", text)
    return {"code blocks": blocks,
            "headings": re.findall(r"^(#+) ", text, flags=re.M),
            "lists": re.findall(r"^(?:- |\d\. )", text, flags=re.M),
            "rows of tables": len(re.findall(r"^\|", text, flags=re.M)),
            "solutions": re.findall(r"<details><summary><b>\S+ (\d)</b></summary>", text),
            "code": sorted(re.findall(r"`[^`\n]+`", text)),
            "links": sorted(links),
            "formulas": sorted(re.findall(r"\$[^$]+\$", text)),
            "figures": sorted(set(re.findall(r"\d+[.,]\d+|\d{3,}", text)))}


@PAIRS
def test_prose_is_translated_from_what_stands_there_now(path):
    stale = translate.find_stale(*editions(path))
    assert not stale, (f"{path.stem}: translate {stale}, then run "
                       f"python notebooks/translate.py --done {' '.join(stale)}")


@PAIRS
def test_code_and_outputs_are_the_same(path):
    english, chinese = editions(path)
    assert [cell.id for cell in chinese.cells] == [cell.id for cell in english.cells]
    ours, theirs = ([cell for cell in edition.cells if cell.cell_type == "code"]
                    for edition in (english, chinese))
    assert theirs == ours, "run python notebooks/translate.py"
    assert chinese.metadata == english.metadata


@PAIRS
def test_prose_has_the_same_parts(path):
    english, chinese = editions(path)
    for ours, theirs in zip(english.cells, chinese.cells):
        if ours.cell_type == "markdown":
            assert skeleton(theirs.source) == skeleton(ours.source), ours.id
    assert len(find_exercises(chinese)) == len(find_exercises(english)) >= 3
    assert find_solutions(chinese) == find_solutions(english)


@PAIRS
def test_prose_is_chinese(path):
    for cell in editions(path)[1].cells:
        if cell.cell_type == "markdown":
            assert re.search("[\u4e00-\u9fff]", cell.source), cell.id


def test_there_are_no_other_chapters():
    chinese = sorted(translate.CHINESE.glob("*.ipynb"))
    assert [path.name for path in chinese] == [path.name for path in ENGLISH]


def test_readmes_have_the_same_parts_and_name_each_other():
    ours, theirs = (skeleton(path.read_text(encoding="utf-8")) for path in READMES)
    assert READMES[1].name in ours["links"] and READMES[0].name in theirs["links"]
    for parts in (ours, theirs):
        parts["links"] = [target for target in parts["links"] if not target.startswith("README")]
    assert theirs == ours


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A little chapter in English, and an empty folder for its translation."""
    monkeypatch.setattr(translate, "CHINESE", tmp_path / "zh-CN")
    path = tmp_path / "01_little.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Title", id="title"),
                                       new_code_cell("1 + 1", id="sum"),
                                       new_markdown_cell("Two.", id="two")]), path)
    return path


def change(path, **sources):
    notebook = translate.read(path)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
    nbformat.write(notebook, path)


def test_new_chapters_wait_for_their_translator(chapter):
    assert translate.carry_over(chapter) == ["title", "two"]
    assert translate.carry_over(chapter, done=["title"]) == ["two"]


def test_changed_prose_is_named_and_its_translation_kept(chapter):
    translate.carry_over(chapter, done=["title", "two"])
    change(translate.CHINESE / chapter.name, title="# 标题", two="二。")
    assert translate.carry_over(chapter) == []
    change(chapter, two="It makes two.")
    assert translate.carry_over(chapter) == ["two"]
    assert [cell.source for cell in editions(chapter)[1].cells] == ["# 标题", "1 + 1", "二。"]


def test_changed_code_is_carried_over(chapter):
    translate.carry_over(chapter, done=["title", "two"])
    change(chapter, sum="3 - 1")
    assert translate.carry_over(chapter) == []
    english, chinese = editions(chapter)
    assert chinese.cells[1] == english.cells[1]


def test_cells_that_moved_or_went_do_so_in_both(chapter):
    translate.carry_over(chapter)
    notebook = translate.read(chapter)
    notebook.cells = notebook.cells[:0:-1]
    nbformat.write(notebook, chapter)
    translate.carry_over(chapter)
    assert [cell.id for cell in editions(chapter)[1].cells] == ["two", "sum"]
