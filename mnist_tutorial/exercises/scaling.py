"""Checks of the exercises in chapter 7."""

from __future__ import annotations

import torch

from .check import Checks, near


def _average(average):
    lists, counts = torch.tensor([[1.0, 2, 4], [3, 0, 8], [-2, 6, 1]]), [4, 3, 1]
    total = sum(count * numbers for count, numbers in zip(counts, lists))
    answer = torch.as_tensor(average([*lists.clone()], counts))
    yield answer.shape == (3,), "a list as long as each gradient was expected, you return {}", (
        tuple(answer.shape))
    yield not near(answer, lists.mean(0)), (
        "that is the plain mean: a process with more images must count for more")
    yield not near(answer, total), "that is a sum: divide by the number of images in all"
    yield not near(answer, total / 3), "divide by the number of images, not of processes"
    yield near(answer, total / 8), "each gradient counts as many times as its process has images"
    yield near(average([*lists[:2].clone()], [2, 1]), (2 * lists[0] + lists[1]) / 3), (
        "it is right for three processes, not for two: take all numbers from the parameters")


def _all_reduce(all_reduce):
    for n in 4, 3:
        lists, half = torch.arange(12.0 * n).reshape(n, 12) ** 2, 12 // n * (n - 1)
        total, answer = lists.sum(0), all_reduce([*lists.clone()])
        yield isinstance(answer, tuple) and len(answer) == 2, (
            "two things are to be returned: the lists, and how many numbers each process sent")
        results, sent = answer
        yield len(results) == n, "{} lists were expected, one for each process, you return {}", (
            n), len(results)
        yield not all(near(mine, total / n) for mine in results), (
            "these are means: all-reduce gives sums")
        right = [rank for rank, mine in enumerate(results) if near(mine, total)]
        yield right or max(float(sum(mine)) for mine in results) <= total.sum(), (
            "some numbers are added twice: in the second half, what arrives replaces one's own")
        yield right or not any(near(mine[:12 // n], total[:12 // n]) for mine in results), (
            "pieces are complete, but nobody has all of them: send them round once more")
        yield right, "no process has the sum yet: add each piece to the one of the same number"
        yield len(right) == n, (
            "only these processes have the whole sum: {}; pass the sums on to the others"), right
        yield sent != 2 * half * n, "that is what all send together: count what each one sends"
        yield sent != (n - 1) * 12, "each process sends whole lists: send one piece at a time"
        yield sent != half, "that is the first half only: the sums are passed on as well"
        yield sent == 2 * half, "of {} processes with lists of 12, each sends {} numbers, not {}", (
            n), 2 * half, sent


def _repeated(repeated):
    ten = repeated(10, 3)
    yield ten != 1, "that many are left over: how many are missing for a whole round?"
    yield ten != 4, "that many are dealt to each process: the question is how many are dealt twice"
    yield ten == 2, "for 10 images and 3 processes it returns {}: look at the shares above", ten
    yield repeated(9, 3) == 0, "9 images can be divided by 3: none is dealt twice"
    yield repeated(10_000, 64) == 48, (
        "it is right for 10 and 3, but wrong for 10,000 images and 64 processes")


def _step_for(step_for):
    step = step_for(6, 8, 1.0)
    yield abs(step - 3) > 1e-3, (
        "that is the part of one process: how long is the step before it is shared?")
    yield abs(step - 24) < 1e-3, (
        "with 1 ms added, eight processes do a step of {} ms {} times as fast, not 6 times"), (
        round(step, 2)), round(step / (step / 8 + 1), 2)
    yield abs(step_for(6, 8, 2.0) - 48) < 1e-3, (
        "with twice as much added, the step must be twice as long")
    yield abs(step_for(1.5, 2, 1.0) - 6) < 1e-3, (
        "it is right for 6 times and eight processes, but wrong for 1.5 times and two")


def _batch_norm(normalized):
    values = torch.tensor([1.0, 10, 2, 20, 6, 30])
    one, two = normalized(values.clone(), 1), normalized(values.clone(), 2)
    centred = values - values.mean()
    yield not near(one, centred), "divide by the standard deviation, too"
    yield not near(one, centred / values.std()), (
        "batch normalization divides by the number of values, not one less: `std(correction=0)`")
    yield near(one, centred / values.std(correction=0)), (
        "for one process, mean 0 and standard deviation 1 were expected")
    yield not near(two, one), (
        "for two processes it is the same as for one: each knows its own part only")
    parts = [(part - part.mean()) / part.std(correction=0) for part in (values[::2], values[1::2])]
    yield not near(two, torch.cat(parts)), (
        "these are the parts one after the other: put each number back in its place")
    yield near(two, torch.stack(parts, 1).flatten()), (
        "for two processes it is wrong: normalize each part by its own mean and deviation")


def _learning_rate(rate):
    start, half, end, later = (rate(step, 0.01, 16, 100) for step in (0, 50, 100, 500))
    yield abs(end - 0.04) > 1e-6, (
        "that is the square root: the rule makes the rate grow as much as the batch")
    yield later <= 0.161, "it goes on rising: after the warm-up the rate stays as it is"
    yield abs(later - 0.16) < 1e-6, (
        "16 processes, step 500, after the warm-up: {} was expected, you return {}"), 0.16, later
    yield abs(start - 0.16) > 1e-6, "there is no warm-up: at step 0 the rate is that of one process"
    yield abs(start) > 1e-6, "it begins at 0: at step 0 the rate is that of one process"
    yield abs(start - 0.01) < 1e-6, "step 0: {} was expected, you return {}", 0.01, start
    yield abs(end - 0.16) < 1e-6, (
        "at step 100 the warm-up of 100 steps is over: {} was expected, you return {}"), 0.16, end
    yield abs(half - 0.085) < 1e-6, (
        "in the middle of the warm-up {} was expected, you return {}"), 0.085, half


CHECKS: Checks = {"7.1": _average, "7.2": _all_reduce, "7.3": _repeated, "7.4": _step_for,
                  "7.5": _batch_norm, "7.6": _learning_rate}
