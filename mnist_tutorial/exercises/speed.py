"""Checks of the exercises in chapter 6."""

import time
from statistics import mean, median

import torch

from .check import OTHERS, PERCENT, expect, near, randn, shaped

LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315  # Newton-Schulz, as in recipes.muon


def _6_1_multiplications(count):
    right = 10 * 20 * 25 * 8 * 8
    yield from expect(count(10, 20, 5, 12, 12), right, {
        "without padding the output is smaller: count where the kernel fits": right / 64 * 144,
        "a filter looks at all channels that come in": right / 10,
        "that is one map of the output: there are `channels_out` of them": right / 20,
        "a filter is `kernel` pixels wide and as many high": right / 5,
        "the filter is applied at each place of the output": right / 64,
        "a bias is added, not multiplied": right + 20 * 64,
        "that counts the additions too: only multiplications are asked for": 2 * right})
    yield count(3, 8, 3, 32, 20) == 3 * 8 * 9 * 30 * 18, OTHERS


def _6_2_saved(share):
    learned, fixed, forward = 616_320, 443_520, 224_640  # multiplications of a step; of its half
    right = 1 - fixed / learned
    yield from expect(share, right, {
        PERCENT: 100 * right,
        "that is the share that is left, not the one that is saved": 1 - right,
        "divide by what it takes to learn all layers": learned / fixed - 1,
        "the first layer still computes its output": 57_600 / forward,
        "a saving is positive: take the smaller from the larger": -right},
        "count a whole step with `conv[0]` fixed, and with it learned", tolerance=4e-3)


def _6_3_one_cycle(rate):
    steps, top = 100, 0.05
    rates = [float(rate(step, steps, top)) for step in range(steps + 1)]
    peak, highest = rates.index(max(rates)), max(rates)
    right = [top * min(step / 30, (100 - step) / 70) for step in range(steps + 1)]
    yield peak != steps // 2, "the peak comes halfway: it is due after 30% of the steps"
    yield near(highest, top), "the highest rate is {:.4g}, not `top` = {}", highest, top
    yield peak == 30, "of 100 steps, the peak comes at step {}, not at 30", peak
    yield near(rates[0], 0), "it begins with {:.4g}, not with 0", rates[0]
    yield rates[31] > 0.9 * top, "after the peak it jumps from {:.4g} to {:.4g}", top, rates[31]
    yield near(rates[-1], 0), "at the last step it is {:.4g}, not 0", rates[-1]
    yield near(rates, right), "the ends are right: between them it must run straight"
    yield near(rate(30, 200, top), top / 2), OTHERS


def _6_4_newton_schulz(step):
    x = randn(3, 5)
    x = x / x.norm()
    linear, square = LINEAR * x, x @ x.T
    cubic, quintic = CUBIC * square @ x, QUINTIC * square @ square @ x
    yield from expect(step(x), linear + cubic + quintic, {
        "`**` and `*` take each number by itself: a product of matrices is written `@`":
            linear + cubic + QUINTIC * square**2 @ x,
        "the second coefficient is negative": linear - cubic + quintic,
        "the last term, with the square twice, is missing": linear + cubic,
        "the first term, A times x, is missing": cubic + quintic})


def _6_5_smooth(smooth):
    made = yield from shaped(smooth(torch.tensor([3, 0]), 0.2), (2, 10))
    yield made.argmax(dim=1).tolist() == [3, 0], "the largest number of a row belongs to its label"
    yield not near(made[0, 3], 0.91), "that takes 0.1 whatever is asked for: use `share`"
    yield not near(made[0, 5], 0.2 / 9), "the share goes to all ten digits, the right one too"
    total, own = made[0].sum(), made[0, 3]
    yield near(total, 1), "a row must sum to 1: yours sums to {:.3f}", total
    yield near(own, 0.82), "the right digit gets {:.3f}, not 0.82", own
    yield near(made[0, :3], [0.02] * 3), "all others must get the same"


def _6_6_latency(measure):
    took = []

    def predict():  # the first call and some others take long
        start = time.perf_counter()
        time.sleep((0.04, 0.001, 0.002, 0.004, 0.006)[len(took) % 5])
        took.append(time.perf_counter() - start)
        return 7

    found = float(measure(predict, 40))
    yield len(took) >= 40, "it calls `predict` {} times, not 40", len(took)
    usual = median(took)
    right = 0.9 * usual < found < 1.3 * usual + 2e-4
    for hint, value in {
            "these are milliseconds: give seconds": 1000 * usual,
            "that is the mean, which a few slow calls pull up": mean(took),
            "that is the time of all calls together": sum(took),
            "that is the fastest call: half of them should be faster": min(took),
            "that is one call: measure many, and take the one in the middle": took[0]}.items():
        yield right or not 0.8 * value < found < 1.25 * value, hint
    yield right, "the median of these calls was {:.4f} s, you measure {:.4f}", usual, found
