"""Frames from anywhere: a camera, a video file, numbered images, any iterable of arrays."""

import itertools
import os
import re
import reprlib
import time
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Generator, Iterable, Iterator, Optional, Union

import cv2
import numpy as np

from ..device import shared_context
from ..errors import SourceError

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # silent; FFmpeg reads it at its first file

USUAL_RATE, MAX_RATE = 30, 240  # frames per second: 30 where a file says none, or more than 240
FIRST_FRAME_TIMEOUT, NEXT_FRAME_TIMEOUT = 30, 5  # seconds; some cameras need 10 or more to start
RELEASE_TIMEOUT, RETRY_PAUSE = 1, 0.02  # seconds: for the last read to return, after a failed one
ADDRESS, DEVICE = "(?i:https?|rtsps?)://", "/dev/video([0-9]+)"  # patterns of a camera's
MAX_CAMERA, MAX_SOURCE = 2 ** 31 - 1, 1000  # a number; characters of an address, path or error
MAX_FAILED_READS = 5  # consecutive ones, then the camera is gone; one is a damaged frame
COLOUR = (3,)         # the shape of a colour image after its height and width

Source = Union[int, str, Path, Iterable[np.ndarray]]
Size = Optional[tuple[int, int]]
Frames = Generator[np.ndarray, None, None]


def read_frames(source: Source, *, size: Size = None, realtime: bool = False) -> Frames:
    """Yield frames as uint8 arrays (H, W, 3), BGR; their size may change from one to the next.

    The source is the number of a camera (0 or "0") or its device (/dev/video0), the address of one
    in the network (http, https, rtsp), a video file, a pattern such as ``frames/img_%02d.png``, or
    an iterable of uint8 arrays: grey (H, W) or BGR (H, W, 3). It is opened for the first frame, and
    released however the reading ends; an iterator is closed, if it can be.

    A camera is asked for `size` (width, height) in pixels, and takes the nearest that it can;
    `realtime` plays files at their own pace instead of as fast as they can be read. A SourceError
    is raised if the source cannot be opened, a frame is no such array, or a camera stops or stalls.
    """
    if isinstance(source, (str, Path)):
        source = _plain(str(source))
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        frames = _from_camera(int(source), size)
    elif isinstance(source, str) and re.match(ADDRESS, source):
        frames = _from_camera(source, size)
    elif isinstance(source, str):
        frames = _from_file(source, realtime)
    else:
        frames = _from_iterable(source)
    with closing(frames):
        for number, frame in enumerate(frames):
            yield _as_bgr(frame, number)


def find_cameras(limit: int = 10) -> list[tuple[int, int, int]]:
    """Open cameras 0 to `limit` - 1; list (index, width, height in pixels) of those that work."""
    found = []
    for index in range(limit):
        with suppress(SourceError), closing(read_frames(index)) as frames:
            height, width = next(frames).shape[:2]
            found.append((index, width, height))
    return found


def _plain(source: str) -> int | str:
    """Give a camera's number, if that or its device is named; refuse what OpenCV would die of."""
    if len(source) > MAX_SOURCE or re.search(r"[\0\ud800-\udfff]", source):
        raise SourceError(f"{source[:MAX_SOURCE]!r}: expected a name in UTF-8, without zeros, of "
                          f"{MAX_SOURCE} characters at most; rename the file")
    source = os.path.expanduser(source)
    number = re.fullmatch("(-?[0-9]+)", source) or re.fullmatch(DEVICE, os.path.realpath(source))
    return int(number[1]) if number else source


def _from_camera(source: int | str, size: Size) -> Frames:
    """Read in a thread of its own: nothing can end a read that hangs, but we need not wait."""
    # Where there is no camera, OpenCV crashes on negative numbers; it takes none above 32 bits.
    if isinstance(source, int) and not 0 <= source <= MAX_CAMERA:
        raise SourceError(f"camera {source}: cameras are numbered 0, 1, 2, ...; try 0")
    name = f"camera {re.sub('//[^/]*@', '//', str(source))}"  # without its password
    wanted, frames = Queue(), Queue()
    thread = Thread(target=_serve, args=(source, size, wanted, frames), daemon=True)
    thread.start()
    try:
        for count in itertools.count():
            wanted.put(True)
            timeout = NEXT_FRAME_TIMEOUT if count else FIRST_FRAME_TIMEOUT
            frame = frames.get(timeout=timeout)
            if isinstance(frame, BaseException):
                raise frame
            if frame is None:
                break
            yield frame
    except Empty:
        raise SourceError(f"{name} stalled: no picture in {timeout} seconds after {count} frames; "
                          "plug it in anew and start again") from None
    finally:
        wanted.put(False)
        thread.join(RELEASE_TIMEOUT)  # released now; if a read hangs, as soon as it returns
    if count:
        raise SourceError(f"{name} stopped after {count} frames; check plug or network, restart")
    raise SourceError(f"{name} gives no picture: it is absent, used by another program or not "
                      "allowed; try another number, or pass a video file")


def _serve(source: int | str, size: Size, wanted: Queue, frames: Queue) -> None:
    """Open, read and release in one thread: OpenCV may crash if another one releases."""
    try:
        with _opened(source) as capture:
            if size is not None:
                capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
                capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
            decoded = _decoded(capture, MAX_FAILED_READS)
            while wanted.get():
                frames.put(next(decoded, None))
    except BaseException as error:  # raised by the thread that waits for a frame
        frames.put(error)


def _from_file(path: str, realtime: bool) -> Frames:
    is_file = os.path.isfile(path)  # a pipe could be read for ever
    if os.path.isdir(path):
        raise SourceError(f"{path!r} is a folder; pass a pattern, as {path + '/img_%02d.png'!r}")
    if "%" not in path and not is_file:
        raise SourceError(f"{path!r}: there is no such file in {os.getcwd()!r}; check the path")
    # Left to itself, OpenCV would stretch the images of a pattern to the size of the first.
    with _opened(path, cv2.CAP_ANY if is_file else cv2.CAP_IMAGES) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
        if not 1 < rate <= MAX_RATE:  # numbered images have none, or 1 in OpenCV 4
            rate = USUAL_RATE
        frame, due = None, 0.0
        for frame in _decoded(capture, attempts=1):
            if realtime:
                time.sleep(max(0.0, due - time.perf_counter()))
                due = time.perf_counter() + 1 / rate
            yield frame
    if frame is None:
        raise SourceError(f"{path!r} gives no frame: expected " + (
            "a video, such as mp4, avi, webm or gif; see whether another program can play it"
            if is_file else "pictures numbered from 0 or 1 on; check folder and digits"))


def _decoded(capture: cv2.VideoCapture, attempts: int) -> Iterator[np.ndarray]:
    """Yield frames until that many attempts in a row have failed."""
    failed = 0
    while capture.isOpened() and failed < attempts:
        if failed:
            time.sleep(RETRY_PAUSE)
        with _quiet():
            ok, frame = capture.read()
        failed = 0 if ok and frame is not None else failed + 1
        if not failed:
            yield frame


@contextmanager
def _opened(source: int | str, backend: int = cv2.CAP_ANY) -> Iterator[cv2.VideoCapture]:
    with _quiet():
        capture = cv2.VideoCapture(source, backend)
    try:
        yield capture
    finally:
        capture.release()


@shared_context
@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from writing on stderr: our errors say it in one line."""
    logging = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging  # OpenCV 4, 5
    level = logging.setLogLevel(0)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _from_iterable(source: Any) -> Frames:
    if isinstance(source, np.ndarray) and (source.ndim <= 2 or source.shape[2:] == COLOUR):
        raise SourceError(f"expected many frames, got a single picture of shape {source.shape}; "
                          "put it into a list")
    try:
        frames = iter(source)
    except TypeError:
        came = " ".join(reprlib.repr(source).split())
        raise SourceError(f"cannot read frames from {came}; pass a camera number, a file, a "
                          "pattern such as 'img_%02d.png', or an iterable of arrays") from None
    with closing(frames) if hasattr(frames, "close") else nullcontext():
        yield from frames


def _as_bgr(frame: Any, number: int) -> np.ndarray:
    is_array = isinstance(frame, np.ndarray)
    if is_array and frame.dtype == np.uint8 and frame.size:
        if frame.ndim == 2:
            return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        if frame.shape[2:] == COLOUR:
            return np.ascontiguousarray(frame)
    came = f"{frame.dtype} of shape {frame.shape}" if is_array else type(frame).__name__
    raise SourceError(f"frame {number}: expected a uint8 array, grey (H, W) or BGR (H, W, 3), "
                      f"got {came}; convert it first")
