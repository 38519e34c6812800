"""Checks of the exercises in chapter 2."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
import torch

from ..data import load_mnist
from ..preprocess import MEAN, STD
from .check import Checks

mnist = cache(load_mnist)  # to read and check the files takes a second


def _header(read_header):
    content = struct.pack(">2i", 2049, 300) + bytes(20)
    answer = np.ravel(read_header(content)).tolist()
    yield len(answer) == 2, "two numbers are expected, you return {}", len(answer)
    yield answer != [*struct.unpack("<2i", content[:8])], (
        "you take the least significant byte first: in `struct`, `>` turns the order round")
    yield answer[1] not in (20, 28), (
        "you count the bytes: read the number that stands in the header")
    yield (answer == [2049, 300],
           "a file that begins 00000801 0000012c should give 2049 and 300, you return {} and {}",
           *answer)
    again = np.ravel(read_header(struct.pack(">2i", 2051, 7) + bytes(7))).tolist()
    yield again == [2051, 7], "another file gets the same answer: read it from `content`"


def _always_one(share):
    share, targets = float(share), mnist(False).targets
    right = (targets == 1).float().mean().item()
    yield share != int((targets == 1).sum()), (
        "that is how many it gets right: divide by the number of test images")
    yield abs(share - 100 * right) > 0.05, "that is a percentage: a share lies between 0 and 1"
    train = (mnist().targets == 1).float().mean().item()
    yield abs(share - train) > 2e-5, "that is its share of the training set: ask the test set"
    yield abs(share - 0.1) > 2e-5, "a tenth would be right if all digits were equally frequent"
    yield abs(share - right) < 5e-5, "count the ones among `test.targets`, to four decimals"


def _always_dark(count):
    dark = int((mnist().data.amax(dim=0) == 0).sum())
    yield count != 28 * 28 - dark, "that many have ink somewhere: the others are asked for"
    test_dark = int((mnist(False).data.amax(dim=0) == 0).sum())
    yield count != test_dark, "that is true of the test set: ask the training set"
    yield count == dark, "count the pixels whose largest value over all training images is 0"


def _find(find):
    test = mnist(False)
    found = np.asarray(find(test, 4, 8))
    fours = test.data[test.targets == 4].numpy()
    yield found.shape != fours.shape, "these are all of them: the first `number` are asked for"
    yield found.shape == (8, 28, 28), "8 images of 28x28 were expected, you return {}", found.shape
    yield (found == fours[:8]).all(), "not all of these are fours: compare `dataset.targets`"
    train = mnist()
    yield (np.asarray(find(train, 7, 3)) == train.data[train.targets == 7][:3].numpy()).all(), (
        "it gives something else for another dataset or digit: use the parameters")


def _nearest(nearest):
    test = mnist(False)
    images = test.data[:60]
    means = [test.data[test.targets == digit].float().mean(dim=0) for digit in range(10)]
    given = [nearest(image, means) for image in images]
    size = np.ravel(given[0]).size
    yield size == 1, "one digit is expected, you return {} numbers", size
    given = torch.tensor([float(digit) for digit in given])
    yield (set(given.tolist()) <= set(range(10)),
           "a digit from 0 to 9 is expected, not its distance: you return {}",
           round(given[0].item(), 1))
    off = images[:, None] - torch.stack(means)  # (60, 10, 28, 28)
    sums, squares = off.sum((2, 3)), off.square().sum((2, 3))
    yield not torch.equal(given, squares.argmax(1).float()), (
        "these are the digits farthest away: the smallest distance is asked for")
    signed = sums, -sums, sums.abs()
    yield not any(torch.equal(given, kind.argmin(1).float()) for kind in signed), (
        "positive and negative differences cancel: square them before you add them up")
    yield not torch.equal(given, off.abs().sum((2, 3)).argmin(1).float()), (
        "you add up the differences without their signs: square them instead")
    yield (torch.equal(given, squares.argmin(1).float()),
           "of the first 60 test images {} get another answer: add up the squared differences, and "
           "give the number of the smallest sum", int((given != squares.argmin(1)).sum()))


def _normalise(normalise, denormalise):
    dark, ink = float(normalise(0)), float(normalise(255))
    yield abs(ink - (255 - MEAN) / STD) > 1, "the byte must become a number from 0 to 1 first"
    yield abs(ink - (1 / STD - MEAN)) > 0.01, "subtract the mean before you divide"
    yield abs(ink - (1 - MEAN / STD)) > 0.01, (
        "division comes before subtraction: put the difference in parentheses")
    yield (abs(dark + MEAN / STD) + abs(ink - (1 - MEAN) / STD) < 0.02,
           "0 should become -0.42 and 255 should become 2.82, you return {} and {}",
           round(dark, 2), round(ink, 2))
    back = float(denormalise(ink))
    yield abs(back - 1) > 0.01, "the way back ends between 0 and 1: a byte goes up to 255"
    yield abs(back - 255 * (ink + MEAN) * STD) > 1, (
        "undo the last step first: multiply by the standard deviation, then add the mean")
    for byte in (255, 128, 7, 0):
        back = float(denormalise(normalise(byte)))
        yield (abs(back - byte) < 0.6,
               "{} should come back as {}, you return {}", byte, byte, round(back, 2))


def _neighbour(neighbour):
    train, images = mnist(), mnist(False).data[:40]
    known, labels = train.data[:200], train.targets[:200]
    given = torch.as_tensor(np.ravel(neighbour(images, known, labels))).long()
    yield len(given) == 40, "for 40 images 40 labels are expected, you return {}", len(given)
    distances = torch.cdist(images.flatten(1).float(), known.flatten(1).float())
    yield not torch.equal(given, distances.argmin(1)), (
        "these are the places of the neighbours: look up their `labels`")
    yield not torch.equal(given, labels[distances.argmax(1)]), (
        "these are the images farthest away: the smallest distance is asked for")
    wrapped = images[:, None] - known
    yield not any(torch.equal(given, labels[kind.square().sum((2, 3)).argmin(1)])
                  for kind in (wrapped, wrapped.int())), (
        "bytes wrap around, 3 - 5 is 254: turn the images into `.float()` first")
    yield (torch.equal(given, labels[distances.argmin(1)]),
           "{} of 40 have another label: the smallest sum of squared differences decides",
           int((given != labels[distances.argmin(1)]).sum()))


CHECKS: Checks = {"2.1": _header, "2.2": _always_one, "2.3": _always_dark, "2.4": _find,
                  "2.5": _nearest, "2.6": _normalise, "2.7": _neighbour}
