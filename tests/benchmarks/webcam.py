"""Where does the time of the live loop go? Medians over the frames of the clip, on one core.

    python tests/benchmarks/webcam.py [--rounds 3]

Each frame goes through all stages in turn, as in the loop. The processor's time is the time that
a clock would show if nothing else ran on the core.
"""

import argparse
import os
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from mnist_tutorial.live import display
from mnist_tutorial.live.frames import read_frames
from mnist_tutorial.live.tracking import Tracker
from mnist_tutorial.live.webcam import draw_predictions
from mnist_tutorial.reading import load_guard
from mnist_tutorial.reading.pages import read_digits

CLIP = Path(__file__).parents[2] / "img" / "webcam.webm"
SHOW = "show in a notebook (JPEG)"


def one_core():
    """Keep to one core, if the system can be asked for that, and to one thread in any case."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def measure(net, times):
    """Read the clip once; add the ms (wall clock, processor) of each stage; return its size."""
    tracker, frames = Tracker(), read_frames(CLIP)

    def timed(stage, function, *arguments, **options):
        start = time.perf_counter(), time.process_time()
        result = function(*arguments, **options)
        end = time.perf_counter(), time.process_time()
        times.setdefault(stage, []).append([1000 * (b - a) for a, b in zip(start, end)])
        return result

    while (frame := timed("capture (decode the clip)", next, frames, None)) is not None:
        grey = timed("to grey", cv2.cvtColor, frame, cv2.COLOR_BGR2GRAY)
        found = timed("search and predict", read_digits, grey, net).digits
        steady = timed("steady", tracker.update, found)
        picture = timed("draw", draw_predictions, frame, steady, note="60 fps")
        timed(SHOW, display._jpeg, picture)
    times["capture (decode the clip)"].pop()    # the end
    return f"{picture.shape[1]}x{picture.shape[0]}"


def main():
    parser = argparse.ArgumentParser(description="Measure where the time of the live loop goes.")
    parser.add_argument("--rounds", type=int, default=3,
                        help="how often the clip is read (default: 3)")
    rounds = parser.parse_args().rounds
    one_core()
    net = load_guard()
    measure(net, {})    # warm up
    times = {}
    for _ in range(rounds):
        size = measure(net, times)
    stages = [np.array(values) for values in times.values()]      # each (frames, 2)
    rows = {**dict(zip(times, stages)), "all but showing": sum(stages[:-1]), "all": sum(stages)}
    print(f"{len(stages[0])} frames of {size}; PyTorch {torch.__version__}, "
          f"OpenCV {cv2.__version__}, one core\n")
    print(f"{'median per frame':30} {'wall clock':>12} {'processor':>12}")
    for name, values in rows.items():
        wall, processor = np.median(values, axis=0)
        print(f"{name:30} {wall:9.2f} ms {processor:9.2f} ms")
    for name in ("all but showing", "all"):
        wall, processor = 1000 / np.median(rows[name], axis=0)
        print(f"{name + ', frames/s':30} {wall:9.0f}    {processor:9.0f}")


if __name__ == "__main__":
    main()
