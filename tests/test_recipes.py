import pytest
import torch

from mnist_tutorial import RECIPES, evaluate, train_net
from mnist_tutorial.__main__ import RECIPE_NAMES
from mnist_tutorial.recipes import Job


def test_classic_is_the_tutorials_recipe():
    assert RECIPES["classic"] == dict(
        net="Net", epochs=10, batch_size=64, optimizer="sgd", lr=0.01, momentum=0.5,
        one_cycle=False, smoothing=0.0, augment="none", calibrated=False)


def test_recipes_differ_in_values_only():
    assert {frozenset(recipe) for recipe in RECIPES.values()} == {frozenset(RECIPES["classic"])}
    assert all(name in train_net.__doc__ for name in RECIPES["classic"])


def test_the_command_line_offers_all_recipes():
    assert RECIPE_NAMES == tuple(RECIPES)


def test_unknown_recipes_and_changes_are_refused():
    with pytest.raises(ValueError, match="expected one of classic, tuned, fast, guard, got 'best'"):
        train_net("best")
    with pytest.raises(TypeError, match="expected changes of net, epochs.*got epoch"):
        train_net("fast", epoch=2)


@pytest.mark.parametrize("name, floor", [("classic", 0.75), ("tuned", 0.95), ("guard", 0.9)])
def test_recipes_learn_the_sample(name, floor, capsys):
    net, history, loaders = train_net(name, root="sample", report_every=0, job=Job("cpu"))
    assert len(history) == RECIPES[name]["epochs"]
    assert evaluate(net, loaders.test)[1] > floor
    said = capsys.readouterr().err
    assert "embedded sample" in said or loaders.test.dataset.name.startswith("embedded")


def test_seed_decides_everything():
    def weights(seed):
        net, _, _ = train_net("tuned", epochs=1, seed=seed, root="sample", report_every=0,
                              job=Job("cpu"))
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    first = weights(0)
    torch.rand(3)  # whatever was drawn before does not matter
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_fast_recipe_learns_mnist_in_one_epoch(mnist_root):
    net, history, loaders = train_net("fast", root=mnist_root, report_every=0, job=Job("cpu"))
    assert len(history) == 1 and history[0].validation_accuracy > 0.985
    assert sum(parameter.numel() for parameter in net.parameters()) == 56_970


def test_fast_recipe_repeats_and_resumes(tmp_path):
    def train(epochs, **options):
        net, _, _ = train_net("fast", epochs=epochs, root="sample", report_every=0,
                              job=Job("cpu", **options))
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    assert torch.equal(train(2), train(2, checkpoint=tmp_path / "a.pt"))
    assert torch.equal(train(2, checkpoint=tmp_path / "a.pt", resume=True), train(2))
