"""The course's figures: each function draws one with matplotlib and returns None."""

import math
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch

from .training import Epoch

STYLE = Path(__file__).with_name("course.mplstyle")  # for `plt.style.use`: light pages and dark
DPI = 72  # of figures that are mostly photos, whose grain makes stored notebooks large
CURVES_SIZE, TIMES_WIDTH, BAR_HEIGHT = (6.4, 3.8), 8, 0.45  # inches
CAPTION_HEIGHT, TITLE_HEIGHT = 0.25, 0.35  # inches above each image, above the figure
CAPTION_SIZE = 10  # points
DASHED, FAINT = {"linestyle": "--", "alpha": 0.6}, {"alpha": 0.3}  # a line; a grid behind it
LIGHT = 0.4  # opacity of a bar that is no result
DOTTED = {"marker": "o", "markersize": 4}  # a line with a small dot for each value


def make_figure(size: tuple[float, float], rows: int = 1, columns: int = 1, *,
                title: str | None = None, **options) -> Any:
    """Return a figure and its axes (rows, columns); `size` is a column's width, and the height."""
    options = {"dpi": DPI, "squeeze": False, "layout": "constrained", **options}
    figure, axes = plt.subplots(rows, columns, figsize=(size[0] * columns, size[1]), **options)
    if title is not None:
        figure.suptitle(plain(title))
    return figure, axes


def plain(text) -> str:
    """Return a text that matplotlib takes for no formula, whatever names are in it."""
    return str(text).replace("$", r"\$")


def draw_image(axis, image: np.ndarray | torch.Tensor, **options) -> None:
    """Draw a grey image (H, W), from 0 black to 255 white, without a frame."""
    axis.imshow(np.asarray(image), **{"cmap": "gray", "vmin": 0, "vmax": 255, **options})
    axis.set_axis_off()


def show_pictures(pictures: Sequence[np.ndarray | torch.Tensor], titles: Sequence = (), *,
                  columns: int = 4, title: str = "", size: float = 1.6) -> None:
    """Draw images (H, W) in a grid, as the network sees them: 0 is black, 255 white.

    Each is `size` inches wide, with one of the `titles` above it; `title` is above all.
    """
    rows = math.ceil(len(pictures) / columns)
    tallest = max(len(picture) / len(picture[0]) for picture in pictures)
    height = rows * (size * tallest + CAPTION_HEIGHT * bool(len(titles)))
    _, axes = make_figure((size, height + TITLE_HEIGHT * bool(title)), rows, columns, title=title)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, picture in zip(axes.flat, pictures):
        draw_image(axis, picture)
    for axis, text in zip(axes.flat, titles):
        axis.set_title(plain(text), fontsize=CAPTION_SIZE)
    plt.show()


def show_grid(dataset, rows: int = 3, columns: int = 4) -> None:
    """Draw the first images of MNIST, or a dataset like torchvision's FashionMNIST, with labels."""
    count, title = rows * columns, getattr(dataset, "name", type(dataset).__name__)
    names = None if hasattr(dataset, "name") else getattr(dataset, "classes", None)
    labels = [names[label] if names else f"label {label}" for label in dataset.targets[:count]]
    show_pictures(dataset.data[:count], labels, columns=columns, title=title)


def show_curves(histories: dict[str, Sequence[Epoch]], title: str = "") -> None:
    """Draw the accuracy in each label's history, as :func:`mnist_tutorial.fit` returned it.

    Training is dashed. The scale begins at the second epoch: the first would squeeze the others.
    """
    _, [[axis]] = make_figure(CURVES_SIZE, dpi=None)
    _draw_curves(axis, histories)
    axis.set_title(plain(title))
    plt.show()


def _draw_curves(axis, histories: dict[str, Sequence[Epoch]]) -> None:
    for number, (name, history) in enumerate(histories.items()):
        label = plain(name)
        epochs = [epoch.epoch for epoch in history]
        training = [100 * epoch.train_accuracy for epoch in history]
        validation = [100 * epoch.validation_accuracy for epoch in history]
        axis.plot(epochs, training, color=f"C{number}", label=f"{label}: training", **DASHED)
        axis.plot(epochs, validation, color=f"C{number}", label=f"{label}: validation", **DOTTED)
    lowest = np.nanmin([[epoch.train_accuracy, epoch.validation_accuracy]
                        for history in histories.values() for epoch in history[1:] or history])
    axis.set(xlabel="epoch", ylabel="accuracy in %", ylim=(100 * lowest - 0.5, None))
    axis.locator_params(axis="x", integer=True)
    axis.grid(**FAINT)
    axis.legend()


class LiveCurves:
    """Draw a training run's accuracies while it goes on, with the time left above.

    Tell it each epoch's results with :meth:`add`; `history` holds them. Where there is no notebook
    to draw in, it prints a line for each epoch.
    """

    def __init__(self, epochs: int, name: str = "net"):
        self.epochs, self.name, self.history = epochs, name, []
        self._shown, self._since = None, time.perf_counter()
        self._show()

    def add(self, training: tuple[float, float], validation: tuple[float, float]) -> None:
        """Note an epoch's loss and accuracy in training and validation, and draw the curves."""
        now = time.perf_counter()
        number = len(self.history) + 1
        self.history.append(Epoch(number, *training, *validation, seconds=now - self._since))
        self._since = now
        self._show()

    def _line(self) -> str:
        done, spent = len(self.history), sum(epoch.seconds for epoch in self.history)
        left = timedelta(seconds=round(spent / max(done, 1) * (self.epochs - done)))
        if done == self.epochs:
            return f"{done} epochs in {timedelta(seconds=round(spent))}"
        return f"epoch {done + 1} of {self.epochs}" + (f", {left} left" if done else "")

    def _show(self) -> None:
        from IPython import display, get_ipython  # only notebooks need it

        if getattr(get_ipython(), "kernel", None) is None:
            print(self._line())
            return
        figure, [[axis]] = make_figure(CURVES_SIZE, dpi=None)
        plt.close(figure)  # or it would be shown once more at the cell's end
        if self.history:
            _draw_curves(axis, {self.name: self.history})
        axis.set(title=self._line(), xlim=(1 / 2, self.epochs + 1 / 2))
        if self._shown is None:
            self._shown = display.display(figure, display_id=True)
        else:
            self._shown.update(figure)


def show_times(seconds: dict[str, float], title: str = "", notes: dict[str, str] | None = None,
               faint: Sequence[str] = ()) -> None:
    """Draw times (labels to seconds above 0) as bars on a logarithmic scale, the first on top.

    Each label's note is set before its time; the bars of the labels in `faint` are light.
    """
    times = list(seconds.values())
    _, [[axis]] = make_figure((TIMES_WIDTH, BAR_HEIGHT * len(times) + 1), dpi=None)
    bars = axis.barh(list(map(plain, seconds)), times)
    for bar, name in zip(bars, seconds):
        bar.set_alpha(LIGHT if name in faint else 1)
    texts = [f"{value:,.0f} s" if value >= 10 else f"{value:.2g} s" for value in times]
    texts = [f"{(notes or {}).get(name, '')} {text}" for name, text in zip(seconds, texts)]
    axis.bar_label(bars, list(map(plain, texts)), padding=3)
    limits = min(times) / 3, max(times) * (100 if notes else 4)  # room for the texts
    axis.set(xscale="log", xlabel="seconds", title=plain(title), xlim=limits)
    axis.invert_yaxis()
    axis.grid(axis="x", **FAINT)
    axis.set_axisbelow(True)
    plt.show()
