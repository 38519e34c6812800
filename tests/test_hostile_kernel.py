"""Notebooks as learners treat them: run twice, elsewhere, and cell by cell in the wrong order."""

from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from tally import record

FOLDER = Path(__file__).parents[1] / "notebooks"
CHAPTERS = ["01_setup", "02_dataset", "03_training", "04_image_inference", "05_webcam_inference"]

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
    """Each cell alone runs, or says which name is missing; then all run, twice in one kernel.

    The kernel's folder is empty.
    """
    cells, asked = [], {}
    for chapter in CHAPTERS:
        notebook = nbformat.read(FOLDER / f"{chapter}.ipynb", as_version=4)
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        # %pip is not Python
        plain = [TransformerManager().transform_cell(source) for source in sources]
        asked[chapter] = cell(f"sources = {plain!r}{ALONE}"), len(sources)
        cells += [asked[chapter][0], *map(cell, sources), *map(cell, sources), cell("%reset -f")]
    notebook.cells = cells
    client = NotebookClient(notebook, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for alone, count in asked.values():
        outcomes = eval(alone.outputs[0].text)
        assert len(outcomes) == count and outcomes[0] == "ran"
        missing = [outcome for outcome in outcomes if outcome != "ran"]
        assert all(outcome.endswith("is not defined") for outcome in missing)
        record("notebooks: cells run twice, in another folder", tried=2 * count, survived=2 * count)
        record("notebooks: cells run alone", tried=count, survived=count - len(missing),
               refused=len(missing))
