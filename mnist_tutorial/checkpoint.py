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
    """One line of a training history; losses are means, accuracies 0 to 1, `seconds` wall time.

    The validation figures are NaN where there is no validation loader.
    """

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
    model : torch.nn.Module
    optimizer : torch.optim.Optimizer
    scheduler : optional
        Of the learning rate.
    loader : iterable
        Its `generator`, if it has one, draws the order of the images.
    history : list of Epoch
        Shortened or lengthened in place when the snapshot is put back.

    Attributes
    ----------
    state : dict
        What was copied last: tensors, numbers, strings, and lists and dicts of them.
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
            module = torch.get_device_module(self.device)
            random_device[self.device.type] = module.get_rng_state()
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
        """Bring everything back to `state`, by default to what was copied last.

        Raises
        ------
        CheckpointError
            `state` belongs to another model, optimizer, scheduler or loader.
        """
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
            raise CheckpointError(
                "the checkpoint is of another model, optimizer, scheduler or loader: "
                f"resume with the same ones, or start anew ({error})") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file and move it to `path` only when it is complete."""
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
    """Write `state` to `path`, all of it or nothing: an older file survives a failed write.

    Parameters
    ----------
    path : path
        Its folder is made if it is missing.
    state : dict
        Tensors, numbers, strings, and lists and dicts of them, so that it loads safely.
    """
    content = io.BytesIO()  # PyTorch would hide the disk's message behind an error of its own
    torch.save(state, content)
    write_atomically(Path(path), content.getvalue())


def _verify_checksums(path: Path) -> None:
    """Compare the file with its checksums, as PyTorch does not: one bit is a wrong weight."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise ValueError(f"wrong check sum of {damaged}")


def load_checkpoint(path: str | Path) -> dict:
    """Read what :func:`save_checkpoint` wrote, to the CPU, without running any code in it.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or holds something other than plain tensors and values.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"expected a checkpoint at {path}, but there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of here becomes an error below
            _verify_checksums(path)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on damaged files PyTorch raises half a dozen different types
        raise CheckpointError(f"{path} is not a checkpoint of PyTorch, or it is damaged "
                              f"({type(error).__name__}); train again or restore it") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"expected a dict of tensors in {path}, got {type(state).__name__}")
    return state


def save_weights(path: str | Path, model: torch.nn.Module, card: dict) -> None:
    """Write the model's `state_dict` to `path` and what is known about it beside, as JSON.

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
    """Read the card beside the weights at `path`; an empty dict if there is none.

    Raises
    ------
    CheckpointError
        The card is damaged.
    """
    card = Path(path).with_suffix(".json")
    if not card.is_file():
        return {}
    try:
        return dict(json.loads(card.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{card} is not the card of any weights, or it is damaged ({type(error).__name__}); "
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
        The class that matches the file's weights, with an attribute `weights_name` that says on
        every plot whose answer it is.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or of another network; or its card is damaged.
    """
    net = load_weights(path, Net(), FastNet())
    name = load_card(path).get("name", Path(path).name)
    net.weights_name = "shipped weights" if Path(path) == SHIPPED else name
    return net


def load_weights(path: str | Path, *candidates: torch.nn.Module):
    """Fill the one of these networks whose weights have the names that are in the file.

    Parameters
    ----------
    path : path
        What :func:`save_weights` wrote.
    *candidates : torch.nn.Module
        Networks on the CPU; the one that is returned is changed in place.

    Returns
    -------
    torch.nn.Module
        One of the candidates, in evaluation mode.

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
        raise CheckpointError(f"{path} holds weights that are NaN or infinite: train again, "
                              "with a lower learning rate")
    return net.eval()
