"""The course's command line: python -m mnist_tutorial {check,train,predict,webcam}."""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import re
import shlex
import statistics
import sys
from pathlib import Path

import torch

from .calibration import expected_calibration_error, logits_of
from .check import run_checks
from .checkpoint import CheckpointError, load_pretrained, save_weights
from .data import DatasetError
from .device import pick_device
from .distributed import process_group, rank_and_size
from .frames import SourceError, find_cameras, write_digits
from .images import ImageError
from .predict import predict_image
from .recipes import RECIPES, train_net
from .training import Epoch, evaluate
from .webcam import run


def check(arguments) -> int:
    """Print what the machine has; 1 if something that the course needs is missing."""
    return int(any(outcome.mark == "FAIL" for outcome in run_checks()))


def train(arguments) -> int:
    """Train once for each seed, report the test accuracies, save the first network with its card.

    Started by torchrun, all processes share the work, and the first one speaks and writes.
    """
    with process_group(arguments.device or pick_device()) as arguments.device:
        first = rank_and_size()[0] == 0
        with contextlib.nullcontext() if first else contextlib.redirect_stdout(io.StringIO()):
            return _train(arguments, save=first)


def _train(arguments, save: bool) -> int:
    recipe = dict(RECIPES[arguments.recipe])
    for name in ("epochs", "batch_size", "lr", "momentum"):
        if getattr(arguments, name) is not None:
            recipe[name] = getattr(arguments, name)
    if arguments.checkpoint and len(arguments.seeds) > 1:
        raise CheckpointError("expected one seed with --checkpoint, which holds one training; "
                              f"got {len(arguments.seeds)}")
    accuracies, errors = {}, {}
    for seed in arguments.seeds:
        print(f"Training with recipe {arguments.recipe!r}, seed {seed}")
        net, history, loaders = train_net(**recipe, seed=seed, root=arguments.root, threads=arguments.threads,
                                          device=arguments.device, checkpoint=arguments.checkpoint,
                                          resume=arguments.resume)
        if len(history) < recipe["epochs"]:
            return 130  # stopped by Ctrl-C, as the shell counts it
        loss, accuracies[seed] = evaluate(net, loaders.test)
        print(f"Test on {len(loaders.test.dataset):,} images of {loaders.test.dataset.name}: "
              f"loss {loss:.4f}, accuracy {accuracies[seed]:.2%}; "
              f"trained in {sum(epoch.seconds for epoch in history):.0f} s")
        logits, labels = logits_of(net, loaders.test)
        temperature = getattr(net, "temperature", 1.0)
        errors[seed] = [expected_calibration_error(scaled.softmax(1), labels)
                        for scaled in (logits * temperature, logits)]
        print(f"Expected calibration error: {errors[seed][1]:.2%}"
              + (f", {errors[seed][0]:.2%} before it was calibrated" if recipe["calibrated"] else "") + "\n")
        if seed == arguments.seeds[0]:
            first = net, history, loaders
    net, history, loaders = first
    mean = statistics.mean(accuracies.values())
    spread = statistics.stdev(accuracies.values()) if len(accuracies) > 1 else None
    if spread is not None:
        print(f"Test accuracy over {len(accuracies)} seeds: mean {mean:.2%}, standard deviation {spread:.2%}")
    if not save:
        return 0
    save_weights(arguments.output, net, {
        "name": f"{type(net).__name__}, recipe {arguments.recipe!r}, {loaders.train.dataset.name}",
        "command": shlex.join(["python", "-m", "mnist_tutorial", *sys.argv[1:]]),
        "recipe": recipe,
        "data": f"{loaders.train.dataset.name}: {len(loaders.train.dataset):,} images to train, "
                f"{len(loaders.validation.dataset):,} to validate, {len(loaders.test.dataset):,} to test",
        "weights_of_seed": arguments.seeds[0],
        "test_accuracy": {"mean": mean, "standard_deviation": spread,
                          "of_each_seed": {str(seed): accuracy for seed, accuracy in accuracies.items()}},
        "test_calibration_error": dict(zip(("before", "after"), map(statistics.mean, zip(*errors.values())))),
        "temperature": getattr(net, "temperature", 1.0),
        "history_columns": list(Epoch._fields),
        "history": [list(epoch) for epoch in history],
        "made_with": f"PyTorch {torch.__version__}, {arguments.threads} thread(s), "
                     f"{next(net.parameters()).device.type} of {platform.machine()} {platform.system()}",
    })
    print(f"Saved the network of seed {arguments.seeds[0]} to {arguments.output}, "
          f"its card to {Path(arguments.output).with_suffix('.json')}")
    return 0


def predict(arguments) -> int:
    """Print one line for each image; 1 if any could not be read."""
    net = load_pretrained(arguments.weights) if arguments.weights else load_pretrained()
    failed = False
    for image in arguments.images:
        try:
            prediction = predict_image(image, net)
            print(f"{image}: {prediction} ({prediction.model})")
        except ImageError as error:
            failed = True
            print(error if image in str(error) else f"{image}: {error}", file=sys.stderr)
    return int(failed)


def webcam(arguments) -> int:
    """Read a camera or a clip until it ends or is stopped, and print the report; or list the cameras."""
    if arguments.list:
        cameras = find_cameras()
        for index, width, height in cameras:
            print(f"camera {index}: {width}x{height}")
        if not cameras:
            print("no camera found; try  --source digits", file=sys.stderr)
        return int(not cameras)
    net = load_pretrained(arguments.weights) if arguments.weights else load_pretrained()
    source, show = arguments.source, None if arguments.no_window else "auto"
    if source == "digits":
        source = write_digits(size=arguments.size or (640, 480), rate=30 if show else None)
    report = run(source, net, show=show, max_frames=arguments.frames, mirror=arguments.mirror, size=arguments.size)
    print(f"{report}\n({net.weights_name})")
    return 0


def _positive(kind):
    """Make an argument type that takes numbers above 0 only."""
    def parse(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
        return value
    parse.__name__ = f"positive {kind.__name__}"
    return parse


def _momentum(text: str) -> float:
    """Take a number from 0 up to, but not including, 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, got {text}")
    return value


def _size(text: str) -> tuple:
    """Take a width and a height such as 1280x720."""
    found = re.fullmatch("([1-9][0-9]{1,4})x([1-9][0-9]{1,4})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected width x height in pixels, such as 1280x720, got {text}")
    return int(found[1]), int(found[2])


def _device(text: str) -> torch.device:
    """Take the name of a device on which a tensor can be made."""
    try:
        return torch.empty(1, device=text).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise argparse.ArgumentTypeError(f"PyTorch finds no device {text!r} here") from error


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog="python -m mnist_tutorial",
                                     description="Train a network that reads handwritten digits, and let it read.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(function, text):
        sub = commands.add_parser(function.__name__, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(function=function)
        return sub

    command(check, "check Python, PyTorch, GPU, camera, data and weights")

    sub = command(train, "train the network on MNIST, test it and save it")
    sub.add_argument("--recipe", choices=RECIPES, default="classic",
                     help="classic (default): SGD at one learning rate; tuned: one-cycle schedule and distorted "
                          "images, calibrated; fast: one epoch of a network shaped for speed; guard: learn to tell "
                          "digits from everything else")
    for name, kind in (("epochs", _positive(int)), ("batch-size", _positive(int)), ("lr", _positive(float)),
                       ("momentum", _momentum)):
        sub.add_argument(f"--{name}", type=kind, metavar="NUMBER", help="instead of the recipe's")
    sub.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="SEED",
                     help="train once for each; the first is saved, mean and spread are of all (default: 0)")
    sub.add_argument("--root", metavar="FOLDER", help="folder that holds MNIST/raw, or 'sample' "
                                                      "(default: MNIST_ROOT, else datasets/mnist, else download)")
    sub.add_argument("--output", default="net.pt", metavar="FILE",
                     help="where the weights go; their card goes beside, as .json (default: net.pt)")
    sub.add_argument("--checkpoint", metavar="FILE", help="written after each epoch, to resume from")
    sub.add_argument("--resume", action="store_true", help="go on from --checkpoint if it exists")
    sub.add_argument("--device", type=_device, help="cpu, cuda, mps, ... (default: the accelerator if there is one)")
    sub.add_argument("--threads", type=_positive(int), default=1, metavar="NUMBER",
                     help="CPU threads (default: 1; more is seldom faster for so small a network)")

    sub = command(predict, "read the digit in each picture")
    sub.add_argument("images", nargs="+", metavar="IMAGE", help="a photo, scan or drawing of one digit")
    sub.add_argument("--weights", metavar="FILE", help="a network of your own (default: the weights that ship)")

    sub = command(webcam, "read digits from a camera, a clip or numbered pictures")
    sub.add_argument("--source", default="0",
                     help="camera index, video file, pattern such as frame_%%02d.png, or 'digits', which a drawn pen "
                          "writes (default: camera 0)")
    sub.add_argument("--list", action="store_true", help="list the cameras found, and end")
    sub.add_argument("--size", type=_size, metavar="WIDTHxHEIGHT", help="ask the camera for it, such as 1280x720")
    sub.add_argument("--weights", metavar="FILE", help="a network of your own (default: the weights that ship)")
    sub.add_argument("--frames", type=_positive(int), metavar="NUMBER", help="stop after so many")
    sub.add_argument("--mirror", action="store_true", help="flip left and right, as in a mirror")
    sub.add_argument("--no-window", action="store_true", help="show nothing, as fast as it goes")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit code: 0 done, 1 bad input or a failed check, 2 a wrong command line, 130 stopped.
    """
    parsed = make_parser().parse_args(arguments)
    torch.set_num_threads(getattr(parsed, "threads", 1))
    try:
        return parsed.function(parsed)
    except (CheckpointError, DatasetError, ImageError, SourceError, FloatingPointError, OSError) as error:
        print(f"{parsed.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parsed.command}: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
