"""Tests of mnist_tutorial.recipes.captured: a recorded step is the step."""

import pytest
import torch
from torch.nn import functional as F

from mnist_tutorial import evaluate
from mnist_tutorial.model import FastNet
from mnist_tutorial.recipes import train
from mnist_tutorial.recipes.captured import CapturedJob
from mnist_tutorial.training import Job

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def trained(job):
    """Train a network for an epoch: its weights, mean loss and accuracy while it learned."""
    loaders = train.mnist_loaders(64, "sample", seed=1)
    torch.manual_seed(1)
    model = FastNet()
    job.place(model)
    chosen = train.RECIPES["fast"]
    optimizer = train.make_optimizer(model, chosen)
    means = job.train(model, loaders.train, optimizer, None, 0, F.cross_entropy)
    return model, means, evaluate(model, loaders.validation)


def test_without_a_gpu_it_is_an_ordinary_job(sample):
    ours, our_means, _ = trained(CapturedJob(device="cpu"))
    theirs, their_means, _ = trained(Job(device="cpu"))
    assert our_means == their_means
    assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))


def test_each_training_run_records_its_own_step():
    job = CapturedJob(device="cpu", recorded="another run's")
    job.place(FastNet())
    assert job.recorded is None


@needs_gpu
def test_recorded_steps_learn_what_launched_ones_learn(sample):
    _, (loss, accuracy), (_, validated) = trained(CapturedJob())
    _, (their_loss, their_accuracy), (_, theirs) = trained(Job())
    assert loss == pytest.approx(their_loss, rel=0.1)  # bfloat16, and the short batch filled up
    assert accuracy == pytest.approx(their_accuracy, abs=0.03)
    assert validated == pytest.approx(theirs, abs=0.05)


def test_on_a_gpu_the_recipe_is_another(monkeypatch):
    """Where the settings come from; that the steps are recorded takes a GPU."""
    monkeypatch.setattr(Job, "where", lambda job: torch.device("cuda"))
    assert train.settings_of("fast", {"lr": 0.1}, Job()) == train.RECIPES["fast"] | dict(
        net="FastNet for a GPU", epochs=2, batch_size=1024, lr=0.1)
    assert train.settings_of("classic", {}, Job()) == train.RECIPES["classic"]
    net = train.NETS["FastNet for a GPU"]()
    assert [net.conv[0].out_channels, net.conv[2].out_channels] == [48, 96]
    assert net.conv[0].weight.requires_grad and not FastNet().conv[0].weight.requires_grad
