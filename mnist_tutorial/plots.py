"""The course's pictures: each function draws one figure with matplotlib and returns None."""

from __future__ import annotations

from typing import Sequence

import matplotlib.pyplot as plt
import numpy as np

from .images import ImageSource, load_reduced
from .pages import Page
from .predict import Prediction
from .preprocess import SIZE, steps
from .training import Epoch

DPI = 72  # of figures that are mostly photos, whose grain makes stored notebooks large


def show_pictures(pictures, titles: Sequence[str] = (), *, columns: int = 4, title: str = "",
                  size: float = 1.6) -> None:
    """Draw pictures in a grid, as the network sees them: 0 is black.

    Parameters
    ----------
    pictures : sequence of arrays or tensors (H, W)
    titles : sequence of str
        One above each picture.
    columns : int
    title : str
        Above the whole.
    size : float
        Width of each picture in inches.
    """
    rows = -(-len(pictures) // columns)
    tallest = max(len(picture) / len(picture[0]) for picture in pictures)
    height = rows * (size * tallest + 0.25 * bool(len(titles))) + 0.35 * bool(title)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, height), dpi=DPI, squeeze=False,
                                layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, picture in zip(axes.flat, pictures):
        axis.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=255)
    for axis, text in zip(axes.flat, titles):
        axis.set_title(text, fontsize=10)
    figure.suptitle(title)
    plt.show()


def show_grid(dataset, rows: int = 3, columns: int = 4) -> None:
    """Draw the first digits of a dataset with their labels.

    Parameters
    ----------
    dataset : MNIST
        From :func:`mnist_tutorial.load_mnist`; its name stands above the figure.
    """
    count = rows * columns
    show_pictures(dataset.data[:count], [f"label {label}" for label in dataset.targets[:count]],
                  columns=columns, title=dataset.name)


def show_curves(histories: dict[str, Sequence[Epoch]], title: str = "") -> None:
    """Draw the accuracy of each epoch, training dashed and validation solid.

    The scale begins where the second epoch stands: the first would squeeze all the others.

    Parameters
    ----------
    histories : dict
        A label to what :func:`mnist_tutorial.fit` returned.
    title : str
        Say here what the networks were trained on.
    """
    _, axis = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for number, (label, history) in enumerate(histories.items()):
        epochs = [epoch.epoch for epoch in history]
        colour = f"C{number}"
        axis.plot(epochs, [100 * epoch.train_accuracy for epoch in history], "--", color=colour, alpha=0.6,
                  label=f"{label}: training")
        axis.plot(epochs, [100 * epoch.validation_accuracy for epoch in history], "o-", color=colour, markersize=4,
                  label=f"{label}: validation")
    lowest = np.nanmin([[epoch.train_accuracy, epoch.validation_accuracy]
                        for history in histories.values() for epoch in history[1:] or history])
    axis.set(xlabel="epoch", ylabel="accuracy in %", title=title, ylim=(100 * lowest - 0.5, None))
    axis.grid(alpha=0.3)
    axis.legend()
    plt.show()


def show_prediction(source: ImageSource, prediction: Prediction) -> None:
    """Draw the picture, what the network saw of it, and the ten probabilities, side by side.

    Parameters
    ----------
    source : path, PIL image, or array
        What `prediction` was made from.
    prediction : Prediction
        From :func:`mnist_tutorial.predict_image`.
    """
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.2), dpi=DPI, layout="constrained",
                                                 width_ratios=(1, 1, 1.3))
    _draw_photo(left, source)
    x, y, width, height = prediction.box
    left.add_patch(plt.Rectangle((x, y), width, height, fill=False, edgecolor="C1", linewidth=2))
    left.set_title("the picture")
    middle.imshow(prediction.picture, cmap="gray", vmin=0, vmax=255)
    middle.set_title(f"what the network sees ({SIZE}x{SIZE})")
    middle.set_axis_off()
    _draw_bars(right, prediction)
    figure.suptitle(f"Answer: {prediction} ({prediction.model})")
    plt.show()


def show_steps(source: ImageSource) -> None:
    """Draw the whole way from the picture to what the network sees, see :func:`mnist_tutorial.preprocess.steps`.

    Parameters
    ----------
    source : path, PIL image, or array
        A picture of one digit.
    """
    made = steps(source)
    show_pictures(list(made.values()), list(made), columns=len(made))


def show_page(source: ImageSource, page: Page) -> None:
    """Draw the picture with a box around each digit and what it was read as.

    Parameters
    ----------
    source : path, PIL image, or array
        What `page` was made from.
    page : Page
        From :func:`mnist_tutorial.read_digits`.
    """
    figure, axis = plt.subplots(figsize=(5, 3.9), dpi=DPI, layout="constrained")
    _draw_photo(axis, source)
    for digit in page.digits:
        x, y, width, height = digit.box
        axis.add_patch(plt.Rectangle((x, y), width, height, fill=False, edgecolor="C1"))
        axis.annotate(f"{digit.digit}", (x + width / 2, y), ha="center", va="bottom", color="C1", fontsize=10)
    model = page.digits[0].model if page.digits else "no digit found"
    figure.suptitle(f"Read as {page.text or 'nothing'} ({model})")
    plt.show()


def _draw_photo(axis, source: ImageSource) -> None:
    """Draw a picture in the coordinates of its own pixels, however far it was reduced."""
    grey, scale = load_reduced(source)
    axis.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, grey.shape[1] * scale, grey.shape[0] * scale, 0))
    axis.set_axis_off()


def _draw_bars(axis, prediction: Prediction) -> None:
    """Draw the ten probabilities, the winner in another colour."""
    colours = np.where(np.arange(10) == prediction.digit, "C1", "C0")
    axis.bar(range(10), prediction.probabilities, color=colours)
    axis.set(xticks=range(10), ylim=(0, 1), xlabel="digit", title="probability")


def show_times(seconds: dict[str, float], title: str = "") -> None:
    """Draw times as bars on a logarithmic scale, the first on top, each with its figure.

    Parameters
    ----------
    seconds : dict
        A label to seconds, above 0.
    title : str
    """
    _, axis = plt.subplots(figsize=(7, 0.45 * len(seconds) + 1), dpi=DPI, layout="constrained")
    bars = axis.barh(list(seconds), list(seconds.values()))
    axis.bar_label(bars, [f"{value:,.3g} s" for value in seconds.values()], padding=3)
    axis.set(xscale="log", xlabel="seconds", title=title, xlim=(min(seconds.values()) / 3, 4 * max(seconds.values())))
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    plt.show()
