"""A drawing pad in the notebook: draw a digit, and see the network's answer while you draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import traitlets

from ..errors import ImageError
from ..reading.images import load_grey
from .widget import NO_DIGIT, Widget, decode, describe, explain, static

PAD_SIDE = 280  # pixels


class DrawingPad(Widget):
    """Draw with mouse, pen or finger; the answer follows.

    Model and `save_to` are as for :class:`BrowserCamera`. `image` is the drawing as it was last
    answered, a uint8 array (280, 280), black (0) on white (255); `prediction` is the answer, None
    without a digit. Both are read only, and set in this order:
    ``pad.observe(function, "prediction")`` calls you while you draw.
    """

    _esm = static("common.js", "pad.js")
    side = traitlets.Int(PAD_SIDE, read_only=True).tag(sync=True)
    drawing = traitlets.Any(b"", help="the page's PNG, empty for an empty pad").tag(
        sync=True, echo_update=False)
    answer = traitlets.Dict(help="the part of the prediction that the page shows").tag(sync=True)
    image = traitlets.Any(read_only=True)
    prediction = traitlets.Any(None, allow_none=True, read_only=True)

    def __init__(self, model: torch.nn.Module | None = None, save_to: str | Path | None = None):
        super().__init__(model, save_to, answer={"words": NO_DIGIT})
        self.observe(self._answer, "drawing")

    @traitlets.default("image")
    def _empty(self) -> np.ndarray:
        return np.full((PAD_SIDE, PAD_SIDE), 255, np.uint8)

    def clear(self) -> None:
        """Wipe the pad, in the page too."""
        self.drawing = b""

    def _answer(self, _) -> None:
        """Answer the drawing of this moment, which may be newer than the one this call is for."""
        with self._lock:
            try:
                self.set_trait("image", self._decode())
                self.set_trait("prediction", self._read_digit(self.image))
                self.answer = {"words": NO_DIGIT} if self.prediction is None else describe(
                    self.prediction, "words", "digit", "sure", "probabilities", "picture", "model")
            except Exception as error:  # a learner's own network or observer may raise anything
                self.answer = {"error": explain(error)}

    def _decode(self) -> np.ndarray:
        if not self.drawing:
            return self._empty()
        image = load_grey(decode(self.drawing, "PNG"))
        if image.shape != (PAD_SIDE, PAD_SIDE):
            raise ImageError(f"expected a drawing of {PAD_SIDE} x {PAD_SIDE}, got {image.shape}")
        return image
