"""Which ink is of digits: what the shipped network believes, and the scenes it learned from."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from test_pages import sheet

from mnist_tutorial import load_mnist
from mnist_tutorial.checkpoint import load_card
from mnist_tutorial.model import InkNet
from mnist_tutorial.reading.ink import INK, believe, even_out, load_ink

sys.path.append(str(Path(__file__).parents[1] / "notebooks"))
import scenes  # noqa: E402


@pytest.fixture(scope="module")
def digits():
    mnist = load_mnist()
    return [mnist.data[mnist.targets == digit].numpy() for digit in range(10)]


@pytest.fixture(scope="module")
def composed(digits):
    return scenes.compose_many(10 ** 6, 60, digits)


def test_digits_are_believed_and_lines_are_not():
    paper = np.full((480, 640), 230, np.uint8)
    paper[20::45] = 120
    page = np.minimum(sheet("575", "77"), paper)
    belief, _ = believe(page)
    ink, lines = sheet("575", "77") < 128, paper < 128
    assert belief[ink].mean() > 0.8
    assert belief[lines & ~ink].mean() < 0.1 and belief[~lines & ~ink].mean() < 0.05


def test_where_two_digits_touch():
    page = sheet("575", step=47)[::2, ::2]
    _, touch = believe(page)
    y, x = np.unravel_index(touch.argmax(), touch.shape)
    assert 45 < x < 80 and 30 < y < 70
    assert touch.max() > 5 * believe(sheet("575", step=90)[::2, ::2])[1].max()


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (33, 100), (320, 31)])
def test_images_of_any_size(shape):
    for answer in believe(np.full(shape, 200, np.uint8)):
        assert answer.shape == shape and answer.dtype == np.float32
        assert 0 <= answer.min() and answer.max() < 0.5


def test_light_and_contrast_are_evened_out():
    page = sheet("57")
    dim = (60 + page * 0.4).astype(np.uint8)
    np.testing.assert_allclose(even_out(page)[page < 60].mean(), even_out(dim)[page < 60].mean(),
                               atol=0.5)
    assert abs(even_out(np.full((50, 50), 77, np.uint8))).max() < 0.01


def test_shape_of_the_network():
    model = InkNet()
    assert sum(parameter.numel() for parameter in model.parameters()) == 442_136
    assert model(torch.zeros(2, 1, 64, 96)).shape == (2, 2, 64, 96)
    assert not load_ink().training and "recall of ink" in load_card(INK)["measured_on_other_scenes"]


def test_scenes_can_be_composed_again(digits, composed):
    grey, target = composed
    assert grey.shape == target.shape == (60, scenes.SIDE, scenes.SIDE)
    assert grey.dtype == target.dtype == np.uint8
    for again, before in zip(scenes.compose_many(10 ** 6, 3, digits), composed):
        np.testing.assert_array_equal(again, before[:3])
    for bit in (scenes.DIGIT, scenes.TOUCH, scenes.UNKNOWN):
        assert 0 < ((target & bit) > 0).mean() < 0.3
    assert not ((target & scenes.TOUCH > 0) & (target & scenes.DIGIT == 0)
                & (target & scenes.UNKNOWN == 0)).any()


def test_the_shipped_network_knows_scenes(composed):
    measured = scenes.measure(load_ink(), *composed)
    assert measured["recall of ink"] > 0.8 and measured["precision of ink"] > 0.8


def test_training_on_scenes(composed):
    torch.manual_seed(0)
    # of each scene the middle alone: no less is learned from it, in a fifth of the time
    grey, target = (part[:16, 48:112, 48:112] for part in composed)
    model = InkNet()
    before = scenes.measure(model.eval(), grey, target)["loss"]
    scenes.train(model.train(), grey, target, steps=80)
    assert scenes.measure(model.eval(), grey, target)["loss"] < 0.9 * before
