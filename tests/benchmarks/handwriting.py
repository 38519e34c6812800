"""How well is handwriting read, and how much of that is owed to the image pipeline?

    python tests/benchmarks/handwriting.py FOLDER [--weights net.pt] [--sheet wrong.png]
    python tests/benchmarks/handwriting.py --mnist 1000 --nothing

FOLDER, or each of its subfolders, holds pictures and a `labels.csv` with the columns filename and
label. Pictures of one digit are read three times: merely resized to 28x28, resized and inverted,
and through `predict_image`. Labels of several digits (reading order, rows separated by /) are for
pages, which `read_digits` reads as a whole; a column mode may say that the order does not count
("set") or that other text stands around ("contains"). An empty label is for a picture without a
digit, which should not be answered surely. With --mnist, test digits of MNIST are scaled, pasted
somewhere on large canvases, light on dark and dark on light by turns, and read from there. With
--nothing, 160 pictures without a digit are drawn and read, and 600 cuttings of three photographs;
the first 160 of such pictures are also read as pages, of which `read_digits` should not be sure.
"""

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

import cv2
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch

from mnist_tutorial import load_mnist, load_pretrained, naive_resize, predict_image, read_digits
from mnist_tutorial.checkpoint import GUARD
from mnist_tutorial.errors import ImageError
from mnist_tutorial.live.record import TABLE, read_table
from mnist_tutorial.reading.images import load_grey, load_reduced
from mnist_tutorial.reading.predict import SURE
from mnist_tutorial.training import probabilities

sys.path.insert(0, str(Path(__file__).parents[1]))
import nothing  # noqa: E402

PAGES = 160  # pictures without a digit, at most, that are also read as pages, which takes a while


def read_labels(folder):
    """Give the (path, label, mode) of each picture of a folder."""
    _, _, (columns, *rows) = read_table(folder / TABLE)
    rows = [dict(zip(columns, row)) for row in rows if len(row) == len(columns)]
    return [(folder / row["filename"], row["label"], row.get("mode", "")) for row in rows]


def read_digit(source, reader):
    """Give the prediction, or None where no digit is found."""
    try:
        return predict_image(source, reader)
    except ImageError:
        return None


def wrong_one(source, label, answer):
    """Describe a wrong answer for the sheet: the source, what the network saw, and a line."""
    seen = np.zeros((28, 28), np.uint8) if answer is None else answer.picture
    return source, seen, f"{label} read as {answer or 'nothing'}"


def read_digits_one_by_one(name, pairs, net, reader):
    """Print one line for pictures of one digit each, and give the wrong ones for the sheet."""
    truth = np.array([int(label) for _, label in pairs])
    resized = np.stack([naive_resize(source) for source, _ in pairs])
    naive, inverted = (np.mean(probabilities(net, way).argmax(1) == truth)
                       for way in (resized, 255 - resized))
    answers = [read_digit(source, reader) for source, _ in pairs]
    right = np.array([answer is not None and answer.digit == label
                      for answer, label in zip(answers, truth)])
    sure = np.array([answer is not None and answer.sure for answer in answers])
    print(f"{name:14} {len(pairs):5} pictures: resized {naive:.1%}, resized and inverted "
          f"{inverted:.1%}; prepared {right.mean():.1%} right, "
          f"{(right & sure).mean():.1%} right and sure, "
          f"{(sure & ~right).mean():.1%} sure but wrong, "
          f"{1 - sure.mean():.1%} not sure")
    ones = truth == 1
    if 0 < ones.sum() < len(truth):
        print(f"{'':14} {ones.sum():5} ones: {(right & sure)[ones].mean():.1%} right and sure")
    return [wrong_one(source, label, answer)
            for (source, label), answer, well in zip(pairs, answers, right) if not well]


def read_nothing(name, sources, net, reader):
    """Print one line for pictures without a digit, and give those that were answered surely."""
    answers = [read_digit(source, reader) for source in sources]
    confident = [wrong_one(source, "nothing", answer)
                 for source, answer in zip(sources, answers) if answer is not None and answer.sure]
    alone = sum(probabilities(net, answer.picture).max() >= SURE
                for answer in answers if answer is not None)
    count, pages = len(sources), [read_digits(each, reader).sure for each in sources[:PAGES]]
    print(f"{name:14} {count:5} pictures without a digit: {len(confident) / count:.1%} "
          f"answered surely, without the guard {alone / count:.1%}, "
          f"the first {len(pages)} as pages {np.mean(pages):.1%}")
    return confident


def edit_distance(a, b):
    """Count the digits to insert, remove or replace to make one text the other (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def digits_only(text):
    return "".join(character for character in text if character.isdigit())


def count_errors(label, text, mode):
    """Count the wrong, missing and superfluous digits of a page."""
    if mode == "set":
        label, text = Counter(label), Counter(text)
        return max((label - text).total(), (text - label).total())
    return edit_distance(label, text)


def read_page(path, reader):
    """Read a page as a whole: the text of its digits, and whether it is sure."""
    page = read_digits(path, reader)
    return read_text(page), page.sure


def read_text(page):
    """Give the text of a page without its doubts, which are no answers."""
    rows = page.text.replace("?", "").split("/")
    return "/".join(filter(None, rows))


def read_naively(path, net):
    """Read a page as many programs do: Otsu's threshold, a digit for each outline of some size."""
    grey = load_grey(path)
    ink = 255 - cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    boxes = [cv2.boundingRect(outline) for outline in
             cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]]
    boxes = sorted(box for box in boxes if box[3] > len(grey) / 20)
    pictures = [cv2.resize(ink[y:y + h, x:x + w], (28, 28), interpolation=cv2.INTER_AREA)
                for x, y, w, h in boxes]
    return "".join(map(str, probabilities(net, pictures).argmax(1))) if pictures else "", False


def read_pages(name, pages, net, reader):
    """Print one line for pages of several digits, read naively and by `read_digits`.

    Errors are counted per digit; they are silent on a page that is wrong though all of it is sure.
    """
    length = sum(len(digits_only(label)) for _, label, _ in pages)
    parts = []
    for read, model in (read_naively, net), (read_page, reader):
        exact = errors = silent = 0
        for path, label, mode in pages:
            text, sure = read(path, model)
            wrong = count_errors(digits_only(label), digits_only(text), mode)
            well = not wrong and (mode in ("set", "contains") or text == label)
            exact, errors, silent = exact + well, errors + wrong, silent + (sure and not well)
        parts.append(f"{exact / len(pages):.1%} read exactly, {errors / length:.1%} errors")
    print(f"{name:14} {len(pages):5} pages of {length} digits: naively {parts[0]}; "
          f"{parts[1]}, {silent} pages silently wrong")


def on_canvas(digit, random, dark):
    """Scale a digit of MNIST 2 to 12 times and paste it somewhere on a large even canvas."""
    size = 28 * random.uniform(2, 12)
    large = cv2.resize(digit, (round(size), round(size)), interpolation=cv2.INTER_CUBIC)
    height, width = (round(size * random.uniform(1.2, 3)) for _ in range(2))
    y, x = (random.randrange(side - len(large) + 1) for side in (height, width))
    canvas = np.zeros((height, width), np.uint8)
    canvas[y:y + len(large), x:x + len(large)] = large
    return 255 - canvas if dark else canvas


def read_mnist(count, net, reader):
    """Print plain accuracy, then that of the same digits on large canvases."""
    test = load_mnist(False, allow_sample=False)
    digits, truth = test.data[:count].numpy(), test.targets[:count].numpy()
    plain = np.mean(probabilities(reader, digits)[:, :10].argmax(1) == truth)
    print(f"{'MNIST':14} {len(digits):5} digits as they are: {plain:.2%}")
    numbers = random.Random(0)
    pairs = [(on_canvas(digit, numbers, dark=i % 2), label)
             for i, (digit, label) in enumerate(zip(digits, truth))]
    return read_digits_one_by_one("on canvases", pairs, net, reader)


def draw_sheet(path, wrong):
    """Draw each wrong picture beside what the network saw."""
    columns = 4
    rows = -(-len(wrong) // columns)
    figure, axes = plt.subplots(rows, 2 * columns, figsize=(14, 2 * rows), squeeze=False,
                                layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for (left, right), (source, picture, text) in zip(axes.reshape(-1, 2), wrong):
        left.imshow(load_reduced(source)[0], cmap="gray", vmin=0, vmax=255)
        left.set_title(text, fontsize=8, loc="left")
        right.imshow(picture, cmap="gray", vmin=0, vmax=255)
    figure.savefig(path, dpi=80)


def main():
    parser = argparse.ArgumentParser(description="Measure how well handwriting is read.")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--weights", default=GUARD, help="default: those that ship")
    parser.add_argument("--sheet", metavar="FILE", help="draw the wrong ones")
    parser.add_argument("--nothing", action="store_true",
                        help="draw and read pictures without a digit")
    parser.add_argument("--mnist", type=int, default=0, metavar="N",
                        help="paste N test digits on large canvases")
    arguments = parser.parse_args()
    if not (arguments.folder or arguments.mnist or arguments.nothing):
        parser.error("expected a folder, --mnist or --nothing")
    matplotlib.use("agg")
    torch.set_num_threads(1)
    models = load_pretrained(), load_pretrained(arguments.weights)  # the naive way's, the reader's
    wrong = read_mnist(arguments.mnist, *models) if arguments.mnist else []
    if arguments.nothing:
        wrong += read_nothing("drawn", [picture for _, picture in nothing.pictures()], *models)
        cuttings = [nothing.photo(np.random.default_rng(number), number) for number in range(600)]
        wrong += read_nothing("photographs", cuttings, *models)
    for table in sorted(arguments.folder.rglob("labels.csv")) if arguments.folder else []:
        pictures = read_labels(table.parent)
        digits = [(path, label) for path, label, _ in pictures if len(label) == 1]
        pages = [picture for picture in pictures if len(picture[1]) > 1]
        others = [path for path, label, _ in pictures if not label]
        if others:
            wrong += read_nothing(table.parent.name, others, *models)
        if digits:
            wrong += read_digits_one_by_one(table.parent.name, digits, *models)
        if pages:
            read_pages(table.parent.name, pages, *models)
    if arguments.sheet and wrong:
        draw_sheet(arguments.sheet, wrong)


if __name__ == "__main__":
    main()
