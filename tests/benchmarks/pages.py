"""How well are pages of several digits read, and under which conditions?

    python tests/benchmarks/pages.py [CONDITION ...] [--split test] [--pages 40]
                                     [--sheet failed.png]

Digits of MNIST are enlarged, redrawn with one pen for each page and composed to numbers, and the
pages are spoilt as photos are. Only digits take part that the network reads correctly as they are
redrawn, alone and clean: what then goes wrong is the page's fault. `--split train` takes the last
5,000 training pictures, for tuning.
"""

import argparse
import functools
import sys
import time
import zlib
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from handwriting import digits_only, edit_distance, read_text

from mnist_tutorial import load_mnist, load_pretrained, probabilities, read_digits
from mnist_tutorial.checkpoint import GUARD
from mnist_tutorial.preprocess import fit_to_mnist
from mnist_tutorial.reading import load_grey

sys.path.insert(0, str(Path(__file__).parents[1]))
import scenery  # noqa: E402

PAPER = 225  # grey level of the sheet


class Layout(NamedTuple):
    """How numbers are written; ranges are drawn from evenly, lengths are in heights of a digit."""

    rows: tuple = (2, 4)
    count: tuple = (2, 6)       # digits in a row
    height: tuple = (50, 90)    # of a digit, in pixels
    pen: tuple = (0.07, 0.13)   # width of a stroke
    gap: tuple = (0.15, 0.5)    # between bounding boxes, or between strokes
    strokes: bool = False       # the gap is one between strokes: bounding boxes may overlap
    touching: float = 0         # share of the digits that touch the one before
    broken: float = 0           # share of the digits whose strokes have a gap
    slope: float = 0            # of rows, at most, in degrees
    sizes: float = 0.1          # how much heights differ from row to row


def redraw(picture, height, pen):
    """Enlarge a 28x28 digit to `height` pixels, strokes `pen` pixels wide: float32, 1 = ink."""
    x, y, w, h = cv2.boundingRect((picture > 60).astype(np.uint8))
    field = cv2.copyMakeBorder(picture[y:y + h, x:x + w], *[4] * 4, cv2.BORDER_CONSTANT)
    scale = height / h
    field = cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    mask = (cv2.GaussianBlur(field, (0, 0), 0.5 * scale) > 90).astype(np.uint8)
    inside, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (mask, 1 - mask))
    width = 4 * inside[mask > 0].mean()
    change = np.clip(pen - width, -0.45 * width, 1.2 * width)
    ink = cv2.GaussianBlur(inside - outside + change / 2 + 0.5, (0, 0), 0.8).clip(0, 1)
    x, y, w, h = cv2.boundingRect((ink > 0).astype(np.uint8))
    return ink[y:y + h, x:x + w]


def draw_digit(digits, height, pen, net, rng):
    """Redraw any digit that the network reads when it is alone: its ink and its label."""
    while True:
        index = rng.integers(len(digits[0]))
        ink, label = redraw(digits[0][index], height, pen), digits[1][index]
        if probabilities(net, fit_to_mnist((255 * ink).astype(np.uint8)))[0, label] > 0.9:
            return ink, str(label)


def break_stroke(ink, pen, rng):
    """Wipe a thin band of ink off, across one of the strokes, in place."""
    y, x = np.argwhere(ink > 0.9)[rng.integers((ink > 0.9).sum())] + 0.5  # the pixel's middle
    scenery.wipe(ink, (x, y), rng.uniform(0, np.pi), 1.5 * pen, max(2, round(0.5 * pen)))


def write(digits, layout, net, rng):
    """Write rows of digits: ink (float32 array, 1 = ink), text, and the height of a digit."""
    height = rng.uniform(*layout.height)
    pen = rng.uniform(*layout.pen)
    rows = rng.integers(*layout.rows, endpoint=True)
    counts = rng.integers(*layout.count, endpoint=True, size=rows)
    numbers = []
    slope = np.tan(np.radians(rng.uniform(-layout.slope, layout.slope)))
    width = height * (2 + 2.2 * counts.max())
    tall = height * (2 + 2.2 * len(counts)) + width * abs(slope)
    canvas = np.zeros((round(tall), round(width)), np.float32)
    base = 1.6 * height + max(0, -slope) * width
    for count in counts:
        tall = height * rng.uniform(1 - layout.sizes, 1 + layout.sizes)
        gap = rng.uniform(*layout.gap)
        right, left = np.full(len(canvas), -1e9), rng.uniform(0.8, 1.6) * height
        numbers.append("")
        for place in range(count):
            ink, label = draw_digit(digits, tall * rng.uniform(0.88, 1.12), pen * tall, net, rng)
            numbers[-1] += label
            if rng.random() < layout.broken:
                break_stroke(ink, pen * tall, rng)
            y = round(base + slope * left + rng.uniform(-0.08, 0.08) * tall - len(ink) / 2)
            edge = np.where((ink > 0.5).any(1), (ink > 0.5).argmax(1), 1e9)
            x = left
            if place and rng.random() < layout.touching:
                x = (right[y:y + len(ink)] - edge).max() - 0.4 * pen * tall
            elif place and layout.strokes:
                reach = round(gap * tall)  # nothing nearer, above and below too
                near = cv2.dilate(right[:, None], np.ones((1 + 2 * reach, 1)))[:, 0]
                x = (near[y:y + len(ink)] - edge).max() + reach
            elif place:
                x = right.max() + gap * tall * rng.uniform(0.7, 1.3)
            x = round(max(0, x))
            patch = canvas[y:y + len(ink), x:x + ink.shape[1]]
            np.maximum(patch, ink[:, :patch.shape[1]], out=patch)
            ends = x + ink.shape[1] - (ink > 0.5)[:, ::-1].argmax(1)
            right = np.full(len(canvas), -1e9)
            right[y:y + len(ink)] = np.where((ink > 0.5).any(1), ends, -1e9)
            left = x + ink.shape[1]
        base += tall * rng.uniform(1.5, 2)
    x, y, w, h = cv2.boundingRect((canvas > 0).astype(np.uint8))
    margin = round(height * rng.uniform(0.7, 1.5))
    ink = cv2.copyMakeBorder(canvas[y:y + h, x:x + w], *[margin] * 4, cv2.BORDER_CONSTANT)
    return ink, "/".join(numbers), height


# Each of the following spoils a page: float32 (H, W), 0..255, with digits `height` pixels tall.

def noise(grey, height, rng):
    return scenery.add_noise(grey, rng)


def ruled(grey, height, rng, squared=False, level=(0.75, 0.9)):
    """Rule lines, `level` times as bright as the paper."""
    step = height * (rng.uniform(0.35, 0.8) if squared else rng.uniform(0.9, 1.6))
    thick, tone = max(1, round(0.025 * height)), PAPER * rng.uniform(*level)
    rows = np.arange(rng.uniform(0, step), max(grey.shape), step).astype(int)
    lines = scenery.rule(np.full_like(grey, 255), rows, rows if squared else [], thick, tone)
    lines = cv2.GaussianBlur(lines, (0, 0), 0.5)
    return np.minimum(grey, scenery.turn(lines, rng.uniform(-2, 2), zoom=1.06))


def shadow(grey, height, rng):
    """Throw a shadow with a hard edge."""
    y, x = np.indices(grey.shape)
    angle = rng.uniform(0, 2 * np.pi)
    side = (x - grey.shape[1] / 2) * np.cos(angle) + (y - grey.shape[0] / 2) * np.sin(angle)
    cover, soft = np.float32(side > rng.uniform(-height, height)), rng.uniform(1, 4)
    return scenery.shade(grey, cover, rng.uniform(0.4, 0.65), soft)


def expose(grey, height, rng):
    """Expose far too short, and darker towards one side."""
    light = np.linspace(rng.uniform(0.12, 0.25), 0.3, grey.shape[1], dtype=np.float32)
    return scenery.add_noise(grey * light, rng, 2)


def blur(grey, height, rng):
    """Blur, then lose detail to JPEG."""
    soft = cv2.GaussianBlur(grey, (0, 0), height * rng.uniform(0.025, 0.045))
    return np.float32(scenery.jpeg(soft.clip(0, 255).astype(np.uint8), rng.integers(15, 40)))


def desk(grey, height, rng):
    """Lay the sheet askew on a darker desk."""
    margin = round(height * rng.uniform(0.4, 1))
    corners = scenery.corners_of(grey, rng.uniform(-7, 7))
    corners += rng.uniform(-0.03, 0.03, (4, 2)) * grey.shape[::-1]
    corners += margin - corners.min(0)
    width, tall = (corners.max(0) + margin).astype(int)
    top = rng.uniform(40, 130) + scenery.clouds((tall, width), rng, 2, across=6)
    return scenery.add_noise(scenery.lay(grey, top, corners), rng)


def clutter(grey, height, rng):
    """Add dots, a staple, punch holes, the arc of a coffee ring and the page's edge."""
    h, w = grey.shape
    free = cv2.dilate((grey < 150).astype(np.uint8), np.ones([1 + round(0.5 * height)] * 2))
    for _ in range(6):
        x, y = rng.integers(w), rng.integers(h)
        if not free[y, x]:
            radius = round(height * rng.uniform(0.02, 0.05))
            cv2.circle(grey, (x, y), radius, rng.uniform(60, 150), -1, scenery.PEN)
    edge = round(0.35 * height)  # the margin holds at least 0.7 heights
    width = max(2, round(0.03 * height))
    cv2.line(grey, (edge, edge), (edge + round(0.5 * height), edge + 3), 80, width, scenery.PEN)
    for y in (h // 3, 2 * h // 3):
        cv2.circle(grey, (edge, y), round(0.12 * height), 90, -1, scenery.PEN)
    half = round(0.55 * height), round(0.5 * height)
    cv2.ellipse(grey, (w, h), half, 0, 180, 270, 170, 3, scenery.PEN)
    grey[:, -round(rng.uniform(4, 12)):] = 70
    return grey


def invert(grey, height, rng):
    return 255 - grey


def paint(grey, height, rng):
    """Redraw in black and white, as paint programs do, in either polarity."""
    white = np.where(grey < 140, 0, 255).astype(np.float32)
    return white if rng.random() < 0.5 else 255 - white


LIGHT, DARK = (0.75, 0.9), (0.35, 0.5)  # ruled lines; ink is at about 0.25
CONDITIONS = {  # each with a layout, and what spoils the page
    "plain": (Layout(), [noise]),
    "one digit": (Layout(rows=(1, 1), count=(1, 1)), [noise]),
    "two digits": (Layout(rows=(1, 1), count=(2, 2)), [noise]),
    "long": (Layout(rows=(1, 1), count=(10, 20), height=(40, 60)), [noise]),
    "sloped": (Layout(rows=(2, 3), count=(3, 7), slope=8), [noise]),
    "mixed sizes": (Layout(sizes=0.3), [noise]),
    "dense": (Layout(gap=(0.05, 0.1)), [noise]),
    "overlapping": (Layout(gap=(0.06, 0.12), strokes=True), [noise]),
    "touching": (Layout(touching=0.3), [noise]),
    "broken": (Layout(broken=0.4), [noise]),
    "thick": (Layout(pen=(0.15, 0.2)), [noise]),
    "thin": (Layout(pen=(0.03, 0.045)), [noise]),
    "ruled": (Layout(), [functools.partial(ruled, level=LIGHT), noise]),
    "squared": (Layout(), [functools.partial(ruled, squared=True, level=LIGHT), noise]),
    "ruled dark": (Layout(), [functools.partial(ruled, level=DARK), noise]),
    "squared dark": (Layout(), [functools.partial(ruled, squared=True, level=DARK), noise]),
    "shadow": (Layout(), [shadow, noise]),
    "dark": (Layout(), [expose]),
    "blurred": (Layout(), [noise, blur]),
    "desk": (Layout(), [desk]),
    "inverted": (Layout(), [noise, invert]),
    "paint": (Layout(rows=(1, 1), count=(2, 4), height=(40, 64), pen=(0.06, 0.14)), [paint]),
    "clutter": (Layout(), [clutter, noise]),
}


def compose(name, digits, net, seed):
    """Compose one page: its grey levels, uint8 array (H, W), and its text."""
    layout, effects = CONDITIONS[name]
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    ink, text, height = write(digits, layout, net, rng)
    grey = (PAPER * (1 - rng.uniform(0.65, 0.85) * ink)).astype(np.float32)
    for effect in effects:
        grey = effect(grey, height, rng)
    return scenery.to_uint8(grey), text


def load_digits(split):
    """Return the images (uint8 array (N, 28, 28)) and labels of a split."""
    data = load_mnist(split == "train", allow_sample=False)
    part = slice(55_000, None) if split == "train" else slice(None)
    return data.data[part].numpy(), data.targets[part].numpy()


def measure(name, digits, count, net, reader):
    """Print one line for a condition; return the pages not read exactly, the errors, the digits."""
    failed, errors, length, seconds = [], 0, 0, []
    for seed in range(count):
        grey, text = compose(name, digits, net, seed)
        start = time.perf_counter()
        page = read_digits(grey, reader)
        seconds.append(time.perf_counter() - start)
        errors += edit_distance(digits_only(text), digits_only(page.text))
        length += len(digits_only(text))
        if read_text(page) != text:
            failed.append((name, grey, text, page))
    print(f"{summary(name, count, failed, errors, length)}, {np.median(seconds):.3f} s", flush=True)
    return failed, errors, length


def summary(name, count, failed, errors, length):
    exact = 1 - len(failed) / count
    return (f"{name:14} {count:4} pages of {length:4} digits: {exact:6.1%} read exactly, "
            f"{errors / length:5.1%} errors")


def draw_sheet(path, failed):
    """Draw pages with the boxes and the text read."""
    columns = 4
    rows = -(-len(failed) // columns)
    figure, axes = plt.subplots(rows, columns, squeeze=False, layout="constrained",
                                figsize=(18, 3.6 * rows))
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, grey, text, page) in zip(axes.flat, failed):
        height, width = grey.shape
        axis.imshow(load_grey(grey), cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
        axis.set_title(f"{name}: {text}\nread {page.text}", fontsize=8, loc="left")
        for x, y, w, h in (digit.box for digit in page.digits):
            axis.add_patch(plt.Rectangle((x, y), w, h, fill=False, color="tab:red"))
    figure.savefig(path, dpi=60)


def main():
    parser = argparse.ArgumentParser(description="Measure how well pages of digits are read.")
    parser.add_argument("conditions", nargs="*", metavar="CONDITION", help="default: all")
    parser.add_argument("--split", choices=["test", "train"], default="test")
    parser.add_argument("--pages", type=int, default=40, metavar="N", help="for each condition")
    parser.add_argument("--weights", default=GUARD, help="default: those that ship")
    parser.add_argument("--sheet", metavar="FILE", help="draw the pages that failed")
    arguments = parser.parse_args()
    if not set(arguments.conditions) <= set(CONDITIONS):
        parser.error(f"expected conditions among {', '.join(CONDITIONS)}")
    matplotlib.use("agg")
    torch.set_num_threads(1)
    net = load_pretrained()  # which digits are plain enough to write
    reader = load_pretrained(arguments.weights)
    digits = load_digits(arguments.split)
    results = [measure(name, digits, arguments.pages, net, reader)
               for name in arguments.conditions or CONDITIONS]
    failed = [page for pages, _, _ in results for page in pages]
    errors, length = (sum(column) for column in list(zip(*results))[1:])
    print(summary("all", len(results) * arguments.pages, failed, errors, length))
    if arguments.sheet and failed:
        draw_sheet(arguments.sheet, failed)


if __name__ == "__main__":
    sys.exit(main())
