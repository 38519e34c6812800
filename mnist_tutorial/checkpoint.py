"""Save and load: snapshots and checkpoints to resume from, weights with their card."""

from __future__ import annotations

import copy
import io
import json
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from .errors import CheckpointError
from .model import FastNet, Net

SHIPPED = Path(__file__).parent / "weights" / "net.pt"


class Epoch(NamedTuple):
    """Mean losses, accuracies 0 to 1 and wall time of an epoch; NaN where nothing was validated."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Snapshot:
    """All that the next epoch depends on, copied, so that it can be put back or saved.

    Parameters
    ----------
    model, optimizer, scheduler, loader
        As for :func:`mnist_tutorial.fit`; the loader's `generator`, if any, draws its order.
    history : list of Epoch
        Shortened or lengthened in place when the snapshot is put back.

    Attributes
    ----------
    state : dict
        The last copy: tensors, numbers, strings, and lists and dicts of them.
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


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file, in a folder made if need be; move it to `path` once complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def save_checkpoint(path: str | Path, state: dict) -> None:
    """Write `state`, made of tensors and plain values, so that a failed write changes nothing."""
    content = io.BytesIO()  # PyTorch would hide the disk's message behind an error of its own
    torch.save(state, content)
    write_atomically(Path(path), content.getvalue())


def load_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint to the CPU, running no code in it; CheckpointError if it is unfit."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"expected a checkpoint at {path}, but there is no such file")
    try:
        content = io.BytesIO(path.read_bytes())
        # PyTorch does not compare the file with its checksums: one bit is a wrong weight.
        if zipfile.is_zipfile(content) and zipfile.ZipFile(content).testzip():
            raise ValueError("wrong checksum")
        content.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of here becomes an error below
            state = torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # on damaged files PyTorch raises half a dozen different types
        raise CheckpointError(f"{path} is not a checkpoint of PyTorch, or it is damaged "
                              f"({type(error).__name__}); train again or restore it") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"expected a dict of tensors in {path}, got {type(state).__name__}")
    return state


def save_weights(path: str | Path, model: torch.nn.Module, card: dict) -> None:
    """Write the model's `state_dict` to `path` and what is known about it next to it, as JSON.

    Parameters
    ----------
    path : path
        For example ``net.pt``; the card is then ``net.json``.
    card : dict
        How the weights were made and measured; ``card["name"]`` is what plots call them.
    """
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    save_checkpoint(path, state)
    write_atomically(Path(path).with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())


def load_card(path: str | Path = SHIPPED) -> dict:
    """Read the card of the weights at `path`: {} if there is none, CheckpointError if damaged."""
    card = Path(path).with_suffix(".json")
    if not card.is_file():
        return {}
    try:
        return dict(json.loads(card.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{card} is damaged, or not a card ({type(error).__name__}): "
                              "restore it, or delete it to do without") from error


def load_pretrained(path: str | Path = SHIPPED) -> Net | FastNet:
    """Return a trained network, on the CPU and in evaluation mode.

    Parameters
    ----------
    path : path
        Default: the weights that ship with the package.

    Returns
    -------
    Net or FastNet
        As the weights ask for; its `weights_name` says on every plot whose answer it is.

    Raises
    ------
    CheckpointError
        The card is damaged, or the file is unfit, see :func:`load_weights`.
    """
    net = load_weights(path, Net(), FastNet())
    card = {"name": "shipped weights"} if Path(path) == SHIPPED else load_card(path)
    net.weights_name = card.get("name", Path(path).name)
    return net


def load_weights(path: str | Path, *candidates: torch.nn.Module):
    """Fill the one of these networks whose weights have the names that are in the file.

    Parameters
    ----------
    path : path
        Written by :func:`save_weights`.
    *candidates : torch.nn.Module
        Networks on the CPU.

    Returns
    -------
    torch.nn.Module
        One of the candidates, changed in place, in evaluation mode.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, of another network, or holds NaN or infinite weights.
    """
    state = load_checkpoint(path)
    matching = (net for net in candidates if net.state_dict().keys() == state.keys())
    net = next(matching, candidates[0])
    try:
        # PyTorch would drop the imaginary parts with no more than a warning.
        if any(torch.is_complex(weight) for weight in state.values()):
            raise TypeError("complex weights")
        net.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        expected = " or ".join(type(net).__name__ for net in candidates)
        raise CheckpointError(f"{path} holds weights of another network than {expected}") from error
    if not all(weight.isfinite().all() for weight in net.state_dict().values()):
        raise CheckpointError(f"{path} holds NaN or infinite weights: train again at a lower rate")
    return net.eval()
