import argparse
import collections
import json
import os
import pickle
import stat
import zipfile

import numpy as np
import pytest
import torch
from tally import attempt
from torch import nn

from mnist_tutorial import Net, load_pretrained
from mnist_tutorial.checkpoint import (
    SHIPPED,
    check_writable,
    load_card,
    load_checkpoint,
    load_guard,
    load_weights,
    save_checkpoint,
    save_weights,
    write_atomically,
)
from mnist_tutorial.errors import CheckpointError
from mnist_tutorial.model import FastNet
from mnist_tutorial.reading.ink import load_ink


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
    assert "MNIST and drawn digits: 73,333 images to train" in card["data"]


def test_loaded_networks_lie_in_memory_as_cpus_like_it():
    """Otherwise the guard takes twice to three times as long for a batch."""
    for net in (load_pretrained(), load_guard(), load_ink()):
        kernels = [weights for weights in net.parameters() if weights.dim() == 4]
        assert all(each.is_contiguous(memory_format=torch.channels_last) for each in kernels)
        assert not all(each.is_contiguous() for each in kernels)


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
    for net in (Net(), FastNet(), FastNet(FastNet.GPU_WIDTHS)):
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


# --- what people have ----------------------------------------------------------------------------

def renamed(state, change):
    return collections.OrderedDict((change(name), weight) for name, weight in state.items())


def old_name(name):  # of the tutorial that the course grew from: it flattens in `forward`
    return name.replace("fc.1", "fc.0").replace("fc.2", "fc.1")


FORMS = {
    "plain": dict, "module.": lambda state: renamed(state, "module.{}".format),
    "_orig_mod.": lambda state: renamed(state, "_orig_mod.{}".format),
    "both": lambda state: renamed(state, "module._orig_mod.{}".format),
    "Lightning's": lambda state: {"state_dict": renamed(state, "model.{}".format), "epoch": 3},
    "model": lambda state: {"model": state, "optimizer": {}},
    "model_state_dict": lambda state: {"epoch": 3, "model_state_dict": state, "loss": 0.1},
    "state_dict": lambda state: {"state_dict": state},
    "module. in a checkpoint": lambda state: {"model": renamed(state, "module.{}".format)},
    "old names": lambda state: renamed(state, old_name),
    "sorted": lambda state: dict(sorted(state.items())),
    "sorted module.": lambda state: dict(sorted(renamed(state, "module.{}".format).items())),
    "parameters": lambda state: {name: nn.Parameter(weight) for name, weight in state.items()},
    "half": lambda state: {name: weight.half() for name, weight in state.items()},
    "bfloat16": lambda state: {name: weight.bfloat16() for name, weight in state.items()},
    "double": lambda state: {name: weight.double() for name, weight in state.items()}}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_as_people_have_them_are_loaded(tmp_path, form, zipped):
    for made in (Net, FastNet):
        net, path = made(), tmp_path / "net.pt"
        torch.save(FORMS[form](net.state_dict()), path, _use_new_zipfile_serialization=zipped)
        for load in (load_pretrained, lambda path, made=made: load_weights(made(), path)):
            loaded = attempt("weights: as people have them", load, path)
            assert type(loaded) is made and not loaded.training
            for ours, theirs in zip(net.state_dict().values(), loaded.state_dict().values()):
                assert ours.dtype == theirs.dtype
                torch.testing.assert_close(ours, theirs, atol=2e-2, rtol=1e-2)


def test_the_courses_own_checkpoint_is_loaded(tmp_path):
    from torch.utils.data import DataLoader, TensorDataset

    from mnist_tutorial.training import Job, fit
    net = Net()
    batch = TensorDataset(torch.randn(8, 1, 28, 28), torch.arange(8))
    fit(net, DataLoader(batch), epochs=1, job=Job("cpu", checkpoint=tmp_path / "run.pt"))
    for loaded in (load_pretrained(tmp_path / "run.pt"), load_weights(Net(), tmp_path / "run.pt")):
        assert all(map(torch.equal, net.parameters(), loaded.parameters()))


class Own(nn.Module):
    def __init__(self, width=5):
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(4), nn.Linear(4, width)


@pytest.mark.parametrize("wrap", [lambda net: net, nn.DataParallel, torch.compile])
def test_a_network_of_ones_own_comes_back(tmp_path, wrap):
    own = Own()
    own.norm.running_mean += 3
    save_weights(tmp_path / "own.pt", wrap(own), {"name": "mine"})
    loaded = load_weights(Own(), tmp_path / "own.pt")
    assert type(loaded) is Own and not loaded.training
    assert all(map(torch.equal, own.state_dict().values(), loaded.state_dict().values()))
    again = load_weights(wrap(Own()), tmp_path / "own.pt")
    assert all(map(torch.equal, own.state_dict().values(), again.state_dict().values()))


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    good = Own().state_dict()
    own = Own()
    before = {name: weight.clone() for name, weight in own.state_dict().items()}
    bad = "layer.bias"
    for state in (Own(width=6).state_dict(), Net().state_dict(), {**good, bad: torch.zeros(6)},
                  {**good, bad: torch.zeros(5, dtype=torch.int64)}, {**good, "more": good[bad]},
                  {**good, bad: torch.full((5,), torch.nan)}, {**good, bad: 3}, {}, {1: good[bad]},
                  {**good, bad: torch.full((5,), 1e300, dtype=torch.float64)},
                  {**good, bad: torch.zeros(5, dtype=torch.complex64)},
                  {**good, bad: torch.zeros(5).to_sparse()}, {"model": {"model": good}}):
        torch.save(state, tmp_path / "bad.pt")
        assert attempt("weights: another program's, another network's", load_weights, own,
                       tmp_path / "bad.pt", refusal=CheckpointError, match="weights") is None
        assert all(map(torch.equal, before.values(), own.state_dict().values()))


def whole_models(folder):
    """Files that hold more than tensors, each with a word of what."""
    net = load_pretrained()
    yield net, "Net"
    yield {"model": net, "epoch": 3}, "Net"
    yield nn.DataParallel(net), "DataParallel"
    yield nn.Sequential(nn.Linear(2, 2)), "Sequential"
    yield {"state_dict": net.state_dict(), "args": argparse.Namespace(lr=1)}, "Namespace"
    yield {"model": net.state_dict(), "loss": np.float64(0.1)}, "scalar"


def test_a_whole_model_is_called_one(tmp_path):
    path = tmp_path / "whole.pt"
    for content, what in whole_models(tmp_path):
        for zipped in (True, False):
            torch.save(content, path, _use_new_zipfile_serialization=zipped)
            assert attempt("weights: a whole model", load_pretrained, path, refusal=CheckpointError,
                           match=rf"holds a whole model.*{what}.*model.state_dict\(\)") is None


@pytest.mark.filterwarnings("ignore")  # TorchScript is deprecated
def test_torchscript_is_called_a_whole_model(tmp_path):
    torch.jit.trace(Net(), torch.zeros(1, 1, 28, 28)).save(tmp_path / "traced.pt")
    assert attempt("weights: a whole model", load_pretrained, tmp_path / "traced.pt",
                   refusal=CheckpointError, match="whole model.*TorchScript") is None


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_weights_are_refused_before_they_are_inflated(tmp_path, method):
    path, bomb = tmp_path / "net.pt", tmp_path / "bomb.pt"
    torch.save({"a": torch.zeros(5_000_000)}, path)
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(bomb, "w", method) as packed:
        for member in plain.namelist():
            packed.writestr(member, plain.read(member))
    assert bomb.stat().st_size < path.stat().st_size / 100
    for load in (load_pretrained, load_checkpoint):
        assert attempt("weights: compressed", load, bomb, refusal=CheckpointError,
                       match="compressed") is None


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save_weights("~/net.pt", Net(), {"name": "mine"})
    assert (tmp_path / "net.pt").is_file() and (tmp_path / "net.json").is_file()
    assert load_pretrained("~/net.pt").weights_name == "mine"


def test_another_default_device_or_type_changes_nothing(monkeypatch):
    right = load_pretrained().state_dict()
    torch.set_default_device("meta")
    try:
        net = load_pretrained()
    finally:
        torch.set_default_device(None)
    assert all(map(torch.equal, right.values(), net.state_dict().values()))


# --- cards ---------------------------------------------------------------------------------------

def test_a_card_beside_other_weights_is_not_theirs(tmp_path):
    path = tmp_path / "net.pt"
    save_weights(path, Net(), {"name": "mine"})
    assert load_pretrained(path).weights_name == "mine"
    torch.save(Net().state_dict(), path)
    said = "net.pt, net.json is of other weights"
    assert load_pretrained(path).weights_name == said and load_card(path) == {"name": said}


def test_two_weights_that_share_a_card_are_told_apart(tmp_path):
    save_weights(tmp_path / "a.pt", Net(), {"name": "A"})
    save_weights(tmp_path / "a.pth", Net(), {"name": "B"})
    assert load_pretrained(tmp_path / "a.pth").weights_name == "B"
    assert load_pretrained(tmp_path / "a.pt").weights_name == "a.pt, a.json is of other weights"


@pytest.mark.parametrize("name", [5, None, ["a"], {}])
def test_another_programs_json_is_no_name(tmp_path, name):
    torch.save(Net().state_dict(), tmp_path / "b.pt")
    (tmp_path / "b.json").write_text(json.dumps({"name": name}))
    assert load_pretrained(tmp_path / "b.pt").weights_name == "b.pt"


@pytest.mark.parametrize("name", ["net.json", "net.JSON", "~/net.json"])
def test_weights_are_never_written_over_their_card(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = name if name.startswith("~") else tmp_path / name
    for refuse in (check_writable, lambda path: save_weights(path, Net(), {"name": "mine"})):
        assert attempt("weights: paths that cannot be written", refuse, path,
                       refusal=CheckpointError, match="json") is None
    assert not list(tmp_path.iterdir())


def test_a_card_takes_numpys_numbers_and_nothing_is_written_if_it_cannot_be(tmp_path):
    save_weights(tmp_path / "a.pt", Net(), {"lr": np.float32(0.5), "loss": torch.tensor(0.25)})
    assert load_card(tmp_path / "a.pt") == {"lr": 0.5, "loss": 0.25}
    with pytest.raises(TypeError):
        save_weights(tmp_path / "b.pt", Net(), {"net": Net()})
    assert not (tmp_path / "b.pt").exists()


# --- writing -------------------------------------------------------------------------------------

def test_paths_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "a.json").mkdir()  # where the card would go
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    bad = [tmp_path, "", ".", "..", "/", tmp_path / "file" / "net.pt", tmp_path / "a.pt",
           tmp_path / "file" / "deep" / "net.pt", tmp_path / ("a" * 256), tmp_path / ("a" * 252),
           tmp_path / ("\u6570" * 90), "a\0b", "/proc/none/net.pt", "/dev/null", tmp_path / "pipe",
           tmp_path / ("a" * 300) / "net.pt", "/" + "a/" * 3000 + "net.pt"]
    before = sorted(tmp_path.rglob("*"))
    for path in bad:
        assert attempt("weights: paths that cannot be written", check_writable, path,
                       refusal=CheckpointError, match="cannot write to") is None, path
    assert sorted(tmp_path.rglob("*")) == before


def test_paths_that_can_be_written_are_left_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.pt").write_text("old")
    (tmp_path / "link.pt").symlink_to("there.pt")
    (tmp_path / "dangling.pt").symlink_to("new.pt")
    for path in ("net.pt", "net", ".pt", "net.tar.gz", "there.pt", "link.pt", "dangling.pt",
                 tmp_path / "new" / "folder" / "net.pt", "a" * 248, "\u6570" * 82, "a b%#$.pt"):
        check_writable(path)
        assert not attempt("weights: odd paths", save_weights, path, Net(), {"name": "mine"})
        assert load_pretrained(path).weights_name == "mine"
    assert (tmp_path / "link.pt").is_symlink() and (tmp_path / "dangling.pt").is_symlink()


def test_a_link_and_a_mode_are_kept(tmp_path):
    (tmp_path / "store").mkdir()
    target = tmp_path / "store" / "a.pt"
    target.write_bytes(b"old")
    target.chmod(0o600)
    (tmp_path / "link.pt").symlink_to(target)
    write_atomically(tmp_path / "link.pt", b"new")
    assert target.read_bytes() == b"new" and (tmp_path / "link.pt").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in (tmp_path / "store").iterdir()] == ["a.pt"]


def test_leftovers_are_swept_when_they_are_old(tmp_path):
    names = {".a.pt.1234.part": True, ".a.pt.0123456789abcdef.part": True, ".b.pt.1.part": False,
             ".a.pt.part": False, "a.pt.1.part": False, ".a.pt.2.part": False}
    for name, old in names.items():
        (tmp_path / name).write_text("")
        if name != ".a.pt.2.part":  # that one is of a write that goes on
            os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".a.pt.3.part").mkdir()
    os.utime(tmp_path / ".a.pt.3.part", (0, 0))
    write_atomically(tmp_path / "a.pt", b"new")
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"a.pt", ".a.pt.3.part", *(name for name, old in names.items() if not old)}


def test_a_temporary_name_cannot_be_guessed(tmp_path, monkeypatch):
    """A link that waits under the name would lead the write elsewhere."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".a.pt.{os.getpid()}.part").symlink_to(victim)
    write_atomically(tmp_path / "a.pt", b"new")
    monkeypatch.setattr("secrets.token_hex", lambda size: "known")
    (tmp_path / ".a.pt.known.part").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "a.pt", b"newer")
    assert victim.read_text() == "precious"


def test_a_device_is_never_replaced(tmp_path):
    """As root, a rename would put a plain file into the place of /dev/null."""
    folder, pipe = tmp_path / "folder", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (folder, pipe):
        with pytest.raises(OSError, match="expected the path of a file"):
            write_atomically(path, b"1")
    assert folder.is_dir() and stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_card_that_is_none_writes_nothing(tmp_path):
    with pytest.raises(TypeError):
        save_weights(tmp_path / "net.pt", Net(), None)
    assert not list(tmp_path.iterdir())


def test_a_name_is_worth_more_than_its_place(tmp_path):
    saved, asked = (nn.ModuleDict({name: nn.Linear(3, 3) for name in names})
                    for names in ("bc", "ab"))
    save_weights(tmp_path / "net.pt", saved, {})
    with pytest.raises(CheckpointError, match="another network than ModuleDict"):
        load_weights(asked, tmp_path / "net.pt")
