"""Train, test and ask any model, with any loader of (images, labels)."""

import math
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau

from .checkpoint import Epoch, Snapshot, hold, load_checkpoint, save_checkpoint
from .device import cpu_threads, pick_device
from .errors import CheckpointError, DatasetError, ModelError
from .preprocess import normalise

OF_BATCHES = OneCycleLR, CyclicLR  # schedules whose steps are batches; all others' are epochs
ROUNDING = 1e-2  # of sums of probabilities, in half precision


def train_one_epoch(model: nn.Module, loader: Iterable, optimizer: torch.optim.Optimizer,
                    scheduler=None, report_every: int = 300,
                    loss_function: Callable = F.cross_entropy) -> tuple[float, float]:
    """Go once through the loader, with one step of the optimizer for each batch.

    The loader serves images (N, ...) and labels int64 (N,); the model maps images to logits
    (N, classes), on the device it is on; ``loss_function(logits, labels)`` returns a batch's mean
    loss. `scheduler`, of the learning rate, is stepped after each batch; `report_every` so many
    batches, 0 for never, loss and accuracy so far are printed. Return mean loss and accuracy (0 to
    1) over all images, taken while the weights change.
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

        # Sums stay on the device: to ask a GPU for a number is to wait for it.
        loss_sum += loss.detach() * len(labels)
        right += (outputs.argmax(dim=1) == labels).sum()
        seen += len(labels)
        if report_every and batch % report_every == 0:
            print(f"  batch {batch:4d}: loss {loss_sum / seen:.3f}, accuracy {right / seen:.2%}")
    return float(loss_sum) / seen, float(right) / seen


@torch.inference_mode()
def evaluate(model: nn.Module, loader: Iterable) -> tuple[float, float]:
    """Return mean loss and accuracy (0 to 1) over all images, however they are cut into batches.

    Model and loader are as for :func:`train_one_epoch`; the model is left in evaluation mode.
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
def probabilities(model: nn.Module, images, classes: int | None = None) -> np.ndarray:
    """Return what a network makes of 28x28 images: the softmax of its logits, float32 (N, classes).

    The model, left in evaluation mode, maps (N, 1, 28, 28) to logits, or probabilities, in any
    precision. Images are uint8 (28, 28) or (N, 28, 28), or a list of arrays (28, 28), 0 =
    background, 255 = ink. A model that fails on them, or answers otherwise or with another number
    of `classes` than is asked for, raises a ModelError.
    """
    parameter = _parameter_of(model)
    if model.training:  # setting the mode takes a third of the time of a single prediction
        model.eval()
    with cpu_threads():
        outputs = _answers_of(model, normalise(images).to(parameter), classes).float()
        return (outputs if _are_probabilities(outputs) else outputs.softmax(dim=1)).cpu().numpy()


@dataclass
class Job:
    """How a training run is carried out: all that :func:`fit` need not know to train.

    Without a `device`, on the accelerator, if there is one; with so many `threads` of the CPU.

    `checkpoint` is a path, written after each epoch, whole or not at all, and never by two runs. To
    go on from one that exists takes `resume`: on any device, on the same CPU to the same bits, but
    not where one of the `settings` kept in it differs. If there is none, what Ctrl-C stops is saved
    to the path `rescue`, to be resumed.
    """

    device: str | torch.device | None = None
    threads: int = 1
    checkpoint: str | Path | None = None
    resume: bool = False
    settings: dict | None = None
    rescue: str | Path | None = None

    speaks = True  # prints and writes: of several processes, only one does

    def say(self, text: str) -> None:
        """Tell the user how it goes."""
        if self.speaks:
            print(text)

    def where(self) -> torch.device:
        """Return the device that trains."""
        return pick_device() if self.device is None else torch.device(self.device)

    def place(self, model: nn.Module) -> None:
        """Move the model to where it is trained."""
        _parameter_of(model)
        try:
            model.to(device=self.where())
        except (AssertionError, RuntimeError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelError(f"cannot train on device {self.device!r} ({reason}): expected another,"
                             " such as 'cpu', or None") from error

    def train(self, model: nn.Module, loader: Iterable, optimizer, scheduler, report_every: int,
              loss_function: Callable) -> tuple[float, float]:
        """Train for one epoch, see :func:`train_one_epoch`."""
        return train_one_epoch(model, tried(model, loader, loss_function), optimizer, scheduler,
                               report_every, loss_function)

    def test(self, model: nn.Module, loader: Iterable) -> tuple[float, float]:
        """Return loss and accuracy, see :func:`evaluate`."""
        return evaluate(model, tried(model, loader))

    @contextmanager
    def opened(self) -> Iterator[dict | None]:
        """Hold the checkpoint in a block, and yield its state if it is to be resumed."""
        if self.checkpoint is not None:
            with hold(self.checkpoint) as path:
                yield self._load(path)
        elif self.resume:
            raise CheckpointError("resume: expected a checkpoint to go on from, got none")
        else:
            yield None

    def _load(self, path: Path) -> dict | None:
        if not path.exists():
            if self.resume:
                self.say(f"Nothing to resume at {self.checkpoint}: training begins anew.")
            return None
        if not self.resume:
            raise CheckpointError(f"{self.checkpoint} holds a training run, which would be "
                                  "overwritten: resume it, or name another file")
        saved = load_checkpoint(path)
        before, now = saved.get("settings") or {}, self.settings or {}
        if differing := [f"{name}: {before.get(name)} in the checkpoint, {value} now"
                         for name, value in now.items() if before.get(name) != value]:
            raise CheckpointError(f"{self.checkpoint} was made with other settings "
                                  f"({'; '.join(differing)}): resume with the same")
        return saved

    def restore(self, snapshot: Snapshot, saved: dict | None, epochs: int) -> None:
        """Go on from a saved state, if there is one, to so many epochs in all."""
        if saved is not None:
            snapshot.put_back(saved)
            if (done := len(snapshot.history)) > epochs:
                raise CheckpointError(f"{self.checkpoint} holds {done} epochs, more than the "
                                      f"{epochs} asked for: ask for as many, or begin anew")
            self.say(f"Resumed after epoch {done} from {self.checkpoint}.")

    def save(self, snapshot: Snapshot) -> None:
        """Write the checkpoint, if there is to be one."""
        if self.checkpoint is not None and self.speaks:
            save_checkpoint(self.checkpoint, {**snapshot.state, "settings": self.settings})

    def stop(self, snapshot: Snapshot) -> None:
        """Say how far it came before Ctrl-C, and save it if it is saved nowhere."""
        self.say(f"Stopped: the model is as after epoch {len(snapshot.history)}.")
        if self.rescue and self.checkpoint is None and snapshot.history:
            path = str(self.rescue)
            while os.path.exists(path):  # what an earlier run was saved to
                path += "~"
            replace(self, checkpoint=path).save(snapshot)
            self.say(f"Saved to {path}. To go on: --checkpoint {path} --resume, or so in Job.")


def fit(model: nn.Module, train_loader: Iterable, validation_loader: Iterable | None = None, *,
        epochs: int = 10, optimizer: Any = None, scheduler=None,
        loss_function: Callable = F.cross_entropy, job: Job | None = None,
        **options) -> list[Epoch]:
    """Train the model, in place, for a number of epochs, print how it goes and return the history.

    Ctrl-C, or Jupyter's stop button, ends with model and history as after the last whole epoch.

    Loaders, `loss_function` and the option `report_every` (300) are as for :func:`train_one_epoch`;
    validation always takes cross-entropy. The number of epochs includes those of a checkpoint that
    `job` resumes. The optimizer may be named, such as "adam", with its learning rate and others as
    further options; by default it is SGD with lr=0.01, momentum=0.5. Of schedulers, OneCycleLR and
    CyclicLR are stepped after each batch, all others after each epoch; ReduceLROnPlateau is told
    the validation loss, or else the training loss.

    A loader or model that does not fit, see :func:`tried`, or would learn nothing, raises a
    DatasetError or ModelError, a checkpoint that cannot be used a CheckpointError, and a loss that
    is no number a FloatingPointError, with the model as after the last good epoch.
    """
    job, report_every = job or Job(), options.pop("report_every", 300)
    if not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ModelError(f"epochs: expected a whole number from 1, got {epochs!r}")
    job.place(model)
    optimizer = _optimizer_for(model, optimizer, scheduler, options)
    each_batch = scheduler if isinstance(scheduler, OF_BATCHES) else None
    if scheduler is not each_batch:
        job.say(f"{type(scheduler).__name__}: one step after each epoch")
    history: list[Epoch] = []
    with job.opened() as saved, cpu_threads(job.threads):
        snapshot = Snapshot(model, optimizer, scheduler, train_loader, history)
        job.restore(snapshot, saved, epochs)
        try:
            for number in range(len(history) + 1, epochs + 1):
                start = time.perf_counter()
                job.say(f"Epoch {number}/{epochs}")
                trained = job.train(model, train_loader, optimizer, each_batch, report_every,
                                    loss_function)
                _report(job, number, "training:", *trained)
                validated = (math.nan, math.nan)
                if validation_loader is not None:
                    validated = job.test(model, validation_loader)
                    _report(job, number, "validation:", *validated)
                if isinstance(scheduler, ReduceLROnPlateau):
                    scheduler.step(trained[0] if validation_loader is None else validated[0])
                elif scheduler is not each_batch:
                    scheduler.step()
                history.append(Epoch(number, *trained, *validated, time.perf_counter() - start))
                snapshot.take()
                job.save(snapshot)
        except (KeyboardInterrupt, FloatingPointError) as error:
            snapshot.put_back()
            if isinstance(error, FloatingPointError):
                raise
            job.stop(snapshot)
    return history


def _optimizer_for(model: nn.Module, wanted: Any, scheduler: Any,
                   options: dict) -> torch.optim.Optimizer:
    """Return the optimizer, or make the one named; a ModelError if it would change nothing."""
    learning = {parameter for parameter in model.parameters() if parameter.requires_grad}
    if not learning or not torch.is_grad_enabled():
        raise ModelError("expected parameters that learn, but all are frozen (requires_grad), or "
                         "this is inside torch.no_grad() or inference_mode()")
    if wanted is None:
        wanted, options = "sgd", {"lr": 0.01, "momentum": 0.5} | options
    kinds = {name.lower(): kind for name, kind in vars(torch.optim).items()
             if isinstance(kind, type)}
    if make := kinds.get(str(wanted).lower()):
        wanted, options = make(model.parameters(), **options), {}
    if not isinstance(wanted, torch.optim.Optimizer) or options:
        raise ModelError("optimizer: expected one of torch.optim, or its name with lr and others, "
                         f"got {' and '.join([type(wanted).__name__, *options])}")
    changed = {parameter for group in wanted.param_groups for parameter in group["params"]}
    if not changed & learning or getattr(scheduler, "optimizer", wanted) is not wanted:
        raise ModelError("the optimizer changes no parameter of this model, or the scheduler is of "
                         "another optimizer: make them anew, after the model")
    return wanted


def _report(job: Job, number: int, stage: str, loss: float, accuracy: float) -> None:
    """Tell how an epoch went, if its loss is a number."""
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss became {loss} in epoch {number}: the learning rate is "
                                 "too high, or there are NaN or infinite values in the data")
    job.say(f"  {stage:11} loss {loss:.3f}, accuracy {accuracy:.2%}")


def tried(model: nn.Module, loader: Iterable, loss_function: Callable | None = None) -> Iterator:
    """Go through a loader once, after a look at its first batch and what the model makes of it.

    Batches other than of images (N, ...) and labels int64 (N,), none, or labels that are no class
    of the model's raise a DatasetError. Answers that are no logits, but probabilities, say, raise a
    ModelError: cross-entropy takes logits.
    """
    batches = map(_checked, loader)
    first = next(batches, None)
    if first is None or not len(first[1]):
        raise DatasetError("expected at least one image in each loader, got none: it is empty, or "
                           "a generator, which serves one epoch only")
    images, labels = first
    images = images[:2].to(_parameter_of(model).device)
    with torch.no_grad():
        outputs = _answers_of(model.eval(), images)
    if labels.min() < 0 or labels.max() >= outputs.shape[1]:
        raise DatasetError(f"expected labels from 0 to {outputs.shape[1] - 1}, as many as the "
                           f"model has outputs, got {labels.min()} to {labels.max()}")
    plain = getattr(loss_function, "func", loss_function)  # of a partial
    takes_logits = plain is F.cross_entropy or isinstance(plain, nn.CrossEntropyLoss)
    if takes_logits and _are_probabilities(outputs):
        raise ModelError("the model ends in a softmax, but cross-entropy takes logits and has one "
                         "of its own: remove the Softmax")
    return chain([first], batches)


def _checked(batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    match batch:
        case (torch.Tensor() as images, torch.Tensor(dtype=torch.int64, ndim=1) as labels):
            if images.shape[:1] == labels.shape:
                return images, labels
    raise DatasetError("expected batches of images (N, ...) and labels int64 (N,), as a DataLoader "
                       f"serves them, got {_described(batch)}")


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__} of {' and '.join(map(_described, value[:3])) or 'nothing'}"
    return type(value).__name__


def _parameter_of(model: nn.Module) -> torch.Tensor:
    """Return a parameter of any shape, for its device and type; a ModelError if of no network."""
    if not isinstance(model, nn.Module):
        raise ModelError(f"expected a network, a torch.nn.Module, got {type(model).__name__}")
    return next(model.parameters(), torch.empty(0))


def _answers_of(model: nn.Module, images: torch.Tensor, classes: int | None = None) -> torch.Tensor:
    """Return what the model makes of images: float (N, classes), otherwise a ModelError."""
    try:
        outputs = model(images)
    except Exception as error:  # whatever PyTorch, or the model, says of images that do not fit
        raise ModelError(f"the model fails on images {_described(images)}: "
                         f"{' '.join(str(error).split()):.200}") from error
    if not (isinstance(outputs, torch.Tensor) and outputs.is_floating_point()
            and outputs.ndim == 2 and len(outputs) == len(images) and outputs.shape[1] > 1
            and classes in (None, outputs.shape[1])):
        raise ModelError(f"expected logits, float ({len(images)}, {classes or 'classes'}), of "
                         f"{len(images)} images; the model answers with {_described(outputs)}")
    return outputs


def _are_probabilities(outputs: torch.Tensor) -> bool:
    """Whether outputs (N, classes) are probabilities already, no logits."""
    return bool((outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() < ROUNDING).all())
