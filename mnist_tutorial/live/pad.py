"""A drawing pad in the notebook: draw a digit, and see the network's answer while you draw."""

from pathlib import Path

import numpy as np
import torch
import traitlets

from ..errors import ImageError
from ..reading.images import load_grey
from ..reading.predict import DIGITS
from .widget import NO_DIGIT, Widget, decode, describe, explain, static

PAD_SIDE = 280  # pixels


class DrawingPad(Widget):
    """Draw with mouse, pen or finger; the answer follows.

    Model and `save_to` are as for :class:`BrowserCamera`. `image` is the drawing as it was last
    answered, a uint8 array (280, 280), black (0) on white (255); `prediction` is the answer, None
    without a digit. Both are read only, and set in this order:
    ``pad.observe(function, "prediction")`` calls you while you draw.

    If it is to `ask` for a number of digits, it names one after the other, every digit as often,
    saves each under that label and clears itself: the way to collect your own hand in a minute or
    two (:func:`mnist_tutorial.live.load_folder`). A ValueError says that `save_to` is missing.
    """

    _esm = static("common.js", "pad.js")
    side = traitlets.Int(PAD_SIDE, read_only=True).tag(sync=True)
    drawing = traitlets.Any(b"", help="the page's PNG, empty for an empty pad").tag(
        sync=True, echo_update=False)
    asks = traitlets.Dict(help="the digit that is wanted, its number, of how many").tag(sync=True)
    answer = traitlets.Dict(help="the part of the prediction that the page shows").tag(sync=True)
    image = traitlets.Any(read_only=True)
    prediction = traitlets.Any(None, allow_none=True, read_only=True)

    def __init__(self, model: torch.nn.Module | None = None, save_to: str | Path | None = None, *,
                 ask: int = 0):
        if ask and save_to is None:
            raise ValueError("expected a folder for the digits asked for: save_to='my_digits'")
        super().__init__(model, save_to, answer={"words": NO_DIGIT})
        rng, tens = np.random.default_rng(), -(-ask // DIGITS)
        self._wanted = [int(digit) for _ in range(tens) for digit in rng.permutation(DIGITS)][:ask]
        self._ask(0)
        self.observe(self._answer, "drawing")

    def _ask(self, saved: int) -> None:
        """Ask for the next digit, as many being saved; or for none, once all are."""
        count = len(self._wanted)
        wanted = {"digit": str(self._wanted[saved])} if saved < count else {}
        self.asks = {"saved": saved, "of": count, **wanted}

    def _was_saved(self) -> None:
        if self._wanted:
            self.clear()
            self._ask(self.asks["saved"] + 1)

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
