"""Checks of the exercises in chapter 5."""

from contextlib import suppress
from itertools import cycle, islice
from unittest.mock import call, patch

import cv2
import numpy as np

from ..errors import SourceError
from ..live.frames import read_frames
from ..live.webcam import run
from ..reading.images import IMG
from ..strokes import draw_digit
from .check import OTHERS, expect, near, shaped

FRAME = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)


def _5_1_to_rgb(to_rgb):
    rgb = yield from shaped(to_rgb(FRAME.copy()), FRAME.shape)
    yield from expect(rgb, FRAME[..., ::-1], {
        "the colors are still in the order of OpenCV": FRAME,
        "that is upside down: the colors are the last axis": FRAME[::-1],
        "that is a mirror: the colors are the last axis": FRAME[:, ::-1]},
        "red must come first, green stays, blue must come last")


def _5_2_scale_box(scale_box):
    scaled, uneven = tuple(scale_box((10, 20, 30, 40), 2)), tuple(scale_box((10, 20, 31, 41), 1.7))
    yield from expect(scaled, (20, 40, 60, 80), {
        "the corner is right, but width and height grow as well": (20, 40, 30, 40),
        "the size is right, but the corner moves as well": (10, 20, 60, 80),
        "return width and height, not right and bottom": (20, 40, 80, 120),
        "the box of a frame twice as large is larger, not smaller": (5, 10, 15, 20)})
    yield all(isinstance(side, (int, np.integer)) for side in uneven), "whole pixels: use `round`"
    yield uneven != (17, 34, 52, 69), "`int` cuts 52.7 off to 52: use `round`"
    yield from expect(uneven, (17, 34, 53, 70))


def _film(read_one, seen):
    """Let a function read a camera that sees this, or raises it; give camera and answer."""
    with patch.object(cv2, "VideoCapture") as opened:
        opened.return_value.read.side_effect = cycle([seen])
        try:
            return opened, read_one(7)
        except Exception as error:
            return opened, error


def _5_3_read_one(read_one):
    unplugged = RuntimeError("unplugged")
    opened, answer = _film(read_one, (True, FRAME))
    if isinstance(answer, Exception):
        raise answer
    yield opened.called, "it opens no camera: call `cv2.VideoCapture`"
    yield opened.call_args == call(7), "open the camera `source`, not always the same one"
    yield not isinstance(answer, tuple), "return the frame alone: `read` gives `ok` and the frame"
    yield np.array_equal(answer, FRAME), "return the frame as `read` gives it"
    yield opened.return_value.release.called, "the camera stays on: it is never released"
    opened, answer = _film(read_one, unplugged)
    yield opened.return_value.release.called, "camera left on after an error: use `finally`"
    yield answer is unplugged, "the error of `read` is lost: let it through"
    opened, answer = _film(read_one, (False, None))
    yield isinstance(answer, RuntimeError), "when `ok` is False, raise a RuntimeError"
    yield opened.return_value.release.called, "camera left on without a frame: use `finally`"


def _mean_of_last(values, n):
    return np.stack([values[max(0, end - n):end].mean(0) for end in range(1, len(values) + 1)])


def _5_4_smooth(smooth):
    values = np.random.default_rng(0).dirichlet(np.ones(10), 12)
    means = yield from shaped(smooth(values.copy(), 3), values.shape)
    yield not means.isnan().any(), "the first rows are no numbers: begin no slice before 0"
    yield not near(means[0], values[0] / 3), "divide the first rows by the frames there are, not n"
    later = np.concatenate([values[:6], values[:6]])
    yield near(smooth(later, 3)[:6], means[:6]), "it looks at frames that are yet to come"
    for other in (2, 4):
        yield not near(means, _mean_of_last(values, other)), (
            "with n = 3 you average {} frames: the newest counts too"), other
    yield near(means, _mean_of_last(values, 3)), "average each row and the n - 1 before it"
    yield near(smooth(values, 5), _mean_of_last(values, 5)), OTHERS


def _page(digit):
    page, ink = np.full((240, 320), 225, np.uint8), draw_digit(np.random.default_rng(1), digit)
    page[64:176, 104:216] -= cv2.resize(ink, (112, 112)) // 5 * 4
    return page


def _5_6_odd_frames(odd_frames):
    pages = [_page(digit) for digit in (3, 1, 7, 4)]
    odd = list(odd_frames(pages, [3, 7]))
    yield len(odd) != 4, "these are all the frames: keep those with another digit"
    yield len(odd) != 1, "you return one frame of two: make the list once, before `run`"
    yield len(odd) == 2, "2 of 4 frames show another digit, you return {}", len(odd)
    plain = [np.asarray(frame)[..., 0] for frame in odd]
    yield not near(plain, pages[::2]), "these show the expected digits: keep the others"
    yield near(plain, pages[1::2]), "return the frames just as the callback gets them"


def _5_7_video(path):
    count, green = 0, 0
    with suppress(SourceError):
        for count, frame in enumerate(read_frames(path), 1):
            greenness = frame[..., 1].astype(int) - frame[..., [0, 2]].max(axis=2)
            green += (greenness > 60).sum()
    yield count, "no frame can be read from {}: release the writer at the end", path
    clip = len(list(read_frames(IMG / "webcam.webm")))
    yield count == clip, "the clip has {} frames, your video has {}", clip, count
    yield green > 1000, "no boxes are in it: write what `draw_predictions` returns"


def _5_8_written(written):
    pages = written("26")
    yield hasattr(pages, "__next__"), "that is no generator: hand out each frame with `yield`"
    frames = list(islice(pages, 100))
    yield frames, "it yields no frame"
    for frame in frames:
        yield isinstance(frame, np.ndarray), "a frame is an array, not {!r}", frame
        yield frame.dtype == np.uint8, "frames are uint8, yours are {}", frame.dtype
        yield frame.ndim == 2, "frames are grey (H, W), yours have the shape {}", frame.shape
    yield len(frames) >= 20, "{} frames are too few: each digit must stay for ten", len(frames)
    digits = run(frames, show=None).digits
    yield digits == [2, 6], "`run` reads {} in the frames for \"26\"", digits
