"""Train and test any model on any loader of (images, labels)."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path
from typing import Callable, Iterable, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from .checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from .device import cpu_threads, pick_device
from .distributed import Share, parallel, rank_and_size


def train_one_epoch(model: nn.Module, loader: Iterable, optimizer: torch.optim.Optimizer, scheduler=None,
                    report_every: int = 300, loss_function: Callable = F.cross_entropy) -> tuple[float, float]:
    """Go through the loader once, with one step of the optimizer for each batch.

    Parameters
    ----------
    model : torch.nn.Module
        Maps images (N, ...) to logits (N, classes); trained in place, on the device it is on.
    loader : iterable of (images, labels)
        Labels are int64 (N,).
    scheduler : optional
        Of the learning rate; stepped after each batch.
    report_every : int
        Print loss and accuracy so far after every so many batches; 0 prints nothing.
    loss_function : callable
        ``loss_function(logits, labels)`` gives the mean loss of a batch.

    Returns
    -------
    tuple of float
        Mean loss and accuracy (0 to 1) over the epoch's images, taken while the weights change.
    """
    model.train()
    device = next(model.parameters()).device
    loss_sum, right, seen = 0.0, 0, 0
    for batch, (images, labels) in enumerate(loader, start=1):
        images, labels = images.to(device), labels.to(device)
        outputs = model(images)
        loss = loss_function(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()

        loss_sum += loss.item() * len(labels)
        right += (outputs.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
        if report_every and batch % report_every == 0:
            print(f"  batch {batch:4d}: loss {loss_sum / seen:.3f}, accuracy {right / seen:.2%}")
    return loss_sum / seen, right / seen


@torch.inference_mode()
def evaluate(model: nn.Module, loader: Iterable) -> tuple[float, float]:
    """Test the model on everything in the loader.

    Returns
    -------
    tuple of float
        Mean loss and accuracy (0 to 1) over all images, however they are cut into batches.
    """
    model.eval()
    device = next(model.parameters()).device
    loss_sum, right, seen = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        outputs = model(images)
        loss_sum += F.cross_entropy(outputs, labels, reduction="sum").item()
        right += (outputs.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    return loss_sum / seen, right / seen


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


def _state(model, optimizer, scheduler, loader, history) -> dict:
    """Collect all that the next epoch depends on, as a copy that later steps leave alone."""
    generator = getattr(loader, "generator", None)
    device = next(model.parameters()).device
    return copy.deepcopy({
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler and scheduler.state_dict(),
        "random": torch.get_rng_state(),
        "random_device": {} if device.type == "cpu" else {device.type: torch.get_device_module(device).get_rng_state()},
        "random_loader": generator and generator.get_state(),
        "history": [list(epoch) for epoch in history],
    })


def _restore(state, model, optimizer, scheduler, loader, history) -> None:
    """Put back what :func:`_state` collected."""
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if scheduler is not None:
            scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["random"])
        device = next(model.parameters()).device
        if device.type in state["random_device"]:  # another kind of device draws other numbers anyway
            torch.get_device_module(device).set_rng_state(state["random_device"][device.type])
        if state["random_loader"] is not None:
            loader.generator.set_state(state["random_loader"])
        history[:] = [Epoch(*epoch) for epoch in state["history"]]
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise CheckpointError("the checkpoint is of another model, optimizer, scheduler or loader: "
                              f"resume with the same ones, or start anew ({error})") from error


def fit(model: nn.Module, train_loader: Iterable, validation_loader: Iterable | None = None, *, epochs: int = 10,
        optimizer: torch.optim.Optimizer | None = None, scheduler=None, device: str | torch.device | None = None,
        threads: int = 1, checkpoint: str | Path | None = None, resume: bool = False, settings: dict | None = None,
        report_every: int = 300, loss_function: Callable = F.cross_entropy) -> list[Epoch]:
    """Train the model for a number of epochs and print how it goes.

    Ctrl-C, or Jupyter's stop button, ends the training: the model is then put back to the end of
    the last finished epoch, and the history so far is returned.

    Called in several processes at once (:mod:`mnist_tutorial.distributed`), with the same arguments, they
    share each batch; the first one writes the checkpoint.

    Parameters
    ----------
    model : torch.nn.Module
        Moved to `device` and trained in place.
    train_loader, validation_loader : iterable of (images, labels)
    epochs : int
        In all, those of a resumed checkpoint included.
    optimizer : torch.optim.Optimizer, optional
        Default: SGD with learning rate 0.01 and momentum 0.5.
    scheduler : optional
        Stepped after each batch.
    device : str or torch.device, optional
        Default: the accelerator if there is one, else the CPU.
    threads : int
        CPU threads, see :func:`mnist_tutorial.device.cpu_threads`.
    checkpoint : path, optional
        Written after each epoch, whole or not at all.
    resume : bool
        Go on from `checkpoint` if that file exists, on whichever device. On the CPU of the same machine
        the result is bit for bit that of a training which was never interrupted.
    settings : dict, optional
        Kept in the checkpoint; resuming with others is refused.
    report_every : int
        See :func:`train_one_epoch`; 0 leaves one line for each epoch.
    loss_function : callable
        To train with, see :func:`train_one_epoch`; validation always takes cross-entropy.

    Returns
    -------
    list of Epoch

    Raises
    ------
    CheckpointError
        The checkpoint to resume from is damaged, or of another training.
    FloatingPointError
        The loss is no longer a number; the model is as after the last good epoch.
    ValueError
        A loader is empty.
    """
    model.to(pick_device() if device is None else device)
    if optimizer is None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    history: list[Epoch] = []
    parts = (model, optimizer, scheduler, train_loader, history)
    engine = parallel(model)
    if resume and checkpoint is not None and Path(checkpoint).exists():
        saved = load_checkpoint(checkpoint)
        if saved.get("settings") != settings:
            raise CheckpointError(f"{checkpoint} was made with the settings {saved.get('settings')}, not {settings}: "
                                  "resume with the same, or name another checkpoint")
        _restore(saved, *parts)
        print(f"Resumed after epoch {len(history)} from {checkpoint}.")
    kept = _state(*parts)
    try:
        with cpu_threads(threads):
            while len(history) < epochs:
                history.append(_one_epoch(len(history) + 1, epochs, engine, train_loader, validation_loader,
                                          optimizer, scheduler, report_every, loss_function))
                kept = _state(*parts)
                if checkpoint is not None and rank_and_size()[0] == 0:
                    save_checkpoint(checkpoint, {**kept, "settings": settings})
    except KeyboardInterrupt:
        _restore(kept, *parts)
        print(f"Stopped: the model is as after epoch {len(history)}.")
    except FloatingPointError:
        _restore(kept, *parts)
        raise
    return history


def _one_epoch(number, epochs, model, train_loader, validation_loader, optimizer, scheduler, report_every,
               loss_function) -> Epoch:
    """Train and validate once, print the epoch's line, and give it."""
    start = time.perf_counter()
    print(f"Epoch {number}/{epochs}")
    device = next(model.parameters()).device
    try:
        share = Share(train_loader)
        means = train_one_epoch(model, share, optimizer, scheduler, report_every, share.weigh(loss_function))
        loss, accuracy = _finite(number, share.mean_of(means, device))
        print(f"  training:   loss {loss:.3f}, accuracy {accuracy:.2%}")
        validation = (math.nan, math.nan)
        if validation_loader is not None:
            share = Share(validation_loader)
            validation = _finite(number, share.mean_of(evaluate(model, share), device))
            print(f"  validation: loss {validation[0]:.3f}, accuracy {validation[1]:.2%}")
    except ZeroDivisionError as error:
        raise ValueError("expected at least one picture in each loader, got a loader without any") from error
    return Epoch(number, loss, accuracy, *validation, time.perf_counter() - start)


def _finite(number: int, result: tuple[float, float]) -> tuple[float, float]:
    """Pass on loss and accuracy of an epoch, if that loss is a number."""
    if not math.isfinite(result[0]):
        raise FloatingPointError(f"the loss became {result[0]} in epoch {number}: the learning rate is too high, "
                                 "or there are NaN or infinite values in the data")
    return result
