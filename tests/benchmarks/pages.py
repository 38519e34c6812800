"""How well are pages of several digits read, and under which conditions?

    python tests/benchmarks/pages.py [CONDITION ...] [--split test] [--pages 40] [--sheet failed.png]

Digits of MNIST are enlarged, redrawn with one pen for each page and composed to numbers, and the pages are
spoilt as photos are. Only digits take part that the network reads correctly as they are redrawn, alone and
clean: what then goes wrong is the page's fault. `--split train` takes the last 5,000 training pictures, for tuning.
"""

import argparse
import functools
import sys
import time
import zlib
from typing import NamedTuple

import cv2
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from handwriting import digits_only, edit_distance

from mnist_tutorial import load_mnist, load_pretrained, read_digits
from mnist_tutorial.images import load_grey
from mnist_tutorial.predict import probabilities
from mnist_tutorial.preprocess import fit_to_mnist


class Layout(NamedTuple):
    """How numbers stand on a page; ranges are drawn from evenly, lengths are in heights of a digit."""

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
    """Enlarge a 28x28 digit to `height` pixels, its strokes `pen` pixels wide: float32 array, 1 = ink."""
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


def draw_digit(digits, height, pen, net, random):
    """Redraw a random digit that the network reads when it stands alone: give its ink and its label."""
    while True:
        index = random.integers(len(digits[0]))
        ink, label = redraw(digits[0][index], height, pen), digits[1][index]
        if probabilities(net, fit_to_mnist((255 * ink).astype(np.uint8)))[0, label] > 0.9:
            return ink, str(label)


def break_stroke(ink, pen, random):
    """Wipe a thin band of ink off, across one of the strokes."""
    y, x = np.argwhere(ink > 0.9)[random.integers((ink > 0.9).sum())]
    angle = random.uniform(0, np.pi)
    reach = 1.5 * pen * np.array([np.cos(angle), np.sin(angle)])
    ends = (np.array([[x, y]]) + np.array([-reach, reach])).round().astype(int).tolist()
    cv2.line(ink, *ends, 0, max(2, round(0.5 * pen)))


def write(digits, layout, net, random):
    """Write rows of digits: give the ink (float32 array, 1 = ink), the text, and the height of a digit."""
    height = random.uniform(*layout.height)
    pen = random.uniform(*layout.pen)
    counts = random.integers(*layout.count, endpoint=True, size=random.integers(*layout.rows, endpoint=True))
    numbers = []
    slope = np.tan(np.radians(random.uniform(-layout.slope, layout.slope)))
    width = height * (2 + 2.2 * counts.max())
    canvas = np.zeros((round(height * (2 + 2.2 * len(counts)) + width * abs(slope)), round(width)), np.float32)
    base = 1.6 * height + max(0, -slope) * width
    for count in counts:
        tall = height * random.uniform(1 - layout.sizes, 1 + layout.sizes)
        gap = random.uniform(*layout.gap)
        right, left = np.full(len(canvas), -1e9), random.uniform(0.8, 1.6) * height
        numbers.append("")
        for place in range(count):
            ink, label = draw_digit(digits, tall * random.uniform(0.88, 1.12), pen * tall, net, random)
            numbers[-1] += label
            if random.random() < layout.broken:
                break_stroke(ink, pen * tall, random)
            y = round(base + slope * left + random.uniform(-0.08, 0.08) * tall - len(ink) / 2)
            edge = np.where((ink > 0.5).any(1), (ink > 0.5).argmax(1), 1e9)
            x = left
            if place and random.random() < layout.touching:
                x = (right[y:y + len(ink)] - edge).max() - 0.4 * pen * tall
            elif place and layout.strokes:
                reach = round(gap * tall)  # nothing nearer, above and below too
                near = cv2.dilate(right[:, None], np.ones((1 + 2 * reach, 1)))[:, 0]
                x = (near[y:y + len(ink)] - edge).max() + reach
            elif place:
                x = right.max() + gap * tall * random.uniform(0.7, 1.3)
            x = round(max(0, x))
            patch = canvas[y:y + len(ink), x:x + ink.shape[1]]
            np.maximum(patch, ink[:, :patch.shape[1]], out=patch)
            ends = x + ink.shape[1] - (ink > 0.5)[:, ::-1].argmax(1)
            right = np.full(len(canvas), -1e9)
            right[y:y + len(ink)] = np.where((ink > 0.5).any(1), ends, -1e9)
            left = x + ink.shape[1]
        base += tall * random.uniform(1.5, 2)
    used = cv2.boundingRect((canvas > 0).astype(np.uint8))
    margin = round(height * random.uniform(0.7, 1.5))
    ink = cv2.copyMakeBorder(canvas[used[1]:used[1] + used[3], used[0]:used[0] + used[2]], *[margin] * 4,
                             cv2.BORDER_CONSTANT)
    return ink, "/".join(numbers), height


# Each of the following spoils a page, float32 array (H, W) of grey levels 0..255 with digits `height` pixels tall.

def noise(grey, height, random, sigma=3):
    return grey + random.normal(0, sigma, grey.shape).astype(np.float32)


def ruled(grey, height, random, squared=False, level=(0.75, 0.9)):
    """Rule lines, `level` times as bright as the paper."""
    lines = np.full_like(grey, 255)
    step = height * (random.uniform(0.35, 0.8) if squared else random.uniform(0.9, 1.6))
    width = max(1, round(0.025 * height))
    tone = 225 * random.uniform(*level)
    for place in np.arange(random.uniform(0, step), max(grey.shape), step).astype(int):
        lines[place:place + width] = tone
        if squared:
            lines[:, place:place + width] = tone
    lines = cv2.GaussianBlur(lines, (0, 0), 0.5)
    turn = cv2.getRotationMatrix2D((grey.shape[1] / 2, grey.shape[0] / 2), random.uniform(-2, 2), 1.06)
    return np.minimum(grey, cv2.warpAffine(lines, turn, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE))


def shadow(grey, height, random):
    """Throw a shadow with a hard edge."""
    y, x = np.indices(grey.shape)
    angle = random.uniform(0, 2 * np.pi)
    side = (x - grey.shape[1] / 2) * np.cos(angle) + (y - grey.shape[0] / 2) * np.sin(angle)
    edge = cv2.GaussianBlur((side > random.uniform(-height, height)).astype(np.float32), (0, 0), random.uniform(1, 4))
    return grey * (1 - random.uniform(0.4, 0.65) * edge)


def expose(grey, height, random):
    """Expose far too short, and darker towards one side."""
    light = np.linspace(random.uniform(0.12, 0.25), 0.3, grey.shape[1], dtype=np.float32)
    return noise(grey * light, height, random, 2)


def blur(grey, height, random):
    """Blur, then lose detail to JPEG."""
    soft = cv2.GaussianBlur(grey, (0, 0), height * random.uniform(0.025, 0.045)).clip(0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(15, 40))]
    return cv2.imdecode(cv2.imencode(".jpg", soft, quality)[1], cv2.IMREAD_GRAYSCALE).astype(np.float32)


def desk(grey, height, random):
    """Lay the sheet askew on a darker desk."""
    h, w = grey.shape
    margin = round(height * random.uniform(0.4, 1))
    corners = np.float32([(0, 0), (w, 0), (w, h), (0, h)])
    turn = np.radians(random.uniform(-7, 7))
    turned = (corners - (w / 2, h / 2)) @ np.float32([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned += random.uniform(-0.03, 0.03, (4, 2)).astype(np.float32) * (w, h)
    turned = (turned - turned.min(0) + margin).astype(np.float32)
    size = (turned.max(0) + margin).astype(int).tolist()
    tone = random.uniform(40, 130)
    under = tone + cv2.GaussianBlur(random.normal(0, 40, size[::-1]).astype(np.float32), (0, 0), 6)
    matrix = cv2.getPerspectiveTransform(corners, turned)
    cover = cv2.warpPerspective(np.ones_like(grey), matrix, size)
    return noise(cv2.warpPerspective(grey, matrix, size) + under * (1 - cover), height, random)


def clutter(grey, height, random):
    """Add dots, a staple, punch holes, the arc of a coffee ring and the page's edge."""
    h, w = grey.shape
    free = cv2.dilate((grey < 150).astype(np.uint8), np.ones([1 + round(0.5 * height)] * 2))
    for _ in range(6):
        x, y = random.integers(w), random.integers(h)
        if not free[y, x]:
            radius = round(height * random.uniform(0.02, 0.05))
            cv2.circle(grey, (x, y), radius, random.uniform(60, 150), -1, cv2.LINE_AA)
    edge = round(0.35 * height)  # the margin holds at least 0.7 heights
    width = max(2, round(0.03 * height))
    cv2.line(grey, (edge, edge), (edge + round(0.5 * height), edge + 3), 80, width, cv2.LINE_AA)
    for y in (h // 3, 2 * h // 3):
        cv2.circle(grey, (edge, y), round(0.12 * height), 90, -1, cv2.LINE_AA)
    cv2.ellipse(grey, (w, h), (round(0.55 * height), round(0.5 * height)), 0, 180, 270, 170, 3, cv2.LINE_AA)
    grey[:, -round(random.uniform(4, 12)):] = 70
    return grey


def invert(grey, height, random):
    return 255 - grey


def paint(grey, height, random):
    """Redraw in black and white, as paint programs do, in either polarity."""
    white = np.where(grey < 140, 0, 255).astype(np.float32)
    return white if random.random() < 0.5 else 255 - white


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
    """Compose one page: give its grey levels, uint8 array (H, W), and its text."""
    layout, effects = CONDITIONS[name]
    random = np.random.default_rng([zlib.crc32(name.encode()), seed])
    ink, text, height = write(digits, layout, net, random)
    grey = (225 * (1 - random.uniform(0.65, 0.85) * ink)).astype(np.float32)
    for effect in effects:
        grey = effect(grey, height, random)
    return grey.clip(0, 255).round().astype(np.uint8), text


def load_digits(split):
    """Give the pictures (uint8 array (N, 28, 28)) and labels of a split."""
    data = load_mnist(split == "train", allow_sample=False)
    part = slice(55_000, None) if split == "train" else slice(None)
    return data.data[part].numpy(), data.targets[part].numpy()


def measure(name, digits, count, net):
    """Print one line for a condition, and give the pages that were not read exactly."""
    failed, errors, length, seconds = [], 0, 0, []
    for seed in range(count):
        grey, text = compose(name, digits, net, seed)
        start = time.perf_counter()
        page = read_digits(grey, net)
        seconds.append(time.perf_counter() - start)
        errors += edit_distance(digits_only(text), digits_only(page.text))
        length += len(digits_only(text))
        if page.text != text:
            failed.append((name, grey, text, page))
    print(f"{name:14} {count:4} pages of {length:4} digits: {1 - len(failed) / count:6.1%} read exactly, "
          f"{errors / length:5.1%} errors, {np.median(seconds):.3f} s", flush=True)
    return failed, errors, length


def draw_sheet(path, failed):
    """Draw pages with the boxes and the text read."""
    columns = 4
    figure, axes = plt.subplots(-(-len(failed) // columns), columns, squeeze=False, layout="constrained",
                                figsize=(18, 3.6 * -(-len(failed) // columns)))
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, grey, text, page) in zip(axes.flat, failed):
        axis.imshow(load_grey(grey), cmap="gray", vmin=0, vmax=255, extent=(0, grey.shape[1], grey.shape[0], 0))
        axis.set_title(f"{name}: {text}\nread {page.text}", fontsize=8, loc="left")
        for x, y, w, h in (digit.box for digit in page.digits):
            axis.add_patch(plt.Rectangle((x, y), w, h, fill=False, color="tab:red"))
    figure.savefig(path, dpi=60)


def main():
    parser = argparse.ArgumentParser(description="Measure how well pages of several digits are read.")
    parser.add_argument("conditions", nargs="*", metavar="CONDITION", help="default: all")
    parser.add_argument("--split", choices=["test", "train"], default="test")
    parser.add_argument("--pages", type=int, default=40, metavar="N", help="for each condition")
    parser.add_argument("--weights", help="default: those that ship")
    parser.add_argument("--sheet", metavar="FILE", help="draw the pages that failed")
    arguments = parser.parse_args()
    if not set(arguments.conditions) <= set(CONDITIONS):
        parser.error(f"expected conditions among {', '.join(CONDITIONS)}")
    matplotlib.use("agg")
    torch.set_num_threads(1)
    net = load_pretrained(arguments.weights) if arguments.weights else load_pretrained()
    digits = load_digits(arguments.split)
    results = [measure(name, digits, arguments.pages, net) for name in arguments.conditions or CONDITIONS]
    failed = [page for pages, _, _ in results for page in pages]
    errors, length = (sum(column) for column in list(zip(*results))[1:])
    print(f"{'all':14} {len(results) * arguments.pages:4} pages of {length:4} digits: "
          f"{1 - len(failed) / len(results) / arguments.pages:6.1%} read exactly, {errors / length:5.1%} errors")
    if arguments.sheet and failed:
        draw_sheet(arguments.sheet, failed)


if __name__ == "__main__":
    sys.exit(main())
