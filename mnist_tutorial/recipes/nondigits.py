"""What networks learn from besides MNIST: drawn digits, and images made at random that show none.

A network of ten classes answers with a digit whatever it is shown. The guard, a second network,
has an eleventh class for what is none. Training on made-up outliers so that unseen ones
are recognised is outlier exposure (Hendrycks et al., 2019, "Deep anomaly detection with outlier
exposure"). Other ranges, or another order of random draws, make another training set.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np
import torch
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from ..data import EVALUATION_BATCH, Loaders, Tensors, mnist_loaders, tensor_loader
from ..errors import NoDigitError
from ..model import Guard
from ..preprocess import SIZE, fit_to_mnist
from ..strokes import curve, draw_digit

MNIST_PER_DRAWN, SPOILT_EVERY = 3, 3  # digits of MNIST to a drawn one; non-digits to a spoilt one
OTHERS_FOR_GUARD = 2  # drawn digits, and as many non-digits, to one of MNIST
# Shares of drawn digits in print, and, for the guard, from a small sheet; its side in pixels.
PRINTED, COARSE, COARSE_SIDE = 0.15, 0.3, (16, 49)
# Classes of digits that show no digit when spoilt like this.
SPOILT_BY = {"mirrored": (3, 4, 6, 7, 9), "turned": (2, 3, 4, 5, 6, 7, 9)}
# Pixels of MNIST from one digit to the next run into it, and aside; ranges exclude their end.
NEXT_DIGIT, ASIDE = (12, 20), (-4, 5)

# A sketch is a sheet of its own: uint8 array (112, 112), 0 = background. Lengths are its pixels.
CANVAS, MIDDLE, MARGIN, SHEET = 112, 56, 8, (112, 112)
WARP_GRID, WARP, MAX_TILT = (5, 5), 5, 0.3  # nodes, their standard deviation; radians, and slant
SCRIBBLE_WIDTH, ENDLESS_CORNERS, SHORT_STROKES, SHORT_CORNERS = (3, 14), (8, 20), (2, 7), (2, 6)
CURVED, FONT_SIZE, LETTER_PAIRS = 0.7, 72, 0.15  # shares of strokes, and of letters in a pair
# Of simple figures: how many, half their size; a pattern's number and size, and how it is repeated;
# how far corners reach, points of an ellipse, radians from level: an upright bar would be a one.
FIGURES, FIGURE_SIZE, FIGURE_WIDTH, FILLED, FILL_GREY = (3, 7), (12, 50), (2, 12), 0.5, (60, 256)
REPEATED, PATTERN, PATTERN_SIZE, COLUMNS, ROWS = 0.3, (1, 3), (20, 70), (3, 8), (1, 7)
CORNERS, REACH, ROUND, LINE_ANGLE = (3, 9), (0.5, 1), 32, (-0.9, 0.9)
CLOUD_SIGMA, CLOUD_QUANTILE, CLOUD_GAIN = (2, 16), (0.4, 0.85), (0.7, 4)
LONE_STAINS, MIN_STAIN = 0.6, 30  # share of sheets; grey level
# Of a hand: its palm's radius, fingers' number, length and width; of its outline, how often it is
# drawn instead, half its width; how smooth the light is, and the share of the sheet without.
PALM, FINGERS, FINGER, THICK = (10, 28), (2, 6), (8, 45), (6, 20)
OUTLINED, OUTLINE, LIGHT_SIGMA, UNLIT = 0.7, (1, 4), (8, 24), (0, 0.4)

FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral")
# Letters that nobody takes for a digit, however they are written.
LETTERS = ("ACEFHKMNPRVWXacdefhkmnprtuvwxΓΔΞΠΣΨΩαγεηκλμπψωЖИЛЦЩЫЭЮЯжфщыюя"
           "&@#%$€§+=*?~<>^{}±×≈∞∑√→↑")
PICTOGRAMS = ("☀☁☂☃★☆☎☑☒☕☘☚☛☜☞☟☠☢☣☭☮☯☸☹☺☻☼♔♕♖♗♘♚♛♜♞♠♣♤♥♦♧♨♫♬♻♿⚁⚂⚃⚄⚅⚐⚑⚒⚓⚔⚖⚗⚘⚙⚛⚠"
              "✁✂✄✆✇✈✉✌✍✕✖✗✘✚✝✠✡✢✥✦✧✪✰✱✳✶✺✻✽✾✿❀❁❂❃❄❅❆❇❉❊❋❖❞❢❣❤❥❦❧"
              "😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓😔😕😖😗😘😙😚😛😜😝😞"
              "😟😠😡😢😣😥😦😧😨😩😪😫😭😮😯😰😱😲😳😴😵😷😸😹😺😻😼😽😾😿🙀")


def world_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Load as :func:`mnist_tutorial.mnist_loaders` does, with a third more to train on: drawn."""
    loaders = mnist_loaders(batch_size, root, allow_sample=allow_sample)
    mnist = loaders.train.dataset
    drawn = drawn_digits(len(mnist) // MNIST_PER_DRAWN, seed)
    train = _joined(f"{mnist.name} and drawn digits", mnist.tensors, drawn)
    return loaders._replace(
        train=tensor_loader(train, batch_size, shuffle=True, seed=seed, augment=augment))


def guard_loaders(batch_size: int = 64, root: str | Path | None = None, *, seed: int = 0,
                  augment: Callable | None = None, allow_sample: bool = True) -> Loaders:
    """Load MNIST, twice as many drawn digits, and images without one, labelled 10.

    Digits are drawn in rare ways too, and in haste; of images without one there are as many. The
    parameters are those of :func:`mnist_tutorial.mnist_loaders`.
    """
    parts = []
    for number, loader in enumerate(mnist_loaders(batch_size, root, allow_sample=allow_sample)):
        digits, labels = loader.dataset.tensors
        part_seed = len(Loaders._fields) * seed + number
        drawn = drawn_digits(OTHERS_FOR_GUARD * len(digits), part_seed, COARSE, hurried=True)
        none = nondigits(OTHERS_FOR_GUARD * len(digits), digits.numpy(), labels.numpy(), part_seed)
        parts.append(_joined(f"{loader.dataset.name}, drawn digits and pictures without a digit",
                             (digits, labels), drawn, (none, np.full(len(none), Guard.NONE))))
    return Loaders(tensor_loader(parts[0], batch_size, shuffle=True, seed=seed, augment=augment),
                   *(tensor_loader(part, EVALUATION_BATCH) for part in parts[1:]))


def _joined(name: str, *parts: tuple) -> Tensors:
    """Join pairs of images and labels."""
    return Tensors(name, *(torch.cat([*map(torch.as_tensor, each)]) for each in zip(*parts)))


def drawn_digits(count: int, seed: int = 0, coarse: float = 0.0,
                 hurried: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draw digits as many hands write them, some in bent print, a `coarse` share on small sheets.

    For `hurried` see :func:`mnist_tutorial.draw_digit`.

    Return images, uint8 (count, 28, 28), background 0, and labels, int64 (count,): 0 to 9 by turns.
    """
    rng, made, labels = np.random.default_rng(seed), [], np.arange(count, dtype=np.int64) % 10
    for digit in map(str, labels):
        ink = (bend(rng, printed(rng, digit)) if rng.random() < PRINTED
               else draw_digit(rng, digit, hurried))
        if rng.random() < coarse:
            side = int(rng.integers(*COARSE_SIDE))
            ink = cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA)
        made.append(fit_to_mnist(ink))
    return np.stack(made), labels


def nondigits(count: int, digits: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Make images that show no digit, prepared as photos of digits are: uint8 (count, 28, 28).

    A third are spoilt ones of `digits`, uint8 (N, 28, 28), with their classes `labels`, int (N,);
    the others are scribbles, letters, shapes, stains, hands and pictograms.
    """
    rng, made = np.random.default_rng(seed), []
    while len(made) < count:
        spoil = len(made) % SPOILT_EVERY == 0
        ink = spoilt(rng, digits, labels) if spoil else pick(rng, SKETCHES)(rng)
        with suppress(NoDigitError):  # an empty sheet: try again
            made.append(fit_to_mnist(ink))
    return np.stack(made)


def spoilt(rng: Generator, digits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mirror or turn a digit, or run two together: uint8 array (28, 28) or (56, 56)."""
    kind = pick(rng, (*SPOILT_BY, "in a row", "in a column"))
    if kind in SPOILT_BY:
        number = rng.integers(len(digits))
        while labels[number] not in SPOILT_BY[kind]:
            number = rng.integers(len(digits))
        if kind == "mirrored":
            return digits[number][:, ::-1]
        return np.rot90(digits[number], rng.choice([1, 3]))  # to the left or to the right
    away, aside = rng.integers(*NEXT_DIGIT), rng.integers(*ASIDE)
    down, across = (aside, away) if kind == "in a row" else (away, aside)
    ink = np.zeros((2 * SIZE, 2 * SIZE), np.uint8)
    for y, x in ((0, 0), (down, across)):
        part = ink[SIZE // 2 + y:, SIZE // 2 + x:][:SIZE, :SIZE]
        np.maximum(part, pick(rng, digits)[:part.shape[0], :part.shape[1]], out=part)
    return ink


def pick(rng: Generator, options: Any) -> Any:
    """Pick one of the options, each as likely."""
    return options[rng.integers(len(options))]


def scribble(rng: Generator) -> np.ndarray:
    """Draw a few strokes, or one that does not end: uint8 (112, 112)."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*SCRIBBLE_WIDTH))
    strokes, corners = pick(rng, ((1, rng.integers(*ENDLESS_CORNERS)),
                                  (rng.integers(*SHORT_STROKES), rng.integers(*SHORT_CORNERS))))
    for _ in range(strokes):
        points = rng.uniform(MARGIN, CANVAS - MARGIN, (corners, 2))
        points = curve(points) if rng.random() < CURVED else points
        cv2.polylines(ink, [points.round().astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return ink


def printed(rng: Generator, text: str, font: str = "") -> np.ndarray:
    """Print text in that font, or in one of Matplotlib's: uint8 (112, 112)."""
    from matplotlib.font_manager import findfont  # classic recipes don't wait for it
    if not font:
        name = pick(rng, FONTS if text.isascii() else FONTS[:-1])  # the last lacks most signs
        style, weight = pick(rng, ("normal", "italic")), pick(rng, ("normal", "bold"))
        font = f"{name}:style={style}:weight={weight}"
    image, form = Image.new("L", SHEET), ImageFont.truetype(findfont(font), FONT_SIZE)
    ImageDraw.Draw(image).text((MIDDLE, MIDDLE), text, 255, form, anchor="mm")
    return np.array(image)


def letter(rng: Generator) -> np.ndarray:
    """Draw a letter or sign, or two, bent and leaning as if by hand: uint8 (112, 112)."""
    count = 2 if rng.random() < LETTER_PAIRS else 1
    return bend(rng, printed(rng, "".join(rng.choice(list(LETTERS), count))))


def pictogram(rng: Generator) -> np.ndarray:
    """Draw a sun, a skull, a pointing hand or a smiling face, bent: uint8 (112, 112)."""
    return bend(rng, printed(rng, pick(rng, PICTOGRAMS), FONTS[0]))


def bend(rng: Generator, ink: np.ndarray) -> np.ndarray:
    """Turn, slant and distort a uint8 drawing (112, 112) smoothly (Simard et al., 2003)."""
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32) - MIDDLE
    nodes = [rng.normal(0, WARP, WARP_GRID).astype(np.float32) for _ in range(2)]
    push_x, push_y = (cv2.resize(push, SHEET, interpolation=cv2.INTER_CUBIC) for push in nodes)
    angle, slant = rng.uniform(-MAX_TILT, MAX_TILT), rng.uniform(-MAX_TILT, MAX_TILT)
    from_x = np.cos(angle) * x - np.sin(angle) * y + slant * y + MIDDLE + push_x
    from_y = np.sin(angle) * x + np.cos(angle) * y + MIDDLE + push_y
    return cv2.remap(ink, np.float32(from_x), np.float32(from_y), cv2.INTER_LINEAR)


def shape(rng: Generator) -> np.ndarray:
    """Draw lines, polygons and ellipses, or rows of a pattern of them, bent: uint8 (112, 112)."""
    ink, width = np.zeros(SHEET, np.uint8), int(rng.integers(*FIGURE_WIDTH))
    sizes, columns, rows = rng.uniform(*FIGURE_SIZE, rng.integers(*FIGURES)), 1, 1
    if rng.random() < REPEATED:
        sizes = rng.uniform(*PATTERN_SIZE, rng.integers(*PATTERN))
        columns, rows = rng.integers(*COLUMNS), rng.integers(*ROWS)
    for size in sorted(sizes, reverse=True):  # the small ones, as of a face, on the large ones
        corners = rng.integers(*CORNERS)
        angles, reach = pick(rng, (  # of a line, a polygon, an ellipse
            (rng.uniform(*LINE_ANGLE) + np.array([0, np.pi]), np.ones(2)),
            (np.sort(rng.uniform(0, 2 * np.pi, corners)), rng.uniform(*REACH, (corners, 1))),
            (np.linspace(0, 2 * np.pi, ROUND), rng.uniform(*REACH, 2))))
        points = size * reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        points = (points + MIDDLE + rng.uniform(-1, 1, 2) * (MIDDLE - size)).astype(np.int32)
        if len(points) > 2 and rng.random() < FILLED:
            cv2.fillPoly(ink, [points], int(rng.integers(*FILL_GREY)), cv2.LINE_AA)
        else:
            cv2.polylines(ink, [points], True, 255, width, cv2.LINE_AA)
    pattern = cv2.resize(ink, (CANVAS // columns, CANVAS // rows), interpolation=cv2.INTER_AREA)
    return bend(rng, np.tile(pattern, (rows, columns)))


def stain(rng: Generator) -> np.ndarray:
    """Draw clouds above a threshold, like bits of clutter, cloth and faces: uint8 (112, 112)."""
    noise = rng.normal(0, 1, SHEET).astype(np.float32)
    sigma_x, sigma_y = rng.uniform(*CLOUD_SIGMA, 2)
    cloud = cv2.GaussianBlur(noise, (0, 0), sigma_x, sigmaY=sigma_y)
    cloud = (cloud - np.quantile(cloud, rng.uniform(*CLOUD_QUANTILE))) / cloud.std()
    ink = (255 * np.clip(cloud * rng.uniform(*CLOUD_GAIN), 0, 1)).astype(np.uint8)
    if rng.random() < LONE_STAINS:  # the largest stain alone
        _, labels, stats, _ = cv2.connectedComponentsWithStats((ink > MIN_STAIN).astype(np.uint8))
        ink[labels != 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])] = 0
    return ink


def hand(rng: Generator) -> np.ndarray:
    """Draw a palm with some fingers, or pieces of its outline, as light shows: uint8 (112, 112)."""
    ink, palm = np.zeros(SHEET, np.uint8), int(rng.integers(*PALM))
    for angle in rng.uniform(0, 2 * np.pi) + rng.uniform(0, np.pi, rng.integers(*FINGERS)):
        tip = MIDDLE + (palm + rng.uniform(*FINGER)) * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(ink, (MIDDLE, MIDDLE), tip.astype(int).tolist(), 255, int(rng.integers(*THICK)))
    cv2.circle(ink, (MIDDLE, MIDDLE), palm, 255, -1)
    if rng.random() < OUTLINED:
        width = 2 * int(rng.integers(*OUTLINE)) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        ink = cv2.morphologyEx(bend(rng, ink), cv2.MORPH_GRADIENT, kernel)
        light = cv2.GaussianBlur(rng.normal(0, 1, SHEET), (0, 0), rng.uniform(*LIGHT_SIGMA))
        ink[light < np.quantile(light, rng.uniform(*UNLIT))] = 0
    return bend(rng, ink)


# Twice is twice as likely.
SKETCHES = (scribble, scribble, letter, letter, shape, stain, stain, hand, hand, pictogram)
