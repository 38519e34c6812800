"""The page of a network: what is in it, and that it answers as Python does, in Node and phone."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from browser import PATIENCE, find_browser, screenshot

from mnist_tutorial import Net, load_mnist, load_pretrained, save_page
from mnist_tutorial.live.page import pack
from mnist_tutorial.model import FastNet

sys.path.append(str(Path(__file__).parent / "benchmarks"))
from page import compare_drawings, count_differences, draw  # noqa: E402

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node on the PATH")
SEVEN = [(0.25, 0.2), (0.72, 0.2), (0.45, 0.85)]
SCRIBBLE = [(0.1, 0.1), (0.9, 0.2), (0.1, 0.3), (0.9, 0.4), (0.1, 0.6), (0.9, 0.7), (0.1, 0.9)]


@pytest.fixture
def page(tmp_path):
    save_page(load_pretrained(), tmp_path / "mine.html", title="Mine & <yours>")
    return tmp_path / "mine.html"


def test_page_is_one_small_file_that_asks_for_nothing(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < 150_000
    assert "<title>Mine &amp; &lt;yours&gt;</title>" in text and "{title}" not in text
    assert not re.findall(r"https?://|src=|import ", text)
    assert sorted(os.listdir(page.parent)) == ["mine.html"]


def test_other_networks_are_refused(tmp_path):
    with pytest.raises(TypeError, match="expected a Net or FastNet, got Linear.*onnx"):
        save_page(torch.nn.Linear(784, 10), tmp_path / "mine.html")
    assert not list(tmp_path.iterdir())


def test_pages_that_cannot_be_written_are_an_error():
    with pytest.raises(OSError):
        save_page(load_pretrained(), Path(__file__) / "mine.html")


def test_weights_are_packed_row_by_row():
    torch.manual_seed(0)
    convolution, _, _, second, *_ = pack(Net())
    assert convolution["kind"] == "convolution" and convolution["shape"] == [10, 1, 5, 5]
    assert len(convolution["scales"]) == len(convolution["bias"]) == 10
    assert second["shape"] == [20, 10, 5, 5]
    assert [layer["kind"] for layer in pack(FastNet())] == [
        "convolution", "relu", "convolution", "relu", "linear", "relu", "linear"]


@needs_node
@pytest.mark.parametrize("kind", [Net, FastNet])
def test_node_gives_pytorchs_answers(kind):
    torch.manual_seed(0)
    net = load_pretrained() if kind is Net else kind()
    digits = load_mnist(False).data[:250].numpy()  # all: benchmarks/page.py
    assert count_differences(digits, net, levels=None) == 0  # float32
    assert count_differences(digits, net) <= (1 if kind is Net else 15)  # an untrained one is torn


@needs_node
def test_drawings_are_prepared_as_in_python():
    apart, same, surely = compare_drawings(draw(200), load_pretrained())
    assert apart < 2 and same >= 0.99 and surely >= 0.99


@pytest.fixture
def phone(page):
    """A phone that shows the page from its memory, and has no network."""
    playwright = pytest.importorskip("playwright.sync_api",
                                     reason="needs playwright: pip install -e '.[test]'")
    if find_browser() is None:
        pytest.skip("needs Chromium or Chrome, and finds none on the PATH")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_browser(),
                                         args=["--no-sandbox"] if root else [])
        context = browser.new_context(**driver.devices["Pixel 7"], offline=True)
        shown = context.new_page()
        shown.set_default_timeout(1000 * PATIENCE)
        shown.errors = []
        shown.on("pageerror", lambda error: shown.errors.append(str(error)))
        shown.on("request", lambda request: shown.errors.append(request.url)
                 if not request.url.startswith(("file:", "data:", "blob:")) else None)
        shown.goto(page.as_uri())
        yield shown
        browser.close()


def touch(shown, points):
    """Draw a stroke with a finger."""
    box = shown.locator(".mnist-sheet").bounding_box()
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
              for x, y in points]
    path = [{axis: a[axis] + step / 8 * (b[axis] - a[axis]) for axis in a}
            for a, b in zip(places, places[1:]) for step in range(8)] + places[-1:]
    session = shown.context.new_cdp_session(shown)
    for number, place in enumerate(path):
        session.send("Input.dispatchTouchEvent",
                     {"type": "touchMove" if number else "touchStart", "touchPoints": [place]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def wait_for(shown, condition):
    """Wait until that is true of the text of the answer."""
    shown.wait_for_function(
        f"(text => {condition})(document.querySelector('.mnist-words').textContent)")


def test_a_phone_answers_while_one_draws(phone, tmp_path):
    says = phone.locator(".mnist-words")
    assert says.inner_text() == "no digit"
    touch(phone, SEVEN)
    wait_for(phone, "text.startsWith('7, ')")
    assert phone.locator(".mnist-digit").inner_text() == "7"
    screenshot(phone, tmp_path, "phone")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name="Clear").click()  # of made-up taps, Chromium drops some clicks
    wait_for(phone, "text === 'no digit'")
    touch(phone, SCRIBBLE)
    wait_for(phone, "text.includes('not sure')")
    assert not phone.errors
