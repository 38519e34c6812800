"""The course's command line: python -m mnist_tutorial {check,train,predict,webcam}.

Each command imports what it needs when it runs: reading a picture does not wait for torchvision.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Callable

from . import __version__
from .errors import CheckpointError, CourseError, ImageError


def check(arguments) -> int:
    """Print what the machine has; 1 if something that the course needs is missing."""
    from .check import run_checks
    return int(any(outcome.mark == "FAIL" for outcome in run_checks()))


def train(arguments) -> int:
    """Train once for each seed, report the accuracies, save the first network with its card."""
    from .checkpoint import save_weights
    from .recipes import Job, train_seeds
    from .recipes.distributed import process_group
    if arguments.checkpoint and len(arguments.seeds) > 1:
        raise CheckpointError("expected one seed with --checkpoint, which holds one training run; "
                              f"got {len(arguments.seeds)}")
    given = {name: getattr(arguments, name) for name in CHANGEABLE}
    changes = {name: value for name, value in given.items() if value is not None}
    job = Job(arguments.device, arguments.threads, arguments.checkpoint, arguments.resume)
    with process_group(job) as job:
        net, card = train_seeds(arguments.recipe, arguments.seeds, root=arguments.root, job=job,
                                **changes)
        if job.speaks:
            card["command"] = shlex.join(["python", "-m", "mnist_tutorial", *sys.argv[1:]])
            save_weights(arguments.output, net, card)
        job.say(f"Saved the network of seed {arguments.seeds[0]} to {arguments.output}, "
                f"its card to {Path(arguments.output).with_suffix('.json')}")
    return 0


def predict(arguments) -> int:
    """Print one line for each image; 1 if any could not be read."""
    from .checkpoint import SHIPPED, load_pretrained
    from .reading.predict import predict_image
    net, failed = load_pretrained(arguments.weights or SHIPPED), False
    for image in arguments.images:
        try:
            prediction = predict_image(image, net)
            print(f"{image}: {prediction} ({prediction.model})")
        except ImageError as error:
            failed = True
            print(error if image in str(error) else f"{image}: {error}", file=sys.stderr)
    return int(failed)


def webcam(arguments) -> int:
    """Read a camera or a clip until it ends, and print the report; or list the cameras."""
    from .checkpoint import SHIPPED, load_pretrained
    from .live.frames import find_cameras
    from .live.pen import write_digits
    from .live.webcam import run
    if arguments.list:
        cameras = find_cameras()
        for index, width, height in cameras:
            print(f"camera {index}: {width}x{height}")
        if not cameras:
            print("no camera found; try  --source digits", file=sys.stderr)
        return int(not cameras)
    net = load_pretrained(arguments.weights or SHIPPED)
    source, show = arguments.source, None if arguments.no_window else "auto"
    if source == "digits":
        source = write_digits(size=arguments.size or (640, 480), rate=30 if show else None)
    report = run(source, net, show=show, max_frames=arguments.frames, mirror=arguments.mirror,
                 size=arguments.size)
    print(f"{report}\n({net.weights_name})")
    return 0


def _number(text: str, kind: type = float, allowed=lambda number: number > 0, words="above 0"):
    """Take a number of that range, by default one above 0."""
    value = kind(text)
    if not allowed(value):
        raise argparse.ArgumentTypeError(f"expected a number {words}, got {text}")
    return value


_whole_number = partial(_number, kind=int)
_momentum = partial(_number, allowed=lambda number: 0 <= number < 1, words="from 0 to below 1")
CHANGEABLE: dict[str, Callable] = {  # of a recipe
    "epochs": _whole_number, "batch_size": _whole_number, "lr": _number, "momentum": _momentum}
RECIPE_NAMES = ("classic", "tuned", "fast", "guard")  # of recipes.train, which imports torchvision


def _size(text: str) -> tuple[int, int]:
    """Take a width and a height such as 1280x720."""
    match = re.fullmatch("([1-9][0-9]{1,4})x([1-9][0-9]{1,4})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"expected pixels, such as 1280x720, got {text}")
    return int(match[1]), int(match[2])


def _device(text: str):
    """Take the name of a device on which a tensor can be made."""
    import torch
    try:
        return torch.empty(1, device=text).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise argparse.ArgumentTypeError(f"PyTorch finds no device {text!r} here") from error


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mnist_tutorial",
        description="Train a network that reads handwritten digits, and let it read.")
    parser.add_argument("--version", action="version", version=f"mnist_tutorial {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(function: Callable, text: str) -> Callable:
        description = f"{text[0].upper()}{text[1:]}."
        sub = commands.add_parser(function.__name__, help=text, description=description)
        sub.set_defaults(function=function)
        return sub.add_argument

    command(check, "check Python, PyTorch, GPU, camera, data and weights")
    _describe_training(command(train, "train the network on MNIST, test it and save it"))
    reader = command(predict, "read the digit in each picture")
    reader("images", nargs="+", metavar="IMAGE", help="a photo, scan or drawing of one digit")
    camera = command(webcam, "read digits from a camera, a clip or numbered pictures")
    camera("--source", default="0",
           help="camera index, video file, pattern such as frame_%%02d.png, or 'digits', "
                "which a drawn pen writes (default: camera 0)")
    camera("--list", action="store_true", help="list the cameras found, and end")
    camera("--size", type=_size, metavar="WIDTHxHEIGHT", help="asked of the camera, as 1280x720")
    camera("--frames", type=_whole_number, metavar="NUMBER", help="stop after this many")
    camera("--mirror", action="store_true", help="flip left and right, as in a mirror")
    camera("--no-window", action="store_true", help="show nothing, as fast as it goes")
    for add in (reader, camera):
        add("--weights", metavar="FILE", help="a network of your own (default: the one that ships)")
    return parser


def _describe_training(add: Callable) -> None:
    add("--recipe", choices=RECIPE_NAMES, default="classic", metavar="RECIPE",
        help="classic (default): SGD at one learning rate; tuned: one-cycle schedule and distorted "
             "images, calibrated; fast: one epoch of a network shaped for speed; guard: learn to "
             "tell digits from everything else")
    for name, kind in CHANGEABLE.items():
        add(f"--{name.replace('_', '-')}", type=kind, metavar="NUMBER", help="changes the recipe")
    add("--seeds", type=int, nargs="+", default=[0], metavar="SEED",
        help="train once for each, save the first, report mean and spread of all (default: 0)")
    add("--root", metavar="FOLDER", help="folder that holds MNIST/raw, or 'sample' "
        "(default: MNIST_ROOT, else datasets/mnist, else download)")
    add("--output", default="net.pt", metavar="FILE",
        help="where the weights go, with their card as .json (default: net.pt)")
    add("--checkpoint", metavar="FILE", help="written after each epoch, to resume")
    add("--resume", action="store_true", help="go on from --checkpoint if it exists")
    add("--device", type=_device, help="cpu, cuda, mps, ... (default: the accelerator if any)")
    add("--threads", type=_whole_number, default=1, metavar="NUMBER",
        help="CPU threads (default: 1; more is seldom faster for so small a network)")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit code 0: done, 1: bad input, failed check, 2: usage, 130: stopped."""
    parsed = make_parser().parse_args(arguments)
    try:
        import torch
        torch.set_num_threads(getattr(parsed, "threads", 1))
        return parsed.function(parsed)
    except (CourseError, FloatingPointError, OSError) as error:
        print(f"{parsed.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parsed.command}: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
