"""The live loop: sources, drawing, windows, notebooks, and that everything opened is released."""

import base64
import ctypes.util
import http.server
import itertools
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import cv2
import nbclient
import nbformat
import numpy as np
import pytest
import torch
from tally import attempt

from mnist_tutorial.errors import SourceError
from mnist_tutorial.live import display as displays
from mnist_tutorial.live import frames, tracking, webcam
from mnist_tutorial.live.display import has_display
from mnist_tutorial.live.frames import find_cameras, read_frames
from mnist_tutorial.live.tracking import Tracker
from mnist_tutorial.live.webcam import Report, draw_predictions, run
from mnist_tutorial.reading.pages import Page
from mnist_tutorial.reading.predict import Prediction
from mnist_tutorial.strokes import draw_digit

ROOT = Path(__file__).parents[1]
TINY_MODEL = """
import torch
class AlwaysSeven(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scores = torch.nn.Parameter(9.0 * (torch.arange(10) == 7))
    def forward(self, x):
        return self.scores.expand(len(x), 10)
"""
exec(TINY_MODEL)  # the children below run the same text

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"),
                                reason="displays are X11's here")


def answer(digit=7, confidence=0.98, box=(60, 40, 30, 50), is_digit=1.0):
    shares = np.full(10, (1 - confidence) / 9, np.float32)
    shares[digit] = confidence
    picture = np.zeros((28, 28), np.uint8)
    return Prediction(digit, confidence, shares, picture, box, "tiny", is_digit)


def page(level=0, shape=(120, 160, 3)):
    return np.full(shape, level, np.uint8)


def levels(frames):
    return [round(float(frame.mean()) / 40) for frame in frames]


@pytest.fixture
def always_seven(monkeypatch):
    """Answer 7 at once; collect the pictures that were to be answered."""
    asked = []

    def predict(picture, model, quick):
        asked.append(picture)
        return Page([answer()], [[0]], [])

    monkeypatch.setattr(webcam, "read_digits", predict)
    return asked


class Camera:
    """A substitute for cv2.VideoCapture: `length` frames, then none; those in `bad` fail."""

    length, bad, present, opened = 3, (), range(10), []

    def __init__(self, source, backend):
        assert all(one.released for one in self.opened), "a camera serves one at a time"
        self.asked, self.reads, self.released, self.sides = (source, backend), 0, False, {}
        self.opened.append(self)

    def isOpened(self):
        return not isinstance(self.asked[0], int) or self.asked[0] in self.present

    def get(self, prop):
        return 0.0

    def set(self, prop, value):
        self.sides[prop] = value

    def read(self):
        assert not self.released
        self.reads += 1
        good = self.reads <= self.length and self.reads - 1 not in self.bad
        return (True, self.picture()) if good else (False, None)

    def picture(self):
        return page()

    def release(self):
        self.released = True


@pytest.fixture
def camera(monkeypatch):
    class Fresh(Camera):
        opened = []

    monkeypatch.setattr(cv2, "VideoCapture", Fresh)
    return Fresh


# Reading


@pytest.mark.parametrize("name, codec", [("clip.mp4", "mp4v"), ("clip.webm", "VP80")])
def test_reads_a_clip(tmp_path, name, codec):
    path = tmp_path / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 20, (160, 120))
    for i in range(5):
        writer.write(page(40 * i))
    writer.release()
    for source in (path, str(path)):
        frames = list(read_frames(source))
        assert levels(frames) == [0, 1, 2, 3, 4]
        assert {frame.shape for frame in frames} == {(120, 160, 3)}
        assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}


def test_reads_numbered_pictures_each_in_its_own_size(tmp_path, capfd):
    cv2.imwrite(str(tmp_path / "img_01.png"), page(40))
    cv2.imwrite(str(tmp_path / "img_02.png"), page(80, (60, 50)))
    frames = list(read_frames(f"{tmp_path}/img_%02d.png"))
    assert [frame.shape for frame in frames] == [(120, 160, 3), (60, 50, 3)]
    assert levels(frames) == [1, 2]
    assert capfd.readouterr().err == ""


def test_reads_a_file_whose_name_holds_a_percent_sign(tmp_path):
    path = tmp_path / "50%.png"
    cv2.imwrite(str(path), page(40))
    assert levels(read_frames(path)) == [1]


def test_reads_grey_and_colour_arrays_of_changing_size():
    grey, colour = page(40, (20, 30)), np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    first, second = read_frames(frame for frame in (grey, colour[:, ::-1]))
    assert first.shape == (20, 30, 3) and (first == 40).all()
    assert (second == colour[:, ::-1]).all()
    assert levels(read_frames(np.stack([page(0), page(40)]))) == [0, 1]


@pytest.mark.parametrize("source", [2, "2", np.int64(2)])
def test_a_number_is_a_camera(camera, source):
    assert next(read_frames(source)).shape == (120, 160, 3)
    assert [one.asked for one in camera.opened] == [(2, cv2.CAP_ANY)]


def test_opens_nothing_before_the_first_frame(camera):
    frames = read_frames(0)
    assert camera.opened == []
    next(frames)
    assert len(camera.opened) == 1


@pytest.mark.parametrize("realtime", [False, True])
def test_files_keep_their_pace_only_if_asked(tmp_path, monkeypatch, realtime):
    for i in range(4):
        cv2.imwrite(str(tmp_path / f"{i}.png"), page())
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "perf_counter", lambda: 100.0)
    list(read_frames(f"{tmp_path}/%d.png", realtime=realtime))
    assert slept == pytest.approx([0, 1 / 30, 1 / 30, 1 / 30] if realtime else [])


@pytest.mark.parametrize("source, said", [
    (-1, "camera -1"),
    ("-1", "camera -1"),
    (99, "camera 99 gives no picture"),
    (2 ** 31, "camera 2147483648"),
    (True, "cannot read frames from True"),
    (None, "cannot read frames from None"),
    (1.5, "cannot read frames from 1.5"),
    ("", "'': there is no such file"),
    ("missing.mp4", "'missing.mp4': there is no such file"),
    (Path("missing.mp4"), "'missing.mp4': there is no such file"),
    ("folder", "'folder' is a folder"),
    ("text.mp4", "'text.mp4' gives no frame: expected a video"),
    ("empty.mp4", "'empty.mp4' gives no frame: expected a video"),
    ("missing_%02d.png", "'missing_%02d.png' gives no frame: expected pictures"),
    ("text_%d.png", "'text_%d.png' gives no frame: expected pictures"),
    ("%s%n.png", "gives no frame"),
    (page(), "a single picture of shape (120, 160, 3)"),
    (page(0, (9, 9)), "a single picture of shape (9, 9)"),
    ([page(), None], "frame 1: expected a uint8 array, grey (H, W) or BGR (H, W, 3), got NoneType"),
    ([page().astype(np.float32)], "got float32 of shape (120, 160, 3)"),
    ([page(), page(), page(0, (9, 9, 4))], "frame 2: expected a uint8 array, grey (H, W) or "
                                           "BGR (H, W, 3), got uint8 of shape (9, 9, 4)"),
    ([page(0, (0, 5))], "got uint8 of shape (0, 5)"),
    (["img.png"], "got str"),
    ("\udcff.webm", "expected a name in UTF-8"),
    ("\udcff%d", "expected a name in UTF-8"),
    ("http://127.0.0.1/\udcff", "expected a name in UTF-8"),
    ("a\0b.mp4", "expected a name in UTF-8, without zeros"),
    ("a\0b%d.png", "expected a name in UTF-8, without zeros"),
    (5000 * "x" + "%d", "of 1000 characters at most"),
    ("9" * 5000, "of 1000 characters at most"),
    ("9" * 30, "cameras are numbered 0, 1, 2, ..."),
    (os.devnull, "there is no such file"),
    ("~nobody/missing.mp4", "there is no such file"),
    ("http://127.0.0.1:9/video", "camera http://127.0.0.1:9/video gives no picture"),
    ("rtsp://me:secret@127.0.0.1:9/x", "camera rtsp://127.0.0.1:9/x gives no picture"),
    ("HTTPS://127.0.0.1:9/%d.png", "camera HTTPS://127.0.0.1:9/%d.png gives no picture"),
])
def test_a_bad_source_is_one_clear_line(tmp_path, monkeypatch, capfd, source, said):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("empty.mp4").touch()
    for name in ("text.mp4", "text_0.png"):
        Path(name).write_text("no picture at all")
    with pytest.raises(SourceError) as error:
        list(read_frames(source))
    message = str(error.value)
    assert said in message and "\n" not in message and len(message) < 1500
    attempt("sources of frames: bad ones", list, read_frames(source), refusal=SourceError)
    assert capfd.readouterr().err == ""


@linux_only
@pytest.mark.parametrize("name", [b"\xff.webm", b"\xff%d.webm", b"7\xe9.webm", "7é.webm".encode()])
def test_names_that_are_not_utf_8_do_not_end_python(tmp_path, name):
    path = os.fsencode(tmp_path) + b"/" + name
    shutil.copy(ROOT / "img" / "webcam.webm", path)
    for source in (os.fsdecode(path), Path(os.fsdecode(path))):
        frame = attempt("sources of frames: names that are not UTF-8", next, read_frames(source),
                        refusal=SourceError, match="UTF-8")
        assert (frame is None) == (b"\xff" in name or b"\xe9" in name)


def test_a_tilde_is_ones_home(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    cv2.imwrite(str(tmp_path / "img_0.png"), page(40))
    for source in ("~/img_0.png", "~/img_%d.png", Path("~/img_0.png")):
        assert levels(read_frames(source)) == [1]


class Phone(http.server.BaseHTTPRequestHandler):
    """A camera in the network, as a phone's programs are one; it does what its path says."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with suppress(OSError):  # the reader has gone
            for number in range(40):
                if self.path == "/stalls" and number == 20 or self.path == "/silent":
                    self.server.held.wait(20)
                picture = cv2.imencode(".jpg", page(40 * (number // 10)))[1].tobytes()
                if self.path == "/damaged" and number % 3:
                    picture = picture[:100] + bytes(len(picture) - 100)
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def phone():
    """The address of a phone's camera."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Phone) as server:
        server.daemon_threads, server.held = True, threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.held.set()
        server.shutdown()


def read_until_it_fails(source):
    seen = []
    with pytest.raises(SourceError) as error:
        for frame in read_frames(source):
            seen.append(frame)
    return levels(seen), str(error.value)


def test_a_phone_is_a_camera(phone, always_seven, capfd):
    seen, why = read_until_it_fails(f"{phone}/video")
    assert set(seen) == {0, 1, 2, 3} and len(seen) >= 30
    assert f"camera {phone}/video stopped after {len(seen)} frames; check plug or network" in why
    report = run(f"{phone}/video", torch.nn.Identity(), show=None, max_frames=12)
    assert (report.frames, report.stopped) == (12, "max_frames")
    assert capfd.readouterr().err == ""


def test_a_phone_that_stalls_is_given_up_in_time(phone, monkeypatch):
    monkeypatch.setattr(frames, "FIRST_FRAME_TIMEOUT", 1)
    monkeypatch.setattr(frames, "NEXT_FRAME_TIMEOUT", 0.5)
    monkeypatch.setattr(frames, "RELEASE_TIMEOUT", 0.1)
    for path in ("stalls", "silent"):
        start = time.monotonic()
        attempt("sources of frames: phones", list, read_frames(f"{phone}/{path}"),
                refusal=SourceError, match=f"camera {phone}/{path} stalled")
        assert time.monotonic() - start < 10


def test_a_phones_damaged_pictures_end_nothing(phone):
    attempt("sources of frames: phones", list, read_frames(f"{phone}/damaged"),
            refusal=SourceError, match="stopped after|gives no picture")


def test_the_device_of_a_camera_is_its_number(camera, tmp_path):
    link = tmp_path / "usb-camera-index0"
    link.symlink_to("/dev/video3")
    for source in ("/dev/video3", Path("/dev/video3"), link, str(link)):
        next(read_frames(source))
    assert [one.asked for one in camera.opened] == 4 * [(3, cv2.CAP_ANY)]


def test_damaged_clips_are_read_as_far_as_they_go(tmp_path):
    chance = random.Random(5)
    for name, codec in [("clip.mp4", "mp4v"), ("clip.avi", "MJPG"), ("clip.webm", "VP80")]:
        whole, path = tmp_path / name, tmp_path / f"damaged-{name}"
        writer = cv2.VideoWriter(str(whole), cv2.VideoWriter_fourcc(*codec), 30, (80, 60))
        for i in range(12):
            writer.write(page(20 * i, (60, 80, 3)))
        writer.release()
        content = whole.read_bytes()
        for _ in range(100):
            at, size = chance.randrange(len(content)), chance.randrange(1, 100)
            middle = chance.choice([b"", bytes(size), chance.randbytes(size), content[:at]])
            path.write_bytes(content[:at] + middle + content[at + chance.choice([0, size, 9999]):])
            seen = attempt("sources of frames: damaged clips", list, read_frames(path),
                           refusal=SourceError)
            assert seen is None or all(frame.dtype == np.uint8 for frame in seen)


def test_opencvs_log_level_is_as_before_whatever_threads_read():
    logging = cv2 if hasattr(cv2, "getLogLevel") else cv2.utils.logging
    before = logging.setLogLevel(3)
    try:
        def read():
            attempt("sources of frames: 8 threads at once",
                    lambda: list(itertools.islice(read_frames(ROOT / "img" / "webcam.webm"), 20)))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert logging.getLogLevel() == 3
    finally:
        logging.setLogLevel(before)


# Frames of one's own


def test_what_many_hands_write_is_read():
    rng, pages = np.random.default_rng(1), []
    for digit in "314159":
        page = np.full((240, 320), 225, np.uint8)
        page[64:176, 104:216] -= (0.8 * draw_digit(rng, digit)).astype(np.uint8)
        pages += [page] * 12
    assert run(pages, show=None).digits == [3, 1, 4, 1, 5, 9]


# Releasing


def interrupt(*_, **__):
    raise KeyboardInterrupt


def fail(*_, **__):
    raise ZeroDivisionError


def test_released_when_the_camera_is_unplugged(camera, always_seven):
    with pytest.raises(SourceError, match="camera 0 stopped after 3 frames"):
        run(0, torch.nn.Identity(), show=None)
    assert [one.released for one in camera.opened] == [True]


def test_released_at_the_end_of_a_file(camera, always_seven, tmp_path):
    path = tmp_path / "clip.mp4"
    path.touch()
    assert run(path, torch.nn.Identity(), show=None).stopped == "end of source"
    assert [one.released for one in camera.opened] == [True]


def test_released_when_a_reader_stops_early(camera):
    frames = read_frames(0)
    next(frames)
    frames.close()
    assert [one.released for one in camera.opened] == [True]


def test_released_and_reported_when_the_user_interrupts(camera, always_seven):
    report = run(0, torch.nn.Identity(), show=None, callback=interrupt)
    assert (report.frames, report.stopped) == (1, "stop button")
    assert [one.released for one in camera.opened] == [True]


def test_released_when_the_interrupt_comes_while_reading(camera, always_seven, monkeypatch):
    monkeypatch.setattr(camera, "read", interrupt)
    report = run(0, torch.nn.Identity(), show=None)
    assert (report.frames, report.stopped) == (0, "stop button")
    assert [one.released for one in camera.opened] == [True]


@pytest.mark.parametrize("where", ["callback", "model"])
def test_released_when_something_else_fails(camera, always_seven, monkeypatch, where):
    if where == "model":
        monkeypatch.setattr(webcam, "read_digits", fail)
    with pytest.raises(ZeroDivisionError) as error:
        run(0, torch.nn.Identity(), show=None, callback=fail)
    assert [one.released for one in camera.opened] == [True]
    del error   # until here its traceback kept all generators alive: released by us, not by chance


def test_released_after_max_frames_and_opened_again(camera, always_seven):
    for _ in range(2):
        assert run(0, torch.nn.Identity(), show=None, max_frames=2).stopped == "max_frames"
    assert [(one.reads, one.released) for one in camera.opened] == [(2, True), (2, True)]


def opens_again(camera):
    """Tell whether all that was opened is released, and the camera can be read again."""
    assert all(one.released for one in camera.opened)
    camera.length, camera.bad, camera.present, camera.picture = 3, (), (0,), Camera.picture
    return len(list(itertools.islice(read_frames(0), 2))) == 2 and camera.opened[-1].released


@pytest.mark.parametrize("wrong, said", [
    ({"present": ()}, "camera 0 gives no picture"),
    ({"length": 0}, "camera 0 gives no picture"),
    ({"length": 3}, "camera 0 stopped after 3 frames"),
    ({"picture": lambda self: None}, "camera 0 gives no picture"),
    ({"picture": lambda self: page().astype(float)}, "frame 0: expected a uint8 array"),
    ({"picture": lambda self: page(0, (0, 0, 3))}, "frame 0: expected a uint8 array"),
])
def test_a_faulty_camera_is_one_clear_line_and_opens_again(
        monkeypatch, camera, always_seven, wrong, said):
    monkeypatch.setattr(frames, "RETRY_PAUSE", 0)
    with monkeypatch.context() as patch:
        for name, value in wrong.items():
            patch.setattr(camera, name, value)
        with pytest.raises(SourceError, match=said) as error:
            run(0, torch.nn.Identity(), show=None)
        assert "\n" not in str(error.value)
    assert opens_again(camera)


@pytest.mark.parametrize("wrong", [fail, interrupt])
def test_a_camera_that_raises_opens_again(monkeypatch, camera, wrong):
    with monkeypatch.context() as patch:
        patch.setattr(camera, "picture", wrong)
        with pytest.raises((ZeroDivisionError, KeyboardInterrupt)):
            list(read_frames(0))
    assert opens_again(camera)


def test_a_stop_in_the_middle_of_an_answer_is_no_error(monkeypatch, camera):
    monkeypatch.setattr(webcam, "read_digits", interrupt)
    report = run(0, torch.nn.Identity(), show=None)
    assert (report.frames, report.stopped) == (0, "stop button")
    assert opens_again(camera)


def test_reads_that_fail_now_and_then_are_tried_again(monkeypatch, camera):
    monkeypatch.setattr(frames, "RETRY_PAUSE", 0)
    camera.length, camera.bad = 20, (0, 1, 2, 3, 5, 8, 9)
    with pytest.raises(SourceError, match="stopped after 13 frames"):
        list(read_frames(0))
    assert opens_again(camera)


def test_a_camera_that_stalls_is_given_up_and_released(monkeypatch, camera, always_seven):
    released = threading.Event()

    def picture(self):
        if self.reads == 3:
            released.wait(20)
        return page()

    monkeypatch.setattr(frames, "NEXT_FRAME_TIMEOUT", 0.1)
    monkeypatch.setattr(frames, "RELEASE_TIMEOUT", 0.1)
    camera.picture = picture
    said = "camera 0 stalled: no picture in 0.1 seconds after 2 frames"
    with pytest.raises(SourceError, match=said):
        run(0, torch.nn.Identity(), show=None)
    released.set()      # the driver comes back to life
    while not camera.opened[0].released:
        time.sleep(0.001)
    assert opens_again(camera)


def test_a_camera_may_change_the_size_of_its_frames(camera, always_seven):
    camera.picture = lambda self: page(0, (60 + 10 * self.reads, 80, 3))
    report = run(0, torch.nn.Identity(), max_frames=3, show=None)
    assert [picture.shape for picture in always_seven] == [(70, 80), (80, 80), (90, 80)]
    assert report.frames == 3 and opens_again(camera)


def test_a_camera_is_asked_for_a_size(camera, always_seven):
    run("0", torch.nn.Identity(), size=(1280, 720), max_frames=1, show=None)
    assert camera.opened[0].sides == {cv2.CAP_PROP_FRAME_WIDTH: 1280,
                                      cv2.CAP_PROP_FRAME_HEIGHT: 720}
    next(read_frames(0))
    assert camera.opened[1].sides == {}


def test_finds_the_cameras_that_give_a_picture(camera, capfd):
    camera.present = (1, 2, 4)
    camera.picture = lambda self: page() if self.asked[0] != 2 else None
    assert find_cameras(6) == [(1, 160, 120), (4, 160, 120)]
    assert [one.asked[0] for one in camera.opened] == [0, 1, 2, 3, 4, 5] and opens_again(camera)


def test_looking_for_cameras_is_quiet(capfd):
    assert isinstance(find_cameras(), list)
    assert capfd.readouterr() == ("", "")


class Reader:
    """An iterator of pages that wants to be closed."""

    def __init__(self, *frames):
        self.frames, self.closed = iter(frames), False

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.frames)

    def close(self):
        self.closed = True


@pytest.mark.parametrize("max_frames", [None, 2])
def test_closes_the_iterators_of_others(always_seven, max_frames):
    reader = Reader(page(), page(), page())
    report = run(reader, torch.nn.Identity(), show=None, max_frames=max_frames)
    assert report.frames == (max_frames or 3)
    assert reader.closed


def test_what_the_iterators_of_others_raise_comes_through(always_seven):
    reader = Reader()
    reader.frames = (page() if level else fail() for level in (2, 1, 0))
    with pytest.raises(ZeroDivisionError):
        run(reader, torch.nn.Identity(), show=None)
    assert reader.closed and len(always_seven) == 2


def test_closes_the_iterators_of_others_after_junk():
    reader = Reader(page(), "junk", page())
    with pytest.raises(SourceError) as error:
        list(read_frames(reader))
    assert reader.closed
    del error   # as above


# The loop


def test_answers_each_frame_as_it_is(always_seven):
    frames, seen = [page(40), page(80, (60, 50)), page(120, (9, 9, 3))], []
    report = run(frames, torch.nn.Identity(), show=None, mirror=True,
                 callback=lambda *args: seen.append(args))
    assert levels(always_seven) == levels(frame for frame, _ in seen) == [1, 2, 3]
    assert [picture.shape for picture in always_seven] == [(120, 160), (60, 50), (9, 9)]
    assert [prediction for _, prediction in seen] == report.predictions
    assert (report.frames, report.stopped) == (3, "end of source")


def test_greys_by_opencv_order_of_colours(always_seven):
    blue = page()
    blue[:, :, 0] = 255
    run([blue], torch.nn.Identity(), show=None)
    assert always_seven[0].max() == 29  # 0.114 of 255; as red it would be 76


def test_finds_the_digit_and_goes_on_where_there_is_none():
    paper = page(230, (240, 320, 3))
    written = cv2.putText(paper.copy(), "7", (150, 150), cv2.FONT_HERSHEY_SIMPLEX, 3,
                          (20, 20, 20), 8)
    ys, xs = np.nonzero(written[:, :, 0] < 120)
    report = run([paper, written, paper], AlwaysSeven(), show=None)  # noqa: F821
    assert [[p.digit for p in found] for found in report.predictions] == [[], [7], []]
    x, y, width, height = report.predictions[1][0].box
    apart = [x - xs.min(), y - ys.min(), x + width - xs.max(), y + height - ys.max()]
    assert np.abs(apart).max() <= 5


def test_a_camera_left_running_fills_no_memory(always_seven, monkeypatch):
    monkeypatch.setattr(webcam, "KEPT_FRAMES", 30)
    report = run(itertools.repeat(page(), 4000), torch.nn.Identity(), show=None)
    assert (report.frames, len(report.predictions), report.digits) == (4000, 30, [7])


def test_what_is_long_gone_is_kept_as_a_place_only():
    tracker = Tracker()
    for _ in range(10):
        tracker.update([answer(3)])
    (track,) = tracker.tracks
    for _ in range(5):
        tracker.update([])
    assert tracker.tracks == [] and set(vars(track)) == {"digit", "box", "seen", "missed", "steady"}
    for _ in range(10):
        tracker.update([answer(3)])
    assert tracker.digits == [3]  # found again: it counts once


def test_loads_the_shipped_weights_once(monkeypatch):
    loaded, used = [], []
    monkeypatch.setattr(webcam, "load_guard", lambda: loaded.append("net") or "net")
    monkeypatch.setattr(webcam, "read_digits",
                        lambda picture, model, quick: used.append(model) or Page([], [], []))
    run([page(), page()], show=None)
    assert (loaded, used) == (["net"], ["net", "net"])


def test_junk_among_the_frames_is_named(always_seven):
    with pytest.raises(SourceError, match="frame 1: .* got int64 of shape"):
        run([page(), np.zeros((3, 3), np.int64)], torch.nn.Identity(), show=None)


@pytest.mark.parametrize("wrong, said", [({"show": "wndow"}, "'wndow'"),
                                         ({"max_frames": 0}, "got 0")])
def test_refuses_wrong_arguments(camera, wrong, said):
    with pytest.raises(ValueError, match=said):
        run(0, torch.nn.Identity(), **{"show": None, **wrong})
    assert camera.opened == []


def test_inline_needs_a_notebook():
    with pytest.raises(RuntimeError, match="needs a notebook"):
        run([page()], torch.nn.Identity(), show="inline")


@pytest.mark.parametrize("notebook, display, screen", [
    (True, True, "inline"), (True, False, "inline"), (False, True, "window"), (False, False, None)])
def test_auto_takes_what_works(monkeypatch, always_seven, notebook, display, screen):
    entered = []

    def entering(name):
        def enter():
            entered.append(name)
            return displays.Screen()
        return enter

    monkeypatch.setattr(displays, "_in_notebook", lambda: notebook)
    monkeypatch.setattr(displays, "has_display", lambda: display)
    monkeypatch.setattr(webcam, "SCREENS", {name: entering(name) for name in displays.SCREENS})
    run([page()], torch.nn.Identity())
    assert entered == [screen]


@pytest.mark.parametrize("screen, waits", [(None, 0), ("window", 2)])
def test_waits_for_the_pace_of_a_file_only_when_showing(
        monkeypatch, camera, always_seven, tmp_path, screen, waits):
    path, slept = tmp_path / "clip.mp4", []
    path.touch()
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(displays, "has_display", lambda: True)
    monkeypatch.setitem(displays.SCREENS, "window", displays.Screen)
    run(path, torch.nn.Identity(), show=screen)
    assert sum(seconds > 0 for seconds in slept) == waits


# Drawing


def test_draws_the_box_and_a_label_on_a_copy():
    frame = page(120)
    before = frame.copy()
    drawn = draw_predictions(frame, [answer(box=(60, 60, 30, 50))])
    assert (frame == before).all()
    assert drawn.shape == frame.shape and drawn.dtype == np.uint8
    changed = (drawn != frame).any(axis=2)
    assert changed[60, 60:90].all() and changed[60:110, 60].all()  # the box's edges
    assert changed[40:58, 60:90].any()                             # the label above it
    assert not changed[64:106, 64:86].any()                        # neither inside ...
    assert not changed[:30].any()                                  # ... nor far away


def test_mirrors_picture_and_box_but_not_the_text():
    frame = page(120)
    frame[:, :80] = 60
    mirrored = draw_predictions(frame, [answer(box=(100, 60, 30, 50))], mirror=True)
    by_hand = draw_predictions(np.ascontiguousarray(frame[:, ::-1]), [answer(box=(30, 60, 30, 50))])
    assert (mirrored == by_hand).all()


def test_draws_nothing_where_there_is_nothing():
    for predictions in ([], [answer(is_digit=0.4)]):
        assert (draw_predictions(page(120), predictions) == 120).all()


def test_draws_several_and_the_unsure_in_grey():
    one, other = answer(box=(10, 40, 30, 50)), answer(box=(100, 40, 30, 50), confidence=0.7)
    drawn = draw_predictions(page(120), [one, other])
    assert drawn[60, 10] == pytest.approx(webcam.GREEN)
    assert drawn[60, 100] == pytest.approx(webcam.GREY)
    assert (drawn[:, 80:] == draw_predictions(page(120), [other])[:, 80:]).all()


def test_writes_a_note_in_a_corner():
    changed = (draw_predictions(page(120), [], note="60 fps") != 120).any(axis=2)
    assert changed[90:, :80].any()
    assert not changed[:90].any() and not changed[:, 80:].any()


@pytest.mark.parametrize("box", [(0, 0, 160, 120), (150, 0, 10, 10), (0, 110, 10, 10)])
def test_the_label_stays_inside_the_frame(monkeypatch, box):
    written = []

    def put(picture, text, corner, font, scale, colour, thickness, line):
        written.append((text, corner, cv2.getTextSize(text, font, scale, thickness)[0]))

    monkeypatch.setattr(cv2, "putText", put)
    draw_predictions(page(), [answer(box=box)])
    assert {text for text, _, _ in written} == {"7  98 %"}
    for _, (x, y), (width, height) in written:
        assert 0 <= x and x + width <= 160 and height <= y <= 120


# The report


def steady_digits(seen):
    """Return the digits that are counted in frames of these predictions."""
    tracker = Tracker()
    for predictions in seen:
        tracker.update(predictions)
    return tracker.digits


@pytest.mark.parametrize("seen, digits", [
    ([(7, 0.9)] * 5, [7]),
    ([(7, 0.9)] * 4, []),
    ([(7, 0.84)] * 9, []),
    ([(3, 0.9)] * 5 + [(7, 0.9)] * 6 + [(2, 0.9)] * 7, [3, 7, 2]),
    ([(3, 0.9)] * 6 + [(8, 0.9)] * 2 + [(3, 0.9)] * 6, [3]),
    ([(3, 0.9)] * 6 + [None] * 9 + [(3, 0.9)] * 6, [3]),
    ([(3, 0.9)] * 3 + [None] + [(3, 0.9)] * 3, []),
    ([(3, 0.9)] * 5 + [(7, 0.9)] * 5 + [(3, 0.9)] * 5, [3, 7, 3]),
    ([(0, 0.9)] * 5, [0]),
    ([None] * 9, []),
])
def test_digits_are_those_that_stood_still(monkeypatch, seen, digits):
    monkeypatch.setattr(tracking, "CONFIRM_FRAMES", 5)
    assert steady_digits([[answer(*one)] if one else [] for one in seen]) == digits


def test_digits_that_move_do_not_count():
    still = [[answer(box=(10 + i, 10, 40, 60))] for i in range(20)]
    jumping = [[answer(box=(10 + 40 * (i % 2), 10, 40, 60))] for i in range(20)]
    assert steady_digits(still) == [7]
    assert steady_digits(jumping) == []


def test_digits_side_by_side_count_each_in_its_place():
    left, right = answer(3, box=(0, 0, 30, 50)), answer(3, box=(28, 0, 30, 50))
    assert steady_digits([[left, right]] * 20) == [3, 3]
    seen = [[left]] * 10 + [[left, right]] * 10 + [[]] * 10 + [[left, right]] * 10
    assert steady_digits(seen) == [3, 3]


def test_report_reads_well():
    report = Report(60, 2.0, [[answer()]] * 60, "q", [7])
    assert report.frames_per_second == 30
    assert str(report) == repr(report) == "60 frames in 2.0 s (30 per second), ended by: q\nread: 7"
    assert "no steady digit" in str(Report(0, 0.0, [], "end of source", []))


# Steadying


def drawn_digits(seen):
    """Return, for each frame, the digits that are drawn, the unsure ones negative."""
    tracker = Tracker()
    return [[one.digit if one.sure else -one.digit for one in tracker.update(predictions)]
            for predictions in seen]


def test_a_digit_is_drawn_from_its_third_frame_on_and_through_two_without_it():
    assert drawn_digits([[answer(7)]] * 4 + [[]] * 4) == [[], [], [7], [7], [7], [7], [], []]
    assert drawn_digits([[answer(7)]] * 3 + [[], [], [answer(7)]] * 2) == [[], []] + [[7]] * 7
    assert drawn_digits([[answer(7)], [], [], []] * 4) == [[]] * 16


def test_one_wrong_answer_does_not_show_and_a_new_digit_soon_does():
    drawn = drawn_digits([[answer(7, 1.0)]] * 6 + [[answer(2)]] + [[answer(7, 1.0)]] * 6
                         + [[answer(3, 1.0)]] * 18)
    assert [abs(digit) for (digit,) in drawn[2:13]] == [7] * 11  # for a moment it may be unsure
    assert drawn[-1] == [3]


def test_what_is_drawn_has_the_newest_box_and_averaged_answers():
    tracker = Tracker()
    for confidence, is_digit, left in [(0.7, 0.2, 10), (0.8, 0.4, 11), (0.9, 0.9, 12)]:
        shown = tracker.update([answer(7, confidence, (left, 10, 40, 60), is_digit)])
    assert shown[0].box == (12, 10, 40, 60)
    assert (shown[0].confidence, shown[0].is_digit) == (pytest.approx(0.8), pytest.approx(0.5))
    assert shown[0].probabilities.sum() == pytest.approx(1)
    assert shown[0].probabilities[7] == pytest.approx(0.8)


def test_digits_are_followed_each_by_its_box():
    def frame(step):    # a 3 and a 7 that move towards each other, given in turn in either order
        both = [answer(3, box=(10 + step, 10, 40, 60)), answer(7, box=(100 - step, 10, 40, 60))]
        return both[::-1] if step % 2 else both

    drawn = drawn_digits([frame(step) for step in range(40)])
    assert drawn[2:] == [[3, 7], [7, 3]] * 19


# Windows


@pytest.fixture
def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    has_display.cache_clear()
    yield
    has_display.cache_clear()


@linux_only
def test_without_a_display_a_window_is_an_error_not_an_abort(no_display, camera):
    assert has_display() is False
    with pytest.raises(RuntimeError, match="no display"):
        run(0, torch.nn.Identity(), show="window")
    assert camera.opened == []


@linux_only
def test_a_display_that_says_nothing_is_none(monkeypatch, no_display):
    """The probe is ended, too."""
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    monkeypatch.setattr(displays, "PROBE_TIMEOUT", 2)
    with socket.create_server(("127.0.0.1", 6077)):
        monkeypatch.setenv("DISPLAY", "127.0.0.1:77")
        monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
        start = time.monotonic()
        assert attempt("displays that say nothing", has_display) is False
    assert time.monotonic() - start < 10 and started[0].returncode is not None


@pytest.mark.parametrize("key, visible, stopped", [
    ("q", 1, "q"), ("Q", 1, "q"), ("\x1b", 1, "q"), ("", 0, "window closed"),
    ("x", 1, "max_frames")])
def test_the_window_ends_by_key_or_by_closing(
        monkeypatch, always_seven, camera, key, visible, stopped):
    gone = []
    monkeypatch.setattr(displays, "has_display", lambda: True)
    monkeypatch.setattr(cv2, "imshow", lambda *_: None)
    monkeypatch.setattr(cv2, "waitKey", lambda _: ord(key) if key else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)
    monkeypatch.setattr(cv2, "destroyWindow", gone.append)
    assert run(0, torch.nn.Identity(), show="window", max_frames=2).stopped == stopped
    assert gone == [displays.WINDOW] and camera.opened[0].released


WINDOW_CHILD = TINY_MODEL + """
import time
import numpy as np
from mnist_tutorial.live import webcam
frame = np.full((120, 160, 3), 128, np.uint8)
def endless():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.01)
        yield frame
for _ in range(2):
    print(webcam.run(endless(), AlwaysSeven(), show="window").stopped, flush=True)
    input()
"""

# Sends the message of a window manager when the X of a window is clicked. An XClientMessageEvent
# has type, serial, send_event, display, window, message_type, format, data; an XEvent has 24 longs.
CLICK_CLOSE = """
import ctypes, ctypes.util, sys
window = int(sys.argv[1])
x11 = ctypes.CDLL(ctypes.util.find_library("X11"))
x11.XOpenDisplay.restype, x11.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
server = ctypes.c_void_p(x11.XOpenDisplay(None))
names = (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
protocols, delete = (x11.XInternAtom(server, name, 0) for name in names)
event = (ctypes.c_long * 24)(33, 0, 0, 0, window, protocols, 32, delete)
x11.XSendEvent(server, ctypes.c_ulong(window), 0, ctypes.c_long(0), event)
x11.XCloseDisplay(server)
"""


@pytest.fixture
def xvfb():
    """A display that nobody sees; yields its name."""
    if not shutil.which("Xvfb") or not shutil.which("xdotool") \
            or not ctypes.util.find_library("X11"):
        pytest.skip("needs Xvfb, xdotool and libX11")
    reader, writer = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "640x480x24"],
                          pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with open(reader) as answers:
            yield ":" + answers.readline().strip()
        server.terminate()


def until_answered(child, env, command):
    """Return the child's next line; until it comes, run `command` on each window of the loop."""
    search = ["xdotool", "search", "--name", displays.WINDOW]
    while not select.select([child.stdout], [], [], 0.5)[0]:
        found = subprocess.run(search, env=env, capture_output=True, text=True)
        for window in found.stdout.split():
            subprocess.run([part.format(window) for part in command], env=env, capture_output=True)
    return child.stdout.readline()


@linux_only
def test_a_real_window_ends_by_q_and_by_its_x(xvfb):
    env = {**os.environ, "DISPLAY": xvfb}
    with subprocess.Popen([sys.executable, "-c", WINDOW_CHILD], env=env, cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        assert until_answered(child, env, ["xdotool", "key", "--window", "{}", "q"]) == "q\n"
        print(file=child.stdin, flush=True)
        click = [sys.executable, "-c", CLICK_CLOSE, "{}"]
        assert until_answered(child, env, click) == "window closed\n"
        _, noise = child.communicate("\n")
        assert child.returncode == 0 and noise == ""


# Notebooks

NOTEBOOK = TINY_MODEL + """
import signal
import numpy as np
from mnist_tutorial.live.webcam import run
seen = []
def stop_at_the_twentieth(frame, prediction):
    seen.append(frame)
    if len(seen) == 20:
        signal.raise_signal(signal.SIGINT)  # what the stop button sends
frames = [np.full((600, 800), 10 * i, np.uint8) for i in range(25)]
report = run(frames, AlwaysSeven(), callback=stop_at_the_twentieth)
assert (report.frames, report.stopped) == (20, "stop button"), report
report = run(frames, AlwaysSeven(), show="inline")
assert (report.frames, report.stopped) == (25, "end of source"), report
"""


def test_a_notebook_keeps_one_picture_per_run_and_no_text():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    resources = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    outputs = notebook.cells[0].outputs
    kinds = [(output.output_type, list(output.data)) for output in outputs]
    assert kinds == [("display_data", ["image/jpeg"])] * 2
    stored = [base64.b64decode(output.data["image/jpeg"]) for output in outputs]
    stopped, ended = (cv2.imdecode(np.frombuffer(data, np.uint8), 1) for data in stored)
    assert stopped.shape == ended.shape == (480, 640, 3)
    assert abs(int(ended[100, 100, 0]) - 240) <= 3  # the last frame, even if its turn had not come


def test_a_notebook_is_sent_no_more_than_it_can_show(monkeypatch):
    display = pytest.importorskip("IPython.display")
    sent, clock = [], itertools.count(0, 5)  # ms: 200 frames per second
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock) / 1000)
    monkeypatch.setattr(displays, "_jpeg", lambda picture: int(picture[0, 0, 0]))
    for name in ("display", "update"):
        monkeypatch.setattr(display.DisplayHandle, name,
                            lambda self, data, raw: sent.append(data["image/jpeg"]))
    with closing(displays.Inline()) as screen:
        for i in range(200):
            screen.show(page(i))
    assert 29 <= len(sent) <= 32 and sent[0] == 0 and sent[-1] == 199


def test_a_camera_picture_is_small_enough_to_store():
    noise = np.random.default_rng(0).normal(0, 4, (480, 640, 3))
    ramp = np.linspace(40, 200, 640)[None, :, None]
    frame = draw_predictions((ramp + noise).clip(0, 255).astype(np.uint8), [answer()])
    assert len(base64.b64decode(displays._jpeg(frame))) < 40_000
