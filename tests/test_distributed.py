"""Several processes train as one does; each test starts them by torchrun, on this machine alone."""

import subprocess
import sys

import pytest
import torch

from mnist_tutorial.__main__ import main
from mnist_tutorial.checkpoint import load_card, load_checkpoint
from mnist_tutorial.data import SAMPLE
from mnist_tutorial.distributed import Share, parallel, process_group, rank_and_size

# One worker dies in the middle of the second epoch, at its first start only.
KILLED = """
import os, signal, sys
import torch
from mnist_tutorial.__main__ import main

step, steps = torch.optim.SGD.step, []

def die_in_second_epoch(*arguments, **options):
    steps.append(1)
    if len(steps) == 30:
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*arguments, **options)

if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    torch.optim.SGD.step = die_in_second_epoch
sys.exit(main(sys.argv[1:]))
"""
TRAIN = ["train", "--root", SAMPLE, "--epochs", "3", "--lr", "0.03", "--device", "cpu"]


def torchrun(folder, *arguments):
    return subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                           *arguments], capture_output=True, text=True, timeout=120, cwd=folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The weights of a training in one process."""
    path = tmp_path_factory.mktemp("alone") / "net.pt"
    assert main([*TRAIN, "--output", str(path)]) == 0
    return path


def history(path):
    return torch.tensor(load_card(path)["history"])[:, :-1]  # without the seconds


def test_two_processes_give_what_one_gives_even_if_one_is_killed(tmp_path, alone):
    (tmp_path / "killed.py").write_text(KILLED)
    output = tmp_path / "net.pt"
    done = torchrun(tmp_path, "--max-restarts", "1", "killed.py", *TRAIN, "--output", str(output),
                    "--checkpoint", str(tmp_path / "c.pt"), "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Resumed after epoch 1") == 1 and (tmp_path / "died").exists()
    assert done.stdout.count("Epoch 3/3") == 1  # one process speaks
    torch.testing.assert_close(history(output), history(alone), atol=2e-3, rtol=1e-3)
    assert load_card(output)["test_accuracy"]["mean"] == pytest.approx(load_card(alone)["test_accuracy"]["mean"],
                                                                       abs=0.01)
    for ours, theirs in zip(load_checkpoint(output).values(), load_checkpoint(alone).values()):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-2)


def test_shares_are_the_batch_without_overlap(monkeypatch):
    batches = [(torch.arange(7.0), torch.arange(7)), (torch.arange(4.0), torch.arange(4))]
    seen = []
    for rank in range(3):
        monkeypatch.setattr("mnist_tutorial.distributed.rank_and_size", lambda rank=rank: (rank, 3))
        share = Share(batches)
        seen.append([labels.tolist() for _, labels in share])
        assert share.seen == sum(map(len, seen[-1]))
    assert seen == [[[0, 3, 6], [0, 3]], [[1, 4], [1]], [[2, 5], [2]]]


def test_weights_make_the_mean_of_the_shares_that_of_the_batch(monkeypatch):
    images, labels, weighed = torch.rand(7, 2), torch.arange(7), []
    for rank in range(2):
        monkeypatch.setattr("mnist_tutorial.distributed.rank_and_size", lambda rank=rank: (rank, 2))
        share = Share([(images, labels)])
        for part, number in share:
            weighed.append(share.weigh(lambda part, number: part.mean())(part, number))
    torch.testing.assert_close(sum(weighed) / 2, images.mean())


def test_too_small_a_batch_is_refused(monkeypatch):
    monkeypatch.setattr("mnist_tutorial.distributed.rank_and_size", lambda: (0, 4))
    with pytest.raises(ValueError, match="at least 4 pictures.*got one of 3"):
        list(Share([(torch.zeros(3, 1), torch.zeros(3))]))


def test_alone_nothing_changes():
    model = torch.nn.Linear(2, 2)
    with process_group(torch.device("cpu")) as device:
        assert device == torch.device("cpu") and rank_and_size() == (0, 1)
        assert parallel(model) is model
        assert Share([]).mean_of((0.5, 0.25), device) == (0.5, 0.25)
