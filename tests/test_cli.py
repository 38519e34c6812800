"""The command line as a user meets it; most tests call `main`, one starts Python afresh."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from mnist_tutorial import load_pretrained
from mnist_tutorial.__main__ import main
from mnist_tutorial.live import frames, webcam
from mnist_tutorial.reading.images import IMG


def run_python(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "mnist_tutorial", *arguments], capture_output=True,
                          text=True, timeout=120, **options)


def test_predict_reads_seven_in_a_process_of_its_own(tmp_path):
    done = run_python("predict", str(IMG / "7.png"), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{IMG / '7.png'}: 7, confidence ")
    assert "shipped weights" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("name, content",
                         [("missing.png", None), ("text.png", b"no picture"), ("empty.png", b""),
                                           ("folder.png", "folder"), ("cut.png", "cut")])
def test_predict_refuses_bad_input_in_one_line(tmp_path, capsys, name, content):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content == "cut":
        path.write_bytes((IMG / "7.png").read_bytes()[:5000])
    elif content is not None:
        path.write_bytes(content)
    assert main(["predict", str(path)]) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == "" and line.count(name) == 1


def test_predict_says_which_page_is_empty(tmp_path, capsys):
    Image.new("L", (200, 200), 230).save(tmp_path / "page.png")
    assert main(["predict", str(tmp_path / "page.png")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'page.png'}: no ink found")


def test_predict_goes_on_after_a_bad_picture(tmp_path, capsys):
    assert main(["predict", str(tmp_path / "none.png"), str(IMG / "3.jpg")]) == 1
    out, err = capsys.readouterr()
    assert ": 3, confidence " in out and "none.png" in err


def test_predict_refuses_weights_that_are_none(tmp_path, capsys):
    (tmp_path / "bad.pt").write_text("no weights")
    assert main(["predict", "--weights", str(tmp_path / "bad.pt"), str(IMG / "3.jpg")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_train_saves_network_and_card_and_predict_uses_them(tmp_path, capsys, sample):
    output = tmp_path / "mine.pt"
    assert main(["train", "--epochs", "2", "--lr", "0.1", "--seeds", "3", "4",
                 "--output", str(output)]) == 0
    out = capsys.readouterr().out
    assert "Epoch 2/2" in out and "Test accuracy over 2 seeds: mean" in out
    card = json.loads(output.with_suffix(".json").read_text())
    assert card["recipe"]["epochs"] == 2 and card["recipe"]["lr"] == 0.1
    assert card["weights_of_seed"] == 3 and set(card["test_accuracy"]["of_each_seed"]) == {"3", "4"}
    assert "embedded sample" in card["name"] and len(card["history"]) == 2
    assert "embedded sample" in load_pretrained(output).weights_name

    assert main(["predict", "--weights", str(output), str(IMG / "7.png")]) == 0
    assert "embedded sample" in capsys.readouterr().out


def test_train_can_be_stopped_and_resumed(tmp_path, capsys, sample, monkeypatch):
    from mnist_tutorial import training
    whole, resumed, checkpoint = tmp_path / "whole.pt", tmp_path / "resumed.pt", tmp_path / "c.pt"
    options = ["train", "--epochs", "3", "--recipe", "tuned",
               "--device", "cpu"]  # a GPU rounds as it likes
    assert main([*options, "--output", str(whole)]) == 0

    evaluate, calls = training.evaluate, []

    def stop_in_second_epoch(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    options += ["--checkpoint", str(checkpoint), "--resume", "--output", str(resumed)]
    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", stop_in_second_epoch)
        assert main(options) == 130
    assert not resumed.exists() and "as after epoch 1" in capsys.readouterr().out
    assert main(options) == 0
    assert "Resumed after epoch 1" in capsys.readouterr().out
    states = [load_pretrained(path).state_dict() for path in (whole, resumed)]
    assert all((states[0][key] == states[1][key]).all() for key in states[0])


def test_train_refuses_what_cannot_be(tmp_path, capsys, sample):
    assert main(["train", "--root", str(tmp_path)]) == 1
    assert "expected the four files" in capsys.readouterr().err
    assert main(["train", "--checkpoint", "c.pt", "--seeds", "1", "2"]) == 1
    assert "expected one seed" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["predict"], ["train", "--epochs", "0"],
                                       ["train", "--lr", "-1"], ["train", "--momentum", "1"],
                                       ["train", "--recipe", "secret"],
                                       ["train", "--device", "abacus"],
                                       ["webcam", "--frames", "0"], ["webcam", "--size", "640"],
                                       ["webcam", "--size", "0", "480"]])
def test_wrong_command_lines_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["check"], ["train"], ["predict"], ["webcam"]])
def test_help_reads_well(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    out = capsys.readouterr().out
    assert stopped.value.code == 0 and out.startswith("usage: python -m mnist_tutorial")
    assert "None" not in out and "SUPPRESS" not in out


def test_webcam_reads_the_clip(capsys):
    """Its beginning; the README's line reads it to the end."""
    assert main(["webcam", "--source", "clip", "--no-window", "--frames", "30"]) == 0
    out = capsys.readouterr().out
    assert "per second" in out and "read: 3\n(shipped weights)" in out


def test_webcam_without_a_source_says_so(capsys):
    assert main(["webcam", "--source", "none.mp4", "--no-window"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.mp4" in line


def test_webcam_lists_the_cameras(capsys, monkeypatch):
    monkeypatch.setattr(frames, "find_cameras", lambda: [(0, 640, 480), (2, 1280, 720)])
    assert main(["webcam", "--list"]) == 0
    assert capsys.readouterr().out == "camera 0: 640x480\ncamera 2: 1280x720\n"
    monkeypatch.setattr(frames, "find_cameras", lambda: [])
    assert main(["webcam", "--list"]) == 1
    assert "no camera found" in capsys.readouterr().err


def test_webcam_hands_its_options_on(capsys, monkeypatch):
    calls = []

    def run(*arguments, **options):
        calls.append((arguments[0], options))
        return webcam.Report(5, 1.0, [], stopped, [])

    monkeypatch.setattr(webcam, "run", run)
    command = ["webcam", "--source", "1", "--size", "1280", "720", "--mirror", "--frames", "5"]
    stopped = "max_frames"
    assert main(command) == 0
    assert calls == [("1", {"show": "auto", "max_frames": 5, "mirror": True, "size": [1280, 720]})]
    stopped = "stop button"
    assert main(command) == 130


def test_check_passes_here(capsys, sample):
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    for name in ("Python", "PyTorch", "GPU", "Camera", "Window", "Data", "Weights"):
        assert f"] {name}: " in out


def test_predict_takes_folders_and_patterns(tmp_path, capsys):
    """Windows expands no patterns, and one that matches nothing stops nothing."""
    for name in ("3.jpg", "7.png"):
        Image.open(IMG / name).save(tmp_path / name)
    pattern = str(tmp_path / "*.png")
    assert main(["predict", str(tmp_path), str(tmp_path / "*.gif"), pattern]) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[1][0] for line in out.splitlines()] == ["3", "7", "7"]
    assert err.count("\n") == 1 and "*.gif" in err
