"""Figures of the answers to an image, and of the stages on the way to them."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from ..plots import CAPTION_SIZE, draw_image, make_figure, plain, show_pictures
from ..preprocess import SIZE
from .find import steps
from .images import ImageSource, load_reduced
from .pages import Page
from .predict import Prediction

PANEL_SIZE, PAGE_SIZE, PANEL_WIDTHS = (3, 3.2), (3.9, 3.1), (1, 1, 1.3)  # inches; ratios


def show_prediction(source: ImageSource, prediction: Prediction) -> None:
    """Draw an image, what :func:`mnist_tutorial.predict_image` saw of it, and what it answered."""
    _, [[left, middle, right]] = make_figure(
        PANEL_SIZE, columns=3, width_ratios=PANEL_WIDTHS,
        title=f"Answer: {prediction} ({prediction.model})")
    _draw_photo(left, source, [prediction], linewidth=2)
    left.set_title("the picture")
    draw_image(middle, prediction.picture)
    middle.set_title(f"what the network sees ({SIZE}x{SIZE})")
    digits = np.arange(len(prediction.probabilities))
    right.bar(digits, prediction.probabilities)[prediction.digit].set_color("C1")
    right.set(xticks=digits, ylim=(0, 1), xlabel="digit", title="probability")
    plt.show()


def show_steps(source: ImageSource) -> None:
    """Draw the stages from an image of one digit to the network's input, see :func:`steps`."""
    made = steps(source)
    show_pictures(list(made.values()), list(made), columns=len(made))


def show_page(source: ImageSource, page: Page, ax: Any = None) -> None:
    """Draw an image with a box around each digit, dashed around each doubt, and the answers above.

    The page is what :func:`mnist_tutorial.read_digits` made of it. Without `ax`, the axes of a
    figure of one's own, a new figure is made and shown.
    """
    model = page.digits[0].model if page.digits else "no digit found"
    title = f"Read as {page.text or 'nothing'} ({model})"
    axis = make_figure(PAGE_SIZE, title=title)[1][0, 0] if ax is None else ax
    if ax is not None:
        ax.set_title(plain(title))
    _draw_photo(axis, source, page.digits, page.doubts)
    marks = [(f"{each.digit}" if each.sure else f"{each.digit}?", each.box) for each in page.digits]
    for text, (x, y, width, _) in [*marks, *(("?", doubt.box) for doubt in page.doubts)]:
        axis.annotate(text, (x + width / 2, y), ha="center", va="bottom",
                      color="C3" if "?" in text else "C1", fontsize=CAPTION_SIZE)
    if ax is None:
        plt.show()


def _draw_photo(axis, source: ImageSource, digits: list[Prediction], doubts=(), **options) -> None:
    """Draw an image in the coordinates of its own pixels, and a box around each digit and doubt."""
    grey, scale = load_reduced(source)
    draw_image(axis, grey, extent=(0, grey.shape[1] * scale, grey.shape[0] * scale, 0))
    boxes = [(each.box, "C1" if each.sure else "C3", "-") for each in digits]
    for (left, top, *size), colour, line in boxes + [(each.box, "C3", "--") for each in doubts]:
        axis.add_patch(plt.Rectangle((left, top), *size, fill=False, edgecolor=colour,
                                     linestyle=line, **options))
