"""All of the course's speed in one table, idle and beside a busy program.

    python tests/benchmarks/all.py             35 minutes, on an idle machine
    python tests/benchmarks/all.py --quick     four minutes: few repeats, nothing that takes minutes

Contenders are measured in turn, round after round, in this one run; the table has medians and the
range. It is written to `results/speed.md` and `results/speed.json` beside this file, or to --output
FOLDER. Genuine MNIST is needed. "Beside a loop" means: another process keeps one core busy; "beside
a training": another process trains the tutorial's network with PyTorch's default number of threads.

An epoch is 60,000 images, for each contender, scaled up from some batches. Times to 99 % count all
that training does from opening the files on: the data is read, checked and normalised anew. Nothing
is chosen by the test images; they say when an epoch has reached 99 %, for the two that need
several.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import nbformat
import startup
import torch
from nbclient import NotebookClient
from reference import reference_net, reference_optimizer, stock_loader

from mnist_tutorial import Net, evaluate, load_pretrained, mnist_loaders, train_net, train_one_epoch
from mnist_tutorial.live.webcam import run
from mnist_tutorial.preprocess import normalise
from mnist_tutorial.reading.predict import predict_pictures
from mnist_tutorial.training import Job

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


LOOP = "while True: pass"
TRAINING = """
import torch
from mnist_tutorial import Net, mnist_loaders, train_one_epoch
net, loader = Net(), mnist_loaders().train
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
while True: train_one_epoch(net, loader, optimizer, report_every=0)
"""


@contextlib.contextmanager
def neighbour(code):
    """Run another Python beside the block."""
    other = subprocess.Popen([sys.executable, "-c", code])
    time.sleep(15)  # until it is at work
    try:
        yield
        if other.poll() is not None:
            raise RuntimeError(f"the other program ended early, with exit code {other.returncode}")
    finally:
        other.kill()
        other.wait()


EPOCH = 60_000


def classic(loader, channels_last=False):
    """Make the tutorial's network and a function that trains it on some batches, or on all."""
    model = Net()
    if channels_last:
        model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)

    def train(batches=None):
        train_one_epoch(model, itertools.islice(loader, batches), optimizer, report_every=0)
    return model, train


def epoch_of(loader, threads, batches, channels_last=False):
    """Make a contender that trains the classic recipe; its seconds are scaled up to an epoch."""
    def work(number):
        torch.set_num_threads(threads)
        torch.manual_seed(number)
        train = classic(loader, channels_last)[1]
        start = time.perf_counter()
        train(batches)
        return (time.perf_counter() - start) * EPOCH / (64 * batches)
    return work


def accuracies_of(loader, validation, seeds, channels_last=False):
    """Validation accuracy of the classic recipe after its first epoch, for each seed."""
    found = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        model, train = classic(loader, channels_last)
        train()
        found.append(evaluate(model, validation)[1])
    return found


def to_goal(train, test, most=15):
    """Call `train()` until the test accuracy is 99 %: seconds of training, accuracies by epoch."""
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
    """Train the tutorial's first network by its own recipe until 99 %, or for 30 epochs."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    loader = mnist_loaders(seed=seed).train
    torch.manual_seed(seed)
    net, train_once = classic(loader, channels_last=True)
    opened = time.perf_counter() - start

    def train():
        train_once()
        return net
    seconds, accuracies = to_goal(train, test, most=30)
    return opened + seconds, accuracies


def fast(test, seed, threads):
    """Train by the recipe "fast", everything counted, then test: seconds, accuracy."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        net, _, _ = train_net("fast", seed=seed, report_every=0, job=Job("cpu", threads))
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
    return {name: [1000 * value for value in values]
            for name, values in in_turn(contenders, repeats).items()}


def python(code):
    """Seconds that a fresh Python takes for `code`, or what it prints, as a number."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, out = time.perf_counter() - start, done.stdout.split()
    return float(out[-1]) if out else seconds


def frames_per_second(_):
    return run(CLIP, load_pretrained(), show=None).frames_per_second


def chapter_seconds(path):
    """Seconds to run a notebook from a new kernel to its last cell; nothing is written."""
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    NotebookClient(notebook, timeout=1800,
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description="Measure all of the course's speed.")
    parser.add_argument("--quick", action="store_true",
                        help="few repeats, and nothing that takes minutes")
    parser.add_argument("--output", type=Path, default=FOLDER / "results", metavar="FOLDER")
    arguments = parser.parse_args()
    quick, rows = arguments.quick, []

    def add(what, condition, unit, values, note=""):
        median, low, high = statistics.median(values), min(values), max(values)
        rows.append(dict(what=what, condition=condition, unit=unit, median=median, low=low,
                         high=high, repeats=len(values), note=note))
        write(arguments.output, rows, quick)  # what is stopped has not been in vain
        print(f"{what:60} {condition:17} {median:10.3f} {unit} ({low:.3f} to {high:.3f}) {note}",
              flush=True)
        return median

    def plural(threads):
        return f"{threads} thread{'s' * (threads > 1)}"

    def fast_rows(condition, threads, seeds):
        trained = [fast(test, seed, threads) for seed in range(seeds)]
        accuracies = [accuracy[-1] for _, accuracy in trained]
        add(f"to 99 %: recipe fast, {plural(threads)}", condition, "s",
            [seconds for seconds, _ in trained],
            f"test accuracy {statistics.mean(accuracies):.2%} ± {statistics.stdev(accuracies):.2%}")

    loaders, stock = mnist_loaders(allow_sample=False), stock_loader()
    test, batches, both = loaders.test, 40 if quick else 150, sorted({1, CORES})
    conditions = {"idle": contextlib.nullcontext(), "beside a loop": neighbour(LOOP),
                  "beside a training": neighbour(TRAINING)}
    for condition, context in conditions.items():
        with context:
            name = "epoch of the classic recipe"
            contenders = {f"{name}, stock path, {plural(CORES)}": epoch_of(stock, CORES, batches)}
            for threads in both:
                contenders[f"{name}, ours, {plural(threads)}"] = \
                    epoch_of(loaders.train, threads, batches, channels_last=True)
            measured = [add(name, condition, "s", values, f"scaled up from {batches} batches")
                        for name, values in in_turn(contenders, 3 if quick else 5).items()]
            add("epoch: stock path / ours, 1 thread", condition, "times",
                [measured[0] / measured[1]])
            for threads in both if condition == "idle" else [1]:
                fast_rows(condition, threads, 2 if quick else 20 if threads == CORES else 4)
            for name, values in predictions(50 if quick else 500).items():
                add(f"prediction: {name}", condition, "ms", values)

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    add("webcam loop over the clip, nothing shown", "idle", "frames/s",
        in_turn({"": frames_per_second}, 3)[""])
    for name, values in startup.seconds(3 if quick else 5).items():
        add(name, "idle", "s", values)
    peak = ("import resource, contextlib, io\nfrom mnist_tutorial import train_net\n"
            "with contextlib.redirect_stdout(io.StringIO()): train_net('fast')\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)")
    add("peak memory of training", "idle", "MB", [python(peak)])
    if not quick:
        slow_rows(add, loaders, stock)


def slow_rows(add, loaders, stock):
    """What takes minutes: accuracies, times to 99 % that are long, the whole course."""
    for name, loader, channels_last in (("stock path", stock, False),
                                        ("ours", loaders.train, True)):
        found = accuracies_of(loader, loaders.validation, 3, channels_last)
        add(f"classic recipe, first epoch, validation accuracy, {name}", "idle", "%",
            [100 * each for each in found])

    seconds, accuracies = reference_to_goal(loaders.test, 0, CORES)
    ours = statistics.median(fast(loaders.test, seed, CORES)[0] for seed in range(5))
    add("to 99 %: reference, one seed", "idle", "s", [seconds],
        "test accuracy after each epoch: " + " ".join(f"{value:.2%}" for value in accuracies))
    add(f"to 99 %: reference / recipe fast after it, {CORES} threads", "idle", "times",
        [seconds / ours])
    seconds, accuracies = seed_to_goal(loaders.test, 0, 1)
    add("to 99 %: classic recipe, our loaders, 1 thread", "idle", "s", [seconds],
        f"{len(accuracies)} epochs" if accuracies[-1] >= GOAL else
        f"not reached, test accuracy {accuracies[-1]:.2%} after 30 epochs")

    chapters = [chapter_seconds(path)
                for path in sorted((FOLDER.parents[1] / "notebooks").glob("0*.ipynb"))]
    add(f"whole course, {len(chapters)} notebooks run through", "idle", "s", [sum(chapters)],
        "each: " + " ".join(f"{seconds:.0f}" for seconds in chapters))


def write(folder, rows, quick):
    """Write the rows as Markdown and JSON."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    machine = dict(processor=processor(), cores=CORES,
                   system=f"{platform.system()} {platform.machine()}",
                   python=platform.python_version(), torch=torch.__version__,
                   opencv=cv2.__version__, quick=quick, peak_of_this_run_MB=round(peak))
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine, "rows": rows}, indent=1)
    (folder / "speed.json").write_text(text + "\n")
    lines = [", ".join(f"{name} {value}" for name, value in machine.items()), "",
             "| what | condition | median | lowest to highest | repeats | |",
             "|---|---|---|---|---|---|"]
    lines += [f"| {row['what']} | {row['condition']} | {row['median']:.3g} {row['unit']} | "
              f"{row['low']:.3g} to {row['high']:.3g} | {row['repeats']} | {row['note']} |"
              for row in rows]
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
