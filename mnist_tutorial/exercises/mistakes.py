"""Checks of the exercises in chapter 8."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from ..checkpoint import load_pretrained
from ..data import load_mnist
from ..training import probabilities
from .check import Checks, near

LARGEST_CHANGE = 12  # grey levels, mean over the pixels of an image that fools


def _count(count):
    from ..study import confusion  # which brings matplotlib along
    rng = np.random.default_rng(0)
    truth, answers = rng.integers(0, 9, 300), rng.integers(0, 9, 300)  # no nine, as may happen
    right, given = confusion(truth, answers), np.asarray(count(truth, answers))
    yield given.shape != (9, 9), "9x9: there are ten digits, even if no nine is among these"
    yield given.shape == (10, 10), "a table of 10x10 was expected, you return {}", given.shape
    yield not near(given, right.T), "rows and columns are exchanged: a row is for a label"
    yield given.max() > 1 or given.sum() != given.round().sum(), (
        "a pair that occurs several times is counted once")
    yield given.sum() > 20, "these are shares: numbers are asked for"
    yield np.diag(given).any(), "right answers are missing: count them too"
    yield near(given, right), "row {}, column {}: {} answers were expected, you count {}", *(
        (*np.argwhere(given != right)[0], right[given != right][0], given[given != right][0])
        if (given != right).any() else "    ")


def _precision_and_recall(measure):
    rng = np.random.default_rng(1)
    matrix = rng.integers(1, 9, (10, 10)) + np.diag(rng.integers(50, 90, 10))
    precision, recall = (matrix[4, 4] / matrix.sum(axis=axis)[4] for axis in (0, 1))
    given = measure(matrix, 4)
    yield len(given) == 2, "two numbers were expected: precision, recall"
    yield not near(given, (recall, precision)), "recall is first: precision was to be"
    others = [(matrix[4, 4] / (sums[4] - matrix[4, 4])) for sums in (matrix.sum(0), matrix.sum(1))]
    yield not near(given, others), "you divide by the wrong ones alone: by all, the right ones too"
    yield max(given) <= 1, "shares from 0 to 1 were expected, not {}", max(given)
    yield not near(given[0], np.trace(matrix) / matrix.sum()), (
        "that is the accuracy, over all digits: a single digit is asked for")
    yield near(given[0], precision), "precision: how many were called a 4, and how many rightly"
    yield near(given[1], recall), "recall: how many fours are there, and how many were found"
    yield near(measure(matrix, 9)[0], matrix[9, 9] / matrix[:, 9].sum()), (
        "it gives something else for another digit: use the parameter")


def _temperature(fit):
    from ..study import fit_temperature
    for made, seed in ((2, 0), (0.6, 1)):
        generator = torch.Generator().manual_seed(seed)
        scores = 3 * torch.randn(2000, 10, generator=generator)
        truth = torch.multinomial((scores / made).softmax(dim=1), 1, generator=generator)[:, 0]
        best, given = fit_temperature(scores, truth), float(fit(scores, truth))
        twice = fit_temperature(scores.softmax(dim=1), truth)
        least = F.cross_entropy(scores / best, truth).item()
        yield abs(given - 1 / best) > 0.06, "scores are to be divided by it: you multiply"
        yield abs(given - least) > 1e-3, "that is the loss: the temperature is asked for"
        yield abs(given - twice) > 0.06, "`cross_entropy` wants scores: it does the softmax itself"
        yield made > 1 or given < 0.9, "it can be below 1, too: try smaller ones"
        yield abs(given - best) < 0.06, "at {} the loss is {}, and elsewhere it is smaller", (
            f"{given:.2f}"), f"{F.cross_entropy(scores / given, truth).item():.3f}"


def _calibration(measure):
    from ..study import expected_calibration_error, reliability
    rng = np.random.default_rng(2)
    confidence = np.concatenate([rng.uniform(0.35, 1, 600) ** 0.3, rng.uniform(0.3, 0.9, 60)])
    right = rng.random(660) < np.where(confidence > 0.8, confidence ** 4, 0.9)

    def chances(values):  # ten for each answer, the largest of which is the confidence
        return np.concatenate([values[:, None], np.repeat((1 - values[:, None]) / 9, 9, 1)], 1)

    count, mean, accuracy = reliability(chances(confidence), ~right)
    gaps, given = np.abs(mean - accuracy), measure(confidence, right)
    best = expected_calibration_error(chances(confidence), ~right)
    yield np.ndim(given) == 0, "a single number was expected"
    yield not np.isnan(given), "an empty bin has no mean: leave it out"
    yield not near(given, np.nanmean(gaps)), "each bin counts alike: weigh it by its answers"
    yield not near(np.abs(given), np.abs(np.nansum(count * (mean - accuracy)) / count.sum())), (
        "gaps with different signs cancel out: take their absolute values")
    yield not near(given, np.abs(confidence - right).mean()), (
        "that is the mean over single answers: average in each bin first")
    yield not near(given, 100 * best), "a share was expected, not percent"
    yield not near(given, np.nanmax(gaps)), "that is the largest gap: the mean one is asked for"
    yield near(given, best), "{} was expected for some made-up answers, you return {}", (
        f"{best:.4f}"), f"{given:.4f}"
    confidence[:200] = 1
    best = expected_calibration_error(chances(confidence), ~right)
    yield near(measure(confidence, right), best), "a confidence of 1 is in the last bin, too"


def _sure(sure):
    rng = np.random.default_rng(3)
    chances = rng.dirichlet(np.full(10, 0.1), 400)
    answers = chances.argmax(axis=1)
    truth = np.where(rng.random(400) < 0.8, answers, rng.integers(0, 10, 400))
    wrong, over = answers != truth, chances.max(axis=1) >= 0.9
    given = sure(chances, truth, 0.9)
    yield len(given) == 2, "two numbers were expected: answers, errors"
    yield given[0] != (~over).sum(), "these are the unsure ones: those left are asked for"
    yield given[0] != (chances[np.arange(400), truth] >= 0.9).sum(), (
        "confidence is the largest of the ten, whatever the label is")
    yield given[0] == over.sum(), "{} answers reach 0.9, you count {}", over.sum(), given[0]
    yield given[1] != wrong.sum(), "these are all errors: only those among the sure answers count"
    yield given[1] != (wrong & ~over).sum(), "these errors are among the unsure answers"
    yield given[1] != (over & ~wrong).sum(), "these are the right ones: errors are asked for"
    yield not 0 < given[1] < 1, "that is a share: a number is asked for"
    yield given[1] == (wrong & over).sum(), "{} of these answers are wrong, you count {}", (
        wrong & over).sum(), given[1]


def _neighbours(neighbours):
    rng = np.random.default_rng(4)
    known, point = rng.normal(size=(200, 50)), rng.normal(size=50)
    distances = np.linalg.norm(known - point, axis=1)
    order, given = distances.argsort(), np.asarray(neighbours(point, known))
    yield given.shape == (5,), "five numbers were expected, you return {}", given.shape
    yield not near(given, distances[order[:5]]), "these are distances: the rows are asked for"
    yield set(given) != set(order[-5:]), "these are farthest away: the nearest are asked for"
    yield not near(given, (known - point).sum(axis=1).argsort()[:5]), (
        "differences of both signs cancel out: square them first")
    yield set(given) == set(order[:5]), "row {} is nearest, your first is {}", order[0], given[0]
    yield near(given, order[:5]), "the right ones, in another order: the nearest is to be first"


def _thicken(thicken):
    pictures = torch.zeros(3, 28, 28, dtype=torch.uint8)
    pictures[0, 14, 14], pictures[2, 8:20, 10] = 255, 200
    given = [torch.as_tensor(np.asarray(thicken(pictures, strength))) for strength in range(3)]
    yield given[1].shape == (3, 28, 28), "three images were expected, you return {}", tuple(
        given[1].shape)
    yield all(each.dtype == torch.uint8 for each in given), "return uint8, like MNIST's images"
    yield not given[1][1].any(), "ink runs from one image into the next: take one at a time"
    yield given[1][0].any(), "the pen got thinner: `dilate` lets light pixels grow"
    yield (given[0] == pictures).all(), "strength 0 is to change nothing"
    for strength in (1, 2):
        ink = given[strength][0].nonzero() - 14
        yield -ink.min() == ink.max() == strength, (
            "strength {} is to add that many pixels on each side: from {} to {} here"), (
            strength), ink.min().item(), ink.max().item()


def _fool(fool):
    net, test = load_pretrained(), load_mnist(False)
    for picture, label in zip(test.data[:2], test.targets):
        target = 3 if label != 3 else 5
        given = torch.as_tensor(np.asarray(fool(picture.clone(), target)))
        yield given.shape == (28, 28), "an image of 28x28 was expected, you return {}", tuple(
            given.shape)
        yield given.max() > 1, "pixels go from 0 to 255: these are 1 at most"
        yield 0 <= given.min() and given.max() <= 255, "pixels beyond 0 to 255: clamp them"
        read = probabilities(net, given.float().round().byte())[0].argmax()
        yield read != label, "it is still read as a {}: more steps, or the other direction", label
        yield read == target, "it is read as a {}, not as the target", read
        change = (given.float() - picture.float()).abs().mean().item()
        yield change <= LARGEST_CHANGE, (
            "pixels changed by {} grey levels on average, {} at most are asked for: small steps"), (
            f"{change:.0f}"), LARGEST_CHANGE


CHECKS: Checks = {
    "8.1": _count, "8.2": _precision_and_recall, "8.3": _temperature, "8.4": _calibration,
    "8.5": _sure, "8.6": _neighbours, "8.7": _thicken, "8.8": _fool}
