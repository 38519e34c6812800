"""A drawing pad in the notebook: draw a digit, and see what the network makes of it while you draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import traitlets

from .images import ImageError, load_grey
from .predict import Prediction, predict_image
from .preprocess import NoDigitError
from .widget import Widget, decode, explain, static, words

SIDE = 280  # pixels of the pad


class DrawingPad(Widget):
    """Draw with mouse, pen or finger; the answer follows.

    Parameters
    ----------
    model : torch.nn.Module, optional
        Default: the weights that ship, :func:`mnist_tutorial.load_pretrained`.
    save_to : path, optional
        A folder: the pad then has a line to save drawings with their label, see
        :func:`mnist_tutorial.record.record`.

    Attributes
    ----------
    image : uint8 array (280, 280)
        The drawing as it was last answered, black (0) on white (255). Read only.
    prediction : Prediction or None
        What was read last, None without a digit. Read only, and set after `image`: with
        ``pad.observe(function, "prediction")`` it calls you while you draw.

    Examples
    --------
    >>> pad = DrawingPad()
    >>> pad
    DrawingPad()
    >>> print(pad.prediction)
    None
    """

    _esm = static("common.js", "pad.js")
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)
    drawing = traitlets.Any(b"", help="the page's PNG, empty for an empty pad").tag(sync=True, echo_update=False)
    answer = traitlets.Dict(help="what the page shows of the prediction").tag(sync=True)
    image = traitlets.Any(read_only=True)
    prediction = traitlets.Any(None, allow_none=True, read_only=True)

    def __init__(self, model: torch.nn.Module | None = None, save_to: str | Path | None = None):
        super().__init__(model, save_to, answer={"words": words(None)})
        self.observe(self._answer, "drawing")

    @traitlets.default("image")
    def _empty(self) -> np.ndarray:
        return np.full((SIDE, SIDE), 255, np.uint8)

    def clear(self) -> None:
        """Wipe the pad, in the page too."""
        self.drawing = b""

    def _answer(self, _) -> None:
        """Answer the drawing of this moment, which may be newer than the one this call is for."""
        with self._lock:
            try:
                self.set_trait("image", self._decode())
                self.set_trait("prediction", self._predict())
                self.answer = _shown(self.prediction)
            except Exception as error:  # also of a learner's own network or observer: nobody else would show it
                self.answer = {"error": explain(error)}

    def _decode(self) -> np.ndarray:
        if not self.drawing:
            return self._empty()
        image = load_grey(decode(self.drawing, "PNG"))
        if image.shape != (SIDE, SIDE):
            raise ImageError(f"expected a drawing of shape {(SIDE, SIDE)} from the page, got {image.shape}")
        return image

    def _predict(self) -> Prediction | None:
        try:
            return predict_image(self.image, self.model)
        except NoDigitError:
            return None


def _shown(prediction: Prediction | None) -> dict:
    if prediction is None:
        return {"words": words(None)}
    return {"words": words(prediction), "digit": prediction.digit, "sure": prediction.sure,
            "probabilities": prediction.probabilities.tolist(), "picture": prediction.picture.tobytes(),
            "model": prediction.model}
