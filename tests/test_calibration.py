"""Calibration: figures that can be worked out by hand, and laws that must hold for any."""

import numpy as np
import pytest
import torch

from mnist_tutorial.model import Net
from mnist_tutorial.study.calibration import (
    calibrate,
    expected_calibration_error,
    fit_temperature,
    reliability,
)


def answers(confidence, right, count=100):
    """`count` answers of one confidence, of which a share `right` is right, among two classes."""
    probabilities = np.tile([confidence, 1 - confidence], (count, 1))
    return probabilities, (np.arange(count) >= right * count).astype(int)


@pytest.mark.parametrize("confidence, right, error", [(0.9, 0.9, 0), (0.9, 0.6, 0.3),
                                                      (0.6, 0.9, 0.3), (1.0, 0.5, 0.5)])
def test_error_of_one_bin(confidence, right, error):
    assert expected_calibration_error(*answers(confidence, right)) == pytest.approx(error, abs=1e-9)


def test_bins_do_not_cancel_each_other():
    pairs = [answers(0.9, 0.6, 300), answers(0.6, 0.9, 100)]
    probabilities, labels = (np.concatenate(part) for part in zip(*pairs))
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.3)
    assert expected_calibration_error(probabilities, labels, bins=1) == pytest.approx(0.15)


def test_reliability_is_scikit_learns():
    from sklearn.calibration import calibration_curve  # takes a second
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.2), 2000)
    labels = rng.integers(0, 10, 2000)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    count, mean_confidence, accuracy = reliability(probabilities, torch.tensor(labels), bins=12)
    theirs = calibration_curve(right, confidence, n_bins=12)  # gives no empty intervals
    np.testing.assert_allclose(accuracy[count > 0], theirs[0])
    np.testing.assert_allclose(mean_confidence[count > 0], theirs[1])
    assert np.array_equal(count, np.histogram(confidence, 12, (0, 1))[0])
    assert np.isnan(accuracy[0]) and count[0] == 0  # one of ten classes always has a tenth
    by_hand = sum(n * abs(a - c) for n, c, a in zip(count, mean_confidence, accuracy) if n) / 2000
    assert expected_calibration_error(probabilities, labels, bins=12) == pytest.approx(by_hand)


def test_certainty_belongs_to_the_last_interval():
    count, confidence, accuracy = reliability(np.eye(2), np.array([0, 0]), bins=4)
    assert count.tolist() == [0, 0, 0, 2] and confidence[3] == 1 and accuracy[3] == 0.5


@pytest.mark.parametrize("wanted", [0.4, 1, 3])
def test_temperature_is_found_again(wanted):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    assert fit_temperature(logits * wanted, labels) == pytest.approx(wanted, rel=0.03)


def test_calibrate_divides_the_logits_and_leaves_the_answers():
    torch.manual_seed(0)
    net, images, labels = Net(), torch.randn(500, 1, 28, 28), torch.randint(10, (500,))
    with torch.no_grad():
        labels[:300] = net(images).argmax(1)[:300]  # or no temperature would be finite
        before = net.eval()(images)
        temperature = calibrate(net, [(images[:200], labels[:200]), (images[200:], labels[200:])])
        after = net(images)
    torch.testing.assert_close(after * temperature, before)
    assert temperature != pytest.approx(1, abs=0.05)
    assert fit_temperature(after, labels) == pytest.approx(1, abs=1e-3)
