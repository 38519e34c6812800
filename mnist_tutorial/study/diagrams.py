"""Chapter 3's figures: how a convolution is computed, and what shapes pass through a network."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from ..plots import make_figure
from .inside import layer_outputs

CONVOLUTION_SIZE, VALUES_SIZE, NETWORK_SIZE = (2, 2.4), (2.6, 2.6), (8, 3.4)  # inches
FINE = 95  # dpi, for small numbers
SMALL, MISSING = 9, "0.6"  # points; grey of what is not computed yet
LINE = {"color": "C1", "linewidth": 2}
FRAME: dict[str, Any] = {"facecolor": "none", "edgecolor": "C1", "linewidth": 2}
BOX: dict[str, Any] = {"facecolor": "C5", "edgecolor": "C0"}
ARROW = {"arrowstyle": "->", "color": "C1"}
UPRIGHT = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": SMALL}
BELOW = {"ha": "center", "va": "top", "fontsize": SMALL + 1}
SHIFT, GAP = 0.25, 11  # pixels, between two maps of a box, between two boxes
LONGEST, SHORTEN, TIP = 34, 5, 1.5  # pixels of a bar; values for each pixel; room around an arrow
LIGHTNESS = np.array([0.3, 0.6, 0.1, 0])  # of red, green, blue and opacity


def show_convolution(image: ArrayLike, kernel: ArrayLike, row: int = 0, column: int = 0) -> None:
    """Draw one step of a convolution: the kernel over the window at `row` and `column`.

    Of an image (H, W) and a kernel (h, w), for which whole numbers are best read: the window's
    values, which are multiplied by the kernel's and added up, and the feature map up to there.
    """
    image, kernel = np.asarray(image, dtype=float), np.asarray(kernel, dtype=float)
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    sums = np.tensordot(windows, kernel)  # over the last two axes
    known = np.arange(sums.size).reshape(sums.shape) <= row * sums.shape[1] + column
    _, [(whole, window, weights, feature_map)] = make_figure(CONVOLUTION_SIZE, columns=4, dpi=FINE)
    whole.imshow(image, cmap="gray")
    _frame(whole, row, column, kernel.shape)
    _draw_values(window, windows[row, column], cmap="gray", vmin=image.min(), vmax=image.max())
    _draw_values(weights, kernel, **signed_colours(kernel))
    feature_map.imshow(np.where(known, sums, np.nan), **signed_colours(sums))
    _frame(feature_map, row, column, (1, 1))
    caption(whole, "image", _sides(image))
    caption(window, "window", _sides(kernel))
    caption(weights, "times the kernel", f"added up: {sums[row, column]:,.10g}")
    caption(feature_map, "feature map", _sides(sums))
    feature_map.set_facecolor(MISSING)
    plt.show()


def show_values(arrays: dict[str, ArrayLike], block: int = 0) -> None:
    """Draw square arrays (H, H), each with its title, as numbers on one scale of colours.

    With `block`, lines separate blocks of block x block values in the larger ones.
    """
    tables = {title: np.asarray(array, dtype=float) for title, array in arrays.items()}
    colours = signed_colours(np.concatenate([table.ravel() for table in tables.values()]))
    most = max(map(len, tables.values()))
    _, [axes] = make_figure(VALUES_SIZE, columns=len(tables), dpi=FINE)
    for axis, (title, table) in zip(axes, tables.items()):
        _draw_values(axis, table, **colours)
        caption(axis, title)
        for edge in range(block, len(table), block) if block and len(table) == most else ():
            axis.axhline(edge - 1 / 2, **LINE)
            axis.axvline(edge - 1 / 2, **LINE)
    plt.show()


def show_network(net: torch.nn.Module) -> None:
    """Draw the shapes that an image takes on its way through a network: squares are to scale.

    A box is of maps, as deep as there are many; a bar is of single values.
    """
    outputs = layer_outputs(net, np.zeros((28, 28), np.uint8))
    layers = dict(net.named_modules())
    _, [[axis]] = make_figure(NETWORK_SIZE, dpi=FINE)
    shape: tuple[int, ...] = (1, 28, 28)
    right = _draw_box(axis, 0, shape)
    for name, output in outputs.items():
        if output.shape[1:] == shape:  # a layer that changes values only
            continue
        shape, left = output.shape[1:], right + GAP
        axis.annotate("", (left - TIP, 0), (right + TIP, 0), arrowprops=ARROW)
        side = np.ravel(getattr(layers[name], "kernel_size", ""))[0]  # of a pair or one number
        kind = type(layers[name]).__name__
        axis.text((left + right) / 2, TIP, f"{kind} {side}×{side}" if side else kind, **UPRIGHT)
        right = _draw_box(axis, left, shape)
    half = LONGEST * 2 / 3
    axis.set(aspect="equal", xlim=(-1, right + 1), ylim=(-half, half))
    axis.set_axis_off()
    plt.show()


def _draw_box(axis: Any, left: float, shape: tuple[int, ...]) -> float:
    """Draw maps (channels, H, W) one behind the other, or a bar of values; return its right."""
    count, *sides = shape
    maps = count if sides else 1
    height, width = sides or (min(LONGEST, max(2.0, count / SHORTEN)), 2)
    depth = SHIFT * (maps - 1)
    bottom, right = -(height + depth) / 2, left + width + depth
    for number in reversed(range(maps)):
        shift = SHIFT * number
        axis.add_patch(Rectangle((left + shift, bottom + shift), width, height, **BOX))
    axis.text((left + right) / 2, bottom - TIP, "×".join(map(str, shape)), **BELOW)
    return right


def _draw_values(axis: Any, table: np.ndarray, **options) -> None:
    """Draw a table (H, W) as colours with the numbers in them, whole ones without decimals."""
    image = axis.imshow(table, **options)
    digits = 0 if (table == table.round()).all() else 1
    for (row, column), value in np.ndenumerate(table):
        dark = LIGHTNESS @ image.cmap(image.norm(value)) < 1 / 2
        axis.text(column, row, f"{value + 0.0:.{digits}f}", ha="center", va="center",
                  fontsize=SMALL, color="white" if dark else "black")


def _frame(axis: Any, row: int, column: int, sides: tuple[int, ...]) -> None:
    corner = column - 1 / 2, row - 1 / 2  # pixels are centred on whole numbers
    axis.add_patch(Rectangle(corner, sides[1], sides[0], **FRAME))


def caption(axis: Any, above: str = "", below: str = "") -> None:
    """Write above and below an image, which gets neither ticks nor a frame."""
    axis.set(xticks=[], yticks=[], title=above, xlabel=below)
    axis.spines[:].set_visible(False)


def signed_colours(values: np.ndarray) -> dict[str, Any]:
    """Return the colours for values of both signs, such as (H, W): white is zero."""
    largest = np.nanmax(np.abs(values)) or 1
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def _sides(array: np.ndarray) -> str:
    return "×".join(map(str, array.shape))
