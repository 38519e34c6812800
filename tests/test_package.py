"""The package as it is installed: its wheel holds all that it needs, its docstrings are true."""

import doctest
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import mnist_tutorial

ROOT = Path(__file__).parents[1]

AFTER_INSTALLATION = """
import json
from pathlib import Path
import mnist_tutorial
from mnist_tutorial import DrawingPad, predict_image, read_digits
from mnist_tutorial.download import DEFAULT_ROOT
from mnist_tutorial.live import BrowserCamera, read_frames
from mnist_tutorial.reading import IMG

DrawingPad(), BrowserCamera()
print(json.dumps({"where": mnist_tutorial.__file__, "seven": predict_image(IMG / "7.png").digit,
                  "page": read_digits(IMG / "page.jpg").text,
                  "frame": next(read_frames(IMG / "webcam.webm")).shape,
                  "data": str(DEFAULT_ROOT)}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by way of the source distribution."""
    (path,) = build(copy_checkout(tmp_path_factory.mktemp("source")), "sdist")
    shutil.unpack_archive(path, path.parent / "unpacked")
    (source,) = (path.parent / "unpacked").iterdir()
    (path,) = build(source, "wheel")
    return path


def copy_checkout(folder):
    """Copy what is installed: a build leaves folders behind."""
    for part in ("mnist_tutorial", "img"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, folder)
    return folder


def build(source, kind):
    """Build a wheel, a source distribution ("sdist") or the wheel of an editable install."""
    code = f"from hatchling import build; build.build_{kind}('dist')"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (source / "dist").iterdir()


def test_wheel_works_outside_the_checkout(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "else where"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    done = subprocess.run([sys.executable, "-c", AFTER_INSTALLATION], cwd=elsewhere,
                          capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["where"]).is_relative_to(site)
    assert (found["seven"], found["page"], found["frame"]) == (7, "2026/31415/97580", [480, 640, 3])
    assert found["data"] == str(Path("datasets/mnist"))  # in the current folder


def test_an_editable_install_is_found_beside_the_clone(tmp_path):
    """From the folder that holds it, which Python searches first, and which has its name."""
    clone, site = tmp_path / "mnist_tutorial", tmp_path / "site"
    clone.mkdir()
    (path,) = build(copy_checkout(clone), "editable")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(site)
    code = (f"import site; site.addsitedir({str(site)!r})\n"  # as the interpreter does at its start
            "from mnist_tutorial import DrawingPad, load_pretrained, predict_image\n"
            "from mnist_tutorial.reading import IMG\n"
            "print(load_pretrained.__module__, predict_image(IMG / '7.png').digit, IMG)")
    installed = os.pathsep.join(path for path in sys.path if "site-packages" in path)
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": installed})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mnist_tutorial.checkpoint", "7", str(clone / "img")]


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    expected = [path.relative_to(ROOT).as_posix() for path in (ROOT / "mnist_tutorial").rglob("*")
                if path.is_file() and path.suffix != ".pyc"]
    pictures = [f"mnist_tutorial/img/{path.name}" for path in (ROOT / "img").iterdir()
                if path.is_file()]
    assert set(expected) <= set(names) <= {*expected, *pictures}
    assert {"mnist_tutorial/py.typed", "mnist_tutorial/live/static/pad.js",
            "mnist_tutorial/reading/__init__.py"} <= set(names)
    assert wheel.stat().st_size < 2_500_000  # of which the three networks are 1.4 MB


COMMANDS = {"module": [sys.executable, "-m", "mnist_tutorial"],
            "script": [Path(sysconfig.get_path("scripts")) / "mnist-tutorial"]}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_command_tells_its_version(command, tmp_path):
    done = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert mnist_tutorial.__version__ in done.stdout.split() and done.stderr == ""


MODULES = [module.name for module
           in pkgutil.walk_packages(mnist_tutorial.__path__, "mnist_tutorial.")]


def test_modules_of_the_rooms_are_found():
    folders = {path.parent for path in (ROOT / "mnist_tutorial").rglob("*.py")}
    assert len(folders) == 6 and len(MODULES) > 30
    assert "mnist_tutorial.reading.find" in MODULES


@pytest.mark.parametrize("name", ["mnist_tutorial",
                                  *(name for name in MODULES if "__main__" not in name)])
def test_docstrings_are_true(name, monkeypatch):
    """Run what stands behind >>> in the docstrings, as seen from the checkout."""
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
