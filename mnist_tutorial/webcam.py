"""Read digits live: read a frame, answer, steady, draw, show. Each step stands alone; `run` joins them."""

from __future__ import annotations

import base64
import functools
import itertools
import os
import subprocess
import sys
import time
from collections import deque
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import Any, Callable, Iterator, NamedTuple, Optional

import cv2
import numpy as np
import torch

from .checkpoint import load_pretrained
from .frames import Size, Source, read_frames
from .pages import read_digits
from .predict import Prediction

WINDOW = "MNIST webcam: press q to stop"
QUIT_KEYS = (ord("q"), ord("Q"), 27)    # 27 is Esc
SHOWN_PER_SECOND = 30                   # shown faster, a notebook falls seconds behind
INLINE_WIDTH, JPEG_QUALITY = 640, 70    # at most so wide: 20 to 40 KB a frame
STEADY = 10                             # a digit counts that is sure in so many frames running
STILL = 0.5                             # share of two boxes that both cover, above which they show one digit
SEEN, MISSED = 3, 2                     # it is drawn once found in so many frames, and kept through so many without it
NEW = 1 / 6                             # weight of the newest answer in what is drawn: one wrong frame does not show
GREEN, GREY, BLACK = (80, 230, 80), (210, 210, 210), (0, 0, 0)    # BGR

Screen = Callable[[np.ndarray], Optional[str]]    # shows a picture; gives the reason to stop, if any


def draw_predictions(frame: np.ndarray, predictions: list[Prediction], *, note: str = "",
                     mirror: bool = False) -> np.ndarray:
    """Draw each digit's box and a label such as ``7  98 %`` on a copy of the frame; where unsure, grey and ``7?``.

    Parameters
    ----------
    frame : uint8 array (H, W, 3)
        BGR; left as it is.
    predictions : list of Prediction
        Those that more probably show no digit are left out.
    note : str
        Written small in the lower left corner.
    mirror : bool
        Flip left and right, all but the text.

    Returns
    -------
    uint8 array (H, W, 3)
    """
    picture = cv2.flip(frame, 1) if mirror else frame.copy()
    height, width = picture.shape[:2]
    scale = max(0.5, min(height, width) / 400)
    for prediction in predictions:
        if prediction.is_digit < 0.5:
            continue
        left, top, box_width, box_height = prediction.box
        left = width - left - box_width if mirror else left
        colour, text = GREY, f"{prediction.digit}?"
        if prediction.sure:
            colour, text = GREEN, f"{prediction.digit}  {100 * prediction.confidence:.0f} %"
        cv2.rectangle(picture, (left, top, box_width, box_height), colour, max(1, round(2 * scale)))
        _label(picture, text, left, top, scale, colour)
    if note:
        _label(picture, note, 0, height, 0.4 * scale, GREY)
    return picture


def _label(picture: np.ndarray, text: str, left: int, bottom: int, scale: float, colour: tuple) -> None:
    """Write `text`, outlined to be readable on any ground, moved as far as it takes to be inside."""
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, thickness)
    gap = below + 2 * thickness
    left = max(gap, min(left, picture.shape[1] - text_width - gap))
    bottom = max(text_height + gap, bottom - gap)
    for dx, dy in itertools.product((-thickness, 0, thickness), repeat=2):  # OpenCV 5 has no thicker text
        cv2.putText(picture, text, (left + dx, bottom + dy), font, scale, BLACK, thickness, cv2.LINE_AA)
    cv2.putText(picture, text, (left, bottom), font, scale, colour, thickness, cv2.LINE_AA)


@functools.cache
def has_display() -> bool:
    """Find out, once and in another process, whether OpenCV can open a window here.

    Without a display OpenCV aborts the process that asks for a window, and nothing can catch that.
    """
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow('probe')"]
    return subprocess.run(probe, capture_output=True).returncode == 0


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return hasattr(ipython and ipython.get_ipython(), "kernel")


def _choose(show: str | None) -> str | None:
    """Turn 'auto' into what works here, and refuse what does not."""
    if show == "auto":
        return "inline" if _in_notebook() else "window" if has_display() else None
    if show not in SCREENS:
        raise ValueError(f"show: expected 'auto', 'window', 'inline' or None, got {show!r}")
    if show == "window" and not has_display():
        raise RuntimeError("show='window': OpenCV finds no display for a window; use 'inline' in a notebook, or None")
    if show == "inline" and not _in_notebook():
        raise RuntimeError("show='inline' needs a notebook's kernel; use 'window', or None to show nothing")
    return show


@contextmanager
def _window() -> Iterator[Screen]:
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")    # Qt misses fonts that are not used

    def show(picture: np.ndarray) -> str | None:
        cv2.imshow(WINDOW, picture)
        if cv2.waitKey(1) & 0xFF in QUIT_KEYS:
            return "q"
        with suppress(cv2.error):   # some window libraries raise this when the window is closed
            if cv2.getWindowProperty(WINDOW, cv2.WND_PROP_VISIBLE) >= 1:
                return None
        return "window closed"

    try:
        yield show
    finally:
        with suppress(cv2.error):   # closed already, or never opened
            cv2.destroyWindow(WINDOW)
            cv2.waitKey(1)          # it goes when events are handled


@contextmanager
def _inline() -> Iterator[Screen]:
    from IPython.display import DisplayHandle

    handle, due, unsent = DisplayHandle(), 0.0, None
    send = handle.display

    def show(picture: np.ndarray, last: bool = False) -> None:
        nonlocal send, due, unsent
        period, now, unsent = 1 / SHOWN_PER_SECOND, time.perf_counter(), picture
        if last or now > due - period / 2:      # half a period: cameras do not tick evenly
            send({"image/jpeg": _jpeg(picture)}, raw=True)  # no text beside it in the notebook
            send, due, unsent = handle.update, max(due, now) + period, None

    try:
        yield show
    finally:
        if unsent is not None:
            show(unsent, last=True)


def _jpeg(picture: np.ndarray) -> str:
    shrink = min(1.0, INLINE_WIDTH / picture.shape[1])
    picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return base64.b64encode(content.tobytes()).decode()


SCREENS: dict[str | None, Callable] = {"window": _window, "inline": _inline, None: nullcontext}


def _overlap(a: tuple, b: tuple) -> float:
    """Share of two boxes (x, y, width, height) that both cover, of what either covers."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


class Track:
    """One digit, followed from frame to frame.

    Attributes
    ----------
    answer : Prediction
        The newest, but with the average of the last ones as to digit, confidence and probabilities.
    newest : Prediction
        As it came.
    seen, missed : int
        In how many frames it was found, and in how many it has not been since.
    steady : int
        In how many frames running, up to the newest, it was found with the same sure digit.
    """

    def __init__(self, first: Prediction):
        self.answer, self.newest = first, first
        self.seen, self.missed, self.steady = 1, 0, int(first.sure)

    def see(self, newest: Prediction) -> None:
        """Take the answer of the next frame."""
        same = newest.sure and newest.digit == self.newest.digit
        self.seen, self.missed, self.steady = self.seen + 1, 0, self.steady + 1 if same else int(newest.sure)
        weight = max(NEW, 1 / self.seen)
        average = self.answer.probabilities + weight * (newest.probabilities - self.answer.probabilities)
        is_digit = self.answer.is_digit + weight * (newest.is_digit - self.answer.is_digit)
        self.answer = newest._replace(digit=int(average.argmax()), confidence=float(average.max()),
                                      probabilities=average, is_digit=is_digit)
        self.newest = newest

    def miss(self) -> None:
        """Note that it was not found in the next frame."""
        self.missed, self.steady = self.missed + 1, 0


class Tracker:
    """Steadies what is drawn: a frame's digits are those of the frame before, where their boxes overlap.

    Attributes
    ----------
    tracks : list of Track
        First those found in the newest frame, in the order in which they were given.
    """

    def __init__(self):
        self.tracks = []

    def update(self, predictions: list[Prediction]) -> list[Prediction]:
        """Take the answers of the next frame; give those to draw.

        A digit is drawn from the third frame on in which it is found, with probabilities averaged over
        about six, and kept through two in which it is not.
        """
        before, now = self.tracks, []
        for prediction in predictions:
            track = max(before, key=lambda track: _overlap(track.answer.box, prediction.box), default=None)
            if track and _overlap(track.answer.box, prediction.box) > STILL:
                before = [other for other in before if other is not track]
                track.see(prediction)
            else:
                track = Track(prediction)
            now.append(track)
        for track in before:
            track.miss()
        self.tracks = now + [track for track in before if track.missed <= MISSED]
        return [track.answer for track in self.tracks if track.seen >= SEEN]


class Report(NamedTuple):
    """What a run of the loop saw.

    Attributes
    ----------
    frames : int
        How many were read and answered.
    seconds : float
        From opening the source to the end.
    predictions : list of list of Prediction
        For each frame all that was found in it, sure or not.
    stopped : str
        Why it ended: 'end of source', 'q', 'window closed', 'stop button' or 'max_frames'.
    """

    frames: int
    seconds: float
    predictions: list
    stopped: str

    @property
    def frames_per_second(self) -> float:
        """Frames read and answered per second."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def digits(self) -> list[int]:
        """Digits that stood still, sure in each of 10 frames; one lost and found again counts once."""
        tracker, counted = Tracker(), []    # (digit, track)
        for predictions in self.predictions:
            tracker.update(predictions)
            for track in tracker.tracks:
                if track.steady == STEADY:
                    here = [digit for digit, old in counted if old is track or (
                        old not in tracker.tracks and _overlap(old.answer.box, track.answer.box))]
                    if here[-1:] != [track.newest.digit]:
                        counted.append((track.newest.digit, track))
        return [digit for digit, _ in counted]

    def __str__(self) -> str:
        return (f"{self.frames} frames in {self.seconds:.1f} s ({self.frames_per_second:.0f} per second), "
                f"ended by: {self.stopped}\nread: {' '.join(map(str, self.digits)) or 'no steady digit'}")

    def __repr__(self) -> str:
        """A notebook shows it, and the predictions in it would fill pages."""
        return str(self)


def run(source: Source = 0, model: torch.nn.Module | None = None, *, show: str | None = "auto",
        max_frames: int | None = None, mirror: bool = False, size: Size = None,
        callback: Callable[[np.ndarray, list[Prediction]], Any] | None = None) -> Report:
    """Read digits until the source ends or the user stops it, then release all that was opened.

    Every frame is searched for digits (:func:`mnist_tutorial.pages.read_digits`); a :class:`Tracker` steadies
    what is drawn. `q`, Esc or closing stop a window; Ctrl-C or the notebook's stop button stop any run.

    Parameters
    ----------
    source : int, str, path or iterable
        What :func:`read_frames` takes; default: the first camera.
    model : torch.nn.Module, optional
        Maps (N, 1, 28, 28) to (N, 10) logits. Default: the weights that ship.
    show : {'auto', 'window', 'inline', None}
        A window, a picture below the notebook's cell, or nothing (files are then read as fast as
        they are answered). 'auto': inline in a notebook, else a window if there is a display.
    max_frames : int, optional
        Stop after so many frames, 1 or more.
    mirror : bool
        Show frames as a mirror does; they are still answered as they are.
    size : tuple of int (width, height), optional
        What a camera is asked for, see :func:`read_frames`.
    callback : callable, optional
        Called with each frame (uint8 (H, W, 3), BGR, not mirrored) and the list of what was found in
        it, as in :attr:`Report.predictions`.

    Returns
    -------
    Report

    Raises
    ------
    SourceError
        The source cannot be opened or read.
    RuntimeError
        A window without a display, or inline outside a notebook.
    ValueError
        Another `show`, or `max_frames` below 1.
    """
    screen = _choose(show)
    if max_frames is not None and max_frames < 1:
        raise ValueError(f"max_frames: expected 1 or more, or None for no limit, got {max_frames!r}")
    model = load_pretrained() if model is None else model
    predictions, stopped, start = [], None, time.perf_counter()
    tracker, times = Tracker(), deque([start], maxlen=30)
    try:
        with closing(read_frames(source, size=size, realtime=screen is not None)) as frames, \
                SCREENS[screen]() as show_picture:
            for frame in frames:
                predictions.append(read_digits(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), model).digits)
                if callback is not None:
                    callback(frame, predictions[-1])
                if show_picture is not None:
                    times.append(time.perf_counter())
                    rate = (len(times) - 1) / max(1e-6, times[-1] - times[0])
                    picture = draw_predictions(frame, tracker.update(predictions[-1]), note=f"{rate:.0f} fps",
                                               mirror=mirror)
                    stopped = show_picture(picture)
                if stopped is None and len(predictions) == max_frames:
                    stopped = "max_frames"
                if stopped is not None:
                    break
    except KeyboardInterrupt:
        stopped = "stop button"
    return Report(len(predictions), time.perf_counter() - start, predictions, stopped or "end of source")
