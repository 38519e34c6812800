"""One digit in an image: what is answered, how it looks, and how sure it is."""

import base64
import io
import re

import cv2
import numpy as np
import pytest
import torch
from drawings import page
from nothing import face
from PIL import Image

from mnist_tutorial import Net, load_mnist, load_pretrained, predict_image
from mnist_tutorial.errors import ImageError, NoDigitError
from mnist_tutorial.reading import load_guard
from mnist_tutorial.reading.find import prepare
from mnist_tutorial.reading.images import IMG
from mnist_tutorial.reading.predict import predict_pictures
from mnist_tutorial.training import probabilities


@pytest.fixture(scope="module")
def net():
    return load_pretrained()


def test_prediction_holds_together(net):
    prediction = predict_image(IMG / "7.png", net)
    assert prediction.digit == 7 == prediction.probabilities.argmax()
    assert prediction.confidence == prediction.probabilities.max() > 0.9
    assert prediction.probabilities.shape == (10,) and prediction.probabilities.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert prediction.model == "shipped weights"
    stages = prepare(IMG / "7.png")
    assert np.array_equal(prediction.picture, stages.picture) and prediction.box == stages.box


@pytest.mark.parametrize("name", ["2.jpg", "3.jpg", "4.jpg", "5.jpg", "7.png", "8.jpg"])
def test_reads_the_courses_pictures(net, name):
    assert predict_image(IMG / name, net).digit == int(name[0])


def test_box_is_in_the_pixels_of_the_source(net):
    small = Image.open(IMG / "7.png")
    large = small.resize((small.width * 4, small.height * 4))
    box, scaled = predict_image(small, net).box, predict_image(large, net).box
    assert large.height > 1280
    np.testing.assert_allclose(scaled, np.multiply(box, 4), atol=12)


def test_path_pil_and_array_give_the_same(net):
    path = IMG / "7.png"
    answers = [predict_image(source, net) for source in (path, str(path), Image.open(path),
                                                         np.asarray(Image.open(path)))]
    for answer in answers[1:]:
        assert np.array_equal(answer.probabilities, answers[0].probabilities)


def test_predictions_are_short_to_see_and_can_be_compared(net):
    seven, again, two = (predict_image(IMG / name, net) for name in ("7.png", "7.png", "2.jpg"))
    assert repr(seven) == "<Prediction 7, confidence 100.0% (shipped weights)>"
    assert seven == again and not seven != again
    assert seven != two and not seven == two and seven != tuple(seven) and seven != 7
    assert seven != seven._replace(picture=255 - seven.picture)
    assert [two, seven].index(again) == 1
    shown = seven._replace(model="<b>&")._repr_html_()
    content = base64.b64decode(re.search("base64,([^\"]+)", shown)[1])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), seven.picture)
    assert "7, confidence 100.0% (&lt;b&gt;&amp;)" in shown and "\n" not in shown


def test_lists_folders_and_patterns_give_lists(net, tmp_path):
    seven, two = predict_image(IMG / "7.png", net), predict_image(IMG / "2.jpg", net)
    assert predict_image([IMG / "7.png", (IMG / "2.jpg").read_bytes()], net) == [seven, two]
    assert predict_image(str(IMG / "[27].*"), model=net) == [two, seven]
    for name in ("b.JPG", "a.jpg", "labels.csv"):
        (tmp_path / name).write_bytes((IMG / "2.jpg").read_bytes())
    assert predict_image(tmp_path, net) == [two, two] and predict_image([], net) == []


def test_many_are_read_in_batches(net):
    picture = predict_image(IMG / "7.png", net).picture
    together = predict_pictures(net, [picture] * 2001, [(0, 0, 1, 1)] * 2001)
    assert len(together) == 2001 and {each.digit for each in together} == {7}


def test_the_guard_is_the_default_model(net):
    assert predict_image(IMG / "7.png") == predict_image(IMG / "7.png", load_guard())
    assert predict_image(IMG / "7.png") != predict_image(IMG / "7.png", net)


@pytest.mark.parametrize("number", [0, 1, 5, 8])
def test_a_digit_beside_something_more_prominent_is_found_but_doubted(net, number):
    scene = face(np.random.default_rng(number), number)
    scene[260:460, 20:180] = cv2.resize(page(), (160, 200))
    first = prepare(scene)
    assert first.box[0] + first.box[2] > 180  # the face, or more
    answer = predict_image(scene, net)
    assert answer.digit == 7 and not answer.sure and answer.is_digit < 0.9
    assert answer.box[0] + answer.box[2] <= 180
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("right, sure", [(200, True), (130, False)])
def test_a_line_between_two_surfaces_is_doubted(right, sure):
    """A line on a sheet is a one; the same line along a finger, a door or a table is none."""
    grey = np.full((300, 400), 200, np.uint8)
    grey[:, 200:] = right
    cv2.line(grey, (200, 90), (200, 210), 60, 7, cv2.LINE_AA)
    answer = predict_image(cv2.GaussianBlur(grey, (3, 3), 0))
    assert answer.sure == sure and (not sure or answer.digit == 1)


def test_a_digit_across_the_edge_of_a_shadow_is_no_edge():
    light = np.where(np.arange(240) < 105, 0.5, 1)[:, None]
    answer = predict_image((light * page()).astype(np.uint8))
    assert answer.digit == 7 and answer.sure


def test_any_model_of_the_right_shape_will_do():
    class Always4(torch.nn.Linear):
        def forward(self, x):
            assert x.shape == (1, 1, 28, 28) and not self.training
            return torch.eye(10)[[4]] * 50

    prediction = predict_image(IMG / "7.png", Always4(1, 1))
    assert (prediction.digit, prediction.model) == (4, "Always4")


def test_probabilities_of_many_equal_those_of_each(net):
    pictures = np.stack([prepare(IMG / name).picture for name in ("2.jpg", "7.png")])
    together = probabilities(net, pictures)
    assert together.shape == (2, 10)
    np.testing.assert_allclose(together[1], probabilities(net, pictures[1])[0], atol=1e-6)


def test_empty_page_and_bad_input_are_errors(net, tmp_path):
    with pytest.raises(NoDigitError):
        predict_image(Image.new("L", (200, 200), 240), net)
    with pytest.raises(ImageError, match="none.png"):
        predict_image(tmp_path / "none.png", net)


def test_untrained_network_is_unsure():
    torch.manual_seed(0)
    assert predict_image(IMG / "7.png", Net()).confidence < 0.3


def test_reads_mnist_through_the_image_pipeline(net, mnist_root):
    digits = load_mnist(False, mnist_root)
    plain = probabilities(net, digits.data[:1000]).argmax(1)
    pictures = np.stack([prepare(digit.numpy()).picture for digit in digits.data[:1000]])
    prepared = probabilities(net, pictures).argmax(1)
    truth = digits.targets[:1000].numpy()
    assert (plain == truth).mean() > 0.98
    assert (prepared == truth).mean() >= (plain == truth).mean() - 0.003
