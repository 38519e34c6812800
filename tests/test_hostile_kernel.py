"""Notebooks as learners treat them: run twice, elsewhere, and cell by cell in the wrong order.

And widgets in a page that sends them anything.
"""

import io
import itertools
import json
import math
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from PIL import Image
from tally import attempt, record

from mnist_tutorial import DrawingPad
from mnist_tutorial.live import BrowserCamera

FOLDER = Path(__file__).parents[1] / "notebooks"
CHAPTERS = ["01_setup", "02_dataset", "02b_by_hand", "03_training", "04_image_inference",
            "05_webcam_inference", "09_your_hand"]
SLOW = ["02b_by_hand", "09_your_hand"]  # which run once

# Where a cell runs, and how often, doesn't depend on how long it trains and films, nor on its
# figures' pixels, which nbval compares.
SHORT = """
from matplotlib import pyplot
from mnist_tutorial import live, recipes
pyplot.switch_backend("agg")
pyplot.show = pyplot.close
recipes.learn_hand.__kwdefaults__.update(steps=5, folds=2)
live.run.__kwdefaults__.update(max_frames=60)
"""

ALONE = """
import contextlib, io
outcomes = []
for source in sources:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(source, {"__name__": "__main__"})
            outcomes.append("ran")
        except NameError as error:
            outcomes.append(str(error))
print(outcomes)
"""


def cell(source):
    return nbformat.v4.new_code_cell(source)


def test_chapters_in_a_careless_learners_hands(tmp_path, sample):
    """Each cell alone runs, or says which name is missing; then all run, most twice in one kernel.

    The kernel's folder is empty.
    """
    cells, asked = [cell(SHORT)], {}
    for chapter in CHAPTERS:
        notebook = nbformat.read(FOLDER / f"{chapter}.ipynb", as_version=4)
        sources = [cell.source.replace("steps=200", "steps=50") for cell in notebook.cells
                   if cell.cell_type == "code"]
        # %pip is not Python
        plain = [TransformerManager().transform_cell(source) for source in sources]
        asked[chapter] = cell(f"sources = {plain!r}{ALONE}"), len(sources)
        times = 1 if chapter in SLOW else 2
        cells += [asked[chapter][0], *map(cell, times * sources), cell("%reset -f")]
    notebook.cells = cells
    client = NotebookClient(notebook, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for chapter, (alone, count) in asked.items():
        outcomes = eval(alone.outputs[0].text)
        assert len(outcomes) == count and outcomes[0] == "ran"
        missing = [outcome for outcome in outcomes if outcome != "ran"]
        assert all(outcome.endswith("is not defined") for outcome in missing)
        if chapter not in SLOW:
            record("notebooks: cells run twice, in another folder", tried=2 * count,
                   survived=2 * count)
        record("notebooks: cells run alone", tried=count, survived=count - len(missing),
               refused=len(missing))


def encoded(kind, size):
    file = io.BytesIO()
    Image.new("RGB", size, "white").save(file, kind)
    return file.getvalue()


JUNK = [
    None, 1, -1, 1.5, math.nan, math.inf, True, "", "7", "../7", "../../etc/passwd", "7\n8", "7/",
    "/7", "=1+1", "@SUM(A1)", "٣", "７", "7\0", "1" * 200, "<img src=x onerror=alert(1)>", [], {},
    [7], {"save": 7}, b"7", "7" * 10 ** 6, "\ud800", 10 ** 400, 10 ** 5000]
WIDGETS = {"pad": (DrawingPad, encoded("PNG", (280, 280))),
           "camera": (BrowserCamera, encoded("JPEG", (64, 48)))}


@pytest.mark.parametrize("name", WIDGETS)
@pytest.mark.parametrize("saving", [False, True])
def test_forged_messages_of_the_page(tmp_path, monkeypatch, name, saving):
    """Nothing is raised, all replies are short and can be sent, nothing is written elsewhere."""
    make, image = WIDGETS[name]
    widget, sent = make(save_to=tmp_path / "mine" if saving else None), []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append(content))
    buffers = [[], [image], [b""], [None], ["text"], None, [image[:99]], [9 * b"\xff"],
               [encoded("JPEG", (5000, 2))], [memoryview(image), image]]
    for key, junk, files in itertools.product(("save", "frame", "stop", "x"), JUNK, buffers):
        attempt(f"messages forged by the page: {name}", widget._receive, widget, {key: junk}, files)
    for junk in JUNK:
        attempt(f"messages forged by the page: {name}", widget._receive, widget, junk, [image])
        if name == "pad":
            attempt("messages forged by the page: pad", setattr, widget, "drawing", junk)
            assert not junk or len(widget.answer["error"]) <= 300
    for content in sent:
        words = [content.get(key, "") for key in ("saved", "not_saved", "error")]
        assert all(len(text) <= 400 and "\n" not in text for text in words)
        json.dumps(words, allow_nan=False).encode()
    written = {path.parent.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == ({"mine"} if saving else set())
    if saving:
        rows = (tmp_path / "mine" / "labels.csv").read_text().splitlines()[1:]
        assert {row.split(",")[1] for row in rows} == {"1", "7", "1" * 200}
