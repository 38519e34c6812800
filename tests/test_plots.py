"""The figures show the data that they were given."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mnist_tutorial import load_mnist, predict_image, prepare, read_digits
from mnist_tutorial.checkpoint import Epoch
from mnist_tutorial.plots import LiveCurves, show_curves, show_grid, show_pictures, show_times
from mnist_tutorial.reading.find import steps
from mnist_tutorial.reading.images import IMG
from mnist_tutorial.reading.pages import Page
from mnist_tutorial.reading.plots import show_page, show_prediction, show_steps

pytestmark = pytest.mark.usefixtures("figure")


def test_grid_shows_labels_and_says_what_data_it_is(figure, sample):
    train = load_mnist()
    assert show_grid(train, rows=2, columns=3) is None
    axes = figure().axes
    assert len(axes) == 6
    assert [axis.get_title() for axis in axes] == [f"label {label}" for label in train.targets[:6]]
    assert np.array_equal(axes[4].images[0].get_array(), train.data[4])
    assert figure().get_suptitle() == "embedded sample, not MNIST"


def test_pictures_fill_rows_and_share_one_scale(figure):
    show_pictures(np.full((3, 28, 28), 200, np.uint8), ["a", "b", "c"], columns=2, title="three")
    drawn = [axis for axis in figure().axes if axis.images]
    assert [axis.get_title() for axis in drawn] == ["a", "b", "c"]
    assert all(axis.images[0].get_clim() == (0, 255) for axis in drawn)


def test_curves_have_two_lines_for_each_history(figure):
    history = [Epoch(1, 1.0, 0.5, 0.9, 0.6, 1.0), Epoch(2, 0.5, 0.8, 0.4, 0.9, 1.0)]
    show_curves({"mine": history, "yours": history}, title="on the sample")
    axis = figure().axes[0]
    assert [line.get_label() for line in axis.lines] == ["mine: training", "mine: validation",
                                                         "yours: training", "yours: validation"]
    assert axis.lines[1].get_xydata().tolist() == [[1, 60], [2, 90]]
    assert axis.get_title() == "on the sample"


def test_prediction_shows_photo_box_picture_and_bars(figure):
    prediction = predict_image(IMG / "7.png")
    show_prediction(IMG / "7.png", prediction)
    left, middle, right = figure().axes
    assert left.patches[0].get_width() == prediction.box[2]
    assert np.array_equal(middle.images[0].get_array(), prediction.picture)
    heights = [bar.get_height() for bar in right.patches]
    assert heights == pytest.approx(list(prediction.probabilities))
    title = figure().get_suptitle()
    assert "Answer: 7, confidence" in title and "shipped weights" in title


def test_steps_are_drawn_from_photo_to_28x28(figure):
    show_steps(IMG / "7.png")
    made = steps(IMG / "7.png")
    axes = figure().axes
    assert [axis.get_title() for axis in axes] == list(made) and len(axes) == 6
    for axis, picture in zip(axes, made.values()):
        assert np.array_equal(axis.images[0].get_array(), picture)
    prepared = prepare(IMG / "7.png")
    assert np.array_equal(made["28x28"], prepared.picture)
    assert made["the digit"].shape == prepared.box[:1:-1] and max(made["20 pixels"].shape) == 20
    assert np.median(made["ink"]) < 10 < 200 < made["ink"].max()
    assert abs(int(made["light of the paper"].max()) - int(made["grey"].max())) < 20


def test_page_shows_a_box_and_an_answer_for_each_digit(figure):
    page = read_digits(IMG / "page.jpg")
    show_page(IMG / "page.jpg", page)
    (axis,) = figure().axes
    assert [text.get_text() for text in axis.texts] == [str(digit.digit) for digit in page.digits]
    corners = [(box.get_x(), box.get_y()) for box in axis.patches]
    assert corners == [digit.box[:2] for digit in page.digits]
    title = figure().get_suptitle()
    assert "2026/31415/97580" in title and "shipped weights" in title


def test_page_is_drawn_where_it_is_wanted(figure, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a figure of one's own is not shown"))
    page = read_digits(IMG / "page.jpg")
    _, (left, right) = plt.subplots(1, 2)
    show_page(IMG / "page.jpg", page, ax=right)
    assert len(right.texts) == len(page.digits) and not left.texts
    assert "2026/31415/97580" in right.get_title()


@pytest.mark.parametrize("name", ["$x_{$", "a $b$ \\frac", "$", "5 $ or 6 $", "$\\nothing{$"])
def test_names_are_no_formulas(figure, name):
    prediction = predict_image(IMG / "7.png")._replace(model=name)
    show_prediction(IMG / "7.png", prediction)
    figure().canvas.draw()
    show_page(IMG / "7.png", Page([prediction], [[0]], []), ax=plt.subplots()[1])
    figure().canvas.draw()
    show_pictures(np.zeros((1, 28, 28)), [name], title=name)
    figure().canvas.draw()
    show_curves({name: [Epoch(1, 1.0, 0.5, 0.9, 0.6, 1.0)]}, title=name)
    figure().canvas.draw()
    show_times({name: 1.0}, title=name)
    figure().canvas.draw()


def test_times_are_labelled_bars_and_what_missed_the_goal_is_light(figure):
    show_times({"a": 7644.0, "b": 204.3, "c": 9.87, "d": 0.434}, "all", {"b": "98.9% after"}, ["b"])
    (axis,) = figure().axes
    assert [bar.get_width() for bar in axis.patches] == [7644.0, 204.3, 9.87, 0.434]
    texts = [text.get_text().strip() for text in axis.texts]
    assert texts == ["7,644 s", "98.9% after 204 s", "9.9 s", "0.43 s"]
    alphas = [bar.get_alpha() for bar in axis.patches]
    assert alphas[1] < 1 and alphas[:1] + alphas[2:] == [1, 1, 1]


def test_grid_shows_other_datasets_with_the_names_of_their_classes(figure):
    class FashionMNIST:
        classes = ["Trouser", "Coat"]
        data, targets = torch.zeros(6, 28, 28, dtype=torch.uint8), torch.tensor([0, 1] * 3)

    show_grid(FashionMNIST(), rows=1, columns=2)
    assert [axis.get_title() for axis in figure().axes] == ["Trouser", "Coat"]
    assert figure().get_suptitle() == "FashionMNIST"


def test_live_curves_print_lines_where_there_is_no_notebook(capsys):
    curves = LiveCurves(2)
    curves.add((1.0, 0.5), (0.9, 0.6))
    curves.add((0.5, 0.8), (0.4, 0.9))
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "epoch 1 of 2" and second == "epoch 2 of 2, 0:00:00 left"
    assert third == "2 epochs in 0:00:00"
    assert [epoch[:5] for epoch in curves.history] == [(1, 1.0, 0.5, 0.9, 0.6),
                                                       (2, 0.5, 0.8, 0.4, 0.9)]
    assert not plt.get_fignums()


def test_live_curves_replace_one_figure_in_a_notebook(monkeypatch):
    shown, clock = [], iter([0, 61, 122])
    handle = SimpleNamespace(update=shown.append)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=True))
    monkeypatch.setattr("IPython.display.display",
                        lambda figure, display_id: shown.append(figure) or handle)
    monkeypatch.setattr("mnist_tutorial.plots.time.perf_counter", lambda: next(clock))
    curves = LiveCurves(3, name="mine")
    curves.add((1.0, 0.5), (0.9, 0.6))
    curves.add((0.5, 0.8), (0.4, 0.9))
    axes = [figure.axes[0] for figure in shown]
    assert [axis.get_title() for axis in axes] == [
        "epoch 1 of 3", "epoch 2 of 3, 0:02:02 left", "epoch 3 of 3, 0:01:01 left"]
    assert [len(axis.lines) for axis in axes] == [0, 2, 2]
    assert axes[2].lines[1].get_label() == "mine: validation"
    assert axes[2].lines[1].get_xydata().tolist() == [[1, 60], [2, 90]]
    assert {axis.get_xlim() for axis in axes} == {(0.5, 3.5)}  # it does not jump
    assert not plt.get_fignums()  # shown once, and not kept
