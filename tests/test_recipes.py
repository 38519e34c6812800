import pytest
import torch

from mnist_tutorial import RECIPES, Net, evaluate, train_net, training
from mnist_tutorial.__main__ import RECIPE_NAMES
from mnist_tutorial.errors import CheckpointError
from mnist_tutorial.recipes import Job, train_seeds
from mnist_tutorial.recipes.train import LOADERS, NETS


def test_classic_is_the_tutorials_recipe():
    assert RECIPES["classic"] == dict(
        net="Net", data="mnist", epochs=10, batch_size=64, optimizer="sgd", lr=0.01,
        momentum=0.5, one_cycle=False, smoothing=0.0, augment="none", calibrated=False,
        bfloat16=False)


@pytest.mark.parametrize("changes", [{"net": "ResNet"}, {"data": "moon"}, {"optimizer": "adam"},
                                     {"augment": "flip"}])
def test_unknown_values_are_refused(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"{name}: expected one of .*, got '{changes[name]}'"):
        train_net("tuned", root="sample", **changes)


def test_unknown_data_is_told_the_known():
    with pytest.raises(ValueError, match="^data: expected one of mnist, world, guard, got 'moon'$"):
        train_net(data="moon")


def test_data_for_another_network_are_refused_before_they_are_drawn(monkeypatch):
    monkeypatch.setitem(LOADERS, "guard", None)  # it can't be called
    with pytest.raises(ValueError, match="^data: 'guard' has an eleventh class.*got net 'Net'"):
        train_net(data="guard", root="sample")


def test_more_epochs_are_a_matter_of_resuming_where_no_schedule_depends_on_them(tmp_path):
    def train(recipe, epochs, name="a.pt", **changes):
        net, _, _ = train_net(recipe, epochs=epochs, root="sample", report_every=0, **changes,
                              job=Job("cpu", checkpoint=tmp_path / name, resume=True))
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    train("classic", 1)
    with pytest.raises(CheckpointError, match=r"\(lr: 0.01 in the checkpoint, 0.05 now\)"):
        train("classic", 1, lr=0.05)
    assert torch.equal(train("classic", 3), train("classic", 3, "whole.pt"))
    with pytest.raises(CheckpointError, match="drawn digits now"):
        train("classic", 3, data="world")
    train("tuned", 1, "b.pt")
    with pytest.raises(CheckpointError, match=r"\(epochs: 1 in the checkpoint, 2 now\)"):
        train("tuned", 2, "b.pt")


def test_seeds_that_are_done_are_not_lost_when_the_next_is_stopped(monkeypatch):
    done, tests = [], []
    evaluate_before = training.evaluate

    def stop_in_third(*arguments):
        tests.append(1)
        if len(tests) == 3:  # validations
            raise KeyboardInterrupt
        return evaluate_before(*arguments)

    monkeypatch.setattr(training, "evaluate", stop_in_third)
    with pytest.raises(KeyboardInterrupt):
        for net, card in train_seeds("classic", [3, 4, 5], root="sample", job=Job("cpu"), epochs=1):
            done.append((net, list(card["test_accuracy"]["of_each_seed"])))
    assert [seeds for _, seeds in done] == [["3"], ["3", "4"]]
    assert done[0][0] is done[1][0]


def test_a_card_tells_the_recipes_data_and_their_whole_name():
    (_, card), = train_seeds("world", root="sample", job=Job("cpu"), epochs=1, report_every=0)
    assert card["recipe"]["data"] == "world"
    assert card["data"].startswith("embedded sample, not MNIST and drawn digits: 1,833 images")


def test_recipes_differ_in_values_only():
    assert {frozenset(recipe) for recipe in RECIPES.values()} == {frozenset(RECIPES["classic"])}
    assert all(name in train_net.__doc__ for name in RECIPES["classic"])


@pytest.mark.parametrize("bfloat16", [True, False])
def test_numbers_have_the_bits_that_the_recipe_asks_for(bfloat16, monkeypatch):
    seen = set()

    class Watched(Net):
        def forward(self, x):
            outputs = super().forward(x)
            seen.add((outputs.dtype, self.fc[-1].weight.dtype))
            return outputs

    monkeypatch.setitem(NETS, "Net", Watched)
    train_net("classic", root="sample", epochs=1, bfloat16=bfloat16)
    assert seen == {(torch.bfloat16 if bfloat16 else torch.float32, torch.float32)}


def test_the_command_line_offers_all_recipes():
    assert RECIPE_NAMES == tuple(RECIPES)


def test_unknown_recipes_and_changes_are_refused():
    with pytest.raises(ValueError, match="one of classic, tuned, world, fast, guard, got 'best'"):
        train_net("best")
    with pytest.raises(TypeError, match="expected changes of net, data, epochs.*got epoch"):
        train_net("fast", epoch=2)


@pytest.mark.parametrize("name, floor, changes", [
    ("classic", 0.75, {}), ("tuned", 0.95, {}), ("world", 0.95, {}),
    ("guard", 0.9, {"epochs": 4, "batch_size": 64})])
def test_recipes_learn_the_sample(name, floor, changes, capsys):
    net, history, loaders = train_net(name, root="sample", report_every=0, job=Job("cpu"),
                                      **changes)
    assert len(history) == (RECIPES[name] | changes)["epochs"]
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
