"""Checks of the exercises in chapter 9."""

import numpy as np
import torch

from .check import OTHERS, expect, randn, several, shaped, single, tensor, unlike


def _9_1_worst_pair(worst_pair):
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 4, (10, 10)) + np.diag(rng.integers(80, 99, 10))
    matrix[4, 9], matrix[2, 3], matrix[6, 6] = 9, 7, 60  # and a six is often something else
    kept, given = matrix.copy(), worst_pair(matrix)
    yield (matrix == kept).all(), "the table itself is changed: work on a copy"
    meant, read = map(int, (yield from several(given, 2)))
    yield meant != read, "{} read as {} is no error: leave the diagonal out", meant, read
    yield (meant, read) != (9, 4), "the right two, exchanged: a row is for what was meant"
    yield (meant, read) == (4, 9), "{} read as {} occurs {} times, and another pair 9 times", (
        meant), read, matrix[meant, read]
    yield tuple(worst_pair(matrix.T)) == (9, 4), OTHERS


def _9_2_times_seen(times):
    yield from single(times)
    yield times != 3200, "that is how many digits are drawn in all: share it among the 50"
    yield times not in (25600, 512), "you count MNIST's images too: only 16 of a batch are own ones"
    yield times not in (448, 22400), "these are MNIST's places in the batches: yours are the 16"
    yield not 3.1 <= times <= 4, "that is after how many batches each was seen once: there are 200"
    yield times != 80, "50 digits are learned from: 40 they are only when a fifth is set aside"
    yield times == 64, "how many own digits are in 200 batches, how many are there to share them"


def _9_3_folds(folds):
    given = [sorted(map(int, part)) for part in folds(53, 5)]
    everything, sizes = sum(given, []), sorted(map(len, given))
    yield from several(given, 5)
    yield len(everything) != 4 * 53, "these are to learn from: give those that are set aside"
    yield 53 not in everything, "numbers go from 0: of 53 the last is 52"
    twice = [number for number in everything if everything.count(number) > 1]
    yield not twice, "{} is in more than one part", *twice[:1]
    yield len(everything) == 53, "of 53 digits {} are in no part", 53 - len(everything)
    yield sizes[-1] - sizes[0] <= 1, "parts of {} and of {}: share them evenly", sizes[-1], sizes[0]
    yield any(len({number % 5 for number in part}) > 1 for part in given), (
        "every fifth: with rows of 0 to 9 a part gets all there is of two digits. Shuffle first")
    yield any(part[-1] - part[0] >= len(part) for part in given), (
        "neighbours: with a folder for each digit a part gets all there is of one. Shuffle first")
    yield len(folds(20, 4)) == 4, OTHERS


def _9_4_forgotten(forgotten):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 10, 500)
    before, after = (np.where(rng.random(500) < share, truth, rng.integers(0, 10, 500))
                     for share in (0.9, 0.6))
    was, now = before == truth, after == truth

    def count(which, by=truth):
        return np.bincount(by[which], minlength=10)

    right, given = count(was & ~now), np.asarray(forgotten(truth, before, after))
    yield given.max() > 1, "these are shares: numbers are asked for"
    yield from expect(given, right, {
        "these are all errors: leave out what was wrong before, too": count(~now),
        "what was learned is set off: count the forgotten alone": count(was) - count(now),
        "these are the learned: right now, wrong before": count(now & ~was),
        "answers that changed: some of them were wrong before": count(before != after),
        "sorted by what is read now: sort by the label": count(was & ~now, after)})


def _9_5_quantize(quantize):
    weights = randn(6, 40) * 0.1
    weights[1] *= 30
    weights[2, 7] = -1.5  # the largest of its row
    largest, most, least = weights.abs().amax(1), weights.amax(1), weights.amin(1)
    given = yield from several(quantize(weights.clone(), 127), 2)
    integers, scales = (tensor(part).double() for part in given)
    yield from shaped(integers, weights.shape)
    yield scales.numel() > 1, "one scale for all: a row of small weights gets few levels"
    yield from shaped(scales, (6, 1))
    yield from unlike(scales[:, 0], {
        "scales upside down: integers times scales are the weights": 127 / largest,
        "the largest weight of a row may be negative: take `abs()` first": most / 127,
        "from least to greatest: put as many levels on both sides of 0": (most - least) / 254})
    yield torch.equal(integers, integers.round()), "these are no whole numbers: round"
    top = integers.abs().max()
    yield top <= 127, "{:.0f} is beyond 127, which 8 bits hold", top
    exact = weights / scales
    for beyond in (integers.abs() - exact.abs(), integers - exact):  # of towards 0, of downwards
        yield beyond.max() > 1e-3, "cut off, not rounded: the error is twice as large"
    yield top == 127, "{:.0f} levels are used of 127: the largest is to get the last", top
    error = (integers - exact).abs().max()
    yield error <= 0.5001, "up to {:.1f} steps beside the weight: half a step is the most", error
    yield quantize(weights.clone(), 7)[0].abs().max() == 7, OTHERS
    weights[3] = 0
    yield not any(tensor(part).isnan().any() for part in quantize(weights, 127)), (
        "a row of zeros is divided by 0: keep its scale above that")
