"""Shared by the drawing pad and the browser's camera: scripts, decoding, saving with a label."""

import io
import threading
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image

from ..errors import CourseError, ImageError, NoDigitError, RecordError
from ..reading import load_guard
from ..reading.predict import Prediction, predict_image
from ..sources import open_image
from .record import record

STATIC = Path(__file__).parent / "static"
MAX_SENT_SIDE, MAX_WORDS = 4096, 300  # pixels of an image from the page; characters of an error
NO_DIGIT = "no digit"


def static(*names: str) -> str:
    """Join the texts of files in `STATIC`: scripts come with the package, not from the network."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def decode(data: Any, kind: str) -> Image.Image:
    """Decode an image from the page, of the `kind` 'PNG' or 'JPEG'; all else is an ImageError."""
    try:
        image = open_image(io.BytesIO(data), "the page's image")
        if image.format != kind or max(image.size) > MAX_SENT_SIDE:
            raise ValueError("another format or too large")
        image.load()
    except Exception as error:  # on damaged files Pillow's decoders raise a dozen different types
        raise ImageError(f"expected a {kind} of at most {MAX_SENT_SIDE} pixels a side") from error
    return image


def describe(prediction: Prediction, *fields: str) -> dict[str, Any]:
    """Return the fields of a prediction that the page asks for; `words` is its text."""
    values = {**prediction._asdict(), "words": str(prediction), "sure": prediction.sure,
              "box": [int(side) for side in prediction.box],
              "probabilities": prediction.probabilities.tolist(),
              "picture": prediction.picture.tobytes()}
    return {field: values[field] for field in fields}


def explain(error: Exception) -> str:
    """Format an error as one short line; prefix the type unless it is one of ours."""
    words = str(error) if isinstance(error, CourseError) else f"{type(error).__name__}: {error}"
    return " ".join(words.split())[:MAX_WORDS]


class Widget(anywidget.AnyWidget):
    """A widget that answers images from the page, maybe in another thread than the cells'."""

    _css = static("live.css")
    _picture_kind = "PNG"
    saving = traitlets.Bool(False, help="whether the page shows the line that saves").tag(sync=True)

    def __init__(self, model: torch.nn.Module | None, save_to: str | Path | None, **traits):
        self._lock = threading.RLock()  # for whoever touches the state
        self.model = load_guard() if model is None else model
        self.save_to = None if save_to is None else Path(save_to)
        super().__init__(saving=save_to is not None, **traits)
        self.on_msg(self._receive)

    def __repr__(self) -> str:  # the same on every run, wherever a stored notebook shows the text
        return f"{type(self).__name__}()"

    def _receive(self, _, content: Any, buffers: list[memoryview]) -> None:
        """Save an image with its label, and tell the page what became of it."""
        if not isinstance(content, dict) or "save" not in content:
            return
        try:
            if self.save_to is None:
                raise RecordError("nothing can be saved here: make the widget with save_to=FOLDER")
            image = decode(buffers[0], self._picture_kind).convert("RGB")
            self.send({"saved": f"Saved as {record(image, content['save'], self.save_to)}."})
            self._was_saved()
        except Exception as error:
            self.send({"not_saved": explain(error)})

    def _was_saved(self) -> None:
        """Do what is to be done once an image is saved."""

    def _read_digit(self, image: np.ndarray) -> Prediction | None:
        try:
            return predict_image(image, self.model)
        except NoDigitError:
            return None
