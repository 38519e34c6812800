"""Several processes train as one does; each test starts them by torchrun, on this machine alone."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from tally import attempt, record
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mnist_tutorial.__main__ import main
from mnist_tutorial.checkpoint import load_card, load_checkpoint
from mnist_tutorial.data import SAMPLE, tensor_loader
from mnist_tutorial.errors import DatasetError
from mnist_tutorial.recipes.distributed import Share, SharedJob, process_group
from mnist_tutorial.training import Job

# torchrun's own agent in a Python that imports once what its workers need: where a process can be
# forked safely, they are. The command itself is what chapter 7 types.
AGENT = """
import os, signal, sys
import torch
import torch._dynamo
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from mnist_tutorial import load_mnist
from mnist_tutorial.__main__ import main

{work}

if __name__ == "__main__":
    torch.set_num_threads(1)
    load_mnist(root="sample")
    elastic_launch(LaunchConfig(
        1, 1, 2, run_id="test", rdzv_backend="c10d", rdzv_endpoint="localhost:0", max_restarts=1,
        start_method="fork" if sys.platform == "linux" else "spawn"), work)(*sys.argv[1:])
"""
# One worker dies in the middle of the second epoch, at its first start only.
KILLED = """
step, steps = torch.optim.SGD.step, []

def die_in_second_epoch(*arguments, **options):
    steps.append(1)
    if len(steps) == 30:
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*arguments, **options)

def work(*arguments):
    if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        torch.optim.SGD.step = die_in_second_epoch
    assert main(arguments) == 0
"""
TRAIN = ["train", "--root", SAMPLE, "--epochs", "3", "--lr", "0.03", "--device", "cpu"]


def torchrun(folder, work, *arguments):
    (folder / "agent.py").write_text(AGENT.format(work=work))
    return subprocess.run([sys.executable, "agent.py", *arguments], capture_output=True, text=True,
                          timeout=120, cwd=folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The weights of a training run in one process."""
    path = tmp_path_factory.mktemp("alone") / "net.pt"
    assert main([*TRAIN, "--output", str(path)]) == 0
    return path


def history(path):
    return torch.tensor(load_card(path)["history"])[:, :-1]  # without the seconds


def test_two_processes_give_what_one_gives_even_if_one_is_killed(tmp_path, alone):
    output = tmp_path / "net.pt"
    done = torchrun(tmp_path, KILLED, *TRAIN, "--output", str(output),
                    "--checkpoint", str(tmp_path / "c.pt"), "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Resumed after epoch 1") == 1 and (tmp_path / "died").exists()
    assert done.stdout.count("Epoch 3/3") == 1  # one process speaks
    torch.testing.assert_close(history(output), history(alone), atol=2e-3, rtol=1e-3)
    ours, theirs = (load_card(path)["test_accuracy"]["mean"] for path in (output, alone))
    assert ours == pytest.approx(theirs, abs=0.01)
    for ours, theirs in zip(load_checkpoint(output).values(), load_checkpoint(alone).values()):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-2)


def test_shares_are_the_batch_without_overlap():
    batches = [(torch.arange(7.0), torch.arange(7)), (torch.arange(4.0), torch.arange(4))]
    seen = []
    for rank in range(3):
        share = Share(batches, rank, 3)
        seen.append([labels.tolist() for _, labels in share])
        assert share.seen == sum(map(len, seen[-1]))
    assert seen == [[[0, 3, 6], [0, 3]], [[1, 4], [1]], [[2, 5], [2]]]


def test_weights_make_the_mean_of_the_shares_that_of_the_batch():
    images, labels, weighed = torch.rand(7, 2), torch.arange(7), []
    for rank in range(2):
        share = Share([(images, labels)], rank, 2)
        for part, number in share:
            weighed.append(share.weigh(lambda part, number: part.mean())(part, number))
    torch.testing.assert_close(sum(weighed) / 2, images.mean())


def test_too_small_a_batch_is_refused():
    with pytest.raises(ValueError, match="at least 4 images.*got one of 3"):
        list(Share([(torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64))], 0, 4))


def test_too_small_a_batch_is_refused_wherever_it_comes():
    images, labels = torch.zeros(35, 2), torch.zeros(35, dtype=torch.int64)
    data = TensorDataset(images, labels)  # batches of 16, 16 and 3
    for loader in (DataLoader(data, 16), tensor_loader(data, 16), tensor_loader(data, 32)):
        assert attempt("ranks: more than a batch has images", list, Share(loader, 0, 4),
                       refusal=DatasetError, match="at least 4 images.*got one of 3") is None
    for loader in (DataLoader(data, 16, drop_last=True), tensor_loader(data, 7),
                   [(images, labels)]):
        assert [len(labels) for _, labels in Share(loader, 0, 4)][0] in (2, 4, 9)


@pytest.mark.parametrize("batch", [{"image": 1}, (torch.zeros(4, 1),), [torch.zeros(4)] * 2, None])
def test_ranks_say_what_is_no_batch(batch):
    with pytest.raises(DatasetError, match="expected batches of images"):
        SharedJob("cpu", rank=0, size=2).test(nn.Linear(1, 2), [batch])


# The first process has a checkpoint of two epochs, the second one another. Not to be overwritten.
UNEVEN = """
def work(*arguments):
    os.chdir(os.environ["RANK"])
    assert main([word for word in arguments if word != "--resume"]) == 1
    os.environ["TORCHELASTIC_RESTART_COUNT"] = "1"  # they meet again
    assert main(arguments) == 0
"""


def test_processes_that_see_different_checkpoints_go_on_from_the_firsts(tmp_path, alone):
    for rank, epochs, lr in (("0", "2", "0.03"), ("1", "1", "0.5")):
        main([*TRAIN[:3], "--epochs", epochs, "--lr", lr, "--device", "cpu", "--checkpoint",
              str(tmp_path / rank / "c.pt"), "--output", str(tmp_path / "other.pt")])
    done = torchrun(tmp_path, UNEVEN, *TRAIN, "--output", str(tmp_path / "net.pt"),
                    "--checkpoint", "c.pt", "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("train: c.pt holds a training run") == 2  # each process refuses
    assert done.stdout.count("Resumed after epoch 2") == 1
    torch.testing.assert_close(history(tmp_path / "net.pt"), history(alone), atol=2e-3, rtol=1e-3)
    assert len(load_checkpoint(tmp_path / "1" / "c.pt")["history"]) == 1  # untouched
    record("ranks: different checkpoints", tried=2, survived=1, refused=1)


def test_alone_nothing_changes():
    job = Job("cpu")
    with process_group(job) as same:
        assert same is job


def test_only_the_first_process_speaks_and_writes(tmp_path, capsys):
    for rank in (1, 0):
        job = SharedJob("cpu", checkpoint=tmp_path / "c.pt", rank=rank, size=2)
        job.say(f"from {rank}")
        job.save(SimpleNamespace(state={}))
        assert (tmp_path / "c.pt").exists() == (rank == 0)
    assert capsys.readouterr().out == "from 0\n"
