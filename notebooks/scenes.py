"""Bits of pages to learn from: which ink is of a digit, and where two digits touch.

    python notebooks/scenes.py ink.pt [--scenes 40000] [--steps 13500]

Composes scenes at random, digits of MNIST and drawn ones among letters, rule lines, desks, fingers
and shadows, and trains `InkNet` on them. Nobody need label a pixel: who draws a scene knows which
ink is which. Genuine MNIST is needed (see datasets/README.md); of it, the first 55,000 images.
"""

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional as F

from mnist_tutorial.checkpoint import save_weights
from mnist_tutorial.data import mnist_loaders
from mnist_tutorial.model import InkNet
from mnist_tutorial.reading.ink import even_out
from mnist_tutorial.recipes.nondigits import FONTS, letter, pick, printed, scribble
from mnist_tutorial.strokes import draw_digit

SIDE, CANVAS = 160, 240      # pixels, of a scene and of the upright sheet that it is cut from
WRITTEN = 64                 # pixels, height at which a digit is written before it is reduced
CHUNK = 500                  # scenes composed in one go
SCRIPTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
           cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_COMPLEX_SMALL)
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüßéñçдлжщяфы"
NUMBERS = ("10", "100", "1000", "00", "000", "404", "500", "200", "80", "60", "90", "20", "30")
DIGIT, TOUCH, UNKNOWN = 1, 2, 4  # bits of a target; soft edges are not judged


def chance(rng, share):
    return rng.random() < share


class Sheet:
    """An upright sheet: how much ink of digits and of anything else covers each pixel, 0 to 1."""

    def __init__(self, rng, digits):
        self.rng, self.mnist = rng, digits
        self.digits, self.others, self.touch = np.zeros((3, CANVAS, CANVAS), np.float32)
        self.height = math.exp(rng.uniform(math.log(11), math.log(105)))  # of a digit, pixels
        self.pen = pick(rng, (rng.uniform(0.05, 0.19), rng.uniform(0.04, 0.28))) * WRITTEN
        self.slant = rng.normal(0, 0.15)
        self.cell = self.height * rng.uniform(1.1, 2.2) if chance(rng, 0.15) else 0  # of a form
        self.drawn = pick(rng, (0.0, 0.3, 0.5, 1.0))  # share of digits by strokes
        self.printed = pick(rng, (0, 0, 0, 0, 0.1, 1))

    def digit(self, label, height):
        """Write a digit with this sheet's pen: float32 (height, w)."""
        if chance(self.rng, self.printed):
            large = printed(self.rng, label)
        elif chance(self.rng, self.drawn):
            large = draw_digit(self.rng, label)
        else:
            large = cv2.resize(pick(self.rng, self.mnist[int(label)]), None, fx=3, fy=3,
                               interpolation=cv2.INTER_CUBIC)
            lean = np.float32([[1, -self.slant, 42 * self.slant], [0, 1, 0]])
            large = cv2.GaussianBlur(cv2.warpAffine(large, lean, (84, 84)), (0, 0), 1.5)
        return self.with_pen(large, height)

    def with_pen(self, large, height):
        """Redraw ink, uint8 (H, W), with strokes as wide as the pen's, `height` pixels high."""
        x, y, w, h = cv2.boundingRect((large > 90).astype(np.uint8))
        scale = WRITTEN / max(1, h)
        size = max(2, round(w * scale)), WRITTEN
        mask = cv2.resize(large[y:y + h, x:x + w], size, interpolation=cv2.INTER_LINEAR) > 90
        mask = np.pad(mask.astype(np.uint8), 8)
        inside, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 3) for part in (mask, 1 - mask))
        width = 4 * inside[mask > 0].mean() if mask.any() else 1
        change = np.clip(self.pen - width, -0.5 * width, 1.2 * width)
        ink = np.clip(inside - outside + change / 2 + 0.5, 0, 1)
        x, y, w, h = cv2.boundingRect((ink > 0).astype(np.uint8))
        factor = height / WRITTEN
        size = max(1, round(w * factor)), max(2, round(h * factor))
        return cv2.resize(ink[y:y + h, x:x + w], size, interpolation=cv2.INTER_AREA)

    def word(self, height):
        """Write or print letters, two or more: float32 (h, w)."""
        rng, count = self.rng, int(self.rng.integers(2, 9))
        text = "".join(pick(rng, ALPHABET) for _ in range(count))
        if chance(rng, 0.4):
            font = ImageFont.truetype(findfont(pick(rng, FONTS[:3])), max(6, round(1.3 * height)))
            image = Image.new("L", (max(1, round(font.getlength(text))), round(1.8 * height) + 4))
            ImageDraw.Draw(image).text((0, 0), text, 255, font)
            return np.array(image, np.float32) / 255
        face, thick = pick(rng, SCRIPTS), max(1, round(self.pen / WRITTEN * height))
        text = text.encode("ascii", "ignore").decode() or "no"
        (width, tall), base = cv2.getTextSize(text, face, height / 22, thick)
        ink = np.zeros((tall + 2 * base + 4, width + 8), np.uint8)
        cv2.putText(ink, text, (4, tall + 2), face, height / 22, 255, thick, cv2.LINE_AA)
        if height < 12:
            return ink / np.float32(255)
        push = rng.normal(0, 0.06 * height, (2, 3, 2 + len(text))).astype(np.float32)
        at = np.mgrid[:ink.shape[0], :ink.shape[1]].astype(np.float32)  # an unsteady hand
        down, right = (cv2.resize(part, ink.shape[::-1], interpolation=cv2.INTER_CUBIC)
                       for part in push)
        return self.with_pen(cv2.remap(ink, at[1] + right, at[0] + down, cv2.INTER_LINEAR),
                             height)

    def put(self, layer, ink, x, y):
        """Put ink on a layer, its corner at x, y, as much of it as the sheet holds."""
        x, y = round(x), round(y)
        top, left = max(0, -y), max(0, -x)
        part = ink[top:, left:]
        patch = layer[max(0, y):, max(0, x):][:part.shape[0], :part.shape[1]]
        part = part[:patch.shape[0], :patch.shape[1]]
        np.maximum(patch, part, out=patch)
        return patch, (max(0, y), max(0, x))

    def number(self, text, x, y, gap, touching):
        """Write digits in a row from x, their middle at y; return where the row ends."""
        before = None  # the right edge of the ink in each row of the sheet
        for label in text:
            tall = self.height * self.rng.uniform(0.82, 1.12)
            ink = self.digit(label, tall)
            top = round(y - len(ink) / 2 + self.rng.normal(0, 0.06) * tall)
            solid = ink > 0.5
            left_edge = np.where(solid.any(1), solid.argmax(1), 999)
            rows = np.arange(top, top + len(ink))
            inside = (rows >= 0) & (rows < CANVAS)
            if before is None:
                left = x
            elif chance(self.rng, touching):
                free = (left_edge[inside] - before[rows[inside]]).min(initial=999)
                overlap = self.rng.uniform(0, 1.3) * self.pen / WRITTEN * tall
                left = -free - overlap if free < 900 else x
            else:
                left = x + gap * tall * self.rng.uniform(0.5, 1.5)
            if left > CANVAS:
                break
            self._touch(ink, left, top)
            right_edge = np.where(solid.any(1), ink.shape[1] - solid[:, ::-1].argmax(1), -999)
            before = np.full(CANVAS, -999.0)
            before[rows[inside]] = left + right_edge[inside]
            x = left + ink.shape[1]
        return x

    def _touch(self, ink, x, y):
        """Put a digit on the sheet, and mark where it meets another."""
        alone = np.zeros_like(self.digits)
        patch, (top, left) = self.put(alone, ink, x, y)
        reach = 3
        where = (slice(max(0, top - reach), top + patch.shape[0] + reach),
                 slice(max(0, left - reach), left + patch.shape[1] + reach))
        new, old = ((layer[where] > 0.4).astype(np.uint8) for layer in (alone, self.digits))
        if new.size and old.any() and new.any():
            near = np.ones((3, 3), np.uint8)
            meet = cv2.dilate(new, near) & cv2.dilate(old, near)
            self.touch[where] = np.maximum(self.touch[where], meet)
        np.maximum(self.digits, alone, out=self.digits)

    def write(self):
        """Fill the sheet: one digit, rows of numbers and words, or scattered ones."""
        rng, h = self.rng, self.height
        texts = pick(rng, (0, 0, 0, 0, 0.2, 0.4, 0.7, 1))  # share of words
        if chance(rng, 0.3):  # one alone, as in a picture of one digit
            self.height = h = rng.uniform(0.2, 1) * SIDE
            x, y = CANVAS / 2 + rng.normal(0, 0.06 * SIDE, 2)
            if texts < 0.5:
                self.number(str(rng.integers(10)), x - 0.35 * h, y, 0, 0)
            else:
                self.mark(x, y, h)
            return
        if self.cell:
            for y in np.arange(self.cell / 2, CANVAS, self.cell):
                for x in np.arange(self.cell / 2, CANVAS, self.cell):
                    if chance(rng, 0.8):
                        x += rng.normal(-0.35, 0.1) * h
                        self.number(str(rng.integers(10)), x, y + rng.normal(0, 0.08) * h, 0, 0)
            return
        gap = pick(rng, (0.05, 0.15, 0.3, 0.5, 0.9))
        touching = pick(rng, (0, 0, 0, 0.3, 0.7))
        spacing = h * rng.uniform(1.05, 2.2)
        columns = pick(rng, (1, 2, 4, 9))
        y = rng.uniform(-0.5, 0.7) * spacing
        while y < CANVAS + h / 2:
            x = rng.uniform(-1, 1.5) * h + max(0, rng.normal(0, 0.2)) * CANVAS
            while x < CANVAS:
                if chance(rng, texts):
                    if chance(rng, 0.7):
                        ink = self.word(h * rng.uniform(0.4, 1.1))
                    else:
                        ink = pick(rng, (letter, letter, scribble))(rng)
                        ink = self.with_pen(ink, h * rng.uniform(0.4, 1.4))
                    self.put(self.others, ink, x, y - len(ink) / 2)
                    x += ink.shape[1]
                else:
                    text = (pick(rng, NUMBERS) if chance(rng, 0.35) else
                            "".join(map(str, rng.integers(10, size=rng.integers(1, columns + 1)))))
                    x = self.number(text, x, y, gap, touching)
                if chance(rng, 0.08):
                    self.put(self.others, self.sign(h), x + 0.2 * h, y + h * rng.uniform(-0.1, 0.3))
                    x += 0.4 * h
                x += h * rng.uniform(0.4, 2)
                if chance(rng, 0.15):
                    break
            y += spacing

    def mark(self, x, y, h):
        """Put something that is no digit where a digit might be."""
        kind = self.rng.integers(5)
        if kind == 0:
            ink = self.word(h)
        elif kind == 1:
            ink = self.with_pen(letter(self.rng), h)
        elif kind == 2:
            ink = self.with_pen(scribble(self.rng), h)
        elif kind == 3:  # lines as of a drawing
            ink = np.zeros((CANVAS, CANVAS), np.float32)
            for _ in range(self.rng.integers(1, 6)):
                ends = self.rng.integers(0, CANVAS, 4).tolist()
                cv2.line(ink, ends[:2], ends[2:], 1.0, int(self.rng.integers(1, 9)), cv2.LINE_AA)
        else:
            return
        self.put(self.others, ink, x - ink.shape[1] / 2, y - ink.shape[0] / 2)

    def sign(self, h):
        """Draw a dot, a comma, a dash, a plus or the like: float32 (h, w)."""
        size = max(3, round(0.5 * h))
        ink, thick = np.zeros((size, size), np.float32), max(1, round(self.pen / WRITTEN * h))
        middle, far = size // 2, size - 2
        kind = self.rng.integers(5)
        if kind == 0:
            cv2.circle(ink, (middle, far - thick // 2), max(1, thick // 2), 1.0, -1, cv2.LINE_AA)
        elif kind == 1:
            start, end = (middle, size - size // 3), (middle - size // 5, far)
            cv2.line(ink, start, end, 1.0, thick, cv2.LINE_AA)
        else:
            cv2.line(ink, (1, middle), (far, middle), 1.0, thick, cv2.LINE_AA)
            if kind == 3:
                cv2.line(ink, (middle, 1), (middle, far), 1.0, thick, cv2.LINE_AA)
        return ink

    def rules(self):
        """Draw rule lines, squares or the boxes of a form: float32 (CANVAS, CANVAS)."""
        rng, lines = self.rng, np.zeros((CANVAS, CANVAS), np.float32)
        step = max(6, self.height * pick(rng, (0.4, 0.6, 0.9, 1.2, 1.6, 2.2)))
        wide = step * pick(rng, (0, 0, 1, 1, rng.uniform(0.5, 1.5)))  # 0: no lines downwards
        thick = max(1, round(step * rng.uniform(0.01, 0.06)))
        if self.cell:
            step = wide = self.cell
        start = 0 if self.cell else 1  # the lines of cells are where write() expects them
        for y in np.arange(start * rng.uniform(0, step), CANVAS, step):
            cv2.line(lines, (0, int(y)), (CANVAS, int(y)), 1.0, thick)
        for x in np.arange(start * rng.uniform(0, wide), CANVAS, wide) if wide else ():
            cv2.line(lines, (int(x), 0), (int(x), CANVAS), 1.0, thick)
        return lines


def texture(rng, deviation, blur):
    """Smooth noise, float32 (SIDE, SIDE), made small and enlarged."""
    small = rng.normal(0, 1, [max(3, round(SIDE / blur))] * 2).astype(np.float32)
    return deviation * cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def half_plane(rng, soft, far=0.5):
    """0 on one side of a line, 1 on the other, float32 (SIDE, SIDE), `soft` pixels between."""
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(-0.25, far) * SIDE
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) - SIDE / 2
    return ((x * np.cos(angle) + y * np.sin(angle) - away) / soft + 0.5).clip(0, 1)


def compose(rng, digits):
    """Compose a scene: grey levels and target, both uint8 (SIDE, SIDE)."""
    sheet = Sheet(rng, digits)
    sheet.write()
    ink, others, touch, lines = lay(rng, sheet)
    dark = darkness(rng, sheet.height, ink, others, lines)
    light = 1 + texture(rng, 0.08, 60)
    if chance(rng, 0.3):
        light *= 1 - rng.uniform(0.1, 0.6) * half_plane(rng, rng.uniform(1, 60))
    paper = rng.uniform(110, 255) + (texture(rng, rng.uniform(0, 5), rng.uniform(2, 12))
                                     if chance(rng, 0.4) else 0)
    image, hidden = cover(rng, paper * light * (1 - dark.clip(0, 0.97)))
    target = DIGIT * (ink > 0.45) + TOUCH * ((touch > 0.4) & (ink > 0.3))
    target = np.where(hidden, 0, target + UNKNOWN * ((ink > 0.1) & (ink <= 0.45)))
    return photograph(rng, image, sheet.height), target.astype(np.uint8)


def lay(rng, sheet):
    """Turn, shear and bend a sheet: ink of digits, other ink, touches, lines; (SIDE, SIDE) each."""
    lines = sheet.rules() if sheet.cell or chance(rng, 0.45) else np.zeros_like(sheet.digits)
    turned = rng.normal(0, 4) if chance(rng, 0.75) else rng.uniform(-32, 32)
    matrix = cv2.getRotationMatrix2D((CANVAS / 2, CANVAS / 2), turned, 1)
    matrix[:, 2] -= (CANVAS - SIDE) / 2
    if chance(rng, 0.3):
        matrix[:, :2] += rng.normal(0, 0.06, (2, 2))
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    column, row = (a * x + b * y + c for a, b, c in back)
    if chance(rng, 0.25):  # paper that is not flat
        bent = rng.uniform(0, 0.06) * sheet.height
        column, row = column + texture(rng, bent, 40), row + texture(rng, bent, 40)
    return [cv2.remap(layer, column, row, cv2.INTER_LINEAR) if layer.any() else layer[:SIDE, :SIDE]
            for layer in (sheet.digits, sheet.others, sheet.touch, lines)]


def darkness(rng, height, ink, others, lines):
    """Give each kind of ink its strength, and add strokes and specks: float32 (SIDE, SIDE)."""
    strength, grain = rng.uniform(0.12, 1) ** 0.7, 1
    if chance(rng, 0.2):
        grain = 1 - rng.uniform(0, 0.5) * rng.random((SIDE, SIDE), np.float32)
    dark = np.maximum(ink, others * rng.uniform(0.6, 1.2)).clip(0, 1) * strength * grain
    lines = lines * pick(rng, (rng.uniform(0.05, 0.5), rng.uniform(0.3, 1.1))) * strength
    dark = np.maximum(dark, lines) if chance(rng, 0.7) else dark + (1 - dark) * lines
    if chance(rng, 0.15):  # strokes that run right through
        for _ in range(rng.integers(1, 4)):
            ends = rng.uniform(-0.3, 1.3, 4) * SIDE
            if np.hypot(ends[2] - ends[0], ends[3] - ends[1]) > 1.8 * height:
                ends = ends.astype(int).tolist()
                line = np.zeros_like(dark)
                cv2.line(line, ends[:2], ends[2:], 1.0, int(rng.integers(1, 6)), cv2.LINE_AA)
                dark = np.maximum(dark, line * rng.uniform(0.2, 1) * strength)
    if chance(rng, 0.2):  # specks and holes
        for _ in range(rng.integers(1, 7)):
            size = int(max(1, height * rng.uniform(0.02, 0.12)))
            cv2.circle(dark, rng.integers(0, SIDE, 2).tolist(), size, strength, -1, cv2.LINE_AA)
    return dark


def cover(rng, image):
    """Lay things around and over a sheet: the image, float32, and where it is hidden, bool."""
    hidden = np.zeros_like(image)
    if chance(rng, 0.22):  # beyond the sheet's edge
        hidden = half_plane(rng, rng.uniform(0.8, 2))
        desk = rng.uniform(10, 230) + texture(rng, rng.uniform(0, 25), pick(rng, (3, 8, 25)))
        if chance(rng, 0.3):  # boards, tiles, cables
            cells = (np.arange(SIDE) // rng.integers(8, 50) % 2)[pick(rng, (None, slice(None)))]
            desk = desk + rng.uniform(-50, 50) * np.broadcast_to(cells, (SIDE, SIDE))
        image = image * (1 - hidden) + desk * hidden
    if chance(rng, 0.12):  # fingers, a hand, a thumb
        for _ in range(rng.integers(1, 4)):
            middle = np.array(pick(rng, ((0, 0.5), (1, 0.5), (0.5, 0), (0.5, 1))))
            middle = (middle + rng.normal(0, 0.25, 2) * (middle == 0.5)) * SIDE
            blob, size = np.zeros_like(image), (rng.uniform(0.1, 0.5, 2) * SIDE / 2).astype(int)
            cv2.ellipse(blob, middle.astype(int).tolist(), size.tolist(), rng.uniform(0, 180),
                        0, 360, 1.0, -1)
            blob = cv2.GaussianBlur(blob, (0, 0), rng.uniform(0.7, 3))
            image = image * (1 - blob) + rng.uniform(40, 200) * (1 + texture(rng, 0.1, 20)) * blob
            hidden = np.maximum(hidden, blob)
    if chance(rng, 0.12):  # a bar along the border
        width, side = int(rng.integers(1, 25)), int(rng.integers(4))
        np.rot90(image, side)[:, :width] = rng.uniform(0, 255)
        np.rot90(hidden, side)[:, :width] = 1
    if chance(rng, 0.06):  # a spiral's wire
        step, side = int(rng.integers(8, 30)), int(rng.integers(4))
        edge = np.ascontiguousarray(np.rot90(image, side))
        for y in range(int(rng.integers(step)), SIDE, step):
            cv2.ellipse(edge, (0, y), (step, step // 3), 0, 0, 360, rng.uniform(20, 200), 2,
                        cv2.LINE_AA)
            cv2.circle(edge, (step, y), max(1, step // 5), rng.uniform(10, 80), -1, cv2.LINE_AA)
        image = np.rot90(edge, -side)
    return np.ascontiguousarray(image, np.float32), hidden >= 0.5


def photograph(rng, image, height):
    """Take a picture: blur, exposure, tones, few pixels, noise, polarity, JPEG; uint8."""
    if chance(rng, 0.6):
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, max(0.6, 0.045 * height)))
    image = image * pick(rng, (1, 1, 1, rng.uniform(0.25, 1)))
    if chance(rng, 0.3):  # another camera's tones
        image = 255 * (image.clip(0, 255) / 255) ** rng.uniform(0.5, 1.8)
    if chance(rng, 0.2):  # few pixels, enlarged
        few = max(24, round(SIDE * max(0.15, 12 / height, rng.uniform(0.15, 1))))
        image = cv2.resize(cv2.resize(image, (few, few), interpolation=cv2.INTER_AREA),
                           (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    noise = rng.uniform(0, 7) if chance(rng, 0.7) else 0
    image = image + noise * rng.standard_normal(image.shape, np.float32)
    grey = image.clip(0, 255).astype(np.uint8)
    if chance(rng, 0.28):
        grey = 255 - grey
    if chance(rng, 0.35):
        quality = int(rng.integers(20, 90))
        stored = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        grey = cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE)
    return grey


def compose_many(seed, count, digits):
    """Compose a number of scenes: two uint8 arrays (count, SIDE, SIDE)."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    made = [compose(rng, digits) for _ in range(count)]
    return np.stack([grey for grey, _ in made]), np.stack([target for _, target in made])


def answers_of(model, grey, target):
    """Ask the model of scenes: logits, what was wanted, and each pixel's weight."""
    inputs = torch.stack([torch.from_numpy(even_out(image)) for image in grey])[:, None]
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(inputs.contiguous(memory_format=torch.channels_last)).float()
    target = torch.from_numpy(target)
    wanted = torch.stack([target & DIGIT, target & TOUCH], 1).bool().float()
    ink, touch = inputs[:, 0].abs() > 1, (target & TOUCH) > 0  # they are rare, and they matter
    return logits, wanted, ((1 + 3 * ink + 4 * touch) * (target < UNKNOWN))[:, None]


def loss_of(logits, wanted, weight):
    """Return the mean cross-entropy of both answers at each pixel."""
    loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (loss * weight).sum() / weight.sum()


def train(model, grey, target, steps, batch_size=16, lr=4e-3):
    """Train for so many steps: a third of them at full rate, then ever slower."""
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=1e-3)
    rng, mean = np.random.default_rng(0), 0.0
    for step in range(1, steps + 1):
        left = min(1, 1.5 * (1 - step / steps))  # as a share of the steps that slow down
        cycle = min(1, step / 500) * (1 - math.cos(math.pi * left)) / 2
        optimizer.param_groups[0]["lr"] = lr * cycle
        chosen = np.sort(rng.integers(len(grey), size=batch_size))
        loss = loss_of(*answers_of(model, grey[chosen], target[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean = 0.99 * mean + 0.01 * loss.item()
        if step % 500 == 0:
            print(f"step {step:,}: loss {mean:.4f}", flush=True)


@torch.no_grad()
def measure(model, grey, target):
    """Measure on scenes that the model has not seen: loss, and of digits' ink and of touches, which
    share is found (recall), and which share of what is found is one (precision)."""
    losses, found = [], torch.zeros(3, 2)
    for start in range(0, len(grey), 50):
        logits, wanted, weight = answers_of(model, grey[start:start + 50], target[start:start + 50])
        losses.append(loss_of(logits, wanted, weight).item())
        claimed, wanted = (logits > 0) & (weight > 0), (wanted > 0) & (weight > 0)
        found += torch.stack([part.sum((0, 2, 3)) for part in (claimed & wanted, wanted, claimed)])
    names = "recall of ink", "recall of touches", "precision of ink", "precision of touches"
    shares = torch.cat([found[0] / found[1], found[0] / found[2]]).tolist()
    return {"loss": float(np.mean(losses)), **dict(zip(names, shares))}


def main():
    parser = argparse.ArgumentParser(description="Train the network that tells digits' ink.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--scenes", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=13_500)
    arguments = parser.parse_args()
    images, labels = map(np.asarray, mnist_loaders(allow_sample=False).train.dataset.tensors)
    digits = [images[labels == digit] for digit in range(10)]
    with ProcessPoolExecutor() as pool:  # the last chunk is for measuring
        jobs = [pool.submit(compose_many, seed, CHUNK, digits)
                for seed in range(arguments.scenes // CHUNK + 1)]
        grey, target = (np.concatenate(parts) for parts in zip(*(job.result() for job in jobs)))
    print(f"{len(grey):,} scenes composed", flush=True)
    torch.manual_seed(0)
    model = InkNet().to(memory_format=torch.channels_last)
    train(model, grey[:-CHUNK], target[:-CHUNK], arguments.steps)
    measured = measure(model.eval(), grey[-CHUNK:], target[-CHUNK:])
    print(measured)
    save_weights(arguments.output, model.half(), {  # half the bytes, the same answers
        "name": "InkNet, composed scenes", "scenes": arguments.scenes, "steps": arguments.steps,
        "measured_on_other_scenes": measured})


if __name__ == "__main__":
    main()
