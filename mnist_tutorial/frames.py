"""Frames from anywhere: a camera, a video file, numbered pictures, any iterable of arrays, a pen that writes."""

from __future__ import annotations

import os
import re
import time
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Generator, Iterable, Iterator, Optional, Union

import cv2
import numpy as np

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")   # silent; FFmpeg reads it once, at its first file

USUAL_RATE = 30     # frames per second, where a source does not say
OPENS = 30          # seconds after which a camera that gives no first frame is given up: some take 10 or more
STALLS = 5          # seconds after which one that has given frames is ...
RELEASES = 1        # ... and for which we wait in the end for a read to return
FAILURES = 5        # reads that fail running, of a camera that is gone; a single one may be a frame damaged on its way
PAUSE = 0.02        # seconds from one such read to the next

Source = Union[int, str, Path, Iterable[np.ndarray]]
Size = Optional[tuple]
Frames = Generator[np.ndarray, None, None]


class SourceError(RuntimeError):
    """A source of frames that cannot be opened or read; the message says what to do."""


def read_frames(source: Source, *, size: Size = None, realtime: bool = False) -> Frames:
    """Yield the frames of a camera, a video file, numbered pictures or an iterable of arrays.

    The source is opened when the first frame is asked for and released however the reading ends.

    Parameters
    ----------
    source : int, str, path or iterable
        The number of a camera (0 or "0"), a video file, a pattern such as ``frames/img_%02d.png``,
        or uint8 arrays: grey (H, W) or BGR (H, W, 3). Their iterator is closed too, if it can be.
    size : tuple of int (width, height), optional
        What a camera is asked for; it takes the nearest that it can. Other sources have a size of their own.
    realtime : bool
        Play files at their own pace instead of as fast as they can be read.

    Yields
    ------
    uint8 array (H, W, 3)
        BGR, OpenCV's order of colours. The size may change from frame to frame.

    Raises
    ------
    SourceError
        The source cannot be opened, a frame is not such an array, or the camera stops or stalls.
    """
    if isinstance(source, str) and re.fullmatch(r"-?[0-9]+", source):
        source = int(source)
    if isinstance(source, (str, Path)):
        frames = _from_file(str(source), realtime)
    elif isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        frames = _from_camera(int(source), size)
    else:
        frames = _from_iterable(source)
    with closing(frames):
        for number, frame in enumerate(frames):
            yield _as_bgr(frame, number)


def find_cameras(limit: int = 10) -> list[tuple[int, int, int]]:
    """Try the numbers below `limit` and list the cameras that give a picture; each is released again.

    Returns
    -------
    list of tuple of int (index, width, height)
        With the size, in pixels, in which the camera comes if no other is asked for.
    """
    found = []
    for index in range(limit):
        with closing(read_frames(index)) as frames:
            try:
                height, width = next(frames).shape[:2]
            except SourceError:
                continue
            found.append((index, width, height))
    return found


def _from_camera(index: int, size: Size) -> Frames:
    """Read in a thread of its own: nothing can end a read that hangs, but we need not wait for it."""
    if index < 0:   # where there is no camera, OpenCV crashes on it
        raise SourceError(f"camera {index}: cameras are numbered 0, 1, 2, ...; try 0")
    wanted, frames = Queue(), Queue()

    def serve():    # opens, reads and releases: OpenCV may crash where one thread releases what another reads
        try:
            with _opened(index) as capture:
                for prop, side in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), size or ()):
                    capture.set(prop, side)
                while wanted.get():
                    frames.put(_read_camera(capture))
        except BaseException as error:  # raised below, where somebody listens
            frames.put(error)

    thread, count = Thread(target=serve, daemon=True), 0
    thread.start()
    try:
        while True:
            wanted.put(True)
            try:
                frame = frames.get(timeout=STALLS if count else OPENS)
            except Empty:
                raise SourceError(f"camera {index} stalled: no picture in {STALLS if count else OPENS} seconds after "
                                  f"{count} frames; unplug it, plug it in and start again") from None
            if isinstance(frame, BaseException):
                raise frame
            if frame is None:
                break
            yield frame
            count += 1
    finally:
        wanted.put(False)
        thread.join(RELEASES)   # released now; if a read hangs, as soon as it returns
    if not count:
        raise SourceError(f"camera {index} gives no picture: it is absent, used by another program or not "
                          "allowed; try another number, or pass a video file")
    raise SourceError(f"camera {index} stopped after {count} frames; check its plug and start again")


def _read_camera(capture: cv2.VideoCapture) -> np.ndarray | None:
    """Give the next frame, or None if there is none to come."""
    for attempt in range(FAILURES if capture.isOpened() else 0):
        if attempt:
            time.sleep(PAUSE)
        with _quiet():
            ok, frame = capture.read()
        if ok and frame is not None:
            return frame
    return None


def _from_file(path: str, realtime: bool) -> Frames:
    if os.path.isdir(path):
        raise SourceError(f"{path!r} is a folder; for the pictures in it pass a pattern such as "
                          f"{os.path.join(path, 'img_%02d.png')!r}")
    if "%" not in path and not os.path.isfile(path):
        raise SourceError(f"{path!r}: there is no such file in {os.getcwd()!r}; check the path")
    # Left to itself, OpenCV would stretch the pictures of a pattern to the size of the first.
    backend = cv2.CAP_ANY if os.path.isfile(path) else cv2.CAP_IMAGES
    count = 0
    with _opened(path, backend) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if 1 < rate <= 240 else USUAL_RATE      # pictures have none, or 1 in OpenCV 4
        for frame in _paced(_decoded(capture), rate if realtime else None):
            count += 1
            yield frame
    if not count:
        expected = ("a video, such as mp4, avi, webm or gif; see whether another program can play it"
                    if backend == cv2.CAP_ANY else "pictures numbered from 0 or 1 on; check folder and digits")
        raise SourceError(f"{path!r} gives no frame: expected {expected}")


@contextmanager
def _opened(source: int | str, backend: int = cv2.CAP_ANY) -> Iterator[cv2.VideoCapture]:
    try:
        with _quiet():
            capture = cv2.VideoCapture(source, backend)
    except cv2.error:
        raise SourceError(f"camera {source}: no camera has such a number; try 0") from None
    try:
        yield capture
    finally:
        capture.release()


def _paced(frames: Iterable[np.ndarray], rate: float | None) -> Frames:
    """Yield no more than `rate` frames per second, if it is given."""
    due = 0.0
    for frame in frames:
        if rate:
            time.sleep(max(0.0, due - time.perf_counter()))
            due = time.perf_counter() + 1 / rate
        yield frame


def _decoded(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    while True:
        with _quiet():
            ok, frame = capture.read()
        if not ok:
            return
        yield frame


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from writing on stderr: our errors say it in one line."""
    set_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # OpenCV 4, 5
    level = set_level(0)
    try:
        yield
    finally:
        set_level(level)


def _from_iterable(source: Any) -> Frames:
    if isinstance(source, np.ndarray) and (source.ndim < 3 or source.ndim == 3 and source.shape[2] == 3):
        raise SourceError(f"expected many frames, got a single picture of shape {source.shape}; put it into a list")
    try:
        frames = iter(source)
    except TypeError:
        raise SourceError(f"cannot read frames from {source!r}; pass a camera number, a file, a pattern "
                          "such as 'img_%02d.png', or an iterable of arrays") from None
    try:
        yield from frames
    finally:
        if hasattr(frames, "close"):
            frames.close()


def _as_bgr(frame: Any, number: int) -> np.ndarray:
    is_array = isinstance(frame, np.ndarray)
    if is_array and frame.dtype == np.uint8 and frame.size:
        if frame.ndim == 2:
            return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        if frame.ndim == 3 and frame.shape[2] == 3:
            return np.ascontiguousarray(frame)
    came = f"{frame.dtype} of shape {frame.shape}" if is_array else type(frame).__name__
    raise SourceError(f"frame {number}: expected a uint8 array, grey (H, W) or BGR (H, W, 3), got {came}; "
                      "convert it first")


# The digits as a pen draws them: from point to point, x from 0 to 6 and y from 0 to 9; at "/" it is lifted.
STROKES = ("30 10 03 06 19 39 59 66 63 50 30", "31 40 39", "02 10 40 52 44 09 69",
           "01 20 50 62 54 24 54 66 59 29 08", "10 05 65/50 59", "60 10 04 33 64 67 49 19 07",
           "50 22 06 19 49 67 55 25 06", "00 60 29", "51 30 11 13 34 55 57 39 19 07 25 53 51",
           "52 40 20 02 04 15 35 53 51 59")
PAPER, INK = 225, 40
STEP = 0.25     # units of `STROKES` from one point of the pen's way to the next ...
SPEED = 8       # ... and points per frame
HOLD = 25       # frames for which a written page is held still
TURN = 8        # frames in which it is drawn aside


def write_digits(text: str = "3 14 159 2 6", *, seed: int = 0, size: tuple = (640, 480),
                 rate: float | None = None) -> Frames:
    """Yield the frames of a camera above a pad on which a pen writes digits; no camera and no file is needed.

    Parameters
    ----------
    text : str
        What to write: digits, with a space where the page is to be turned.
    seed : int
        The same text, seed and size give the same frames; another seed another hand.
    size : tuple of int (width, height)
        Of the frames, in pixels.
    rate : float, optional
        No more than so many frames per second. Default: as many as are asked for.

    Yields
    ------
    uint8 array (H, W, 3)
        BGR.

    Raises
    ------
    ValueError
        If `text` holds anything but digits and spaces.
    """
    if not re.fullmatch("[0-9 ]*", text):
        raise ValueError(f"text: expected digits and spaces, got {text!r}")
    return _paced(_written(text.split(), np.random.default_rng(seed), size), rate)


def _written(pages: list, rng: np.random.Generator, size: tuple) -> Frames:
    width, height = size
    light = np.linspace(1, 0.85, width)[None, :, None] * np.linspace(1, 0.9, height)[:, None, None]
    paper = (PAPER * light + rng.normal(0, 2, (height, width, 3))).clip(0, 255).astype(np.uint8)
    for number, text in enumerate(pages, start=1):
        page = paper.copy()
        for way, pen in _ways(text, rng, size):
            for start in range(0, len(way) - 1, SPEED):
                points = way[start:start + SPEED + 1]
                cv2.polylines(page, [points], False, (INK, INK, INK), pen, cv2.LINE_AA)
                frame, tip = page.copy(), points[-1]
                cv2.line(frame, tuple(tip), tuple(tip + (height // 2, height)), (90, 40, 20), 2 * pen, cv2.LINE_AA)
                yield frame
        for _ in range(HOLD):
            yield page.copy()
        for step in range(1, TURN if number < len(pages) else 0):  # the last page stays
            frame, aside = paper.copy(), step * width // TURN
            frame[:, :width - aside] = page[:, aside:]
            yield frame


def _ways(text: str, rng: np.random.Generator, size: tuple) -> Iterator[tuple]:
    """Yield the pen's way through each stroke, in equal steps, and its width, all in pixels."""
    unit = min(size[1] / 18, size[0] / (9 * len(text) + 3))
    left, top = (size[0] - 9 * unit * len(text)) / 2 + 1.5 * unit, size[1] / 2 - 4.5 * unit
    for place, digit in enumerate(text):
        slant, shift, pen = rng.uniform(-0.2, 0.05), rng.uniform(-0.5, 0.5, 2), rng.uniform(0.7, 1)
        for stroke in STROKES[int(digit)].split("/"):
            points = np.array([[int(axis) for axis in point] for point in stroke.split()], np.float64)
            for _ in range(3):  # Chaikin's way to round corners
                between = [0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]]
                points = np.concatenate([points[:1], np.stack(between, 1).reshape(-1, 2), points[-1:]])
            points[:, 0] += slant * (points[:, 1] - 4.5)
            length = np.append(0, np.hypot(*np.diff(points, axis=0).T).cumsum())
            even = np.linspace(0, length[-1], 2 + int(length[-1] / STEP))
            points = np.stack([np.interp(even, length, axis) for axis in points.T], 1) + shift + [9 * place, 0]
            yield np.rint(unit * points + [left, top]).astype(np.int32), max(2, round(unit * pen))
