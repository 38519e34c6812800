"""Checks of the exercises in chapter 5."""

from __future__ import annotations

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
from .check import Checks


def _random(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _to_rgb(to_rgb):
    frame = _random(4, 5, 3)
    rgb = np.asarray(to_rgb(frame.copy()))
    yield rgb.shape == frame.shape, "expected the shape {}, you return {}", frame.shape, rgb.shape
    yield (rgb != frame).any(), "the colors are still in the order of OpenCV"
    yield (rgb != frame[::-1]).any(), "that is upside down: the colors are the last axis"
    yield (rgb != frame[:, ::-1]).any(), "that is a mirror: the colors are the last axis"
    yield (rgb == frame[..., ::-1]).all(), "red must come first, green stays, blue must come last"


def _scale_box(scale_box):
    scaled = tuple(scale_box((10, 20, 30, 40), 2))
    yield scaled != (20, 40, 30, 40), "the corner is right, but width and height grow as well"
    yield scaled != (10, 20, 60, 80), "the size is right, but the corner moves as well"
    yield scaled != (20, 40, 80, 120), "return width and height, not right and bottom"
    yield scaled[0] > 10, "the box of a frame twice as large is larger, not smaller"
    yield scaled == (20, 40, 60, 80), "(10, 20, 30, 40) times 2 becomes {}", scaled
    scaled = tuple(scale_box((10, 20, 31, 41), 1.7))
    yield all(isinstance(side, (int, np.integer)) for side in scaled), (
        "pixels are whole numbers, and 1.7 times 31 is none: round")
    yield scaled != (17, 34, 52, 69), "`int` cuts 52.7 off to 52: use `round`"
    yield scaled == (17, 34, 53, 70), "(10, 20, 31, 41) times 1.7 becomes {}", scaled


def _film(read_one, seen):
    """Let a function read a camera that sees this, or raises it; give camera and answer."""
    with patch.object(cv2, "VideoCapture") as opened:
        opened.return_value.read.side_effect = cycle([seen])
        try:
            return opened, read_one(7)
        except Exception as error:
            return opened, error


def _read_one(read_one):
    frame, unplugged = _random(4, 5, 3), RuntimeError("unplugged")
    opened, answer = _film(read_one, (True, frame))
    if isinstance(answer, Exception):
        raise answer
    yield opened.called, "it opens no camera: call `cv2.VideoCapture`"
    yield opened.call_args == call(7), "open the camera `source`, not always the same one"
    yield not isinstance(answer, tuple), "return the frame alone: `read` gives `ok` and the frame"
    yield np.array_equal(answer, frame), "return the frame as `read` gives it"
    yield opened.return_value.release.called, "the camera stays on: it is never released"
    opened, answer = _film(read_one, unplugged)
    yield opened.return_value.release.called, (
        "when `read` raises an error the camera stays on: release it in `finally`")
    yield answer is unplugged, "the error of `read` is lost: let it through"
    opened, answer = _film(read_one, (False, None))
    yield isinstance(answer, RuntimeError), "when `ok` is False, raise a RuntimeError"
    yield opened.return_value.release.called, (
        "when there is no frame the camera stays on: release it in `finally`")


def _mean_of_last(values, n):
    return np.stack([values[max(0, end - n):end].mean(0) for end in range(1, len(values) + 1)])


def _smooth(smooth):
    values = np.random.default_rng(0).dirichlet(np.ones(10), 12)
    means, right = np.asarray(smooth(values.copy(), 3)), _mean_of_last(values, 3)
    yield means.shape == values.shape, (
        "expected a row for each frame, of the shape {}; yours is {}"), values.shape, means.shape
    yield not np.isnan(means).any(), "the first rows are no numbers: begin no slice before 0"
    yield not np.allclose(means[0], values[0] / 3), (
        "divide the first rows by as many frames as there are, not by n")
    later = np.concatenate([values[:6], values[:6]])
    yield np.allclose(smooth(later, 3)[:6], means[:6]), "it looks at frames that are yet to come"
    for other in (2, 4):
        yield not np.allclose(means, _mean_of_last(values, other)), (
            "with n = 3 you average {} frames: the newest counts too"), other
    yield np.allclose(means, right), "each row is the mean of its own and the n - 1 before it"
    yield np.allclose(smooth(values, 5), _mean_of_last(values, 5)), "with n = 5 it is wrong: use n"


def _pages(digits):
    rng = np.random.default_rng(1)
    for digit in digits:
        page = np.full((240, 320), 225, np.uint8)
        page[64:176, 104:216] -= cv2.resize(draw_digit(rng, digit), (112, 112)) // 5 * 4
        yield page


def _odd_frames(odd_frames):
    pages = list(_pages([3, 1, 7, 4]))
    odd = list(odd_frames(pages, [3, 7]))
    yield len(odd) != 4, "these are all the frames: keep those with another digit"
    yield len(odd) != 1, "you return one frame of two: make the list once, before `run`"
    yield len(odd) == 2, "2 of 4 frames show another digit, you return {}", len(odd)
    plain = [np.asarray(frame)[..., 0] for frame in odd]
    yield not np.array_equal(plain, pages[::2]), "these show the expected digits: keep the others"
    yield np.array_equal(plain, pages[1::2]), "return the frames just as the callback gets them"


def _video(path):
    frames, green = [], 0
    with suppress(SourceError):
        for frame in read_frames(path):
            frames.append(frame.shape)
            blue, green_part, red = frame.astype(int).reshape(-1, 3).T
            green += int((green_part - np.maximum(blue, red) > 60).sum())
    yield frames, "no frame can be read from {}: release the writer at the end", path
    clip = [frame.shape for frame in read_frames(IMG / "webcam.webm")]
    yield len(frames) == len(clip), "the clip has {} frames, your video has {}", len(clip), len(
        frames)
    yield green > 1000, "no boxes are in it: write what `draw_predictions` returns"


def _written(written):
    pages = written("26")
    yield hasattr(pages, "__next__"), "that is no generator: hand out each frame with `yield`"
    frames = list(islice(pages, 100))
    yield frames, "it yields no frame"
    for frame in frames:
        yield isinstance(frame, np.ndarray), "a frame is an array, yours is {}", type(
            frame).__name__
        yield frame.dtype == np.uint8, "frames are uint8, yours are {}", frame.dtype
        yield frame.ndim == 2, "grey frames (H, W) were expected, yours have the shape {}", (
            frame.shape)
    yield len(frames) >= 20, "{} frames are too few: each digit must stay for ten", len(frames)
    digits = run(frames, show=None).digits
    yield digits == [2, 6], "`run` reads {} in the frames for \"26\"", digits


CHECKS: Checks = {"5.1": _to_rgb, "5.2": _scale_box, "5.3": _read_one, "5.4": _smooth,
                  "5.6": _odd_frames, "5.7": _video, "5.8": _written}
