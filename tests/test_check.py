import sys

import pytest
import torch

from mnist_tutorial import check, pick_device
from mnist_tutorial.errors import CheckpointError, SourceError


def test_mark_and_advice_are_shown():
    assert str(check.Check("Disk", "full", "delete something", needed=True)) == (
        "[FAIL] Disk: full\n       -> delete something")
    assert str(check.Check("Disk", "half full")) == "[ ok ] Disk: half full"
    assert check.Check("Disk", "nearly full", "delete something").mark == "note"


def test_long_advice_is_broken_into_lines():
    lines = str(check.Check("Disk", "full", 30 * "delete something ")).splitlines()
    assert len(lines) > 3 and max(map(len, lines)) <= 88
    assert all(line.startswith("          ") for line in lines[2:])


def test_old_python_fails(monkeypatch):
    assert check.check_python().mark == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    assert check.check_python().mark == "FAIL"


def test_torchvision_that_does_not_fit_fails(monkeypatch):
    assert check.check_torch().mark == "ok"

    def nms(*arguments):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("torchvision.ops.nms", nms)
    outcome = check.check_torch()
    assert outcome.mark == "FAIL" and "pip install" in outcome.advice


def test_no_gpu_is_a_note(monkeypatch):
    monkeypatch.setattr(check, "pick_device", lambda: torch.device("cpu"))
    assert check.check_gpu().mark == "note"
    monkeypatch.setattr(check, "pick_device", lambda: torch.device("mps"))
    assert check.check_gpu().mark == "ok"


@pytest.mark.parametrize("works", [True, False])
def test_camera_is_released_either_way(monkeypatch, works):
    closed = []

    def read_frames(index):
        try:
            if not works:
                raise SourceError("no camera")
            yield torch.zeros(480, 640, 3).numpy()
        finally:
            closed.append(index)

    monkeypatch.setattr(check, "read_frames", read_frames)
    outcome = check.check_camera(2)
    assert closed == [2]
    expected = ("ok", "index 2, 640x480") if works else ("note", "none at index 2")
    assert (outcome.mark, outcome.found) == expected


def test_window(monkeypatch):
    monkeypatch.setattr(check, "has_display", lambda: True)
    assert check.check_window().mark == "ok"
    monkeypatch.setattr(check, "has_display", lambda: False)
    assert check.check_window().mark == "note"


def test_data_in_every_state(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_ROOT", "sample")
    assert check.check_data().mark == "note" and "embedded sample" in check.check_data().found
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path))
    assert check.check_data().mark == "FAIL"
    monkeypatch.delenv("MNIST_ROOT")
    monkeypatch.setattr(check, "DEFAULT_ROOT", tmp_path)
    assert check.check_data().mark == "note" and "4 of the 4" in check.check_data().found


def test_genuine_data_is_ok(monkeypatch, mnist_root):
    monkeypatch.setenv("MNIST_ROOT", str(mnist_root))
    assert check.check_data().mark == "ok"


def test_missing_weights_fail(monkeypatch):
    assert check.check_weights().mark == "ok"

    def load_pretrained():
        raise CheckpointError("no such file")

    monkeypatch.setattr(check, "load_pretrained", load_pretrained)
    assert check.check_weights().mark == "FAIL"


def test_a_gpu_that_cannot_compute_is_not_picked(monkeypatch):
    """Too old for this PyTorch, for example; "meta" stands in: it is found, and has no numbers."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("meta"))
    with pytest.warns(UserWarning, match="meta is there but cannot compute .*: the CPU does"):
        assert pick_device() == torch.device("cpu")
    with pytest.warns(UserWarning, match="cannot compute"):
        assert check.check_gpu().mark == "note"

    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cpu"))
    assert pick_device() == torch.device("cpu")
