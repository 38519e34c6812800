"""Save and load: snapshots and checkpoints to resume from, weights with their card."""

import copy
import glob
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
import zipfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import torch

from .device import no_warnings
from .errors import CheckpointError
from .model import FastNet, Guard, Net

SHIPPED = Path(__file__).parent / "weights" / "net.pt"
GUARD = SHIPPED.with_name("guard.pt")
NAME_PART, OLD = 40, 3600  # characters of a name in temporary ones; seconds until they are swept
PATIENCE = 6  # seconds; PyTorch's workers outlive a killed training, and what it held, by up to 5
INFLATED = 10  # times as large as the file its members may be; PyTorch compresses no weights
CHECKSUM = "sha256 of the weights"  # in a card
WRAPPED = "model", "state_dict", "model_state_dict"  # where checkpoints keep the weights
PREFIX = re.compile(r"^((module|_orig_mod)\.)+")  # by DataParallel and torch.compile


class Epoch(NamedTuple):
    """Mean losses, accuracies 0 to 1 and wall time of an epoch; NaN where nothing was validated."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Snapshot:
    """All that the next epoch depends on, copied to the dict `state`, to be put back or saved.

    A loader's `generator`, if any, draws its order. Put back, the list `history` changes in place.
    """

    def __init__(self, model, optimizer, scheduler, loader, history: list[Epoch]):
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.generator: Any = getattr(loader, "generator", None)
        self.history = history
        self.device = next(model.parameters()).device
        self.take()

    def take(self) -> None:
        """Copy the state of this moment."""
        random_device = {}
        if self.device.type != "cpu":
            random_device[self.device.type] = torch.get_device_module(self.device).get_rng_state()
        self.state = copy.deepcopy({
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "random": torch.get_rng_state(),
            "random_device": random_device,
            "random_loader": self.generator and self.generator.get_state(),
            "history": [list(epoch) for epoch in self.history],
        })

    def put_back(self, state: dict | None = None) -> None:
        """Bring back `state`, by default the last copy; CheckpointError if it does not fit."""
        state = self.state if state is None else state
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.scheduler is not None:
                self.scheduler.load_state_dict(state["scheduler"])
            torch.set_rng_state(state["random"])
            # Another kind of device draws other numbers anyway.
            if self.device.type in state["random_device"]:
                module = torch.get_device_module(self.device)
                module.set_rng_state(state["random_device"][self.device.type])
            if state["random_loader"] is not None:
                self.generator.set_state(state["random_loader"])
            self.history[:] = [Epoch(*epoch) for epoch in state["history"]]
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise CheckpointError("the checkpoint is of another model, optimizer, scheduler or "
                                  f"loader: resume with the same, or anew ({error})") from error
        self.take()


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a temporary file, in a folder made if need be; move it to `path` once complete.

    Threads and processes may write the same file: it is always one of theirs, whole. A link's
    target is written, and an existing file keeps its mode. What killed writes left is swept.
    """
    path = _resolve(path)
    _expect_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name[:NAME_PART]}."  # all of a long name and more would be too long
    for left in path.parent.glob(f"{glob.escape(start)}*.part"):
        with suppress(OSError):  # another process may be sweeping too
            if time.time() - left.lstat().st_mtime > OLD:
                left.unlink()
    partial = path.with_name(f"{start}{secrets.token_hex(8)}.part")
    try:
        with open(partial, "xb") as file:
            with suppress(FileNotFoundError):
                shutil.copymode(path, partial)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _resolve(path: str | Path) -> Path:
    return Path(os.path.realpath(os.path.expanduser(path)))


def _expect_file(path: Path) -> None:
    """Raise an OSError if there is something else: a folder, or a device that root may replace."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(f"expected the path of a file, got {path}, which is none")


def check_writable(path: str | Path) -> None:
    """Raise a CheckpointError if weights with their card, or a checkpoint, cannot go to `path`."""
    try:
        for file in (_resolve(path), _card_of(path)):
            _expect_file(file)
            file.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=file.parent).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"cannot write to {str(path)!r} ({reason}): expected the name of a "
                              "file in a folder of your own, such as net.pt") from error


@contextmanager
def hold(path: str | Path) -> Iterator[Path]:
    """Keep a checkpoint from other processes during the block; CheckpointError if one has it."""
    from filelock import FileLock  # only training needs it

    check_writable(path)
    file = _resolve(path)
    try:
        lock = FileLock(file.with_name(f".{file.name}.lock")).acquire(PATIENCE)
    except TimeoutError as error:
        raise CheckpointError(f"cannot use {str(path)!r} as a checkpoint, another training writes "
                              "it: wait, or name another file") from error
    with lock:
        yield file


def save_checkpoint(path: str | Path, state: dict) -> str:
    """Write tensors and plain values, or change nothing; return the file's SHA-256."""
    content = io.BytesIO()  # PyTorch would hide the disk's message behind an error of its own
    torch.save(state, content)
    write_atomically(path, content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def load_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint to the CPU, running no code in it; CheckpointError if it is unfit."""
    return _read(path)[0]


def _read(path: str | Path) -> tuple[dict, str]:
    """Read a checkpoint, and return the checksum of the file as well."""
    file = os.path.expanduser(path)
    if not os.path.isfile(file):
        raise CheckpointError(f"expected a checkpoint at {path}, but there is no such file")
    try:
        content = Path(file).read_bytes()
        stream = io.BytesIO(content)
        if zipfile.is_zipfile(stream):
            archive = zipfile.ZipFile(stream)
            if sum(member.file_size for member in archive.infolist()) > INFLATED * len(content):
                raise ValueError("compressed, and much larger than it seems")
            # PyTorch does not compare the file with its checksums: one bit is a wrong weight.
            if archive.testzip():
                raise ValueError("wrong checksum")
        stream.seek(0)
        with no_warnings():  # what torch warns of here becomes an error below
            state = torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # on damaged files PyTorch raises half a dozen different types
        if found := re.search(r"GLOBAL (\S+)|(TorchScript)", str(error)):
            raise CheckpointError(f"{path} holds a whole model or other objects, not only tensors "
                                  f"({found[found.lastindex or 0]}): save model.state_dict() "
                                  "instead") from error
        reason = str(error) if type(error) is ValueError else type(error).__name__
        raise CheckpointError(f"{path} is not a checkpoint of PyTorch, or it is damaged "
                              f"({reason}); train again or restore it") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"expected a dict of tensors in {path}, got {type(state).__name__}")
    return state, hashlib.sha256(content).hexdigest()


def save_weights(path: str | Path, model: torch.nn.Module, card: dict) -> None:
    """Write the model's `state_dict`, to ``net.pt``, say, and its card, to ``net.json``.

    The card is a dict that tells how the weights were made and measured; ``card["name"]`` is what
    plots call them. What is unfit, such as a card's own path, raises before anything is written.
    """
    card_path, card = _card_of(path), json.loads(json.dumps(dict(card), default=float))
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    card[CHECKSUM] = save_checkpoint(path, state)
    write_atomically(card_path, (json.dumps(card, indent=2) + "\n").encode())


def _card_of(path: str | Path) -> Path:
    file = Path(os.path.expanduser(path))
    if file.suffix.lower() == ".json":
        raise CheckpointError(f"{path}: expected another ending than .json, which the card of the "
                              "weights has, such as .pt")
    return file.with_suffix(".json")


def load_card(path: str | Path = SHIPPED, checksum: str | None = None) -> dict:
    """Read the card of the weights at `path`, whose SHA-256 may be known: {} if there is none.

    Of one that was written for other weights only that is told; CheckpointError if it is damaged.
    """
    card_path = _card_of(path)
    if not card_path.is_file():
        return {}
    try:
        card = dict(json.loads(card_path.read_text(encoding="utf-8")))
        if expected := card.pop(CHECKSUM, None):
            checksum = checksum or hashlib.sha256(_resolve(path).read_bytes()).hexdigest()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{card_path} is damaged, or not a card ({type(error).__name__}): "
                              "restore it, or delete it to do without") from error
    if expected not in (None, checksum):
        return {"name": f"{Path(path).name}, {card_path.name} is of other weights"}
    return card


def load_pretrained(path: str | Path = SHIPPED) -> Net | FastNet | Guard:
    """Return a trained network, on the CPU and in evaluation mode: by default the shipped one.

    Its class is the one that the weights are of; its `weights_name` says on every plot whose answer
    it is. A damaged card, or a file as for :func:`load_weights`, raises a CheckpointError.
    """
    state, checksum = _read(path)
    with torch.device("cpu"):  # whatever the default is
        net = _fill(path, state, Net(), FastNet(), FastNet(FastNet.GPU_WIDTHS), Guard())
    name = ("shipped weights" if Path(path) in (SHIPPED, GUARD)
            else load_card(path, checksum).get("name"))
    net.weights_name = name if isinstance(name, str) else Path(path).name
    return net.to(memory_format=torch.channels_last)  # on a CPU two to three times as fast


@cache
def load_guard() -> Guard:
    """Return the network that knows digits and, as `Guard.NONE`, what is none, loaded once.

    What it saw is told in :mod:`mnist_tutorial.recipes.nondigits`. May raise a CheckpointError.
    """
    return load_pretrained(GUARD)  # type: ignore[return-value]  # the class of its weights


def load_weights(model: torch.nn.Module, path: str | Path) -> Any:
    """Fill a network of your own with a `state_dict`; return it, in evaluation mode.

    It may be in a checkpoint, and layers may have other names, if shapes and order are the model's.
    Other weights, damaged, NaN or infinite ones change nothing, and raise a CheckpointError.
    """
    return _fill(path, load_checkpoint(path), model)


def _fill(path: str | Path, state: dict, *candidates: torch.nn.Module) -> Any:
    """Fill the one of these networks whose weights have the names or the shapes of these."""
    for key in WRAPPED:
        if isinstance(state.get(key), dict):
            state = state[key]
    for model in candidates:
        with suppress(AttributeError, RuntimeError, TypeError, ValueError):
            weights = _fitted(state, model.state_dict())
            finite = all(weight.isfinite().all() for weight in weights.values())
            break
    else:
        expected = " or ".join(dict.fromkeys(type(model).__name__ for model in candidates))
        raise CheckpointError(f"{path} holds weights of another network than {expected}")
    if not finite:
        raise CheckpointError(f"{path} holds NaN or infinite weights: train again at a lower rate")
    model.load_state_dict(weights)
    return model.eval()


def _fitted(state: dict, ours: dict) -> dict:
    """Return weights under a network's own names, of its shapes and types; or raise what comes."""
    state = {PREFIX.sub("", name): weight for name, weight in state.items()}
    if state.keys() != ours.keys():  # such as the names of the tutorial that the course grew from
        for name, other in zip(ours, state, strict=True):
            if other != name and other in ours and state[other].shape == ours[other].shape:
                raise ValueError(f"{other} at another place")
        state = dict(zip(ours, state.values()))
    for name, weight in ours.items():
        # Complex numbers would lose a part with no more than a warning.
        if state[name].shape != weight.shape or (
                state[name].is_floating_point() != weight.is_floating_point()):
            raise ValueError(f"another {name}")
    return {name: state[name].to(weight.dtype) for name, weight in ours.items()}
