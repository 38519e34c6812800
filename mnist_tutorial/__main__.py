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

CHANGEABLE = ("epochs", "batch_size", "lr", "momentum")  # of a recipe


def check(arguments) -> int:
    """Print what the machine has; 1 if something that the course needs is missing."""
    from .check import run_checks

    return int(any(outcome.mark == "FAIL" for outcome in run_checks()))


def train(arguments) -> int:
    """Train once for each seed, report the test accuracies, save the first network with its card.

    Started by torchrun, all processes share the work, and the first one speaks and writes.
    """
    from .checkpoint import save_weights
    from .recipes.distributed import process_group
    from .recipes.train import train_seeds
    from .training import Job

    if arguments.checkpoint and len(arguments.seeds) > 1:
        raise CheckpointError("expected one seed with --checkpoint, which holds one training run; "
                              f"got {len(arguments.seeds)}")
    changes = {name: getattr(arguments, name) for name in CHANGEABLE
               if getattr(arguments, name) is not None}
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


def _number(text: str, kind: type = float, allowed=lambda value: value > 0,
            range_name: str = "above 0"):
    """Take a number of that range, by default one above 0."""
    value = kind(text)
    if not allowed(value):
        raise argparse.ArgumentTypeError(f"expected a number {range_name}, got {text}")
    return value


_whole_number = partial(_number, kind=int)
_momentum = partial(_number, allowed=lambda value: 0 <= value < 1, range_name="from 0 to below 1")


def _size(text: str) -> tuple[int, int]:
    """Take a width and a height such as 1280x720."""
    if not re.fullmatch("[1-9][0-9]{1,4}x[1-9][0-9]{1,4}", text):
        raise argparse.ArgumentTypeError(f"expected pixels, such as 1280x720, got {text}")
    width, height = text.split("x")
    return int(width), int(height)


def _device(text: str):
    """Take the name of a device on which a tensor can be made."""
    import torch

    try:
        return torch.empty(1, device=text).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise argparse.ArgumentTypeError(f"PyTorch finds no device {text!r} here") from error


def _recipe(text: str) -> str:
    """Take the name of a recipe."""
    from .recipes.train import RECIPES

    if text not in RECIPES:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(RECIPES)}, got {text!r}")
    return text


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mnist_tutorial",
        description="Train a network that reads handwritten digits, and let it read.")
    parser.add_argument("--version", action="version", version=f"mnist_tutorial {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(function: Callable, text: str) -> argparse.ArgumentParser:
        description = f"{text[0].upper()}{text[1:]}."
        sub = commands.add_parser(function.__name__, help=text, description=description)
        sub.set_defaults(function=function)
        return sub

    command(check, "check Python, PyTorch, GPU, camera, data and weights")
    _describe_training(command(train, "train the network on MNIST, test it and save it"))
    reader = command(predict, "read the digit in each picture")
    reader.add_argument("images", nargs="+", metavar="IMAGE",
                        help="a photo, scan or drawing of one digit")
    camera = command(webcam, "read digits from a camera, a clip or numbered pictures")
    _describe_webcam(camera)
    for sub in (reader, camera):
        sub.add_argument("--weights", metavar="FILE",
                         help="a network of your own (default: the weights that ship)")
    return parser


def _describe_training(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--recipe", type=_recipe, default="classic",
                     help="classic (default): SGD at one learning rate; tuned: one-cycle schedule "
                          "and distorted images, calibrated; fast: one epoch of a network shaped "
                          "for speed; guard: learn to tell digits from everything else")
    kinds: tuple[Callable, ...] = (_whole_number, _whole_number, _number, _momentum)
    for name, kind in zip(CHANGEABLE, kinds):
        sub.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="NUMBER",
                         help="instead of the recipe's")
    sub.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="SEED",
                     help="train once for each; the first is saved, mean and standard deviation "
                          "are of all (default: 0)")
    sub.add_argument("--root", metavar="FOLDER",
                     help="folder that holds MNIST/raw, or 'sample' "
                          "(default: MNIST_ROOT, else datasets/mnist, else download)")
    sub.add_argument("--output", default="net.pt", metavar="FILE",
                     help="where the weights go, with their card as .json (default: net.pt)")
    sub.add_argument("--checkpoint", metavar="FILE", help="written after each epoch, to resume")
    sub.add_argument("--resume", action="store_true", help="go on from --checkpoint if it exists")
    sub.add_argument("--device", type=_device,
                     help="cpu, cuda, mps, ... (default: the accelerator if there is one)")
    sub.add_argument("--threads", type=_whole_number, default=1, metavar="NUMBER",
                     help="CPU threads (default: 1; more is seldom faster for so small a network)")


def _describe_webcam(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--source", default="0",
                     help="camera index, video file, pattern such as frame_%%02d.png, or 'digits', "
                          "which a drawn pen writes (default: camera 0)")
    sub.add_argument("--list", action="store_true", help="list the cameras found, and end")
    sub.add_argument("--size", type=_size, metavar="WIDTHxHEIGHT",
                     help="ask the camera for it, such as 1280x720")
    sub.add_argument("--frames", type=_whole_number, metavar="NUMBER", help="stop after this many")
    sub.add_argument("--mirror", action="store_true", help="flip left and right, as in a mirror")
    sub.add_argument("--no-window", action="store_true", help="show nothing, as fast as it goes")


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit code: 0 done, 1 bad input or a failed check, 2 a wrong command line, 130 stopped.
    """
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
