"""Checks of the exercises in chapter 1."""

import shutil
from unittest.mock import call, patch

import torch

from .check import several

GB = 10**9  # bytes


def _1_1_read_two(answers):
    yield not hasattr(answers, "digit"), "that is one prediction: put both into a list"
    yield all(hasattr(answer, "digit") for answer in answers), "keep it all, not the digit alone"
    digits = [answer.digit for answer in answers]
    yield digits != [5, 3], "the other way round: first the answer to 3.jpg"
    yield from several(digits, 2)
    yield digits[0] != digits[1], "both are answers to the same image"
    yield digits == [3, 5], "these read {} and {}: the images are 3.jpg and 5.jpg", *digits


def _1_2_product(shape, number):
    yield from several(shape, 2)
    yield tuple(shape) != (2, 2), "that is the shape of `a @ b`: here b comes first"
    yield tuple(shape) == (3, 3), "it has as many rows as b, and as many columns as a"
    yield number != 3, "that is the number in `a @ b`: how many numbers are in a row of b"
    yield number == 2, "each number is a row of b times a column of a, summed: all are ones"


def _1_3_time_product(time_product):
    before = torch.get_num_threads()
    with patch.object(torch, "set_num_threads", wraps=torch.set_num_threads) as asked:
        seconds = time_product(before + 1)
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    yield asked.called, "it never sets the threads: call `torch.set_num_threads`"
    yield asked.call_args_list[0] == call(before + 1), "set as many threads as the parameter says"
    yield isinstance(seconds, float), "return seconds as a float, not {!r}", seconds
    yield seconds > 0, "the time is negative: take the start from the end"
    yield seconds > 1e-3, "{:.6f} s is too short: put the product between the two clocks", seconds
    yield after == before, "PyTorch had {} threads, and now has {}: set them back", before, after


def _1_4_check_disk(check_disk):
    def with_free(free):
        usage = type(shutil.disk_usage("."))(200 * GB, (200 - free) * GB, free * GB)
        with patch.object(shutil, "disk_usage", return_value=usage):
            return check_disk()

    little, enough = with_free(9), with_free(11)
    yield hasattr(little, "advice"), "return a `check.Check`, not {!r}", little
    yield little.advice or not enough.advice, "it advises if there is enough: turn the comparison"
    yield little.advice, "with 9 GB free there is no advice: `disk_usage` counts bytes, see `free`"
    yield not enough.advice, "with 11 GB free there is advice: leave it empty, \"\""
    yield little.mark == "note", "this is no reason to fail: leave `needed` out"
    yield "11" in enough.found or "10" in enough.found, "say in `found` how many GB are free"
