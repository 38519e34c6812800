import math
from functools import partial

import numpy as np
import pytest
import torch
from tally import attempt
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, TensorDataset

from mnist_tutorial import checkpoint, load_pretrained
from mnist_tutorial.checkpoint import hold, load_checkpoint, save_checkpoint
from mnist_tutorial.data import tensor_loader
from mnist_tutorial.errors import CheckpointError, DatasetError, ModelError
from mnist_tutorial.training import (
    Job,
    evaluate,
    fit,
    probabilities,
    train_one_epoch,
)


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
    with pytest.raises(CheckpointError, match="other settings .lr: 0.1 in the checkpoint, 0.2 now"):
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


# --- what does not fit ---------------------------------------------------------------------------

POINTS, LABELS = make_data(32).tensors


class Batches(list):
    """A loader of one batch, hostile or not."""


def flat():
    return nn.Linear(2, 2)


BAD_BATCHES = {
    "dict": {"image": POINTS, "label": LABELS}, "three": (POINTS, LABELS, LABELS),
    "one": (POINTS,), "text": ("ab", "cd"), "none": None, "number": 3, "tensor": POINTS,
    "one-hot": (POINTS, F.one_hot(LABELS, 2).float()), "int32": (POINTS, LABELS.int()),
    "bytes": (POINTS, LABELS.byte()), "floats": (POINTS, LABELS.float()),
    "column": (POINTS, LABELS[:, None]), "numpy": (POINTS.numpy(), LABELS.numpy()),
    "fewer labels": (POINTS, LABELS[:-1]), "fewer images": (POINTS[:-1], LABELS),
    "scalar": (POINTS[0], LABELS[0]), "lists": (POINTS.tolist(), LABELS.tolist()),
    "bool": (POINTS, LABELS.bool()), "strings": (POINTS, list("ab" * 16)),
    "swapped": (LABELS, POINTS), "nested": ((POINTS, LABELS), LABELS),
    "labels too high": (POINTS, LABELS + 1), "labels below 0": (POINTS, LABELS - 1),
    "letters": (POINTS, LABELS + 25)}


def train(model, loader):
    return fit(model, loader, epochs=1, job=Job("cpu"))


@pytest.mark.parametrize("what", BAD_BATCHES)
def test_batches_that_are_none_are_refused_in_the_courses_words(what):
    model = flat()
    before = model.weight.detach().clone()
    for loader in (Batches([BAD_BATCHES[what]]), iter([BAD_BATCHES[what]])):
        assert attempt("training: loaders that are none", train, model, loader,
                       refusal=DatasetError, match="expected (batches|labels)") is None
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("loader", [[], iter([]),
                                    DataLoader(TensorDataset(POINTS[:0], LABELS[:0]))])
def test_empty_loaders_are_refused(loader):
    assert attempt("training: loaders that are none", train, flat(), loader,
                   refusal=DatasetError, match="at least one image") is None


def test_a_dataset_and_a_tuple_of_loaders_are_no_loader():
    loader = DataLoader(make_data(), 16)
    for wrong, said in ((make_data(), r"float32 \(2,\) and int64 \(\)"),
                        ((loader, loader), "DataLoader")):
        assert attempt("training: loaders that are none", fit, flat(), wrong, epochs=1,
                       job=Job("cpu"), refusal=DatasetError, match=said) is None


def test_a_generator_lasts_one_epoch_and_that_is_said():
    def batches():
        yield POINTS, LABELS

    assert len(fit(flat(), batches(), epochs=1, job=Job("cpu"))) == 1
    with pytest.raises(DatasetError, match="generator"):
        fit(flat(), batches(), epochs=2, job=Job("cpu"))


class Answers(nn.Module):
    """A network that answers with what it is told to."""

    def __init__(self, answer):
        super().__init__()
        self.layer, self.answer = nn.LazyLinear(10), answer

    def forward(self, x):
        return self.answer(self.layer(x.flatten(1)))


BAD_ANSWERS = {
    "tuple": lambda y: (y, y), "dict": lambda y: {"logits": y}, "none": lambda y: None,
    "text": str, "one column": lambda y: y[:, :1], "flat": lambda y: y[:, 0],
    "four axes": lambda y: y[..., None, None], "whole numbers": lambda y: y.argmax(1),
    "integers": lambda y: y.long(), "fewer": lambda y: y[:1], "more": lambda y: torch.cat([y, y]),
    "numpy": lambda y: y.detach().numpy(), "list": lambda y: y.tolist(),
    "no column": lambda y: y[:, :0],
    "complex": lambda y: y + 1j, "bool": lambda y: y > 0, "nothing": lambda y: y.missing,
    "wrong shape": lambda y: y @ y, "raises": lambda y: 1 / 0}


@pytest.mark.parametrize("what", BAD_ANSWERS)
def test_answers_that_are_none_are_refused_in_the_courses_words(what):
    model, images = Answers(BAD_ANSWERS[what]), torch.zeros(5, 28, 28, dtype=torch.uint8)
    batch = torch.randn(5, 1, 28, 28), torch.arange(5)
    for function, given in ((train, [batch]), (probabilities, images)):
        assert attempt("models: answers that are none", function, model, given, refusal=ModelError,
                       match="expected logits|fails on images float32") is None


@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (1, 784), (1, 28), (3, 3, 3, 3, 3)])
def test_images_of_a_wrong_shape_are_named(shape):
    conv = nn.Sequential(nn.Conv2d(3, 2, 5), nn.Flatten(), nn.Linear(1152, 10))
    batch = torch.zeros(2, *shape), torch.zeros(2, dtype=torch.int64)
    assert attempt("models: images of a wrong shape", train, conv, [batch], refusal=ModelError,
                   match=rf"float32 \(2, {shape[0]}, ") is None


@pytest.mark.parametrize("model", [None, "net.pt", Answers, {}, lambda x: x, torch.zeros(3)])
def test_what_is_no_network_is_refused(model):
    images = torch.zeros(5, 28, 28, dtype=torch.uint8)
    for function, given in ((probabilities, images), (fit, DataLoader(make_data()))):
        assert attempt("models: no network at all", function, model, given, refusal=ModelError,
                       match="expected a network") is None


def test_the_number_of_classes_can_be_asked_for():
    images = torch.zeros(3, 28, 28, dtype=torch.uint8)
    assert probabilities(load_pretrained(), images, 10).shape == (3, 10)
    for columns in (2, 9, 11, 26):
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, columns))
        assert probabilities(net, images).shape == (3, columns)
        assert attempt("models: answers that are none", probabilities, net, images, 10,
                       refusal=ModelError,
                       match=rf"float \(3, 10\).*float32 \(3, {columns}\)") is None


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_answers_in_float32(kind):
    images = torch.arange(2 * 784).view(2, 28, 28).byte()
    right = probabilities(load_pretrained(), images)
    answers = probabilities(load_pretrained().to(kind), images)
    assert answers.dtype == np.float32 and answers == pytest.approx(right, abs=0.1)
    with torch.autocast("cpu"):
        answers = probabilities(load_pretrained(), images)
    assert answers.dtype == np.float32 and answers == pytest.approx(right, abs=0.1)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_are_taken_as_they_are_but_not_trained_on(kind):
    images = torch.arange(2 * 784).view(2, 28, 28).byte()
    soft = nn.Sequential(load_pretrained(), nn.Softmax(dim=1))
    right = probabilities(load_pretrained(), images)
    assert probabilities(soft.to(kind), images) == pytest.approx(right, abs=0.1)
    logs = nn.Sequential(load_pretrained(), nn.LogSoftmax(dim=1))
    assert probabilities(logs, images) == pytest.approx(right, abs=1e-5)


def test_a_softmax_before_cross_entropy_is_refused():
    def try_out(last, **options):
        return fit(nn.Sequential(nn.Linear(2, 2), last), DataLoader(make_data()), epochs=1,
                   report_every=0, job=Job("cpu"), **options)

    assert try_out(nn.LogSoftmax(dim=1)) and try_out(nn.Identity())
    assert try_out(nn.Softmax(dim=1), loss_function=lambda p, label: F.nll_loss(p.log(), label))
    for loss in (F.cross_entropy, nn.CrossEntropyLoss(),
                 partial(F.cross_entropy, reduction="mean")):
        assert attempt("models: softmax twice", try_out, nn.Softmax(dim=1), loss_function=loss,
                       refusal=ModelError, match="remove the Softmax") is None


def test_an_optimizer_that_changes_nothing_is_refused():
    model, other, loader = flat(), flat(), DataLoader(make_data())
    theirs = torch.optim.SGD(other.parameters(), lr=0.1)
    mine = torch.optim.SGD(model.parameters(), lr=0.1)
    what = "training: nothing would be learned"
    for options in ({"optimizer": theirs}, {"scheduler": StepLR(mine, 1)},
                    {"optimizer": mine, "scheduler": StepLR(theirs, 1)}):
        assert attempt(what, fit, model, loader, job=Job("cpu"), **options, refusal=ModelError,
                       match="make them anew") is None
    for block in (torch.no_grad(), torch.inference_mode()):
        with block:
            assert attempt(what, fit, model, loader, job=Job("cpu"), refusal=ModelError,
                           match="no_grad") is None
    for frozen in (flat().requires_grad_(False), nn.Flatten()):
        assert attempt(what, fit, frozen, loader, job=Job("cpu"), refusal=ModelError,
                       match="frozen") is None


@pytest.mark.parametrize("epochs", ["3", 0, -1, 2.0, None, [1]])
def test_a_wrong_number_of_epochs_is_refused(epochs):
    assert attempt("training: wrong options", fit, flat(), DataLoader(make_data()), epochs=epochs,
                   refusal=ModelError, match="whole number from 1") is None


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "abacus", object(), 1.5])
def test_a_device_that_is_none_is_refused(device):
    assert attempt("training: wrong options", fit, flat(), DataLoader(make_data()), epochs=1,
                   job=Job(device), refusal=ModelError, match="device") is None


@pytest.mark.parametrize("name", ["adam", "Adam", "ADAMW", "rmsprop", "sgd", torch.optim.Adam])
def test_an_optimizer_by_its_name_is_that_optimizer(name):
    if not isinstance(name, str):
        name = name.__name__
    kind = {each.lower(): getattr(torch.optim, each) for each in dir(torch.optim)
            if isinstance(getattr(torch.optim, each), type)}[name.lower()]
    weights = []
    for made in (False, True):
        torch.manual_seed(0)
        model = flat()
        options = {"optimizer": kind(model.parameters(), lr=0.1)} if made else {
            "optimizer": name, "lr": 0.1}
        fit(model, DataLoader(make_data(), 16), epochs=2, report_every=0, job=Job("cpu"), **options)
        weights.append(model.weight.detach())
    assert torch.equal(*weights)


def test_a_learning_rate_alone_is_that_of_the_usual_optimizer():
    weights = []
    for made in (False, True):
        torch.manual_seed(0)
        model = flat()
        same = torch.optim.SGD(model.parameters(), 0.3, 0.5)
        options = {"optimizer": same} if made else {"lr": 0.3}
        fit(model, DataLoader(make_data(), 16), epochs=1, report_every=0, job=Job("cpu"), **options)
        weights.append(model.weight.detach())
    assert torch.equal(*weights)


def test_optimizers_that_are_none_are_refused():
    model, loader = flat(), DataLoader(make_data())
    mine = torch.optim.SGD(model.parameters(), lr=0.1)
    for options in ({"optimizer": "adman"}, {"optimizer": 3}, {"optimizer": mine, "lr": 0.1},
                    {"optimizer": nn.Linear}, {"optimizer": ""}, {"optimizer": mine.param_groups}):
        assert attempt("training: wrong options", fit, model, loader, epochs=1, job=Job("cpu"),
                       **options, refusal=ModelError,
                       match="optimizer: expected one of torch") is None
    with pytest.raises(TypeError, match="epoch"):
        fit(model, loader, epoch=3)


# --- schedules -----------------------------------------------------------------------------------

def rates(make, epochs=3, validation=True):
    model = flat()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler, seen = make(optimizer), []
    loader = DataLoader(make_data(64), 16)  # four batches

    def loss(outputs, labels):
        seen.append(optimizer.param_groups[0]["lr"])
        return F.cross_entropy(outputs, labels)

    fit(model, loader, loader if validation else None, epochs=epochs, optimizer=optimizer,
        scheduler=scheduler, loss_function=loss, report_every=0, job=Job("cpu"))
    return seen


def test_schedules_of_epochs_are_stepped_each_epoch():
    expected = [rate for rate in (1, 0.5, 0.25) for _ in range(4)]
    assert rates(lambda optimizer: StepLR(optimizer, 1, 0.5)) == pytest.approx(expected)


def test_schedules_of_batches_are_stepped_each_batch():
    for make in (lambda optimizer: OneCycleLR(optimizer, 1.0, total_steps=13),
                 lambda optimizer: CyclicLR(optimizer, 0.1, 1.0, step_size_up=7)):
        seen = rates(make)
        assert len(set(seen)) > 6 and len(seen) == 12


@pytest.mark.parametrize("validation", [True, False])
def test_a_plateau_is_seen(validation):
    never_better = {"factor": 0.1, "patience": 0, "threshold": 10, "threshold_mode": "abs"}
    seen = rates(lambda optimizer: ReduceLROnPlateau(optimizer, **never_better),
                 validation=validation)
    assert seen == pytest.approx([1] * 8 + [0.1] * 4)


# --- nothing is lost -----------------------------------------------------------------------------

def test_a_checkpoint_is_never_overwritten_by_another_run(tmp_path):
    path = tmp_path / "a.pt"
    Setup().fit(3, checkpoint=path)
    for _ in range(3):
        assert attempt("training: --resume forgotten", Setup().fit, 1, checkpoint=path,
                       refusal=CheckpointError, match="resume it, or name another file") is None
    assert len(load_checkpoint(path)["history"]) == 3


def test_resume_without_a_checkpoint_is_refused(tmp_path, capsys):
    with pytest.raises(CheckpointError, match="resume: expected a checkpoint"):
        Setup().fit(1, resume=True)
    Setup().fit(1, checkpoint=tmp_path / "new.pt", resume=True)
    assert f"Nothing to resume at {tmp_path / 'new.pt'}" in capsys.readouterr().out


def test_two_trainings_do_not_share_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "PATIENCE", 0.1)
    with hold(tmp_path / "a.pt"):
        for _ in range(3):
            assert attempt("training: two on one checkpoint", Setup().fit, 1, resume=True,
                           checkpoint=tmp_path / "a.pt", refusal=CheckpointError,
                           match="another training writes it") is None
    assert len(Setup().fit(1, checkpoint=tmp_path / "a.pt")) == 1


def test_what_was_stopped_without_a_checkpoint_can_be_resumed(tmp_path, capsys):
    rescue = tmp_path / "net.stopped"
    rescue.write_text("of an earlier run")
    stopped = Setup()
    stopped.loader = Interrupted(stopped.loader)
    assert len(stopped.fit(4, rescue=rescue, settings={"lr": 1})) == 2
    assert f"Saved to {rescue}~" in capsys.readouterr().out
    assert rescue.read_text() == "of an earlier run"
    whole, second = Setup(), Setup()
    whole.fit(4)
    second.fit(4, checkpoint=f"{rescue}~", resume=True, settings={"lr": 1})
    assert torch.equal(second.weights(), whole.weights())


def test_nothing_is_rescued_that_is_saved_or_not_begun(tmp_path):
    for epoch, options in ((2, {"checkpoint": tmp_path / "a.pt"}), (0, {})):
        stopped = Setup()
        stopped.loader = Interrupted(stopped.loader)
        stopped.loader.epochs = 2 - epoch
        stopped.fit(4, rescue=tmp_path / "net.stopped", **options)
        assert not (tmp_path / "net.stopped").exists()


def test_a_checkpoint_that_cannot_be_written_is_found_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, "", ".", tmp_path / "file" / "a.pt", tmp_path / ("a" * 300), "a\0b",
                 tmp_path / "card.json", "/proc/none/a.pt"):
        setup = Setup()
        before = setup.weights()
        assert attempt("training: checkpoints that cannot be written", setup.fit, 1,
                       checkpoint=path, refusal=CheckpointError) is None
        assert torch.equal(setup.weights(), before)


def test_more_epochs_than_asked_for_are_not_cut(tmp_path):
    path = tmp_path / "c.pt"
    Setup().fit(3, checkpoint=path)
    with pytest.raises(CheckpointError, match="holds 3 epochs, more than the 1 asked for"):
        Setup().fit(1, checkpoint=path, resume=True)
    assert len(Setup().fit(3, checkpoint=path, resume=True)) == 3


@pytest.mark.parametrize("threads", ["2", -1, 2.0, None, 10 ** 12])
def test_threads_that_cannot_be_change_nothing(threads):
    before = torch.get_num_threads()
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        Setup().fit(1, threads=threads)
    assert torch.get_num_threads() == before
    assert len(Setup().fit(1, threads=1)) == 1 and torch.get_num_threads() == before


def test_a_schedule_of_epochs_says_so(capsys):
    model = flat()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    fit(model, DataLoader(make_data(), 16), epochs=1, job=Job("cpu"), optimizer=optimizer,
        scheduler=StepLR(optimizer, 1))
    assert "StepLR: one step after each epoch" in capsys.readouterr().out


def test_an_empty_batch_is_none():
    with pytest.raises(DatasetError, match="at least one image"):
        train(flat(), [(POINTS[:0], LABELS[:0])])
