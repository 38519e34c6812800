"""The package as it is installed: all that it needs travels in the wheel, its docstrings are true."""

import doctest
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mnist_tutorial

ROOT = Path(__file__).parents[1]

AFTER_INSTALLATION = """
import json
from pathlib import Path
import mnist_tutorial
from mnist_tutorial import data, predict_image, read_digits
from mnist_tutorial.browser_camera import BrowserCamera
from mnist_tutorial.frames import read_frames
from mnist_tutorial.images import IMG
from mnist_tutorial.pad import DrawingPad

DrawingPad(), BrowserCamera()
print(json.dumps({"where": mnist_tutorial.__file__, "seven": predict_image(IMG / "7.png").digit,
                  "page": read_digits(IMG / "page.jpg").text, "frame": next(read_frames(IMG / "webcam.webm")).shape,
                  "data": str(data.DEFAULT_ROOT)}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: a build leaves folders behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in ("mnist_tutorial", "img"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = out.iterdir()
    return path


def test_wheel_works_outside_the_checkout(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "else where"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    done = subprocess.run([sys.executable, "-c", AFTER_INSTALLATION], cwd=elsewhere, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["where"]).is_relative_to(site)
    assert (found["seven"], found["page"], found["frame"]) == (7, "2026/31415/97580", [480, 640, 3])
    assert found["data"] == str(Path("datasets/mnist"))  # in the current folder


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    expected = [path.relative_to(ROOT).as_posix() for path in (ROOT / "mnist_tutorial").rglob("*")
                if path.is_file() and path.suffix != ".pyc"]
    pictures = [f"mnist_tutorial/img/{path.name}" for path in (ROOT / "img").iterdir() if path.is_file()]
    assert set(expected) <= set(names) <= {*expected, *pictures}
    assert wheel.stat().st_size < 2_000_000


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(mnist_tutorial.__path__)
                                  if module.name not in ("__main__", "img")] + [""])
def test_docstrings_are_true(name, monkeypatch):
    """Run what stands behind >>> in the docstrings, as seen from the checkout."""
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(f"mnist_tutorial.{name}".rstrip("."))
    assert module.__doc__
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
