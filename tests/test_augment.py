"""Augmentation: each image changes in its own way, within limits, and stays normalised."""

import pytest
import torch

from mnist_tutorial import load_mnist
from mnist_tutorial.preprocess import MEAN, STD, normalise
from mnist_tutorial.recipes.augment import handwriting, random_pen, random_shift, random_warp


def generator():
    return torch.Generator().manual_seed(0)


def square(count):
    images = torch.full((count, 1, 28, 28), -0.4)
    images[:, :, 9:19, 9:19] = 2.8
    return images


def test_shift_moves_the_batch_together_by_a_pixel_at_most():
    numbers, images, places = generator(), square(3), set()
    for _ in range(60):
        moved = random_shift(images, numbers) > 0
        (place,) = {tuple(image[0].nonzero()[0].tolist()) for image in moved}
        places.add(place)
    assert places == {(y, x) for y in (8, 9, 10) for x in (8, 9, 10)}


def test_warp_of_nothing_changes_nothing():
    images = torch.rand(4, 1, 28, 28)
    still = random_warp(images, torch.Generator(), degrees=0, scale=0, shear=0, shift=0)
    torch.testing.assert_close(still, images, atol=1e-4, rtol=0)


def test_warp_moves_each_image_its_own_way_and_keeps_the_background():
    moved = random_warp(square(50), generator(), degrees=0, scale=0, shear=0, shift=0.1)
    mass = moved[:, 0] + 0.4
    centres = (mass.sum(1) @ torch.arange(28.0)) / mass.sum((1, 2))
    assert centres.std() > 0.5
    assert (centres - 13.5).abs().max() <= 1.4 + 1e-3  # a tenth of half the width
    assert moved[:, :, 0].sub(-0.4).abs().max() < 1e-5 and moved.max() <= 2.8 + 1e-5


def test_warp_scales_within_its_limit():
    moved = random_warp(square(50), generator(), degrees=0, scale=0.1, shear=0, shift=0)
    areas = (moved[:, 0] + 0.4).sum((1, 2)) / 3.2
    assert areas.min() > 100 * 0.9 ** 2 - 1 and areas.max() < 100 * 1.1 ** 2 + 1 and areas.std() > 5


def test_elastic_bends_what_was_straight():
    bent = random_warp(square(50), generator(), degrees=0, scale=0, shear=0, shift=0, elastic=0.05)
    # The first row of the square in each column:
    tops = (bent[:, 0] > 1.2).float().argmax(dim=1)[:, 10:18]
    assert (tops.max(1).values - tops.min(1).values).float().mean() > 0.3


def ink(images):
    return (images * STD + MEAN).sum((1, 2, 3))


def test_pen_of_no_width_changes_nothing():
    images = normalise(load_mnist(False, "sample").data[:20])
    still = random_pen(images, generator(), thick=0, thin=0, blur=0, noise=0)
    torch.testing.assert_close(still, images, atol=1e-5, rtol=0)


def test_pen_writes_thicker_and_thinner():
    images = normalise(load_mnist(False, "sample").data[:1]).repeat(200, 1, 1, 1)
    change = ink(random_pen(images, generator(), blur=0, noise=0)) / ink(images)
    assert change.max() > 1.3 and change.min() < 0.8
    assert 60 < (change - 1).abs().lt(1e-4).sum() < 140


@pytest.mark.parametrize("change", [random_pen, handwriting])
def test_images_stay_in_range_and_others_are_drawn_each_time(change):
    images, numbers = normalise(load_mnist(False, "sample").data[:64]), generator()
    first, second = change(images, numbers), change(images, numbers)
    assert first.shape == images.shape and first.dtype == torch.float32
    assert not torch.equal(first, second)
    levels = first * STD + MEAN
    assert levels.min() > -1e-5 and levels.max() < 1 + 1e-5
