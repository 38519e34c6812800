"""Checks of the exercises in chapter 3."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from ..device import pick_device
from .check import expect, near, randn, shaped, share_slips, tensor, unlike


def _3_1_convolve(convolve):
    image, kernel, bias = randn(9, 7), randn(3, 2), 0.5
    sums, flipped = (F.conv2d(image[None, None], each[None, None])[0, 0]
                     for each in (kernel, kernel.flip(0, 1)))
    found = tensor(convolve(image, kernel, bias))
    yield found.shape != image.shape, "as large as the image: your kernel hangs over the edge"
    yield found.shape != (6, 5), "the last row and column of positions are missing: count them"
    yield from shaped(found, (7, 6))
    yield from expect(found, sums + bias, {
        "your kernel is flipped, as in mathematics: networks multiply it as it is": flipped + bias,
        "the bias is missing: add it to each sum": sums,
        "the bias is added to every product: add it once for each position": sums + 6 * bias,
        "these are means: add the products up": sums / 6 + bias},
        "at each position, add up window times kernel")


def _3_2_output_size(output_size):
    yield output_size(28, 5) != 23, "28 pixels have room for one position more: count for 5 pixels"
    yield output_size(28, 5, 2, 1) != 26, "padding is added on both sides"
    yield output_size(28, 4, 0, 2) != 25, "the stride is not used: the kernel moves so many pixels"
    yield output_size(28, 4, 0, 2) != 12, "the 1 is added before the division: it comes after"
    size = output_size(28, 5, 0, 2)
    yield size not in (12.5, 13), "{} is too many: a position must fit whole", size
    for case in ((28, 5, 0, 1), (28, 5, 2, 1), (12, 5, 0, 1), (28, 5, 0, 2), (32, 3, 1, 2)):
        pixels, kernel, padding, stride = case
        right = F.avg_pool1d(torch.zeros(1, pixels), kernel, stride, padding).shape[-1]
        found = output_size(*case)
        yield found == right, "output_size{} gives {}, but PyTorch's layer {}", case, found, right
    yield isinstance(found, int), "a size is a whole number: divide with //"


def _3_3_max_pool(max_pool):
    values, odd = randn(6, 8) - 1, randn(5, 7)
    found, right = tensor(max_pool(values)), F.max_pool2d(values[None], 2)[0]
    yield found.shape not in ((5, 7), (6, 8)), "your blocks overlap: begin two values further"
    yield from shaped(found, (3, 4))
    yield from expect(found, right, {
        "these are means: keep the largest": F.avg_pool2d(values[None], 2)[0],
        "where all four are below zero you return 0: begin with one of the four": right.relu()},
        "the sizes are right, the values are not the largest of each 2x2")
    yield near(max_pool(odd), F.max_pool2d(odd[None], 2)[0]), "5x7 values make 2x3: drop the rest"


def _3_4_train_step(train_step):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3, bias=False))
    model[1].weight.data = randn(3, 4)
    model.to(device := pick_device())
    images, labels = randn(12, 1, 2, 2).to(device), torch.arange(12, device=device) % 3
    weight, start = model[1].weight, copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    loss = train_step(model, images, labels, optimizer)
    yield not isinstance(loss, torch.Tensor), "return loss.item(): yours is a tensor"
    yield model.training, "the model is in evaluation mode now, which is not for training"
    moved, gradient = not torch.equal(weight, start[1].weight), weight.grad
    yield moved or gradient is not None and gradient.any(), (
        "there is no gradient to step along: backward() comes after zero_grad()")
    yield moved, "there are gradients, but no weight has changed: step() comes after backward()"
    right, first = _loss_and_gradient(start, images, labels)
    yield from expect(loss, right, {
        "softmax is taken twice: once is enough": F.cross_entropy(start(images).softmax(1), labels),
        "this is the loss after the step: return the one that backward() was called on":
            F.cross_entropy(model(images), labels)})
    yield near(weight, start[1].weight - 0.5 * first), "moved otherwise than by one gradient step"
    before = copy.deepcopy(model)
    _, second = _loss_and_gradient(before, images, labels)
    train_step(model, images, labels, optimizer)
    yield not near(weight, before[1].weight - 0.5 * (first + second)), (
        "the second call steps along the first one's gradient too: zero_grad() is missing")
    yield near(weight, before[1].weight - 0.5 * second), "only the first call takes a right step"


def _loss_and_gradient(model, images, labels):
    loss = F.cross_entropy(model(images), labels)
    return loss.item(), torch.autograd.grad(loss, model[1].weight)[0]


def _model_and_loader(*batches):
    """Make a model that answers as images say, batches of images and labels, and its modes."""
    model, modes = nn.Sequential(nn.Flatten(), nn.Linear(10, 10, bias=False)), []
    nn.init.eye_(model[1].weight)
    model.register_forward_hook(lambda model, *_: modes.append(model.training))
    loader = [(F.one_hot(torch.tensor(answers), 10).float()[:, None, None], torch.tensor(labels))
              for labels, answers in batches]
    return model.to(pick_device()), loader, modes


def _3_5_accuracy(accuracy):
    labels = [1, 2, 3, 4, 5, 6, 7, 8]
    model, loader, modes = _model_and_loader(
        (labels, [1, 2, 3, 4, 5, 6, 7, 0]), (labels, [1, 2, 3, 4, 0, 0, 0, 0]), ([1, 2], [1, 0]))
    found = float(accuracy(model, loader))
    yield not any(modes), "the model was asked in training mode: call eval() first"
    yield from expect(found, 2 / 3, {
        "this is a mean of the batches' means: the short last one counts less": 5 / 8,
        "the last batch, which is short, is left out": 11 / 16,
        "you divide as if all batches were full: count the labels": 12 / 24,
        "this is how many are right for each batch: divide by the number of images": 4,
        **share_slips(2 / 3, 18)})


def table_slips(right):
    """Return what usual slips give where answers are to be counted in a table (10, 10)."""
    return {"your rows are the answers: let them be the labels": right.T,
            "only the errors are counted: right answers belong on the diagonal":
                right - right.diag().diag(),
            "a pair that occurs several times is counted once": right.clip(0, 1)}


def _3_6_confusion(confusion):
    model, loader, modes = _model_and_loader(([1, 2, 3, 4, 4], [1, 2, 3, 9, 9]), ([4, 9], [4, 7]))
    found = yield from shaped(confusion(model, loader), (10, 10))
    yield not any(modes), "the model was asked in training mode: call eval() first"
    right = torch.zeros(10, 10)
    right[[1, 2, 3, 4, 4, 9], [1, 2, 3, 9, 4, 7]] = torch.tensor([1.0, 1, 1, 2, 1, 1])
    yield from unlike(found, table_slips(right))
    yield found.sum() == 7, "7 images were shown, your counts add up to {:g}", found.sum()
    yield near(found, right), "the number of counts is right, their places are not"


def _3_7_best_rate(rate):
    yield rate in (0.001, 0.01, 0.1, 1), "answer with one of the four rates, such as 0.001"
    yield rate != 1, "with steps this long the loss is huge, or no number at all: look again"
    yield rate != 0.01, "this one learns, but another one gets further in 300 batches"
    yield rate == 0.1, "with steps this short it has hardly begun: compare the validation losses"


def _3_8_overfit(history):
    epochs = history if isinstance(history, (list, tuple)) else [history]
    yield all(hasattr(epoch, "train_accuracy") for epoch in epochs), "see `curves.history`"
    yield len(history) >= 10, "{} epochs are too few: train for twenty or more", len(history)
    known = history[-1].train_accuracy
    gap = known - history[-1].validation_accuracy
    yield known > 0.9, "it does not yet know its own images, {:.1%}: train for longer", known
    yield gap > 0.02, "the curves are only {:.1%} apart: train longer, on 1,000 images alone", gap
