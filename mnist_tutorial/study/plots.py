"""Chapter 8's figures, like those of :mod:`mnist_tutorial.plots`: each function draws one."""

import math
from typing import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch

from ..plots import CAPTION_SIZE, DOTTED, FAINT, draw_image, make_figure, plain
from .calibration import Reliability
from .diagrams import caption, signed_colours
from .distortions import DISTORTIONS, Distortions

# Inches: the width of one column, and the height of the figure (of a row of falls).
CONFUSION_SIZE, RELIABILITY_SIZE, FALLS_SIZE = (6, 5.6), (2.6, 4), (2.7, 2.8)
SALIENCY_SIZE, EMBEDDING_SIZE = (1.9, 4.2), (4, 4.2)
LAYERS_WIDTH, STRIP_WIDTH, STRIP_GAP, LAYERS_TITLE = 8, 6.8, 0.12, 0.4  # inches; gap is vertical
FALLS_COLUMNS, FALL_SHARE = 3, 3.4  # curves in a row; height of one, if that of its strip is 1
FULL_STRIP = 10  # maps in a row; a gap is a tenth of a map
RELIABILITY_SHARES, BAR_SHARE = [3, 1], 0.9  # heights of accuracies and answers; of a bin
RELIABILITY_TICKS = 0.2, 0.5, 0.8
DOTS, CROSSES = {"s": 6, "alpha": 0.6}, {"s": 40, "marker": "x", "linewidths": 1.4}
DIGIT_COLOURS = "tab10"  # colours: a style's own need not be ten
DIGIT_TEXT = {"fontsize": 11, "weight": "bold", "ha": "center", "va": "center", "color": "black"}
BADGE = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "linewidth": 2}  # around a digit
BADGE_ROOM, PUSHES = 0.1, 200  # least distance of badges, a share of the map; steps to get there


def show_confusion(matrix: np.ndarray, title: str = "") -> None:
    """Draw a confusion matrix, int (classes, classes), in which only errors are coloured."""
    wrong = np.ma.masked_equal(matrix * ~np.eye(len(matrix), dtype=bool), 0)  # clear, not white
    most = max(wrong.max(), 1) if wrong.count() else 1
    _, [[axis]] = make_figure(CONFUSION_SIZE, dpi=None)
    axis.imshow(wrong, cmap="Oranges", vmin=-most / 2, vmax=2 * most)  # neither pale nor too dark
    for (label, answer), count in np.ndenumerate(matrix):
        if count:
            style = {"weight": "bold"} if label == answer else {"color": "black"}
            axis.text(answer, label, count, ha="center", va="center", **style)
    digits = range(len(matrix))
    axis.set(xticks=digits, yticks=digits, xlabel="answer", ylabel="label", title=title)
    plt.show()


def show_reliability(measured: dict[str, Reliability]) -> None:
    """Draw a reliability diagram under each title: bars of accuracy, points of mean confidence.

    Below is how many answers each bar is made of: one over few answers is mostly noise.
    """
    _, axes = make_figure(RELIABILITY_SIZE, 2, len(measured), dpi=None, sharex=True,
                          sharey="row", height_ratios=RELIABILITY_SHARES)
    for (above, below), (title, (count, confidence, accuracy)) in zip(axes.T, measured.items()):
        edges, width = np.linspace(0, 1, len(count), endpoint=False, retstep=True)
        bars = {"width": BAR_SHARE * width, "align": "edge"}
        above.bar(edges, np.nan_to_num(accuracy), label="accuracy", **bars)
        above.plot(confidence, confidence, color="C1", label="confidence", **DOTTED)
        above.set(xlim=(0, 1.02), ylim=(0, 1.02))
        above.set_title(plain(title), fontsize=CAPTION_SIZE)
        below.bar(edges, count, color="C2", **bars)
        below.set(yscale="log", xlabel="confidence", xticks=RELIABILITY_TICKS)
    axes[0, 0].set_ylabel("share of right answers")
    axes[1, 0].set_ylabel("answers")
    axes[0, 0].legend(loc="upper left", fontsize=CAPTION_SIZE)
    plt.show()


def show_layers(layers: dict[str, np.ndarray], title: str = "", signed: bool = False,
                columns: int = FULL_STRIP) -> None:
    """Draw maps, an array (maps, height, width) for each layer, in rows beside its label.

    White is the layer's largest value and black zero; if `signed`, from red to blue, white is zero.
    """
    strips = {name: _strips(maps, columns) for name, maps in layers.items()}
    ratios = [len(strip) / strip.shape[1] for strip in strips.values()]
    height = STRIP_WIDTH * sum(ratios) + STRIP_GAP * len(ratios) + LAYERS_TITLE * bool(title)
    _, axes = make_figure((LAYERS_WIDTH, height), len(strips), title=title, height_ratios=ratios)
    for axis, (name, strip) in zip(axes.flat, strips.items()):
        colours = signed_colours(strip) | ({} if signed else {"cmap": "gray", "vmin": 0})
        axis.imshow(strip, interpolation="nearest", **colours)
        caption(axis)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    plt.show()


def show_saliency(pictures: Sequence[np.ndarray | torch.Tensor], maps: Sequence[np.ndarray],
                  titles: Sequence[str], title: str = "") -> None:
    """Draw images, uint8 (28, 28), and below each its saliency, with the ink's outline in it."""
    _, axes = make_figure(SALIENCY_SIZE, rows=2, columns=len(pictures), title=title)
    for (above, below), picture, heat, text in zip(axes.T, pictures, maps, titles):
        draw_image(above, picture, interpolation="nearest")
        draw_image(below, heat, interpolation="nearest", **signed_colours(heat))
        below.contour(np.asarray(picture), [128], colors="black", linewidths=1)
        above.set_title(text, fontsize=CAPTION_SIZE)
    plt.show()


def show_embedding(maps: dict[str, np.ndarray], labels: np.ndarray | torch.Tensor,
                   wrong: np.ndarray | torch.Tensor, title: str = "") -> None:
    """Draw maps of points, float (N, 2), coloured by label, with crosses on the wrong ones."""
    labels, wrong = np.asarray(labels), np.asarray(wrong)
    digits, colours = np.unique(labels), plt.get_cmap(DIGIT_COLOURS)
    _, axes = make_figure(EMBEDDING_SIZE, columns=len(maps), title=title)
    for axis, (name, points) in zip(axes.flat, maps.items()):
        for digit in digits:
            axis.scatter(*points[labels == digit].T, color=colours(digit), **DOTS)
        crosses = {**CROSSES, "color": plt.rcParams["text.color"], "label": "answered wrongly"}
        axis.scatter(*points[wrong].T, **crosses)
        middles = np.stack([np.median(points[labels == digit], axis=0) for digit in digits])
        for digit, place in zip(digits, _apart(middles, BADGE_ROOM * np.ptp(points, axis=0))):
            axis.text(*place, digit, bbox={**BADGE, "edgecolor": colours(digit)}, **DIGIT_TEXT)
        axis.set(xticks=[], yticks=[], title=name)
    axes.flat[0].legend(loc="upper left", fontsize=CAPTION_SIZE)
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
    for above, below, name in zip(axes[::2].flat, axes[1::2].flat, names):
        change, strengths = distortions[name]
        for network, results in measured.items():
            above.plot(strengths, 100 * results[name], label=network, **DOTTED)
        half = (strengths[1] - strengths[0]) / 2  # of a strength's share of the axis
        limits = strengths[0] - half, strengths[-1] + half
        above.set(xlim=limits, ylim=(0, 103), xticks=strengths)
        above.set_axis_on()
        above.set_title(name, fontsize=CAPTION_SIZE)
        above.tick_params(labelsize=CAPTION_SIZE, labelleft=above in axes[:, 0])
        above.grid(**FAINT)
        seen = [change(example[None], strength)[0] for strength in strengths]
        below.imshow(_strips(seen, len(seen)), cmap="gray", aspect="auto", interpolation="nearest")
    axes[0, 0].legend(fontsize=CAPTION_SIZE, loc="lower center")
    plt.show()


def _apart(places: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Push places, float (N, 2), from each other until there is `room`, float (2,), between all."""
    places = places / room
    for _ in range(PUSHES):
        gaps = places[:, None] - places
        distances = np.linalg.norm(gaps, axis=2, keepdims=True)
        pushes = np.clip(1 - distances, 0, None) / np.where(distances, distances, 1)
        places = places + (pushes * gaps).sum(axis=1) / 2
    return places * room


def _strips(maps, columns: int) -> np.ndarray:
    """Put maps (N, H, W) into rows; the gaps, and what is missing in the last row, are NaN."""
    maps = np.stack([np.asarray(one, dtype=float) for one in maps])
    gap, missing = max(1, maps.shape[2] // FULL_STRIP), -len(maps) % columns
    padded = np.pad(maps, ((0, missing), (0, gap), (0, gap)), constant_values=np.nan)
    rows = [np.concatenate(row, axis=1) for row in padded.reshape(-1, columns, *padded.shape[1:])]
    return np.concatenate(rows)[:-gap, :-gap]
