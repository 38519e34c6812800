"""The diagrams of chapter 3 show what PyTorch computes."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from torch.nn import functional as F

from mnist_tutorial import Net
from mnist_tutorial.recipes import FastNet
from mnist_tutorial.study import show_convolution, show_network, show_values

pytestmark = pytest.mark.usefixtures("figure")


def texts(axis):
    return [text.get_text() for text in axis.texts]


@pytest.mark.parametrize("row, column", [(0, 0), (3, 5), (7, 7)])
def test_convolution_is_pytorchs(figure, row, column):
    image = torch.randint(0, 256, (10, 12), generator=torch.Generator().manual_seed(0)).byte()
    kernel = torch.tensor([[1, 0, -1, 2, 0]] * 3)
    expected = F.conv2d(image[None, None].float(), kernel[None, None].float())[0, 0]
    show_convolution(image, kernel, row, column)
    picture, window, weights, result = figure().axes
    assert np.array_equal(picture.images[0].get_array(), image)
    (frame,) = picture.patches
    assert frame.get_xy() == (column - 0.5, row - 0.5)
    assert (frame.get_width(), frame.get_height()) == (5, 3)
    values = image[row:row + 3, column:column + 5].flatten()
    assert texts(window) == [str(int(value)) for value in values]
    assert texts(weights) == ["1", "0", "-1", "2", "0"] * 3
    assert weights.get_xlabel() == f"added up: {int(expected[row, column]):,}"
    shown = result.images[0].get_array().astype(float).filled(np.nan).ravel()
    known = 8 * row + column + 1  # positions in the order of reading
    assert shown.shape == (64,) and np.allclose(shown[:known], expected.flatten()[:known])
    assert np.isnan(shown[known:]).all()


def test_convolution_shows_learned_weights_and_a_blank_image(figure):
    show_convolution(np.zeros((6, 6)), np.full((2, 2), 0.25))
    weights = figure().axes[2]
    assert texts(weights) == ["0.2"] * 4 and weights.get_xlabel() == "added up: 0"
    figure().canvas.draw()


def test_values_are_written_and_blocks_marked(figure):
    before = np.array([[1.25, -2, 0, 3], [0, 1, 2, 2], [0, 0, 0, 0], [0, 0, 0, -0.0]])
    show_values({"before": before, "after": [[1, 3], [0, 0]]}, block=2)
    left, right = figure().axes
    assert [axis.get_title() for axis in (left, right)] == ["before", "after"]
    assert texts(left)[:4] == ["1.2", "-2.0", "0.0", "3.0"] and texts(left)[-1] == "0.0"
    assert texts(right) == ["1", "3", "0", "0"]
    assert len(left.lines) == 2 and not right.lines
    assert left.images[0].get_clim() == right.images[0].get_clim() == (-3, 3)


def test_network_is_drawn_with_its_shapes_to_scale(figure):
    show_network(Net())
    (axis,) = figure().axes
    shapes = ["1×28×28", "10×24×24", "10×12×12", "20×8×8", "20×4×4", "320", "50", "10"]
    assert [text for text in texts(axis) if text[:1].isdigit()] == shapes
    assert [text for text in texts(axis) if text[:1].isalpha()] == [
        "Conv2d 5×5", "MaxPool2d 2×2", "Conv2d 5×5", "MaxPool2d 2×2", "Flatten", "Linear", "Linear"]
    boxes = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
    assert len(boxes) == 1 + 10 + 10 + 20 + 20 + 3
    assert [box.get_width() for box in (boxes[0], boxes[1], boxes[11])] == [28, 24, 12]
    figure().canvas.draw()
    boxes = sorted(text.get_window_extent().x0 for text in axis.texts)
    assert all(right - left > 5 for left, right in zip(boxes, boxes[1:]))  # no two on each other


def test_networks_without_pooling_can_be_drawn_too(figure):
    show_network(FastNet())
    (axis,) = figure().axes
    assert texts(axis)[0] == "1×28×28" and texts(axis)[-1] == "10"
