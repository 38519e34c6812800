"""The Python side of the browser's camera; tests/test_browser.py has the page's side."""

import io
import time

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_tutorial import predict_image, read_digits
from mnist_tutorial.live.browser_camera import BrowserCamera
from mnist_tutorial.reading.images import IMG


def jpeg(image):
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture(scope="module")
def three():
    return jpeg(Image.open(IMG / "3.jpg"))


@pytest.fixture(scope="module")
def page():
    return jpeg(Image.open(IMG / "page.jpg"))


def make(monkeypatch, *args, **keywords):
    """A camera, and the list of what it sends to the page."""
    camera, messages = BrowserCamera(*args, **keywords), []
    monkeypatch.setattr(camera, "send", lambda content, buffers=None: messages.append(content))
    return camera, messages


def show(camera, data, number="v-1"):
    camera._handle_custom_msg({"frame": number}, [memoryview(data)])


def test_new_camera_has_seen_nothing():
    camera = BrowserCamera()
    assert repr(camera) == "BrowserCamera()" and camera.frame is None and camera.predictions == []
    assert not camera.several and not camera.mirror and not camera.saving


def test_one_digit(monkeypatch, three):
    camera, messages = make(monkeypatch)
    show(camera, three)
    frame = np.array(Image.open(io.BytesIO(three)))
    assert np.array_equal(camera.frame, frame) and camera.frame.dtype == np.uint8
    expected = predict_image(frame)
    (prediction,) = camera.predictions
    assert prediction.digit == expected.digit == 3 and prediction.box == expected.box
    assert messages == [{
        "frame": "v-1", "words": "read: 3", "error": "", "model": "shipped weights",
        "digits": [{"digit": 3, "confidence": expected.confidence, "sure": True,
                    "box": list(expected.box)}]}]


def test_several_digits(monkeypatch, page):
    camera, messages = make(monkeypatch, several=True)
    show(camera, page)
    expected = read_digits(np.array(Image.open(io.BytesIO(page)))).digits
    assert [digit.box for digit in camera.predictions] == [digit.box for digit in expected]
    digits = [digit["digit"] for digit in messages[0]["digits"]]
    assert digits == [2, 0, 2, 6, 3, 1, 4, 1, 5, 9, 7, 5, 8, 0] and len(expected) == 14


@pytest.mark.parametrize("several", [False, True])
def test_no_digit(monkeypatch, several):
    camera, messages = make(monkeypatch, several=several)
    show(camera, jpeg(Image.new("RGB", (320, 240), "white")))
    assert camera.predictions == [] and camera.frame.shape == (240, 320, 3)
    assert messages[0]["words"] == "no digit" and messages[0]["digits"] == []
    assert not messages[0]["error"]


@pytest.mark.parametrize("buffers", [[b"junk"], [], ["text"], [b""], [b"\xff\xd8\xff\xe0junk"]])
def test_every_frame_is_acknowledged_junk_with_a_reason(monkeypatch, three, buffers):
    camera, messages = make(monkeypatch)
    show(camera, three)
    camera._handle_custom_msg({"frame": "v-2"}, buffers)
    assert messages[1]["frame"] == "v-2" and messages[1]["error"] and messages[1]["digits"] == []
    assert camera.predictions[0].digit == 3  # still of the last frame that was one
    show(camera, three, "v-3")
    assert messages[2]["frame"] == "v-3" and not messages[2]["error"]


@pytest.mark.parametrize("side, scans", [(500, 20_000), (2000, 2000), (4000, 300)])
def test_an_image_that_takes_long_to_decode_is_refused(monkeypatch, side, scans):
    """A JPEG may pass over its pixels as often as it likes."""
    file = io.BytesIO()
    Image.new("L", (side, side), 200).save(file, "JPEG", progressive=True, quality=30)
    content = file.getvalue()
    last_scan = content[content.rindex(b"\xff\xda"):-2]
    camera, messages = make(monkeypatch)
    start = time.process_time()
    show(camera, content[:-2] + scans * last_scan + content[-2:])
    assert time.process_time() - start < 3
    assert "expected a JPEG" in messages[0]["error"]


def test_other_messages_are_passed_over(monkeypatch):
    camera, messages = make(monkeypatch)
    for junk in ({}, "frame", None, 7, {"other": 1}):
        camera._handle_custom_msg(junk, [])
    assert messages == []


def test_errors_of_a_network_or_an_observer_are_shown_and_stop_nothing(monkeypatch, three):
    class Broken(torch.nn.Linear):
        def forward(self, x):
            raise RuntimeError("no such layer")

    camera, messages = make(monkeypatch, Broken(1, 1))
    show(camera, three)
    assert messages[0]["error"].endswith(": no such layer")
    camera, messages = make(monkeypatch)
    camera.observe(lambda change: 1 / 0, "predictions")
    show(camera, three)
    assert messages[0]["error"] == "ZeroDivisionError: division by zero"


def test_unsure_digits_have_a_question_mark(monkeypatch, three):
    class Unsure(torch.nn.Linear):
        def forward(self, x):
            return 0.1 * torch.eye(10)[3].expand(len(x), 10)

    camera, messages = make(monkeypatch, Unsure(1, 1))
    show(camera, three)
    assert messages[0]["words"] == "read: 3?" and not messages[0]["digits"][0]["sure"]
    assert messages[0]["model"] == "Unsure"


def test_stop_reaches_the_page(monkeypatch):
    camera, messages = make(monkeypatch)
    camera.stop()
    assert messages == [{"stop": True}]


def test_save(monkeypatch, tmp_path, three):
    camera, messages = make(monkeypatch, save_to=tmp_path)
    camera._handle_custom_msg({"save": "3"}, [memoryview(three)])
    assert messages == [{"saved": f"Saved as {tmp_path / '0001.png'}."}]
    assert np.array_equal(Image.open(tmp_path / "0001.png"), Image.open(io.BytesIO(three)))
