import os
import pickle

import pytest
import torch

from mnist_tutorial import Net, load_pretrained
from mnist_tutorial.checkpoint import (
    SHIPPED,
    load_card,
    load_checkpoint,
    save_checkpoint,
    save_weights,
)
from mnist_tutorial.errors import CheckpointError
from mnist_tutorial.model import FastNet


def test_saved_weights_give_the_same_outputs(tmp_path):
    net, x = Net().to(memory_format=torch.channels_last), torch.randn(2, 1, 28, 28)
    save_weights(tmp_path / "new" / "net.pt", net, {"name": "mine"})
    loaded = load_pretrained(tmp_path / "new" / "net.pt")
    torch.testing.assert_close(loaded(x), net(x))
    assert loaded.weights_name == "mine" and not loaded.training
    assert load_card(tmp_path / "new" / "net.pt") == {"name": "mine"}


def test_weights_without_a_card_are_named_by_their_file(tmp_path):
    save_checkpoint(tmp_path / "bare.pt", Net().state_dict())
    assert load_card(tmp_path / "bare.pt") == {}
    assert load_pretrained(tmp_path / "bare.pt").weights_name == "bare.pt"


def test_shipped_weights_are_small_and_have_an_honest_card():
    card, net = load_card(), load_pretrained()
    assert SHIPPED.stat().st_size < 120_000
    assert net.weights_name == "shipped weights"
    accuracies = list(card["test_accuracy"]["of_each_seed"].values())
    assert len(accuracies) >= 5
    assert card["test_accuracy"]["mean"] == pytest.approx(sum(accuracies) / len(accuracies))
    assert card["test_accuracy"]["mean"] >= 0.99
    assert "MNIST: 55,000 images to train" in card["data"]


def test_shipped_weights_score_what_their_card_says(mnist_root):
    from mnist_tutorial import evaluate, mnist_loaders
    card = load_card()
    _, accuracy = evaluate(load_pretrained(), mnist_loaders(root=mnist_root).test)
    said = card["test_accuracy"]["of_each_seed"][str(card["weights_of_seed"])]
    assert accuracy == pytest.approx(said, abs=2e-4)


class Boom:
    """Unpickled without care, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("content",
                         [b"", b"not a checkpoint at all", b"\x80\x04N.", b"PK\x03\x04 half a zip"])
def test_refuses_what_is_no_checkpoint(tmp_path, content):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="bad.pt"):
        load_checkpoint(tmp_path / "bad.pt")


def test_refuses_a_truncated_checkpoint(tmp_path):
    save_checkpoint(tmp_path / "a.pt", Net().state_dict())
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize("dump", [pickle.dump, torch.save])
def test_runs_no_code_from_a_file(tmp_path, dump):
    with open(tmp_path / "bad.pt", "wb") as file:
        dump(Boom(str(tmp_path / "pwned")), file)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "bad.pt")
    assert not (tmp_path / "pwned").exists()


def test_refuses_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(CheckpointError, match="no such file"):
            load_checkpoint(path)


def test_finds_the_network_that_the_weights_are_of(tmp_path):
    for net in (Net(), FastNet()):
        save_weights(tmp_path / "net.pt", net, {"name": "mine"})
        loaded = load_pretrained(tmp_path / "net.pt")
        assert type(loaded) is type(net) and loaded.weights_name == "mine"
        assert all(torch.equal(weight, net.state_dict()[name])
                   for name, weight in loaded.state_dict().items())


def test_refuses_weights_of_another_network(tmp_path):
    save_checkpoint(tmp_path / "other.pt", torch.nn.Linear(3, 3).state_dict())
    with pytest.raises(CheckpointError, match="another network"):
        load_pretrained(tmp_path / "other.pt")


@pytest.mark.filterwarnings("ignore")  # as in a program that lets warnings pass
def test_refuses_complex_weights(tmp_path):
    save_checkpoint(tmp_path / "net.pt",
                    {name: weight + 1j for name, weight in Net().state_dict().items()})
    with pytest.raises(CheckpointError, match="another network"):
        load_pretrained(tmp_path / "net.pt")


def test_a_failed_write_leaves_the_older_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    save_checkpoint(path, {"epoch": 1})

    def fail(file):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, {"epoch": 2})
    monkeypatch.undo()
    assert load_checkpoint(path) == {"epoch": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]
