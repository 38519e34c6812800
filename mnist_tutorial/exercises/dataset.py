"""Checks of the exercises in chapter 2."""

import struct
from functools import cache

import numpy as np
import torch

from ..data import load_mnist
from ..preprocess import MEAN, STD
from .check import OTHERS, expect, near, several, shaped, share_slips, single, tensor, unlike

mnist = cache(load_mnist)  # to read and check the files takes a second


def _2_1_header(read_header):
    content = struct.pack(">2i", 2049, 300) + bytes(20)
    answer = yield from several(np.ravel(read_header(content)).tolist(), 2)
    yield answer != [*struct.unpack("<2i", content[:8])], (
        "you take the least significant byte first: in `struct`, `>` turns the order round")
    yield answer[1] not in (20, 28), "you count the bytes: read the number in the header"
    yield from expect(answer, [2049, 300])
    again = np.ravel(read_header(struct.pack(">2i", 2051, 7) + bytes(7))).tolist()
    yield again == [2051, 7], "another file gets the same answer: read it from `content`"


def _2_2_always_one(share):
    tested, trained = (mnist(train).targets == 1 for train in (False, True))
    right = tested.float().mean()
    yield from unlike(float(share), {
        **share_slips(right, len(tested)),
        "that is its share of the training set: ask the test set": trained.float().mean(),
        "a tenth would be right if all digits were equally frequent": 0.1}, tolerance=2e-5)
    yield near(float(share), right, 5e-5), "count the ones among `test.targets`, to four decimals"


def _2_3_always_dark(count):
    dark, test_dark = ((mnist(train).data.amax(dim=0) == 0).sum() for train in (True, False))
    yield count != 28 * 28 - dark, "that many have ink somewhere: the others are asked for"
    yield count != test_dark, "that is true of the test set: ask the training set"
    yield count == dark, "count the pixels whose largest value over all training images is 0"


def _2_4_find(find):
    test, train = mnist(False), mnist()
    found, fours = tensor(find(test, 4, 8)), test.data[test.targets == 4]
    yield found.shape != fours.shape, "these are all of them: the first `number` are asked for"
    yield from shaped(found, (8, 28, 28))
    yield near(found, fours[:8]), "not all of these are fours: compare `dataset.targets`"
    yield near(find(train, 7, 3), train.data[train.targets == 7][:3]), OTHERS


def _2_5_nearest(nearest):
    test = mnist(False)
    images = test.data[:60]
    means = [test.data[test.targets == digit].float().mean(dim=0) for digit in range(10)]
    given = [nearest(image, means) for image in images]
    yield from single(given[0])
    given = torch.tensor(list(map(float, given)))
    yield {*given.tolist()} <= {*range(10)}, "a digit is asked for, not its distance"
    off = images[:, None] - torch.stack(means)  # (60, 10, 28, 28)
    sums, squares = off.sum((2, 3)), off.square().sum((2, 3))
    yield from expect(given, squares.argmin(1), {
        "these are farthest away: the nearest are asked for": squares.argmax(1),
        "differences of both signs cancel out: square them first":
            [sums.argmin(1), sums.argmax(1), sums.abs().argmin(1)],
        "you add up the differences without their signs: square them instead":
            off.abs().sum((2, 3)).argmin(1)}, "the smallest sum of squared differences decides")


def _2_6_normalise(normalise, denormalise):
    share = torch.tensor([0.0, 1])
    yield from expect([normalise(0), normalise(255)], (share - MEAN) / STD, {
        "the byte must become a number from 0 to 1 first": (255 * share - MEAN) / STD,
        "subtract the mean before you divide": share / STD - MEAN,
        "division comes before subtraction: put the difference in parentheses":
            share - MEAN / STD}, tolerance=5e-3)
    ink = (1 - MEAN) / STD
    yield from unlike(denormalise(ink), {
        "the way back ends between 0 and 1: a byte goes up to 255": 1,
        "undo the last step first: multiply, then add the mean": 255 * (ink + MEAN) * STD}, 5e-3)
    for byte in (255, 128, 7, 0):
        back = float(denormalise(normalise(byte)))
        yield abs(back - byte) < 0.6, "{} should come back, you return {:.2f}", byte, back


def _2_7_neighbour(neighbour):
    train, images = mnist(), mnist(False).data[:40]
    known, labels = train.data[:200], train.targets[:200]
    given = yield from shaped(tensor(neighbour(images, known, labels)).flatten(), (40,))
    distances = torch.cdist(images.flatten(1).float(), known.flatten(1).float())
    wrapped = images[:, None] - known
    yield from expect(given, labels[distances.argmin(1)], {
        "these are the places of the neighbours: look up their `labels`": distances.argmin(1),
        "these are farthest away: the nearest are asked for": labels[distances.argmax(1)],
        "bytes wrap around, 3 - 5 is 254: turn the images into `.float()` first":
            [labels[kind.square().sum((2, 3)).argmin(1)] for kind in (wrapped, wrapped.int())]},
        "the smallest sum of squared differences decides")
