"""Mistakes are counted as scikit-learn does, and found in the right order."""

import numpy as np

from mnist_tutorial.study.mistakes import confusion, least_likely_labels, surest_errors

PROBABILITIES = np.array([[0.9, 0.1, 0.0],   # right
                          [0.3, 0.6, 0.1],   # wrong, and its label has a tenth
                          [0.2, 0.8, 0.0],   # wrong, and its label has nothing
                          [0.4, 0.3, 0.3],   # right, but hardly
                          [0.5, 0.1, 0.4]])  # wrong
LABELS = np.array([0, 2, 2, 0, 2])


def test_confusion_is_scikit_learns():
    from sklearn.metrics import confusion_matrix  # takes a second
    labels, answers = np.random.default_rng(0).integers(0, 10, (2, 500))
    assert np.array_equal(confusion(labels, answers), confusion_matrix(labels, answers))


def test_confusion_keeps_a_row_for_digits_that_do_not_occur():
    matrix = confusion([3, 3, 5], [3, 5, 5])
    assert matrix.shape == (10, 10) and matrix[3].tolist() == [0, 0, 0, 1, 0, 1, 0, 0, 0, 0]
    assert matrix.sum() == 3 and confusion([], []).sum() == 0


def test_surest_errors_are_the_wrong_ones_by_confidence():
    assert surest_errors(PROBABILITIES, LABELS).tolist() == [2, 1, 4]
    assert surest_errors(PROBABILITIES, LABELS, 2).tolist() == [2, 1]


def test_least_likely_labels_ask_for_the_labels_probability_not_the_answers():
    assert least_likely_labels(PROBABILITIES, LABELS).tolist() == [2, 1, 3, 4, 0]
    assert least_likely_labels(PROBABILITIES, LABELS, 1).tolist() == [2]
