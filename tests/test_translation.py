"""The Chinese edition says what the English one says, and runs the same code."""

import re

import nbformat
import pytest
import translate
from exercises import find_exercises, find_solutions
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ENGLISH = sorted(translate.FOLDER.glob("[0-9]*.ipynb"))
ROOT, BENCHMARKS = translate.FOLDER.parent, translate.FOLDER.parent / "tests" / "benchmarks"
TEXTS = [(ROOT / "README.md", ROOT / "README.zh-CN.md"),
         (BENCHMARKS / "README.md", BENCHMARKS / "README.zh-CN.md"),
         (translate.FOLDER / "TROUBLESHOOTING.md", translate.CHINESE / "TROUBLESHOOTING.md")]
PAIRS = pytest.mark.parametrize("path", ENGLISH, ids=lambda path: path.stem)


def editions(path):
    return translate.read(path), translate.read(translate.CHINESE / path.name)


def skeleton(text):
    """What must be the same in both languages: code, headings, lists, tables, links, formulas."""
    text = re.sub("<!-- zh-only -->.*?<!-- /zh-only -->\n", "", text, flags=re.S)
    # Paths lead to the reader's edition.
    text = re.sub(r"(?<=notebooks)/zh-CN|zh-CN/|\.zh-CN", "", text)
    blocks = [translate.without_comments(block) for block in
              re.findall(r"^```python\n(.*?)^```", text, flags=re.S | re.M)]
    blocks += re.findall(r"^```bash\n.*?^```", text, flags=re.S | re.M)
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    links = re.findall(r"\]\((?:\.\./)*([^)]+)\)", text)
    return {"code blocks": blocks,
            "headings": re.findall(r"^(#+) ", text, flags=re.M),
            "lists": re.findall(r"^(?:- |\d\. )", text, flags=re.M),
            "rows of tables": len(re.findall(r"^\|", text, flags=re.M)),
            "solutions": re.findall(r"<details><summary><b>\S+ (\d+b?\.\d+)</b></summary>", text),
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
    for ours, theirs in zip(english.cells, chinese.cells):
        if ours.cell_type == "code":
            assert (translate.without_comments(theirs.source)
                    == translate.without_comments(ours.source)), ours.id
            theirs.metadata.pop(translate.KEY, None)
            if "alt" in ours.metadata:  # what figures show, for who can't see them
                assert re.search("[\u4e00-\u9fff]", theirs.metadata.pop("alt")), ours.id
                del ours.metadata["alt"]
            assert {**theirs, "source": ""} == {**ours, "source": ""}, ours.id
    assert chinese.metadata == english.metadata


@PAIRS
def test_comments_are_chinese(path):
    for cell in editions(path)[1].cells:
        if cell.cell_type == "code" and translate.is_translated(cell):
            for comment in translate.comments(cell.source):
                words = re.search("[A-Za-z]{3}", comment) and not comment.startswith("# noqa")
                assert not words or re.search("[\u4e00-\u9fff]", comment), (cell.id, comment)


@PAIRS
def test_prose_has_the_same_parts(path):
    english, chinese = editions(path)
    for ours, theirs in zip(english.cells, chinese.cells):
        if ours.cell_type == "markdown":
            assert skeleton(theirs.source) == skeleton(ours.source), ours.id
    assert find_exercises(chinese) == find_exercises(english) != []
    ours, theirs = find_solutions(english), find_solutions(chinese)
    assert theirs.keys() == ours.keys()
    for number, code in ours.items():
        assert translate.without_comments(theirs[number]) == translate.without_comments(code)


@PAIRS
def test_prose_is_chinese(path):
    for cell in editions(path)[1].cells:
        if cell.cell_type == "markdown":
            assert re.search("[\u4e00-\u9fff]", cell.source), cell.id


def test_there_are_no_other_chapters():
    chinese = sorted(translate.CHINESE.glob("*.ipynb"))
    assert [path.name for path in chinese] == [path.name for path in ENGLISH]


@pytest.mark.parametrize("paths", TEXTS, ids=["front", "measured", "troubles"])
def test_pages_have_the_same_parts_and_name_each_other(paths):
    parts = [skeleton(path.read_text(encoding="utf-8")) for path in paths]
    for path, other, part in zip(paths, reversed(paths), parts):
        links = re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
        (switch,) = [link for link in links if (path.parent / link).resolve() == other]
        part["links"].remove(re.sub(r"^\.\./|zh-CN/|\.zh-CN", "", switch))
    assert parts[1] == parts[0]


def test_the_code_in_one_file_is_the_same():
    ours, theirs = ((folder / "mnist.py").read_text(encoding="utf-8")
                    for folder in (translate.FOLDER, translate.CHINESE))
    bare = [[word for _, word in translate.without_comments(re.sub('""".*?"""', '""', text,
                                                                  flags=re.S))]
            for text in (ours, theirs)]
    assert bare[0] == bare[1]
    assert len(translate.comments(theirs)) == len(translate.comments(ours)) > 20
    for comment in translate.comments(theirs):
        assert re.search("[\u4e00-\u9fff]", comment) or comment.startswith("# ("), comment


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


def test_comments_are_kept_while_the_code_is_the_same(chapter):
    change(chapter, sum="1 + 1  # the usual sum")
    assert "sum" in translate.carry_over(chapter, done=["title", "two"])
    change(translate.CHINESE / chapter.name, sum="1 + 1  # 常见的加法")
    assert translate.carry_over(chapter, done=["sum"]) == []
    assert editions(chapter)[1].cells[1].source == "1 + 1  # 常见的加法"
    change(chapter, sum="1 + 1  # the sum that everybody knows")
    assert translate.carry_over(chapter) == ["sum"]
    change(chapter, sum="1 + 2  # the usual sum")
    translate.carry_over(chapter)
    assert editions(chapter)[1].cells[1].source == "1 + 2  # the usual sum"


def test_cells_that_moved_or_went_do_so_in_both(chapter):
    translate.carry_over(chapter)
    notebook = translate.read(chapter)
    notebook.cells = notebook.cells[:0:-1]
    nbformat.write(notebook, chapter)
    translate.carry_over(chapter)
    assert [cell.id for cell in editions(chapter)[1].cells] == ["two", "sum"]
