"""Save and load: checkpoints to resume from, and weights with their card."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from .model import FastNet, Guard, Net

SHIPPED = Path(__file__).parent / "weights" / "net.pt"
GUARD = SHIPPED.with_name("guard.pt")


class CheckpointError(RuntimeError):
    """A file of weights or a checkpoint cannot be used; the message says what to do."""


def _write_atomically(path: Path, content: bytes) -> None:
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
    content = io.BytesIO()  # PyTorch would hide what the disk has to say behind an error of its own
    torch.save(state, content)
    _write_atomically(Path(path), content.getvalue())


def _check_sums(path: Path) -> None:
    """Compare what is stored with its check sums, as PyTorch does not: one wrong bit would be a wrong weight."""
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
            _check_sums(path)
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
    _write_atomically(Path(path).with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())


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
        raise CheckpointError(f"{card} is not the card of any weights, or it is damaged "
                              f"({type(error).__name__}); restore it, or delete it to do without") from error


def load_pretrained(path: str | Path = SHIPPED) -> Net | FastNet:
    """Give a trained network, on the CPU and in evaluation mode.

    Parameters
    ----------
    path : path
        Default: the weights that ship with the package.

    Returns
    -------
    Net or FastNet
        Whichever the weights are of, with an attribute `weights_name` that says on every plot whose answer it is.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or of another network; or its card is damaged.
    """
    net = _load(path, Net(), FastNet())
    name = "shipped weights" if Path(path) == SHIPPED else load_card(path).get("name", Path(path).name)
    net.weights_name = name
    return net


@cache
def load_guard(path: str | Path = GUARD) -> Guard:
    """Give the network that tells digits from everything else; it is loaded once.

    Returns
    -------
    Guard
        In evaluation mode; its classes are 0, no digit, and 1, a digit. See :mod:`mnist_tutorial.guard`.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or not for this network.
    """
    return _load(path, Guard())


def _load(path: str | Path, *nets: torch.nn.Module) -> Any:
    """Fill the one of these networks whose weights have the names that are in the file."""
    state = load_checkpoint(path)
    net = next((net for net in nets if net.state_dict().keys() == state.keys()), nets[0])
    try:
        if any(torch.is_complex(weight) for weight in state.values()):  # torch would drop the imaginary parts
            raise TypeError("complex weights")
        net.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        expected = " or ".join(type(net).__name__ for net in nets)
        raise CheckpointError(f"{path} holds weights of another network than {expected}") from error
    if not all(weight.isfinite().all() for weight in net.state_dict().values()):
        raise CheckpointError(f"{path} holds weights that are NaN or infinite: train again, with a lower learning rate")
    return net.eval()
