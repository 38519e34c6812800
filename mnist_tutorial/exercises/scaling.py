"""Checks of the exercises in chapter 7."""

import torch
from torch.nn import functional as F

from .check import OTHERS, expect, near, several, shaped, tensor


def _7_1_average(average):
    lists, counts = torch.tensor([[1.0, 2, 4], [3, 0, 8], [-2, 6, 1]]), [4, 3, 1]
    total = sum(count * numbers for count, numbers in zip(counts, lists))
    answer = yield from shaped(tensor(average([*lists.clone()], counts)), (3,))
    yield from expect(answer, total / 8, {
        "that is the plain mean: a process with more images must count for more": lists.mean(0),
        "that is a sum: divide by the number of images in all": total,
        "divide by the number of images, not of processes": total / 3},
        "each gradient counts as many times as its process has images")
    yield near(average([*lists[:2].clone()], [2, 1]), (2 * lists[0] + lists[1]) / 3), OTHERS


def _7_2_all_reduce(all_reduce):
    for n in 4, 3:
        lists, half = torch.arange(12.0 * n).reshape(n, 12) ** 2, 12 // n * (n - 1)
        total = lists.sum(0)
        results, sent = yield from several(all_reduce([*lists.clone()]), 2)
        yield len(results) == n, "{} processes need a list each, you return {}", n, len(results)
        yield not all(near(mine, total / n) for mine in results), "means: all-reduce gives sums"
        right = [rank for rank, mine in enumerate(results) if near(mine, total)]
        yield right or max(float(sum(mine)) for mine in results) <= total.sum(), (
            "some numbers are added twice: in the second half, what arrives replaces one's own")
        yield right or not any(near(mine[:12 // n], total[:12 // n]) for mine in results), (
            "pieces are complete, but nobody has all of them: send them round once more")
        yield right, "no process has the sum yet: add each piece to the one of the same number"
        yield len(right) == n, "only these have the whole sum: {}; pass it on to the others", right
        yield from expect(sent, 2 * half, {
            "that is what all send together: count what each one sends": 2 * half * n,
            "each process sends whole lists: send one piece at a time": (n - 1) * 12,
            "that is the first half only: the sums are passed on as well": half})


def _7_3_repeated(repeated):
    ten = repeated(10, 3)
    yield ten != 1, "that many are left over: how many are missing for a whole round?"
    yield ten != 4, "that many are dealt to each process: the question is how many are dealt twice"
    yield ten == 2, "for 10 images and 3 processes it returns {}: look at the shares above", ten
    yield repeated(9, 3) == 0, "9 images can be divided by 3: none is dealt twice"
    yield repeated(10_000, 64) == 48, OTHERS


def _7_4_step_for(step_for):
    step = step_for(6, 8, 1.0)
    yield not near(step, 3, 3e-4), "that is the part of one process: how long is it unshared?"
    faster = step / (step / 8 + 1)
    yield near(step, 24, 3e-4), "such a step is done {:.2f} times as fast, not 6 times", faster
    yield near(step_for(6, 8, 2.0), 48), "with twice as much added, the step must be twice as long"
    yield near(step_for(1.5, 2, 1.0), 6), OTHERS


def _7_5_batch_norm(normalized):
    values = torch.tensor([1.0, 10, 2, 20, 6, 30])
    one, two = normalized(values.clone(), 1), normalized(values.clone(), 2)
    centred, right = values - values.mean(), F.layer_norm(values, (6,), eps=0)
    parts = F.layer_norm(values.view(3, 2).T, (3,), eps=0)  # a row for each process
    yield from expect(one, right, {
        "divide by the standard deviation, too": centred,
        "divide by the number of values, not by one less: `std(correction=0)`":
            centred / values.std()},
        "for one process, mean 0 and standard deviation 1 were expected")
    yield from expect(two, parts.T.flatten(), {
        "it is the same for two processes as for one: each knows its own part only": right,
        "these are the parts one after the other: put each number back": parts.flatten()},
        "normalize each part by its own mean and deviation")


def _7_6_learning_rate(rate):
    start, half, end, later = (rate(step, 0.01, 16, 100) for step in (0, 50, 100, 500))
    yield not near(end, 0.04, 1e-6), "that is the square root: the rate grows as the batch does"
    yield later <= 0.161, "it goes on rising: after the warm-up the rate stays as it is"
    yield not near(start, 0.16, 1e-6), "there is no warm-up: begin with the rate of one process"
    yield not near(start, 0, 1e-6), "it begins at 0: begin with the rate of one process"
    yield from expect([start, half, end, later], [0.01, 0.085, 0.16, 0.16], tolerance=1e-6)
