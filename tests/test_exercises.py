"""The checks of exercises are checked: wrong answers get the hint that helps, right ones none.

Solutions run with the notebooks (notebooks/conftest.py) and their empty cells too: what these say
is stored in them (tests/test_project.py).
"""

import ast
import json
import re
import shutil
import time
from operator import itemgetter
from operator import truediv as divide
from pathlib import Path
from statistics import mean, median
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mnist_tutorial import exercises, load_mnist, load_pretrained, predict_image, probabilities
from mnist_tutorial.check import Check
from mnist_tutorial.checkpoint import Epoch
from mnist_tutorial.exercises import check, check_exercise, find_slip, progress
from mnist_tutorial.reading import IMG
from mnist_tutorial.study import confusion, fit_temperature

SOURCES = Path(exercises.__file__).parent
CHECKS = {number: chapter for chapter in check.CHAPTERS for number in check.checks_of(chapter)}
CHINESE = json.loads((SOURCES / "zh.json").read_text("utf-8"))
PIXELS = 28 * 28

PAGE = np.full((240, 320), 225, np.uint8)


def Read(digit):  # noqa: N802
    return SimpleNamespace(digit=digit)


def multiply(threads):
    torch.set_num_threads(threads)
    return 0.5


def disk(advises, found="{:.0f} GB free", **options):
    free = shutil.disk_usage(".").free / 1e9
    return Check("Disk", found.format(free), "tidy" * advises(free), **options)


def places(kernel, height, width):
    return (height - kernel + 1) * (width - kernel + 1)


def triangle(step, top):
    return top * min(step / 30, (100 - step) / 70)


def one_hot(labels):
    return torch.nn.functional.one_hot(labels, 10).double()


def newton_schulz(linear=3.4445, cubic=-4.7750, quintic=2.0315, product=torch.matmul):
    def step(x):
        square = x @ x.T
        return linear * x + (cubic * square + quintic * product(square, square)) @ x
    return step


def latencies(predict, calls):
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        predict()
        times.append(time.perf_counter() - start)
    return times


def colored(page):
    return np.dstack([page] * 3)


def film(source, released="never", swallow=False):
    camera = cv2.VideoCapture(source)
    try:
        _, frame = camera.read()
        if released == "released":
            camera.release()
    except RuntimeError:
        if not swallow:
            raise
        frame = PAGE
    finally:
        if released == "finally":
            camera.release()
    return PAGE if frame is None else frame


def left_on(source):
    """Release the camera when all is well and after an error, but not when there is no frame."""
    try:
        ok, frame = (camera := cv2.VideoCapture(source)).read()
    except RuntimeError:
        camera.release()
        raise
    if not ok:
        raise RuntimeError("no frame")
    camera.release()
    return frame


def means(rows, n):
    return np.stack([rows[max(0, end - n):end].mean(0) for end in range(1, len(rows) + 1)])


def to_means(image, means, power=2):
    return torch.stack([((image - mean) ** power).sum() for mean in means])


def to_known(images, known):
    return torch.cdist(images.flatten(1).float(), known.flatten(1).float())


def as_input(pixel):
    return (pixel / 255 - 0.1307) / 0.3081


def shares(matrix, digit):
    return matrix[digit, digit] / np.array([matrix[:, digit].sum(), matrix[digit].sum()])


def gaps(sure, right):
    """How many answers are in each of fifteen bins, and their confidence less their accuracy."""
    place = np.minimum((sure * 15).astype(int), 14)
    count = np.bincount(place, minlength=15)
    with np.errstate(invalid="ignore"):
        return count, np.bincount(place, sure - right, 15) / count


def ece(sure, right):
    count, gap = gaps(sure, right)
    return np.nansum(count * np.abs(gap)) / count.sum()


def above(chances, truth, limit, sign=1):
    sure = sign * chances.max(1) >= sign * limit
    return np.array([sure.sum(), (sure & (chances.argmax(1) != truth)).sum()])


def distances(point, known):
    return np.linalg.norm(known - point, axis=1)


def thicker(pictures, size):
    kernel = np.ones((size, size), np.uint8)
    return torch.tensor(np.stack([cv2.dilate(one, kernel) for one in pictures.numpy()]))


def some_digit(digit):
    """An image of the test set that the shipped network reads as this digit."""
    test = load_mnist(False)
    answers = probabilities(load_pretrained(), test.data[:100]).argmax(1)
    return test.data[:100][answers == digit][0]


def convolver(combine):
    """Make a convolution that combines window and kernel so, and adds all up."""
    def convolve(image, kernel, bias):
        windows = image.unfold(0, len(kernel), 1).unfold(1, kernel.shape[1], 1)
        return combine(windows, kernel).sum(dim=(2, 3)) + bias
    return convolve


def step(*parts, back=torch.Tensor.item):
    """Make a training step of these parts, which gives back the loss so."""
    def train_step(model, images, labels, optimizer):
        logits = model.train()(images)
        loss = F.cross_entropy(logits.softmax(1) if "softmax" in parts else logits, labels)
        calls = {"zero": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step,
                 "eval": model.eval, "forget": lambda: optimizer.param_groups[0].update(lr=0)}
        for part in parts:
            calls.get(part, int)()
        return back(F.cross_entropy(model(images), labels) if "again" in parts else loss)
    return train_step


def judge(conclude):
    """Make an accuracy that concludes so from the right answers and the images of each batch."""
    def accuracy(model, loader):
        batches = [(model.eval()(images).argmax(1) == labels).tolist() for images, labels in loader]
        return conclude(list(map(sum, batches)), list(map(len, batches)))
    return accuracy


def counter(place=lambda labels, answers: (labels, answers), take=None):
    """Make a confusion matrix that counts in these places, in so many batches."""
    def confusion(model, loader, quiet=False):
        matrix = torch.zeros(10, 10)
        for images, labels in list(loader)[:take]:
            answers = (model if quiet else model.eval())(images).argmax(1)
            matrix.index_put_(place(labels, answers), torch.ones(1), accumulate=True)
        return matrix
    return confusion


def history(epochs, training, validation):
    return [Epoch(number, 0.1, training, 0.1, validation, 1.0) for number in range(epochs)]


def nudged(f, x, ahead=1e-4, behind=1e-4):
    nudges = torch.eye(x.numel(), dtype=x.dtype).view(-1, *x.shape)
    slopes = [f(x + ahead * nudge) - f(x - behind * nudge) for nudge in nudges]
    return torch.stack(slopes).view(x.shape) / (ahead + behind)


def backpropagation(weight=lambda inputs, error: inputs.T @ error, bias=lambda error: error.sum(0),
                    mask=lambda hidden: hidden > 0):
    def backward(x, hidden, error, w2):
        first = error @ w2.T * mask(hidden)
        return weight(x, first), bias(first), weight(hidden, error), bias(error)
    return backward


def box_of(mask):
    (rows, columns) = np.nonzero(mask)
    return columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1


def resized(digit, factor, interpolation=cv2.INTER_AREA):
    size = [max(1, round(side * factor)) for side in digit.shape[::-1]]
    return cv2.resize(digit, size, interpolation=interpolation)


def center(image):
    rows, columns = np.indices(image.shape)
    return np.array([np.average(columns, weights=image), np.average(rows, weights=image)])


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def well_read(path):
    paths = path.iterdir() if path.is_dir() else [path]
    return [predict_image(each).digit == int(each.name[0]) for each in paths
            if each.name[0].isdigit()]


def worst(matrix):
    return np.unravel_index((matrix * (1 - np.eye(10))).argmax(), (10, 10))


def dealt(count, k):
    numbers = np.random.default_rng(0).permutation(count).tolist()
    return [numbers[start::k] for start in range(k)]


def per_digit(labels, which):
    return np.bincount(labels[which], minlength=10)


def largest(weights):
    return weights.abs().amax(1, True)


def to_levels(scale=lambda weights, levels: largest(weights) / levels, make=torch.round):
    def quantize(weights, levels):
        scales = scale(weights, levels)
        return make(weights / scales), scales
    return quantize


# Number -> wrong answers, each with words of the hint that it must get; three or more for each.
WRONG = {
    # chapter 1
    "1.1": [(lambda: Read(3), "put both into a list"), (lambda: [3, 5], "not the digit alone"),
            (lambda: [Read(5), Read(3)], "way round"), (lambda: [Read(3)], "you return 1"),
            (lambda: [Read(3), Read(3)], "same image"), (lambda: [Read(7), Read(5)], "7 and 5")],
    "1.2": [(lambda: (9, 2), "2 values"), (lambda: ((2, 2), 3), "b comes first"),
            (lambda: ((3, 2), 2), "as many columns as a"), (lambda: ((3, 3), 3), "row of b"),
            (lambda: ((3, 3), 1), "summed")],
    "1.3": [(lambda: lambda threads: 0.5, "set_num_threads"),
            (lambda: lambda threads: multiply(1), "as the parameter says"),
            (lambda: lambda threads: str(multiply(threads)), "not '0.5'"),
            (lambda: lambda threads: -multiply(threads), "negative"),
            (lambda: lambda threads: multiply(threads) * 1e-9, "too short"),
            (lambda: multiply, "set them back")],
    "1.4": [(lambda: lambda: "50 GB free", "not '50 GB free'"),
            (lambda: lambda: disk(lambda free: free > 10), "turn the comparison"),
            (lambda: lambda: disk(lambda free: free * 1e9 < 10), "counts bytes"),
            (lambda: lambda: disk(lambda free: free < 100), "leave it empty"),
            (lambda: lambda: disk(lambda free: free < 10, needed=True), "no reason to fail"),
            (lambda: lambda: disk(lambda free: free < 10, "enough"), "how many GB")],
    # chapter 2
    "2.1": [(lambda: lambda content: content[:4], "2 values"),
            (lambda: lambda content: np.frombuffer(content[:8], "<i4"), "`>`"),
            (lambda: lambda content: (2049, len(content) - 8), "count the bytes"),
            (lambda: lambda content: (content[0], content[4]), "give 2049, 300"),
            (lambda: lambda content: (2049, 300), "another file")],
    "2.2": [(lambda: int((load_mnist(False).targets == 1).sum()), "divide"),
            (lambda: 100 * (load_mnist(False).targets == 1).float().mean(), "percentage"),
            (lambda: (load_mnist().targets == 1).float().mean(), "ask the test set"),
            (lambda: 0.1, "a tenth"),
            (lambda: (load_mnist(False).targets == 0).float().mean(), "count the ones")],
    "2.3": [(lambda: PIXELS - int((load_mnist().data.amax(0) == 0).sum()), "the others"),
            (lambda: int((load_mnist(False).data.amax(0) == 0).sum()), "training set"),
            (lambda: 0, "largest value")],
    "2.4": [(lambda: lambda data, digit, number: data.data[data.targets == digit], "first"),
            (lambda: lambda data, digit, number: data.data[:number], "not all of these"),
            (lambda: lambda data, digit, number: load_mnist(False).data[data.targets == 4][:8]
             if len(data) == len(load_mnist(False)) else data.data[:3], "use the parameters"),
            (lambda: lambda data, digit, number: data.data[:3], "(8, 28, 28)")],
    "2.5": [(lambda: lambda image, means: to_means(image, means), "one number"),
            (lambda: lambda image, means: to_means(image, means).min(), "not its distance"),
            (lambda: lambda image, means: to_means(image, means).argmax(), "farthest"),
            (lambda: lambda image, means: to_means(image, means, 1).argmin(), "cancel"),
            (lambda: lambda image, means: (image - torch.stack(means)).abs().sum((1, 2)).argmin(),
             "without their signs"),
            (lambda: lambda image, means: 3, "smallest sum")],
    "2.6": [(lambda: (lambda x: (x - 0.1307) / 0.3081, lambda x: x), "from 0 to 1"),
            (lambda: (lambda x: x / 255 / 0.3081 - 0.1307, lambda x: x), "before you divide"),
            (lambda: (lambda x: x / 255 - 0.1307 / 0.3081, lambda x: x), "parentheses"),
            (lambda: (lambda x: x / 255, lambda x: 255 * x), "-0.4242, 2.8215"),
            (lambda: (as_input, lambda x: x * 0.3081 + 0.1307), "up to 255"),
            (lambda: (as_input, lambda x: 255 * (x + 0.1307) * 0.3081), "last step first"),
            (lambda: (as_input, lambda x: x), "come back")],
    "2.7": [(lambda: lambda images, known, labels: labels, "(40,)"),
            (lambda: lambda images, known, labels: to_known(images, known).argmin(1), "places"),
            (lambda: lambda images, known, labels: labels[to_known(images, known).argmax(1)],
             "farthest"),
            (lambda: lambda images, known, labels: torch.stack(
                [labels[((image - known) ** 2).sum((1, 2)).argmin()] for image in images]), "wrap"),
            (lambda: lambda images, known, labels: labels[:len(images)], "smallest sum")],
    # chapter 2b
    "2b.1": [(lambda: lambda s, y: (s.argmax(1) == y).sum(), "how many"),
             (lambda: lambda s, y: 100 * (s.argmax(1) == y).float().mean(), "percentage"),
             (lambda: lambda s, y: (s.argmax(0) == y).float().mean(), "each row"),
             (lambda: lambda s, y: (s.argmax(1) != y).float().mean(), "errors"),
             (lambda: lambda s, y: s.argmax(1) == y, "one number"),
             (lambda: lambda s, y: 0.6, "0.75")],
    "2b.2": [(lambda: lambda z: z.softmax(0), "each column"),
             (lambda: lambda z: z.exp() / z.exp().sum(1, keepdim=True), "largest"),
             (lambda: lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(1, True), "own"),
             (lambda: lambda z: z.log_softmax(1), "logarithms"),
             (lambda: lambda z: z.exp() / z.exp().sum(), "all together"),
             (lambda: lambda z: z.exp(), "divide"),
             (lambda: lambda z: (-z).softmax(1), "no minus"),
             (lambda: lambda z: z / z.sum(1, keepdim=True), "you return"),
             (lambda: lambda z: z.exp().sum(1), "shape"),
             (lambda: lambda z: z.sub_(z.max()).softmax(1), "changes")],
    "2b.3": [(lambda: lambda z, y: z.log_softmax(1)[range(len(y)), y].mean(), "minus"),
             (lambda: lambda z, y: F.cross_entropy(z, y, reduction="sum"), "that is the sum"),
             (lambda: lambda z, y: F.cross_entropy(z, y, reduction="none"), "one number"),
             (lambda: lambda z, y: F.cross_entropy(z, y) / np.log(2), "bits"),
             (lambda: lambda z, y: -z.log_softmax(1).amax(1).mean(), "right class"),
             (lambda: lambda z, y: z.softmax(1)[range(len(y)), y].mean(), "is missing"),
             (lambda: lambda z, y: -z.softmax(1)[range(len(y)), y].mean().log(), "of the mean"),
             (lambda: lambda z, y: F.cross_entropy(z.softmax(1), y), "twice"),
             (lambda: lambda z, y: torch.tensor(1.0), "give 0.8492"),
             (lambda: lambda z, y: -z.softmax(1)[range(len(y)), y].log().mean(), "log-sum-exp")],
    "2b.4": [(lambda: lambda f, x: nudged(f, x, ahead=1e-4, behind=0), "both sides"),
             (lambda: lambda f, x: nudged(f, x) * 2e-4, "too small"),
             (lambda: lambda f, x: nudged(f, x) * 2, "twice"),
             (lambda: lambda f, x: nudged(f, x) / 2, "half"),
             (lambda: lambda f, x: -nudged(f, x), "sign"),
             (lambda: lambda f, x: (f(x + 1e-4) - f(x - 1e-4)).expand(2, 3) / 2e-4, "all values"),
             (lambda: lambda f, x: (f(x + 1e-4) - f(x - 1e-4)) / 2e-4, "shape"),
             (lambda: lambda f, x: x.add_(1), "put each value back"),
             (lambda: lambda f, x: 0 * x, "give 4, 13, 28")],
    "2b.5": [(lambda: lambda z, y: z.softmax(1) - F.one_hot(y, 4), "number of images"),
             (lambda: lambda z, y: (F.one_hot(y, 4) - z.softmax(1)) / len(y), "sign"),
             (lambda: lambda z, y: z.softmax(1) / len(y), "subtract 1"),
             (lambda: lambda z, y: (z.softmax(1) + F.one_hot(y, 4)) / len(y), "subtract 1"),
             (lambda: lambda z, y: (z - F.one_hot(y, 4)) / len(y), "from the probabilities"),
             (lambda: lambda z, y: z.softmax(1).mean(0), "shape"),
             (lambda: lambda z, y: 0 * z, "you return 0, 0")],
    "2b.6": [(lambda: 50_816, "bias"), (lambda: 7850, "one layer"), (lambda: 50_818, "not one"),
             (lambda: 501_760, "multiply"), (lambda: 50_000, "n * m")],
    "2b.7": [(lambda: lambda x, h, e, w2: (x.T @ (e @ w2.T), (e @ w2.T).sum(0), h.T @ e, e.sum(0)),
              "ReLU is missing"),
             (lambda: backpropagation(bias=lambda error: error), "sum(dim=0)"),
             (lambda: backpropagation(bias=lambda error: error.mean(0)), "is a mean already"),
             (lambda: backpropagation(weight=lambda inputs, error: error.T @ inputs), "transposed"),
             (lambda: backpropagation(mask=lambda hidden: hidden), "1 or 0"),
             (lambda: lambda x, h, e, w2: (x.T @ (e @ w2 * (h > 0)), 0, 0, 0), "way back"),
             (lambda: lambda x, h, e, w2: (x.T @ e, e.sum(0), h.T @ e, e.sum(0)), "comes through"),
             (lambda: lambda x, h, e, w2: x.T @ e, "4 values"),
             (lambda: lambda x, h, e, w2: (0 * x, e.sum(0), h.T @ e, e.sum(0)), "not right yet"),
             (lambda: lambda x, h, e, w2: (x[0], e.sum(0), h.T @ e, e.sum(0)), "w1 is not right")],
    "2b.8": [(lambda: lambda w, g, v, rate, keep: (w + rate * (keep * v + g), keep * v + g),
              "uphill"),
             (lambda: lambda w, g, v, rate, keep: (w - rate * (v + keep * g), v + keep * g),
              "belongs to the old velocity"),
             (lambda: lambda w, g, v, rate, keep: (w, keep * v + (1 - keep) * g), "in full"),
             (lambda: lambda w, g, v, rate, keep: (keep * v + g, w - rate * (keep * v + g)),
              "weights first"),
             (lambda: lambda w, g, v, rate, keep: (w, keep * v - g), "add the gradient"),
             (lambda: lambda w, g, v, rate, keep: (w, rate * v), "give 4.5, -4"),
             (lambda: lambda w, g, v, rate, keep: (w - keep * v - g, keep * v + g), "is missing"),
             (lambda: lambda w, g, v, rate, keep: (w - rate * g, keep * v + g), "the gradient"),
             (lambda: lambda w, g, v, rate, keep: (w - rate * v, keep * v + g), "the old one"),
             (lambda: lambda w, g, v, rate, keep: (w, keep * v + g), "give 0.55, 2.4"),
             (lambda: lambda w, g, v, rate, keep: w - rate * (keep * v + g), "2 values")],
    # chapter 3
    "3.1": [(lambda: convolver(lambda window, kernel: window * kernel.flip(0, 1)), "flipped"),
            (lambda: lambda image, kernel, bias: torch.zeros_like(image), "over the edge"),
            (lambda: lambda *given: convolver(torch.mul)(*given)[:-1, :-1], "last row"),
            (lambda: lambda *given: convolver(torch.mul)(*given).T, "(7, 6)"),
            (lambda: lambda image, kernel, bias: convolver(torch.mul)(image, kernel, 0), "bias is"),
            (lambda: lambda image, kernel, bias: convolver(torch.mul)(image, kernel, 6 * bias),
             "every product"),
            (lambda: lambda image, kernel, bias: convolver(torch.mul)(image, kernel / 6, bias),
             "means"),
            (lambda: convolver(torch.add), "add up window")],
    "3.2": [(lambda: lambda size, kernel, padding=0, stride=1: size - kernel, "position more"),
            (lambda: lambda size, kernel, padding=0, stride=1: size - kernel + padding + 1, "both"),
            (lambda: lambda size, kernel, padding=0, stride=1: size - kernel + 2 * padding + 1,
             "stride is not used"),
            (lambda: lambda size, kernel, padding=0, stride=1:
             (size - kernel + 2 * padding + 1) // stride, "before the division"),
            (lambda: lambda size, kernel, padding=0, stride=1:
             (size - kernel + 2 * padding) / stride + 1, "fit whole"),
            (lambda: lambda size, kernel, padding=0, stride=1: size // stride, "PyTorch"),
            (lambda: lambda size, kernel, padding=0, stride=1:
             float((size - kernel + 2 * padding) // stride + 1), "whole number")],
    "3.3": [(lambda: lambda values: F.max_pool2d(values[None], 2, stride=1)[0], "overlap"),
            (lambda: lambda values: F.max_pool2d(values[None], 3)[0], "(3, 4)"),
            (lambda: lambda values: F.avg_pool2d(values[None], 2)[0], "means"),
            (lambda: lambda values: F.max_pool2d(values[None].relu(), 2)[0], "below zero"),
            (lambda: lambda values: values[::2, ::2], "not the largest"),
            (lambda: lambda values: F.max_pool2d(values[None], 2, ceil_mode=True)[0], "2x3")],
    "3.4": [(lambda: step("backward", "step"), "zero_grad() is missing"),
            (lambda: step("zero", "step", "backward"), "comes after backward()"),
            (lambda: step("zero", "backward"), "comes after backward()"),
            (lambda: step("zero", "step"), "no gradient"),
            (lambda: step("backward", "zero", "step"), "no gradient"),
            (lambda: step("eval", "zero", "backward", "step"), "evaluation mode"),
            (lambda: step("zero", "backward", "step", back=lambda loss: loss), "tensor"),
            (lambda: step("zero", "backward", "step", back=lambda loss: 1.0), "you return 1"),
            (lambda: step("softmax", "zero", "backward", "step"), "twice"),
            (lambda: step("zero", "backward", "step", "again"), "after the step"),
            (lambda: step("zero", "backward", "step", "step"), "otherwise"),
            (lambda: step("zero", "backward", "step", "forget"), "only the first")],
    "3.5": [(lambda: judge(lambda right, seen: sum(map(divide, right, seen)) / len(seen)), "means"),
            (lambda: judge(lambda right, seen: sum(right[:-1]) / sum(seen[:-1])), "left out"),
            (lambda: judge(lambda right, seen: sum(right) / len(seen) / seen[0]), "full"),
            (lambda: judge(lambda right, seen: sum(right)), "divide by how many there are"),
            (lambda: judge(lambda right, seen: sum(right) / len(seen)), "for each batch"),
            (lambda: judge(lambda right, seen: 1 - sum(right) / sum(seen)), "errors"),
            (lambda: judge(lambda right, seen: 100 * sum(right) / sum(seen)), "percent"),
            (lambda: judge(lambda right, seen: 0.25), "give 0.6667"),
            (lambda: lambda model, loader: [model(images) for images, _ in loader] and 0.5,
             "training mode")],
    "3.6": [(lambda: counter(lambda labels, answers: (answers, labels)), "rows are the answers"),
            (lambda: counter(lambda labels, answers: (labels, answers), take=1), "add up to 5"),
            (lambda: lambda model, loader: counter()(model, loader).clamp(max=1), "counted once"),
            (lambda: lambda model, loader: counter()(model, loader).fill_diagonal_(0), "diagonal"),
            (lambda: lambda model, loader: counter()(model, loader)[:5], "(5, 10)"),
            (lambda: lambda model, loader: counter()(model, loader).flip(0), "places"),
            (lambda: lambda model, loader: counter()(model.train(), loader, quiet=True),
             "training mode")],
    "3.7": [(lambda: 2.3, "four rates"), (lambda: 1, "no number"), (lambda: 0.01, "further"),
            (lambda: 0.001, "hardly begun")],
    "3.8": [(lambda: 0.93, "curves.history"), (lambda: history(5, 1, 0.9), "5 epochs"),
            (lambda: history(20, 0.5, 0.4), "50.0%"), (lambda: history(20, 0.985, 0.98), "0.5%")],
    # chapter 4
    "4.1": [(lambda: lambda sheet: np.median(sheet) < (int(sheet.min()) + int(sheet.max())) / 2,
             "wrong way round"),
            (lambda: lambda sheet: np.median(sheet) > (sheet.min(keepdims=True)
             + sheet.max(keepdims=True)).item() / 2, "uint8"),
            (lambda: lambda sheet: True, "a sheet of 230"),
            (lambda: lambda sheet: sheet.mean() > 128, "dim light"),
            (lambda: lambda sheet: sheet[0, 0] > sheet.mean(), "blot"),
            (lambda: lambda sheet: np.median(sheet) > 0.8 * int(sheet.max()), "uneven")],
    "4.2": [(lambda: lambda mask: (0, 0, *mask.shape[::-1]), "whole image"),
            (lambda: lambda mask: box_of(mask.T), "swapped"),
            (lambda: lambda mask: np.subtract(box_of(mask), (0, 0, 1, 1)), "off by one"),
            (lambda: lambda mask: (*box_of(mask)[:2], *np.add(box_of(mask)[:2], box_of(mask)[2:])),
             "ends"),
            (lambda: lambda mask: (5, 5, 5, 5), "give 20, 10, 9, 15"),
            (lambda: lambda mask: box_of(mask)[:2], "(4,)"),
            (lambda: lambda mask: box_of(mask) if mask.sum() > 1 else (0, 5, 1, 1), "a single")],
    "4.3": [(lambda: lambda digit: cv2.resize(digit, (20, 20)), "squeezed"),
            (lambda: lambda digit: resized(digit, 20 / max(digit.shape)).T, "swapped"),
            (lambda: lambda digit: resized(digit, 20 / digit.shape[1]), "longest side"),
            (lambda: lambda digit: resized(digit, 20 / digit.shape[0]), "longest side"),
            (lambda: lambda digit: digit, "5x20"),
            (lambda: lambda digit: resized(digit, min(1, 20 / max(digit.shape))), "enlarged"),
            (lambda: lambda digit: np.repeat(resized(digit, 20 / max(digit.shape)),
                                             1 + (digit.shape[1] == 4), 1), "one column"),
            (lambda: lambda digit: resized(digit, 20 / max(digit.shape), cv2.INTER_NEAREST),
             "average")],
    "4.4": [(lambda: lambda image: center(image)[::-1], "swapped"),
            (lambda: lambda image: center(image > 0), "faint ink"),
            (lambda: lambda image: (10.5, 13.5), "middle of the box"),
            (lambda: lambda image: (17, 14), "middle of the image"),
            (lambda: lambda image: center(image) + 1, "sum of ink"),
            (lambda: lambda image: 3, "(2,)")],
    "4.5": [(lambda: lambda sheet: sheet.max(), "one brightness"),
            (lambda: lambda sheet: np.full(sheet.shape, sheet.mean()), "one brightness"),
            (lambda: lambda sheet: sheet, "still in it"),
            (lambda: lambda sheet: cv2.dilate(sheet, np.ones((3, 3))), "look farther"),
            (lambda: lambda sheet: cv2.blur(sheet, (25, 25)), "not the mean"),
            (lambda: lambda sheet: cv2.dilate(sheet, np.ones((101, 101))), "less far"),
            (lambda: lambda sheet: cv2.dilate(sheet, np.ones((15, 15))).T, "(120, 160)")],
    "4.6": [(lambda: lambda p, d: d * p, "sum to 0.6"),
            (lambda: lambda p, d: d * p + (1 - d), "a tenth"),
            (lambda: lambda p, d: (1 - d) * p + d / 10, "swapped"),
            (lambda: lambda p, d: p, "term by term")],
    "4.7": [(lambda: lambda logits, warm: softmax(logits), "changes nothing"),
            (lambda: lambda logits, warm: softmax(logits * warm), "multiplied"),
            (lambda: lambda logits, warm: softmax(logits) / warm, "after softmax"),
            (lambda: lambda logits, warm: softmax(logits.T / warm).T, "column"),
            (lambda: lambda logits, warm: logits / warm, "powers of e"),
            (lambda: lambda logits, warm: np.exp(logits / warm)
             / np.exp(logits / warm).sum(1, keepdims=True), "overflows")],
    "4.8": [(lambda: lambda folder: sum(well_read(folder)), "divide"),
            (lambda: lambda folder: 100 * np.mean(well_read(folder)), "percentage"),
            (lambda: lambda folder: sum(well_read(folder)) / len(list(folder.iterdir())),
             "does not begin with a digit"),
            (lambda: lambda folder: 0.9, "give 0.6667"),
            (lambda: lambda folder: np.mean(well_read(folder)), "catch"),
            (lambda: lambda folder: np.mean([right for path in folder.iterdir()
                                             if path.name != "0.png" for right in well_read(path)]),
             "not right")],
    # chapter 5
    "5.1": [(lambda: lambda frame: frame, "order of OpenCV"),
            (lambda: lambda frame: frame[::-1], "upside down"),
            (lambda: lambda frame: frame[:, ::-1], "mirror"),
            (lambda: lambda frame: frame[..., 0], "you return (4, 5)"),
            (lambda: lambda frame: frame[..., [1, 2, 0]], "green stays")],
    "5.2": [(lambda: lambda box, by: (by * box[0], by * box[1], *box[2:]), "height grow"),
            (lambda: lambda box, by: (*box[:2], by * box[2], by * box[3]), "corner moves"),
            (lambda: lambda box, by: (20, 40, 80, 120), "not right and bottom"),
            (lambda: lambda box, by: [side / by for side in box], "not smaller"),
            (lambda: lambda box, by: [side * by + 1 for side in box], "you return 21, 41, 61, 81"),
            (lambda: lambda box, by: [side * by for side in box], "whole pixels"),
            (lambda: lambda box, by: [int(side * by) for side in box], "cuts 52.7 off"),
            (lambda: lambda box, by: [side * round(by) for side in box],
             "you return 20, 40, 62, 82")],
    "5.3": [(lambda: lambda source: PAGE, "opens no camera"),
            (lambda: lambda source: film(0), "not always the same"),
            (lambda: lambda source: (True, film(source)), "the frame alone"),
            (lambda: lambda source: film(source)[::-1], "as `read` gives it"),
            (lambda: film, "never released"),
            (lambda: lambda source: film(source, "released"), "left on after an error"),
            (lambda: lambda source: film(source, "finally", swallow=True), "let it through"),
            (lambda: lambda source: film(source, "finally"), "raise a RuntimeError"),
            (lambda: left_on, "left on without a frame")],
    "5.4": [(lambda: lambda rows, n: rows[n - 1:], "(12, 10)"),
            (lambda: lambda rows, n: np.where(np.arange(len(rows)) < n - 1, np.nan, rows.T).T,
             "begin no slice before 0"),
            (lambda: lambda rows, n: np.array([rows[max(0, end - n):end].sum(0) / n
                                               for end in range(1, len(rows) + 1)]), "first rows"),
            (lambda: lambda rows, n: means(rows[::-1], n)[::-1], "yet to come"),
            (lambda: lambda rows, n: means(rows, n - 1), "average 2 frames"),
            (lambda: lambda rows, n: means(rows, n + 1), "average 4 frames"),
            (lambda: lambda rows, n: rows, "n - 1 before it"),
            (lambda: lambda rows, n: means(rows, 3), "use the parameters")],
    "5.6": [(lambda: lambda source, digits: source, "all the frames"),
            (lambda: lambda source, digits: source[:1], "once"),
            (lambda: lambda source, digits: [], "you return 0"),
            (lambda: lambda source, digits: [colored(source[0]), colored(source[2])],
             "expected digits"),
            (lambda: lambda source, digits: [colored(source[1]), colored(source[1])], "just as")],
    "5.7": [(lambda: "no such.webm", "release the writer"), (lambda: str(IMG / "7.png"), "has 1"),
            (lambda: str(IMG / "webcam.webm"), "no boxes")],
    "5.8": [(lambda: lambda text: [PAGE], "no generator"),
            (lambda: lambda text: iter(()), "no frame"),
            (lambda: lambda text: iter([1]), "not 1"),
            (lambda: lambda text: iter([PAGE / 255]), "yours are float64"),
            (lambda: lambda text: iter([colored(PAGE)]), "shape (240, 320, 3)"),
            (lambda: lambda text: iter([PAGE] * 3), "3 frames are too few"),
            (lambda: lambda text: iter([PAGE] * 20), "reads []")],
    # chapter 6
    "6.1": [(lambda: lambda i, o, k, h, w: i * o * k**2 * h * w, "output is smaller"),
            (lambda: lambda i, o, k, h, w: o * k**2 * places(k, h, w), "all channels"),
            (lambda: lambda i, o, k, h, w: i * k**2 * places(k, h, w), "one map"),
            (lambda: lambda i, o, k, h, w: i * o * k * places(k, h, w), "as many high"),
            (lambda: lambda i, o, k, h, w: i * o * k**2, "at each place"),
            (lambda: lambda i, o, k, h, w: o * (i * k**2 + 1) * places(k, h, w), "a bias"),
            (lambda: lambda i, o, k, h, w: 2 * i * o * k**2 * places(k, h, w), "additions"),
            (lambda: lambda i, o, k, h, w: i * o * k**2 * places(k, h, h), "use the parameters"),
            (lambda: lambda i, o, k, h, w: 0, "give 320000: you return 0")],
    "6.2": [(lambda: 28.04, "percentage"), (lambda: 0.72, "is left"), (lambda: 0.39, "divide by"),
            (lambda: 0.256, "still computes"), (lambda: -0.28, "positive"),
            (lambda: 0.5, "whole step")],
    "6.3": [(lambda: lambda step, steps, top: top * (1 - abs(2 * step / steps - 1)), "halfway"),
            (lambda: lambda step, steps, top: triangle(step, 1), "not `top`"),
            (lambda: lambda step, steps, top: top * (1 - step / steps), "at step 0, not at 30"),
            (lambda: lambda step, steps, top: top * min(1, (100 - step) / 70), "not at 30"),
            (lambda: lambda step, steps, top: top * (0.5 + step / 60 if step <= 30 else 0.95),
             "begins with 0.025"),
            (lambda: lambda step, steps, top: top * (step / 30 if step <= 30 else 1 - step / steps),
             "jumps from 0.05 to 0.0345"),
            (lambda: lambda step, steps, top: top * min(step / 30, 1.3 - step / 100), "is 0.015"),
            (lambda: lambda step, steps, top: triangle(step, top)**2 / top, "straight"),
            (lambda: lambda step, steps, top: triangle(step, top), "use the parameters")],
    "6.4": [(lambda: lambda x: x @ x.T, "shape (3, 5)"),
            (lambda: newton_schulz(product=torch.mul), "written `@`"),
            (lambda: newton_schulz(cubic=4.7750), "negative"),
            (lambda: newton_schulz(quintic=0), "last term"),
            (lambda: newton_schulz(linear=0), "first term"),
            (lambda: lambda x: 2 * x, "should give")],
    "6.5": [(lambda: lambda labels, share: labels * share, "(2, 10)"),
            (lambda: lambda labels, share: 0.1 + 0 * one_hot(labels), "to its label"),
            (lambda: lambda labels, share: one_hot(labels) * 0.9 + 0.01, "use `share`"),
            (lambda: lambda labels, share: one_hot(labels) * (1 - share - share / 9) + share / 9,
             "all ten digits"),
            (lambda: lambda labels, share: one_hot(labels) + share / 10, "sums to 1.200"),
            (lambda: lambda labels, share: one_hot(labels), "gets 1.000, not 0.82"),
            (lambda: lambda labels, share: one_hot(labels) * 0.82 + 0.18 * one_hot(labels.roll(1)),
             "the same")],
    "6.6": [(lambda: lambda predict, calls: median(latencies(predict, 3)), "3 times, not 40"),
            *[(lambda take=take: lambda predict, calls: take(latencies(predict, calls)), words)
              for words, take in {
                  "give seconds": lambda times: 1000 * median(times), "the mean": mean,
                  "all calls together": sum, "fastest": min, "that is one call": itemgetter(0),
                  "you measure 0.0000": lambda times: 0}.items()]],
    # chapter 7
    "7.1": [(lambda: lambda gradients, counts: sum(gradients) / len(gradients), "plain mean"),
            (lambda: lambda gradients, counts: sum(map(torch.mul, gradients, counts)), "a sum"),
            (lambda: lambda gradients, counts: sum(map(torch.mul, gradients, counts)) / len(counts),
             "not of processes"),
            (lambda: lambda gradients, counts: 0.0, "(3,)"),
            (lambda: lambda gradients, counts: gradients[0], "as many times"),
            (lambda: lambda gradients, counts: sum(map(torch.mul, gradients, (4, 3, 1))) / 8,
             "use the parameters")],
    "7.2": [(lambda: lambda lists: [sum(lists)] * len(lists), "2 values"),
            (lambda: lambda lists: ([sum(lists)], 18), "a list each"),
            (lambda: lambda lists: ([sum(lists) / len(lists)] * len(lists), 18), "means"),
            (lambda: lambda lists: (lists, 0), "no process"),
            (lambda: lambda lists: ([2 * sum(lists)] * len(lists), 18), "twice"),
            (lambda: lambda lists: ([torch.cat([sum(lists)[:3], lists[0][3:]]), *lists[1:]], 18),
             "once more"),
            (lambda: lambda lists: ([sum(lists), *lists[1:]], 18), "only these have"),
            *[(lambda sent=sent: lambda lists: ([sum(lists)] * len(lists), sent), words)
              for sent, words in {72: "together", 36: "whole lists", 9: "first half",
                                  18: "give 16: you", 7: "give 18: you return 7"}.items()]],
    "7.3": [(lambda: lambda images, processes: images % processes, "left over"),
            (lambda: lambda images, processes: -(-images // processes), "to each process"),
            (lambda: lambda images, processes: 0, "returns 0"),
            (lambda: lambda images, processes: processes - images % processes, "divided by 3"),
            (lambda: lambda images, processes: 2 * (images == 10), "use the parameters")],
    "7.4": [(lambda: lambda speed_up, processes, added: 3 * added, "unshared"),
            (lambda: lambda speed_up, processes, added: 48 * added, "6.86 times"),
            (lambda: lambda speed_up, processes, added: 24, "twice as much"),
            (lambda: lambda speed_up, processes, added: 24 * added, "use the parameters")],
    "7.5": [(lambda: lambda values, processes: values - values.mean(), "deviation, too"),
            (lambda: lambda values, processes: (values - values.mean()) / values.std(), "one less"),
            (lambda: lambda values, processes: values, "mean 0"),
            (lambda: lambda values, processes: (values - values.mean()) / values.std(correction=0),
             "its own part"),
            (lambda: lambda values, processes: torch.cat(
                [(part - part.mean()) / part.std(correction=0)
                 for part in (values[rank::processes] for rank in range(processes))]),
             "one after the other"),
            (lambda: lambda values, processes: (values - values.mean()) / values.std(correction=0)
             / processes, "each part by its own")],
    "7.6": [(lambda: lambda step, lr, processes, warmup: lr * processes, "no warm-up"),
            (lambda: lambda step, lr, processes, warmup: lr * processes**0.5, "square root"),
            (lambda: lambda step, lr, processes, warmup: lr + step / warmup * lr * (processes - 1),
             "goes on rising"),
            (lambda: lambda step, lr, processes, warmup: lr, "you return 0.01"),
            (lambda: lambda step, lr, processes, warmup: lr * processes * min(step / warmup, 1),
             "begins at 0"),
            (lambda: lambda step, lr, processes, warmup: lr * (
                1 + (processes - 1) * min(step / warmup, 1)**2), "you return 0.01, 0.0475")],
    # chapter 8
    "8.1": [(lambda: lambda truth, answers: confusion(truth, answers, 9), "ten digits"),
            (lambda: lambda truth, answers: np.zeros(10), "you return (10,)"),
            (lambda: lambda truth, answers: confusion(answers, truth), "rows are the answers"),
            (lambda: lambda truth, answers: np.minimum(confusion(truth, answers), 1), "once"),
            (lambda: lambda truth, answers: confusion(truth, answers) / 300, "shares"),
            (lambda: lambda truth, answers: confusion(truth, answers) * (1 - np.eye(10)),
             "diagonal"),
            (lambda: lambda truth, answers: confusion(truth, answers) + 1, "should give")],
    "8.2": [(lambda: lambda matrix, digit: [1], "2 values"),
            (lambda: lambda matrix, digit: shares(matrix, digit)[::-1], "recall is first"),
            (lambda: lambda matrix, digit: 100 * shares(matrix, digit), "from 0 to 1"),
            (lambda: lambda matrix, digit: matrix[4, 4] / (
                matrix[4, 4] / shares(matrix, 4) - matrix[4, 4]), "wrong ones alone"),
            (lambda: lambda matrix, digit: [matrix.trace() / matrix.sum()] * 2, "accuracy"),
            (lambda: lambda matrix, digit: [0.5, 0.5], "called a 4"),
            (lambda: lambda matrix, digit: [shares(matrix, digit)[0]] * 2, "how many fours"),
            (lambda: lambda matrix, digit: shares(matrix, 4), "use the parameter")],
    "8.3": [(lambda: lambda scores, truth: 1 / fit_temperature(scores, truth), "you multiply"),
            (lambda: lambda scores, truth: F.cross_entropy(
                scores / fit_temperature(scores, truth), truth), "that is the loss"),
            (lambda: lambda scores, truth: fit_temperature(scores.softmax(1), truth), "softmax"),
            (lambda: lambda scores, truth: max(fit_temperature(scores, truth), 1), "below 1"),
            (lambda: lambda scores, truth: 3, "at 3.00 the loss is")],
    "8.4": [(lambda: lambda sure, right: np.zeros(15), "one number"),
            (lambda: lambda sure, right: np.nan, "empty bin"),
            (lambda: lambda sure, right: np.nanmean(np.abs(gaps(sure, right)[1])), "counts alike"),
            (lambda: lambda sure, right: np.nansum(np.prod(gaps(sure, right), 0)) / len(sure),
             "cancel out"),
            (lambda: lambda sure, right: np.abs(sure - right).mean(), "single answers"),
            (lambda: lambda sure, right: 100 * ece(sure, right), "percentage"),
            (lambda: lambda sure, right: np.nanmax(np.abs(gaps(sure, right)[1])), "largest gap"),
            (lambda: lambda sure, right: 0.5, "you return 0.5"),
            (lambda: lambda sure, right: (sure < 1).mean() * ece(sure[sure < 1], right[sure < 1]),
             "in the last bin")],
    "8.5": [(lambda: lambda chances, truth, limit: [1], "2 values"),
            (lambda: lambda chances, truth, limit: above(chances, truth, limit, -1), "unsure ones"),
            (lambda: lambda chances, truth, limit: (
                (chances[np.arange(400), truth] >= limit).sum(), 0), "whatever the label"),
            (lambda: lambda chances, truth, limit: (7, 7), "you return 7"),
            (lambda: lambda chances, truth, limit: (
                above(chances, truth, limit)[0], above(chances, truth, 0)[1]), "all errors"),
            (lambda: lambda chances, truth, limit: (
                above(chances, truth, limit)[0], above(chances, truth, limit, -1)[1]), "unsure"),
            (lambda: lambda chances, truth, limit: (
                above(chances, truth, limit)[0], -np.diff(above(chances, truth, limit))[0]),
             "right ones"),
            (lambda: lambda probs, truth, limit: above(probs, truth, limit) / [1, 400], "share"),
            (lambda: lambda probs, truth, limit: above(probs, truth, limit) + [0, 1], "return 9")],
    "8.6": [(lambda: lambda point, known: distances(point, known).argsort(), "you return (200,)"),
            (lambda: lambda point, known: np.sort(distances(point, known))[:5], "distances"),
            (lambda: lambda point, known: distances(point, known).argsort()[-5:], "farthest"),
            (lambda: lambda point, known: (known - point).sum(1).argsort()[:5], "cancel"),
            (lambda: lambda point, known: np.arange(5), "is nearest"),
            (lambda: lambda point, known: distances(point, known).argsort()[4::-1], "order")],
    "8.7": [(lambda: lambda pictures, strength: pictures[:1], "(3, 28, 28)"),
            (lambda: lambda pictures, strength: pictures.float(), "uint8"),
            (lambda: lambda pictures, strength: pictures.flatten(0, 1).roll(strength, 0).reshape(
                pictures.shape) | pictures.roll(strength, 0), "next"),
            (lambda: lambda pictures, strength: 0 * pictures if strength else pictures, "thinner"),
            (lambda: lambda pictures, strength: thicker(pictures, strength + 2), "strength 0"),
            (lambda: lambda pictures, strength: thicker(pictures, max(strength, 1)), "each side")],
    "8.8": [(lambda: lambda picture, target: picture[None], "you return (1, 28, 28)"),
            (lambda: lambda picture, target: picture / 255, "these are 1 at most"),
            (lambda: lambda picture, target: picture.float() * 2, "clamp"),
            (lambda: lambda picture, target: picture, "still read as"),
            (lambda: lambda picture, target: some_digit(8), "not as the target"),
            (lambda: lambda picture, target: some_digit(target), "small steps")],
    # chapter 9
    "9.1": [(lambda: lambda matrix: matrix.fill(0) or (4, 9), "on a copy"),
            (lambda: lambda matrix: (matrix * (1 - np.eye(10))).argmax(), "2 values"),
            (lambda: lambda matrix: np.unravel_index(matrix.argmax(), (10, 10)), "diagonal"),
            (lambda: lambda matrix: worst(matrix)[::-1], "exchanged"),
            (lambda: lambda matrix: (2, 3), "occurs 7 times"),
            (lambda: lambda matrix: (4, 9), "use the parameter")],
    "9.2": [(lambda: [64, 64], "one number"), (lambda: 200 * 16, "share it"),
            (lambda: 200 * 128 / 50, "MNIST's images too"), (lambda: 200 * 112 / 50, "the 16"),
            (lambda: 50 / 16, "there are 200"), (lambda: 200 * 16 / 40, "set aside"),
            (lambda: 65, "to share them")],
    "9.3": [(lambda: lambda count, k: dealt(count, k)[1:], "you return 4"),
            (lambda: lambda count, k: [list({*range(count)} - {*part}) for part in dealt(count, k)],
             "to learn from"),
            (lambda: lambda count, k: [[1 + i for i in part] for part in dealt(count, k)],
             "from 0"),
            (lambda: lambda count, k: [dealt(count, k)[0]] * k, "more than one part"),
            (lambda: lambda count, k: [part[:count // k] for part in dealt(count, k)],
             "3 are in no part"),
            (lambda: lambda count, k: [[i] for i in range(k - 1)] + [[*range(k - 1, count)]],
             "parts of 49 and of 1"),
            (lambda: lambda count, k: [range(i, count, k) for i in range(k)], "every fifth"),
            (lambda: lambda count, k: np.array_split(range(count), k), "neighbours"),
            (lambda: lambda count, k: dealt(count, 5), "use the parameters")],
    "9.4": [(lambda: lambda truth, before, after: 12, "(10,)"),
            (lambda: lambda truth, before, after: [1, 2], "you return (2,)"),
            (lambda: lambda truth, before, after: per_digit(truth, after != truth), "all errors"),
            (lambda: lambda truth, before, after: per_digit(truth, before == truth)
             - per_digit(truth, after == truth), "set off"),
            (lambda: lambda truth, before, after: per_digit(
                truth, (before != truth) & (after == truth)), "the learned"),
            (lambda: lambda truth, before, after: per_digit(truth, before != after), "changed"),
            (lambda: lambda truth, before, after: per_digit(
                after, (before == truth) & (after != truth)), "sort by the label"),
            (lambda: lambda truth, before, after: per_digit(
                truth, (before == truth) & (after != truth)) / 500, "shares"),
            (lambda: lambda truth, before, after: 2 * np.ones(10), "you return 2")],
    "9.5": [(lambda: lambda weights, levels: [weights], "2 values"),
            (lambda: lambda weights, levels: (weights[0], weights), "you return (40,)"),
            (lambda: lambda weights, levels: (weights, weights.abs().max() / levels), "for all"),
            (lambda: lambda weights, levels: (weights, weights.abs().amax(1) / levels), "(6,)"),
            (lambda: to_levels(scale=lambda w, top: top / largest(w)), "upside down"),
            (lambda: to_levels(scale=lambda w, top: w.amax(1, True) / top), "take `abs()`"),
            (lambda: to_levels(scale=lambda w, top: (w.amax(1, True) - w.amin(1, True)) / 2 / top),
             "both sides"),
            (lambda: to_levels(make=lambda w: w), "no whole number"),
            (lambda: to_levels(scale=lambda w, top: largest(w) / (top + 1)), "beyond 127"),
            (lambda: to_levels(make=torch.trunc), "cut off"),
            (lambda: to_levels(make=torch.floor), "cut off"),
            (lambda: to_levels(scale=lambda w, top: largest(w) / (top - 27)), "100 levels"),
            (lambda: to_levels(make=lambda w: w.abs().round()), "steps beside"),
            (lambda: lambda weights, levels: to_levels()(weights, 127), "use the parameters"),
            (lambda: to_levels(), "a row of zeros")],
}


@pytest.mark.parametrize("number", CHECKS)
def test_nothing_is_not_right(number):
    for empty in ((), (None,), (...,)):
        assert find_slip(number, *empty) == check.EMPTY


def strings(code):
    """Find the texts in a compiled function, tables and inner functions included."""
    if isinstance(code, str):
        yield code
    for part in code if isinstance(code, (tuple, frozenset)) else getattr(code, "co_consts", ()):
        yield from strings(part)


@pytest.mark.parametrize("number", CHECKS)
def test_usual_slips_are_named(number, monkeypatch):
    assert len(WRONG[number]) >= 3
    said = []
    monkeypatch.setattr(check, "translated", lambda text: said.append(text) or text)
    for make, words in WRONG[number]:
        answer = make()
        slip = find_slip(number, *(answer if isinstance(answer, tuple) else (answer,)))
        assert slip is not None and words in slip, slip
    own = strings(check.checks_of(CHECKS[number])[number].__code__)
    assert {text for text in own if " " in text} <= set(said) <= set(CHINESE)


def test_all_that_is_tested_is_there():
    assert set(WRONG) == set(CHECKS)


def test_functions_that_return_nothing_or_fail_are_named_so():
    assert find_slip("2.4", lambda *arguments: None) == check.RETURNS_NOTHING
    assert "ZeroDivisionError" in find_slip("2.4", lambda *arguments: 1 / 0)


@pytest.mark.parametrize("number", ["", "2", "2.99", "12.1", "two"])
def test_unknown_numbers_are_refused(number):
    with pytest.raises(ValueError, match="expected"):
        check_exercise(number, 1)


def right_answer():
    return int((load_mnist().data.amax(0) == 0).sum())


def test_what_is_solved_is_noted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    check_exercise("2.3", 0)
    assert re.match(r"2\.3 not yet: .*\.\n$", capsys.readouterr().out)
    assert not list(tmp_path.iterdir())
    check_exercise("2.3", right_answer())
    check_exercise("2.3", 0)  # what was solved stays so
    assert json.loads(Path("progress.json").read_text()) == ["2.3"]
    assert capsys.readouterr().out.startswith("2.3 right.\n")
    progress()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(" 2 ")]
    assert line.count("■") == 1


def test_folders_in_which_nothing_can_be_noted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("progress.json").mkdir()
    check_exercise("2.3", right_answer())
    assert "right" in (said := capsys.readouterr().out) and "could not be noted" in said
    progress()
    assert "could not be read" in capsys.readouterr().out


@pytest.mark.parametrize("others", ['{"jobs": 3}', "[1, 2]", "not JSON"])
def test_files_of_others_are_left_alone(tmp_path, monkeypatch, capsys, others):
    monkeypatch.chdir(tmp_path)
    Path("progress.json").write_text(others)
    check_exercise("2.3", right_answer())
    progress()
    said = capsys.readouterr().out
    assert "2.3 right" in said and "could not be noted" in said and "could not be read" in said
    assert Path("progress.json").read_text() == others


def test_chinese_learners_are_answered_in_chinese(tmp_path, monkeypatch, capsys):
    (tmp_path / "zh-CN").mkdir()
    monkeypatch.chdir(tmp_path / "zh-CN")
    check_exercise("2.3", ...)
    assert capsys.readouterr().out.startswith("2.3 还不对：")


def test_all_that_is_translated_is_said():
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCES.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    assert set(CHINESE) <= {node.value for node in nodes if isinstance(node, ast.Constant)}
    assert len(CHINESE) > 200
    for english, text in CHINESE.items():
        assert english.count("{") == text.count("{") and re.search("[\u4e00-\u9fff]", text)
