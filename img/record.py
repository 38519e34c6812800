"""Record the README's moving picture: the pad as a hand draws on it, and the clip as it is read.

    python img/record.py     writes demo.webp beside this script (half a minute, one core)

The pad is the page that `save_page` writes, opened in Chromium without a window and drawn on with
its mouse; the hand is the course's own (mnist_tutorial/strokes.txt).  The frames of webcam.webm are
read and labelled as `run` does it.  Needs playwright and a Chromium that is installed.
"""
import io
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from mnist_tutorial import load_pretrained, save_page, strokes
from mnist_tutorial.live import draw_predictions, read_frames, run
from mnist_tutorial.live.tracking import Tracker

HERE = Path(__file__).parent
SIZE, CAMERA, MARGIN = (1060, 372), (416, 312), 16  # pixels: the picture, the clip in it
WIDTH = 880  # of the picture as it is shown
PERIOD, HELD = 100, 9  # milliseconds of a frame; frames that an answer is left to be looked at
POINTS = 9  # of a stroke's line between two frames
DIGITS = [("4", 1), ("7", 2), ("2", 0), ("?", 0)]  # and the ways to write them; ? is a scribble
SCRIBBLE = "0,40 20,10 30,70 50,20 55,80 75,30 70,95 20,95 40,55 5,80"


def lines_of(digit, way):
    """Give a digit's strokes as lines on the sheet, float (m, 2), 0..1 of it."""
    if digit == "?":
        points = np.array([point.split(",") for point in SCRIBBLE.split()], float) / 100
        return [strokes.curve(points, 8) * .6 + [.27, .2]]
    lines = [strokes.curve(points) * .64 + [.31, .18] for points in strokes.skeleton(digit, way)]
    return [np.vstack([line[::POINTS // 3], line[-1:]]) for line in lines]


def record_pad(page):
    """Yield pictures of the page, uint8 (height, width, 3), while the mouse draws on it."""
    def look():
        return np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))

    sheet = page.locator(".mnist-sheet").bounding_box()
    corner, side = [sheet["x"], sheet["y"]], sheet["width"]
    for digit, way in DIGITS:
        for line in lines_of(digit, way):
            page.mouse.move(*corner + side * line[0])
            page.mouse.down()
            for start in range(0, len(line), POINTS):
                for point in line[start:start + POINTS]:
                    page.mouse.move(*corner + side * point)
                page.wait_for_timeout(PERIOD)  # the page answers meanwhile
                yield look()
            page.mouse.up()
        page.wait_for_timeout(3 * PERIOD)
        yield from HELD * [look()]
        page.get_by_role("button", name="Clear").click()


def record_clip():
    """Yield the clip's frames with what is read in them, uint8 (height, width, 3), 10 a second."""
    found = []
    run(HERE / "webcam.webm", show=None, callback=lambda frame, digits: found.append(digits))
    tracker = Tracker()
    for count, (frame, digits) in enumerate(zip(read_frames(HERE / "webcam.webm"), found)):
        picture = draw_predictions(frame, tracker.update(digits))
        if count % 3 == 0:
            yield cv2.resize(picture, CAMERA, interpolation=cv2.INTER_AREA)[..., ::-1]


def record(browser):
    """Return the frames of the moving picture, the pad on its left and the clip on its right."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        save_page(load_pretrained(), path, title=" ")
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(path.as_uri())
        page.add_style_tag(content="h1 { display: none } body { margin: 0; max-width: none }")
        frames = list(record_pad(page))
    clip, (width, height) = list(record_clip()), CAMERA
    for count, frame in enumerate(frames):
        seen = clip[round(count * (len(clip) - 1) / (len(frames) - 1))]
        frame[MARGIN:MARGIN + height, SIZE[0] - MARGIN - width:SIZE[0] - MARGIN] = seen
    return frames


if __name__ == "__main__":
    browsers = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    with sync_playwright() as engine:
        program = next(filter(None, browsers), None)
        browser = engine.chromium.launch(executable_path=program, args=["--no-sandbox"])
        pictures = [Image.fromarray(frame) for frame in record(browser)]
    small = [picture.resize((WIDTH, round(WIDTH * SIZE[1] / SIZE[0])), Image.Resampling.LANCZOS)
             for picture in pictures]
    path = HERE / "demo.webp"
    small[0].save(path, save_all=True, append_images=small[1:], duration=PERIOD, loop=0,
                  quality=58, method=6)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB, {len(small)} frames, {small[0].size}")
