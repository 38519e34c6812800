"""Distortions: no change at strength 0, otherwise that of OpenCV or of a count by hand."""

import cv2
import numpy as np
import pytest
import torch

from mnist_tutorial import load_mnist, load_pretrained
from mnist_tutorial.preprocess import normalise
from mnist_tutorial.study.distortions import (
    DISTORTIONS,
    blur,
    enlarge,
    grain,
    invert,
    robustness,
    shift,
    turn,
)


@pytest.fixture(scope="module")
def pictures():
    return load_mnist(False, "sample").data[:30]


@pytest.mark.parametrize("name", DISTORTIONS)
def test_nothing_changes_at_strength_0(name, pictures):
    change, strengths = DISTORTIONS[name]
    assert torch.equal(change(pictures, 0), pictures)
    assert 0 in strengths and len(set(np.diff(strengths))) == 1
    strongest = change(pictures, strengths[-1])
    assert strongest.dtype == torch.uint8 and strongest.shape == pictures.shape
    assert not torch.equal(strongest, pictures)


def test_quarter_turns_only_move_pixels(pictures):
    assert torch.equal(turn(pictures, 90), torch.rot90(pictures, 1, (1, 2)))
    assert torch.equal(turn(pictures, -180), torch.rot90(pictures, 2, (1, 2)))


def test_shift_moves_right_and_fills_with_background(pictures):
    moved = shift(pictures, 5)
    assert torch.equal(moved[:, :, 5:], pictures[:, :, :-5]) and not moved[:, :, :5].any()


@pytest.mark.parametrize("percent", [-40, 40])
def test_enlarging_is_opencvs(percent, pictures):
    made = enlarge(pictures, percent).numpy()
    matrix = cv2.getRotationMatrix2D((13.5, 13.5), 0, 1 + percent / 100)
    for picture, ours in zip(pictures.numpy(), made):
        theirs = cv2.warpAffine(picture, matrix, (28, 28)).astype(int)
        assert np.abs(theirs - ours).max() <= 6  # OpenCV counts in 1/32 of a pixel


@pytest.mark.parametrize("pixels", [0.5, 1.5, 3])
def test_blur_is_opencvs(pixels, pictures):
    side = 2 * int(np.ceil(3 * pixels)) + 1
    for picture, ours in zip(pictures.numpy(), blur(pictures, pixels).numpy()):
        theirs = cv2.GaussianBlur(picture, (side, side), pixels, borderType=cv2.BORDER_CONSTANT)
        assert np.abs(theirs.astype(int) - ours).max() <= 2


def test_noise_has_the_asked_spread_and_is_the_same_each_time():
    grey = torch.full((50, 28, 28), 128, dtype=torch.uint8)
    noisy = grain(grey, 10)
    assert noisy.float().std().item() == pytest.approx(25.5, rel=0.02)
    assert noisy.float().mean().item() == pytest.approx(128, abs=0.5)
    assert torch.equal(noisy, grain(grey, 10)) and not torch.equal(noisy[0], noisy[1])


def test_inversion_passes_through_even_grey(pictures):
    assert torch.equal(invert(pictures, 100), 255 - pictures)
    assert set(invert(pictures, 50).unique().tolist()) <= {127, 128}


def test_robustness_counts_right_answers(pictures):
    net, labels = load_pretrained(), load_mnist(False, "sample").targets[:30]
    mirrored = {"mirrored": (lambda p, s: p.flip(2) if s else p, (0, 1))}
    measured = robustness(net, pictures, labels, mirrored)
    assert list(measured) == ["mirrored"]
    right = [(net(normalise(p)).argmax(1) == labels).float().mean().item()
             for p in (pictures, pictures.flip(2))]
    assert measured["mirrored"] == pytest.approx(right) and right[0] > right[1]
