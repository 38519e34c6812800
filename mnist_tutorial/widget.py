"""What the drawing pad and the browser's camera share: their scripts, safe decoding, and saving with a label."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from PIL import Image

from .checkpoint import load_pretrained
from .images import ImageError
from .predict import Prediction
from .record import RecordError, record

STATIC = Path(__file__).parent / "static"
LONGEST = 4096  # pixels of a side that are accepted from the page


def static(*names: str) -> str:
    """Join the texts of files in `static`: what runs in the page comes with the package, not from the network."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def decode(data: Any, kind: str) -> Image.Image:
    """Decode a picture that came from the page; raise ImageError on anything else.

    Parameters
    ----------
    data : bytes or memoryview
    kind : {'PNG', 'JPEG'}
        No other format is tried.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=[kind])
        if max(image.size) > LONGEST:
            raise ValueError("large pictures take long to decode")
        image.load()
    except Exception as error:  # on damaged files Pillow's decoders raise a dozen different types
        raise ImageError(f"expected a {kind} picture of at most {LONGEST} pixels a side from the page, "
                         "got something else") from error
    return image


def words(prediction: Prediction | None) -> str:
    """Say a prediction as its text does, or "no digit"."""
    return "no digit" if prediction is None else str(prediction)


def explain(error: Exception) -> str:
    """Say an error in one line: our own by their message alone, others with their type."""
    return str(error) if isinstance(error, (ImageError, RecordError)) else f"{type(error).__name__}: {error}"


class Widget(anywidget.AnyWidget):
    """A widget that answers pictures from the page.

    Jupyter may call it in another thread than the one that runs the cells: what touches its state holds `_lock`.
    """

    _css = static("live.css")
    _picture_kind = "PNG"
    saving = traitlets.Bool(False, help="whether the page shows the line that saves").tag(sync=True)

    def __init__(self, model: torch.nn.Module | None = None, save_to: str | Path | None = None, **traits):
        self._lock = threading.RLock()
        self.model = load_pretrained() if model is None else model
        self.save_to = None if save_to is None else Path(save_to)
        super().__init__(saving=save_to is not None, **traits)
        self.on_msg(self._receive)

    def __repr__(self) -> str:  # the same on every run, also where a stored notebook shows it instead of the widget
        return f"{type(self).__name__}()"

    def _receive(self, _, content: Any, buffers: list) -> None:
        """Save a picture with its label, and tell the page what became of it."""
        if not isinstance(content, dict) or "save" not in content:
            return
        try:
            if self.save_to is None:
                raise RecordError("nothing can be saved here: make the widget with save_to=FOLDER")
            path = record(decode(buffers[0], self._picture_kind).convert("RGB"), content["save"], self.save_to)
            self.send({"saved": f"Saved as {path}."})
        except Exception as error:
            self.send({"not_saved": explain(error)})
