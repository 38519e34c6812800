import inspect

import pytest
import torch

from mnist_tutorial import RECIPES, evaluate, train_net
from mnist_tutorial.recipes import random_affine


def test_classic_is_the_tutorials_recipe():
    assert RECIPES["classic"] == dict(epochs=10, batch_size=64, lr=0.01, momentum=0.5, one_cycle=False, augment=False)


def test_recipes_name_exactly_the_hyper_parameters_of_train_net():
    required = {name for name, parameter in inspect.signature(train_net).parameters.items()
                if parameter.default is inspect.Parameter.empty and parameter.kind is parameter.KEYWORD_ONLY}
    for recipe in RECIPES.values():
        assert set(recipe) == required


@pytest.mark.parametrize("name, floor", [("classic", 0.75), ("tuned", 0.95)])
def test_recipes_learn_the_sample(name, floor, capsys):
    net, history, loaders = train_net(**RECIPES[name], root="sample", device="cpu", report_every=0)
    assert len(history) == RECIPES[name]["epochs"]
    assert evaluate(net, loaders.test)[1] > floor
    assert "embedded sample" in capsys.readouterr().err or loaders.test.dataset.name.startswith("embedded")


def test_seed_decides_everything():
    def weights(seed):
        recipe = {**RECIPES["tuned"], "epochs": 1}
        net, _, _ = train_net(**recipe, seed=seed, root="sample", device="cpu", report_every=0)
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    first = weights(0)
    torch.rand(3)  # whatever was drawn before does not matter
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def square(count):
    images = torch.full((count, 1, 28, 28), -0.4)
    images[:, :, 9:19, 9:19] = 2.8
    return images


def test_affine_of_nothing_changes_nothing():
    images = torch.rand(4, 1, 28, 28)
    still = random_affine(images, torch.Generator(), degrees=0, scale=0, shear=0, shift=0)
    torch.testing.assert_close(still, images, atol=1e-4, rtol=0)


def test_affine_moves_each_image_its_own_way_and_keeps_the_ground():
    moved = random_affine(square(50), torch.Generator().manual_seed(0), degrees=0, scale=0, shear=0, shift=0.1)
    mass = moved[:, 0] + 0.4
    centres = (mass.sum(1) @ torch.arange(28.0)) / mass.sum((1, 2))
    assert centres.std() > 0.5
    assert (centres - 13.5).abs().max() <= 1.4 + 1e-3  # a tenth of half the width
    assert moved[:, :, 0].sub(-0.4).abs().max() < 1e-5 and moved.max() <= 2.8 + 1e-5


def test_affine_scales_within_its_limit():
    moved = random_affine(square(50), torch.Generator().manual_seed(0), degrees=0, scale=0.1, shear=0, shift=0)
    areas = (moved[:, 0] + 0.4).sum((1, 2)) / 3.2
    assert areas.min() > 100 * 0.9 ** 2 - 1 and areas.max() < 100 * 1.1 ** 2 + 1 and areas.std() > 5
