"""The Python side of the drawing pad; tests/test_browser.py has the page's side."""

import io
import threading

import numpy as np
import pytest
import torch
from drawings import FIVE, SEVEN, page
from PIL import Image

from mnist_tutorial import predict_image
from mnist_tutorial.live import load_folder
from mnist_tutorial.live.pad import PAD_SIDE, DrawingPad
from mnist_tutorial.live.widget import STATIC, describe
from mnist_tutorial.reading.predict import Prediction


def png(image, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(image).convert("RGB").save(file, kind)
    return file.getvalue()


def drawing(strokes=SEVEN):
    return page(strokes, width=18, shape=(PAD_SIDE, PAD_SIDE), paper=255, ink=0, at=(35, 30))


@pytest.fixture
def pad():
    return DrawingPad()


def sent(widget, monkeypatch):
    """Collect what the widget sends to the page."""
    messages = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: messages.append(content))
    return messages


def test_new_pad_is_empty(pad):
    assert repr(pad) == "DrawingPad()"  # no address: stored notebooks stay the same
    assert pad._repr_mimebundle_()[0]["text/plain"] == "DrawingPad()"
    assert pad.prediction is None and pad.answer == {"words": "no digit"}
    assert pad.image.shape == (PAD_SIDE, PAD_SIDE) and pad.image.dtype == np.uint8
    assert (pad.image == 255).all()
    assert pad.image is not DrawingPad().image and not pad.saving


@pytest.mark.parametrize("strokes, digit", [(SEVEN, 7), (FIVE, 5)])
def test_drawing_is_answered(pad, strokes, digit):
    pad.drawing = memoryview(png(drawing(strokes)))  # as it comes from the page
    assert np.array_equal(pad.image, drawing(strokes))
    expected = predict_image(drawing(strokes))
    assert pad.prediction.digit == expected.digit == digit
    answer = pad.answer
    assert answer["digit"] == digit and answer["words"] == str(expected) and answer["sure"]
    assert answer["probabilities"] == expected.probabilities.tolist()
    sent_picture = np.frombuffer(answer["picture"], np.uint8).reshape(28, 28)
    assert np.array_equal(sent_picture, expected.picture)
    assert answer["model"] == "shipped weights"


def test_cleared_pad_is_empty_again(pad):
    pad.drawing = png(drawing())
    pad.clear()
    assert pad.drawing == b"" and pad.prediction is None and (pad.image == 255).all()
    assert pad.answer == {"words": "no digit"}


def test_white_drawing_holds_no_digit(pad):
    pad.drawing = png(np.full((PAD_SIDE, PAD_SIDE), 255, np.uint8))
    assert pad.prediction is None and pad.answer == {"words": "no digit"}


@pytest.mark.parametrize("junk", [
    b"junk", png(drawing())[:200], png(drawing(), "JPEG"), png(drawing()[:100]), "text", 10 ** 12,
    {"a": 1}, png(np.zeros((1, 5000), np.uint8))])
def test_junk_is_refused_with_a_reason_and_changes_nothing(pad, junk):
    pad.drawing = png(drawing())
    pad.drawing = junk
    assert set(pad.answer) == {"error"} and "expected a" in pad.answer["error"]
    assert pad.prediction.digit == 7 and np.array_equal(pad.image, drawing())
    pad.drawing = png(drawing(FIVE))
    assert pad.prediction.digit == 5 and "error" not in pad.answer


def test_attributes_are_read_only(pad):
    for name in ("image", "prediction", "side"):
        with pytest.raises(Exception, match="read-only"):
            setattr(pad, name, None)


def test_observers_see_image_and_prediction_together(pad):
    seen = []
    pad.observe(lambda change: seen.append((change.new.digit, pad.image.min())), "prediction")
    pad.drawing = png(drawing())
    assert seen == [(7, 0)]


def test_errors_of_a_network_are_shown_not_lost():
    class Broken(torch.nn.Linear):
        def forward(self, x):
            raise RuntimeError("shapes cannot be multiplied")

    pad = DrawingPad(Broken(1, 1))
    pad.drawing = png(drawing())
    assert list(pad.answer) == ["error"]
    assert pad.answer["error"].endswith(": shapes cannot be multiplied")


def test_own_network_is_named():
    class AlwaysThree(torch.nn.Linear):
        def forward(self, x):
            return 0.1 * torch.eye(10)[3].expand(len(x), 10)

    pad = DrawingPad(AlwaysThree(1, 1))
    pad.drawing = png(drawing())
    assert pad.answer["digit"] == 3 and not pad.answer["sure"]
    assert pad.answer["words"].startswith("not sure, perhaps 3, ")
    assert pad.answer["model"] == "AlwaysThree"


@pytest.mark.parametrize("confidence, text", [
    (0.984, "7, confidence 98.4%"), (0.9, "7, confidence 90.0%"),
    (0.54, "not sure, perhaps 7, confidence 54.0%")])
def test_words(confidence, text):
    prediction = Prediction(7, confidence, np.zeros(10), np.zeros((28, 28)), (1, 2, 3, 4), "")
    assert describe(prediction, "words") == {"words": text}


def test_the_drawing_of_the_end_is_answered_whatever_thread_brings_it(pad):
    pictures = [png(drawing(strokes)) for strokes in (SEVEN, FIVE)]

    def draw(picture):
        for _ in range(5):
            pad.drawing = picture
            pad.drawing = b""

    threads = [threading.Thread(target=draw, args=(picture,)) for picture in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pad.drawing = pictures[1]
    assert pad.prediction.digit == pad.answer["digit"] == 5


def test_little_is_sent_back(pad):
    assert not pad.trait_metadata("drawing", "echo_update")
    assert not {"image", "prediction"} & set(pad.keys)


def test_save(tmp_path, monkeypatch):
    pad = DrawingPad(save_to=tmp_path / "mine")
    messages = sent(pad, monkeypatch)
    pad._handle_custom_msg({"save": "7"}, [memoryview(png(drawing()))])
    path = tmp_path / "mine" / "0001.png"
    assert messages == [{"saved": f"Saved as {path}."}] and pad.saving
    assert np.array_equal(Image.open(path).convert("L"), drawing())
    assert (tmp_path / "mine" / "labels.csv").read_text() == "filename,label\n0001.png,7\n"


@pytest.mark.parametrize("content, buffers, reason", [
    ({"save": "seven"}, [png(drawing())], "expected digits"),
    ({"save": "7"}, [b"junk"], "expected a PNG"),
    ({"save": "7"}, [], "IndexError"),
])
def test_an_image_that_cannot_be_saved_is_refused_with_a_reason(
        tmp_path, monkeypatch, content, buffers, reason):
    pad = DrawingPad(save_to=tmp_path)
    messages = sent(pad, monkeypatch)
    pad._handle_custom_msg(content, buffers)
    assert reason in messages[0]["not_saved"] and not list(tmp_path.iterdir())


def test_without_a_folder_the_page_cannot_save(pad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    messages = sent(pad, monkeypatch)
    pad._handle_custom_msg({"save": "7"}, [png(drawing())])
    pad._handle_custom_msg("junk", [])
    assert len(messages) == 1 and "save_to=FOLDER" in messages[0]["not_saved"]
    assert not list(tmp_path.iterdir())


def test_nothing_comes_from_the_network():
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8")
        for harmless in ("http://localhost:…", "an https:// address"):
            text = text.replace(harmless, "")
        assert "http" not in text and "import " not in text, path


def test_pad_asks_for_every_digit_as_often(tmp_path):
    pad = DrawingPad(save_to=tmp_path, ask=20)
    asked = []
    while "digit" in pad.asks:
        asked.append(pad.asks["digit"])
        pad.drawing = png(drawing())
        pad._receive(None, {"save": asked[-1]}, [png(drawing())])
        assert pad.drawing == b"" and pad.asks["saved"] == len(asked)
    assert sorted(asked) == sorted(2 * "0123456789") and pad.asks == {"saved": 20, "of": 20}
    assert len(load_folder(tmp_path).dataset) == 20
    with pytest.raises(ValueError, match="save_to"):
        DrawingPad(ask=5)


def test_pad_goes_on_asking_for_a_digit_that_could_not_be_saved(tmp_path):
    pad = DrawingPad(save_to=tmp_path, ask=3)
    before = dict(pad.asks)
    pad._receive(None, {"save": "seven"}, [png(drawing())])
    assert pad.asks == before and not list(tmp_path.iterdir())
