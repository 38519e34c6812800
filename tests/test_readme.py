"""What the front page tells people to type works as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")  # the Chinese one has the same blocks
TEXTS = [ROOT / name for name in ("README.md", "README.zh-CN.md", "tests/README.md")]
bash = pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="needs bash")


def blocks(kind, text=README):
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.S | re.M)


def run(script, cwd, path=None):
    environment = {**os.environ, "MNIST_ROOT": "sample", "PYTHONPATH": str(ROOT)}
    if path:
        environment["PATH"] = os.pathsep.join([str(path), os.environ["PATH"]])
    done = subprocess.run(["bash", "-e", "-o", "pipefail"], input=script, cwd=cwd, text=True,
                          env=environment, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def programs(tmp_path):
    """A folder of programs for the PATH: each name, and what a shell does in its stead."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(**scripts):
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return folder
    return make


NAMES = "git uv pip jupyter python python3 ruff mypy pytest pre-commit".split()
VENV = 'if [ "$2" = venv ]; then mkdir -p .venv/bin && touch .venv/bin/activate; fi; '


@bash
@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_blocks_can_be_pasted_into_a_shell(path, programs, tmp_path):
    """Each is run whole, with programs that only tell how they were called."""
    text, folder = path.read_text(encoding="utf-8"), tmp_path / "clone"
    (folder / "mnist_tutorial").mkdir(parents=True)
    tools = programs(**{name: f'{VENV}echo "{name} $*"' for name in NAMES})
    called = [line for block in blocks("bash", text)
              for line in run(block, folder, tools).splitlines()]
    pyproject = (ROOT / "pyproject.toml").read_text()
    for line in called:
        for name in re.findall(r"\s((?:notebooks|img|tests)(?:/[\w./-]*)?)", line):
            assert (ROOT / name).exists(), line
        for extras in re.findall(r"\.\[([\w,]+)\]", line):
            assert all(re.search(rf"^{extra} = ", pyproject, flags=re.M)
                       for extra in extras.split(",")), line
    assert len(called) >= 4


@bash
def test_the_first_look_works(programs):
    """The block that shows what the course can do, as it stands."""
    (block,) = [block for block in blocks("bash") if "predict" in block]
    out = run(block, ROOT, programs(python=f'exec "{sys.executable}" "$@"'))
    assert "img/7.png: 7, confidence" in out and "[ ok ] Weights" in out
    assert "per second" in out and "read: 3 7 2\n(shipped weights)" in out


@pytest.mark.parametrize("path", TEXTS[:2], ids=lambda path: path.name)
def test_windows_lines_need_no_activation(path):
    """They are for PowerShell 5 too, which knows no && and may refuse scripts."""
    lines = "\n".join(blocks("powershell", path.read_text(encoding="utf-8"))).splitlines()
    assert lines[0] == "py -m venv .venv" and len(lines) == 3
    for line in lines[1:]:
        assert re.fullmatch(r"\.venv\\Scripts\\python -m (pip install -e \.|jupyter lab \S+)", line)


def test_no_block_is_for_one_shell_only_and_unnamed():
    for path in TEXTS[:2]:
        fences = re.findall(r"^```(\w*)\n", path.read_text(encoding="utf-8"), flags=re.M)
        assert set(fences[::2]) <= {"bash", "powershell", "python"}, path.name
        assert set(fences[1::2]) == {""}, path.name


TABLE = README.split("## In your own code")[1].split("\n## ")[0]
CALLS = re.findall(r"^\| .+ \| `(.+)` \|$", TABLE, flags=re.M)
EXPECTED = {"predict_image(\"photo.jpg\").digit": 3, "read_digits(\"page.jpg\").text":
            "2026/31415/97580", "run(\"clip.webm\").digits": [3, 7, 2],
            "[answer.digit for answer in predict_image(\"photos\")]": [2, 4]}


@pytest.fixture
def own_code(tmp_path, monkeypatch, sample, figure):
    """The names of the README's code, in a folder with the files that its calls name."""
    for name, copy in (("3.jpg", "photo.jpg"), ("page.jpg", "page.jpg"),
                       ("webcam.webm", "clip.webm"), ("2.jpg", "photos/2.jpg"),
                       ("4.jpg", "photos/4.jpg")):
        (tmp_path / copy).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "img" / name, tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {}
    (code,) = blocks("python")
    exec(code, names)
    return names


def test_there_are_twelve_calls_and_all_do_what_they_say(own_code, tmp_path, capsys):
    assert len(CALLS) == 12
    for call in CALLS:
        if call in EXPECTED:
            assert eval(call, own_code) == EXPECTED.pop(call), call
        else:
            exec(call, own_code)
    assert not EXPECTED
    assert len(own_code["history"]) == 1 and 0.1 < own_code["accuracy"] <= 1
    assert isinstance(own_code["net"], own_code["Net"]) and (tmp_path / "mine.html").exists()


def test_figures_are_those_of_the_measurements():
    """Every figure of the short table stands in the long ones, too."""
    table = README.split("## Measured")[1].split("\n## ")[0]
    long = (ROOT / "tests" / "benchmarks" / "README.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d+\.\d+|\d{3,}", re.sub("`[^`]*`", "", table))
    assert len(figures) >= 6
    for figure in figures:
        assert figure in long.replace(",", "") or f"{int(figure):,}" in long, figure
