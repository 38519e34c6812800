"""Checks of the exercises in chapter 2b."""

import torch
from torch.nn import functional as F

from .check import expect, near, randn, several, shaped, share_slips, single, tensor, unlike

SCORES = torch.tensor([[3.0, 1, 0, 2], [0, 1, 4, 5], [1, 5, 3, 2], [2, 0, 1, 3]])
LABELS = torch.tensor([0, 3, 1, 2])  # three of four have the largest score
FAR = torch.tensor([[1000.0, 0, 0], [-1000, -1000, -1000]])


def _2b_1_accuracy(accuracy):
    share = yield from single(accuracy(SCORES.clone(), LABELS.clone()))
    by_column = (SCORES.argmax(dim=0) == LABELS).float().mean()
    yield from expect(share, 0.75, {
        **share_slips(0.75, 4),
        "the largest score of each row is asked for: `argmax(dim=1)`": by_column})


def _2b_2_softmax(softmax):
    found = tensor(softmax(given := SCORES.clone()))
    yield torch.equal(given, SCORES), "your function changes the logits that it is given"
    yield not near(found.sum(), 1), "all together add up to 1: each row should, by itself"
    yield not (found <= 0).all(), "these are logarithms: probabilities are asked for"
    yield from expect(found, SCORES.softmax(dim=1), {
        "each column adds up to 1: each row should, it is one image": SCORES.softmax(dim=0),
        "e to the logit, so far: divide by the sum of the row": SCORES.exp(),
        "the largest logit gets the smallest probability: no minus": (-SCORES).softmax(dim=1)})
    yield near(softmax(FAR.clone()), FAR.softmax(dim=1)), (
        "exp overflows: subtract each row's own largest logit first")


def _2b_3_cross_entropy(cross_entropy):
    right, logs = F.cross_entropy(SCORES, LABELS), SCORES.log_softmax(dim=1)
    own = logs[range(4), LABELS]
    found = yield from single(cross_entropy(SCORES.clone(), LABELS.clone()))
    yield not near(found, own.exp().mean()), "the mean probability: its logarithm is missing"
    yield found >= 0, "a loss below 0: logarithms of probabilities are negative, so put a minus"
    yield from expect(found, right, {
        "that is the sum: take the mean over the images": 4 * right,
        "that is in bits: the natural logarithm is asked for": right / torch.tensor(2.0).log(),
        "that is each row's largest probability: take the right class's": -logs.amax(dim=1).mean(),
        "the logarithm of the mean: take the mean of the logarithms": -own.exp().mean().log(),
        "softmax is taken twice: once is enough": F.cross_entropy(logs.exp(), LABELS)})
    yield near(cross_entropy(FAR[:1].clone(), torch.tensor([1])), 1000), (
        "it fails for large logits: a logarithm is the logit minus the log-sum-exp of its row")


def _2b_4_numerical_gradient(numerical_gradient):
    x = torch.tensor([[1.0, -2, 3], [0.5, 2, -1]], dtype=torch.float64)
    right, given = 3 * x**2 + 1, x.clone()
    found = numerical_gradient(lambda x: (x**3 + x).sum(), given)
    yield near(given, x, 1e-9), "x is not what it was: put each value back after its nudges"
    found = yield from shaped(found, x.shape)
    yield not 0 < abs((found / right).mean()) < 0.1, "too small: divide by the two points' distance"
    yield from expect(found, right, {
        "you nudge all values at once: nudge one at a time": right.sum().expand(2, 3),
        "twice too large: the two points are 2 * h apart, so divide by that": 2 * right,
        "half of what it should be: how far apart are your two points": right / 2,
        "the sign is wrong: f ahead minus f behind": -right}, tolerance=1e-2)
    yield near(found, right, 3e-6), "not exact enough: nudge to both sides, by h = 0.0001 or so"


def _2b_5_logit_gradient(gradient):
    logits, labels = SCORES[:3], torch.tensor([0, 3, 0])
    chance, hot = logits.softmax(dim=1), F.one_hot(labels, 4)
    right, added = (chance - hot) / 3, chance + hot
    yield from expect(gradient(logits.clone(), labels.clone()), right, {
        "the loss is a mean: divide by the number of images": [3 * right, -3 * right, 0.75 * right],
        "the sign is wrong: a larger logit of the right class makes the loss smaller": -right,
        "subtract 1 at the right class of each image": [chance, chance / 3, added, added / 3],
        "subtract from the probabilities, not from the logits": (logits - hot) / 3})


def _2b_6_count(count):
    first, second = 784 * 64, 64 * 10
    weights = first + second
    yield from unlike(count, {
        "these are the weights: each output has a bias, too": weights,
        "a layer has as many biases as outputs, not one": weights + 2,
        "that is one layer from 784 to 10: there are two, by way of 64": 784 * 10 + 10,
        "multiply within a layer, add from layer to layer": first * 10}, tolerance=0)
    yield count == weights + 64 + 10, "a layer from n to m has n * m weights and m biases"


def _2b_7_backward(backward):
    for images, inputs, units, classes in (4, 4, 4, 4), (7, 5, 3, 2):
        x, error = randn(images, inputs), randn(images, classes, seed=1)
        hidden, w2 = randn(images, units, seed=2).relu(), randn(units, classes, seed=3)
        passed = error @ w2.T
        back = passed * (hidden > 0)
        right = x.T @ back, back.sum(dim=0), hidden.T @ error, error.sum(dim=0)
        found = yield from several(
            backward(x.clone(), hidden.clone(), error.clone(), w2.clone()), 4)
        yield from unlike(found[0], {
            "ReLU is missing: where `hidden` is 0, nothing passes back": x.T @ passed,
            "the slope of ReLU is 1 or 0: multiply by `hidden > 0`, not by `hidden`":
                [x.T @ (passed * hidden), x.T @ hidden]})
        if units == classes:  # otherwise the shapes do not fit
            yield from unlike(found[0], {
                "on the way back, w2 is transposed": x.T @ (error @ w2 * (hidden > 0)),
                "to the first layer the error comes through w2 and ReLU": x.T @ error})
        for part, wanted, name in zip(map(tensor, found), right, ("w1", "b1", "w2", "b2")):
            yield part.shape != (images, *wanted.shape), (
                "a bias acts on all images: for {} add up over them, `sum(dim=0)`"), name
            yield not near(part, wanted / images), (
                "for {} add up: the error is a mean already"), name
            yield wanted.ndim == 1 or not near(part, wanted.T), (
                "the gradient of {} is transposed: its rows are the layer's inputs"), name
            yield near(part, wanted), "the gradient of {} is not right yet", name


def _2b_8_momentum_step(step):
    weights, gradient, velocity = torch.tensor([[1.0, 2], [4, -3], [1, -2]])
    fast = 0.5 * velocity + gradient
    moved = weights - 0.1 * fast
    found = step(weights.clone(), gradient.clone(), velocity.clone(), 0.1, 0.5)
    left, new = yield from several(found, 2)
    yield from expect(new, fast, {
        "return the weights first, then the velocity": moved,
        "momentum belongs to the old velocity, not the gradient": velocity + 0.5 * gradient,
        "the gradient is added in full": 0.5 * (velocity + gradient),
        "add the gradient: the minus comes when the weights move": 0.5 * velocity - gradient})
    yield from expect(left, moved, {
        "that goes uphill: subtract": weights + 0.1 * fast,
        "the learning rate is missing": weights - fast,
        "move by the new velocity, not by the gradient": weights - 0.1 * gradient,
        "move by the new velocity, not by the old one": weights - 0.1 * velocity})
