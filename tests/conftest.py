"""What several test modules share."""

import functools
import gzip
import hashlib
import http.server
import os
import re
import sys
import threading
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from tally import TALLY, record, table

from mnist_tutorial import download
from mnist_tutorial.download import DEFAULT_ROOT, SHA256, SIZES, find_problems, tidy

SAMPLE = "sample"  # as in mnist_tutorial.data, whose import takes some time
matplotlib.use("agg")
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # for other processes: two cores, two workers
sys.modules["rfc3987_syntax"] = None  # with it the import of nbformat takes two seconds longer


def pytest_xdist_auto_num_workers(config):
    """Start workers for whole folders; one file, or what -k picks, has begun before they could."""
    picked = config.option.keyword or not all(map(os.path.isdir, config.args))
    return 0 if picked else min(os.cpu_count() or 1, 4)


@functools.cache
def modules_without(keyword):
    """Find the modules in which no word of -k stands, if there are tests that are named so."""
    words = set(re.findall(r"\w+", keyword.lower())) - {"and", "or"}
    texts = {path: f"def {path.stem} {path.read_text('utf-8').lower()}"
             for path in Path(__file__).parent.glob("test_*.py")}
    for word in words:
        if word == "not" or not re.search(rf"def test\w*{word}", " ".join(texts.values())):
            return set()
    return {path for path in texts if words and not any(word in texts[path] for word in words)}


def pytest_ignore_collect(collection_path, config):
    """Import no module in vain: all together they take many seconds."""
    return collection_path in modules_without(config.option.keyword) or None


@pytest.fixture
def figure(monkeypatch):
    """Keep the figure open where a notebook would show it, and close it after the test."""
    import matplotlib.pyplot as plt
    monkeypatch.setattr(plt, "show", lambda: None)
    yield plt.gcf
    plt.close("all")


@pytest.fixture
def mnist_root():
    """The folder of genuine MNIST, or a skip that says where it would be looked for."""
    root = tidy(os.environ.get("MNIST_ROOT") or DEFAULT_ROOT)
    if root == SAMPLE or find_problems(root):
        pytest.skip(f"needs genuine MNIST in {DEFAULT_ROOT}, or in a folder named by MNIST_ROOT")
    return Path(root)


@pytest.fixture
def sample(monkeypatch):
    """Have everything use the embedded sample."""
    monkeypatch.setenv("MNIST_ROOT", SAMPLE)


def small_mnist():
    """Make four files in MNIST's format, of 50 images and 20: {name: bytes}."""
    random, files = np.random.default_rng(0), {}
    for name in SHA256:
        shape = (50 if "train" in name else 20, 28, 28)[:3 if "images" in name else 1]
        header = np.array([0x800 + len(shape), *shape], ">i4")
        values = random.integers(0, 10, shape, np.uint8)  # compressible, but not by much
        files[name] = header.tobytes() + values.tobytes()
    return files


@pytest.fixture
def small(monkeypatch):
    """Have four small files taken for MNIST's: the SHA-256 and size of each is what is expected."""
    files = small_mnist()
    for name, content in files.items():
        monkeypatch.setitem(SHA256, name, hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(SIZES, name, len(content))
    return files


@pytest.fixture
def mirror(tmp_path, monkeypatch, small):
    """A web server in MNIST's stead, which serves the four small files.

    `files` can be changed to misbehave, all of it or only ``"first/NAME.gz"``: status, length and
    body, or a function of the request's handler. `asked` lists what was asked for.
    """
    class Mirror:
        files, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rsplit("/", 1)[-1]
            Mirror.asked.append(self.path)
            answer = Mirror.files.get(self.path.strip("/"),
                                      Mirror.files.get(name, (404, None, b"")))
            if callable(answer):
                return answer(self)
            status, length, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    Mirror.good = {f"{name}.gz": (200, None, gzip.compress(content, mtime=0))
                   for name, content in small.items()}
    Mirror.files = dict(Mirror.good)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Mirror.address = f"http://127.0.0.1:{server.server_address[1]}"

    monkeypatch.setattr(download, "MIRRORS",
                        [f"{Mirror.address}/first/", f"{Mirror.address}/second/"])
    Mirror.root = tmp_path / "datasets" / "mnist"
    Mirror.raw = Mirror.root / "MNIST" / "raw"
    yield Mirror
    server.shutdown()
    server.server_close()


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """Nobody answers, and no data lies anywhere."""
    monkeypatch.delenv("MNIST_ROOT", raising=False)
    monkeypatch.setattr(download, "DEFAULT_ROOT", tmp_path)
    monkeypatch.setattr(download, "MIRRORS", ["http://127.0.0.1:9/nobody/"])
    from mnist_tutorial import data
    data._use_sample.cache_clear()
    monkeypatch.setattr(download, "_failed", {})


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = {what: {**TALLY[what]} for what in TALLY}


def pytest_testnodedown(node):
    for what, counts in getattr(node, "workeroutput", {}).get("tally", {}).items():
        record(what, **counts)


def pytest_terminal_summary(terminalreporter):
    """Say how much hostile input was tried: python -m pytest tests/test_hostile_*.py"""
    if TALLY:
        terminalreporter.section("hostile input and faults")
        terminalreporter.write("\n".join(table()) + "\n")
