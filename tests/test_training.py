import math

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from mnist_tutorial.checkpoint import load_checkpoint, save_checkpoint
from mnist_tutorial.data import tensor_loader
from mnist_tutorial.errors import CheckpointError
from mnist_tutorial.training import Job, evaluate, fit, train_one_epoch


def make_data(count=70):
    """Points in the plane, labelled by the side of a line."""
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(count, 2, generator=generator)
    return TensorDataset(points, (points.sum(1) > 0).long())


class Setup:
    """A small model (with dropout, which draws at random), its data, optimizer and schedule."""

    def __init__(self, epochs=4):
        torch.manual_seed(3)
        self.model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        self.loader = tensor_loader(make_data(), batch_size=16, shuffle=True, seed=5,
                                    augment=self.shake)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.scheduler = OneCycleLR(self.optimizer, 0.1, total_steps=epochs * len(self.loader))

    @staticmethod
    def shake(x, generator):
        return x + 0.1 * torch.randn(x.shape, generator=generator)

    def fit(self, epochs, **options):
        return fit(self.model, self.loader, DataLoader(make_data(), 30), epochs=epochs,
                   optimizer=self.optimizer, scheduler=self.scheduler, report_every=0,
                   job=Job("cpu", **options))

    def weights(self):
        return torch.cat([parameter.detach().flatten() for parameter in self.model.parameters()])


def without_times(history):
    return [epoch[:-1] for epoch in history]


def test_evaluate_counts_images_not_batches():
    data = make_data(70)  # batches of 16, 16, 16, 16 and 6
    model = nn.Linear(2, 2)
    loss, accuracy = evaluate(model, DataLoader(data, 16))
    outputs, labels = model(data.tensors[0]).detach(), data.tensors[1]
    by_hand = [-math.log(row.softmax(0)[label]) for row, label in zip(outputs, labels)]
    assert loss == pytest.approx(sum(by_hand) / 70, rel=1e-5)
    assert accuracy == sum(int(row.argmax()) == label for row, label in zip(outputs, labels)) / 70
    assert not model.training


def test_train_one_epoch_takes_the_steps_of_plain_sgd():
    data, model = make_data(40), nn.Linear(2, 2)
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    losses, right = [], 0
    for points, labels in DataLoader(data, 16):
        weight.requires_grad_(), bias.requires_grad_()
        outputs = points @ weight.T + bias
        loss = nn.functional.cross_entropy(outputs, labels)
        gradients = torch.autograd.grad(loss, (weight, bias))
        weight, bias = ((value - 0.5 * gradient).detach()
                        for value, gradient in zip((weight, bias), gradients))
        losses.append(loss.item() * len(labels))
        right += (outputs.argmax(1) == labels).sum().item()

    result = train_one_epoch(model, DataLoader(data, 16),
                             torch.optim.SGD(model.parameters(), lr=0.5))
    torch.testing.assert_close(model.weight.detach(), weight)
    torch.testing.assert_close(model.bias.detach(), bias)
    assert result == (pytest.approx(sum(losses) / 40, rel=1e-5), right / 40)
    assert model.training


@pytest.mark.parametrize("every, batches", [(2, ["2", "4"]), (300, []), (0, [])])
def test_reports_every_so_many_batches(capsys, every, batches):
    model = nn.Linear(2, 2)
    train_one_epoch(model, DataLoader(make_data(70), 16),
                    torch.optim.SGD(model.parameters(), lr=0.1), report_every=every)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1].rstrip(":") for line in lines] == batches


def test_fit_learns_and_keeps_a_history(capsys):
    setup = Setup()
    history = setup.fit(4)
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4]
    assert history[-1].validation_accuracy > 0.9 > history[0].train_accuracy
    assert history[-1].validation_accuracy == evaluate(setup.model, DataLoader(make_data(), 7))[1]
    assert "Epoch 4/4" in capsys.readouterr().out


def test_fit_without_validation_says_nan():
    model = nn.Linear(2, 2)
    (epoch,) = fit(model, DataLoader(make_data(), 16), epochs=1, job=Job("cpu"))
    assert math.isnan(epoch.validation_loss) and math.isnan(epoch.validation_accuracy)
    assert 0 <= epoch.train_accuracy <= 1


def test_resuming_gives_the_same_bits(tmp_path):
    whole = Setup()
    expected = whole.fit(4)
    Setup().fit(2, checkpoint=tmp_path / "a.pt")
    second = Setup()
    history = second.fit(4, checkpoint=tmp_path / "a.pt", resume=True)
    assert torch.equal(second.weights(), whole.weights())
    assert without_times(history) == without_times(expected)


def test_a_training_begun_on_a_gpu_goes_on_without_one(tmp_path):
    Setup().fit(1, checkpoint=tmp_path / "a.pt")
    state = load_checkpoint(tmp_path / "a.pt")
    save_checkpoint(tmp_path / "a.pt",
                    {**state, "random_device": {"cuda": torch.zeros(16, dtype=torch.uint8)}})
    assert len(Setup().fit(2, checkpoint=tmp_path / "a.pt", resume=True)) == 2


def test_same_seed_same_bits_other_seed_others():
    def trained(seed):
        setup = Setup()
        setup.loader.generator.manual_seed(seed)
        setup.fit(1)
        return setup.weights()

    assert torch.equal(trained(5), trained(5))
    assert not torch.equal(trained(5), trained(6))


def test_resume_without_a_file_starts_anew(tmp_path):
    assert len(Setup().fit(1, checkpoint=tmp_path / "new.pt", resume=True)) == 1
    assert (tmp_path / "new.pt").is_file()


def test_resume_refuses_other_settings(tmp_path):
    Setup().fit(1, checkpoint=tmp_path / "a.pt", settings={"lr": 0.1})
    with pytest.raises(CheckpointError, match="made with the settings"):
        Setup().fit(2, checkpoint=tmp_path / "a.pt", settings={"lr": 0.2}, resume=True)


def test_resume_refuses_another_model(tmp_path):
    Setup().fit(1, checkpoint=tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="another model"):
        fit(nn.Linear(2, 2), DataLoader(make_data(), 16), epochs=2,
            job=Job("cpu", checkpoint=tmp_path / "a.pt", resume=True))


class Interrupted:
    """A loader on which the user presses Ctrl-C in the third epoch."""

    def __init__(self, loader):
        self.loader, self.generator, self.epochs = loader, loader.generator, 0

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        self.epochs += 1
        for number, batch in enumerate(self.loader):
            if self.epochs == 3 and number == 2:
                raise KeyboardInterrupt
            yield batch


def test_interrupt_keeps_the_last_finished_epoch(tmp_path, capsys):
    two = Setup()
    expected = two.fit(2)
    stopped = Setup()
    stopped.loader = Interrupted(stopped.loader)
    history = stopped.fit(4, checkpoint=tmp_path / "a.pt")
    assert without_times(history) == without_times(expected)
    assert torch.equal(stopped.weights(), two.weights())
    assert "as after epoch 2" in capsys.readouterr().out
    assert len(load_checkpoint(tmp_path / "a.pt")["history"]) == 2

    whole = Setup()
    whole.fit(4)
    # The loader's third pass is past.
    stopped.fit(4, checkpoint=tmp_path / "a.pt", resume=True)
    assert torch.equal(stopped.weights(), whole.weights())


def test_nan_stops_with_an_explanation_and_restores():
    setup = Setup()
    setup.fit(1)
    good = setup.weights()
    setup.loader.dataset.tensors[0][7] = math.nan
    with pytest.raises(FloatingPointError, match="learning rate is too high"):
        setup.fit(2)
    assert torch.equal(setup.weights(), good)


def test_thread_count_is_as_before():
    torch.set_num_threads(2)
    try:
        Setup().fit(1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
