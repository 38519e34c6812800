"""Learning one writer's hand: what is gained, what is forgotten, what is refused."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from writers import write

from mnist_tutorial import load_mnist, load_pretrained, probabilities
from mnist_tutorial.data import tensor_loader
from mnist_tutorial.errors import DatasetError
from mnist_tutorial.model import FastNet
from mnist_tutorial.recipes import learn_hand


def digits_of(seed, each=5):
    return tensor_loader(TensorDataset(*write(seed, each)), 64)


def accuracy(net, seed):
    images, labels = write(seed)
    return float((probabilities(net, images.numpy()).argmax(1) == labels.numpy()).mean())


def test_a_hand_is_learned_and_little_is_forgotten(mnist_root):
    before = load_pretrained()
    weights = {name: tensor.clone() for name, tensor in before.state_dict().items()}
    learned = learn_hand(before, digits_of(6), steps=100, folds=3)
    assert learned.own_before < 0.9 and learned.own_after >= learned.own_before + 0.05
    assert learned.mnist_after > learned.mnist_before - 0.002
    assert all(torch.equal(tensor, weights[name]) for name, tensor in before.state_dict().items())
    assert not torch.equal(learned.model.fc[2].weight, before.fc[2].weight)
    assert learned.confusion.sum() == 50 and learned.confusion.sum(axis=1).tolist() == 10 * [5]
    assert np.trace(learned.confusion) / 50 == pytest.approx(learned.own_after)
    assert "own digits" in repr(learned) and "MNIST" in repr(learned)


def test_alone_it_forgets_the_others(mnist_root):
    """Why MNIST's digits are mixed in: the chapter's exercise."""
    forgetful = learn_hand(load_pretrained(), digits_of(6), steps=30, folds=2, others=0)
    assert forgetful.mnist_after < forgetful.mnist_before - 0.005


def test_the_same_seed_learns_the_same(sample):
    one, other = (learn_hand(load_pretrained(), digits_of(1, 1), steps=5, folds=2)
                  for _ in range(2))
    for ours, theirs in zip(one.model.parameters(), other.model.parameters()):
        assert torch.equal(ours, theirs)


def test_fastnet_learns_a_hand_too(sample):
    torch.manual_seed(0)
    learned = learn_hand(FastNet(), digits_of(1, 1), steps=3, folds=2)
    assert isinstance(learned.model, FastNet)


def test_too_few_digits_are_refused(sample):
    few = tensor_loader(TensorDataset(load_mnist().data[:3], load_mnist().targets[:3]), 64)
    with pytest.raises(DatasetError, match="at least 5 digits.*got 3"):
        learn_hand(load_pretrained(), few)
