"""The camera of the machine on which the browser runs, read by the kernel, wherever that is."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets

from ..reading.pages import read_digits
from .widget import NO_DIGIT, Widget, decode, describe, explain, static


class BrowserCamera(Widget):
    """Hold a digit into the camera; boxes and digits appear over the live picture.

    It runs from Start to Stop, and no longer than its cell, its page and its kernel. The model, by
    default with the weights that ship, reads the most prominent digit, or, if `several`, all of
    them, which is slower and more easily misled by the background. `mirror` shows the image as a
    mirror would; it is still read as it is. `save_to` is a folder, into which a line in the page
    saves images with their label, see :func:`record`.

    Of the last frame that was answered, `frame` is RGB, a uint8 array (H, W, 3) at most 480 pixels
    wide, and `predictions` is the list of its digits. Both are read only, and set in this order:
    ``camera.observe(function, "predictions")`` calls you when the digits change.
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
                if self.several:
                    digits = read_digits(frame, self.model, quick=True).digits
                elif prediction := self._read_digit(frame):
                    digits = [prediction]
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
