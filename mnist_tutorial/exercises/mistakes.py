"""Checks of the exercises in chapter 8."""

import numpy as np
import torch
from torch.nn import functional as F

from ..checkpoint import load_pretrained
from ..data import load_mnist
from ..study import confusion, expected_calibration_error, fit_temperature, reliability
from ..training import probabilities
from .check import OTHERS, PERCENT, expect, near, randn, several, shaped, single, tensor, unlike
from .training import table_slips

LARGEST_CHANGE = 12  # grey levels, mean over the pixels of an image that fools


def _8_1_count(count):
    truth, answers = np.random.default_rng(0).integers(0, 9, (2, 300))  # no nine, as may happen
    right = tensor(confusion(truth, answers))
    yield from expect(count(truth, answers), right, {
        **table_slips(right),
        "9x9: there are ten digits, even if no nine is among these": right[:9, :9],
        "these are shares: numbers are asked for":
            [right / 300, right / right.sum(dim=1, keepdim=True).clamp(min=1)]})


def _8_2_precision_and_recall(measure):
    rng = np.random.default_rng(1)
    matrix = rng.integers(1, 9, (10, 10)) + np.diag(rng.integers(50, 90, 10))
    called, there, right = matrix[:, 4].sum(), matrix[4].sum(), matrix[4, 4]
    given = yield from several(measure(matrix, 4), 2)
    yield from unlike(given, {
        "recall is first: precision was to be": (right / there, right / called),
        "you divide by the wrong ones alone: by all, the right ones too":
            (right / (called - right), right / (there - right))})
    yield max(given) <= 1, PERCENT
    yield not near(given[0], np.trace(matrix) / matrix.sum()), (
        "that is the accuracy, over all digits: a single digit is asked for")
    yield near(given[0], right / called), "precision: how many were called a 4, how many rightly"
    yield near(given[1], right / there), "recall: how many fours are there, how many were found"
    yield near(measure(matrix, 9)[0], matrix[9, 9] / matrix[:, 9].sum()), OTHERS


def _8_3_temperature(fit):
    scores, generator = 4 * randn(2000, 10), torch.Generator().manual_seed(0)
    for made in (2, 0.6):
        truth = torch.multinomial((scores / made).softmax(dim=1), 1, generator=generator)[:, 0]
        best, given = fit_temperature(scores, truth), float(fit(scores, truth))
        twice = fit_temperature(scores.softmax(dim=1), truth)
        yield from unlike(given, {
            "scores are to be divided by it: you multiply": 1 / best,
            "that is the loss: the temperature is asked for": F.cross_entropy(scores / best, truth),
            "`cross_entropy` wants scores: it does the softmax itself": twice}, tolerance=0.03)
        yield made > 1 or given < 0.9, "it can be below 1, too: try smaller ones"
        yield abs(given - best) < 0.06, "at {:.2f} the loss is {:.3f}, and elsewhere smaller", (
            given), F.cross_entropy(scores / given, truth)


def _8_4_calibration(measure):
    rng = np.random.default_rng(2)
    confidence = np.concatenate([rng.uniform(0.35, 1, 600) ** 0.3, rng.uniform(0.3, 0.9, 60)])
    right = rng.random(660) < np.where(confidence > 0.8, confidence ** 4, 0.9)

    def chances(values):  # ten for each answer, the largest of which is the confidence
        return np.concatenate([values[:, None], np.repeat((1 - values[:, None]) / 9, 9, 1)], 1)

    count, mean, accuracy = reliability(chances(confidence), ~right)
    gaps, cancelled = np.abs(mean - accuracy), np.nansum(count * (mean - accuracy)) / 660
    best = expected_calibration_error(chances(confidence), ~right)
    given = yield from single(measure(confidence, right))
    yield not np.isnan(given), "an empty bin has no mean: leave it out"
    yield from expect(given, best, {
        "each bin counts alike: weigh it by its answers": np.nanmean(gaps),
        "gaps with different signs cancel out: take absolute values": [cancelled, -cancelled],
        "that is the mean over single answers: average in each bin first":
            np.abs(confidence - right).mean(),
        PERCENT: 100 * best,
        "that is the largest gap: the mean one is asked for": np.nanmax(gaps)})
    confidence[:200] = 1
    best = expected_calibration_error(chances(confidence), ~right)
    yield near(measure(confidence, right), best), "a confidence of 1 is in the last bin, too"


def _8_5_sure(sure):
    rng = np.random.default_rng(3)
    chances = rng.dirichlet(np.full(10, 0.1), 400)
    answers = chances.argmax(axis=1)
    truth = np.where(rng.random(400) < 0.8, answers, rng.integers(0, 10, 400))
    wrong, over = answers != truth, chances.max(axis=1) >= 0.9
    count, errors = over.sum(), (wrong & over).sum()
    left, mistaken = yield from several(sure(chances, truth, 0.9), 2)
    yield from expect(left, count, {
        "these are the unsure ones: those left are asked for": 400 - count,
        "confidence is the largest of the ten, whatever the label is":
            (chances[np.arange(400), truth] >= 0.9).sum()})
    yield not 0 < mistaken < 1, "these are shares: numbers are asked for"
    yield from expect(mistaken, errors, {
        "these are all errors: only those among the sure answers count": wrong.sum(),
        "these errors are among the unsure answers": wrong.sum() - errors,
        "these are the right ones: errors are asked for": count - errors})


def _8_6_neighbours(neighbours):
    known, point = randn(200, 50).numpy(), randn(50, seed=4).numpy()
    distances = np.linalg.norm(known - point, axis=1)
    order, given = distances.argsort(), np.asarray(neighbours(point, known))
    yield from shaped(given, (5,))
    yield not near(given, distances[order[:5]]), "these are distances: the rows are asked for"
    yield set(given) != set(order[-5:]), "these are farthest away: the nearest are asked for"
    yield not near(given, (known - point).sum(axis=1).argsort()[:5]), (
        "differences of both signs cancel out: square them first")
    yield set(given) == set(order[:5]), "row {} is nearest, your first is {}", order[0], given[0]
    yield near(given, order[:5]), "the right ones, in another order: the nearest is to be first"


def _8_7_thicken(thicken):
    pictures = torch.zeros(3, 28, 28, dtype=torch.uint8)
    pictures[0, 14, 14], pictures[2, 8:20, 10] = 255, 200
    given = [tensor(np.asarray(thicken(pictures, strength))) for strength in range(3)]
    yield from shaped(given[1], (3, 28, 28))
    yield all(each.dtype == torch.uint8 for each in given), "return uint8, like MNIST's images"
    yield not given[1][1].any(), "ink runs from one image into the next: take one at a time"
    yield given[1][0].any(), "the pen got thinner: `dilate` lets light pixels grow"
    yield (given[0] == pictures).all(), "strength 0 is to change nothing"
    for strength in (1, 2):
        ink = given[strength][0].nonzero() - 14
        yield -ink.min() == ink.max() == strength, (
            "strength {} adds as many on each side, not {} to {}"), strength, ink.min(), ink.max()


def _8_8_fool(fool):
    net, test = load_pretrained(), load_mnist(False)
    for picture, label in zip(test.data[:2], test.targets):
        target = 3 if label != 3 else 5
        given = tensor(np.asarray(fool(picture.clone(), target)))
        yield from shaped(given, (28, 28))
        yield given.max() > 1, "pixels go from 0 to 255: these are 1 at most"
        yield 0 <= given.min() and given.max() <= 255, "pixels beyond 0 to 255: clamp them"
        read = probabilities(net, given.float().round().byte())[0].argmax()
        yield read != label, "it is still read as a {}: more steps, or the other direction", label
        yield read == target, "it is read as a {}, not as the target", read
        change = (given.float() - picture.float()).abs().mean()
        yield change <= LARGEST_CHANGE, (
            "changed by {:.0f} on average: by {} at most, in small steps"), change, LARGEST_CHANGE
