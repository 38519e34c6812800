import numpy as np
import pytest

from mnist_tutorial.reading.box import Box


def test_box_is_opencvs_rectangle():
    box = Box(2, 3, 10, 20)
    assert box == (2, 3, 10, 20) and (box.right, box.bottom, box.middle) == (12, 23, (7, 13))
    assert box.moved(-2, 1) == (0, 4, 10, 20) and box.scaled(2.5) == (5, 8, 25, 50)


def test_around_holds_all():
    assert Box.around([Box(5, 1, 2, 2), Box(0, 4, 3, 1)]) == (0, 1, 7, 4)


@pytest.mark.parametrize("other, gap", [
    ((15, 0, 5, 10), 5), ((0, 12, 10, 5), 2), ((13, 14, 1, 1), 4), ((10, 0, 5, 10), 0),
    ((4, 4, 2, 2), -2)])
def test_gap_is_the_larger_of_the_two_ways(other, gap):
    assert Box(0, 0, 10, 10).gap(Box(*other)) == Box(*other).gap(Box(0, 0, 10, 10)) == gap


def test_overlap_is_intersection_over_union():
    box = Box(0, 0, 10, 10)
    assert box.overlap(box) == 1 and box.overlap(Box(20, 0, 10, 10)) == 0
    assert box.overlap(Box(5, 0, 10, 10)) == pytest.approx(50 / 150)


def test_slices_stay_inside_the_array():
    array = np.zeros((8, 12))
    assert array[Box(2, 3, 4, 5).slices()].shape == (5, 4)
    rows, columns = Box(1, 3, 10, 5).slices(margin=2, shape=array.shape)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (1, 8, 0, 12)
