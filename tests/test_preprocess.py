"""Pictures of every kind, good and bad, and what MNIST would have made of them."""

import cv2
import numpy as np
import pytest
import torch
from drawings import FIVE, SEVEN, difference, page
from torchvision import datasets, transforms

from mnist_tutorial.errors import ImageError, NoDigitError
from mnist_tutorial.preprocess import DIGIT_SIDE, MEAN, SIZE, STD, fit_to_mnist, normalise
from mnist_tutorial.reading.find import naive_resize, prepare


def mnist_like():
    """Draw a 7 that is already 28x28, 20 pixels tall, light on dark."""
    return prepare(page()).picture


# --- prepare -----------------------------------------------------------------------------------

@pytest.mark.parametrize("strokes", [SEVEN, FIVE])
@pytest.mark.parametrize("width", [2, 5, 10, 20])
def test_mnist_convention(strokes, width):
    picture = prepare(page(strokes, width)).picture
    assert picture.shape == (SIZE, SIZE) and picture.dtype == np.uint8
    assert max(cv2.boundingRect(picture)[2:]) == DIGIT_SIDE
    moments = cv2.moments(picture)
    assert abs(moments["m10"] / moments["m00"] - 14) <= 0.6
    assert abs(moments["m01"] / moments["m00"] - 14) <= 0.6
    assert picture.max() >= 250
    assert picture[0].max() == 0


def test_thin_strokes_come_out_as_wide_as_thick_ones():
    thin, thick = ((prepare(page(width=width)).picture > 127).sum() for width in (2, 14))
    assert thin > 0.6 * thick


def test_polarity_does_not_matter():
    assert difference(page(), 255 - page()) < 3


@pytest.mark.parametrize("strokes", [SEVEN, FIVE])
def test_shadow_changes_little(strokes):
    light = np.linspace(1, 0.35, 240)[:, None] * np.linspace(1, 0.7, 200)
    assert difference((page(strokes) * light).astype(np.uint8), page(strokes)) < 6


def test_hard_shadow_changes_little():
    light = np.ones((240, 200))
    light[110:] = 0.5
    assert difference((page() * light).astype(np.uint8), page()) < 8


def test_shadows_of_fingers_are_no_strokes():
    grey = page(shape=(480, 640), at=(220, 130))
    fingers = np.zeros(grey.shape, np.float32)
    for tip, root in (((300, 180), (639, 479)), ((220, 240), (560, 479))):
        cv2.line(fingers, tip, root, 1, 80)
    shaded = grey * (1 - 0.5 * cv2.GaussianBlur(fingers, (0, 0), 15))
    assert difference(shaded.astype(np.uint8), grey) < 12


def test_edge_of_a_shadow_does_not_cut_a_digit():
    ring = cv2.ellipse(page([(0, 0)]), (100, 120), (40, 55), 0, 0, 360, 60, 9, cv2.LINE_AA)
    shaded = ring.copy()
    shaded[:, 100:] //= 3
    assert difference(shaded, ring) < 12


@pytest.mark.parametrize("squared", [False, True])
def test_ruled_lines_are_ignored(squared):
    paper = np.full((240, 200), 230, np.uint8)
    paper[10::24] = 180
    if squared:
        paper[:, 10::24] = 180
    assert difference(np.minimum(page(), paper), page()) < 8


def test_ruled_lines_as_dark_as_ink_are_taken_out():
    picture = cv2.copyMakeBorder(page(FIVE), 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=230)
    clean = picture.copy()
    picture[8::24] = picture[9::24] = 40
    assert difference(picture, clean) < 12


def test_clutter_far_from_the_digit_stays_away():
    picture = cv2.copyMakeBorder(page(), 120, 120, 120, 120, cv2.BORDER_CONSTANT, value=230)
    clean = picture.copy()
    for x, y in ((60, 60), (380, 60), (60, 420), (380, 420)):
        cv2.ellipse(picture, (x, y), (45, 45), 0, 200, 340, 40, 8, cv2.LINE_AA)
    assert difference(picture, clean) < 4


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("light", [False, True])
def test_tiny_picture_without_margin(size, light):
    crop = cv2.resize(page(FIVE, width=20)[40:160, 60:140], (size * 2 // 3, size),
                      interpolation=cv2.INTER_AREA)
    side = size - crop.shape[1]
    left, right = side // 2, side - side // 2
    tiny = cv2.copyMakeBorder(crop, 0, 0, left, right, cv2.BORDER_CONSTANT, value=230)
    assert difference(255 - tiny if light else tiny, page(FIVE, width=20)) < 20


def test_specks_and_desk_are_ignored():
    picture = page()
    picture[200, 30] = picture[20, 180] = 40
    picture[:, :8] = 70
    assert difference(picture, page()) < 4


def test_sheet_on_a_desk():
    desk = np.full((500, 500), 60, np.uint8)
    desk[140:380, 130:330] = page()
    prepared = prepare(desk)
    x, y, w, h = prepared.box
    assert x >= 180 and y >= 180 and w <= 110 and h <= 135  # the digit, not the sheet
    assert difference(desk, page()) < 8


def test_light_digit_on_a_board_in_a_light_room():
    room = np.full((500, 500), 220, np.uint8)
    room[40:460, 40:460] = cv2.resize(255 - page(), (420, 420))
    x, y, w, h = prepare(room).box
    assert x >= 140 and y >= 100 and w <= 220 and h <= 240  # the digit, not the board


def test_box_and_stages():
    prepared = prepare(page(at=(30, 40)))
    assert prepared.grey.shape == prepared.ink.shape == (240, 200)
    np.testing.assert_allclose(prepared.box, cv2.boundingRect(255 - page(at=(30, 40), paper=255)),
                               atol=3)
    assert prepared.ink.max() == 255
    assert prepared.ink[0, 0] == 0


def test_bar_beside_a_five_belongs_to_it():
    picture = page(FIVE)
    picture[40:60, 84:92] = 230  # cuts the bar off the bowl
    x, y, w, h = prepare(picture).box
    assert x < 75 and x + w > 128


@pytest.mark.parametrize("scale", [60, 120, 400])
def test_small_digit_on_a_large_page(scale):
    digit = cv2.resize(page(), (scale * 200 // 240, scale), interpolation=cv2.INTER_AREA)
    large = np.full((1000, 900), 230, np.uint8)
    large[300:300 + scale, 200:200 + digit.shape[1]] = digit
    assert 300 <= prepare(large).box[1] <= 300 + scale


def test_digit_that_touches_the_border():
    crop = page()[44:166, 54:146]
    assert difference(crop, page()) < 12


def test_mnist_like_digit_is_unchanged():
    digit = mnist_like()
    np.testing.assert_allclose(prepare(digit).picture, digit, atol=2)
    np.testing.assert_allclose(prepare(255 - digit).picture, digit, atol=2)


@pytest.mark.parametrize("paper", [
    np.full((240, 320), 200, np.uint8),
    np.zeros((28, 28), np.uint8),
    np.ones((1, 1), np.uint8),
    np.random.default_rng(0).normal(180, 6, (480, 640)).clip(0, 255).astype(np.uint8),
    np.linspace(60, 240, 320 * 240).reshape(240, 320).astype(np.uint8),
    np.uint8(cv2.GaussianBlur(np.random.default_rng(0).normal(180, 12, (480, 640)), (0, 0), 1.5)),
], ids=["even", "black", "one pixel", "noise", "gradient", "grain"])
def test_empty_page(paper):
    with pytest.raises(NoDigitError):
        prepare(paper)


def test_fit_to_mnist_takes_any_size():
    ink = np.zeros((8, 8), np.uint8)
    ink[1:7, 3] = 200
    picture = fit_to_mnist(ink)
    assert cv2.boundingRect(picture)[3] == DIGIT_SIDE and picture.max() == 255
    with pytest.raises(NoDigitError):
        fit_to_mnist(np.zeros((8, 8), np.uint8))


def test_naive_resize_only_resizes():
    picture = naive_resize(page())
    assert picture.shape == (SIZE, SIZE) and picture.dtype == np.uint8
    assert picture[0, 0] == 230  # light paper stays light


# --- normalise ---------------------------------------------------------------------------------

def test_normalise_is_torchvisions_bit_for_bit():
    picture = np.arange(SIZE * SIZE, dtype=np.uint32).reshape(SIZE, SIZE).astype(np.uint8)
    usual = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    assert torch.equal(normalise(picture), usual(picture[:, :, None])[None])
    assert normalise(np.stack([picture] * 3)).shape == (3, 1, SIZE, SIZE)


@pytest.mark.parametrize("wrong", [np.zeros((28, 27), np.uint8), np.zeros((28, 28), np.float32),
                                   np.zeros((2, 1, 28, 28), np.uint8)])
def test_normalise_refuses(wrong):
    with pytest.raises(ImageError, match="expected uint8"):
        normalise(wrong)


# --- genuine MNIST -----------------------------------------------------------------------------

def test_genuine_digits_pass_nearly_unchanged(mnist_root):
    digits = datasets.MNIST(mnist_root, train=False).data[:200].numpy()
    changes = [np.abs(prepare(digit).picture.astype(int) - digit).mean() for digit in digits]
    assert np.mean(np.array(changes) < 2) > 0.97
    assert np.mean(changes) < 0.5
