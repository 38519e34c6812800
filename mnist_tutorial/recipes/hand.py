"""Learn one writer's hand from a few dozen digits, without forgetting everybody else's."""

import copy
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F
from torch.optim.lr_scheduler import LinearLR
from torch.utils.data import DataLoader, TensorDataset

from ..data import mnist_loaders
from ..errors import DatasetError
from ..preprocess import normalise
from ..study.mistakes import confusion
from ..training import evaluate, probabilities
from .augment import random_warp

OWN, OTHERS = 16, 112     # images in a batch: the writer's, and MNIST's against forgetting
LR, MOMENTUM = 0.01, 0.9  # the first sinks to 0; chosen, as OTHERS, with made-up writers


class LearnedHand(NamedTuple):
    """A network that learned a hand, and what it gained and lost: accuracies, 0 to 1."""

    model: torch.nn.Module    # a copy that learned from all of the digits
    own_before: float         # of the network as it was, on the writer's digits
    own_after: float          # by cross-validation: each digit read by a copy that never saw it
    mnist_before: float       # on MNIST's test images
    mnist_after: float
    confusion: np.ndarray     # int (10, 10), own digits after: rows what was meant, columns read

    def __repr__(self) -> str:
        return (f"<LearnedHand: own digits {self.own_before:.1%} -> {self.own_after:.1%}, "
                f"MNIST {self.mnist_before:.2%} -> {self.mnist_after:.2%}>")


def learn_hand(model: torch.nn.Module, digits: DataLoader, *, steps: int = 200, folds: int = 5,
               others: int = OTHERS, seed: int = 0, root: str | Path | None = None,
               allow_sample: bool = True, say: Callable[[str], Any] = print) -> LearnedHand:
    """Fine-tune a copy of a network on one writer's digits, and report what that gains and costs.

    A batch has 16 of the writer's digits, each time warped otherwise, and `others` of MNIST:
    without them it would forget how everybody else writes (rehearsal: Robins, 1995, "Catastrophic
    forgetting, rehearsal and pseudorehearsal"). `digits` is a loader such as that of
    :func:`mnist_tutorial.live.load_folder`. For `root` and `allow_sample` see
    :func:`mnist_tutorial.load_mnist`. Of fewer digits than `folds`, nothing can be told: a
    DatasetError. What it is at is passed to `say`.
    """
    dataset: Any = digits.dataset
    images, labels = dataset.tensors
    if len(labels) < folds:
        raise DatasetError(f"expected at least {folds} digits to learn from and be tested on, got "
                           f"{len(labels)}; write some more")
    mnist: Any = mnist_loaders(root=root, allow_sample=allow_sample)
    generator = torch.Generator().manual_seed(seed)
    fold = torch.randperm(len(labels), generator=generator) % folds

    def learn(part: torch.Tensor) -> torch.nn.Module:
        return _fine_tune(model, images[part], labels[part], mnist.train.dataset, steps, others,
                          generator)

    read = torch.zeros_like(labels)
    for number in range(folds):
        say(f"learns from all but part {number + 1} of {folds}, to be tested on it")
        copied = learn(fold != number)
        read[fold == number] = torch.from_numpy(
            probabilities(copied, images[fold == number].numpy()).argmax(1))
    say("learns from all, and is tested on MNIST")
    learned = learn(torch.ones_like(labels, dtype=torch.bool))
    before = probabilities(model, images.numpy()).argmax(1) == labels.numpy()
    return LearnedHand(learned, float(before.mean()), float((read == labels).float().mean()),
                       evaluate(model, mnist.test)[1], evaluate(learned, mnist.test)[1],
                       confusion(labels, read))


def _fine_tune(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor,
               mnist: TensorDataset, steps: int, others: int,
               generator: torch.Generator) -> torch.nn.Module:
    """Return a copy of a network that took some steps on a writer's digits and MNIST's, mixed."""
    tuned: Any = copy.deepcopy(model).train()
    tuned.weights_name = f"{getattr(model, 'weights_name', type(model).__name__)}, fine-tuned"
    device = next(tuned.parameters()).device
    optimizer = torch.optim.SGD(tuned.parameters(), LR, MOMENTUM)
    schedule = LinearLR(optimizer, 1, 0, total_iters=steps)
    for _ in range(steps):
        own, other = (torch.randint(len(part), (count,), generator=generator)
                      for part, count in ((labels, OWN), (mnist, others)))
        batch = normalise(torch.cat([images[own], mnist.tensors[0][other]]))
        truth = torch.cat([labels[own], mnist.tensors[1][other]])
        loss = F.cross_entropy(tuned(random_warp(batch, generator).to(device)), truth.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return tuned.eval()
