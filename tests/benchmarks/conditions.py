"""Under which conditions are digits read, and under which not?

    python tests/benchmarks/conditions.py [--split tune] [--count 100] [--only ruled,held] [--sheet wrong.png]

Digits of MNIST are written, as ink, chalk or pixels, on simulated pictures: ruled paper, a shadow, a sheet
held in a hand. They are read merely resized to 28x28 (or inverted, whichever is better) and by `predict_image`.
Tune on the split `tune`, training images 55,000 to 59,999; the test images are for the report.
"""

import argparse

import cv2
import matplotlib
import numpy as np
import torch
from handwriting import draw_sheet, read_digit, wrong_one

from mnist_tutorial import load_mnist, load_pretrained, naive_resize
from mnist_tutorial.predict import probabilities

FINE = 8  # digits are redrawn on a grid this many times finer than MNIST's


# --- pens ----------------------------------------------------------------------------------------

def shape_of(digit):
    """Give a digit's smooth outline, fine and binary: uint8 (224, 224), 1 = ink."""
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
    """Write a digit `height` pixels tall: float32 (h, w), 1 = ink; strokes as in MNIST, or `width` of its pixels."""
    shape = shape_of(digit)
    if width:
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(FINE * width),) * 2)
        shape = cv2.dilate(skeleton(shape), pen)
    x, y, w, h = cv2.boundingRect(shape)
    ink = cv2.copyMakeBorder(shape[y:y + h, x:x + w].astype(np.float32), *[FINE] * 4, cv2.BORDER_CONSTANT)
    scale = height / max(h, w / 1.2)
    return cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def put(page, ink, level, numbers, middle=0.25):
    """Put ink of a grey level somewhere near the middle of a page (float32, changed in place)."""
    space = np.subtract(page.shape[:2], ink.shape)
    y, x = (space * numbers.uniform(0.5 - middle, 0.5 + middle, 2)).astype(int).clip(0)
    part = page[y:y + ink.shape[0], x:x + ink.shape[1]]
    ink = ink[:part.shape[0], :part.shape[1]].reshape(part.shape[:2] + (1,) * (page.ndim - 2))
    part += ink * (np.asarray(level, np.float32) - part)
    return page


# --- paper, light and camera ---------------------------------------------------------------------

def blank(numbers, shape=(480, 640), low=190, high=245):
    """An empty sheet."""
    return np.full(shape, numbers.uniform(low, high), np.float32)


def ramp(shape, numbers, least=0.6):
    """Light that falls off towards one side: float32 factors up to 1."""
    y, x = np.indices(shape[:2], np.float32)
    angle = numbers.uniform(0, 2 * np.pi)
    way = np.cos(angle) * x / shape[1] + np.sin(angle) * y / shape[0]
    way = (way - way.min()) / np.ptp(way)
    return 1 - (1 - numbers.uniform(least, 1)) * way


def photo(page, numbers, noise=3.0, blur=0.8):
    """What a camera makes of a page (float32): a little blur and noise, uint8."""
    seen = cv2.GaussianBlur(page, (0, 0), blur)
    return (seen + numbers.normal(0, noise, page.shape)).clip(0, 255).round().astype(np.uint8)


def jpeg(grey, quality):
    """Store a picture as JPEG and read it again."""
    return cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1], cv2.IMREAD_UNCHANGED)


def page_with(digit, numbers, paper=None, low=0.2, high=0.55, width=None):
    """Write a digit in dark ink on a sheet: float32 page."""
    page = blank(numbers) if paper is None else paper
    ink = write(digit, page.shape[0] * numbers.uniform(low, high), width)
    return put(page, ink, page.max() * numbers.uniform(0.1, 0.4), numbers)


def polygon(shape, corners):
    """Draw a filled polygon with soft edges: float32 factors 0..1."""
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1.0, cv2.LINE_AA)
    return mask


def lay(sheet, ground, numbers, share, degrees):
    """Lay a sheet on a ground, turned and in perspective, so that it takes `share` of the picture's sides."""
    height, width = sheet.shape[:2]
    angle = np.deg2rad(numbers.uniform(*degrees) * numbers.choice([-1, 1]))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    scale = share * min(ground.shape[0] / height, ground.shape[1] / width)
    middle = np.array(ground.shape[1::-1]) * numbers.uniform(0.45, 0.55, 2)
    corners = scale * flat @ turn.T + middle + numbers.uniform(-0.04, 0.04, (4, 2)) * scale * width
    flat += [width / 2, height / 2]
    matrix = cv2.getPerspectiveTransform(flat.astype(np.float32), corners.astype(np.float32))
    over = cv2.warpPerspective(sheet, matrix, ground.shape[1::-1], flags=cv2.INTER_AREA)
    cover = cv2.warpPerspective(np.ones_like(sheet), matrix, ground.shape[1::-1])
    return ground * (1 - cover) + over * cover, corners


def desk_top(numbers, shape=(480, 640)):
    """A dark, a wooden or a cluttered desk."""
    desk = np.full(shape, numbers.uniform(30, 120), np.float32)
    kind = numbers.integers(3)
    if kind == 1:  # wood: long irregular streaks
        grain = cv2.GaussianBlur(numbers.normal(0, 1, shape), (0, 0), sigmaX=40, sigmaY=1.5)
        desk += (25 * grain / grain.std()).astype(np.float32)
    if kind == 2:
        clutter(desk, numbers, 12)
    return desk


def clutter(room, numbers, count):
    """Strew rectangles, discs and rods of any grey over a picture."""
    height, width = room.shape
    for _ in range(count):
        place = tuple(int(numbers.uniform(0, side)) for side in (width, height))
        grey, kind = numbers.uniform(10, 230), numbers.integers(3)
        if kind == 0:
            size = tuple(numbers.uniform(20, 160, 2))
            box = cv2.boxPoints((place, size, numbers.choice([0.0, 90.0, numbers.uniform(0, 90)])))
            cv2.fillPoly(room, [box.astype(np.int32)], grey, cv2.LINE_AA)
        elif kind == 1:
            cv2.circle(room, place, int(numbers.uniform(8, 60)), grey, -1, cv2.LINE_AA)
        else:
            end = tuple(int(p + numbers.uniform(-150, 150)) for p in place)
            cv2.line(room, place, end, grey, int(numbers.uniform(3, 14)), cv2.LINE_AA)


def face(room, place, size, numbers):
    """Paint something like a face: hair, skin, eyes, a mouth."""
    skin, hair = numbers.uniform(90, 200), numbers.uniform(15, 80)
    x, y = place
    for dx, dy, w, h, grey in ((0, -0.25, 0.85, 1.0, hair), (0, 0, 0.7, 0.9, skin), (-0.28, -0.1, 0.1, 0.06, 40),
                               (0.28, -0.1, 0.1, 0.06, 40), (0, 0.45, 0.25, 0.06, 70)):
        middle = (int(x + dx * size), int(y + dy * size))
        cv2.ellipse(room, middle, (max(1, int(w * size)), max(1, int(h * size))), 0, 0, 360, grey, -1, cv2.LINE_AA)


# --- conditions: each makes a picture of a digit (uint8 28x28) -------------------------------------

def paper(digit, numbers):
    page = page_with(digit, numbers)
    return photo(page * ramp(page.shape, numbers), numbers)


def lines(page, numbers, both):
    """Print ruled or squared lines, some as dark as ink."""
    height = page.shape[0]
    step, thick = int(height * numbers.uniform(0.045, 0.09)), int(numbers.integers(1, 4))
    grey = page.max() * numbers.choice([0.9, 0.75, 0.55, 0.35])
    for y in range(int(numbers.integers(step)), height, step):
        page[y:y + thick] = grey
    for x in range(int(numbers.integers(step)), page.shape[1] if both else 0, step):
        page[:, x:x + thick] = grey
    return page


def tilt(page, numbers, degrees=2):
    """Turn a page a little, with more of the same around it."""
    matrix = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), numbers.uniform(-degrees, degrees), 1)
    return cv2.warpAffine(page, matrix, page.shape[::-1], borderMode=cv2.BORDER_REFLECT)


def ruled(digit, numbers):
    page = page_with(digit, numbers, tilt(lines(blank(numbers), numbers, both=False), numbers))
    return photo(page * ramp(page.shape, numbers), numbers)


def squared(digit, numbers):
    page = page_with(digit, numbers, tilt(lines(blank(numbers), numbers, both=True), numbers))
    return photo(page * ramp(page.shape, numbers), numbers)


def shadow(digit, numbers):
    """A hard edge across the sheet, or the soft shadow of a hand."""
    page = page_with(digit, numbers)
    height, width = page.shape
    if numbers.random() < 0.5:
        a, b = numbers.uniform(0.1, 0.9, 2) * width
        cover, soft = polygon(page.shape, [(a, 0), (width, 0), (width, height), (b, height)]), 1.5
    else:
        cover, soft = np.zeros(page.shape, np.float32), numbers.uniform(8, 25)
        for _ in range(3):
            start = numbers.uniform([0.5 * width, 0.8 * height], [width, height])
            end = numbers.uniform([0.3 * width, 0.3 * height], [0.7 * width, 0.7 * height])
            cv2.line(cover, start.astype(int).tolist(), end.astype(int).tolist(), 1.0, int(numbers.uniform(40, 110)))
    return photo(page * (1 - numbers.uniform(0.35, 0.65) * cv2.GaussianBlur(cover, (0, 0), soft)), numbers)


def dark(digit, numbers):
    page = page_with(digit, numbers, blank(numbers, low=60, high=80))
    return photo(page * ramp(page.shape, numbers), numbers, noise=numbers.uniform(3, 7))


def blurred(digit, numbers):
    page = page_with(digit, numbers)
    size = page.shape[0] // 40
    if numbers.random() < 0.5:
        return photo(page, numbers, blur=numbers.uniform(0.3, 0.7) * size)
    way = cv2.getRotationMatrix2D((size, size), numbers.uniform(0, 180), 1)
    line = np.zeros((2 * size + 1, 2 * size + 1), np.float32)
    line[size, size // 2:-(size // 2)] = 1
    line = cv2.warpAffine(line, way, line.shape)
    return photo(cv2.filter2D(page, -1, line / line.sum()), numbers)


def compressed(digit, numbers):
    return jpeg(paper(digit, numbers), numbers.integers(10, 21))


def small(digit, numbers):
    page = blank(numbers, (1100, 1500))
    page = put(page, write(digit, 55), page.max() * numbers.uniform(0.1, 0.4), numbers)
    return photo(page * ramp(page.shape, numbers), numbers)


def tilted(digit, numbers):
    page = page_with(digit, numbers)
    return photo(lay(page, np.full_like(page, numbers.uniform(20, 90)), numbers, numbers.uniform(0.75, 0.95),
                     (10, 20))[0], numbers)


def desk(digit, numbers):
    page = page_with(digit, numbers)
    picture = lay(page, desk_top(numbers), numbers, numbers.uniform(0.55, 0.78), (0, 15))[0]
    return photo(picture * ramp(picture.shape, numbers), numbers)


def held(digit, numbers):
    """A sheet held into a webcam, before a room and a face."""
    room = np.full((480, 640), numbers.uniform(60, 200), np.float32)
    clutter(room, numbers, 14)
    face(room, numbers.uniform([120, 80], [520, 200]), numbers.uniform(60, 120), numbers)
    sheet = blank(numbers, (400, 300))
    sheet = put(sheet, write(digit, numbers.uniform(90, 200), numbers.uniform(1.5, 4)),
                sheet.max() * numbers.uniform(0.1, 0.4), numbers)
    picture, corners = lay(sheet, cv2.GaussianBlur(room, (0, 0), 1.5), numbers, numbers.uniform(0.5, 0.8), (0, 12))
    skin = numbers.uniform(90, 190)
    side = corners[[1, 2]] if numbers.random() < 0.5 else corners[[3, 2]]
    middle = corners.mean(axis=0)
    for way in np.linspace(0.35, 0.65, int(numbers.integers(1, 4))):
        edge = side[0] + way * (side[1] - side[0])
        tip, root = edge + 0.12 * (middle - edge), edge - 0.35 * (middle - edge)
        cv2.line(picture, tip.astype(int).tolist(), root.astype(int).tolist(), skin, 22, cv2.LINE_AA)
    return photo(picture * ramp(picture.shape, numbers), numbers, noise=4)


def form32(digit, numbers):
    """A box cut out of a scanned form, parts of its printed frame with it."""
    page = np.full((128, 128), numbers.uniform(200, 250), np.float32)
    page = put(page, write(digit, numbers.uniform(64, 100)), numbers.uniform(20, 110), numbers)
    grey, thick = numbers.uniform(90, 190), int(numbers.integers(3, 11))
    for turns in numbers.permutation(4)[:numbers.integers(1, 5)]:
        np.rot90(page, turns)[:thick] = grey
    return jpeg(photo(cv2.resize(page, (32, 32), interpolation=cv2.INTER_AREA), numbers, blur=0.3), 80)


def tiny(digit, numbers, size):
    ink = write(digit, 10 * size)
    ink = ink[FINE:-FINE, FINE:-FINE]
    longest = max(ink.shape)
    whole = np.zeros((longest, longest), np.float32)
    put(whole, ink, 255, numbers, middle=0)
    whole = cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA)
    return (255 - whole if numbers.random() < 0.5 else whole).round().astype(np.uint8)


def tiny8(digit, numbers):
    return tiny(digit, numbers, 8)


def tiny16(digit, numbers):
    return tiny(digit, numbers, 16)


def paint(digit, numbers):
    """A paint program: hard pixels, black or white."""
    side = int(numbers.choice([28, 56, 100, 140, 200, 280]))
    ink = write(digit, side * numbers.uniform(0.45, 0.9), max(28 / side, numbers.uniform(1, 4)))
    page = put(np.zeros((side, side), np.float32), ink, 255, numbers, middle=numbers.choice([0.05, 0.5]))
    page = np.where(page > 127, 255, 0).astype(np.uint8)
    return 255 - page if numbers.random() < 0.5 else page


def pencil(digit, numbers):
    page = blank(numbers)
    ink = write(digit, page.shape[0] * numbers.uniform(0.15, 0.4), numbers.uniform(0.5, 1))
    grain = numbers.uniform(0.6, 1, ink.shape).astype(np.float32)
    page = put(page, ink * grain, page.max() * numbers.uniform(0.55, 0.8), numbers)
    return photo(page * ramp(page.shape, numbers), numbers)


def marker(digit, numbers):
    page = page_with(digit, numbers, width=numbers.uniform(3.5, 5), low=0.3, high=0.7)
    return photo(page * ramp(page.shape, numbers), numbers)


def coloured(digit, numbers):
    """Blue, red or green ink on white or yellow paper: RGB."""
    colour = [(30, 50, 160), (200, 40, 40), (30, 130, 60)][numbers.integers(3)]
    page = np.tile(np.float32([(240, 240, 235), (250, 230, 120)][numbers.integers(2)]), (480, 640, 1))
    page = put(page, write(digit, 480 * numbers.uniform(0.2, 0.5)), colour, numbers)
    return photo(page * ramp(page.shape, numbers)[..., None], numbers)


def chalk(digit, numbers):
    """Light on a smeared blackboard."""
    board = np.full((480, 640), numbers.uniform(35, 80), np.float32)
    smear = cv2.GaussianBlur(numbers.normal(0, 1, board.shape), (0, 0), 25)
    board += (6 * smear / smear.std()).astype(np.float32)
    ink = write(digit, 480 * numbers.uniform(0.2, 0.5), numbers.uniform(1.5, 3.5))
    grain = cv2.GaussianBlur(numbers.uniform(0, 1, ink.shape), (0, 0), 1).astype(np.float32)
    page = put(board, ink * (grain * 2).clip(0.3, 1), numbers.uniform(170, 235), numbers)
    return photo(page * ramp(page.shape, numbers), numbers)


def alpha(digit, numbers):
    """Strokes of any colour on a transparent ground: RGBA."""
    page = put(np.zeros((300, 240), np.float32), write(digit, numbers.uniform(80, 200)), 255, numbers)
    picture = np.zeros(page.shape + (4,), np.uint8)
    picture[..., :3] = numbers.choice([0, 60, 255])
    picture[..., 3] = page
    return picture


def broken(digit, numbers):
    """Gaps across the strokes."""
    page = blank(numbers)
    ink = write(digit, page.shape[0] * numbers.uniform(0.3, 0.6))
    points = np.argwhere(ink > 0.5)
    for y, x in points[numbers.integers(len(points), size=2)]:
        angle, reach = numbers.uniform(0, np.pi), 0.12 * max(ink.shape)
        step = np.array([np.cos(angle), np.sin(angle)]) * reach
        gap = max(2, round(0.035 * max(ink.shape)))
        cv2.line(ink, (np.array([x, y]) - step).astype(int).tolist(), (np.array([x, y]) + step).astype(int).tolist(), 0,
                 gap, cv2.LINE_AA)
    page = put(page, ink, page.max() * numbers.uniform(0.1, 0.4), numbers)
    return photo(page * ramp(page.shape, numbers), numbers)


CONDITIONS = (paper, ruled, squared, shadow, dark, blurred, compressed, small, tilted, desk, held, form32, tiny8,
              tiny16, paint, pencil, marker, coloured, chalk, alpha, broken)


# --- measuring -----------------------------------------------------------------------------------

def load_digits(split, count):
    """Give `count` digits and their labels."""
    data = load_mnist(split == "tune", allow_sample=False)
    chosen = np.arange(count) + (55_000 if split == "tune" else 0)
    return data.data[chosen].numpy(), data.targets[chosen].numpy()


def measure(condition, digits, truth, net):
    """Print one line for a condition, and give the wrong ones for the sheet."""
    numbers = np.random.default_rng(0)
    pictures = [condition(digit, numbers) for digit in digits]
    resized = np.stack([naive_resize(picture) for picture in pictures])
    naive = max(np.mean(probabilities(net, way).argmax(1) == truth) for way in (resized, 255 - resized))
    answers = [read_digit(picture, net) for picture in pictures]
    right = np.array([answer is not None and answer.digit == label for answer, label in zip(answers, truth)])
    sure = np.mean([answer is not None and answer.sure for answer in answers])
    name = condition.__name__
    print(f"{name:12} resized {naive:6.1%}   prepared {right.mean():6.1%}   sure of {sure:6.1%}   "
          f"nothing found {sum(answer is None for answer in answers):3}", flush=True)
    wrong = [wrong_one(picture, f"{name}: {label}", answer)
             for picture, label, answer, well in zip(pictures, truth, answers, right) if not well]
    return wrong, right.mean()


def main():
    parser = argparse.ArgumentParser(description="Measure under which conditions digits are read.")
    parser.add_argument("--split", choices=["test", "tune"], default="test")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="digits for each condition")
    parser.add_argument("--only", metavar="NAMES", help="some conditions, separated by commas")
    parser.add_argument("--weights", help="default: those that ship")
    parser.add_argument("--sheet", metavar="FILE", help="draw the wrong ones")
    arguments = parser.parse_args()
    matplotlib.use("agg")
    torch.set_num_threads(1)
    net = load_pretrained(arguments.weights) if arguments.weights else load_pretrained()
    digits, truth = load_digits(arguments.split, arguments.count)
    names = arguments.only.split(",") if arguments.only else [condition.__name__ for condition in CONDITIONS]
    wrong, rates = [], []
    for condition in CONDITIONS:
        if condition.__name__ in names:
            failures, right = measure(condition, digits, truth, net)
            wrong += failures
            rates.append(right)
    print(f"{'mean':12} prepared {np.mean(rates):.1%}")
    if arguments.sheet and wrong:
        draw_sheet(arguments.sheet, wrong)


if __name__ == "__main__":
    main()
