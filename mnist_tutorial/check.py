"""Look at the machine: is all there that the course needs, and what to do where it is not."""

from __future__ import annotations

import os
import platform
import sys
from typing import NamedTuple

import cv2
import torch
import torchvision

from .checkpoint import CheckpointError, load_guard, load_pretrained
from .data import DEFAULT_ROOT, SAMPLE, find_problems
from .device import pick_device
from .frames import SourceError, read_frames
from .webcam import has_display


class Check(NamedTuple):
    """The outcome of one check.

    Attributes
    ----------
    name : str
    found : str
        What was found.
    advice : str
        What to do about it; empty if nothing is amiss.
    needed : bool
        Whether the course cannot do without; otherwise the advice is an offer.
    """

    name: str
    found: str
    advice: str = ""
    needed: bool = False

    @property
    def mark(self) -> str:
        """One word: "ok", "note" (works, with less) or "FAIL" (does not work)."""
        return ("FAIL" if self.needed else "note") if self.advice else "ok"

    def __str__(self) -> str:
        line = f"[{self.mark:^4}] {self.name}: {self.found}"
        return f"{line}\n       -> {self.advice}" if self.advice else line


def check_python() -> Check:
    """Python's version and the system; 3.10 or newer is needed."""
    advice = "" if sys.version_info >= (3, 10) else "install Python 3.10 or newer and make a new environment"
    return Check("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", advice, True)


def check_torch() -> Check:
    """PyTorch and torchvision, and whether they fit together."""
    found = f"{torch.__version__}, torchvision {torchvision.__version__}"
    try:
        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (RuntimeError, NotImplementedError):
        return Check("PyTorch", found, "the two do not fit: run  pip install --force-reinstall torch torchvision", True)
    return Check("PyTorch", found)


def check_gpu() -> Check:
    """The accelerator that PyTorch would train on."""
    device = pick_device()
    if device.type == "cpu":
        return Check("GPU", "none, the CPU will do the work",
                     "not needed: this network trains in a minute or two on a CPU. If the machine has a GPU, install "
                     "its driver and the PyTorch build for it, see https://pytorch.org/get-started")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return Check("GPU", f"{name}, as torch.device({str(device)!r})")


def check_camera(index: int = 0) -> Check:
    """A camera that OpenCV can read; it is opened for one frame and released."""
    frames = read_frames(index)
    try:
        height, width = next(frames).shape[:2]
    except (SourceError, StopIteration):
        return Check("Camera", f"none at index {index}",
                     "not needed: chapter 05 runs on a clip. Otherwise plug one in, close other programs that use "
                     "it, allow camera access in the system's privacy settings, or try index 1")
    finally:
        frames.close()
    return Check("Camera", f"index {index}, {width}x{height}")


def check_window() -> Check:
    """OpenCV, and whether it can open windows."""
    found = f"OpenCV {cv2.__version__}, "
    if has_display():
        return Check("Window", found + "can open windows")
    return Check("Window", found + "no display to open windows on",
                 "not needed: in a notebook the frames are shown below the cell")


def check_data() -> Check:
    """MNIST on this machine; nothing is downloaded."""
    asked = os.environ.get("MNIST_ROOT")
    if asked == SAMPLE:
        return Check("Data", "the embedded sample, because MNIST_ROOT=sample",
                     "unset MNIST_ROOT to work with MNIST itself")
    problems = find_problems(asked or DEFAULT_ROOT)
    root = asked or "datasets/mnist"
    if not problems:
        return Check("Data", f"MNIST is complete in {root}")
    if asked:
        return Check("Data", f"MNIST_ROOT names {root}, but {len(problems)} of the 4 files are missing or damaged",
                     "name the folder that holds MNIST/raw, or unset MNIST_ROOT to have MNIST downloaded", True)
    return Check("Data", f"{len(problems)} of the 4 files are not in {root} yet",
                 "chapter 02 downloads them (12 MB); without a network a small embedded sample stands in")


def check_weights() -> Check:
    """The trained weights that ship with the package."""
    try:
        load_pretrained()
        load_guard()
    except CheckpointError as error:
        return Check("Weights", str(error), "install the package again", True)
    return Check("Weights", "the trained networks that ship can be loaded")


ALL = (check_python, check_torch, check_gpu, check_camera, check_window, check_data, check_weights)


def run_checks() -> list[Check]:
    """Run every check, print each outcome, and give them all."""
    checks = []
    for check in ALL:
        checks.append(check())
        print(checks[-1])
    return checks
