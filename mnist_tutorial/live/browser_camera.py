"""The camera of the machine on which the browser runs, read by the kernel, wherever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets

from ..reading.pages import read_digits
from ..reading.predict import Prediction
from .widget import NO_DIGIT, Widget, decode, describe, explain, static


class BrowserCamera(Widget):
    """Hold a digit into the camera; boxes and digits appear over the live picture.

    The camera runs from Start to Stop, and no longer than its cell, its page and its kernel.

    Parameters
    ----------
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.
    several : bool
        Read all digits instead of the most prominent one, which is quicker and less easily misled
        by the background. There is a box to tick for it in the page, too.
    mirror : bool
        Show the picture as a mirror would; it is still read as it is.
    save_to : path, optional
        A folder, into which a line in the page saves pictures with their label, see :func:`record`.

    Attributes
    ----------
    frame : uint8 array (H, W, 3) or None
        The last frame that was answered, RGB, at most 480 pixels wide. Read only.
    predictions : list of Prediction
        The digits in it, empty without any. Read only, and set after `frame`: with
        ``camera.observe(function, "predictions")`` it calls you when it changes.
    """

    _esm = static("common.js", "browser_camera.js")
    _picture_kind = "JPEG"
    several = traitlets.Bool(False).tag(sync=True)
    mirror = traitlets.Bool(False).tag(sync=True)
    frame = traitlets.Any(None, allow_none=True, read_only=True)
    predictions = traitlets.List(read_only=True)

    def __init__(self, model: torch.nn.Module | None = None, *, several: bool = False,
                 mirror: bool = False, save_to: str | Path | None = None):
        super().__init__(model, save_to, several=several, mirror=mirror)

    def stop(self) -> None:
        """Switch the camera off, in every view."""
        self.send({"stop": True})

    def _receive(self, widget, content: Any, buffers: list[memoryview]) -> None:
        super()._receive(widget, content, buffers)
        if isinstance(content, dict) and "frame" in content:  # always reply: the page waits for it
            self.send({"frame": content["frame"], **self._answer(buffers)})

    def _answer(self, buffers: list[memoryview]) -> dict[str, Any]:
        digits, error = [], ""
        with self._lock:
            try:
                frame = np.array(decode(buffers[0], "JPEG").convert("RGB"))
                digits = self._read(frame)
                self.set_trait("frame", frame)
                self.set_trait("predictions", digits)
            except Exception as problem:  # a learner's own network or observer may raise anything
                error = explain(problem)
        # No figures in the words: they would change with each frame.
        read = " ".join(f"{one.digit}{'' if one.sure else '?'}" for one in digits)
        words = f"read: {read}" if digits else NO_DIGIT
        return {"digits": [describe(one, "digit", "confidence", "sure", "box") for one in digits],
                "words": "" if error else words, "error": error,
                "model": digits[0].model if digits else ""}

    def _read(self, frame: np.ndarray) -> list[Prediction]:
        if self.several:
            return read_digits(frame, self.model).digits
        prediction = self._read_digit(frame)
        return [] if prediction is None else [prediction]
