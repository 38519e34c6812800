"""How long does it take from the shell to an answer? Each in a fresh Python, in turn.

    python tests/benchmarks/startup.py [--repeats 5]

`import torch` is the floor: whatever reads a digit has to import it. The table has medians in
seconds, and their ratio to that floor.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

IMG = Path(__file__).parents[2] / "img"
READERS = "from mnist_tutorial import load_pretrained, predict_image, read_digits"
STARTS = {
    "import torch": ["-c", "import torch"],
    "import mnist_tutorial": ["-c", "import mnist_tutorial"],
    "import all that reads a digit": ["-c", READERS],
    "python -m mnist_tutorial predict img/7.png": [
        "-m", "mnist_tutorial", "predict", str(IMG / "7.png")],
}


def seconds(repeats):
    """Start each in turn, after one start that warms the disk's cache: seconds by name."""
    times = {name: [] for name in STARTS}
    for repeat in range(-1, repeats):
        for name, arguments in STARTS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            if repeat >= 0:
                times[name].append(time.perf_counter() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description="Measure from the shell to an answer.")
    parser.add_argument("--repeats", type=int, default=5)
    medians = {name: statistics.median(values)
               for name, values in seconds(parser.parse_args().repeats).items()}
    for name, median in medians.items():
        print(f"{name:45} {median:6.2f} s  {median / medians['import torch']:5.2f} times")


if __name__ == "__main__":
    main()
