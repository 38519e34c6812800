"""How long does it take from the shell to an answer, and to the end of a chapter's first cells?

    python tests/benchmarks/startup.py [--repeats 5]

Each in a fresh Python, in turn, or in a fresh kernel, as Jupyter starts it. `import torch` there is
the floor: whatever reads a digit has to import it. The table has medians in seconds, and their
ratio to that floor. The first cells of a chapter are those up to its imports.
"""

import argparse
import statistics
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[2]
IMG = ROOT / "img"
READERS = "from mnist_tutorial import load_pretrained, predict_image, read_digits"
STARTS = {
    "import torch": ["-c", "import torch"],
    "import mnist_tutorial": ["-c", "import mnist_tutorial"],
    "import all that reads a digit": ["-c", READERS],
    "python -m mnist_tutorial predict img/7.png": [
        "-m", "mnist_tutorial", "predict", str(IMG / "7.png")],
}
KERNEL = "import torch in a kernel"


def first_cells():
    """Give the code up to each chapter's imports by its name, after the floor."""
    cells = {KERNEL: "import torch"}
    for path in sorted(ROOT.glob("notebooks/0*.ipynb")):
        code = (cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        cells[f"first cells of {path.stem}"] = "\n".join(islice(code, 2))
    return cells


def start_process(arguments):
    """Seconds from the start of a Python to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def run_in_kernel(code):
    """Seconds that code takes in a fresh kernel that is ready."""
    manager, client = start_new_kernel(cwd=ROOT / "notebooks", stderr=subprocess.DEVNULL)
    try:
        client.execute_interactive("pass", timeout=60)
        start = time.perf_counter()
        reply = client.execute_interactive(code, timeout=60, output_hook=lambda message: None)
        taken = time.perf_counter() - start
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(reply["content"]["evalue"])
    return taken


def seconds(repeats):
    """Start each in turn, after one start that warms the disk's cache: seconds by name."""
    starts = [(start_process, name, each) for name, each in STARTS.items()]
    starts += [(run_in_kernel, name, each) for name, each in first_cells().items()]
    times = {name: [] for _, name, _ in starts}
    for repeat in range(-1, repeats):
        for start, name, each in starts:
            taken = start(each)
            if repeat >= 0:
                times[name].append(taken)
    return times


def main():
    parser = argparse.ArgumentParser(description="Measure from the shell to an answer.")
    parser.add_argument("--repeats", type=int, default=5)
    medians = {name: statistics.median(values)
               for name, values in seconds(parser.parse_args().repeats).items()}
    for name, median in medians.items():
        floor = medians["import torch" if name in STARTS else KERNEL]
        print(f"{name:45} {median:6.2f} s  {median / floor:5.2f} times")


if __name__ == "__main__":
    main()
