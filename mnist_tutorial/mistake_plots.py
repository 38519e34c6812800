"""Chapter 8's pictures, like those of :mod:`mnist_tutorial.plots`: each draws one figure and returns None."""

from __future__ import annotations

from typing import Sequence

import matplotlib.pyplot as plt
import numpy as np

from .calibration import Reliability
from .distortions import DISTORTIONS, Robustness
from .plots import DPI


def show_confusion(matrix: np.ndarray, title: str = "") -> None:
    """Draw a confusion matrix; only what is wrong has colour.

    Parameters
    ----------
    matrix : int array (classes, classes)
        From :func:`mnist_tutorial.mistakes.confusion`.
    """
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    _, axis = plt.subplots(figsize=(5.6, 5.2), dpi=DPI, layout="constrained")
    axis.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(1.5 * wrong.max(), 1))
    for (label, answer), count in np.ndenumerate(matrix):
        if count:
            axis.text(answer, label, count, ha="center", va="center", color="0.6" if label == answer else "0")
    digits = range(len(matrix))
    axis.set(xticks=digits, yticks=digits, xlabel="answer", ylabel="label", title=title)
    plt.show()


def show_reliability(measured: dict[str, Reliability]) -> None:
    """Draw reliability diagrams side by side: bars of accuracy, and the line on which confidence would be true.

    Parameters
    ----------
    measured : dict
        A title to what :func:`mnist_tutorial.calibration.reliability` gave. In each bar stands how many
        answers it is made of, for what few answers say is mostly chance.
    """
    _, axes = plt.subplots(1, len(measured), figsize=(3.3 * len(measured), 3.3), dpi=DPI, sharey=True, squeeze=False,
                           layout="constrained")
    for axis, (title, (count, confidence, accuracy)) in zip(axes.flat, measured.items()):
        edges = np.linspace(0, 1, len(count) + 1)[:-1]
        axis.bar(edges, np.nan_to_num(accuracy), 1 / len(count), align="edge", edgecolor="white", label="accuracy")
        axis.plot(confidence, confidence, "o-", color="C1", label="confidence")
        for x, height, number in zip(edges + 0.5 / len(count), accuracy, count):
            if number:
                axis.text(x, 0.02, f"{number:,}", rotation=90, ha="center", va="bottom", fontsize=9,
                          color="white" if height > 0.2 else "black")
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", title=title)
    axes.flat[0].set_ylabel("share of right answers")
    axes.flat[0].legend(loc="upper left")
    plt.show()


def show_layers(layers: dict[str, np.ndarray], title: str = "", signed: bool = False) -> None:
    """Draw maps, each layer's in one row.

    Parameters
    ----------
    layers : dict
        What stands beside the row to an array (maps, height, width).
    signed : bool
        Red is positive, blue negative and white zero; else black is zero and white the row's largest value.
    """
    strips = {name: _strip(maps, least=10) for name, maps in layers.items()}
    ratios = [len(strip) / strip.shape[1] for strip in strips.values()]
    figure, axes = plt.subplots(len(strips), 1, figsize=(9, 8.2 * sum(ratios) + 0.12 * len(ratios) + 0.4 * bool(title)),
                                dpi=DPI, squeeze=False, height_ratios=ratios, layout="constrained")
    for axis, (name, strip) in zip(axes.flat, strips.items()):
        largest = np.nanmax(np.abs(strip))
        axis.imshow(strip, cmap="RdBu_r" if signed else "gray", vmin=-largest if signed else 0, vmax=largest,
                    interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(title)
    plt.show()


def show_saliency(pictures: Sequence, maps: Sequence, titles: Sequence[str], title: str = "") -> None:
    """Draw pictures, and below each what its pixels speak for, over the outline of its ink.

    Parameters
    ----------
    pictures : sequence of uint8 arrays or tensors (28, 28)
    maps : sequence of arrays (28, 28)
        From :func:`mnist_tutorial.looking.saliency`. Red is positive, blue negative.
    """
    figure, axes = plt.subplots(2, len(pictures), figsize=(1.6 * len(pictures), 3.7), dpi=DPI, squeeze=False,
                                layout="constrained")
    for (above, below), picture, heat, text in zip(axes.T, pictures, maps, titles):
        largest = np.abs(heat).max()
        above.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        below.imshow(heat, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        below.contour(np.asarray(picture), [128], colors="black", linewidths=1)
        above.set_title(text, fontsize=10)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.suptitle(title)
    plt.show()


def show_embedding(maps: dict[str, np.ndarray], labels, wrong, title: str = "") -> None:
    """Draw points coloured by their label, with a cross on those that were answered wrongly.

    Parameters
    ----------
    maps : dict
        A name to a float array (N, 2).
    labels : int array (N,)
    wrong : bool array (N,)
    """
    labels, wrong = np.asarray(labels), np.asarray(wrong)
    figure, axes = plt.subplots(1, len(maps), figsize=(4.2 * len(maps), 4), dpi=DPI, squeeze=False,
                                layout="constrained")
    for axis, (name, points) in zip(axes.flat, maps.items()):
        for digit in np.unique(labels):
            mine = points[labels == digit]
            axis.scatter(*mine.T, s=4, color=f"C{digit}", alpha=0.5)
            axis.text(*np.median(mine, axis=0), digit, fontsize=11, weight="bold", ha="center", va="center",
                      bbox=dict(boxstyle="circle,pad=0.1", facecolor="white", edgecolor=f"C{digit}", alpha=0.8))
        axis.scatter(*points[wrong].T, s=30, marker="x", color="black", linewidths=1, label="answered wrongly")
        axis.set(xticks=[], yticks=[], title=name)
    axes.flat[0].legend(loc="upper left")
    figure.suptitle(title)
    plt.show()


def show_robustness(measured: dict[str, dict[str, Robustness]], example, title: str = "",
                    distortions: dict = DISTORTIONS) -> None:
    """Draw a curve of accuracy for each network and distortion, over an example that is distorted as much.

    Parameters
    ----------
    measured : dict
        A network's name to what :func:`mnist_tutorial.distortions.robustness` gave for it.
    example : uint8 array or tensor (28, 28)
    distortions : dict
        Those that were measured.
    """
    names = list(next(iter(measured.values())))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(2 * rows, columns, figsize=(3 * columns, 2.8 * rows), dpi=DPI, squeeze=False,
                                height_ratios=[3.4, 1] * rows, layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for number, name in enumerate(names):
        above, below = axes[2 * (number // columns):, number % columns][:2]
        _draw_fall(above, {network: curves[name] for network, curves in measured.items()})
        change, strengths = distortions[name]
        below.imshow(_strip([change(example[None], strength)[0] for strength in strengths]), cmap="gray", aspect="auto",
                     interpolation="nearest")
        above.set_title(name, fontsize=10)
        above.tick_params(labelleft=number % columns == 0)
    axes[0, 0].legend(fontsize=9, loc="lower center")
    figure.suptitle(title)
    plt.show()


def _draw_fall(axis, curves: dict[str, Robustness]) -> None:
    """Draw accuracies over strengths, each strength in the middle of its share of the axis."""
    for name, (strengths, accuracies) in curves.items():
        axis.plot(strengths, 100 * accuracies, "o-", markersize=4, label=name)
    half = (strengths[1] - strengths[0]) / 2
    axis.set(xlim=(strengths[0] - half, strengths[-1] + half), ylim=(0, 103), xticks=strengths)
    axis.set_axis_on()
    axis.tick_params(labelsize=8)
    axis.grid(color="0.9")


def _strip(maps, least: int = 1) -> np.ndarray:
    """Put maps beside each other, with gaps of a tenth of their width; gaps, and maps that are missing, are NaN."""
    maps = np.stack([np.asarray(one, dtype=float) for one in maps])
    gap = max(1, maps.shape[2] // 10)
    padded = np.pad(maps, ((0, max(0, least - len(maps))), (0, 0), (0, gap)), constant_values=np.nan)
    return np.concatenate(padded, axis=1)[:, :-gap]
