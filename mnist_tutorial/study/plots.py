"""Chapter 8's figures, like those of :mod:`mnist_tutorial.plots`: each function draws one."""

from __future__ import annotations

import math
from typing import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch

from ..plots import CAPTION_SIZE, DOTTED, draw_image, make_figure
from .calibration import Reliability
from .distortions import DISTORTIONS, Distortions

# Inches: the width of one column, and the height of the figure (of a row of falls).
CONFUSION_SIZE, RELIABILITY_SIZE, FALLS_SIZE = (5.6, 5.2), (3.3, 3.3), (3, 2.8)
SALIENCY_SIZE, EMBEDDING_SIZE = (1.6, 3.7), (4.2, 4)
LAYERS_WIDTH, STRIP_WIDTH, STRIP_GAP, LAYERS_TITLE = 9, 8.2, 0.12, 0.4  # inches; gap is vertical
FALLS_COLUMNS, FALL_SHARE = 3, 3.4  # curves in a row; height of one, if that of its strip is 1
FULL_STRIP = 10  # maps, the least room in a row; a gap is a tenth of a map
COUNTS = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": 9}  # along the bars
DOTS, CROSSES = {"s": 4, "alpha": 0.5}, {"s": 30, "marker": "x", "color": "black", "linewidths": 1}
DIGIT_TEXT = {"fontsize": 11, "weight": "bold", "ha": "center", "va": "center"}
BADGE = {"boxstyle": "circle,pad=0.1", "facecolor": "white", "alpha": 0.8}  # around a digit


def show_confusion(matrix: np.ndarray, title: str = "") -> None:
    """Draw a confusion matrix, int (classes, classes), in which only errors are coloured."""
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    _, [[axis]] = make_figure(CONFUSION_SIZE)
    axis.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(1.5 * wrong.max(), 1))  # never too dark
    for (label, answer), count in np.ndenumerate(matrix):
        if count:
            colour = "0.6" if label == answer else "0"
            axis.text(answer, label, count, ha="center", va="center", color=colour)
    digits = range(len(matrix))
    axis.set(xticks=digits, yticks=digits, xlabel="answer", ylabel="label", title=title)
    plt.show()


def show_reliability(measured: dict[str, Reliability]) -> None:
    """Draw a reliability diagram under each title: bars of accuracy, points of mean confidence."""
    _, axes = make_figure(RELIABILITY_SIZE, columns=len(measured), sharey=True)
    for axis, (title, (count, confidence, accuracy)) in zip(axes.flat, measured.items()):
        edges, width = np.linspace(0, 1, len(count), endpoint=False, retstep=True)
        axis.bar(edges, np.nan_to_num(accuracy), width, align="edge", edgecolor="white",
                 label="accuracy")
        axis.plot(confidence, confidence, "o-", color="C1", label="confidence")
        for x, height, number in zip(edges + width / 2, accuracy, count):
            if number:  # written on its bar, because a bar over few answers is mostly noise
                colour = "white" if height > 0.2 else "black"
                axis.text(x, 0.02, f"{number:,}", color=colour, **COUNTS)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", title=title)
    axes.flat[0].set_ylabel("share of right answers")
    axes.flat[0].legend(loc="upper left")
    plt.show()


def show_layers(layers: dict[str, np.ndarray], title: str = "", signed: bool = False) -> None:
    """Draw maps, an array (maps, height, width) for each layer, in one row beside its label.

    White is the row's largest value and black zero; if `signed`, from red to blue, white is zero.
    """
    strips = {name: _strip(maps, least=FULL_STRIP) for name, maps in layers.items()}
    ratios = [len(strip) / strip.shape[1] for strip in strips.values()]
    height = STRIP_WIDTH * sum(ratios) + STRIP_GAP * len(ratios) + LAYERS_TITLE * bool(title)
    _, axes = make_figure((LAYERS_WIDTH, height), len(strips), title=title, height_ratios=ratios)
    for axis, (name, strip) in zip(axes.flat, strips.items()):
        largest = np.nanmax(np.abs(strip))
        axis.imshow(strip, cmap="RdBu_r" if signed else "gray", vmin=-largest if signed else 0,
                    vmax=largest, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    plt.show()


def show_saliency(pictures: Sequence[np.ndarray | torch.Tensor], maps: Sequence[np.ndarray],
                  titles: Sequence[str], title: str = "") -> None:
    """Draw images, uint8 (28, 28), and below each its saliency, with the ink's outline in it."""
    _, axes = make_figure(SALIENCY_SIZE, rows=2, columns=len(pictures), title=title)
    for (above, below), picture, heat, text in zip(axes.T, pictures, maps, titles):
        largest = np.abs(heat).max()
        draw_image(above, picture, interpolation="nearest")
        draw_image(below, heat, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        below.contour(np.asarray(picture), [128], colors="black", linewidths=1)
        above.set_title(text, fontsize=CAPTION_SIZE)
    plt.show()


def show_embedding(maps: dict[str, np.ndarray], labels: np.ndarray | torch.Tensor,
                   wrong: np.ndarray | torch.Tensor, title: str = "") -> None:
    """Draw maps of points, float (N, 2), coloured by label, with crosses on the wrong ones."""
    labels, wrong = np.asarray(labels), np.asarray(wrong)
    _, axes = make_figure(EMBEDDING_SIZE, columns=len(maps), title=title)
    for axis, (name, points) in zip(axes.flat, maps.items()):
        for digit in np.unique(labels):
            mine, colour = points[labels == digit], f"C{digit}"
            axis.scatter(*mine.T, color=colour, **DOTS)
            badge = {**BADGE, "edgecolor": colour}
            axis.text(*np.median(mine, axis=0), digit, bbox=badge, **DIGIT_TEXT)
        axis.scatter(*points[wrong].T, label="answered wrongly", **CROSSES)
        axis.set(xticks=[], yticks=[], title=name)
    axes.flat[0].legend(loc="upper left")
    plt.show()


def show_robustness(measured: dict[str, dict[str, np.ndarray]],
                    example: np.ndarray | torch.Tensor, title: str = "",
                    distortions: Distortions = DISTORTIONS) -> None:
    """Draw networks' :func:`mnist_tutorial.study.robustness`, above a uint8 example (28, 28)."""
    names = list(next(iter(measured.values())))
    columns = min(FALLS_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    size, ratios = (FALLS_SIZE[0], FALLS_SIZE[1] * rows), [FALL_SHARE, 1] * rows
    _, axes = make_figure(size, 2 * rows, columns, title=title, height_ratios=ratios)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        above, below = axes[2 * row, column], axes[2 * row + 1, column]
        change, strengths = distortions[name]
        for network, results in measured.items():
            above.plot(strengths, 100 * results[name], label=network, **DOTTED)
        half = (strengths[1] - strengths[0]) / 2  # of a strength's share of the axis
        limits = strengths[0] - half, strengths[-1] + half
        above.set(xlim=limits, ylim=(0, 103), xticks=strengths)
        above.set_axis_on()
        above.set_title(name, fontsize=CAPTION_SIZE)
        above.tick_params(labelsize=8, labelleft=column == 0)
        above.grid(color="0.9")
        strip = _strip([change(example[None], strength)[0] for strength in strengths])
        below.imshow(strip, cmap="gray", aspect="auto", interpolation="nearest")
    axes[0, 0].legend(fontsize=9, loc="lower center")
    plt.show()


def _strip(maps, least: int = 1) -> np.ndarray:
    """Put maps (N, H, W) in a row; the gaps, and all that is missing to `least` maps, are NaN."""
    maps = np.stack([np.asarray(one, dtype=float) for one in maps])
    gap = max(1, maps.shape[2] // FULL_STRIP)
    missing = max(0, least - len(maps))
    padded = np.pad(maps, ((0, missing), (0, 0), (0, gap)), constant_values=np.nan)
    return np.concatenate(padded, axis=1)[:, :-gap]
