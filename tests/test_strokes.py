import numpy as np
import pytest

from mnist_tutorial.strokes import RARE, SKELETONS, curve, draw_digit, shake, skeleton, strokes_of

WAYS = [way for kinds in (SKELETONS, RARE) for ways in kinds.values() for way in ways]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_a_digit_one_unit_high(way):
    points = np.vstack(strokes_of(way))
    assert -0.2 <= points.min() and points[:, 0].max() <= 0.8
    assert 0.9 <= np.ptp(points[:, 1]).round(9) <= 1.1
    for stroke in strokes_of(way):
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


def test_in_haste_rare_ways_are_taken_and_some_sides_are_cut():
    def draw(hurried):
        rng = np.random.default_rng(0)
        return np.stack([draw_digit(rng, "1", hurried) for _ in range(200)]) > 0

    calm, hurried = draw(False), draw(True)
    assert RARE.keys() == SKELETONS.keys()
    assert hurried.any(axis=(1, 2)).all()
    assert hurried.sum(axis=(1, 2)).max() > calm.sum(axis=(1, 2)).max()  # some pens are wider
