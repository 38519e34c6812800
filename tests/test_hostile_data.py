"""Faults of folder, disk and mirrors: found, explained, mended or refused; good files stay."""

import builtins
import errno
import gzip
import json
import os
import pickle
import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from tally import attempt, record
from torch.utils.data import Dataset, Subset, TensorDataset
from torchvision import datasets

from mnist_tutorial import data, load_mnist
from mnist_tutorial import download as downloads
from mnist_tutorial.data import tensor_dataset, tensor_loader
from mnist_tutorial.download import (
    RETRY_AFTER,
    SHA256,
    SIZES,
    download,
    download_with_backoff,
    find_problems,
)
from mnist_tutorial.errors import DatasetError
from mnist_tutorial.recipes.augment import random_warp
from mnist_tutorial.recipes.train import AUGMENTATIONS

NAMES = list(SHA256)


def fetch(root, **options):
    """Download, and tell whether the dataset is whole."""
    download(root, **options)
    return find_problems(root) == {}


def flip(path, other):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "missing": lambda path, other: path.unlink(),
    "empty": lambda path, other: path.write_bytes(b""),
    "truncated": lambda path, other: path.write_bytes(path.read_bytes()[:-1]),
    "a byte too many": lambda path, other: path.write_bytes(path.read_bytes() + b"\0"),
    "another's content": lambda path, other: path.write_bytes(other.read_bytes()),
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
    assert set(problems) == {path.name}
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


def put(folder, name, content):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


# Where people have the four files, and by which names: (folder, name, how it is packed).
def plainly(content):
    return content


def quickly(content):
    return gzip.compress(content, 1)


LAYOUTS = {
    "usual": lambda name: (f"MNIST/raw/{name}", plainly),
    "packed, as mirrors have it": lambda name: (f"MNIST/raw/{name}.gz", gzip.compress),
    "packed by another program": lambda name: (f"MNIST/raw/{name}.GZ", quickly),
    "unpacked by 7-Zip": lambda name: (f"MNIST/raw/{name.replace('-idx', '.idx')}", plainly),
    "a folder for each": lambda name: (f"MNIST/raw/{name}/{name}", plainly),
    "root is MNIST": lambda name: (f"raw/{name}", plainly),
    "root is raw": lambda name: (name, plainly),
    "flat and packed": lambda name: (f"{name}.gz", gzip.compress),
    "small letters": lambda name: (f"mnist/raw/{name}", plainly),
    "one level too high": lambda name: (f"datasets/MNIST/raw/{name}", plainly),
    "other names": lambda name: (f"{NAMES.index(name)}.bin", plainly),
    "each other's names": lambda name: (f"MNIST/raw/{NAMES[NAMES.index(name) - 1]}", plainly),
    "two of each kind": lambda name: (f"MNIST/raw/{name}{'.gz' * ('idx1' in name)}",
                                      gzip.compress if "idx1" in name else plainly),
    "unpacked, but called packed": lambda name: (f"MNIST/raw/{name}.gz", plainly),
}
SPELLINGS = {
    "text": str, "path": Path, "bytes": os.fsencode, "in quotes": lambda path: f'"{path}"',
    "in single quotes": lambda path: f"'{path}'", "a blank behind": lambda path: f"{path} ",
    "a line's end behind": lambda path: f"{path}\r\n", "a slash behind": lambda path: f"{path}/",
    "in the home": lambda path: f"~/{path.name}",
    "quoted, in the home": lambda path: f'"~/{path.name}"',
    "relative": lambda path: os.path.relpath(path),
}


def listing(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_are_known_by_their_content(small, tmp_path, monkeypatch, layout):
    """In each of these places, and however it is spelled, they are used where they lie."""
    root = tmp_path / "my data [1]"
    for name, content in small.items():
        path, pack = LAYOUTS[layout](name)
        put(root, path, pack(content))
    put(root, "notes.txt", b"mine")
    put(root, "other.gz", gzip.compress(b"another file"))
    before = listing(root)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    for spell in SPELLINGS.values():
        train = attempt("data: places and spellings of the files", load_mnist, True, spell(root))
        monkeypatch.setenv("MNIST_ROOT", os.fsdecode(spell(root)))
        test = attempt("data: places and spellings of the files", load_mnist, False)
        for part, images, labels in ((train, *NAMES[:2]), (test, *NAMES[2:])):
            assert part.data.numpy().tobytes() == small[images][16:] and part.name == "MNIST"
            assert part.targets.tolist() == list(small[labels][8:])
        assert find_problems(spell(root)) == {}
    assert listing(root) == before

    raw = Path(train.raw_folder)  # for who would read the files themselves
    assert {name: (raw / name).read_bytes() for name in NAMES} == small
    assert torch.equal(datasets.MNIST(raw.parents[1], train=False).data, test.data)


def test_unchecked_copies_of_torchvision_are_left_alone(small, tmp_path):
    for name, content in small.items():
        put(tmp_path / "MNIST" / "raw", name, content)
    wrong = torch.zeros(9, 28, 28, dtype=torch.uint8), torch.full((9,), 3)
    (tmp_path / "MNIST" / "processed").mkdir()
    for junk in (pickle.dumps(wrong), b"junk", b""):
        for name in ("training.pt", "test.pt"):
            put(tmp_path / "MNIST" / "processed", name, junk)
        for train, count in ((True, 50), (False, 20)):
            assert len(attempt("data: unchecked copies beside the files", load_mnist, train,
                               tmp_path)) == count


def test_no_byte_goes_unchecked(small, tmp_path):
    """Files changed at random, plain and packed: what is no longer the file is never used."""
    draw = random.Random(1)
    raw = tmp_path / "MNIST" / "raw"
    for name, content in small.items():
        put(raw, name, content)
    for number in range(1200):
        name = NAMES[number % 4]
        pack = number // 4 % 2
        content = bytearray(gzip.compress(small[name]) if pack else small[name])
        kind = number // 8 % 5
        start, length = draw.randrange(len(content)), draw.randrange(1, 20)
        if kind == 0:
            content[start] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del content[start:]
        elif kind == 2:
            content[start:start + length] = draw.randbytes(length)
        elif kind == 3:
            content[start:start] = draw.randbytes(length)
        else:
            del content[start:start + length]
        (raw / name).unlink()
        path = raw / (f"{name}.gz" if pack else name)
        path.write_bytes(content)
        what = "data: files changed at random, " + ("packed" if pack else "plain")
        part = attempt(what, load_mnist, number % 4 < 2, tmp_path, refusal=DatasetError,
                       match=f"{name} is {'missing' if pack else 'damaged'}")
        if part is not None:  # what gzip's head says beside the content does not matter
            assert part.data.numpy().tobytes() in (small[NAMES[0]][16:], small[NAMES[2]][16:])
            assert part.targets.tolist() == list(small[NAMES[1 if number % 4 < 2 else 3]][8:])
        path.unlink()
        (raw / name).write_bytes(small[name])


@pytest.mark.parametrize("name, whose", [("mnist.npz", "Keras"), ("train.csv", "Kaggle"),
                                         ("deep/er/mnist_test.csv", "Kaggle")])
def test_other_formats_are_named(small, tmp_path, name, whose):
    put(tmp_path, name, b"something else")
    for root in (tmp_path, tmp_path / name):
        attempt("data: other formats of MNIST", load_mnist, root=root, refusal=DatasetError,
                match=f"expected the four files.*{Path(name).name} is {whose}'s, in a format")


class Thing:
    pass


ODD_ROOTS = [
    3, 2.5, True, [], [1], {"a": 1}, Thing(), object, len, b"\xff", b"\0", "\0", "a\0b", "x" * 300,
    "/".join(["x" * 250] * 20), "/dev/null", "/dev/null/x", "~nobody/x", "''", " ", "*", "[",
    "a[!]b", "..\\..", "https://example.org/mnist", "SAMPLE!", "\u202e", "\ud800", "two\nlines",
    np.zeros(3), torch.zeros(3), torch.tensor(1)]


@pytest.mark.parametrize("root", ODD_ROOTS, ids=range(len(ODD_ROOTS)))
def test_odd_roots_are_refused(no_network, tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    for train in (True, False):
        for allow in (True, False):
            part = attempt("data: odd roots", load_mnist, train, root, allow_sample=allow,
                           refusal=DatasetError, match="expected|could not download")
            assert part is None or part.name == data.SAMPLE_NAME
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("train", ["./data", "test", "train", "", "False", Path("data"), b"x", 2,
                                   0, 1, None, 1.0, [], {}, np.zeros(3), torch.zeros(2), len])
def test_train_is_true_or_false(small, tmp_path, train):
    assert attempt("data: a folder or another thing for train", load_mnist, train, tmp_path,
                   refusal=DatasetError, match="expected train=True or False, got") is None


def test_files_that_may_not_be_read_are_named(small, tmp_path, monkeypatch, no_network):
    for name, content in small.items():
        put(tmp_path / "MNIST" / "raw", name, content)
    monkeypatch.setattr(downloads, "DEFAULT_ROOT", tmp_path)
    folder = str(tmp_path / "MNIST")
    steps = {"damaged or unreadable": (Path, "read_bytes", always),
             "missing": (os, "stat", lambda path, **_: str(path).startswith(folder))}
    for problem, (owner, name, when) in steps.items():
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, failing(getattr(owner, name), errno.EACCES, when))
            for train in (True, False):
                attempt("data: files that may not be read", load_mnist, train, tmp_path,
                        refusal=DatasetError, match=f"{NAMES[0]} is {problem}")
            assert set(find_problems(tmp_path).values()) == {problem}
            monkeypatch.setattr(downloads, "_failed", {})
            assert load_mnist().name == data.SAMPLE_NAME
    assert len(load_mnist(root=tmp_path)) == 50


def test_pipes_and_loops_below_the_root_hold_nothing_up(small, tmp_path):
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "train-images.gz")
        (tmp_path / "MNIST" / "raw").mkdir(parents=True)
        os.mkfifo(tmp_path / "MNIST" / "raw" / NAMES[0])
    (tmp_path / "loop").symlink_to(tmp_path)
    attempt("data: pipes and loops", load_mnist, root=tmp_path, refusal=DatasetError,
            match=f"{NAMES[0]} is missing")


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
    return "x" in mode and str(path).endswith(".part")


STEPS = {"make the folder": (Path, "mkdir", always), "write": (builtins, "open", for_writing),
         "store": (os, "fsync", always), "move into place": (os, "replace", always)}


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


def dripping(status_line, piece, pause, count):
    def answer(handler):
        with suppress(OSError):  # when the other side has had enough
            handler.wfile.write(status_line)
            for _ in range(count):
                handler.wfile.write(piece)
                handler.wfile.flush()
                time.sleep(pause)
    return answer


def with_length(length, body=b"cut off"):
    def answer(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + body)
    return answer


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


OK = b"HTTP/1.0 200 OK\r\n\r\n"
SMALL_SIZE = (20 * 28 * 28 + 16).to_bytes(4, "little")  # of the file that is misserved below
PORTAL = (200, None, b"<html>Welcome to our hotel! Please log in.</html>")
MISBEHAVIOURS = {
    "404": (404, None, b""), "403": (403, None, b"no"),
    "500": (500, None, b""), "503": (503, None, b"busy"),
    "wrong bytes": (200, None, gzip.compress(b"another file")),
    "a login page": PORTAL, "nothing": (200, None, b""),
    "length too long": (200, 10_000, b"cut off"), "length too short": (200, 3, b"cut off"),
    "redirect loop": redirect_to(None), "redirect to nowhere": redirect_to("http://127.0.0.1:9/"),
    "redirect to another protocol": redirect_to("file:///etc/passwd"),
    "redirect to ftp": redirect_to("ftp://127.0.0.1:9/"),
    "redirect to data": redirect_to("data:,x"),
    "gibberish": gibberish, "hung up": hang_up,
    "endless": dripping(OK, bytes(2**16), 0, 10**4), "dripping": dripping(OK, b"x", 0.02, 50),
    "dripping head": dripping(OK[:-2] + b"X: ", b"a", 0.02, 50),
    "endless head": dripping(OK[:-2] + b"X: ", b"a" * 2**16, 0, 1000),
    "too many heads": dripping(OK[:-2], b"X: y\r\n" * 100, 0, 100),
    "length huge": with_length(b"1" + b"0" * 18), "length absurd": with_length(b"9" * 5000),
    "length negative": with_length(b"-5"), "length no number": with_length(b"abc"),
    "broken chunks": dripping(OK[:-2] + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n", 0, 2),
    "a bomb": (200, None, gzip.compress(bytes(10**7))),
    "a bomb that names the right size": (200, None, gzip.compress(bytes(10**7))[:-4] + SMALL_SIZE),
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
    """As long as a kilobyte comes each second, it is no failure."""
    def slow(handler):
        body = mirror.good[handler.path.rsplit("/", 1)[-1]][2]
        handler.send_response(200)
        handler.end_headers()
        for start in range(0, len(body), 200):
            handler.wfile.write(body[start:start + 200])
            handler.wfile.flush()
            time.sleep(0.02)

    mirror.files = dict.fromkeys(mirror.good, slow)
    assert attempt("data: a slow mirror", fetch, mirror.root, timeout=0.2)
    assert find_problems(mirror.root) == {} and not any("second" in path for path in mirror.asked)


def test_silent_network_is_not_waited_for_again_and_again(mirror, no_network, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "MIRRORS", [f"{mirror.address}/first/"])
    monkeypatch.setattr(downloads, "DEFAULT_ROOT", mirror.root)
    mirror.files.clear()
    assert load_mnist(train=True).name == data.SAMPLE_NAME
    asked = len(mirror.asked)
    assert asked and load_mnist(train=False).name == data.SAMPLE_NAME
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


def test_endless_mirror_is_left_at_once(mirror, capsys):
    sent = []

    def endless(handler):
        with suppress(OSError):
            handler.wfile.write(OK)
            for _ in range(10**4):
                sent.append(handler.wfile.write(bytes(2**14)))

    mirror.files.update({f"first/{name}.gz": endless for name in NAMES})
    assert attempt("data: a mirror without end", fetch, mirror.root, timeout=5)
    assert sum(sent) < 4 * 10**7  # no more than what is under way, of 164 MB each
    assert capsys.readouterr().err.count("Fetched") == 4


def test_silent_name_server_is_left(mirror, monkeypatch):
    asked = socket.getaddrinfo
    over = threading.Event()
    monkeypatch.setattr(downloads, "MIRRORS", ["http://silent.example/", *downloads.MIRRORS])
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **options: over.wait(20)
                        and asked("127.0.0.1", *rest, **options) if "silent" in host
                        else asked(host, *rest, **options))
    start = time.monotonic()
    assert attempt("data: a name server that is silent", fetch, mirror.root, timeout=0.2)
    assert time.monotonic() - start < 5
    over.set()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5", "http", "nonsense"])
def test_proxy_of_another_kind_is_named(mirror, monkeypatch, variable, scheme):
    mirror.files.clear()
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(variable, f"{scheme}://user:secret@127.0.0.1:9")
    with pytest.raises(DatasetError, match="could not download") as caught:
        attempt("data: proxies", fetch, mirror.root, timeout=1)
    record("data: proxies", refused=1)
    assert ("a SOCKS proxy" in str(caught.value)) == scheme.lower().startswith("socks")
    assert "secret" not in str(caught.value)


def chaotic(mirror, seed):
    """Have the first mirror do something else each time."""
    draw = random.Random(seed)
    kinds = ["404", "wrong bytes", "length too long", "hung up", "gibberish", "good", "good"]

    def answer(handler):
        name = handler.path.rsplit("/", 1)[-1]
        kind = MISBEHAVIOURS.get(draw.choice(kinds), mirror.good[name])
        if callable(kind):
            return kind(handler)
        handler.send_response(kind[0])
        handler.send_header("Content-Length", str(len(kind[2]) if kind[1] is None else kind[1]))
        handler.end_headers()
        handler.wfile.write(kind[2])

    mirror.files.update({f"first/{name}.gz": answer for name in NAMES})


def test_many_threads_at_once_are_safe(mirror):
    """Some download, some look on: what is there is always whole, and all get the same."""
    chaotic(mirror, 1)
    odd = []

    def work(number):
        for turn in range(12):
            root = mirror.root / str(turn)
            if number % 2:
                if not attempt("data: downloads by 8 threads at once", fetch, root, timeout=5):
                    odd.append(turn)
            else:
                problems = attempt("data: looks at them meanwhile", find_problems, root)
                odd.extend(problem for problem in problems.values() if problem != "missing")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert odd == []
    for turn in range(12):
        raw = mirror.root / str(turn) / "MNIST" / "raw"
        assert sorted(path.name for path in raw.iterdir()) == sorted(NAMES)


CROWD = """
import json, os, pathlib, random, signal, sys, time
from mnist_tutorial.download import SHA256, MIRRORS, SIZES, download, find_problems
MIRRORS[:], checksums, sizes, root = json.loads(sys.argv[1])
SHA256.update(checksums)
SIZES.update(sizes)
sys.stderr = open(os.devnull, "w")
root, draw, counts = pathlib.Path(root), random.Random(2), {"whole": 0, "odd": 0, "killed": 0}
killed = root / "killed"

def child(root):
    if pid := os.fork():
        return pid
    try:
        download(root, 5)
        os._exit(len(find_problems(root)))
    except BaseException:
        os._exit(99)

def end(pid):
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    counts["killed" if code == -9 else "odd" if code else "whole"] += 1

for turn in range(12):
    for pid in [child(root / str(turn)) for _ in range(8)]:
        end(pid)
print(json.dumps(counts))
counts = dict.fromkeys(counts, 0)
for turn in range(60):
    pid = child(killed)
    time.sleep(draw.uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    end(pid)
    counts["odd"] += sum(problem != "missing" for problem in find_problems(killed).values())
    if not find_problems(killed):
        for path in (killed / "MNIST" / "raw").glob("t*"):
            path.unlink()
print(json.dumps(counts))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_many_processes_at_once_are_safe_and_so_are_killed_ones(mirror):
    chaotic(mirror, 2)
    told = json.dumps([downloads.MIRRORS, SHA256, SIZES, str(mirror.root)])
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CROWD, told],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    crowd, killed = map(json.loads, done.stdout.splitlines())
    record("data: downloads by 8 processes at once", tried=96, survived=crowd["whole"])
    record("data: downloads killed at any moment", tried=60, survived=60 - killed["odd"])
    assert crowd == {"whole": 96, "odd": 0, "killed": 0}
    assert killed["odd"] == 0 and killed["killed"] > 10
    for turn in range(12):
        raw = mirror.root / str(turn) / "MNIST" / "raw"
        assert sorted(path.name for path in raw.iterdir()) == sorted(NAMES)
    mirror.files = dict(mirror.good)
    assert fetch(mirror.root / "killed")


def test_what_killed_downloads_left_is_swept(mirror):
    old, new = (mirror.raw / f".{NAMES[0]}.{number}.part" for number in range(2))
    for path in (old, new):
        put(mirror.raw, path.name, b"half a file")
    os.utime(old, (0, 0))
    assert attempt("data: leftovers of killed downloads", fetch, mirror.root)
    assert {path.name for path in mirror.raw.iterdir()} == {*NAMES, new.name}


# --- what loaders are made of ------------------------------------------------------------------

IMAGES = torch.zeros(10, 28, 28, dtype=torch.uint8)
LABELS = torch.arange(10)


class Like(Dataset):
    """A dataset as torchvision's are: no `name`, its content in `data` and `targets`."""

    def __init__(self, images=IMAGES, labels=LABELS):
        self.data, self.targets = images, labels

    def __len__(self):
        return len(self.data)

    def __getitem__(self, number):
        return self.data[number], int(self.targets[number])


@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), LABELS.numpy(), tuple(range(10))],
                         ids=["tensor", "list", "array", "tuple"])
@pytest.mark.parametrize("images", [IMAGES, IMAGES.numpy()], ids=["tensor", "array"])
def test_datasets_like_mnist_are_taken(images, labels):
    dataset = Like(images, labels)
    whole = attempt("data: datasets like MNIST", tensor_dataset, dataset)
    assert whole.name == "Like" and whole.tensors[1].tolist() == list(range(10))
    loader = attempt("data: datasets like MNIST", tensor_loader, dataset, 4)
    assert [len(batch) for batch, _ in loader] == [4, 4, 2] and loader.dataset.name == "Like"
    (batch, answers), *_ = loader
    assert batch.shape == (4, 1, 28, 28) and batch.dtype == torch.float32
    assert answers.dtype == torch.int64


def test_torchvisions_own_datasets_are_taken(small, tmp_path):
    for kind in (datasets.FashionMNIST, datasets.KMNIST):
        for name, content in small.items():
            put(tmp_path / kind.__name__ / "raw", name, content)
        dataset = attempt("data: datasets like MNIST", kind, tmp_path)
        assert tensor_dataset(dataset).name == kind.__name__
        (images, labels), *_ = attempt("data: datasets like MNIST", tensor_loader, dataset)
        assert images.shape == (50, 1, 28, 28) and torch.equal(labels, dataset.targets)


UNFIT = [
    Subset(Like(), [0, 1]), [(IMAGES[0], 1)], [1, 2], "text", {0: 1}, IMAGES, TensorDataset(IMAGES),
    TensorDataset(IMAGES, LABELS, LABELS), Like(torch.zeros(10, 3, 3, dtype=torch.uint8)),
    Like(np.zeros((10, 32, 32, 3), np.uint8)), [IMAGES, LABELS], range(10), np.zeros((10, 28, 28)),
    Like(IMAGES, LABELS[:3]), Like(IMAGES, ["a"] * 10), Like([Thing()] * 10), Like(IMAGES[:0]),
    Like(IMAGES[:0], LABELS[:0]), TensorDataset(IMAGES[:0], LABELS[:0]), 3, None, Thing()]


@pytest.mark.parametrize("dataset", UNFIT, ids=range(len(UNFIT)))
def test_unfit_datasets_are_refused_when_the_loader_is_made(dataset):
    assert attempt("data: unfit datasets", tensor_loader, dataset, refusal=DatasetError,
                   match="expected") is None


@pytest.mark.parametrize("dataset", [
    None, 3, [], IMAGES, TensorDataset(IMAGES, LABELS), Thing(), "x", Like(IMAGES, LABELS[:3]),
    Like(IMAGES, ["a"] * 10), Like(7)], ids=range(10))
def test_what_holds_no_images_and_labels_is_refused(dataset):
    assert attempt("data: unfit datasets", tensor_dataset, dataset, refusal=DatasetError,
                   match="expected") is None


AUGMENTS = [
    True, 3, "warp", [], False, random.Random(1), int, print, torch.nn.Identity(),
    torch.nn.Flatten(), lambda images: images, lambda: 1, lambda x, g: None, lambda x, g: x[0],
    lambda x, g: x.squeeze(), lambda x, g: x.numpy(), lambda x, g: x.double(),
    lambda x, g: x.repeat(2, 1, 1, 1), lambda x, g: x[:, :, 2:], lambda x, g: (x, x),
    lambda x, g: x.byte(), lambda x, g: 1 / 0, lambda x, g: [x], lambda x, g: x.unknown,
    lambda x, g: x + torch.rand(3)]


@pytest.mark.parametrize("augment", AUGMENTS, ids=range(len(AUGMENTS)))
def test_unfit_augment_is_refused_when_the_loader_is_made(augment):
    assert attempt("data: unfit augment", tensor_loader, TensorDataset(IMAGES, LABELS),
                   augment=augment, refusal=DatasetError,
                   match=r"expected augment\(images, generator\) to return") is None


def test_trying_augment_draws_nothing_that_training_would_draw():
    def shake(images, generator):
        return images + torch.rand(images.shape, generator=generator) + torch.rand(images.shape)

    state = torch.get_rng_state()
    loader = tensor_loader(TensorDataset(IMAGES, LABELS), 4, shuffle=True, seed=3, augment=shake)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(loader.generator.get_state(), torch.Generator().manual_seed(3).get_state())


@pytest.mark.parametrize("size", [0, -1, 10**30, 2.0, "64", None, True, [64], float("nan"), b"1"])
def test_batch_size_is_checked(size):
    assert attempt("data: batch sizes", tensor_loader, TensorDataset(IMAGES, LABELS), size,
                   refusal=DatasetError, match="batch_size") is None


def test_loader_goes_to_workers_that_start_anew():
    loader = tensor_loader(TensorDataset(IMAGES + 200, LABELS), 4, augment=random_warp)
    loader.num_workers, loader.prefetch_factor = 1, 2
    loader.multiprocessing_context = "spawn"
    epochs = []
    for images, labels in loader:
        epochs.append(labels.tolist())
        assert images.shape[1:] == (1, 28, 28)
    assert epochs == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    record("data: workers that start anew", tried=1, survived=1)


@pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_what_workers_get_can_be_pickled(augment):
    loader = tensor_loader(TensorDataset(IMAGES, LABELS), 4, augment=augment)
    for part in (loader.dataset, loader.collate_fn, loader.sampler):
        attempt("data: parts of a loader, pickled", pickle.loads, pickle.dumps(part))
