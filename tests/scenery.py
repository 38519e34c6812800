"""Paper, light, camera and clutter, drawn by code: the scenery of simulated photos.

Shared by nothing.py, benchmarks/conditions.py and benchmarks/pages.py. Images are arrays (H, W) of
grey levels 0..255, float32 where nothing else is said; chance comes from `rng`, a NumPy Generator.
"""

import cv2
import numpy as np

PEN = cv2.LINE_AA


# --- light and camera ----------------------------------------------------------------------------

def ramp(shape, rng, least=0.6):
    """Light that falls off towards one side: factors up to 1."""
    y, x = np.indices(shape[:2], np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    way = np.cos(angle) * x / shape[1] + np.sin(angle) * y / shape[0]
    way = (way - way.min()) / np.ptp(way)
    return 1 - (1 - rng.uniform(least, 1)) * way


def polygon(shape, corners):
    """Fill a polygon: factors 0 or 1."""
    mask = np.zeros(shape, np.float32)
    return cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1.0)


def shade(page, cover, dark, soft):
    """Throw a shadow that takes the share `dark` of the light; its edge is `soft` pixels wide."""
    return page * (1 - dark * cv2.GaussianBlur(cover, (0, 0), soft))


def add_noise(image, rng, sigma=3.0):
    """Add a camera's noise, `sigma` grey levels strong."""
    return image + rng.normal(0, sigma, image.shape).astype(image.dtype)


def to_uint8(image):
    return image.clip(0, 255).round().astype(np.uint8)


def photo(page, rng, noise=3.0, blur=0.8):
    """What a camera makes of a page: a little blur and noise, uint8."""
    return to_uint8(add_noise(np.float64(cv2.GaussianBlur(page, (0, 0), blur)), rng, noise))


def jpeg(grey, quality):
    """Store an image (uint8) as JPEG and read it again."""
    stored = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return cv2.imdecode(stored, cv2.IMREAD_UNCHANGED)


# --- paper and what it lies on -------------------------------------------------------------------

def clouds(shape, rng, deviation, across, down=0):
    """Smooth noise about 0 in blobs of `across` (and `down`) pixels: smears, the grain of wood."""
    field = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), sigmaX=across, sigmaY=down)
    return (deviation * field / field.std()).astype(np.float32)


def rule(page, rows, columns, thick, level):
    """Print straight lines at these rows and columns, in place."""
    for y in rows:
        page[y:y + thick] = level
    for x in columns:
        page[:, x:x + thick] = level
    return page


def turn(image, degrees, zoom=1.0, border=cv2.BORDER_REPLICATE):
    """Turn an image about its middle; `border` says what appears around it."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=border)


def corners_of(sheet, degrees, scale=1.0, middle=(0, 0)):
    """Where the corners of a turned sheet lie, clockwise from the top left: (x, y) positions."""
    height, width = sheet.shape
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    return scale * flat @ matrix.T + middle


def lay(sheet, background, corners):
    """Lay a sheet on a background, in perspective, so that its corners come to lie on `corners`."""
    height, width = sheet.shape
    flat = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    matrix = cv2.getPerspectiveTransform(flat, np.float32(corners))
    over, cover = (cv2.warpPerspective(each, matrix, background.shape[::-1])
                   for each in (sheet, np.ones_like(sheet)))
    return background * (1 - cover) + over * cover


# --- things --------------------------------------------------------------------------------------

def strew(room, rng, count):
    """Strew rectangles, discs and rods of any grey over an image, in place."""
    height, width = room.shape
    for _ in range(count):
        place = tuple(int(rng.uniform(0, side)) for side in (width, height))
        level, kind = rng.uniform(10, 230), rng.integers(3)
        if kind == 0:
            size = tuple(rng.uniform(20, 160, 2))
            box = cv2.boxPoints((place, size, rng.choice([0.0, 90.0, rng.uniform(0, 90)])))
            cv2.fillPoly(room, [box.astype(np.int32)], level, PEN)
        elif kind == 1:
            cv2.circle(room, place, int(rng.uniform(8, 60)), level, -1, PEN)
        else:
            end = tuple(int(p + rng.uniform(-150, 150)) for p in place)
            cv2.line(room, place, end, level, int(rng.uniform(3, 14)), PEN)


def face(image, middle, size, parts):
    """Paint a head in place: ellipses, each (dx, dy, width, height, level), lengths in `size`s."""
    for dx, dy, width, height, level in parts:
        place = int(middle[0] + dx * size), int(middle[1] + dy * size)
        half = max(1, int(width * size)), max(1, int(height * size))
        cv2.ellipse(image, place, half, 0, 0, 360, level, -1, PEN)


def wipe(ink, place, angle, reach, width):
    """Wipe a band off the ink, in place: `reach` pixels to both sides of (x, y), `width` wide."""
    way = reach * np.array([np.cos(angle), np.sin(angle)])
    ends = np.floor(place + np.array([-way, way])).astype(int).tolist()
    cv2.line(ink, *ends, 0, width)
