"""The page of a network: what is in it, and that it answers as Python does, in Node and phone."""

import os
import re
import shutil
import sys
import zlib
from base64 import b64decode
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from browser import PATIENCE, find_browser, screenshot
from drawings import FIVE
from drawings import page as draw_page
from PIL import Image

from mnist_tutorial import Net, load_mnist, load_pretrained, save_page
from mnist_tutorial.live import IMG
from mnist_tutorial.live.page import pack
from mnist_tutorial.model import FastNet
from mnist_tutorial.recipes import train_net

sys.path.append(str(Path(__file__).parent / "benchmarks"))
from page import compare_drawings, count_differences, draw  # noqa: E402

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node on the PATH")
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
EXAMPLES = sorted(path for path in IMG.iterdir() if path.stem.isdigit())
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
def test_node_gives_pytorchs_answers():
    torch.manual_seed(0)
    digits = load_mnist(False).data[:250].numpy()  # all: benchmarks/page.py
    for net in (load_pretrained(), FastNet()):
        assert count_differences(digits, net, exact=True) == 0  # float32
    assert count_differences(digits, load_pretrained()) <= 1


@needs_node
def test_a_trained_fastnet_fits_too(mnist_root, tmp_path):
    net = train_net("fast", root=mnist_root)[0].eval()
    save_page(net, tmp_path / "fast.html")
    assert (tmp_path / "fast.html").stat().st_size < 150_000
    assert count_differences(load_mnist(False).data[:250].numpy(), net) <= 1


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
        device = driver.devices["Pixel 7"] | {"viewport": {"width": 390, "height": 844}}
        context = browser.new_context(**device, offline=True)
        shown = context.new_page()
        shown.set_default_timeout(1000 * PATIENCE)
        shown.errors = []
        shown.on("pageerror", lambda error: shown.errors.append(str(error)))
        shown.on("request", lambda request: shown.errors.append(request.url)
                 if not request.url.startswith(("file:", "data:", "blob:")) else None)
        shown.goto(page.as_uri())
        yield shown
        browser.close()


def touch(shown, points, place=None):
    """Draw a stroke with a finger, on the pad of the page or of a frame in it."""
    box = (place or shown).locator(".mnist-sheet").bounding_box()
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


def test_a_photo_is_read(phone, tmp_path):
    grey = draw_page(FIVE, width=9, paper=190, ink=80)
    Image.fromarray(grey).save(tmp_path / "5.png")
    for path in (*EXAMPLES, tmp_path / "5.png"):
        phone.locator(".mnist-words").evaluate("element => { element.textContent = ''; }")
        phone.set_input_files("input[capture]", path)
        wait_for(phone, "text")
        assert phone.locator(".mnist-words").inner_text().startswith(f"{path.stem}, "), path
    screenshot(phone, tmp_path, "photo")
    phone.set_input_files("input[capture]", __file__)
    phone.get_by_text("This photo cannot be read").wait_for()
    Image.fromarray(np.full((300, 400), 200, np.uint8)).save(tmp_path / "paper.png")
    phone.set_input_files("input[capture]", tmp_path / "paper.png")
    wait_for(phone, "text === 'no digit'")
    assert not phone.errors


def stored_pads():
    """Find the outputs of the pads in both editions: pairs of a notebook's path and its output."""
    return [(path, output) for folder in ("", "zh-CN")  # JupyterLab keeps copies in others
            for path in sorted((NOTEBOOKS / folder).glob("0[49]*.ipynb"))
            for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", ())
            if output.get("data", {}).get("text/plain") == "DrawingPad()"]


def test_stored_pads_show_the_page_or_a_picture():
    assert len(stored_pads()) == 4
    for _, output in stored_pads():
        assert '<img src="data:image/png;' in output.data["text/html"]
        assert '<iframe src="pad.html"' in output.data["text/html"]


def test_the_page_of_the_stored_pads_is_that_of_the_shipped_weights(tmp_path):
    """Otherwise: python notebooks/refresh.py 04"""
    save_page(load_pretrained(), tmp_path / "pad.html")
    stored, new = (re.sub('"packed":"([^"]+)"', lambda found: zlib.decompress(
        b64decode(found[1])).hex(), (folder / "pad.html").read_text(encoding="utf-8"))
        for folder in (NOTEBOOKS, tmp_path))  # each zlib packs in its own way
    assert stored == new


@pytest.mark.parametrize("edition", ["", "zh-CN"])
def test_pad_answers_in_exported_html(phone, tmp_path, edition):
    from nbconvert import HTMLExporter

    for folder in ("", "zh-CN"):
        (tmp_path / folder).mkdir(exist_ok=True)
        shutil.copy(NOTEBOOKS / folder / "pad.html", tmp_path / folder)
    output = next(output for path, output in stored_pads() if path.parent == NOTEBOOKS / edition)
    chapter = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("pad", outputs=[output])])
    path = tmp_path / edition / "chapter.html"
    path.write_text(HTMLExporter().from_notebook_node(chapter)[0], encoding="utf-8")
    phone.goto(path.as_uri(), wait_until="domcontentloaded")
    frame = phone.frame_locator("iframe[title='Drawing pad']")
    touch(phone, SEVEN, frame)
    frame.get_by_text("7, confidence").wait_for()
    screenshot(phone, tmp_path, f"exported{edition}")


@pytest.mark.filterwarnings("ignore")  # of PyTorch's about its own exporter
def test_the_chapters_two_lines_export_to_onnx(tmp_path, monkeypatch):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name, reason="needs ONNX: pip install onnx onnxscript onnxruntime")
    runtime = pytest.importorskip("onnxruntime", reason="needs ONNX: pip install onnxruntime")
    monkeypatch.chdir(tmp_path)
    chapter = (NOTEBOOKS / "09_your_hand.ipynb").read_text(encoding="utf-8")
    text = next(cell.source for cell in nbformat.reads(chapter, 4).cells
                if "torch.onnx.export" in cell.source)
    net = load_pretrained()
    exec(re.search("```python\n(example.*?)```", text, re.DOTALL)[1], {"torch": torch, "mine": net})
    image = torch.randn(1, 1, 28, 28)
    session = runtime.InferenceSession("mine.onnx")
    scores, = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    assert np.allclose(scores, net(image).detach().numpy(), atol=1e-4)
