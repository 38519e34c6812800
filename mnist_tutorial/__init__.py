"""Read handwritten digits: the package behind the notebooks.

    >>> from mnist_tutorial import predict_image
    >>> predict_image("img/7.png").digit
    7
"""

from .checkpoint import load_pretrained
from .data import load_mnist, mnist_loaders
from .device import pick_device
from .model import Net
from .pages import read_digits
from .predict import predict_image
from .preprocess import naive_resize, prepare
from .recipes import RECIPES, train_net
from .training import evaluate, fit, train_one_epoch

__version__ = "0.1.0"

__all__ = ["Net", "RECIPES", "evaluate", "fit", "load_mnist", "load_pretrained", "mnist_loaders", "naive_resize",
           "pick_device", "predict_image", "prepare", "read_digits", "train_net",
           "train_one_epoch"]
