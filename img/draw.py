"""Draw the course's sample pictures: handwriting, paper, light and camera, all made by code.

    python img/draw.py     re-creates every file beside this script (about half a minute, one core)

Nothing is copied from a font, a data set or a photo.  Each digit is a hand-made list of pen
positions (mnist_tutorial/strokes.txt) that is shaken a little, drawn with a pen of
changing pressure, put on a sheet of paper, lit, and seen through a small camera.  The tables at the
bottom say what is in each picture; change a seed there and the same digit is written by another
hand.

Images are float arrays (height, width, 3), RGB, 0..1; masks are (height, width), 0..1.
Positions are (x, y), y down; a digit is written one unit high.
"""
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mnist_tutorial import strokes

cv2.setNumThreads(1)
HERE = Path(__file__).parent
WAYS = {"1": 2, "2": 2, "7": 2}  # of writing a digit that occur here, the first ones; else one
SUPERSAMPLE = 2  # pictures are drawn this many times larger and shrunk at the end


def noise(shape, scale, rng):
    """Smooth noise (height, width), mean about 0, deviation 1; scale: blobs in pixels (x, y)."""
    small = [max(2, round(n / s)) + 3 for n, s in zip(shape, scale[::-1])]
    field = rng.standard_normal(small).astype(np.float32)
    field = cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return field / field.std()


def write_digit(digit, style, shake, slant, rng):
    """One digit by hand -> list of strokes (m, 2), one unit high; shake: jitter, in units."""
    turn, lean = rng.normal(0, .03), slant + rng.normal(0, .04)
    form = np.array([[rng.normal(1, .05), turn], [-turn - lean, rng.normal(1, .03)]])
    lines = []
    for points in strokes.skeleton(digit, style % WAYS.get(digit, 1)):
        line = strokes.curve(strokes.shake(points, shake, rng))
        tremor = np.stack([noise((2, len(line)), (30, 9), rng)[0] for _ in "xy"], 1)
        lines.append((line + tremor * shake * .2 - [0, .5]) @ form + [0, .5])
    return lines


def write_rows(scene):
    """All digits of a scene -> list of strokes (m, 2) in digit heights, centred on (0, 0)."""
    rng, strokes = np.random.default_rng(scene.seed), []
    for row, text in enumerate(scene.rows):
        x, slope, drift = rng.normal(0, .25) * row, rng.normal(-.03, .015), 0
        for digit in text:
            drift += rng.normal(0, .025)
            parts = write_digit(digit, rng.integers(2), scene.shake, scene.slant, rng)
            left = min(p[:, 0].min() for p in parts)
            place = [x - left, row * scene.leading + slope * x + drift]
            size = rng.normal(1, .04)
            strokes += [p * size + place for p in parts]
            x = max(p[:, 0].max() for p in strokes[-len(parts):]) + rng.uniform(.24, .40)
    ends = np.vstack(strokes)
    return [p - (ends.min(0) + ends.max(0)) / 2 for p in strokes]


def pressure_along(line, rng):
    """Pen positions (m, 2), half a pixel apart, and the pressure at each (m,), about 0.5..1.1."""
    step = np.r_[0, np.hypot(*np.diff(line, axis=0).T)].cumsum()
    at = np.arange(0, step[-1], .5)
    line = np.stack([np.interp(at, step, line[:, k]) for k in (0, 1)], 1)
    heading = np.unwrap(np.arctan2(*np.gradient(line, axis=0).T))
    bend = cv2.GaussianBlur(np.abs(np.gradient(heading))[None], (0, 0), len(at) / 40)[0]
    slow = np.minimum(bend / (bend.mean() + 1e-6), 2.5) / 2.5
    ends = np.minimum(1, .75 + at / step[-1] * 4) * np.minimum(1, .45 + (1 - at / step[-1]) * 6)
    wander = noise((2, len(at)), (len(at) / 5, 9), rng)[0]
    return line, ends * (.82 + .2 * slow + .06 * wander)


def ink_mask(shape, strokes, scene, unit, rng):
    """Strokes in pixels -> amount of ink (height, width), 0..1; unit: digit height in pixels."""
    mask, nib = np.zeros(shape, np.float32), scene.nib * unit
    for stroke in strokes:
        layer = np.zeros(shape, np.uint8)
        for (x, y), p in zip(*pressure_along(stroke, rng)):
            radius, ink = nib / 2 * (1 - scene.flex + scene.flex * p), 205 + 40 * min(p, 1)
            at, radius = (round(x * 16), round(y * 16)), round(radius * 16)
            cv2.circle(layer, at, radius, ink, -1, cv2.LINE_AA, 4)
        mask = 1 - (1 - mask) * (1 - layer / np.float32(255))  # crossing strokes are darker
    y, x = np.indices(shape, np.float32)
    dx, dy = [scene.rough * nib * noise(shape, (5, 5), rng) for _ in "xy"]
    mask = cv2.remap(mask, x + dx, y + dy, cv2.INTER_LINEAR)
    mask = cv2.GaussianBlur(mask, (0, 0), .9)
    fine, coarse = noise(shape, (2.5, 2.5), rng), noise(shape, (12, 6), rng)
    grain = np.clip(.5 + .25 * fine + .1 * coarse, 0, 1)
    return np.clip((mask - scene.tooth * grain) / max(.4, 1 - scene.tooth), 0, 1)


def paper(shape, scene, pitch, rng):
    """An empty sheet or board (height, width, 3), with ruling; pitch: line distance in pixels."""
    fibre = noise(shape, (2, 2), rng)
    fibre = fibre + .7 * noise(shape, (7, 3), rng) + .7 * noise(shape, (3, 9), rng)
    cloud = noise(shape, (900, 600), rng) + .3 * noise(shape, (160, 120), rng)
    texture = 1 + scene.fibre * fibre + scene.smudge * cloud
    sheet = np.array(scene.paper, np.float32) / 255 * texture[..., None]
    lines = np.zeros(shape, np.float32)
    start = rng.uniform(0, pitch)
    for at in np.arange(start, max(shape), pitch):
        at = round(at * 16)
        if scene.ruling:
            cv2.line(lines, (0, at), (shape[1] * 16, at), 1., 2, cv2.LINE_AA, 4)
        if scene.ruling == "squares":
            cv2.line(lines, (at, 0), (at, shape[0] * 16), 1., 2, cv2.LINE_AA, 4)
    lines = cv2.GaussianBlur(lines, (0, 0), .8) * (.85 + .12 * noise(shape, (20, 20), rng))
    return blend(sheet, scene.rule_ink, .75 * lines)


def blend(image, colour, mask):
    """Lay a colour (r, g, b), 0..255, or another image over an image where the mask is 1."""
    top = colour if isinstance(colour, np.ndarray) else np.array(colour, np.float32) / 255
    return image + (top - image) * mask[..., None]


def wood(shape, rng):
    """A wooden desk top (height, width, 3): long grain lines bent by slow noise."""
    y, x = np.indices(shape, np.float32)
    depth = .12 * x + y + 60 * noise(shape, (1100, 170), rng) + 8 * noise(shape, (350, 60), rng)
    # late wood: lines that are sharp on one side, soft on the other
    rings = np.abs((depth / 34 + .8 * noise(shape, (1500, 90), rng)) % 1 - .35)
    pores = noise(shape, (38, 1.5), rng) * np.clip(.6 + .5 * noise(shape, (200, 40), rng), 0, 1)
    tone = 1 - .16 * np.exp(-rings * 7) + .035 * pores + .06 * noise(shape, (500, 90), rng)
    seam = np.exp(-np.abs(y - .12 * x - .8 * shape[0]) / 3)
    tone = (tone - .05 * (y - .12 * x > .8 * shape[0])) * (1 - .6 * seam)
    return (np.array([128, 90, 60], np.float32) / 255) ** (2 - tone[..., None])


def view(shape, page_shape, scale, tilt, keystone, centre=(.5, .5)):
    """Homography that lays a page (its shape) on a frame; scale: page pixels -> frame pixels, tilt
    in degrees, keystone: how much narrower the far edge looks, centre: of the page, 0..1."""
    h, w = page_shape
    corners = np.array([(-w, -h), (w, -h), (w, h), (-w, h)], np.float32) / 2 * scale
    corners[:2] *= [1 - keystone, 1 - keystone / 2]
    corners[1] *= 1 + keystone / 4
    a = np.radians(tilt)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    seen = corners @ turn + np.array(centre) * shape[::-1]
    sheet = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    return cv2.getPerspectiveTransform(sheet, seen.astype(np.float32))


def lighting(shape, scene, rng):
    """Brightness of the scene (height, width, 3): less far from the lamp, and below a hand."""
    h, w = shape
    y, x = np.mgrid[-1:1:h * 1j, -1:1:w * 1j].astype(np.float32)
    side, amount = np.radians(scene.light[0]), scene.light[1]
    bright = 1 - amount * (.5 - .5 * (x * np.cos(side) - y * np.sin(side)) + .1 * (x * x + y * y))
    px, py, angle, dark, soft = scene.shadow
    hand, unit = np.zeros(shape, np.float32), max(h, w)
    way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    for ahead, aside, long, wide in HAND:
        middle = np.array([px * w, py * h]) + unit * (ahead * way + aside * way[::-1] * [-1, 1])
        cv2.ellipse(hand, (middle.tolist(), (2 * long * unit, 2 * wide * unit), angle), 1., -1)
    shade = cv2.GaussianBlur(hand, (0, 0), soft * unit)
    tint = np.array([1.1, 1.06, .98], np.float32)  # a warm lamp; a cooler room lights the shadow
    shade = shade[..., None]
    return bright[..., None] * (1 - dark * shade) * (tint + (1 - tint) * (.4 + .6 * shade))


def photograph(frame, scene, rng):
    """What the camera makes of a frame: smaller, blurred, noisy -> uint8 (height, width, 3)."""
    small = cv2.resize(frame, scene.size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(np.clip(small, 0, 1), (0, 0), scene.blur)
    shape = small.shape[:2]
    coloured = np.dstack([noise(shape, (1.6, 1.6), rng) * .6 for _ in "rgb"])
    grains = coloured + noise(shape, (1.3, 1.3), rng)[..., None]
    small += scene.noise * grains * (.5 + .5 * np.sqrt(1 - small))
    return (np.clip(small, 0, 1) * 255 + .5).astype(np.uint8)


def draw(scene):
    """One scene from the table -> uint8 picture (height, width, 3)."""
    rng = np.random.default_rng(scene.seed + 1)
    shape = tuple(n * SUPERSAMPLE for n in scene.size[::-1])
    page_shape = tuple(round(n * scene.page) for n in shape)
    unit = scene.height * shape[0]
    middle = np.array(page_shape[::-1]) / 2 + (np.array(scene.at) - .5) * shape[::-1]
    page = paper(page_shape, scene, scene.pitch * shape[0], rng)
    mask = ink_mask(page_shape, [s * unit + middle for s in write_rows(scene)], scene, unit, rng)
    page = blend(page, scene.ink, mask)
    page *= 1 + .01 * noise(page_shape, (700, 500), rng)[..., None]  # paper is never quite flat
    lay = view(shape, page_shape, 1, scene.tilt, scene.keystone, scene.page_at)
    frame = wood(shape, rng)
    covered = np.ones(page_shape, np.float32)
    covered = cv2.warpPerspective(covered, lay, shape[::-1], flags=cv2.INTER_AREA)
    frame *= 1 - .55 * cv2.GaussianBlur(np.roll(covered, (7, 5), (0, 1)), (0, 0), 9)[..., None]
    page = cv2.warpPerspective(page, lay, shape[::-1], flags=cv2.INTER_LINEAR)
    frame = blend(frame, page, covered)
    return photograph(frame * lighting(shape, scene, rng), scene, rng)


def room(shape, rng):
    """The room behind the sheet, out of focus: wall, window, shelf, door (height, width, 3)."""
    h, w = shape
    fading = np.linspace(1.1, .6, h, dtype=np.float32)[:, None, None]
    wall = np.array([104, 94, 84], np.float32) / 255 * fading
    wall = np.repeat(wall, w, 1)
    books = [(x, rng.uniform(.31, .37), x + .02, .50, rng.uniform(30, 115, 3))
             for x in np.arange(.70, .97, .022)]
    for x0, y0, x1, y1, colour in FURNITURE + books:
        corners = (round(x0 * w), round(y0 * h)), (round(x1 * w), round(y1 * h))
        cv2.rectangle(wall, *corners, (np.array(colour) / 255).tolist(), -1)
    return cv2.GaussianBlur(wall, (0, 0), 7) * (1 + .03 * noise(shape, (150, 150), rng))[..., None]


def limb(image, start, end, thick, colour):
    """Lay a rounded, shaded limb from start to end over an RGBA image; thick: both radii."""
    y, x = np.indices(image.shape[:2], np.float32)
    start, way = np.array(start), np.subtract(end, start)
    along = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / (way @ way), 0, 1)
    away = np.hypot(x - start[0] - along * way[0], y - start[1] - along * way[1])
    radius = thick[0] + along * (thick[1] - thick[0])
    inside = np.clip(radius - away + .5, 0, 1)
    bulge = np.sqrt(np.clip(1 - (away / radius) ** 2, 0, 1))
    lit = .5 + .5 * bulge - .12 * (x - start[0] - along * way[0]) / radius
    image[..., :3] *= 1 - .2 * np.exp(-np.maximum(away - radius, 0) / 7)[..., None]  # its shadow
    skin = np.array(colour, np.float32) / 255 * lit[..., None]
    image[..., :3] = blend(image[..., :3], skin, inside)
    image[..., 3] = np.maximum(image[..., 3], inside)


def held_sheet(scene, rng):
    """A sheet with a digit, a hand and a sleeve below it -> RGBA (height, width, 4)."""
    w, h = scene.size
    image = np.zeros((2 * h + 100, w + 160, 4), np.float32)
    limb(image, (.90 * w, 1.40 * h), (.84 * w, 1.04 * h), (44, 54), (172, 118, 94))
    unit = scene.height * h
    page = paper((h, w), scene, 1, rng) * (1 + .03 * np.sin(np.linspace(-2, 3, w)))[:, None]
    strokes = [s * unit + np.multiply(scene.at, scene.size) for s in write_rows(scene)]
    mask = ink_mask((h, w), strokes, scene, unit, rng)
    image[:h, :w, :3], image[:h, :w, 3] = blend(page, scene.ink, mask), 1
    limb(image, (.91 * w, 1.36 * h), (.83 * w, .94 * h), (46, 17), (196, 140, 114))
    limb(image, (.835 * w, .955 * h), (.828 * w, .925 * h), (9.5, 9.5), (222, 176, 158))
    limb(image, (1.06 * w, 2 * h + 160), (.90 * w, 1.36 * h), (84, 62), (40, 46, 68))
    return image


def sway(t, rest):
    """The sheet at time t, in frames -> homography sheet to frame, and how far it is gone, 0..1."""
    w, h = rest.size
    period = HOLD + 2 * SLIDE
    phase = (t + SLIDE) % period
    gone = max(0, SLIDE - phase, phase - SLIDE - HOLD) / SLIDE
    shift = np.array([320 + 20 * np.sin(t / 17) + 60 * gone,
                      205 + 9 * np.sin(t / 11 + 1) + 430 * gone ** 1.5])
    scale = 1 + .04 * np.sin(t / 23 + 2)
    tilt, keystone = -3 + 4 * np.sin(t / 19) - 12 * gone, .03 + .04 * np.sin(t / 29)
    lay = view(FRAME[::-1], (h, w), scale, tilt, keystone, shift / FRAME)
    return lay.astype(np.float32), gone


def film(scenes, background, rng):
    """Yield the frames of the clip, uint8 (height, width, 3): each sheet in turn, moved and lit."""
    sheets, exposure = [held_sheet(s, rng) for s in scenes], 1.
    y, x = np.mgrid[-1:1:FRAME[1] * 1j, -1:1:FRAME[0] * 1j].astype(np.float32)
    vignette = 1.05 - .12 * (x * x + y * y)
    for t in range(0, len(scenes) * (HOLD + 2 * SLIDE) - 2 * SLIDE, REPEAT):
        picture, open_for = 0, np.linspace(0, 1.2, 16)
        for moment in t + open_for:  # while the shutter is open
            lay, gone = sway(moment, scenes[0])
            sheet = sheets[int(moment + SLIDE) // (HOLD + 2 * SLIDE)]
            seen = cv2.warpPerspective(sheet, lay, FRAME, flags=cv2.INTER_LINEAR)
            light = background * (1 - seen[..., 3:]) + .82 * seen[..., :3]
            picture = picture + light / len(open_for)
        exposure += .2 * (1 + .2 * gone + .03 * np.sin(t / 13) - exposure)
        picture = picture * (vignette * round(exposure, 2))[..., None]
        picture = cv2.GaussianBlur(picture, (0, 0), scenes[0].blur)
        yield from REPEAT * [(np.clip(picture, 0, 1) * 255 + .5).astype(np.uint8)]


def save_film(frames, path, fps=30):
    """Write frames as VP8, which browsers play.

    OpenCV fixes the bit rate so high that noise is kept bit by bit; calm frames keep it small.
    """
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), fps, (width, height))
    for frame in frames:
        writer.write(frame[..., ::-1].copy())
    writer.release()
    size = path.stat().st_size / 1024
    print(f"{path.name:12} {size:5.0f} KB  {width}x{height}  {len(frames)} frames")


def save(picture, path, quality):
    """Write a uint8 picture as PNG or, with this quality, as JPEG."""
    options = {"quality": quality} if path.suffix == ".jpg" else {}
    Image.fromarray(picture).save(path, optimize=True, **options)
    size, (height, width) = path.stat().st_size / 1024, picture.shape[:2]
    print(f"{path.name:12} {size:5.0f} KB  {width}x{height}")


@dataclass
class Scene:
    """One picture.  Lengths are in heights of the frame, positions 0..1 of it, colours 0..255."""
    name: str
    seed: int
    rows: tuple                    # the digits, one text per row
    size: tuple = (480, 640)       # width, height
    height: float = .34            # of a digit
    at: tuple = (.5, .5)           # middle of the writing
    leading: float = 1.6           # distance of rows, in digit heights
    slant: float = .12             # to the right
    shake: float = .012           # jitter of the pen positions, in digit heights
    ink: tuple = (38, 52, 120)
    nib: float = .035              # width of the pen, in digit heights
    flex: float = .5               # how much the width follows the pressure, 0..1
    rough: float = .025            # unevenness of the edge, in pen widths
    tooth: float = .2              # how much the paper's grain shows through, 0..1
    paper: tuple = (240, 236, 226)
    fibre: float = .008
    smudge: float = .006
    ruling: str = ""               # "", "lines" or "squares"
    rule_ink: tuple = (150, 175, 205)
    pitch: float = .08             # distance of ruled lines
    page: float = 1.45             # size of the sheet against the frame
    page_at: tuple = (.5, .5)
    tilt: float = 2
    keystone: float = .06
    light: tuple = (140, .3)       # direction of the lamp, degrees; how much darker the far side is
    shadow: tuple = (.9, .9, 50, .4, .04)  # of the hand: x, y, direction, darkness, softness
    blur: float = .7               # pixels
    noise: float = .009
    quality: int = 85              # of a JPEG


SCENES = [
    Scene("7.png", 700, ("7",), (360, 480), .33, (.44, .46), tooth=.25, nib=.042, noise=.003,
          fibre=.006, keystone=.08, light=(150, .38), shadow=(.93, .86, 62, .42, .035)),
    Scene("2.jpg", 1000, ("2",), (480, 640), .4, (.52, .47), ink=(226, 226, 216), nib=.085,
          tooth=.95, slant=.05, paper=(64, 78, 71), fibre=.02, smudge=.06, tilt=-3, light=(60, .35),
          shadow=(1.4, 1.4, 50, 0, .1)),
    Scene("3.jpg", 200, ("3",), (640, 480), .46, (.42, .5), ink=(28, 27, 30), nib=.13, flex=.25,
          tooth=.04, rough=.01, paper=(250, 250, 250), tilt=4, light=(30, .4),
          shadow=(.06, .9, 115, .3, .06)),
    Scene("4.jpg", 4, ("4",), (480, 640), .3, (.55, .42), ink=(176, 38, 44), nib=.055,
          ruling="squares", pitch=.06, tilt=-5, light=(80, .35), shadow=(.75, .88, 70, .35, .03)),
    Scene("5.jpg", 5, ("5",), (480, 640), .26, (.42, .5), ink=(132, 131, 134), nib=.034, tooth=.85,
          ruling="lines", pitch=.095, keystone=.1, light=(200, .35),
          shadow=(.82, .72, 40, .4, .04)),
    Scene("8.jpg", 8, ("8",), (640, 480), .3, (.47, .49), ink=(30, 30, 36), nib=.06, page=.6,
          page_at=(.47, .5), tilt=-7, keystone=.12, light=(120, .4), shadow=(1., .95, 50, .4, .04)),
    Scene("page.jpg", 31, ("2026", "31415", "97580"), (900, 700), .15, nib=.045, shake=.016,
          keystone=.05, tilt=-1, light=(130, .35), shadow=(1.02, .9, 45, .4, .04)),
]
HAND = [  # fist, pen, finger, arm
    (0, 0, .17, .13), (-.15, .07, .15, .035), (-.12, -.02, .13, .04), (.4, 0, .45, .10)]

SHEET = dict(size=(400, 320), height=.58, at=(.42, .46), ink=(30, 29, 34), nib=.12, flex=.25,
             tooth=.04, rough=.012, fibre=0, blur=1.3)
FILM = [Scene("webcam", seed, (digit,), **SHEET)
        for digit, seed in [("3", 400), ("7", 500), ("2", 400)]]
FRAME = (640, 480)  # width, height of the clip
HOLD, SLIDE = 42, 7  # frames that a sheet is held up, frames that it takes to come or go
REPEAT = 2  # in a dim room a webcam opens its shutter longer and shows each picture twice
FURNITURE = [  # x0, y0, x1, y1, colour: floor, window and its bar, shelves, door, curtain
    (.00, .85, 1.0, 1.0, (58, 48, 42)),
    (.04, .00, .26, .52, (150, 166, 180)),
    (.14, .00, .16, .52, (104, 108, 112)),
    (.68, .50, 1.0, .53, (66, 48, 36)),
    (.68, .18, 1.0, .20, (66, 48, 36)),
    (.40, .08, .56, .90, (88, 78, 70)),
    (.27, .00, .33, .80, (92, 72, 66)),
]

if __name__ == "__main__":
    for scene in SCENES:
        save(draw(scene), HERE / scene.name, scene.quality)
        if len(scene.rows) > 1:
            print("   rows:", " / ".join(scene.rows))
    rng = np.random.default_rng(372)
    save_film(list(film(FILM, room(FRAME[::-1], rng), rng)), HERE / "webcam.webm")
    for k, scene in enumerate(FILM):
        start = k * (HOLD + 2 * SLIDE)
        print(f"   {scene.rows[0]}: frames {start} to {start + HOLD - 1}")
