"""From any image to digits (chapter 4)."""

from .. import late
from ..checkpoint import load_guard
from ..errors import ImageError, NoDigitError
from .find import Prepared, naive_resize, prepare, steps
from .images import IMG, load_grey
from .ink import believe
from .pages import Page, read_digits
from .predict import Prediction, predict_image, predict_pictures

# These need matplotlib, which takes half a second to import: they come when they are asked for.
_FIGURES = ("show_page", "show_pictures", "show_prediction", "show_steps")
__all__ = ["IMG", "ImageError", "NoDigitError", "Page", "Prediction", "Prepared", "believe",
           "load_grey", "load_guard", "naive_resize", "predict_image", "predict_pictures",
           "prepare", "read_digits", *_FIGURES, "steps"]
__getattr__ = late(__name__, {"plots": _FIGURES})
__dir__ = __all__.copy  # what the Tab key offers
