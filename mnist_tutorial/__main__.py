"""The course's command line: python -m mnist_tutorial {check,train,predict,webcam}.

Each command imports what it needs when it runs: reading a picture does not wait for torchvision.
"""

import argparse
import io
import math
import os
import shlex
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Callable

from . import __version__
from .errors import CheckpointError, CourseError, ImageError

MAX_SIDE = 4096  # pixels of a camera's frame, more than any has
STOPPED = 130  # exit code after Ctrl-C, as of any program that the shell sees stopped


def check(arguments) -> int:
    """Print what the machine has; 1 if something that the course needs is missing."""
    from .check import run_checks
    return int(any(outcome.mark == "FAIL" for outcome in run_checks()))


def train(arguments) -> int:
    """Train once for each seed, report the accuracies, save the first network with its card."""
    from .checkpoint import check_writable, save_weights
    from .recipes import Job, train_seeds
    from .recipes.distributed import process_group
    if arguments.checkpoint and len(arguments.seeds) > 1:
        raise CheckpointError("expected one seed with --checkpoint, which holds one training run; "
                              f"got {len(arguments.seeds)}")
    output = Path(arguments.output)
    check_writable(output)
    card_path, rescue = output.with_suffix(".json"), output.with_suffix(".stopped")
    files = [os.path.realpath(os.path.expanduser(path))
             for path in (output, card_path, arguments.checkpoint) if path]
    if len(set(files)) < len(files):
        raise CheckpointError(f"expected three files: the weights {output}, their card {card_path} "
                              "and --checkpoint; two have one name")
    changes = {name: value for name, value in vars(arguments).items()
               if name in CHANGEABLE and value is not None}
    job = Job(arguments.device, arguments.threads, arguments.checkpoint, arguments.resume,
              rescue=rescue)
    with process_group(job) as job:
        for net, card in train_seeds(arguments.recipe, arguments.seeds, root=arguments.root,
                                     job=job, **changes):
            if job.speaks:  # after each seed, so that stopping the next one loses none
                card["command"] = shlex.join(["python", "-m", "mnist_tutorial", *sys.argv[1:]])
                save_weights(output, net, card)
        job.say(f"Saved the network of seed {arguments.seeds[0]} to {output}, "
                f"its card to {card_path}")
    return 0


def predict(arguments) -> int:
    """Print one line for each image; 1 if any could not be read."""
    from .checkpoint import GUARD, load_pretrained
    from .reading.predict import predict_image
    from .sources import list_images
    net = load_pretrained(arguments.weights or GUARD)
    failed = False
    for image in [str(path) for asked in arguments.images for path in list_images(asked)]:
        name = image if image.isprintable() else ascii(image)
        try:
            prediction = predict_image(image, net)
            print(f"{name}: {prediction} ({prediction.model})")
        except ImageError as error:
            failed = True
            print(error if image in str(error) else f"{name}: {error}", file=sys.stderr)
    return int(failed)


def webcam(arguments) -> int:
    """Read a camera or a clip until it ends, and print the report; or list the cameras."""
    from .checkpoint import GUARD, load_pretrained
    from .live.frames import find_cameras
    from .live.webcam import run
    from .reading.images import IMG
    if arguments.list:
        cameras = find_cameras()
        for index, width, height in cameras:
            print(f"camera {index}: {width}x{height}")
        if not cameras:
            print("no camera found; try  --source clip", file=sys.stderr)
        return int(not cameras)
    net = load_pretrained(arguments.weights or GUARD)
    source = IMG / "webcam.webm" if arguments.source == "clip" else arguments.source
    report = run(source, net, show=None if arguments.no_window else "auto",
                 max_frames=arguments.frames, mirror=arguments.mirror, size=arguments.size)
    print(f"{report}\n({net.weights_name})")
    return STOPPED if report.stopped == "stop button" else 0


def _number(text: str, kind: type = int, least: float = 1, most: float = 100_000):
    """Take a number of that kind and range."""
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"expected a number from {least:g} to {most:g}, "
                                         f"got {text[:40]!r}")
    return value


CHANGEABLE: dict[str, Callable] = {  # of a recipe
    "epochs": _number, "batch_size": _number,
    "lr": partial(_number, kind=float, least=1e-9, most=1e3),
    "momentum": partial(_number, kind=float, least=0, most=0.9999)}
RECIPE_NAMES = ("classic", "tuned", "world", "fast", "guard")  # of train.py: it needs PyTorch


def _device(text: str):
    """Take the name of a device that can compute."""
    import torch
    try:
        ones = torch.ones(1, device=text)
        ones.sum().item()  # "meta" makes tensors, but has no numbers
        return ones.device
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
    reader("images", nargs="+", metavar="IMAGE",
           help="a photo, scan or drawing of one digit, a folder of them, or a pattern")
    camera = command(webcam, "read digits from a camera, a clip or numbered pictures")
    camera("--source", default="0",
           help="camera index, address of a phone's camera (http://..., rtsp://...), video file, "
                "pattern such as frame_%%02d.png, or 'clip', the course's (default: camera 0)")
    camera("--list", action="store_true", help="list the cameras found, and end")
    camera("--size", type=partial(_number, most=MAX_SIDE), nargs=2, metavar=("WIDTH", "HEIGHT"),
           help="asked of the camera, in pixels")
    camera("--frames", type=_number, metavar="NUMBER", help="stop after this many")
    camera("--mirror", action="store_true", help="flip left and right, as in a mirror")
    camera("--no-window", action="store_true", help="show nothing, as fast as it goes")
    for add in (reader, camera):
        add("--weights", metavar="FILE", help="a network of your own (default: the one that ships)")
    return parser


def _describe_training(add: Callable) -> None:
    add("--recipe", choices=RECIPE_NAMES, default="classic", metavar="RECIPE",
        help="classic (default): SGD at one learning rate; tuned: one-cycle schedule and distorted "
             "images, calibrated; world: tuned, on drawn digits too; fast: one epoch of a network "
             "shaped for speed; guard: learn to read, and to tell digits from everything else")
    for name, kind in CHANGEABLE.items():
        add(f"--{name.replace('_', '-')}", type=kind, metavar="NUMBER", help="changes the recipe")
    add("--seeds", type=partial(_number, least=0, most=2**32 - 1), nargs="+", default=[0],
        metavar="SEED",
        help="train once for each, save the first, report mean and spread of all (default: 0)")
    add("--root", metavar="FOLDER", help="folder that holds MNIST's four files, packed or not, or "
        "'sample' (default: MNIST_ROOT, else datasets/mnist, else download)")
    add("--output", default="net.pt", metavar="FILE",
        help="where the weights go, with their card as .json (default: net.pt)")
    add("--checkpoint", metavar="FILE", help="written after each epoch; a new one, or --resume")
    add("--resume", action="store_true", help="go on from --checkpoint, for more epochs too")
    add("--device", type=_device, help="cpu, cuda, mps, ... (default: the accelerator if any)")
    add("--threads", type=partial(_number, most=os.cpu_count() or 1), default=1, metavar="NUMBER",
        help="CPU threads (default: 1; more is seldom faster for so small a network)")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit code 0: done, 1: bad input, failed check, 2: usage, 130: stopped."""
    for stream in (sys.stdout, sys.stderr):  # a name that cannot be printed must not end it all
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    command = "mnist_tutorial"
    try:
        parsed = make_parser().parse_args(arguments)
        command = parsed.command
        pressed: list = []  # Ctrl-C waits: libraries swallow it, and stay loaded by half
        before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
        import torch
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)
        torch.set_num_threads(getattr(parsed, "threads", 1))
        return parsed.function(parsed)
    except (CourseError, ArithmeticError, ImportError, MemoryError, OSError, RuntimeError,
            ValueError) as error:
        print(f"{command}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{command}: stopped", file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
