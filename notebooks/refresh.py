"""Run the notebooks again and store their outputs, small and the same on every run.

    python notebooks/refresh.py                  all of them
    python notebooks/refresh.py 03 04            those whose names begin so

Genuine MNIST is needed (see datasets/README.md): readers see what is stored here. The Chinese
edition gets the same outputs (notebooks/translate.py).
"""

import base64
import sys
from pathlib import Path

import nbformat
from exercises import find_solutions
from nbclient import NotebookClient
from translate import carry_over

from mnist_tutorial import load_mnist, load_pretrained, save_page

FOLDER = Path(__file__).resolve().parent
# What a stored pad shows without a kernel: the page of the shipped weights, or where no page may
# run, as on GitHub, the picture below it. The Chinese edition has a pad.html that leads there.
# Where the page is narrow, on phones, it is as high as its two columns one below the other.
PAD = """<div style="position: relative; width: 640px; max-width: 100%; \
min-height: clamp(0px, (760px - 100vw) * 999, 850px)">
<img src="data:image/png;base64,{picture}" alt="A drawing pad: a 7, and the answer 7" width="640">
<iframe src="pad.html" title="Drawing pad" style="position: absolute; inset: 0; width: 100%; \
height: 100%; border: 0; background: Canvas"></iframe></div>
<p>Run the cell and Python answers. Without it, <a href="pad.html">pad.html</a> does.</p>"""


def refresh(path: Path) -> None:
    """Execute a notebook in its own folder; write it back without times, versions, widget state."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1200, kernel_name="python3", record_timing=False,
                   coalesce_streams=True,
                   resources={"metadata": {"path": str(FOLDER)}}).execute()
    # Widgets' state, without which nbclient could not run `interact`, goes with the metadata.
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"],
                         "language_info": {"name": "python"}}
    solutions = [code.strip() for code in find_solutions(notebook).values()]
    for cell in notebook.cells:
        if cell.source.strip() in solutions:  # the chapter's own version, below the exercise
            cell.metadata["jupyter"] = {"source_hidden": True}
        for output in cell.get("outputs", ()):
            # A widget's view has another name each time, and is dead without a kernel.
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if data.get("text/plain") == "DrawingPad()":
                data["text/html"] = still_pad()
        if "readme" in cell.metadata.get("tags", ()):  # the picture on the README's front
            (picture,) = (output.data["image/png"] for output in cell.outputs)
            (FOLDER.parent / "img" / "answer.png").write_bytes(base64.b64decode(picture))
    nbformat.write(notebook, path)
    carry_over(path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


def still_pad() -> str:
    """Write pad.html, and return the HTML that shows it."""
    save_page(load_pretrained(), FOLDER / "pad.html")
    picture = (FOLDER.parent / "img" / "pad.png").read_bytes()
    return PAD.format(picture=base64.b64encode(picture).decode())


if __name__ == "__main__":
    load_mnist(allow_sample=False)
    for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
        if path.name.startswith(tuple(sys.argv[1:] or "0123456789")):
            refresh(path)
