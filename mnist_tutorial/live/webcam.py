"""Read digits live: read a frame, answer, steady, draw, show. Each step is usable alone."""

import itertools
import time
from collections import deque
from contextlib import closing
from typing import Any, Callable, NamedTuple

import cv2
import numpy as np
import torch

from ..reading import load_guard
from ..reading.pages import read_digits
from ..reading.predict import Prediction
from .display import SCREENS, choose_screen
from .frames import Size, Source, read_frames
from .tracking import Tracker

KEPT_FRAMES = 1000      # whose predictions are reported: all would fill the memory in hours
RATE_FRAMES = 30        # frames over which the rate that is shown is averaged
LABEL_SIDE = 400        # pixels of a frame's shorter side for which OpenCV's font is not scaled
MIN_LABEL_SCALE, NOTE_SCALE = 0.5, 0.4  # of the font in small frames; of the note to the labels
GREEN, GREY, BLACK = (80, 230, 80), (210, 210, 210), (0, 0, 0)  # BGR


def draw_predictions(frame: np.ndarray, predictions: list[Prediction], *, note: str = "",
                     mirror: bool = False) -> np.ndarray:
    """Return a copy of a frame (H, W, 3), uint8 in BGR, with the box and the label of each digit.

    The label is ``7  98 %``, or ``7?`` in grey if not sure; what more probably is no digit has
    none. The note is written small in the lower left corner. `mirror` flips all but the text.
    """
    picture = cv2.flip(frame, 1) if mirror else frame.copy()
    height, width = picture.shape[:2]
    scale = max(MIN_LABEL_SCALE, min(height, width) / LABEL_SIDE)
    for prediction in [one for one in predictions if one.is_digit >= 0.5]:
        left, top, box_width, box_height = prediction.box
        left = width - left - box_width if mirror else left
        colour, text = GREY, f"{prediction.digit}?"
        if prediction.sure:
            colour, text = GREEN, f"{prediction.digit}  {100 * prediction.confidence:.0f} %"
        cv2.rectangle(picture, (left, top, box_width, box_height), colour, max(1, round(2 * scale)))
        _label(picture, text, (left, top), scale, colour)
    if note:
        _label(picture, note, (0, height), NOTE_SCALE * scale, GREY)
    return picture


def _label(picture: np.ndarray, text: str, corner: tuple[int, int], scale: float,
           colour: tuple[int, int, int]) -> None:
    """Write text above its lower left corner, outlined in black and moved to be inside."""
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    gap = below + 2 * thickness
    left = max(gap, min(corner[0], picture.shape[1] - width - gap))
    bottom = max(height + gap, corner[1] - gap)
    around = itertools.product((-thickness, 0, thickness), repeat=2)  # OpenCV 5 has no thicker text
    for dx, dy, paint in [*((dx, dy, BLACK) for dx, dy in around), (0, 0, colour)]:
        cv2.putText(picture, text, (left + dx, bottom + dy), font, scale, paint, thickness,
                    cv2.LINE_AA)


class Report(NamedTuple):
    """A run of the loop in numbers."""

    frames: int     # that were read and answered
    seconds: float  # from opening the source to the end
    predictions: list[list[Prediction]]  # for each frame, of the last 1,000: sure or not
    stopped: str    # by 'end of source', 'q', 'window closed', 'stop button' or 'max_frames'
    digits: list[int]  # that stayed in place and sure for 10 frames; one found again counts once

    @property
    def frames_per_second(self) -> float:
        """Frames read and answered per second."""
        return self.frames / self.seconds if self.seconds else 0.0

    def __repr__(self) -> str:  # a notebook shows it, and the predictions would fill pages
        return (f"{self.frames} frames in {self.seconds:.1f} s ({self.frames_per_second:.0f} per "
                f"second), ended by: {self.stopped}\n"
                f"read: {' '.join(map(str, self.digits)) or 'no steady digit'}")


def run(source: Source = 0, model: torch.nn.Module | None = None, *, show: str | None = "auto",
        max_frames: int | None = None, mirror: bool = False, size: Size = None,
        callback: Callable[[np.ndarray, list[Prediction]], Any] | None = None) -> Report:
    """Read digits until the source ends or the user stops it, then release all that was opened.

    Source and size are as for :func:`read_frames`; the model maps (N, 1, 28, 28) to (N, 10) logits,
    by default the guard that ships. A :class:`Tracker` steadies the boxes that are drawn.
    `callback` is called with each frame, uint8 (H, W, 3), BGR, and the list of its predictions.

    `show` is 'window', 'inline' for an image below the notebook's cell, or None for nothing: files
    are then read as fast as they are answered. 'auto' is inline in a notebook, otherwise a window
    if there is a display. What cannot be shown there is a RuntimeError. `mirror` shows frames as a
    mirror does; they are answered, and given to `callback`, as they are.

    `q`, Esc or closing stop a window; `max_frames` (1 or more), Ctrl-C and the stop button any run.
    """
    shown = choose_screen(show)
    if max_frames is not None and (not isinstance(max_frames, int) or max_frames < 1):
        raise ValueError(f"max_frames: expected 1 or more, or None for all, got {max_frames!r}")
    model = load_guard() if model is None else model
    predictions, stopped, start = deque(maxlen=KEPT_FRAMES), None, time.perf_counter()
    count, tracker, times = 0, Tracker(), deque([start], maxlen=RATE_FRAMES)
    try:
        with closing(read_frames(source, size=size, realtime=shown is not None)) as frames, \
                closing(SCREENS[shown]()) as screen:
            for frame in itertools.islice(frames, max_frames):
                found = read_digits(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), model,
                                    quick=True).digits
                predictions.append(found)
                count, steady = count + 1, tracker.update(found)
                if callback is not None:
                    callback(frame, found)
                if shown is not None:
                    times.append(time.perf_counter())
                    rate = (len(times) - 1) / max(1e-6, times[-1] - times[0])  # coarse clocks: 0 s
                    stopped = screen.show(draw_predictions(
                        frame, steady, note=f"{rate:.0f} fps", mirror=mirror))
                if stopped is not None:
                    break
    except KeyboardInterrupt:
        stopped = "stop button"
    end = "max_frames" if count == max_frames else "end of source"
    return Report(count, time.perf_counter() - start, list(predictions), stopped or end,
                  tracker.digits)
