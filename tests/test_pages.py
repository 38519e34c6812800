"""Pages of several digits: which are found, in which order, and what is ignored."""


import cv2
import numpy as np
import pytest
from drawings import FIVE, SEVEN, page
from nothing import draw, letter, scribble, smiley

from mnist_tutorial.errors import ImageError
from mnist_tutorial.reading import load_guard, pages
from mnist_tutorial.reading.box import Box
from mnist_tutorial.reading.candidates import list_strokes
from mnist_tutorial.reading.images import IMG, load_grey
from mnist_tutorial.reading.layers import page_layers
from mnist_tutorial.reading.pages import Doubt, Page, read_digits
from mnist_tutorial.reading.predict import Reader
from mnist_tutorial.reading.touching import divide_row

INK = {digit: cv2.resize(255 - page(strokes, paper=255, ink=0)[40:172, 50:150], (61, 80),
                         interpolation=cv2.INTER_AREA)
       for digit, strokes in (("5", FIVE), ("7", SEVEN))}  # uint8 (80, 61), 255 = ink


def sheet(*numbers, paper=230, step=80, slope=0.0, shape=(480, 640)):
    """Write rows of the digits 5 and 7, 70 pixels tall, on paper."""
    grey = np.full(shape, paper, np.uint8)
    for row, number in enumerate(numbers):
        for place, digit in enumerate(number):
            x, y = 50 + place * step, 60 + row * 130 + round(place * step * slope)
            patch = grey[y:y + 80, x:x + 61]
            patch[:] = np.minimum(patch, 255 - INK[digit])
    return grey


def test_the_sample_page_is_read_exactly():
    page = read_digits(IMG / "page.jpg")
    assert page.text == "2026/31415/97580"
    assert [len(row) for row in page.rows] == [4, 5, 5]
    assert [page.digits[number].digit for number in page.rows[0]] == [2, 0, 2, 6]


@pytest.mark.parametrize("name", ["2.jpg", "5.jpg", "7.png"])
def test_a_picture_of_one_digit(name):
    assert read_digits(IMG / name).text == name[0]


def test_a_picture_too_small_for_several():
    assert read_digits(cv2.resize(page(), (28, 34), interpolation=cv2.INTER_AREA)).text == "7"


def test_reading_order():
    assert read_digits(sheet("577", "75", "5757")).text == "577/75/5757"


@pytest.mark.parametrize("slope", [-0.12, 0.12])
def test_rows_may_slope(slope):
    top = 80 if slope < 0 else 0
    grey = np.vstack([np.full((top, 640), 230, np.uint8),
                      sheet("5775575", "7577577", slope=max(slope, 0))])
    if slope < 0:
        grey = np.vstack([np.full((top, 640), 230, np.uint8), sheet("5775575", "7577577")])
        turn = np.float32([[1, 0, 0], [slope, 1, 0]])
        grey = cv2.warpAffine(grey, turn, (640, 560), borderValue=230)
    assert read_digits(grey).text == "5775575/7577577"


@pytest.mark.parametrize("degrees", [-30, -20, 20, 30])
def test_rows_may_slope_by_thirty_degrees(degrees):
    turn = cv2.getRotationMatrix2D((250, 160), degrees, 1)
    turn[:, 2] += 100, 150
    grey = cv2.warpAffine(sheet("57757", "75775"), turn, (740, 640), borderValue=230)
    assert read_digits(grey).text == "57757/75775"


@pytest.mark.parametrize("turn, looks", [(1, 3), (3, 2)])
def test_a_page_that_lies_on_its_side(turn, looks, monkeypatch):
    seen, find = [], pages.find_all_digits
    upright = load_grey(IMG / "page.jpg")
    turned = np.rot90(upright, turn)
    expected = read_digits(upright)
    monkeypatch.setattr(pages, "find_all_digits", lambda *asked: seen.append(1) or find(*asked))
    page = read_digits(turned)
    assert page.text == expected.text and len(seen) == looks  # none more once one is surely read
    for digit, straight in zip(page.digits, expected.digits):
        x, y, width, height = digit.box
        part, same = turned[y:y + height, x:x + width], straight.box.slices()
        np.testing.assert_allclose(np.rot90(part, -turn).mean(), upright[same].mean(), atol=3)
    assert read_digits(turned, quick=True).text != expected.text


@pytest.mark.parametrize("kind, number", [(smiley, 0), (smiley, 3), (letter, 38), (scribble, 8)])
def test_what_is_no_digit_is_none_on_its_side(kind, number):
    """A face was a sure 0, a W a sure 3."""
    assert not read_digits(draw(kind, number)).sure


@pytest.mark.parametrize("number", [2, 12])
def test_a_part_of_something_else_is_no_digit(number):
    """The stems of an F and of a Y were sure ones."""
    assert not read_digits(draw(letter, number)).sure


def test_light_on_dark():
    assert read_digits(255 - sheet("57", "775")).text == "57/775"


@pytest.mark.parametrize("squared", [False, True])
def test_ruled_lines_are_ignored(squared):
    paper = np.full((480, 640), 230, np.uint8)
    paper[10::40] = 190
    if squared:
        paper[:, 10::40] = 190
    assert read_digits(np.minimum(sheet("575", "77"), paper)).text == "575/77"


def test_a_dark_grid_is_no_row_of_ones():
    paper = np.full((480, 640), 230, np.uint8)
    paper[10::50] = paper[:, 10::50] = 110
    assert "1" not in read_digits(np.minimum(sheet("575", "77"), paper)).text


def test_the_hand_that_holds_a_sheet_is_no_digit():
    video = cv2.VideoCapture(str(IMG / "webcam.webm"))
    frame = video.read()[1]
    video.release()
    assert read_digits(frame).text == "3"


def test_dots_staples_and_edges_are_ignored():
    grey = sheet("575", "77")
    for place in ((400, 300), (500, 60), (30, 400), (320, 120)):
        cv2.circle(grey, place, 4, 40, -1)
    cv2.line(grey, (420, 420), (500, 422), 60, 3)  # a staple
    grey[:, -15:] = 60                             # a desk
    assert read_digits(grey).text == "575/77"


def test_shadow():
    light = np.ones((480, 640))
    light[:, 250:] = 0.5
    assert read_digits((sheet("5757", "7755") * light).astype(np.uint8)).text == "5757/7755"


def test_sheet_on_a_desk():
    desk = np.full((640, 800), 60, np.uint8)
    desk[80:560, 80:720] = sheet("5757", "77", "5")
    assert read_digits(desk).text == "5757/77/5"


def test_boxes_are_in_pixels_of_the_source():
    large = cv2.resize(sheet("57"), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    boxes = np.array([digit.box for digit in read_digits(large).digits])
    drawn = [np.add(cv2.boundingRect((INK[digit] > 100).astype(np.uint8)),
                    (50 + 80 * place, 60, 0, 0))
             for place, digit in enumerate("57")]
    np.testing.assert_allclose(boxes, 4 * np.array(drawn), atol=12)


@pytest.mark.parametrize("number, step", [("57", 45), ("77", 48), ("575", 47)])
def test_touching_digits_are_parted(number, step):
    together = sheet(number, "75", step=step)
    together[190:, :] = sheet("", "75")[190:, :]  # a row that shows how large a digit is
    count, _ = cv2.connectedComponents((together[:170] < 120).astype(np.uint8))
    assert count == 2  # the ground, and all digits of the first row in one
    assert read_digits(together).text == f"{number}/75"


def test_only_ink_that_may_be_of_digits_is_cut():
    """Words beside the digits took most of a page's time."""
    layer, reader = next(page_layers(sheet("575", step=47), 160)), Reader(load_guard(), 640)
    (three,) = reader.read(list_strokes(layer))
    for belief, cut in ((0.9, True), (0.2, False)):
        seen, left = layer._replace(belief=np.full_like(layer.belief, belief)), reader.left
        assert (len(divide_row([three._replace(layer=seen)], 70, reader)) > 1) == cut
        assert (reader.left < left) == cut  # parts were read


def test_wide_digits_stay_whole():
    assert read_digits(cv2.resize(sheet("575", "75"), None, fx=1.8, fy=1)).text == "575/75"


def test_tilted_sheet_on_a_desk():
    turn = cv2.getRotationMatrix2D((320, 240), 4, 0.85)
    grey = cv2.warpAffine(sheet("5757", "775", "57"), turn, (640, 480), borderValue=90)
    assert read_digits(grey).text == "5757/775/57"


def test_broken_strokes_are_joined():
    grey = sheet("757", step=90)
    x = 140 + 61 * 30 // 100
    grey[60:75, x:x + 5] = 230  # cuts the bar off the 5
    number, _ = cv2.connectedComponents((grey < 120).astype(np.uint8))
    assert number == 5  # the ground, two digits, two pieces of the third
    assert read_digits(grey).text == "757"


@pytest.mark.parametrize("grey", [
    np.full((480, 640), 200, np.uint8),
    np.zeros((28, 28), np.uint8),
    np.random.default_rng(0).normal(180, 6, (480, 640)).clip(0, 255).astype(np.uint8),
], ids=["even", "small", "noise"])
def test_empty_page(grey):
    page = read_digits(grey)
    assert page == Page([], [], []) and page.text == "" and not page.sure


def test_what_cannot_be_read_is_not_left_out():
    clear = sheet("5757", "7755")
    assert read_digits(clear).sure
    blotted = clear.copy()
    points = np.array([(210, 60), (275, 140), (210, 130), (270, 60), (225, 140), (260, 60)])
    cv2.polylines(blotted, [points], False, 20, 7)
    page = read_digits(blotted)
    first, second = page.text.split("/")
    unsure = [digit for digit in page.digits if not digit.sure]
    assert first[:2] == "57" and first[-1] == "7" and len(first) == 4 and second == "7755"
    assert len(unsure) + len(page.doubts) == 1 and not page.sure
    x, y, width, height = (*page.doubts, *unsure)[0].box
    assert abs(x + width / 2 - 242) < 12 and abs(y + height / 2 - 100) < 12


def test_text_of_doubts():
    digits = read_digits(sheet("57", "7")).digits
    doubts = [Doubt(row, place, Box(0, 0, 9, 9)) for row, place in ((0, 0), (0, 1), (1, 1))]
    page = Page(digits, [[0, 1], [2]], doubts)
    assert page.text == "?5?7/7?" and not page.sure
    assert repr(page) == "<Page '?5?7/7?', 3 digits, not sure>"


def test_two_digits_in_a_picture_as_small_as_one_of_mnist():
    small = cv2.resize(sheet("57")[30:180, 30:200], (28, 28), interpolation=cv2.INTER_AREA)
    assert read_digits(small).text == read_digits(255 - small).text == "57"


def test_a_digit_at_the_border_is_read():
    assert read_digits(sheet("575", "77")[:, 55:400]).text == "575/77"


def test_a_small_zero_stays_in_a_row_of_tall_digits():
    grey = sheet("577")
    cv2.ellipse(grey, (325, 115), (14, 18), 0, 0, 360, 30, 5)
    assert read_digits(grey).text == "5770"


@pytest.mark.parametrize("wrong", ["no such file.jpg", np.zeros((4, 4, 7), np.uint8), None])
def test_unreadable_input(wrong):
    with pytest.raises(ImageError):
        read_digits(wrong)


def test_confidences_and_pictures():
    for digit in read_digits(sheet("57")).digits:
        assert digit.probabilities.argmax() == digit.digit
        assert digit.confidence == digit.probabilities.max()
        assert digit.picture.shape == (28, 28) and digit.picture.max() == 255


def test_the_sources_array_is_left_alone():
    grey = load_grey(IMG / "page.jpg")
    before = grey.copy()
    read_digits(grey)
    np.testing.assert_array_equal(grey, before)


def test_pages_are_short_to_see_and_can_be_compared():
    page, again, other = (read_digits(sheet(*rows)) for rows in (("57", "7"), ("57", "7"), ("75",)))
    assert repr(page) == "<Page '57/7', 3 digits>"
    assert page == again and not page != again and page != other
    assert page._repr_html_().endswith(" 57/7") and "\n" not in page._repr_html_()
    empty = Page([], [], [])
    assert repr(empty) == "<Page '', 0 digits, not sure>" and empty._repr_html_()


def test_lists_and_patterns_give_lists():
    assert [page.text for page in read_digits([sheet("57"), sheet("7")])] == ["57", "7"]
    assert [page.text for page in read_digits(str(IMG / "pag?.jpg"))] == ["2026/31415/97580"]
