"""Checks of the exercises in chapter 9."""

from __future__ import annotations

import numpy as np
import torch

from .check import Checks


def _worst_pair(worst_pair):
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 4, (10, 10)) + np.diag(rng.integers(80, 99, 10))
    matrix[4, 9], matrix[2, 3], matrix[6, 6] = 9, 7, 60  # and a six is often something else
    kept, given = matrix.copy(), worst_pair(matrix)
    yield (matrix == kept).all(), "the table itself is changed: work on a copy"
    yield np.size(given) == 2, "two digits were expected, (meant, read), not {}", given
    meant, read = map(int, given)
    yield meant != read, "{} read as {} is no error: leave the diagonal out", meant, read
    yield (meant, read) != (9, 4), "the right two, exchanged: a row is for what was meant"
    count = matrix[meant, read]
    yield (meant, read) == (4, 9), (
        "{} read as {} occurs {} times here, and another pair {} times"), meant, read, count, 9
    yield tuple(map(int, worst_pair(matrix.T))) == (9, 4), (
        "it gives something else for another table: use the parameter")


def _times_seen(times):
    yield np.ndim(times) == 0, "a single number was expected"
    yield times != 3200, "that is how many digits are drawn in all: share it among the 50"
    yield times not in (12800, 256), "you count MNIST's images too: only 16 of a batch are own ones"
    yield times not in (192, 9600), "these are MNIST's places in the batches: yours are the 16"
    yield not 3.1 <= times <= 4, "that is after how many batches each was seen once: there are 200"
    yield times != 80, "50 digits are learned from: 40 they are only when a fifth is set aside"
    yield times == 64, (
        "how many own digits are in 200 batches, and how many are there to share them")


def _folds(folds):
    given = [sorted(map(int, part)) for part in folds(53, 5)]
    everything = sum(given, [])
    yield len(given) == 5, "{} parts were asked for, you return {}", 5, len(given)
    yield len(everything) != 4 * 53, "these are to learn from: give those that are set aside"
    yield 53 not in everything, "numbers go from 0: of 53 the last is 52"
    yield len(set(everything)) == len(everything), "{} is in more than one part", next(
        (number for number in everything if everything.count(number) > 1), 0)
    yield len(everything) == 53, "of 53 digits {} are in no part: where is the rest", (
        53 - len(everything))
    sizes = list(map(len, given))
    yield max(sizes) - min(sizes) <= 1, "parts of {} to {} digits: share them evenly", (
        min(sizes)), max(sizes)
    yield any(len({number % 5 for number in part}) > 1 for part in given), (
        "every fifth: with rows of 0 to 9 a part gets all there is of two digits. Shuffle first")
    yield any(part[-1] - part[0] >= len(part) for part in given), (
        "neighbours: with a folder for each digit a part gets all there is of one. Shuffle first")
    yield len(folds(20, 4)) == 4, "it gives something else for 4 parts: use the parameter"


def _forgotten(forgotten):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 10, 500)
    before, after = (np.where(rng.random(500) < share, truth, rng.integers(0, 10, 500))
                     for share in (0.9, 0.6))
    was, now = before == truth, after == truth

    def count(which, by=truth):
        return np.bincount(by[which], minlength=10)

    right, given = count(was & ~now), np.asarray(forgotten(truth, before, after))
    yield given.size > 1, "one number for each of the ten digits was expected, not {}", given
    yield given.shape == (10,), "ten numbers were expected, you return {}", given.shape
    for wrong, hint in (
            (count(~now), "these are all errors: leave out what was wrong before, too"),
            (count(was) - count(now), "what was learned is set off: count the forgotten alone"),
            (count(now & ~was), "these are the learned: right now, wrong before"),
            (count(before != after), "answers that changed: some of them were wrong before"),
            (count(was & ~now, after), "sorted by what is read now: sort by the label")):
        yield not np.array_equal(given, wrong), hint
    yield given.max() > 1, "these are shares: numbers are asked for"
    yield np.array_equal(given, right), "of the digit {}, {} were forgotten, you count {}", *(
        (i := int((given != right).argmax())), right[i], given[i])


def _quantize(quantize):
    weights = torch.randn(6, 40, generator=torch.Generator().manual_seed(2)) * 0.1
    weights[1] *= 30
    weights[2, 7] = -1.5  # the largest of its row
    largest, most, least = weights.abs().amax(1), weights.amax(1), weights.amin(1)
    given = quantize(weights.clone(), 127)
    yield len(given) == 2, "two tensors were expected: integers, scales"
    integers, scales = (torch.as_tensor(part).double() for part in given)
    yield integers.shape == weights.shape, "integers of the weights' shape were expected, not {}", (
        tuple(integers.shape))
    yield scales.numel() > 1, "one scale for all: a row of small weights gets few levels"
    yield scales.shape == (6, 1), "scales of the shape (6, 1) were expected, not {}", (
        tuple(scales.shape))
    for wrong, hint in (
            (127 / largest, "scales upside down: integers times scales are to give the weights "
                            "back"),
            (most / 127, "the largest weight of a row may be negative: take `abs()` first"),
            ((most - least) / 254, "from least to greatest: 0 is to stay 0, so let the levels "
                                   "reach as far on both sides")):
        yield not torch.allclose(scales[:, 0], wrong.double(), rtol=1e-3), hint
    yield torch.equal(integers, integers.round()), "{} is no whole number: round", (
        f"{integers[integers != integers.round()][:1].sum():.3f}")
    yield integers.abs().max() <= 127, "{} is beyond 127, which 8 bits hold", (
        int(integers.abs().max()))
    exact = weights / scales
    for beyond in (integers.abs() - exact.abs(), integers - exact):  # of towards 0, of downwards
        yield beyond.max() > 1e-3, "cut off, not rounded: the error is twice as large"
    yield integers.abs().max() == 127, (
        "{} levels are used of 127: the largest is to get the last"), int(integers.abs().max())
    error = ((integers * scales - weights).abs() / scales).max()
    yield error <= 0.5001, "up to {} steps beside the weight: half a step is the most", (
        f"{error:.1f}")
    yield quantize(weights.clone(), 7)[0].abs().max() == 7, (
        "it gives something else for 7 levels: use the parameter")
    weights[3] = 0
    yield not any(torch.as_tensor(part).isnan().any() for part in quantize(weights, 127)), (
        "a row of zeros is divided by 0: keep its scale above that")


CHECKS: Checks = {
    "9.1": _worst_pair, "9.2": _times_seen, "9.3": _folds, "9.4": _forgotten, "9.5": _quantize}
