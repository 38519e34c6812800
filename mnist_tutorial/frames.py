"""Frames from anywhere: a camera, a video file, numbered pictures or any iterable of arrays."""

from __future__ import annotations

import os
import re
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Iterable, Iterator, Union

import cv2
import numpy as np

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")   # silent; FFmpeg reads it once, at its first file

USUAL_RATE = 30     # frames per second, where a source does not say

Source = Union[int, str, Path, Iterable[np.ndarray]]


class SourceError(RuntimeError):
    """A source of frames that cannot be opened or read; the message says what to do."""


def read_frames(source: Source, *, realtime: bool = False) -> Iterator[np.ndarray]:
    """Yield the frames of a camera, a video file, numbered pictures or an iterable of arrays.

    The source is opened when the first frame is asked for and released however the reading ends.

    Parameters
    ----------
    source : int, str, path or iterable
        The number of a camera (0 or "0"), a video file, a pattern such as ``frames/img_%02d.png``,
        or uint8 arrays: grey (H, W) or BGR (H, W, 3). Their iterator is closed too, if it can be.
    realtime : bool
        Play files at their own pace instead of as fast as they can be read.

    Yields
    ------
    uint8 array (H, W, 3)
        BGR, OpenCV's order of colours. The size may change from frame to frame.

    Raises
    ------
    SourceError
        The source cannot be opened, a frame is not such an array, or the camera stops.
    """
    if isinstance(source, str) and re.fullmatch(r"-?[0-9]+", source):
        source = int(source)
    if isinstance(source, (str, Path)):
        frames = _from_file(str(source), realtime)
    elif isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        frames = _from_camera(int(source))
    else:
        frames = _from_iterable(source)
    with closing(frames):
        for number, frame in enumerate(frames):
            yield _as_bgr(frame, number)


def _from_camera(index: int) -> Iterator[np.ndarray]:
    if index < 0:   # where there is no camera, OpenCV crashes on it
        raise SourceError(f"camera {index}: cameras are numbered 0, 1, 2, ...; try 0")
    count = 0
    with _opened(index) as capture:
        for frame in _decoded(capture):
            yield frame
            count += 1
    if not count:
        raise SourceError(f"camera {index} gives no picture: it is absent, used by another program or not "
                          "allowed; try another number, or pass a video file")
    raise SourceError(f"camera {index} stopped after {count} frames; check its plug and start again")


def _from_file(path: str, realtime: bool) -> Iterator[np.ndarray]:
    if os.path.isdir(path):
        raise SourceError(f"{path!r} is a folder; for the pictures in it pass a pattern such as "
                          f"{os.path.join(path, 'img_%02d.png')!r}")
    if "%" not in path and not os.path.isfile(path):
        raise SourceError(f"{path!r}: there is no such file in {os.getcwd()!r}; check the path")
    # Left to itself, OpenCV would stretch the pictures of a pattern to the size of the first.
    backend = cv2.CAP_ANY if os.path.isfile(path) else cv2.CAP_IMAGES
    count, due = 0, 0.0
    with _opened(path, backend) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
        period = 1 / (rate if 1 <= rate <= 240 else USUAL_RATE)   # pictures have no rate
        for frame in _decoded(capture):
            count += 1
            if realtime:
                time.sleep(max(0.0, due - time.perf_counter()))
                due = time.perf_counter() + period
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
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _from_iterable(source: Any) -> Iterator[Any]:
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
