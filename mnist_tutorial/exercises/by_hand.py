"""Checks of the exercises in chapter 2b."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from .check import Checks, near

SCORES = torch.tensor([[3.0, 1, 0, 2], [0, 1, 4, 5], [1, 5, 3, 2], [2, 0, 1, 3]])
LABELS = torch.tensor([0, 3, 1, 2])  # three of four have the largest score
FAR = torch.tensor([[1000.0, 0, 0], [-1000, -1000, -1000]])
SHAPES = ((4, 4, 4, 4), (7, 5, 3, 2))  # images, inputs, hidden units, classes


def _no_slip(found, *slips, tolerance=1e-4):
    """Yield for pairs (what a usual slip gives, hint)."""
    for value, hint in slips:
        yield not near(found, value, tolerance), hint


def _same_shape(found, right):
    yield found.shape == right.shape, "the shape {} was expected, you return {}", (
        tuple(right.shape)), tuple(found.shape)


def _one_number(found):
    yield found.numel() == 1, "one number was expected, you return the shape {}", tuple(found.shape)


def _text(row):
    return [round(value, 3) for value in row.tolist()]


def _accuracy(accuracy):
    share = torch.as_tensor(accuracy(SCORES.clone(), LABELS.clone()))
    yield from _one_number(share)
    yield from _no_slip(
        share.flatten(), ([3], "that is how many are right: divide by the number of images"),
        ([75], "a share from 0 to 1 was expected, this is a percentage"),
        ([0.25], "that is the share of errors: count where both are equal"),
        ([(SCORES.argmax(dim=0) == LABELS).float().mean()],
         "the largest score of each row is asked for: `argmax(dim=1)`"))
    yield near(share.flatten(), [0.75]), "3 of 4 are right here: expected 0.75, you return {}", (
        float(share))


def _softmax(softmax):
    right, given = SCORES.softmax(dim=1), SCORES.clone()
    found = torch.as_tensor(softmax(given))
    yield torch.equal(given, SCORES), "your function changes the logits that it is given"
    yield from _same_shape(found, right)
    yield not near(found.sum(), 1), "all together add up to 1: each row should, by itself"
    yield not (found <= 0).all(), "these are logarithms: probabilities are asked for"
    yield from _no_slip(
        found, (SCORES.softmax(dim=0), "each column adds up to 1: each row should, because a row "
                                       "belongs to one image (`dim=1`)"),
        (SCORES.exp(), "e to the logit, so far: divide by the sum of the row"),
        ((-SCORES).softmax(dim=1), "the largest logit gets the smallest probability: no minus"))
    yield near(found, right), "for the logits {} you return {}", _text(SCORES[0]), _text(found[0])
    yield near(softmax(FAR.clone()), FAR.softmax(dim=1)), (
        "logits like 1,000 or -1,000 are too much for it: first subtract each row's own largest")


def _cross_entropy(cross_entropy):
    right, logs = F.cross_entropy(SCORES, LABELS), SCORES.log_softmax(dim=1)
    own = logs[range(4), LABELS]
    found = torch.as_tensor(cross_entropy(SCORES.clone(), LABELS.clone()))
    yield from _one_number(found)
    found = found.reshape(())
    yield from _no_slip(found, (own.exp().mean(), "the mean probability: its logarithm is missing"))
    yield found >= 0, "a loss below 0: logarithms of probabilities are negative, so put a minus"
    yield from _no_slip(
        found, (4 * right, "that is the sum: take the mean over the images"),
        (right / torch.tensor(2.0).log(), "that is in bits: the natural logarithm is asked for"),
        (-logs.amax(dim=1).mean(),
         "that is the largest probability of each row: the right class's is asked for"),
        (-own.exp().mean().log(), "the logarithm of the mean: take the mean of the logarithms"),
        (F.cross_entropy(logs.exp(), LABELS), "softmax is there twice: once is enough"))
    yield near(found, right), "a small example should give {:.4f}, you return {:.4f}", right, found
    far = float(cross_entropy(FAR[:1].clone(), torch.tensor([1])))
    yield near(far, 1000), (
        "for the logits 1000, 0, 0 and the label 1 the loss is 1000, you return {}: the logarithm "
        "of a probability is the logit minus the log-sum-exp of its row"), far


def _numerical_gradient(numerical_gradient):
    x = torch.tensor([[1.0, -2, 3], [0.5, 2, -1]], dtype=torch.float64)
    right, given = 3 * x**2 + 1, x.clone()
    found = torch.as_tensor(numerical_gradient(lambda x: (x**3 + x).sum(), given))
    yield near(given, x, 1e-9), "x is not what it was: put each value back after its nudges"
    yield from _same_shape(found, x)
    yield from _no_slip(
        found, (right.sum().expand(2, 3), "you nudge all values at once: nudge one at a time"),
        (2 * right, "twice too large: the two points are 2 * h apart, so divide by that"),
        (right / 2, "half of what it should be: how far apart are your two points"),
        (-right, "the sign is wrong: f ahead minus f behind"), tolerance=1e-2)
    yield not 0 < abs((found / right).mean()) < 0.1, (
        "far too small: divide the difference by the distance of the two points")
    yield near(found, right, 1e-2), "the slopes of x³ + x at {} are {}, you return {}", (
        _text(x[0])), _text(right[0]), _text(found[0])
    yield near(found, right, 3e-6), "not exact enough: nudge to both sides, by h = 0.0001 or so"


def _logit_gradient(gradient):
    logits, labels = SCORES[:3], torch.tensor([0, 3, 0])
    chance, hot = logits.softmax(dim=1), F.one_hot(labels, 4)
    right = (chance - hot) / 3
    found = torch.as_tensor(gradient(logits.clone(), labels.clone()))
    yield from _same_shape(found, right)
    divide, subtract = "divide by the number of images, since the loss is a mean over them", (
        "subtract 1 at the right class of each image")
    yield from _no_slip(
        found, (3 * right, divide), (-3 * right, divide), (3 * right / 4, divide),
        (-right, "the sign is wrong: a larger logit of the right class makes the loss smaller"),
        (chance, subtract), (chance / 3, subtract), (chance + hot, subtract),
        ((chance + hot) / 3, subtract),
        ((logits - hot) / 3, "subtract from the probabilities, not from the logits"))
    yield near(found, right), "the first row should be {}, you return {}", (
        _text(right[0])), _text(found[0])


def _count(count):
    weights = 784 * 64 + 64 * 10
    yield from _no_slip(
        count, (weights, "these are the weights: each output has a bias, too"),
        (weights + 2, "a layer has as many biases as outputs, not one"),
        (784 * 10 + 10, "that is one layer from 784 to 10: now there are two, by way of 64"),
        (784 * 64 * 10, "multiply within a layer, add from layer to layer"), tolerance=0)
    yield count == weights + 64 + 10, "a layer from n to m has n * m weights and m biases"


def _backward(backward):
    for shape in SHAPES:
        yield from _backward_of(backward, *shape)


def _backward_of(backward, images, inputs, units, classes):
    draw = torch.Generator().manual_seed(1)
    x, hidden, error, w2 = (torch.randn(*size, generator=draw) for size in (
        (images, inputs), (images, units), (images, classes), (units, classes)))
    hidden = hidden.clamp(min=0)
    passed = error @ w2.T
    back = passed * (hidden > 0)
    right = x.T @ back, back.sum(dim=0), hidden.T @ error, error.sum(dim=0)
    found = backward(x.clone(), hidden.clone(), error.clone(), w2.clone())
    yield isinstance(found, (tuple, list)) and len(found) == 4, (
        "four gradients were expected: those of w1, b1, w2 and b2")
    slope = "the slope of ReLU is 1 or 0: multiply by `hidden > 0`, not by `hidden`"
    yield from _no_slip(
        found[0], (x.T @ passed, "ReLU is missing: where `hidden` is 0, nothing passes back"),
        (x.T @ (passed * hidden), slope), (x.T @ hidden, slope))
    if units == classes:  # otherwise the shapes do not fit
        yield from _no_slip(
            found[0], (x.T @ (error @ w2 * (hidden > 0)), "on the way back, w2 is transposed"),
            (x.T @ error, "to the first layer the error comes through w2 and ReLU"))
    for part, wanted, name in zip(map(torch.as_tensor, found), right, ("w1", "b1", "w2", "b2")):
        yield part.shape != (images, *wanted.shape), (
            "a bias acts on all images: for {} add up over them, `sum(dim=0)`"), name
        yield not near(part, wanted / images), (
            "for {} add up, no mean: the error has been divided already"), name
        yield wanted.ndim == 1 or not near(part, wanted.T), (
            "the gradient of {} is transposed: its rows are the layer's inputs"), name
        yield from _same_shape(part, wanted)
        yield near(part, wanted), "the gradient of {} is not right yet", name


def _momentum_step(step):
    weights, gradient, velocity = torch.tensor([[1.0, 2], [4, -3], [1, -2]])
    right = 0.5 * velocity + gradient
    found = step(weights.clone(), gradient.clone(), velocity.clone(), 0.1, 0.5)
    yield isinstance(found, (tuple, list)) and len(found) == 2, (
        "two things were expected: the new weights and the new velocity")
    moved, fast = map(torch.as_tensor, found)
    yield from _no_slip(
        fast, (weights - 0.1 * right, "return the weights first, then the velocity"),
        (velocity + 0.5 * gradient, "momentum belongs to the old velocity, not the gradient"),
        (0.5 * velocity + 0.5 * gradient, "the gradient is added in full"),
        (0.5 * velocity - gradient, "add the gradient: the minus comes when the weights move"))
    yield near(fast, right), "the velocity should be {}, yours is {}", _text(right), _text(fast)
    yield from _no_slip(
        moved, (weights + 0.1 * right, "that goes uphill: subtract"),
        (weights - right, "the learning rate is missing"),
        (weights - 0.1 * gradient, "move by the new velocity, not by the gradient"),
        (weights - 0.1 * velocity, "move by the new velocity, not by the old one"))
    yield near(moved, weights - 0.1 * right), "the weights should be {}, yours are {}", (
        _text(weights - 0.1 * right)), _text(moved)


CHECKS: Checks = {"2b.1": _accuracy, "2b.2": _softmax, "2b.3": _cross_entropy,
                  "2b.4": _numerical_gradient, "2b.5": _logit_gradient, "2b.6": _count,
                  "2b.7": _backward, "2b.8": _momentum_step}
