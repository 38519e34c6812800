"""Checks of the exercises in chapter 4."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..reading import IMG, NoDigitError
from .check import expect, near, shaped, share_slips, unlike


def _sheet(paper, ink):
    sheet = np.full((60, 80), 1.0) * paper
    sheet[20:40, 30:36] = ink
    return sheet.astype(np.uint8)


def _4_1_background_is_light(decide):
    light, dark = _sheet(230, 40), _sheet(40, 230)
    yield decide(light) or not decide(dark), "the wrong way round: True is for dark ink on light"
    yield not decide(dark) or decide(dark.astype(float)), (
        "numbers of type uint8 end at 255, so 40 + 230 makes 14: convert them with int() first")
    yield decide(light) and not decide(dark), (
        "a sheet of 230 with ink of 40 must give True, a sheet of 40 with ink of 230 False")
    yield decide(_sheet(110, 20)), "paper in dim light is below 128, and still lighter than its ink"
    light[:6, :6] = 0
    yield decide(light), "a blot in one corner decides: look at more pixels than that"
    lamp = np.linspace(0.5, 1, 80)
    yield decide(_sheet(240 * lamp, 40)) and not decide(_sheet(60 * lamp, 200)), (
        "it fails where the light is uneven, half as bright at the left as at the right")


def _4_2_ink_box(find):
    mask, dot = np.zeros((40, 60), np.uint8), np.zeros((40, 60), bool)
    mask[10:25, 24] = mask[17, 20:29] = dot[0, 5] = 1
    box = tuple(map(int, find(mask)))
    yield from expect(box, (20, 10, 9, 15), {
        "that is the whole image: ask where the mask is not 0": (0, 0, 60, 40),
        "rows and columns are swapped: x counts columns, y counts rows": (10, 20, 15, 9),
        "off by one: columns 20 to 28 are nine columns, and rows likewise": (20, 10, 8, 14),
        "return width and height, not where the box ends": [(20, 10, 28, 24), (20, 10, 29, 25)]})
    yield tuple(map(int, find(dot))) == (5, 0, 1, 1), "it fails for a single pixel in the first row"


def _4_3_shrink(shrink):
    def shape(*sides):
        return np.shape(shrink(np.full(sides, 255, np.uint8)))

    tall, wide = shape(100, 40), shape(30, 120)
    yield tall != (20, 20), "squeezed to 20x20: both sides must shrink by the same factor"
    yield tall != (8, 20), "width and height are swapped: `cv2.resize` takes the width first"
    yield tall != (50, 20) and wide != (20, 80), "the longest side gets 20 pixels, whichever it is"
    yield (tall, wide) == ((20, 8), (5, 20)), (
        "100x40 becomes 20x8, 30x120 5x20, not {}, {}"), tall, wide
    yield shape(10, 5) == (20, 10), "a digit smaller than that is enlarged to 20 pixels"
    yield shape(300, 4) == (20, 1), "a stroke of 300x4 must keep at least one column"
    stripes = np.tile(np.uint8([0, 255]), (100, 50))
    yield np.std(shrink(stripes)) < 60, "pixels are lost: average them, with `cv2.INTER_AREA`"


def _4_4_center_of_mass(center):
    image = np.zeros((28, 34), np.uint8)
    image[4:8, 10:20], image[20:24, 2:6] = 50, 250
    rows, columns = np.nonzero(image)
    y, x = np.average([rows, columns], axis=1, weights=image[rows, columns])
    found = yield from shaped(np.array(center(image), float), (2,))
    yield from unlike(found, {
        "rows and columns are swapped: x counts columns, y counts rows": (y, x),
        "faint ink counts as much as black: weigh each pixel": (columns.mean(), rows.mean())})
    yield from unlike(found, {
        "that is the middle of the box: the heavier side must pull it over": (10.5, 13.5),
        "that is the middle of the image: weigh each pixel by its ink": (16.5, 13.5)}, 0.04)
    yield near(found, (x, y), 1e-3), "x is the sum of ink times column, divided by the sum of ink"


def _4_5_paper_light(estimate):
    light = np.tile(np.linspace(120, 220, 160), (120, 1))
    ink = np.zeros(light.shape, bool)
    ink[30:90, 60:68] = ink[30:38, 60:110] = True
    sheet = np.where(ink, 0.3 * light, light).astype(np.uint8)
    paper = np.array(estimate(sheet), float)
    yield paper.ndim == 2 and np.ptp(paper) > 5, (
        "that is one brightness for all of the sheet: here the light grows from left to right")
    yield from shaped(paper, sheet.shape)
    there = (paper[ink] / light[ink]).mean()
    yield there > 0.6, "the ink is still in it, and divided by itself it would vanish: look farther"
    yield there > 0.93, "it is darker where the ink is: take the brightest around, not the mean"
    off = np.abs(paper / light - 1).max()
    yield off < 0.25, "it is wrong by {:.0%} somewhere: look less far", off


def _4_6_mixed(mix):
    p, d = np.array([0.7, 0.3, *[0] * 8]), 0.6
    answer = np.array(mix(p, d), float)
    yield from expect(answer, d * p + (1 - d) / 10, {
        "with d = 0.6 the ten sum to 0.6: what is left goes to all ten digits alike": d * p,
        "each digit gets all of 1 - d: it gets a tenth": d * p + 1 - d,
        "d and 1 - d are swapped: d is the chance that there is a digit": (1 - d) * p + d / 10},
        "compare with the formula, term by term")


def _4_7_softened(soften):
    logits, warm = np.random.default_rng(0).normal(0, 3, (3, 10)), 2.0
    answer, given = np.array(soften(logits, warm), float), torch.tensor(logits)
    yield from expect(answer, (given / warm).softmax(1), {
        "the temperature changes nothing: use it": given.softmax(1),
        "multiplied: above 1 it must make the network less sure, not surer":
            (given * warm).softmax(1),
        "divided after softmax, a row sums to 0.5: divide the logits": given.softmax(1) / warm,
        "each column adds up to 1: each row should, it is one image": (given / warm).softmax(0)},
        "powers of e, divided by their sum in each row")
    with np.errstate(all="ignore"):
        large = np.array(soften(1000 * logits, warm), float)
    yield np.isfinite(large).all(), "exp overflows: subtract each row's own largest logit first"


def _4_8_score(score):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source, copy in (("3.jpg", "3-a.jpg"), ("7.png", "7b.png"), ("2.jpg", "1.jpg"),
                             ("page.jpg", "page.jpg")):
            shutil.copy(IMG / source, folder / copy)
        share = score(folder)
        yield from expect(share, 2 / 3, {
            **share_slips(2 / 3, 3),
            "a file whose name does not begin with a digit is counted": 0.5})
        Image.new("L", (90, 90), 230).save(folder / "0.png")
        try:
            share = score(folder)
        except NoDigitError:
            yield False, "an empty sheet stops it: catch the NoDigitError, it is no answer"
        yield share == 0.5, "an empty sheet is one of the pictures, and not right"
