"""Train, test and ask any model, with any loader of (images, labels)."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .checkpoint import Epoch, Snapshot, load_checkpoint, save_checkpoint
from .device import cpu_threads, pick_device
from .errors import CheckpointError
from .preprocess import normalise


def train_one_epoch(model: nn.Module, loader: Iterable, optimizer: torch.optim.Optimizer,
                    scheduler=None, report_every: int = 300,
                    loss_function: Callable = F.cross_entropy) -> tuple[float, float]:
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
        Print loss and accuracy so far each time this many batches are done; 0: never.
    loss_function : callable
        ``loss_function(logits, labels)`` returns the mean loss of a batch.

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

    Parameters
    ----------
    model, loader
        As for :func:`train_one_epoch`; the model is left in evaluation mode.

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


@torch.inference_mode()
def probabilities(model: nn.Module, images) -> np.ndarray:
    """Return what a network makes of each 28x28 image: the softmax of its logits.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (N, 1, 28, 28) to (N, classes) logits; left in evaluation mode.
    images : uint8 array or tensor (28, 28) or (N, 28, 28), or list of arrays (28, 28)
        0 = background, 255 = ink.

    Returns
    -------
    float32 array (N, classes)
    """
    if model.training:  # setting the mode takes a third of the time of a single prediction
        model.eval()
    device = next(model.parameters()).device
    with cpu_threads():
        return model(normalise(images).to(device)).softmax(dim=1).cpu().numpy()


@dataclass
class Job:
    """How a training run is carried out: all that :func:`fit` need not know to train.

    Attributes
    ----------
    device : str or torch.device, optional
        Default: the accelerator if there is one, else the CPU.
    threads : int
        CPU threads, see :func:`mnist_tutorial.device.cpu_threads`.
    checkpoint : path, optional
        Written after each epoch, whole or not at all.
    resume : bool
        Go on from `checkpoint` if it exists, on any device; on the same CPU to the same bits.
    settings : dict, optional
        Kept in the checkpoint; resuming with others is refused.
    """

    device: str | torch.device | None = None
    threads: int = 1
    checkpoint: str | Path | None = None
    resume: bool = False
    settings: dict | None = None

    @property
    def speaks(self) -> bool:
        """Whether this process prints and writes: of several, only one does."""
        return True

    def say(self, text: str) -> None:
        """Tell the user how it goes."""
        if self.speaks:
            print(text)

    def place(self, model: nn.Module) -> None:
        """Move the model to where it is trained."""
        model.to(pick_device() if self.device is None else self.device)

    def train(self, model: nn.Module, loader: Iterable, *options) -> tuple[float, float]:
        """Train for one epoch, see :func:`train_one_epoch`."""
        return train_one_epoch(model, loader, *options)

    def test(self, model: nn.Module, loader: Iterable) -> tuple[float, float]:
        """Return loss and accuracy, see :func:`evaluate`."""
        return evaluate(model, loader)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from the checkpoint, if asked to; a CheckpointError if that is unfit."""
        if not self.resume or self.checkpoint is None or not Path(self.checkpoint).exists():
            return
        saved = load_checkpoint(self.checkpoint)
        if (settings := saved.get("settings")) != self.settings:
            raise CheckpointError(f"{self.checkpoint} was made with the settings {settings}, not "
                                  f"{self.settings}: resume with the same, or name another file")
        snapshot.put_back(saved)
        self.say(f"Resumed after epoch {len(snapshot.history)} from {self.checkpoint}.")

    def save(self, snapshot: Snapshot) -> None:
        """Write the checkpoint, if there is to be one."""
        if self.checkpoint is not None and self.speaks:
            save_checkpoint(self.checkpoint, {**snapshot.state, "settings": self.settings})


def fit(model: nn.Module, train_loader: Iterable, validation_loader: Iterable | None = None, *,
        epochs: int = 10, optimizer: torch.optim.Optimizer | None = None, scheduler=None,
        loss_function: Callable = F.cross_entropy, report_every: int = 300,
        job: Job | None = None) -> list[Epoch]:
    """Train the model for a number of epochs and print how it goes.

    Ctrl-C, or Jupyter's stop button, ends with model and history as after the last whole epoch.

    Parameters
    ----------
    model : torch.nn.Module
        Moved to the device of `job` and trained in place.
    train_loader, validation_loader : iterable of (images, labels)
    epochs : int
        In all, those of a resumed checkpoint included.
    optimizer : torch.optim.Optimizer, optional
        Default: SGD with learning rate 0.01 and momentum 0.5.
    scheduler, loss_function, report_every
        As for :func:`train_one_epoch`; validation always takes cross-entropy.
    job : Job, optional
        On which device, with how many threads, with which checkpoint.

    Returns
    -------
    list of Epoch

    Raises
    ------
    CheckpointError
        The checkpoint to resume from is damaged, or of another training run.
    FloatingPointError
        The loss is no longer a number; the model is as after the last good epoch.
    ValueError
        A loader is empty.
    """
    job = job or Job()
    job.place(model)
    if optimizer is None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    history: list[Epoch] = []
    snapshot = Snapshot(model, optimizer, scheduler, train_loader, history)
    job.restore(snapshot)
    snapshot.take()
    try:
        with cpu_threads(job.threads):
            for number in range(len(history) + 1, epochs + 1):
                start = time.perf_counter()
                job.say(f"Epoch {number}/{epochs}")
                trained = job.train(model, train_loader, optimizer, scheduler, report_every,
                                    loss_function)
                _report(job, number, "training:", *trained)
                validated = (math.nan, math.nan)
                if validation_loader is not None:
                    validated = job.test(model, validation_loader)
                    _report(job, number, "validation:", *validated)
                history.append(Epoch(number, *trained, *validated, time.perf_counter() - start))
                snapshot.take()
                job.save(snapshot)
    except KeyboardInterrupt:
        snapshot.put_back()
        job.say(f"Stopped: the model is as after epoch {len(history)}.")
    except FloatingPointError:
        snapshot.put_back()
        raise
    except ZeroDivisionError as error:
        raise ValueError("expected at least one image in each loader, got none") from error
    return history


def _report(job: Job, number: int, stage: str, loss: float, accuracy: float) -> None:
    """Tell how an epoch went, if its loss is a number."""
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss became {loss} in epoch {number}: the learning rate is "
                                 "too high, or there are NaN or infinite values in the data")
    job.say(f"  {stage:11} loss {loss:.3f}, accuracy {accuracy:.2%}")
