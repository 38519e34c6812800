"""What is learned from besides MNIST, and whether the reader, with its guard, can say no."""

import numpy as np
import pytest
import torch
from nothing import empty, pictures

from mnist_tutorial import load_mnist, load_pretrained, mnist_loaders, predict_image
from mnist_tutorial.checkpoint import GUARD
from mnist_tutorial.errors import NoDigitError
from mnist_tutorial.model import Guard
from mnist_tutorial.reading import load_guard
from mnist_tutorial.reading.images import IMG
from mnist_tutorial.reading.predict import SURE, predict_pictures
from mnist_tutorial.recipes.nondigits import drawn_digits, guard_loaders, nondigits, world_loaders
from mnist_tutorial.training import probabilities


def blank(count, *_):
    return np.zeros((count, 28, 28), np.uint8)


def blank_digits(count, *_, **__):
    return blank(count), np.arange(count) % 10


def read(picture, net):
    """The prediction, or None where no digit is found."""
    try:
        return predict_image(picture, net)
    except NoDigitError:
        return None


@pytest.fixture(scope="module", params=[load_guard, load_pretrained])
def answers(request):
    """What the guard, or `Net` with it, answers to each picture without a digit."""
    net = request.param()
    return {name: read(picture, net) for name, picture in pictures()}


def test_at_most_one_in_twenty_pictures_without_a_digit_is_answered_confidently(answers):
    confident = [name for name, answer in answers.items() if answer is not None and answer.sure]
    assert len(answers) >= 50
    assert len(confident) <= 0.05 * len(answers), confident


def test_the_network_alone_would_be_confident_ten_times_as_often(answers):
    seen = [answer for answer in answers.values() if answer is not None]
    alone = sum(probabilities(load_pretrained(), answer.picture).max() >= SURE for answer in seen)
    assert alone > 10 * sum(answer.sure for answer in seen)  # else the guard would not be needed


def test_plain_empty_pages_hold_no_digit(answers):
    for number in (0, 1, 8, 9):
        assert answers[f"{empty.__name__} {number}"] is None


def test_doubt_makes_all_digits_alike_and_says_so(answers):
    seen = (answer for answer in answers.values() if answer)
    answer = min(seen, key=lambda answer: answer.is_digit)
    assert answer.is_digit < 0.01 and np.ptp(answer.probabilities) < 0.02
    assert not answer.sure and str(answer).startswith("not sure, perhaps")


def test_the_courses_pictures_are_answered_surely():
    for path in sorted(IMG.glob("[0-9].*")):
        answer = predict_image(path)
        assert answer.sure and str(answer).startswith(f"{path.name[0]}, confidence")


@pytest.mark.parametrize("load", [load_guard, load_pretrained])
def test_genuine_digits_are_answered_surely(mnist_root, load):
    test = load_mnist(False, mnist_root)
    pictures = list(test.data[:2000].numpy())
    answers = predict_pictures(load(), pictures, [(0, 0, 28, 28)] * 2000)
    sure = np.array([answer.sure for answer in answers])
    right = np.array([answer.digit for answer in answers]) == test.targets[:2000].numpy()
    assert sure.mean() > 0.9 and right[sure].mean() > 0.995 and right.mean() > 0.985


GREY_DIGITS = np.full((5, 28, 28), 200, np.uint8)


@pytest.mark.parametrize("make", [lambda seed: drawn_digits(30, seed)[0],
                                  lambda seed: nondigits(60, GREY_DIGITS, np.arange(5), seed)])
def test_made_pictures_are_as_the_pipeline_makes_them_and_repeat_with_the_seed(make):
    made = make(3)
    assert made.dtype == np.uint8 and made.shape[1:] == (28, 28)
    assert (made.max(axis=(1, 2)) == 255).mean() > 0.9
    assert np.array_equal(made, make(3)) and not np.array_equal(made, make(4))


def test_drawn_digits_come_by_turns_and_stay_in_their_box():
    images, labels = drawn_digits(100)
    assert labels.dtype == np.int64 and labels.tolist() == [*range(10)] * 10
    rows, columns = images.any(axis=2), images.any(axis=1)
    longest = np.maximum(rows.sum(1), columns.sum(1))  # pixels, as of MNIST's digits
    assert longest.min() >= 18 and longest.max() <= 20


def test_drawn_digits_are_read(mnist_root):
    """A network that saw MNIST alone reads 92 % of them, and 73 % of the ones."""
    images, labels = drawn_digits(500, seed=1)
    right = probabilities(load_pretrained(), images).argmax(1) == labels
    assert all(right[labels == digit].mean() > 0.85 for digit in range(10))
    assert right.mean() > 0.96


def test_the_guard_reads_what_is_drawn_in_haste_and_knows_what_is_none():
    digits, labels = drawn_digits(500, seed=1, hurried=True)
    answers = predict_pictures(load_guard(), digits, [(0, 0, 28, 28)] * 500)
    sure = np.array([answer.sure for answer in answers])
    right = np.array([answer.digit for answer in answers]) == labels
    assert right.mean() > 0.97 and (right & sure).mean() > 0.9 and right[sure].mean() > 0.99
    none = nondigits(500, digits, labels, seed=1)
    answers = predict_pictures(load_guard(), none, [(0, 0, 28, 28)] * 500)
    assert np.mean([answer.sure for answer in answers]) < 0.02


def test_a_guard_of_ones_own_reads_by_itself():
    own = load_pretrained(GUARD)
    assert own is not load_guard()
    assert predict_image(IMG / "7.png", own) == predict_image(IMG / "7.png")


def test_the_guards_probabilities_are_of_ten_digits_and_sum_to_one():
    none = nondigits(20, GREY_DIGITS, np.arange(5))
    answers = predict_pictures(load_guard(), [*drawn_digits(20)[0], *none], [(0, 0, 28, 28)] * 40)
    for each in answers:
        assert each.probabilities.shape == (10,) and each.probabilities.sum() == pytest.approx(1)
    least = min(answers, key=lambda answer: answer.is_digit)
    assert least.is_digit < 0.01 and np.ptp(least.probabilities) < 0.02


def test_a_third_more_digits_are_drawn_to_train_on_and_none_to_measure_with(sample):
    loaders, mnist = world_loaders(64, seed=2), mnist_loaders(64)
    (images, labels), count = loaders.train.dataset.tensors, len(mnist.train.dataset)
    assert len(images) == len(labels) == count + count // 3
    drawn = drawn_digits(count // 3, seed=2)
    for ours, theirs, more in zip((images, labels), mnist.train.dataset.tensors, drawn):
        assert torch.equal(ours, torch.cat([theirs, torch.from_numpy(more)]))
    for ours, theirs in zip(loaders[1:], mnist[1:]):
        assert ours.dataset.name == theirs.dataset.name
        assert all(map(torch.equal, ours.dataset.tensors, theirs.dataset.tensors))
    assert loaders.train.dataset.name == f"{mnist.train.dataset.name} and drawn digits"
    again = world_loaders(64, seed=2)
    assert torch.equal(next(iter(loaders.train))[0], next(iter(again.train))[0])


def test_loaders_have_an_eleventh_class(sample, monkeypatch):
    for name, draw in (("drawn_digits", blank_digits), ("nondigits", blank)):  # that is quicker
        monkeypatch.setitem(guard_loaders.__globals__, name, draw)
    loaders = guard_loaders(64)
    for loader, digits in zip(loaders, mnist_loaders(64)):
        labels = digits.dataset.tensors[1]
        drawn = torch.arange(2 * len(labels)) % 10
        expected = torch.cat([labels, drawn, torch.full((2 * len(labels),), Guard.NONE)])
        assert torch.equal(loader.dataset.tensors[1], expected)
    images, labels = next(iter(loaders.train))
    assert images.shape == (64, 1, 28, 28) and set(labels.tolist()) == set(range(11))
    assert "without a digit" in loaders.test.dataset.name
