"""Checks of the exercises in chapter 4."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from ..reading import IMG, NoDigitError
from .check import Checks


def _sheet(paper, ink):
    sheet = np.full((60, 80), 1.0) * paper
    sheet[20:40, 30:36] = ink
    return sheet.astype(np.uint8)


def _background_is_light(decide):
    light, dark = _sheet(230, 40), _sheet(40, 230)
    yield decide(light) or not decide(dark), (
        "it is the wrong way round: True is for dark ink on a light background")
    yield not decide(dark) or decide(dark.astype(float)), (
        "numbers of type uint8 end at 255, so 40 + 230 makes 14: convert them with int() first")
    yield decide(light) and not decide(dark), (
        "a sheet of 230 with ink of 40 must give True, a sheet of 40 with ink of 230 False")
    yield decide(_sheet(110, 20)), (
        "paper in dim light, 110 with ink of 20, is below 128, and still lighter than its ink")
    light[:6, :6] = 0
    yield decide(light), "a blot in one corner decides: look at more pixels than that"
    lamp = np.linspace(0.5, 1, 80)
    yield decide(_sheet(240 * lamp, 40)) and not decide(_sheet(60 * lamp, 200)), (
        "it fails where the light is uneven, half as bright at the left as at the right")


def _ink_box(find):
    mask = np.zeros((40, 60), np.uint8)
    mask[10:25, 24] = mask[17, 20:29] = 1
    box = tuple(map(int, find(mask)))
    yield len(box) == 4, "expected are four numbers, x, y, width, height: you return {}", len(box)
    yield box != (0, 0, 60, 40), "that is the whole image: ask where the mask is not 0"
    yield box != (10, 20, 15, 9), "rows and columns are swapped: x counts columns, y counts rows"
    yield box != (20, 10, 8, 14), (
        "off by one: columns 20 to 28 are nine columns, not eight, and rows likewise")
    yield box not in ((20, 10, 28, 24), (20, 10, 29, 25)), (
        "the last two are where the box ends: its width and height are asked for")
    yield box == (20, 10, 9, 15), (
        "ink in columns 20 to 28 and rows 10 to 24: the box is (20, 10, 9, 15), you return {}"), box
    dot = np.zeros((40, 60), bool)
    dot[0, 5] = True
    box = tuple(map(int, find(dot)))
    yield box == (5, 0, 1, 1), (
        "one pixel in row 0 and column 5: the box is (5, 0, 1, 1), you return {}"), box


def _shrink(shrink):
    def shape(*sides):
        return np.shape(shrink(np.full(sides, 255, np.uint8)))

    tall, wide = shape(100, 40), shape(30, 120)
    yield tall != (20, 20), "squeezed to 20x20: both sides must shrink by the same factor"
    yield tall != (8, 20), "width and height are swapped: `cv2.resize` takes the width first"
    yield tall != (50, 20) and wide != (20, 80), (
        "the longest side gets 20 pixels, be it the width or the height")
    yield (tall, wide) == ((20, 8), (5, 20)), (
        "100 rows and 40 columns must become 20 and 8, and 30 and 120 become 5 and 20, "
        "you return {} and {}"), tall, wide
    yield shape(10, 5) == (20, 10), "a digit smaller than that is enlarged to 20 pixels"
    yield shape(300, 4) == (20, 1), "a stroke of 300x4 must keep at least one column"
    stripes = np.tile(np.uint8([0, 255]), (100, 50))
    yield np.std(shrink(stripes)) < 60, (
        "pixels are picked out, the others are lost: average them, with `cv2.INTER_AREA`")


def _center_of_mass(center):
    image = np.zeros((28, 34), np.uint8)
    image[4:8, 10:20], image[20:24, 2:6] = 50, 250
    (rows, columns), weights = np.nonzero(image), image[image > 0]
    y, x = np.average([rows, columns], axis=1, weights=weights)
    found = np.array(center(image), float)
    yield found.shape == (2,), "two numbers were expected, x and y"
    yield not np.allclose(found, (y, x)), "x and y are swapped: x counts columns, y counts rows"
    yield not np.allclose(found, (columns.mean(), rows.mean())), (
        "there faint ink counts as much as black: weigh each pixel by its ink")
    yield not np.allclose(found, (10.5, 13.5), atol=0.6), (
        "that is the middle of the box: the heavier side must pull it over")
    yield not np.allclose(found, (16.5, 13.5), atol=0.6), (
        "that is the middle of the image: weigh each pixel by its ink")
    yield np.allclose(found, (x, y), atol=0.01), (
        "x is the sum of ink times column, divided by the sum of ink, y the same with rows")


def _paper_light(estimate):
    light = np.tile(np.linspace(120, 220, 160), (120, 1))
    ink = np.zeros(light.shape, bool)
    ink[30:90, 60:68] = ink[30:38, 60:110] = True
    sheet = np.where(ink, 0.3 * light, light).astype(np.uint8)
    paper = np.array(estimate(sheet), float)
    yield paper.ndim == 2 and np.ptp(paper) > 5, (
        "that is one brightness for all of the sheet: here the light grows from left to right")
    yield paper.shape == sheet.shape, "an array of shape {} was expected, you return {}", *map(
        str, (sheet.shape, paper.shape))
    there = (paper[ink] / light[ink]).mean()
    yield there > 0.6, "the ink is still in it, and divided by itself it would vanish: look farther"
    yield there > 0.93, "it is darker where the ink is: take the brightest around, not the mean"
    off = np.abs(paper / light - 1).max()
    yield off < 0.25, "it is wrong by {}% somewhere: look less far", round(100 * off)


def _mixed(mix):
    p, d = np.array([0.7, 0.3, *[0] * 8]), 0.6
    answer = np.array(mix(p, d), float)
    yield not np.allclose(answer, d * p), (
        "with d = 0.6 the ten sum to 0.6: what is left goes to all ten digits alike")
    yield not np.allclose(answer, d * p + 1 - d), "each digit gets all of 1 - d: it gets a tenth"
    yield not np.allclose(answer, (1 - d) * p + d / 10), (
        "d and 1 - d are swapped: d is the probability that there is a digit")
    yield np.allclose(answer, d * p + (1 - d) / 10), "compare with the formula, term by term"


def _softmax(logits, axis=1):
    powers = np.exp(logits - logits.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def _softened(soften):
    logits, warm = np.random.default_rng(0).normal(0, 3, (3, 10)), 2.0
    answer = np.array(soften(logits, warm), float)
    yield not np.allclose(answer, _softmax(logits)), "the temperature changes nothing: use it"
    yield not np.allclose(answer, _softmax(logits * warm)), (
        "multiplied: above 1 it must make the network less sure, not surer")
    yield not np.allclose(answer, _softmax(logits) / warm), (
        "divided after softmax: a row sums to 0.5; divide the logits, before it")
    yield not np.allclose(answer, _softmax(logits / warm, 0)), (
        "each column sums to 1: softmax must run along the ten digits of a row")
    yield np.allclose(answer, _softmax(logits / warm)), (
        "softmax: powers of e, divided by their sum in each row")
    with np.errstate(all="ignore"):
        large = np.array(soften(1000 * logits, warm), float)
    yield np.isfinite(large).all(), (
        "exp overflows with large logits: subtract the largest of each row first")


def _score(score):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source, copy in (("3.jpg", "3 a.jpg"), ("7.png", "7b.png"), ("2.jpg", "1.jpg"),
                             ("page.jpg", "page.jpg")):
            shutil.copy(IMG / source, folder / copy)
        share = score(folder)
        yield share != 2, "that is how many are right: divide by the number of pictures"
        yield not 60 < share < 70, "that is a percentage: a share is between 0 and 1"
        yield share != 0.5, "a file whose name does not begin with a digit is counted"
        yield np.isclose(share, 2 / 3), (
            "of three pictures with a digit as name two are right, you return {}"), share
        Image.new("L", (90, 90), 230).save(folder / "0.png")
        try:
            share = score(folder)
        except NoDigitError:
            share = None
        yield share is not None, "an empty sheet stops it: catch the NoDigitError, it is no answer"
        yield share == 0.5, "an empty sheet is one of the pictures, and not right"


CHECKS: Checks = {
    "4.1": _background_is_light, "4.2": _ink_box, "4.3": _shrink, "4.4": _center_of_mass,
    "4.5": _paper_light, "4.6": _mixed, "4.7": _softened, "4.8": _score}
