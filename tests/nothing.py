"""Pictures without a digit, drawn for the purpose, to see whether the reader can say no.

Nothing here shares code with what the guard was trained on (`mnist_tutorial.recipes.nondigits`):
other letters' fonts, whole scenes instead of cut-out strokes, and photographs that come with
Matplotlib and scikit-learn.
"""

from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import scenery
from PIL import Image, ImageDraw, ImageFont
from scenery import PEN

DATA = Path(matplotlib.get_data_path())
WORDS = ("it was the best of times it was the worst of times it was the age of wisdom it was the "
         "age of foolishness it was the epoch of belief it was the epoch of incredulity").split()


def paper(rng, shape=(480, 640), light=None):
    """Bare paper in uneven light, with a camera's noise."""
    height, width = shape
    y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]
    light = rng.uniform(120, 240) if light is None else light
    slope = 1 + rng.uniform(-0.25, 0.25) * (x - 0.5) + rng.uniform(-0.25, 0.25) * (y - 0.5)
    return scenery.add_noise(light * slope, rng, rng.uniform(1, 4)).clip(0, 255).astype(np.uint8)


def empty(rng, number):
    """An empty page: plain, ruled, squared, with a shadow, with a crease, dark, white, noise."""
    kind = number % 8
    grey = paper(rng, light=(None, None, 220, 200, 210, 190, 25, 60)[kind])
    if kind in (2, 3):
        for y in range(30, 480, 36):
            end = (640, y + int(rng.integers(-6, 6)))
            cv2.line(grey, (0, y), end, int(rng.integers(120, 180)), 1, PEN)
    if kind == 3:
        for x in range(20, 640, 36):
            cv2.line(grey, (x, 0), (x, 480), int(rng.integers(120, 180)), 1, PEN)
    if kind == 4:
        corners = [(0, 0), (rng.integers(200, 500), 0), (rng.integers(50, 300), 480), (0, 480)]
        light = np.where(scenery.polygon(grey.shape, corners), np.float32(0.6), np.float32(1))
        grey = (grey * cv2.GaussianBlur(light, (0, 0), 8)).astype(np.uint8)
    if kind == 5:
        cv2.line(grey, (0, 200), (640, 260), 150, 3, PEN)
    return grey


def face(rng, number):
    """A shaded head before a wall: hair, eyes, nose, mouth."""
    grey = paper(rng, light=rng.uniform(60, 200))
    x, y, size, skin = map(int, rng.integers((220, 200, 80, 90), (420, 280, 150, 220)))
    hair, shirt = int(rng.integers(10, 80)), int(rng.integers(20, 200))
    grey[int(y + 1.3 * size):, max(0, int(x - 1.6 * size)):int(x + 1.6 * size) + 1] = shirt
    eye = ((-0.15, 0.17, 0.09, 240), (-0.15, 0.08, 0.08, 30), (-0.35, 0.2, 0.04, hair))
    eyes = [(side, *part) for side in (-0.35, 0.35) for part in eye]
    scenery.face(grey, (x, y), size, [
        (0, -0.25, 0.95, 1.2, hair), (0, 0, 0.8, 1.1, skin), *eyes,
        (0, 0.2, 0.09, 0.2, int(0.85 * skin)),
        (0, 0.55, 0.3, 0.07 + 0.05 * (number % 3), int(0.5 * skin))])
    return cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.5, 3))


def smiley(rng, number):
    """A face as a child draws it."""
    grey = paper(rng)
    x, y, r, width, ink = map(int, rng.integers((200, 180, 60, 3, 10), (440, 300, 150, 12, 80)))
    cv2.circle(grey, (x, y), r, ink, width, PEN)
    for side in (-1, 1):
        eye = (x + side * r // 3, y - r // 3)
        cv2.circle(grey, eye, max(3, r // 10), ink, -1 if number % 2 else width, PEN)
    cv2.ellipse(grey, (x, y + r // 8), (r // 2, r // 2), 0, 20, 160, ink, width, PEN)
    return grey


LETTERS = "AEFHKMNPRTWXYaefhkmnrtwx&@#%"
HANDS = (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_SIMPLEX)


def letter(rng, number):
    """One letter, in a hand-like or printed font, that does not resemble a digit."""
    text = LETTERS[number % len(LETTERS)]
    grey = paper(rng)
    if number % 2:
        font = HANDS[number // 2 % 3]
        size, width = rng.uniform(4, 9), int(rng.integers(3, 14))
        cv2.putText(grey, text, (230, 330), font, size, int(rng.integers(10, 90)), width, PEN)
    else:
        name = ("cmtt10", "cmss10", "STIXGeneralItalic")[number // 2 % 3]
        grey = printed(grey, text, (220, 60), name, int(rng.integers(150, 320)), rng)
    return scenery.turn(grey, rng.uniform(-12, 12))


def printed(grey, text, place, name, size, rng):
    """Print lines of text in one of Matplotlib's fonts."""
    image = Image.fromarray(grey)
    font = ImageFont.truetype(str(DATA / "fonts/ttf" / f"{name}.ttf"), size)
    ink = int(rng.integers(10, 90))
    ImageDraw.Draw(image).multiline_text(place, text, fill=ink, font=font, spacing=size * 0.3)
    return np.array(image)


def scribble(rng, number):
    """A pen gone wild: loops, zigzags, crossings out, a signature."""
    grey = paper(rng)
    t = np.linspace(0, 1, 400)
    kind = number % 4
    turns, amplitude = rng.integers(4, 9), rng.uniform(60, 140)
    if kind == 0:    # overlapping loops
        x = 120 + 380 * t + amplitude * np.cos(2 * np.pi * turns * t)
        y = 240 + amplitude * np.sin(2 * np.pi * turns * t)
    elif kind == 1:  # zigzag
        x, y = 150 + 340 * t, 240 + amplitude * (2 * np.abs((2 * turns * t) % 2 - 1) - 1)
    elif kind == 2:  # a tangle
        phases = rng.uniform(0, 2 * np.pi, (2, 5))
        speeds = np.arange(1, 6) * rng.uniform(0.8, 1.6, (2, 5))
        x, y = (sum(50 * np.sin(2 * np.pi * s * t + p) for s, p in zip(*waves))
                for waves in zip(speeds, phases))
        x, y = x + 320, y + 240
    else:            # a signature
        x = 120 + 400 * t + 25 * np.sin(2 * np.pi * 2 * turns * t)
        y = 240 + amplitude * (1 - t) * np.sin(2 * np.pi * 2.2 * turns * t + rng.uniform(0, 6))
    points = np.stack([x, y], axis=1).round().astype(np.int32)
    cv2.polylines(grey, [points], False, int(rng.integers(10, 90)), int(rng.integers(3, 10)), PEN)
    return grey


def print_page(rng, number):
    """A page of print."""
    grey = paper(rng)
    name = ("cmr10", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")[number % 4]
    size = int(rng.integers(14, 44))
    lines = [" ".join(rng.choice(WORDS, 900 // size // 3 or 1))
             for _ in range(420 // int(1.4 * size))]
    return printed(grey, "\n".join(lines), (30, 20), name, size, rng)


STAR = [(60 + 55 * np.sin(a), 60 - 55 * np.cos(a)) for a in np.arange(5) * 4 * np.pi / 5]
FINGERS = [([(x, 80), (x, tip)], [(x + 14, 80), (x + 14, tip)], (x + 7, tip, 7, 7, 180, 360))
           for x, tip in ((20, 50), (45, 20), (65, 12), (85, 22))]
PETALS = [(60 + 26 * np.cos(a), 45 + 26 * np.sin(a), 13, 13) for a in np.arange(6) * np.pi / 3]
THINGS = [  # of lists, lines through positions; and tuples, rings (x, y, width, height), or arcs
    # a house, a tree, a cup, a key
    [[(10, 110), (10, 50), (60, 10), (110, 50), (110, 110), (10, 110)], [(10, 50), (110, 50)],
     [(50, 110), (50, 75), (70, 75), (70, 110)]],
    [[(50, 120), (50, 70)], [(62, 120), (62, 70)], (56, 40, 40, 32)],
    [[(20, 30), (30, 110), (80, 110), (90, 30), (20, 30)], (95, 65, 18, 22, -90, 90)],
    [(25, 60, 22, 22), [(47, 60), (120, 60), (120, 80)], [(100, 60), (100, 76)]],
    # a heart, a star, an arrow, a hand
    [(35, 40, 25, 25, 150, 360), (85, 40, 25, 25, 180, 390), [(13, 52), (60, 115), (107, 52)]],
    [[*STAR, STAR[0]]],
    [[(10, 60), (120, 60)], [(85, 30), (120, 60), (85, 90)]],
    [*sum(FINGERS, ()), [(20, 80), (30, 120), (85, 120), (99, 80)]],
    # a stick figure, a flower
    [(60, 25, 18, 18), [(60, 43), (60, 85), (35, 120)], [(60, 85), (85, 120)],
     [(25, 55), (95, 55)]],
    [*PETALS, (60, 45, 12, 12), [(60, 84), (60, 130)]],
]


def thing(rng, number):
    """A drawing of something else."""
    grey = paper(rng)
    ink, width = int(rng.integers(10, 90)), int(rng.integers(4, 12))
    size, left, top = rng.uniform(1.4, 2.6), rng.integers(120, 260), rng.integers(60, 150)

    def at(x, y):
        return int(left + size * x), int(top + size * y)

    for part in THINGS[number % len(THINGS)]:
        if isinstance(part, list):
            closed = part[0] == part[-1]
            points = [at(x, y) for x, y in part]
            cv2.polylines(grey, [np.array(points[:len(part) - closed])], closed, ink, width, PEN)
        else:
            x, y, w, h, *arc = part
            half = int(w * size), int(h * size)
            cv2.ellipse(grey, at(x, y), half, 0, *(arc or (0, 360)), ink, width, PEN)
    return grey


def texture(rng, number):
    """Stripes, checks, wood, brick, cloth, blobs out of focus."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    angle, period, kind = rng.uniform(0, np.pi), rng.uniform(14, 70), number % 6
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wave = (np.sin(2 * np.pi * u / period) > rng.uniform(-0.5, 0.5),
            (u // period + v // period) % 2,
            np.sin(u / 9 + 4 * cv2.GaussianBlur(rng.normal(0, 30, x.shape), (0, 0), 25)),
            ((v % period) < 4) | (((u + (v // period) % 2 * period) % (2 * period)) < 4),
            np.sin(2 * np.pi * u / 8) * np.sin(2 * np.pi * v / 8),
            cv2.GaussianBlur(rng.normal(0, 1, x.shape), (0, 0), 30) > 0)[kind]
    low, high = rng.uniform(20, 110), rng.uniform(130, 240)
    wave = cv2.normalize(np.float32(wave), None, low, high, cv2.NORM_MINMAX)
    wave = np.float64(cv2.GaussianBlur(wave, (0, 0), rng.uniform(0.5, 3)))
    return scenery.add_noise(wave, rng, 3).clip(0, 255).astype(np.uint8)


def photo(rng, number):
    """A cutting from a photograph: a temple, a flower, a portrait."""
    from sklearn.datasets import load_sample_image  # takes a second
    name = ("china.jpg", "flower.jpg", None)[number % 3]
    portrait = DATA / "sample_data/grace_hopper.jpg"
    whole = load_sample_image(name) if name else np.asarray(Image.open(portrait))
    height, width = whole.shape[:2]
    share = 1 if number < 3 else rng.uniform(0.3, 0.8)
    h, w = int(height * share), int(width * share)
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    return np.ascontiguousarray(whole[y:y + h, x:x + w])


KINDS = {empty: 16, face: 10, smiley: 6, letter: 56, scribble: 16, print_page: 8, thing: 20,
         texture: 12, photo: 16}


def draw(kind, number):
    """Draw the picture of that number of a kind, always the same: uint8 array."""
    return kind(np.random.default_rng([list(KINDS).index(kind), number]), number)


@cache
def pictures():
    """Draw all of them: (name, uint8 array) pairs."""
    return [(f"{kind.__name__} {number}", draw(kind, number))
            for kind, count in KINDS.items() for number in range(count)]
