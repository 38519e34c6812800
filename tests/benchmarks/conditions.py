"""Under which conditions are digits read, and under which not?

    python tests/benchmarks/conditions.py [--split tune] [--count 100] [--only ruled,held]
                                          [--sheet wrong.png]

Digits of MNIST are written, as ink, chalk or pixels, on simulated pictures: ruled paper, a shadow,
a sheet held in a hand. They are read merely resized to 28x28 (or inverted, whichever is better) and
by `predict_image`. Tune on the split `tune`, training images 55,000 to 59,999; the test images are
for the report.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import torch
from handwriting import draw_sheet, read_digit, wrong_one

from mnist_tutorial import load_mnist, load_pretrained, naive_resize, probabilities
from mnist_tutorial.checkpoint import GUARD

sys.path.insert(0, str(Path(__file__).parents[1]))
import scenery  # noqa: E402

FINE = 8  # digits are redrawn on a grid this many times finer than MNIST's
SCREEN = (480, 640)  # height and width of most pictures


# --- pens ----------------------------------------------------------------------------------------

def shape_of(digit):
    """Return a digit's smooth outline, fine and binary: uint8 (224, 224), 1 = ink."""
    fine = cv2.resize(digit, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC)
    return (cv2.GaussianBlur(fine, (0, 0), FINE / 3) > 110).astype(np.uint8)


def skeleton(shape):
    """Thin a shape to lines (Lantuéjoul's skeleton)."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    thin = np.zeros_like(shape)
    while shape.any():
        thin |= shape - cv2.morphologyEx(shape, cv2.MORPH_OPEN, cross)
        shape = cv2.erode(shape, cross)
    return thin


def write(digit, height, width=None):
    """Write a digit `height` pixels tall: float32 (h, w), 1 = ink.

    Strokes are as in MNIST, or `width` of its pixels wide.
    """
    shape = shape_of(digit)
    if width:
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(FINE * width),) * 2)
        shape = cv2.dilate(skeleton(shape), pen)
    x, y, w, h = cv2.boundingRect(shape)
    ink = shape[y:y + h, x:x + w].astype(np.float32)
    ink = cv2.copyMakeBorder(ink, *[FINE] * 4, cv2.BORDER_CONSTANT)
    scale = height / max(h, w / 1.2)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(ink, None, fx=scale, fy=scale, interpolation=way)


def put(page, ink, level, rng, middle=0.25):
    """Put ink of a grey level somewhere near the middle of a page (float32), in place."""
    space = np.subtract(page.shape[:2], ink.shape)
    y, x = (space * rng.uniform(0.5 - middle, 0.5 + middle, 2)).astype(int).clip(0)
    part = page[y:y + ink.shape[0], x:x + ink.shape[1]]
    ink = ink[:part.shape[0], :part.shape[1]].reshape(part.shape[:2] + (1,) * (page.ndim - 2))
    part += ink * (np.asarray(level, np.float32) - part)
    return page


def put_dark(page, ink, rng):
    """Put dark ink on a page, in place."""
    return put(page, ink, page.max() * rng.uniform(0.1, 0.4), rng)


def blank(rng, shape=SCREEN, low=190, high=245):
    """An empty sheet."""
    return np.full(shape, rng.uniform(low, high), np.float32)


def page_with(digit, rng, paper=None, low=0.2, high=0.55, width=None):
    """Write a digit in dark ink on a sheet: float32 page."""
    page = blank(rng) if paper is None else paper
    return put_dark(page, write(digit, page.shape[0] * rng.uniform(low, high), width), rng)


def photo_in_light(page, rng, noise=3.0):
    """Take a photo of a page in light that falls off."""
    return scenery.photo(page * scenery.ramp(page.shape, rng), rng, noise)


# --- conditions: each makes a picture of a digit (uint8 28x28) -----------------------------------

def paper(digit, rng):
    return photo_in_light(page_with(digit, rng), rng)


def ruled(digit, rng, squared):
    """Printed lines, some as dark as ink, turned a little."""
    page = blank(rng)
    height, width = page.shape
    step, thick = int(height * rng.uniform(0.045, 0.09)), int(rng.integers(1, 4))
    level = page.max() * rng.choice([0.9, 0.75, 0.55, 0.35])
    rows = range(int(rng.integers(step)), height, step)
    columns = range(int(rng.integers(step)), width if squared else 0, step)
    page = scenery.turn(scenery.rule(page, rows, columns, thick, level), rng.uniform(-2, 2),
                border=cv2.BORDER_REFLECT)
    return photo_in_light(page_with(digit, rng, page), rng)


def shadow(digit, rng):
    """A hard edge across the sheet, or the soft shadow of a hand."""
    page = page_with(digit, rng)
    height, width = page.shape
    if rng.random() < 0.5:
        a, b = rng.uniform(0.1, 0.9, 2) * width
        corners = [(a, 0), (width, 0), (width, height), (b, height)]
        cover, soft = scenery.polygon(page.shape, corners), 1.5
    else:
        cover, soft = np.zeros(page.shape, np.float32), rng.uniform(8, 25)
        for _ in range(3):
            start = rng.uniform([0.5 * width, 0.8 * height], [width, height])
            end = rng.uniform([0.3 * width, 0.3 * height], [0.7 * width, 0.7 * height])
            ends = np.array([start, end]).astype(int).tolist()
            cv2.line(cover, *ends, 1.0, int(rng.uniform(40, 110)))
    return scenery.photo(scenery.shade(page, cover, rng.uniform(0.35, 0.65), soft), rng)


def dark(digit, rng):
    page = page_with(digit, rng, blank(rng, low=60, high=80))
    page = page * scenery.ramp(page.shape, rng)
    return scenery.photo(page, rng, noise=rng.uniform(3, 7))


def blurred(digit, rng):
    """Out of focus, or moved while the picture was taken."""
    page = page_with(digit, rng)
    size = page.shape[0] // 40
    if rng.random() < 0.5:
        return scenery.photo(page, rng, blur=rng.uniform(0.3, 0.7) * size)
    way = cv2.getRotationMatrix2D((size, size), rng.uniform(0, 180), 1)
    line = np.zeros((2 * size + 1, 2 * size + 1), np.float32)
    line[size, size // 2:-(size // 2)] = 1
    line = cv2.warpAffine(line, way, line.shape)
    return scenery.photo(cv2.filter2D(page, -1, line / line.sum()), rng)


def compressed(digit, rng):
    return scenery.jpeg(paper(digit, rng), rng.integers(10, 21))


def small(digit, rng):
    return photo_in_light(put_dark(blank(rng, (1100, 1500)), write(digit, 55), rng), rng)


def lay_askew(sheet, background, rng, share, degrees):
    """Lay a sheet so that it takes `share` of the picture's sides: the picture and the corners."""
    tilt = rng.uniform(*degrees) * rng.choice([-1, 1])
    scale = share * np.divide(background.shape, sheet.shape).min()
    middle = np.array(background.shape[::-1]) * rng.uniform(0.45, 0.55, 2)
    bend = rng.uniform(-0.04, 0.04, (4, 2)) * scale * sheet.shape[1]
    corners = scenery.corners_of(sheet, tilt, scale, middle) + bend
    return scenery.lay(sheet, background, corners), corners


def tilted(digit, rng):
    page = page_with(digit, rng)
    table, share = np.full_like(page, rng.uniform(20, 90)), rng.uniform(0.75, 0.95)
    return scenery.photo(lay_askew(page, table, rng, share, (10, 20))[0], rng)


def desk(digit, rng):
    """A sheet on a dark, a wooden or a cluttered desk."""
    page = page_with(digit, rng)
    top = np.full(SCREEN, rng.uniform(30, 120), np.float32)
    kind = rng.integers(3)
    if kind == 1:
        top += scenery.clouds(SCREEN, rng, 25, across=40, down=1.5)
    if kind == 2:
        scenery.strew(top, rng, 12)
    return photo_in_light(lay_askew(page, top, rng, rng.uniform(0.55, 0.78), (0, 15))[0], rng)


def held(digit, rng):
    """A sheet held into a webcam, before a room and a face."""
    room = np.full(SCREEN, rng.uniform(60, 200), np.float32)
    scenery.strew(room, rng, 14)
    middle, size = rng.uniform([120, 80], [520, 200]), rng.uniform(60, 120)
    skin, hair = rng.uniform(90, 200), rng.uniform(15, 80)
    scenery.face(room, middle, size, [(0, -0.25, 0.85, 1.0, hair), (0, 0, 0.7, 0.9, skin),
                              (-0.28, -0.1, 0.1, 0.06, 40), (0.28, -0.1, 0.1, 0.06, 40),
                              (0, 0.45, 0.25, 0.06, 70)])
    sheet = blank(rng, (400, 300))
    sheet = put_dark(sheet, write(digit, rng.uniform(90, 200), rng.uniform(1.5, 4)), rng)
    picture, corners = lay_askew(sheet, cv2.GaussianBlur(room, (0, 0), 1.5), rng,
                                 rng.uniform(0.5, 0.8), (0, 12))
    skin = rng.uniform(90, 190)
    side = corners[[1, 2]] if rng.random() < 0.5 else corners[[3, 2]]
    middle = corners.mean(axis=0)
    for way in np.linspace(0.35, 0.65, int(rng.integers(1, 4))):  # fingers
        edge = side[0] + way * (side[1] - side[0])
        ends = edge + np.array([[0.12], [-0.35]]) * (middle - edge)
        cv2.line(picture, *ends.astype(int).tolist(), skin, 22)
    return photo_in_light(picture, rng, noise=4)


def form32(digit, rng):
    """A box cut out of a scanned form, parts of its printed frame with it."""
    page = np.full((128, 128), rng.uniform(200, 250), np.float32)
    page = put(page, write(digit, rng.uniform(64, 100)), rng.uniform(20, 110), rng)
    grey, thick = rng.uniform(90, 190), int(rng.integers(3, 11))
    for turns in rng.permutation(4)[:rng.integers(1, 5)]:
        np.rot90(page, turns)[:thick] = grey
    page = cv2.resize(page, (32, 32), interpolation=cv2.INTER_AREA)
    return scenery.jpeg(scenery.photo(page, rng, blur=0.3), 80)


def tiny(digit, rng, size):
    """The 8x8 or 16x16 pixels of other collections."""
    ink = write(digit, 10 * size)[FINE:-FINE, FINE:-FINE]
    whole = put(np.zeros([max(ink.shape)] * 2, np.float32), ink, 255, rng, middle=0)
    whole = cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA)
    return (255 - whole if rng.random() < 0.5 else whole).round().astype(np.uint8)


def paint(digit, rng):
    """A paint program: hard pixels, black or white."""
    side = int(rng.choice([28, 56, 100, 140, 200, 280]))
    ink = write(digit, side * rng.uniform(0.45, 0.9), max(28 / side, rng.uniform(1, 4)))
    page = put(np.zeros((side, side), np.float32), ink, 255, rng, middle=rng.choice([0.05, 0.5]))
    page = np.where(page > 127, 255, 0).astype(np.uint8)
    return 255 - page if rng.random() < 0.5 else page


def pencil(digit, rng):
    page = blank(rng)
    ink = write(digit, page.shape[0] * rng.uniform(0.15, 0.4), rng.uniform(0.5, 1))
    grain = rng.uniform(0.6, 1, ink.shape).astype(np.float32)
    page = put(page, ink * grain, page.max() * rng.uniform(0.55, 0.8), rng)
    return photo_in_light(page, rng)


def marker(digit, rng):
    return photo_in_light(page_with(digit, rng, width=rng.uniform(3.5, 5), low=0.3, high=0.7), rng)


def coloured(digit, rng):
    """Blue, red or green ink on white or yellow paper: RGB."""
    colour = [(30, 50, 160), (200, 40, 40), (30, 130, 60)][rng.integers(3)]
    page = np.tile(np.float32([(240, 240, 235), (250, 230, 120)][rng.integers(2)]), (*SCREEN, 1))
    page = put(page, write(digit, 480 * rng.uniform(0.2, 0.5)), colour, rng)
    return scenery.photo(page * scenery.ramp(page.shape, rng)[..., None], rng)


def chalk(digit, rng):
    """Light on a smeared blackboard."""
    board = np.full(SCREEN, rng.uniform(35, 80), np.float32)
    board += scenery.clouds(SCREEN, rng, 6, across=25)
    ink = write(digit, 480 * rng.uniform(0.2, 0.5), rng.uniform(1.5, 3.5))
    grain = cv2.GaussianBlur(rng.uniform(0, 1, ink.shape), (0, 0), 1).astype(np.float32)
    page = put(board, ink * (grain * 2).clip(0.3, 1), rng.uniform(170, 235), rng)
    return photo_in_light(page, rng)


def alpha(digit, rng):
    """Strokes of any colour on a transparent background: RGBA."""
    page = put(np.zeros((300, 240), np.float32), write(digit, rng.uniform(80, 200)), 255, rng)
    picture = np.zeros(page.shape + (4,), np.uint8)
    picture[..., :3] = rng.choice([0, 60, 255])
    picture[..., 3] = page
    return picture


def broken(digit, rng):
    """Gaps across the strokes."""
    page = blank(rng)
    ink = write(digit, page.shape[0] * rng.uniform(0.3, 0.6))
    points, size = np.argwhere(ink > 0.5), max(ink.shape)
    for y, x in points[rng.integers(len(points), size=2)]:
        scenery.wipe(ink, (x, y), rng.uniform(0, np.pi), 0.12 * size, max(2, round(0.035 * size)))
    return photo_in_light(put_dark(page, ink, rng), rng)


CONDITIONS = {
    "paper": paper, "ruled": partial(ruled, squared=False), "squared": partial(ruled, squared=True),
    "shadow": shadow, "dark": dark, "blurred": blurred, "compressed": compressed, "small": small,
    "tilted": tilted, "desk": desk, "held": held, "form32": form32, "tiny8": partial(tiny, size=8),
    "tiny16": partial(tiny, size=16), "paint": paint, "pencil": pencil, "marker": marker,
    "coloured": coloured, "chalk": chalk, "alpha": alpha, "broken": broken,
}


# --- measuring -----------------------------------------------------------------------------------

def load_digits(split, count):
    """Return `count` digits and their labels."""
    data = load_mnist(split == "tune", allow_sample=False)
    chosen = np.arange(count) + (55_000 if split == "tune" else 0)
    return data.data[chosen].numpy(), data.targets[chosen].numpy()


def measure(name, digits, truth, net, reader):
    """Print one line for a condition, and return the wrong ones for the sheet, and the accuracy."""
    rng = np.random.default_rng(0)
    pictures = [CONDITIONS[name](digit, rng) for digit in digits]
    resized = np.stack([naive_resize(picture) for picture in pictures])
    naive = max(np.mean(probabilities(net, way).argmax(1) == truth)
                for way in (resized, 255 - resized))
    answers = [read_digit(picture, reader) for picture in pictures]
    right = np.array([answer is not None and answer.digit == label
                      for answer, label in zip(answers, truth)])
    sure = np.mean([answer is not None and answer.sure for answer in answers])
    print(f"{name:12} resized {naive:6.1%}   prepared {right.mean():6.1%}   sure of {sure:6.1%}   "
          f"nothing found {sum(answer is None for answer in answers):3}", flush=True)
    wrong = [wrong_one(picture, f"{name}: {label}", answer)
             for picture, label, answer, well in zip(pictures, truth, answers, right) if not well]
    return wrong, right.mean()


def main():
    parser = argparse.ArgumentParser(description="Measure under which conditions digits are read.")
    parser.add_argument("--split", choices=["test", "tune"], default="test")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="for each condition")
    parser.add_argument("--only", metavar="NAMES", help="some conditions, separated by commas")
    parser.add_argument("--weights", default=GUARD, help="default: those that ship")
    parser.add_argument("--sheet", metavar="FILE", help="draw the wrong ones")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(CONDITIONS)
    if not set(names) <= set(CONDITIONS):
        parser.error(f"expected conditions among {', '.join(CONDITIONS)}")
    matplotlib.use("agg")
    torch.set_num_threads(1)
    net, reader = load_pretrained(), load_pretrained(arguments.weights)  # the naive way's, ours
    digits, truth = load_digits(arguments.split, arguments.count)
    results = [measure(name, digits, truth, net, reader) for name in names]
    print(f"{'mean':12} prepared {np.mean([rate for _, rate in results]):.1%}")
    wrong = [picture for pictures, _ in results for picture in pictures]
    if arguments.sheet and wrong:
        draw_sheet(arguments.sheet, wrong)


if __name__ == "__main__":
    main()
