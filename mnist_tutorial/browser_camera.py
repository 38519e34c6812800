"""The camera of the machine on which the browser runs, read by the kernel, wherever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets

from .pages import read_digits
from .predict import Prediction, predict_image
from .preprocess import NoDigitError
from .widget import Widget, decode, explain, static


class BrowserCamera(Widget):
    """Hold a digit into the camera; boxes and digits appear over the live picture.

    The camera runs from Start to Stop, and no longer than its cell, its page and its kernel.

    Parameters
    ----------
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.
    several : bool
        Read all digits (:func:`mnist_tutorial.read_digits`) instead of the most prominent one
        (:func:`mnist_tutorial.predict_image`), which is quicker and less easily misled by what
        else is in the picture. There is a box to tick for it in the page, too.
    mirror : bool
        Show the picture as a mirror would; what is read stays as it is.
    save_to : path, optional
        A folder: the camera then has a line to save pictures with their label, see
        :func:`mnist_tutorial.record.record`.

    Attributes
    ----------
    frame : uint8 array (H, W, 3) or None
        The last frame that was answered, RGB, at most 480 pixels wide. Read only.
    predictions : list of Prediction
        What was read in it, empty without a digit. Read only, and set after `frame`: with
        ``camera.observe(function, "predictions")`` it calls you when it changes.

    Examples
    --------
    >>> camera = BrowserCamera(several=True)
    >>> camera.predictions
    []
    """

    _esm = static("common.js", "browser_camera.js")
    _picture_kind = "JPEG"
    several = traitlets.Bool(False).tag(sync=True)
    mirror = traitlets.Bool(False).tag(sync=True)
    frame = traitlets.Any(None, allow_none=True, read_only=True)
    predictions = traitlets.List(read_only=True)

    def __init__(self, model: torch.nn.Module | None = None, *, several: bool = False, mirror: bool = False,
                 save_to: str | Path | None = None):
        super().__init__(model, save_to, several=several, mirror=mirror)

    def stop(self) -> None:
        """Switch the camera off, in every view."""
        self.send({"stop": True})

    def _receive(self, widget, content: Any, buffers: list) -> None:
        super()._receive(widget, content, buffers)
        if isinstance(content, dict) and "frame" in content:
            self.send({"frame": content["frame"], **self._answer(buffers)})  # the page waits for it: it comes always

    def _answer(self, buffers: list) -> dict:
        with self._lock:
            digits, error = [], ""
            try:
                frame = np.array(decode(buffers[0], "JPEG").convert("RGB"))
                digits = self._read(frame)
                self.set_trait("frame", frame)
                self.set_trait("predictions", digits)
            except Exception as problem:  # also of a learner's own network or observer: nobody else would show it
                error = explain(problem)
        return {"digits": [_shown(digit) for digit in digits], "words": "" if error else _words(digits),
                "error": error, "model": digits[0].model if digits else ""}

    def _read(self, frame: np.ndarray) -> list[Prediction]:
        if self.several:
            return read_digits(frame, self.model).digits
        try:
            return [predict_image(frame, self.model)]
        except NoDigitError:
            return []


def _shown(prediction: Prediction) -> dict:
    return {"digit": prediction.digit, "confidence": prediction.confidence, "sure": prediction.sure,
            "box": [int(side) for side in prediction.box]}


def _words(digits: list[Prediction]) -> str:
    """Say what is read, those that are not sure with a question mark: no figures, which change with each frame."""
    if not digits:
        return "no digit"
    return "read: " + " ".join(f"{digit.digit}{'' if digit.sure else '?'}" for digit in digits)
