"""Faults of folder, disk and mirrors: found, explained, mended or refused; good files stay."""

import builtins
import errno
import gzip
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from tally import attempt

from mnist_tutorial import data, load_mnist
from mnist_tutorial.download import (
    MD5,
    MNIST,
    RETRY_AFTER,
    download,
    download_with_backoff,
    find_problems,
)
from mnist_tutorial.errors import DatasetError

NAMES = list(MD5)


def fetch(root, **options):
    """Download, and tell whether the dataset is whole."""
    download(root, **options)
    return find_problems(root) == {}


def flip(path, other):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(path, other):
    path.rename(path.parent / "third")
    other.rename(path)
    (path.parent / "third").rename(other)


DAMAGES = {
    "missing": lambda path, other: path.unlink(),
    "empty": lambda path, other: path.write_bytes(b""),
    "truncated": lambda path, other: path.write_bytes(path.read_bytes()[:-1]),
    "a byte too many": lambda path, other: path.write_bytes(path.read_bytes() + b"\0"),
    "swapped": swap,
    "one bit flipped": flip,
    "still packed": lambda path, other: path.write_bytes(gzip.compress(path.read_bytes())),
    "a link to nowhere": lambda path, other: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("number", range(4))
def test_damaged_file_is_named_refused_and_mended(mirror, number, damage):
    download(mirror.root)
    path, other = mirror.raw / NAMES[number], mirror.raw / NAMES[(number + 1) % 4]
    try:
        DAMAGES[damage](path, other)
    except OSError:
        pytest.skip("this system makes no such damage")
    problems = find_problems(mirror.root)
    assert set(problems) == {path.name, *([other.name] if damage == "swapped" else [])}
    assert attempt("data: damaged files not to be mended", load_mnist, root=mirror.root,
                   refusal=DatasetError, match=f"{path.name} is (missing|damaged)") is None
    asked = len(mirror.asked)
    assert attempt("data: damaged files, mended", fetch, mirror.root)
    assert find_problems(mirror.root) == {}
    fetched = {name.split("/")[-1].removesuffix(".gz") for name in mirror.asked[asked:]}
    assert fetched == set(problems)


def test_folder_in_a_files_place_is_explained(mirror):
    download(mirror.root)
    (mirror.raw / NAMES[0]).unlink()
    (mirror.raw / NAMES[0]).mkdir()
    assert find_problems(mirror.root) == {NAMES[0]: "missing"}
    with pytest.raises(DatasetError, match="cannot write"):
        download(mirror.root)


# --- the disk ----------------------------------------------------------------------------------

def failing(function, code, when):
    def fail(*arguments, **options):
        if when(*arguments, **options):
            raise OSError(code, os.strerror(code))
        return function(*arguments, **options)
    return fail


def always(*arguments, **options):
    return True


def for_writing(path, mode="r", *rest, **options):
    return "w" in mode and ".download-" in str(path)


STEPS = {"make the folder": (Path, "mkdir", always), "make room": (tempfile, "mkdtemp", always),
         "write": (builtins, "open", for_writing), "move into place": (os, "replace", always)}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO],
                         ids=errno.errorcode.get)
@pytest.mark.parametrize("step", STEPS)
def test_disk_that_refuses_is_explained_and_spoils_nothing(mirror, monkeypatch, step, code):
    download(mirror.root)
    (mirror.raw / NAMES[2]).unlink()
    before = {path.name: path.stat().st_mtime_ns for path in mirror.raw.iterdir()}
    owner, name, when = STEPS[step]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing(getattr(owner, name), code, when))
        assert attempt("data: disk full, read-only or broken", fetch, mirror.root,
                       refusal=DatasetError, match=os.strerror(code)) is None
    after = {path.name: path.stat().st_mtime_ns for path in mirror.raw.iterdir()}
    assert after == before  # and no half file
    download(mirror.root)
    assert find_problems(mirror.root) == {}


# --- the network -------------------------------------------------------------------------------

def redirect_to(target):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", target or handler.path)
        handler.end_headers()
    return answer


def slowly(handler):
    body = handler.good
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for start in range(0, len(body), 20):
        handler.wfile.write(body[start:start + 20])
        handler.wfile.flush()
        time.sleep(0.02)


def half_and_silence(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"the first half")
    handler.wfile.flush()
    time.sleep(0.4)


def silence(handler):
    time.sleep(0.4)


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def gibberish(handler):
    handler.wfile.write(b"\xff\0 no HTTP at all\n\n")


PORTAL = (200, None, b"<html>Welcome to our hotel! Please log in.</html>")
MISBEHAVIOURS = {
    "404": (404, None, b""), "403": (403, None, b"no"),
    "500": (500, None, b""), "503": (503, None, b"busy"),
    "wrong bytes": (200, None, gzip.compress(b"another file")),
    "a login page": PORTAL, "nothing": (200, None, b""),
    "length too long": (200, 10_000, b"cut off"), "length too short": (200, 3, b"cut off"),
    "redirect loop": redirect_to(None), "redirect to nowhere": redirect_to("http://127.0.0.1:9/"),
    "redirect to another protocol": redirect_to("file:///etc/passwd"),
    "gibberish": gibberish, "hung up": hang_up,
    "silence": silence, "half, then silence": half_and_silence,
}


@pytest.mark.parametrize("first_only", [True, False], ids=["one mirror", "all mirrors"])
@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_mirror_that_misbehaves(mirror, behaviour, first_only):
    """One is passed over; if all do, the reason is given, good files stay, the rest can come."""
    name = f"{NAMES[2]}.gz"
    mirror.files[f"first/{name}" if first_only else name] = MISBEHAVIOURS[behaviour]
    if first_only:
        assert attempt("data: a mirror that misbehaves, another that helps", fetch, mirror.root,
                       timeout=0.15)
    else:
        assert attempt("data: mirrors that all misbehave", fetch, mirror.root, timeout=0.15,
                       refusal=DatasetError,
                       match=f"could not download {name} from .*first.*second") is None
        assert sorted(path.name for path in mirror.raw.iterdir()) == sorted(NAMES[:2])
        mirror.files = dict(mirror.good)
        download(mirror.root)
    assert find_problems(mirror.root) == {}
    assert sorted(path.name for path in mirror.raw.iterdir()) == sorted(NAMES)


def test_slow_mirror_is_waited_for(mirror):
    """As long as something comes, however little, it is no failure."""
    def slow(handler):
        handler.good = mirror.good[handler.path.rsplit("/", 1)[-1]][2]
        slowly(handler)

    mirror.files = dict.fromkeys(mirror.good, slow)
    assert attempt("data: a slow mirror", fetch, mirror.root, timeout=0.15)
    assert find_problems(mirror.root) == {} and not any("second" in path for path in mirror.asked)


def test_silent_network_is_not_waited_for_again_and_again(mirror, no_network, monkeypatch, capsys):
    monkeypatch.setattr(MNIST, "mirrors", [f"{mirror.address}/first/"])
    monkeypatch.setattr(data, "DEFAULT_ROOT", mirror.root)
    mirror.files.clear()
    assert load_mnist(train=True).name == data.Sample.name
    asked = len(mirror.asked)
    assert asked and load_mnist(train=False).name == data.Sample.name
    with pytest.raises(DatasetError, match="could not download"):
        load_mnist(allow_sample=False)
    assert len(mirror.asked) == asked

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + RETRY_AFTER + 1)
    load_mnist()
    assert len(mirror.asked) > asked  # after a while it is worth another try

    mirror.files = dict(mirror.good)
    download(mirror.root)  # who asks for it is not put off
    download_with_backoff(mirror.root)
    assert len(capsys.readouterr().err.split("Using the embedded sample")) == 2  # said once
