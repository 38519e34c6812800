import inspect

import pytest
import torch

from mnist_tutorial import RECIPES, evaluate, train_net


def test_classic_is_the_tutorials_recipe():
    assert RECIPES["classic"] == dict(net="Net", epochs=10, batch_size=64, optimizer="sgd", lr=0.01, momentum=0.5,
                                      one_cycle=False, smoothing=0.0, augment="none", calibrated=False)


def test_recipes_name_exactly_the_hyper_parameters_of_train_net():
    required = {name for name, parameter in inspect.signature(train_net).parameters.items()
                if parameter.default is inspect.Parameter.empty and parameter.kind is parameter.KEYWORD_ONLY}
    for recipe in RECIPES.values():
        assert set(recipe) == required


@pytest.mark.parametrize("name, floor", [("classic", 0.75), ("tuned", 0.95), ("guard", 0.9)])
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


def test_fast_recipe_learns_mnist_in_one_epoch(mnist_root):
    net, history, loaders = train_net(**RECIPES["fast"], root=mnist_root, device="cpu", report_every=0)
    assert len(history) == 1 and history[0].validation_accuracy > 0.985
    assert sum(parameter.numel() for parameter in net.parameters()) == 56_970


def test_fast_recipe_repeats_and_resumes(tmp_path):
    def train(epochs, **options):
        recipe = {**RECIPES["fast"], "epochs": epochs}
        net, _, _ = train_net(**recipe, root="sample", device="cpu", report_every=0, **options)
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    assert torch.equal(train(2), train(2, checkpoint=tmp_path / "a.pt"))
    assert torch.equal(train(2, checkpoint=tmp_path / "a.pt", resume=True), train(2))
