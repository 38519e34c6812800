"""Read handwritten digits: the package behind the notebooks.

    >>> from mnist_tutorial import predict_image
    >>> predict_image("img/7.png").digit
    7

What everybody needs is at the top: `model`, `data`, `training` and what they use. Behind it
are the rooms: `reading` (from any picture to digits), `live` (cameras and widgets), `recipes`
(train better and faster), `study` (what a network gets wrong, and why) and `exercises` (checks of
the learner's answers).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:  # for editors and type checkers: the same names, see HOME
    from .checkpoint import load_pretrained, save_weights
    from .data import load_mnist, mnist_loaders
    from .device import pick_device
    from .live.pad import DrawingPad
    from .live.page import save_page
    from .model import Net
    from .reading.find import naive_resize, prepare
    from .reading.pages import read_digits
    from .reading.plots import show_steps
    from .reading.predict import predict_image
    from .recipes.train import RECIPES, train_net
    from .strokes import draw_digit
    from .training import evaluate, fit, probabilities, train_one_epoch

__version__ = "1.0.0rc1"

__all__ = ["DrawingPad", "Net", "RECIPES", "draw_digit", "evaluate", "fit", "load_mnist",
           "load_pretrained", "mnist_loaders", "naive_resize", "pick_device", "predict_image",
           "prepare", "probabilities", "read_digits", "save_page", "save_weights", "show_steps",
           "train_net", "train_one_epoch"]

# Each name is imported from its module when it is first asked for: to read a picture takes neither
# torchvision nor matplotlib, which would double the time of `import torch`.
HOME = {
    "checkpoint": ("load_pretrained", "save_weights"), "data": ("load_mnist", "mnist_loaders"),
    "device": ("pick_device",), "live.pad": ("DrawingPad",),
    "live.page": ("save_page",), "model": ("Net",),
    "reading.find": ("naive_resize", "prepare"), "reading.pages": ("read_digits",),
    "reading.plots": ("show_steps",), "reading.predict": ("predict_image",),
    "recipes.train": ("RECIPES", "train_net"), "strokes": ("draw_digit",),
    "training": ("evaluate", "fit", "probabilities", "train_one_epoch"),
}


def late(package: str, home: dict[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Make a package's `__getattr__`, which imports a name's module when it is first asked for."""
    def find(name: str) -> Any:
        for module, names in home.items():
            if name in names:
                return getattr(import_module(f".{module}", package), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return find


__getattr__ = late(__name__, HOME)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
