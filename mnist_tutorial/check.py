"""Check the machine: has it all that the course needs, and what to do where it has not."""

import os
import platform
import sys
import textwrap
from contextlib import closing, suppress
from importlib.metadata import version
from typing import NamedTuple

import cv2
import torch

from .checkpoint import load_pretrained
from .data import SAMPLE
from .device import pick_device
from .download import DEFAULT_ROOT, find_problems, tidy
from .errors import CheckpointError, SourceError
from .live.display import has_display
from .live.frames import read_frames
from .reading import load_guard

ADVICE_WIDTH = 88  # columns, which a page of a notebook shows without breaking them


class Check(NamedTuple):
    """The outcome of one check."""

    name: str
    found: str            # the state of the machine
    advice: str = ""      # how to mend it; empty if the check passed
    needed: bool = False  # the course cannot run without it; otherwise the advice is an offer

    @property
    def mark(self) -> str:
        """Return one word: "ok", "note" (works, with less) or "FAIL" (does not work)."""
        return ("FAIL" if self.needed else "note") if self.advice else "ok"

    def __str__(self) -> str:
        line = f"[{self.mark:^4}] {self.name}: {self.found}"
        advice = textwrap.fill(self.advice, ADVICE_WIDTH, initial_indent=7 * " " + "-> ",
                               subsequent_indent=10 * " ", break_long_words=False,
                               break_on_hyphens=False)
        return f"{line}\n{advice}" if self.advice else line


def check_python() -> Check:
    """Look for Python 3.10 or newer, and name the system."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    advice = "install Python 3.10 or newer and make a new environment"
    return Check("Python", found, advice if sys.version_info < (3, 10) else "", needed=True)


def check_torch() -> Check:
    """Find out whether PyTorch and torchvision fit together."""
    found, advice = f"{torch.__version__}, torchvision {version('torchvision')}", ""
    try:
        from torchvision.ops import nms  # a second to import, and it fails where the two do not fit
        nms(torch.zeros(1, 4), torch.zeros(1), 1.0)
    except RuntimeError:
        advice = "the two do not fit: run  pip install --force-reinstall torch torchvision"
    return Check("PyTorch", found, advice, needed=True)


def check_gpu() -> Check:
    """Name the accelerator that PyTorch would train on."""
    device = pick_device()  # it warns of one that cannot compute
    if device.type == "cpu":
        return Check("GPU", "none, the CPU will do the work", "not needed: this network trains in "
                     "a minute or two on a CPU. If the machine has a GPU, install its driver and "
                     "the PyTorch build for it, see https://pytorch.org/get-started")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return Check("GPU", f"{name}, as torch.device({str(device)!r})")


def check_camera(index: int = 0) -> Check:
    """Open a camera for one frame, and release it."""
    with suppress(SourceError), closing(read_frames(index)) as frames:
        height, width = next(frames).shape[:2]
        return Check("Camera", f"index {index}, {width}x{height}")
    return Check("Camera", f"none at index {index}", "not needed: chapter 05 runs on a clip. "
                 "Otherwise plug one in, close other programs that use it, allow camera access "
                 "in the system's privacy settings, or try index 1")


def check_window() -> Check:
    """Find out whether OpenCV can open windows."""
    if has_display():
        return Check("Window", f"OpenCV {cv2.__version__}, can open windows")
    return Check("Window", f"OpenCV {cv2.__version__}, no display to open windows on",
                 "not needed: in a notebook the frames are shown below the cell")


def check_data() -> Check:
    """Look for MNIST on this machine; nothing is downloaded."""
    asked = tidy(os.environ.get("MNIST_ROOT", ""))
    if asked == SAMPLE:
        return Check("Data", "the embedded sample, because MNIST_ROOT=sample",
                     "unset MNIST_ROOT to work with MNIST itself")
    root, problems = asked or "datasets/mnist", find_problems(asked or DEFAULT_ROOT)
    if not problems:
        return Check("Data", f"MNIST is complete in {root}")
    return Check("Data", f"{len(problems)} of the 4 files are missing or damaged in {root}",
                 "let MNIST_ROOT name the folder that has them; where it is not set, chapter 02 "
                 "downloads them (12 MB), or the course uses a small sample", needed=bool(asked))


def check_weights() -> Check:
    """Load the trained weights that ship with the package."""
    try:
        load_pretrained()
        load_guard()
    except CheckpointError as error:
        return Check("Weights", str(error), "install the package again", needed=True)
    return Check("Weights", "the trained networks that ship can be loaded")


def run_checks() -> list[Check]:
    """Run every check, print each outcome, and return them all."""
    outcomes = []
    for check in (check_python, check_torch, check_gpu, check_camera, check_window, check_data,
                  check_weights):
        outcomes.append(check())
        print(outcomes[-1])
    return outcomes
