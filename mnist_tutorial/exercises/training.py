"""Checks of the exercises in chapter 3."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from ..device import pick_device
from .check import Checks


def _like(found, expected) -> bool:
    return found.shape == expected.shape and torch.allclose(found, expected, atol=1e-4)


def _tensor(found) -> torch.Tensor:
    return torch.as_tensor(found).detach().cpu().float()


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def _convolve(convolve):
    image, kernel, bias = _random(9, 7), _random(3, 2), 0.5
    sums = F.conv2d(image[None, None], kernel[None, None])[0, 0]
    found = _tensor(convolve(image, kernel, bias))
    yield found.shape != image.shape, (
        "your map is as large as the image: the kernel must not hang over the edge")
    yield found.shape != (6, 5), "the last row and column of positions are missing: count them"
    yield (found.shape == sums.shape,
           "for 9x7 pixels and a 3x2 kernel a map of 7x6 is expected, you return {}",
           tuple(found.shape))
    flipped = F.conv2d(image[None, None], kernel.flip(0, 1)[None, None])[0, 0]
    yield not _like(found, flipped + bias), (
        "your kernel is flipped, as in mathematics: networks multiply it as it is")
    yield not _like(found, sums), "the bias is missing: add it to each sum"
    yield not _like(found, sums + kernel.numel() * bias), (
        "the bias is added to every product: once for each position is enough")
    yield not _like(found, sums / kernel.numel() + bias), "these are means: add the products up"
    yield _like(found, sums + bias), (
        "the sizes are right, the values are not: at each position, window times kernel, added up")


def _output_size(output_size):
    yield output_size(28, 5) != 23, "28 pixels have room for one position more: count for 5 pixels"
    yield output_size(28, 5, 2, 1) != 26, "padding is added on both sides"
    yield output_size(28, 4, 0, 2) != 25, "the stride is not used: the kernel moves so many pixels"
    yield output_size(28, 4, 0, 2) != 12, "the 1 is added before the division: it comes after"
    size = output_size(28, 5, 0, 2)
    yield (size not in (12.5, 13),
           "with stride 2 you have {} positions: one that does not fit whole is left out", size)
    for case in ((28, 5, 0, 1), (28, 5, 2, 1), (12, 5, 0, 1), (28, 5, 0, 2), (32, 3, 1, 2)):
        expected = nn.Conv2d(1, 1, case[1], case[3], case[2])(torch.zeros(1, case[0], case[0]))
        found = output_size(*case)
        yield (found == expected.shape[-1], "output_size{} gives {}, but PyTorch's layer {}",
               case, found, expected.shape[-1])
    yield isinstance(found, int), "a size is a whole number: divide with //"


def _max_pool(max_pool):
    values = _random(6, 8) - 1
    found, expected = _tensor(max_pool(values)), F.max_pool2d(values[None], 2)[0]
    yield found.shape not in ((5, 7), (6, 8)), (
        "your blocks overlap: the next one begins two values further")
    yield found.shape == (3, 4), "6x8 values become 3x4, but you return {}", tuple(found.shape)
    yield not _like(found, F.avg_pool2d(values[None], 2)[0]), "these are means: keep the largest"
    yield not _like(found, expected.clamp(min=0)), (
        "where all four are below zero you return 0: begin with one of the four")
    yield _like(found, expected), "the sizes are right, the values are not the largest of each 2x2"
    odd = _random(5, 7)
    yield _like(_tensor(max_pool(odd)), F.max_pool2d(odd[None], 2)[0]), (
        "of 5x7 values, leave out the last row and column: 2x3 remain")


def _train_step(train_step):
    torch.manual_seed(0)
    images, labels = _random(12, 1, 2, 2), torch.arange(12) % 3
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).to(device := pick_device())
    images, labels, start = images.to(device), labels.to(device), copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    loss = train_step(model, images, labels, optimizer)
    yield not isinstance(loss, torch.Tensor), (
        "you return a tensor, and with it all that backward() needs: return loss.item()")
    yield model.training, "the model is in evaluation mode now, which is not for training"
    weight, gradient = model[1].weight, model[1].weight.grad
    if torch.equal(weight, start[1].weight):
        yield gradient is not None and gradient.any(), (
            "there is no gradient to step along: backward() comes after zero_grad()")
        yield False, "there are gradients, but no weight has changed: step() comes after backward()"
    logits = start(images)
    expected = F.cross_entropy(logits, labels)
    yield not math.isclose(loss, F.cross_entropy(logits.softmax(1), labels).item(), rel_tol=1e-4), (
        "softmax is taken twice: cross_entropy expects the logits")
    yield not math.isclose(loss, F.cross_entropy(model(images), labels).item(), rel_tol=1e-4), (
        "this is the loss after the step: return the one that backward() was called on")
    yield (math.isclose(loss, expected.item(), rel_tol=1e-4),
           "the loss should be {:.3f}, the mean cross-entropy of the batch, you return {:.3f}",
           expected.item(), loss)
    first = torch.autograd.grad(expected, start[1].weight)[0]
    yield _like(weight, start[1].weight - 0.5 * first), (
        "the weights have changed otherwise than by one step along the gradient")
    before = copy.deepcopy(model)
    second = torch.autograd.grad(F.cross_entropy(before(images), labels), before[1].weight)[0]
    train_step(model, images, labels, optimizer)
    yield not _like(weight, before[1].weight - 0.5 * (first + second)), (
        "the second call steps along the first one's gradient too: zero_grad() is missing")
    yield _like(weight, before[1].weight - 0.5 * second), (
        "the first call is right, the second is not: each takes one step along its own gradient")


class _Sayer(nn.Module):
    """A network that answers what is written in the image, if asked in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.scale, self.trained = nn.Parameter(torch.ones(1)), False

    def forward(self, images):
        self.trained |= self.training
        return self.scale * images.flatten(1)


def _sayer_and_loader(*batches):
    """Return a network, and a loader of batches, each of labels and the answers it will give."""
    return _Sayer().to(pick_device()), [
        (F.one_hot(torch.tensor(answers), 10).float()[:, None, None], torch.tensor(labels))
        for labels, answers in batches]


def _accuracy(accuracy):
    labels = [1, 2, 3, 4, 5, 6, 7, 8]
    model, loader = _sayer_and_loader((labels, [1, 2, 3, 4, 5, 6, 7, 0]),
                                      (labels, [1, 2, 3, 4, 0, 0, 0, 0]), ([1, 2], [1, 0]))
    found = float(accuracy(model, loader))
    yield not model.trained, "the model was asked in training mode: call eval() first"
    for value, hint in (
            (5 / 8, "this is a mean of the batches' means: the short last one counts less"),
            (11 / 16, "the last batch, which is short, is left out"),
            (12 / 24, "you divide as if all batches were full: count the labels"),
            (12, "this is how many are right: divide by how many there are"),
            (4, "this is how many are right for each batch: divide by how many images there are"),
            (1 / 3, "this is the share of errors"),
            (200 / 3, "this is in percent: a share from 0 to 1 is expected")):
        yield not math.isclose(found, value, rel_tol=1e-4), hint
    yield (math.isclose(found, 2 / 3, rel_tol=1e-4),
           "of 18 images 12 are right, but you return {:.3f}", found)


def _confusion(confusion):
    model, loader = _sayer_and_loader(([1, 2, 3, 4, 4], [1, 2, 3, 9, 9]), ([4, 9], [4, 7]))
    found = _tensor(confusion(model, loader))
    yield found.shape == (10, 10), "a table of 10x10 is expected, you return {}", tuple(found.shape)
    yield not model.trained, "the model was asked in training mode: call eval() first"
    expected = torch.zeros(10, 10)
    for row, column, count in ((1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 9, 2), (4, 4, 1), (9, 7, 1)):
        expected[row, column] = count
    yield not _like(found, expected.T), "your rows are the answers: let them be the labels"
    yield not _like(found, expected - expected.diag().diag()), (
        "only the errors are counted: the right answers belong on the diagonal")
    yield not _like(found, expected.clamp(max=1)), (
        "a pair that occurs twice is counted once: matrix[labels, answers] += 1 does so")
    yield found.sum() == 7, "7 images were shown, your counts add up to {:g}", found.sum()
    yield _like(found, expected), "the number of counts is right, their places are not"


def _best_rate(rate):
    yield rate in (0.001, 0.01, 0.1, 1), "answer with one of the four rates, such as 0.001"
    yield rate != 1, "with steps this long the loss is huge, or no number at all: look again"
    yield rate != 0.01, "this one learns, but another one gets further in 300 batches"
    yield rate == 0.1, "with steps this short it has hardly begun: compare the validation losses"


def _overfit(history):
    yield isinstance(history, (list, tuple)) and all(hasattr(epoch, "train_accuracy")
                                                     for epoch in history), (
        "a history is expected, as in `curves.history`")
    yield len(history) >= 10, "{} epochs are too few: train for twenty or more", len(history)
    last = history[-1]
    yield (last.train_accuracy > 0.9,
           "it does not yet know its own images, accuracy {:.1%}: train for longer",
           last.train_accuracy)
    gap = last.train_accuracy - last.validation_accuracy
    yield (gap > 0.02,
           "the curves are only {:.1%} apart: use the 1,000 images alone, and train for longer",
           gap)


CHECKS: Checks = {"3.1": _convolve, "3.2": _output_size, "3.3": _max_pool, "3.4": _train_step,
                  "3.5": _accuracy, "3.6": _confusion, "3.7": _best_rate, "3.8": _overfit}
