"""All of the course's speed in one table, idle and beside a busy program.

    python tests/benchmarks/all.py               about 15 minutes, on an idle machine
    python tests/benchmarks/all.py --quick       two minutes; few repeats, epochs scaled up from some batches

Contenders are measured in turn, round after round, in this one run; the table has medians and the range. It is
written to `results/speed.md` and `results/speed.json` beside this file, or to --output FOLDER. Genuine MNIST is
needed. "Under load" means: another process keeps one core busy in a loop.

Times to 99 % count all that `train` does from opening the files on: the data is read, checked and normalised anew.
Nothing is chosen by the test images; they say when an epoch has reached 99 %, for the two that need several.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import torch
from reference import reference_net, reference_optimizer, stock_loader

from mnist_tutorial import RECIPES, Net, evaluate, load_pretrained, mnist_loaders, train_net, train_one_epoch
from mnist_tutorial.predict import predict_pictures
from mnist_tutorial.preprocess import normalise
from mnist_tutorial.webcam import run

FOLDER = Path(__file__).parent
CLIP = FOLDER.parents[1] / "img" / "webcam.webm"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
GOAL = 0.99


def in_turn(contenders, rounds):
    """Call each contender once a round; give the seconds (or what it returns) of each, by name."""
    values = {name: [] for name in contenders}
    for number in range(rounds):
        for name, work in contenders.items():
            start = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                value = work(number)
            values[name].append(time.perf_counter() - start if value is None else value)
    return values


@contextlib.contextmanager
def busy_neighbour():
    """Keep one core busy with another process inside the block."""
    other = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    other.start()
    time.sleep(5)  # until it spins
    try:
        yield
    finally:
        other.terminate()
        other.join()


def _spin():
    while True:
        pass


def epoch_of(loader, threads, optimize=None, net=Net, batches=None):
    """Make a contender that trains an epoch; with `batches`, so many, and scales the seconds up."""
    def work(number):
        torch.set_num_threads(threads)
        torch.manual_seed(number)
        model = net()
        if loader.batch_size is None:  # ours
            model.to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
        start = time.perf_counter()
        train_one_epoch(model, itertools.islice(loader, batches), optimizer, report_every=0)
        return (time.perf_counter() - start) * (len(loader) / batches if batches else 1)
    return work


def to_goal(train, test, most=15):
    """Call `train()` epoch after epoch until the test accuracy is 99 %; seconds of training and the accuracies."""
    seconds, accuracies = 0.0, []
    while not accuracies or (accuracies[-1] < GOAL and len(accuracies) < most):
        start = time.perf_counter()
        model = train()
        seconds += time.perf_counter() - start
        accuracies.append(evaluate(model, test)[1])
    return seconds, accuracies


def reference_to_goal(test, seed, threads):
    """Train the reference until 99 %: seconds, accuracies of the epochs."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    start = time.perf_counter()
    loader, net = stock_loader(), reference_net()
    optimizer, scheduler = reference_optimizer(net, len(loader))
    opened = time.perf_counter() - start

    def train():
        train_one_epoch(net, loader, optimizer, scheduler, report_every=0)
        return net
    seconds, accuracies = to_goal(train, test)
    return opened + seconds, accuracies


def seed_to_goal(test, seed, threads):
    """Train the tutorial's first network by its own recipe, through our loaders, until 99 % (or 30 epochs)."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    loader = mnist_loaders(seed=seed).train
    torch.manual_seed(seed)
    net = Net().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
    opened = time.perf_counter() - start

    def train():
        train_one_epoch(net, loader, optimizer, report_every=0)
        return net
    seconds, accuracies = to_goal(train, test, most=30)
    return opened + seconds, accuracies


def fast(test, seed, threads):
    """Train by the recipe "fast", everything counted, then test: seconds, accuracy."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        net, _, _ = train_net(**RECIPES["fast"], seed=seed, threads=threads, device="cpu", report_every=0)
    return time.perf_counter() - start, [evaluate(net, test)[1]]


def predictions(repeats):
    """Milliseconds of one 28x28 picture (or 64) in, digit out, on one core."""
    torch.set_num_threads(1)
    net = load_pretrained()
    pictures = torch.randint(256, (64, 28, 28), dtype=torch.uint8)
    forms = {"network": net, "network, compiled": torch.compile(net, dynamic=False)}
    contenders = {}
    for form, model in forms.items():
        for count in (1, 64):
            def work(_, model=model, chosen=pictures[:count]):
                with torch.inference_mode():
                    model(normalise(chosen)).argmax(dim=1).tolist()
            contenders[f"{form}, {count} picture{'s' * (count > 1)}"] = work
    picture = pictures[0].numpy()
    contenders["predict_pictures (guard and network), 1 picture"] = lambda _: predict_pictures(
        net, [picture], [(0, 0, 28, 28)]) and None
    in_turn(contenders, 20)  # warm up
    return {name: [1000 * value for value in values] for name, values in in_turn(contenders, repeats).items()}


def python(code):
    """Seconds that a fresh Python takes for `code`, or what it prints, as a number."""
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return float(out[-1]) if out else time.perf_counter() - start


def frames_per_second(_):
    return run(CLIP, load_pretrained(), show=None).frames_per_second


def main():
    parser = argparse.ArgumentParser(description="Measure all of the course's speed.")
    parser.add_argument("--quick", action="store_true", help="few repeats, epochs scaled up from some batches")
    parser.add_argument("--skip-reference", action="store_true", help="leave the two slow trainings to 99 %% out")
    parser.add_argument("--output", type=Path, default=FOLDER / "results", metavar="FOLDER")
    arguments = parser.parse_args()
    quick, rows = arguments.quick, []

    def add(what, condition, unit, values, note=""):
        row = dict(what=what, condition=condition, unit=unit, median=statistics.median(values), low=min(values),
                   high=max(values), repeats=len(values), note=note)
        rows.append(row)
        print(f"{what:60} {condition:10} {row['median']:10.3f} {unit} ({row['low']:.3f} to {row['high']:.3f}) {note}",
              flush=True)

    loaders, stock = mnist_loaders(allow_sample=False), stock_loader()
    test, batches = loaders.test, 40 if quick else 150
    for condition, context, rounds in (("idle", contextlib.nullcontext, 3), ("under load", busy_neighbour, 3)):
        with context():
            contenders = {"epoch of the classic recipe, stock path": epoch_of(stock, CORES, batches=batches)}
            for threads in sorted({1, CORES}):
                contenders[f"epoch of the classic recipe, ours, {threads} thread{'s' * (threads > 1)}"] = \
                    epoch_of(loaders.train, threads, batches=batches)
            for name, values in in_turn(contenders, rounds).items():
                add(name, condition, "s", values, f"from {batches} batches")
            for threads in sorted({1, CORES} if condition == "idle" else {1}):
                seeds = 2 if quick else 20 if threads > 1 else 4
                trained = [fast(test, seed, threads) for seed in range(seeds)]
                add(f"to 99 %: recipe fast, {threads} thread{'s' * (threads > 1)}", condition, "s",
                    [seconds for seconds, _ in trained],
                    f"test accuracy {statistics.mean(accuracy[-1] for _, accuracy in trained):.2%}")
            for name, values in predictions(50 if quick else 500).items():
                add(f"prediction: {name}", condition, "ms", values)

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    add("webcam loop over the clip, nothing shown", "idle", "frames/s", in_turn({"": frames_per_second}, 3)[""])
    add("import mnist_tutorial", "idle", "s", [python("import mnist_tutorial") for _ in range(3)])
    peak = ("import resource, contextlib, io\nfrom mnist_tutorial import RECIPES, train_net\n"
            "with contextlib.redirect_stdout(io.StringIO()): train_net(**RECIPES['fast'])\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)")
    add("peak memory of training", "idle", "MB", [python(peak)])
    if not (quick or arguments.skip_reference):
        for name, train in (("reference", reference_to_goal), ("classic recipe, our loaders", seed_to_goal)):
            seconds, accuracies = train(test, 0, CORES if train is reference_to_goal else 1)
            add(f"to 99 %: {name}", "idle", "s", [seconds],
                "test accuracy after each epoch: " + " ".join(f"{value:.2%}" for value in accuracies))
    write(arguments.output, rows, quick)


def write(folder, rows, quick):
    """Write the rows as Markdown and JSON."""
    machine = dict(processor=processor(), cores=CORES, system=f"{platform.system()} {platform.machine()}",
                   python=platform.python_version(), torch=torch.__version__, opencv=cv2.__version__, quick=quick,
                   peak_of_this_run_MB=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    lines = [", ".join(f"{name} {value}" for name, value in machine.items()), "",
             "| what | condition | median | lowest to highest | repeats | |", "|---|---|---|---|---|---|"]
    lines += [f"| {row['what']} | {row['condition']} | {row['median']:.3g} {row['unit']} | {row['low']:.3g} to "
              f"{row['high']:.3g} | {row['repeats']} | {row['note']} |" for row in rows]
    (folder / "speed.md").write_text("\n".join(lines) + "\n")


def processor():
    """Name the processor as far as the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or "unknown"


if __name__ == "__main__":
    main()
