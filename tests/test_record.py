"""Saving pictures with their labels."""

import csv
import importlib
import os
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from mnist_tutorial.errors import RecordError
from mnist_tutorial.live.record import record

# `mnist_tutorial.live.record` is the function to all but the import system
module = importlib.import_module("mnist_tutorial.live.record")
GREY = np.arange(600, dtype=np.uint8).reshape(20, 30)


def load(path):
    with Image.open(path) as image:
        return image.copy()


def rows(folder):
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        return [tuple(row) for row in csv.reader(file)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_picture_and_row_are_what_was_given(tmp_path):
    folder = tmp_path / "mine" / "june"
    first, second = record(GREY, 7, folder), record(Image.fromarray(GREY), " 37/2 ", folder)
    assert (first, second) == (folder / "0001.png", folder / "0002.png")
    assert np.array_equal(load(first), GREY) and np.array_equal(load(second), GREY)
    assert rows(folder) == [("filename", "label"), ("0001.png", "7"), ("0002.png", "37/2")]
    assert names(folder) == ["0001.png", "0002.png", "labels.csv"]  # nothing half-written


@pytest.mark.parametrize("shape, mode", [((4, 5), "L"), ((4, 5, 3), "RGB"), ((4, 5, 4), "RGBA")])
def test_arrays_keep_their_colours(tmp_path, shape, mode):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    saved = load(record(array, "0", tmp_path))
    assert saved.mode == mode and np.array_equal(saved, array)
    turned = array[:, ::-1]  # not contiguous
    assert np.array_equal(load(record(turned, "0", tmp_path)), turned)


def test_photos_are_saved_upright_and_odd_modes_as_rgb(tmp_path):
    photo = Image.new("CMYK", (30, 20))
    photo.getexif()[0x112] = 6  # the camera was held upright
    saved = load(record(photo, 1, tmp_path))
    assert saved.mode == "RGB" and saved.size == (20, 30)


@pytest.mark.parametrize("label", ["", "seven", "7a", "1//2", "/1", "1/", "-1", 1.5, True, None,
                                   "٣", "1\n2", "=1"])
def test_bad_labels_are_refused_and_nothing_is_written(tmp_path, label):
    with pytest.raises(RecordError, match="expected digits, rows separated by '/'"):
        record(GREY, label, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("picture", [GREY / 255, GREY[None], GREY[:0], "7.png", None])
def test_bad_pictures_are_refused_and_nothing_is_written(tmp_path, picture):
    with pytest.raises(RecordError, match="picture: expected"):
        record(picture, 7, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "0041.png").write_bytes(b"mine")
    (tmp_path / "holiday.png").write_bytes(b"mine too")
    assert record(GREY, 7, tmp_path).name == "0042.png"
    assert (tmp_path / "0041.png").read_bytes() == b"mine"


def test_a_name_taken_meanwhile_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "0001.png").write_bytes(b"another program's")
    monkeypatch.setattr(type(tmp_path), "glob", lambda *_: [])  # as if it had come after we looked
    assert record(GREY, 7, tmp_path).name == "0002.png"
    assert (tmp_path / "0001.png").read_bytes() == b"another program's"


def test_a_table_that_is_there_is_kept_as_it_is(tmp_path):
    # from a spreadsheet; the last line has no end
    table = "\ufefflabel,filename,writer\r\n3,a.png,Zoë".encode()
    (tmp_path / "labels.csv").write_bytes(table)
    record(GREY, 7, tmp_path)
    assert (tmp_path / "labels.csv").read_bytes() == table + b"\r\n7,0001.png,\r\n"


def test_a_table_of_another_kind_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("name,digit\n")
    with pytest.raises(RecordError, match="columns filename and label, got 'name,digit'"):
        record(GREY, 7, tmp_path)
    assert names(tmp_path) == ["labels.csv"]


def test_no_picture_is_left_without_its_row(tmp_path, monkeypatch):
    record(GREY, 7, tmp_path)
    before = (tmp_path / "labels.csv").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_atomically", full)
    with pytest.raises(RecordError, match="No space left on device"):
        record(GREY, 8, tmp_path)
    assert names(tmp_path) == ["0001.png", "labels.csv"]
    assert (tmp_path / "labels.csv").read_bytes() == before


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(RecordError, match="cannot write into .*mine"):
        record(GREY, 7, tmp_path / "mine")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0,
                    reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RecordError, match="Permission denied"):
            record(GREY, 7, tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_threads_do_not_lose_each_others_rows(tmp_path):
    threads = [threading.Thread(target=record, args=(GREY, digit, tmp_path)) for digit in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(label for _, label in rows(tmp_path)[1:]) == [str(digit) for digit in range(10)]
    assert len({name for name, _ in rows(tmp_path)}) == 11


def test_the_benchmark_reads_what_was_recorded(tmp_path, monkeypatch):
    from pathlib import Path

    monkeypatch.syspath_prepend(Path(__file__).parent / "benchmarks")
    from handwriting import read_labels

    path = record(GREY, "37/2", tmp_path)
    assert read_labels(tmp_path) == [(path, "37/2")]
