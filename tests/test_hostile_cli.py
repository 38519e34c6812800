"""What may be typed: every option with odd values, names that cannot be printed, Ctrl-C early."""

import os
import subprocess
import sys

import pytest
import tally
from PIL import Image

from mnist_tutorial.__main__ import main, make_parser
from mnist_tutorial.checkpoint import load_card
from mnist_tutorial.reading.images import IMG

ODD = ["", " ", "0", "-1", "1", "2", "0.5", "1.5", "1e3", "1e30", "-0", "nan", "inf", "-inf",
       "1_000", str(10 ** 30), "9" * 5000, "0x10", "one", "None", "True", "[1]", "1,2", "1 2", "é",
       "7/0", "\u0661", "\u624b", "\U0001f600", "\n", "\x00", "\x1b[31m", "%s", "{}", "$HOME",
       "../..", "a" * 5000]
OPTIONS = {
    "train": ["--epochs", "--batch-size", "--lr", "--momentum", "--seeds", "--threads", "--device",
              "--recipe"],
    "webcam": ["--frames", "--size 640"],
}
PAIRS = [(command, option) for command, options in OPTIONS.items() for option in options]


@pytest.mark.parametrize("command, option", PAIRS)
def test_options_take_any_text(command, option, capsys):
    """Each value is understood, or refused in one line with exit code 2."""
    for value in ODD:
        for words in ([*option.split(), value], [f"{option}={value}"]):
            done = tally.attempt("command lines", parsed_or_refused, [command, *words], capsys,
                                 refusal=Refused)
            assert done in (True, None)


class Refused(Exception):
    """The command line was refused as it should be."""


def parsed_or_refused(words, capsys):
    try:
        make_parser().parse_args(words)
        return True
    except SystemExit as stopped:
        usage, _, line = capsys.readouterr().err.partition("error: ")
        assert stopped.code == 2 and usage.startswith("usage: ") and line, words
        raise Refused(" ".join(line.split()) + " (refused)") from None


@pytest.mark.parametrize("arguments", [
    ["--seeds", str(10 ** 30)], ["--seeds", "-1"], ["--batch-size", str(10 ** 30)],
    ["--threads", str(10 ** 12)], ["--device", "meta"], ["--lr", "inf"], ["--epochs", "1e3"]])
def test_numbers_that_cannot_be_are_refused(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", *arguments])
    assert "expected a number from" in (error := capsys.readouterr().err) or "no device" in error


def test_frames_of_any_size_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["webcam", "--size", "20000", "20000"])
    assert "from 1 to 4096" in capsys.readouterr().err


def test_a_momentum_of_zero_is_one(tmp_path, sample):
    output = tmp_path / "net.pt"
    assert main(["train", "--epochs", "1", "--momentum", "0", "--output", str(output)]) == 0
    assert load_card(output)["recipe"]["momentum"] == 0


def test_one_file_for_two_things_is_refused(tmp_path, monkeypatch, capsys, sample):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for output, checkpoint in (("~/a.pt", "~/a.pt"), ("~/a.pt", str(tmp_path / "a.pt")),
                               ("~/a.pt", "~/a.json"), (str(tmp_path / "b/../a.pt"), "~/a.pt")):
        assert main(["train", "--output", output, f"--checkpoint={checkpoint}"]) == 1
        assert "two have one name" in capsys.readouterr().err
        tally.record("one file for two things", tried=1, refused=1)


PRINTED = """
import sys
from mnist_tutorial.__main__ import main
for encoding in ("gbk", "cp1252", "ascii"):
    sys.stdout.reconfigure(encoding=encoding, errors="strict")
    sys.stderr.reconfigure(encoding=encoding)
    assert main(["predict", *sys.argv[1:]]) == 1
"""


def test_names_that_cannot_be_printed_stop_nothing(tmp_path):
    names = ["手写七.png", "sept é.png", "\U0001f600.png", "two\nlines.png", "7.png"]
    for name in names:
        Image.open(IMG / "7.png").save(tmp_path / name)
    done = subprocess.run([sys.executable, "-c", PRINTED, *names, "無.png"], cwd=tmp_path,
                          capture_output=True, timeout=120,
                          env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    lines, errors = done.stdout.splitlines(), done.stderr.splitlines()
    assert done.returncode == 0 and len(lines) == 3 * len(names) and len(errors) == 3, done
    assert all(b": 7, confidence" in line for line in lines)
    tally.record("names that cannot be printed", tried=18, survived=15, refused=3)


STOPPED_AT = """
import signal, sys
from mnist_tutorial.__main__ import main

class Stop:
    def find_spec(name, *_):
        if name == sys.argv[1]:
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in jobs of a script
sys.meta_path.insert(0, Stop)
sys.exit(main(["predict", sys.argv[2]]))
"""


@pytest.mark.parametrize("module", ["torch", "numpy", "numpy.exceptions", "torch.optim",
                                    "mnist_tutorial.reading.predict"])
def test_ctrl_c_while_it_starts_is_one_line(tmp_path, module):
    """Most of the first second goes by importing PyTorch, which goes on without NumPy too."""
    done = subprocess.run([sys.executable, "-c", STOPPED_AT, module, IMG / "7.png"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (130, "predict: stopped\n"), done
    tally.record("Ctrl-C at the command line", tried=1, survived=1)
