"""Looking inside changes nothing, and a saliency is what small changes of a pixel really do."""

import copy

import numpy as np
import pytest
import torch

from mnist_tutorial import load_mnist, load_pretrained
from mnist_tutorial.preprocess import STD, normalise
from mnist_tutorial.study.inside import layer_outputs, saliency


@pytest.fixture(scope="module")
def pictures():
    return load_mnist(False, "sample").data[:4]


def test_outputs_of_each_layer_in_order(pictures):
    net = load_pretrained()
    outputs = layer_outputs(net, pictures)
    assert list(outputs) == [f"{part}.{number}" for part in ("conv1", "conv2", "fc")
                             for number in range(3)]
    some = ("conv1.0", "conv1.2", "conv2.1", "conv2.2", "fc.1", "fc.2")
    assert [outputs[name].shape[1:] for name in some] == [
        (10, 24, 24), (10, 12, 12), (20, 8, 8), (20, 4, 4), (50,), (10,)]
    with torch.inference_mode():
        assert np.array_equal(outputs["fc.2"], net(normalise(pictures)).numpy())
        assert np.array_equal(outputs["conv1.1"], np.maximum(outputs["conv1.0"], 0))


def test_looking_leaves_no_hooks_even_when_it_fails(pictures):
    net = load_pretrained()
    layer_outputs(net, pictures)
    with pytest.raises(ValueError, match="uint8"):
        layer_outputs(net, pictures.float())
    assert not any(layer._forward_hooks for layer in net.modules())


def log_odds(net, images):
    """Of 3 and 5, in double precision, so that tiny differences can be told."""
    with torch.inference_mode():
        chances = copy.deepcopy(net).double()(images).log_softmax(dim=1)
    return chances[:, 3] - chances[:, 5]


def test_saliency_agrees_with_finite_differences():
    net, generator = load_pretrained(), torch.Generator().manual_seed(0)
    # No two neighbourhoods are equal, see below.
    picture = torch.randint(256, (28, 28), generator=generator).byte()
    found = saliency(net, picture, 3, 5, noise=0, copies=1)
    assert found.shape == (28, 28) and found.dtype == np.float32 and np.abs(found).max() > 0.1

    one_hot = torch.eye(784, dtype=torch.float64).view(784, 1, 28, 28)
    nudges = 1e-6 / STD * one_hot  # a millionth of full ink
    image = normalise(picture).double()
    slopes = (log_odds(net, image + nudges) - log_odds(net, image - nudges)) / 2e-6
    np.testing.assert_allclose(found.ravel(), slopes.numpy(), atol=1e-4)


@pytest.mark.parametrize("number", range(4))
def test_averaged_saliency_foretells_what_ink_does_among_other_noise(number, pictures):
    net = load_pretrained()
    found = torch.tensor(saliency(net, pictures[number], 3, 5, noise=0.1, copies=400)).double()
    ink = found / found.norm()  # in this direction the log-odds should grow fastest, by the norm
    generator = torch.Generator().manual_seed(1)
    noise = 0.1 * torch.randn(400, 1, 28, 28, generator=generator, dtype=torch.float64)
    image = normalise(pictures[number]).double() + noise / STD
    change = 0.05 * ink / STD
    slope = (log_odds(net, image + change) - log_odds(net, image - change)).mean() / 0.1
    assert slope.item() == pytest.approx(found.norm().item(), rel=0.1)


def test_saliency_does_not_depend_on_chance_and_turns_its_sign(pictures):
    net = load_pretrained()
    one, other = saliency(net, pictures[0], 1, 7), saliency(net, pictures[0], 7, 1)
    assert np.array_equal(one, saliency(net, pictures[0], 1, 7))
    np.testing.assert_allclose(one, -other, atol=1e-5)
    assert all(parameter.grad is None for parameter in net.parameters())
