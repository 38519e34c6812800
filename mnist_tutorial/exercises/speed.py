"""Checks of the exercises in chapter 6."""

from __future__ import annotations

import time
from statistics import mean, median

import torch

from .check import Checks

LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315  # Newton-Schulz, as in recipes.muon


def _multiplications(count):
    made, right = count(10, 20, 5, 12, 12), 10 * 20 * 25 * 8 * 8
    yield made != 10 * 20 * 25 * 144, (
        "without padding the output is smaller than the input: count where the kernel fits")
    yield made != right / 10, "a filter looks at all channels that come in"
    yield made != right / 20, "that is one map of the output: there are `channels_out` of them"
    yield made != right / 5, "a filter is `kernel` pixels wide and as many high"
    yield made != right / 64, "the filter is applied at each place of the output"
    yield made != 20 * 251 * 64, "a bias is added, not multiplied"
    yield made != 2 * right, "that counts the additions too: only multiplications are asked for"
    yield made == right, "for 10 maps of 12x12, 20 filters of 5x5 it gives {}, not {}", made, right
    yield count(3, 8, 3, 32, 20) == 3 * 8 * 9 * 30 * 18, "that fails if height and width differ"


def _saved(share):
    learned, fixed, forward = 616_320, 443_520, 224_640  # multiplications of a step; of its half
    right = 1 - fixed / learned

    def is_near(value):
        return abs(share - value) < 5e-3

    yield not 1 < share < 100, "that is per cent: a share lies between 0 and 1"
    yield not is_near(fixed / learned), "that is the share that is left, not the one that is saved"
    yield not is_near(learned / fixed - 1), "divide by what it takes to learn all layers"
    yield not is_near(57_600 / forward), "the first layer still computes its output"
    yield not is_near(-right), "a saving is positive: take the smaller from the larger"
    yield is_near(right), "count a whole step with `conv[0]` fixed, and with it learned"


def _one_cycle(rate):
    steps, top = 100, 0.05
    rates = [float(rate(step, steps, top)) for step in range(steps + 1)]
    peak = max(range(steps + 1), key=rates.__getitem__)

    def near(value, wanted):
        return abs(value - wanted) < 1e-3 * top

    yield peak != steps // 2, "the peak comes halfway: it is due after 30% of the steps"
    yield near(max(rates), top), "the highest rate is {:.4g}, not `top` = {}", max(rates), top
    yield peak == 30, "of 100 steps, the peak comes at step {}, not at 30", peak
    yield near(rates[0], 0), "it begins with {:.4g}, not with 0", rates[0]
    yield rates[31] > 0.9 * top, "after the peak it jumps from {:.4g} to {:.4g}", top, rates[31]
    yield near(rates[-1], 0), "at the last step it is {:.4g}, not 0", rates[-1]
    wanted = [top * min(step / 30, (100 - step) / 70) for step in range(steps + 1)]
    yield all(map(near, rates, wanted)), "the ends are right: between them it must run straight"
    yield near(rate(30, 200, top), top / 2), "that is right for 100 steps only: use `steps`"


def _newton_schulz(step):
    torch.manual_seed(0)
    x = torch.randn(3, 5)
    x = x / x.norm()
    made, square = step(x), x @ x.T
    yield made.shape == x.shape, "the result must be of the shape {}: it is {}", (3, 5), tuple(
        made.shape)

    def is_near(linear, cubic, quintic, fifth=square @ square):
        return torch.allclose(made, linear * x + (cubic * square + quintic * fifth) @ x, atol=1e-4)

    yield not is_near(LINEAR, CUBIC, QUINTIC, square * square), (
        "`**` and `*` take each number by itself: a product of matrices is written `@`")
    yield not is_near(LINEAR, -CUBIC, QUINTIC), "the second coefficient is negative"
    yield not is_near(LINEAR, CUBIC, 0), "the last term, with the square twice, is missing"
    yield not is_near(0, CUBIC, QUINTIC), "the first term, A times x, is missing"
    half = float(step(torch.tensor([[0.5]])))
    yield (is_near(LINEAR, CUBIC, QUINTIC),
           "for a matrix whose only number is 0.5 it gives {:.3f}, not {:.3f}",
           half, LINEAR / 2 + CUBIC / 8 + QUINTIC / 32)


def _smooth(smooth):
    made = torch.as_tensor(smooth(torch.tensor([3, 0]), 0.2), dtype=torch.float64)
    yield made.shape == (2, 10), "for 2 labels 2 rows of 10 are expected, you return {}", tuple(
        made.shape)
    yield made.argmax(dim=1).tolist() == [3, 0], "the largest number of a row belongs to its label"
    yield abs(made[0, 3] - 0.91) > 1e-4, "that takes 0.1 whatever is asked for: use `share`"
    yield abs(made[0, 5] - 0.2 / 9) > 1e-4, (
        "the share is spread over all ten digits, the right one too")
    total = float(made[0].sum())
    yield abs(total - 1) < 1e-4, "a row must sum to 1: yours sums to {:.3f}", total
    yield abs(made[0, 3] - 0.82) < 1e-4, "the right digit gets {:.3f}, not 0.82", float(made[0, 3])
    yield (made[0, :3] - 0.02).abs().max() < 1e-4, "all others must get the same"


def _latency(measure):
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

    def is_near(value):
        return not right and 0.8 * value < found < 1.25 * value

    yield not is_near(1000 * usual), "these are milliseconds: give seconds"
    yield not is_near(mean(took)), "that is the mean, which a few slow calls pull up"
    yield not is_near(sum(took)), "that is the time of all calls together"
    yield not is_near(min(took)), "that is the fastest call: half of them should be faster"
    yield not is_near(took[0]), "that is one call: measure many, and take the one in the middle"
    yield right, "the median of these calls was {:.4f} s, you measure {:.4f}", usual, found


CHECKS: Checks = {"6.1": _multiplications, "6.2": _saved, "6.3": _one_cycle, "6.4": _newton_schulz,
                  "6.5": _smooth, "6.6": _latency}
