"""Chapter 8's figures show the numbers that they were given."""

import numpy as np
import pytest
import torch

from mnist_tutorial.study.calibration import Reliability
from mnist_tutorial.study.distortions import DISTORTIONS
from mnist_tutorial.study.plots import (
    show_confusion,
    show_embedding,
    show_layers,
    show_reliability,
    show_robustness,
    show_saliency,
)

pytestmark = pytest.mark.usefixtures("figure")


def test_confusion_colours_only_what_is_wrong(figure):
    matrix = np.array([[50, 0, 2], [1, 60, 0], [0, 0, 70]])
    assert show_confusion(matrix, "three") is None
    (axis,) = figure().axes
    coloured = axis.images[0].get_array()
    assert coloured.tolist() == [[None, None, 2], [1, None, None], [None, None, None]]
    written = {text.get_position(): text.get_text() for text in axis.texts}  # (answer, label)
    assert written == {(0, 0): "50", (2, 0): "2", (0, 1): "1", (1, 1): "60", (2, 2): "70"}
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_title()) == ("answer", "label", "three")
    show_confusion(np.diag([2, 3]))  # nothing is wrong
    assert figure().axes[0].images[0].get_array().mask.all()


def test_reliability_has_bars_of_accuracy_and_points_of_confidence(figure):
    one = Reliability(np.array([0, 10, 1200]), np.array([np.nan, 0.5, 0.9]),
                      np.array([np.nan, 0.4, 0.95]))
    show_reliability({"mine": one, "yours": one})
    axes = figure().axes
    for axis, below, title in zip(axes[:2], axes[2:], ("mine", "yours")):
        assert axis.get_title() == title
        assert [bar.get_height() for bar in axis.patches] == [0, 0.4, 0.95]
        assert [bar.get_x() for bar in axis.patches] == pytest.approx([0, 1 / 3, 2 / 3])
        assert axis.lines[0].get_xydata()[1:].tolist() == [[0.5, 0.5], [0.9, 0.9]]
        assert [bar.get_height() for bar in below.patches] == [0, 10, 1200]
        assert below.get_yscale() == "log"


def test_layers_stand_in_rows_and_keep_their_maps(figure):
    maps = np.random.default_rng(0).normal(size=(12, 20, 20))
    show_layers({"one": maps[:1], "twelve": maps}, "layers", signed=True, columns=12)
    above, below = figure().axes
    assert [axis.get_ylabel() for axis in (above, below)] == ["one", "twelve"]
    drawn = below.images[0].get_array()
    assert drawn.shape == (20, 12 * 22 - 2)
    assert np.array_equal(drawn[:, 22:42], maps[1]) and drawn.mask[:, 20:22].all()
    assert above.images[0].get_array().mask[:, 20:].all()  # a single map does not fill the row
    lowest, highest = below.images[0].get_clim()
    assert -lowest == highest == np.abs(maps).max()
    show_layers({"twelve": maps})
    drawn = figure().axes[0].images[0].get_array()
    assert drawn.shape == (2 * 22 - 2, 10 * 22 - 2) and np.array_equal(drawn[22:, :20], maps[10])


def test_saliency_has_white_for_zero_and_the_digits_outline(figure):
    pictures = torch.zeros(2, 28, 28, dtype=torch.uint8)
    pictures[:, 10:20, 10:20] = 255
    heat = np.random.default_rng(0).normal(size=(2, 28, 28))
    show_saliency(pictures, heat, ["a", "b"], "two")
    axes = figure().axes
    assert [axis.get_title() for axis in axes] == ["a", "b", "", ""]
    assert np.array_equal(axes[1].images[0].get_array(), pictures[1])
    assert np.array_equal(axes[3].images[0].get_array(), heat[1])
    largest = np.abs(heat[1]).max()
    assert axes[3].images[0].get_clim() == pytest.approx((-largest, largest))
    assert len(axes[3].collections) == 1  # the contour


def test_embedding_crosses_what_is_wrong(figure):
    points = np.arange(12.0).reshape(6, 2)
    labels, wrong = np.array([0, 0, 4, 4, 9, 9]), np.array([0, 1, 0, 0, 0, 1], dtype=bool)
    show_embedding({"plane": points}, labels, wrong, "t")
    (axis,) = figure().axes
    *digits, crosses = [collection.get_offsets().data.tolist() for collection in axis.collections]
    assert digits == [points[:2].tolist(), points[2:4].tolist(), points[4:].tolist()]
    assert crosses == points[[1, 5]].tolist()
    assert [text.get_text() for text in axis.texts] == ["0", "4", "9"]


def test_badges_of_digits_that_lie_together_move_apart(figure):
    points = np.random.default_rng(0).normal(size=(60, 2))
    show_embedding({"crowd": points}, np.arange(60) % 6, np.zeros(60, dtype=bool))
    places = np.array([text.get_position() for text in figure().axes[0].texts])
    gaps = np.linalg.norm((places[:, None] - places) / np.ptp(points, axis=0), axis=2)
    assert gaps[~np.eye(6, dtype=bool)].min() > 0.09


def test_robustness_has_a_curve_for_each_network_over_what_it_saw(figure):
    name = "shifted (pixels)"
    change, strengths = DISTORTIONS[name]
    falls = [np.linspace(1, end, len(strengths)) for end in (0.5, 0.2)]
    measured = {label: {name: fall} for label, fall in zip(("mine", "yours"), falls)}
    example = torch.zeros(28, 28, dtype=torch.uint8)
    example[8:20, 8:12] = 200
    show_robustness(measured, example, "falling")
    above, below = figure().axes
    assert above.get_title() == name
    for line, label, fall in zip(above.lines, measured, falls):
        assert line.get_label() == label
        np.testing.assert_allclose(line.get_xydata(), np.stack([strengths, 100 * fall], axis=1))
    drawn = below.images[0].get_array()
    assert drawn.shape == (28, 30 * len(strengths) - 2)
    for number, strength in enumerate(strengths):
        part = drawn[:, 30 * number:30 * number + 28]
        assert np.array_equal(part, change(example[None], strength)[0])
