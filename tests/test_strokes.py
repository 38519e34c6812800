import numpy as np
import pytest

from mnist_tutorial.strokes import SKELETONS, curve, draw_digit, shake, skeleton

WAYS = [(digit, style) for digit, styles in SKELETONS.items() for style in range(len(styles))]


@pytest.mark.parametrize("digit, style", WAYS)
def test_each_way_is_a_digit_one_unit_high(digit, style):
    points = np.vstack(skeleton(digit, style))
    assert -0.1 <= points.min() and points[:, 0].max() <= 0.8
    assert 0.9 <= np.ptp(points[:, 1]) <= 1.1
    for stroke in skeleton(digit, style):
        line = curve(stroke)
        assert line.ndim == 2 and np.isfinite(line).all()
        assert np.allclose(line[[0, -1]], stroke[[0, -1]])


def test_ways_are_counted_from_the_first_again():
    for digit, styles in SKELETONS.items():
        first, again = skeleton(digit), skeleton(digit, len(styles))
        assert all(map(np.array_equal, first, again))


def test_a_curve_passes_its_points_and_keeps_its_corners():
    points = np.array([[0, 0], [1, 0], [1, 0], [1, 1], [0, 1]], float)
    line = curve(points, steps=8)
    assert all((np.abs(line - point).sum(1) < 1e-9).any() for point in points)
    assert np.allclose(line[:9, 1], 0)  # straight up to the corner


def test_a_shaken_corner_is_still_one():
    points = np.array([[0, 0], [1, 0], [1, 0], [1, 1]], float)
    moved = shake(points, 0.1, np.random.default_rng(0))
    assert np.array_equal(moved[1], moved[2]) and np.abs(moved - points).max() < 0.5


def test_digits_are_drawn_differently_and_again_from_the_same_seed():
    def draw(seed):
        rng = np.random.default_rng(seed)
        return np.stack([draw_digit(rng, digit) for digit in "0123456789"])

    drawn = draw(1)
    assert drawn.dtype == np.uint8 and drawn.shape == (10, 112, 112)
    assert np.array_equal(drawn, draw(1)) and not np.array_equal(drawn, draw(2))
    assert (drawn.max((1, 2)) == 255).all()
    border = np.concatenate([drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]])
    assert (border == 0).mean() > 0.99  # nothing runs off the sheet
