"""Saving pictures with their labels."""

import csv
import importlib
import os
import random
import shutil
import signal
import stat
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tally
import torch
from PIL import Image
from tally import attempt

from mnist_tutorial import evaluate, load_pretrained, predict_image
from mnist_tutorial.errors import DatasetError, ImageError, RecordError
from mnist_tutorial.live.record import load_folder, record, record_sheet
from mnist_tutorial.reading.images import IMG

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
    """The files of a folder, without the lock, which stays."""
    return sorted(path.name for path in folder.iterdir() if path.name != module.LOCK)


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


@pytest.mark.parametrize("array", [GREY / 255, torch.tensor(GREY), GREY[..., None],
                                   GREY.astype(np.uint16) * 257])
def test_arrays_of_other_types_are_scaled_as_where_they_are_read(tmp_path, array):
    assert np.array_equal(load(record(array, 7, tmp_path)), GREY)


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


@pytest.mark.parametrize("picture", [1.0 * GREY, GREY.astype(int), GREY[None], GREY[:0], "7.png",
                                     None])
def test_bad_pictures_are_refused_and_nothing_is_written(tmp_path, picture):
    with pytest.raises(ImageError, match="expected"):
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


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="other starts take seconds")


def fork(function, *arguments):
    """Call a function in a process of its own; return its number."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            function(*arguments)
            os._exit(0)
        os._exit(1)
    return child


def record_many(folder, label, times):
    picture = np.random.default_rng(label).integers(0, 256, (90, 90, 3), np.uint8)
    picture[0] = label
    for _ in range(times):
        record(picture, label, folder)


def count_good(folder):
    """Count the rows whose picture is there, whole, listed once and of this label."""
    table = rows(folder)[1:]
    assert len({name for name, _ in table}) == len(table)
    return sum(int(load(folder / name).getpixel((0, 0))[0]) == int(label) for name, label in table)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of threads, which rest
def test_processes_do_not_lose_each_others_rows(tmp_path):
    children = [fork(record_many, tmp_path, label, 50) for label in range(8)]
    assert [os.waitpid(child, 0)[1] for child in children] == 8 * [0]
    good = count_good(tmp_path)
    tally.record("record: 8 processes at once", tried=400, survived=good)
    assert good == 400 and len(names(tmp_path)) == 401


def test_threads_do_not_lose_each_others_rows(tmp_path):
    def some(digit):
        for _ in range(10):
            attempt("record: 10 threads at once", record, np.full((9, 9, 3), digit, np.uint8),
                    digit, tmp_path)

    threads = [threading.Thread(target=some, args=(digit,)) for digit in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_good(tmp_path) == 100 and len(names(tmp_path)) == 101


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of threads, which rest
def test_killed_at_any_time_nothing_damaged_is_counted(tmp_path):
    chance, seen = random.Random(0), {}
    for kills in range(1, 401):  # on a busy machine less is written until a kill
        child = fork(record_many, tmp_path, 7, 10 ** 6)
        time.sleep(chance.uniform(0.01, 0.06) * (1 + kills // 40))
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        for path in set(tmp_path.glob("*.png")) - set(seen):
            assert load(path).size == (90, 90)
            seen[path] = path.stat().st_ino
        if kills >= 40 and len(seen) > 15 and len(rows(tmp_path)) - 1 > 10:
            break
    assert all(path.stat().st_ino == number for path, number in seen.items())  # none written again
    assert record(np.full((9, 9, 3), 7, np.uint8), 7, tmp_path) not in seen
    tally.record("record: kill -9", tried=kills, survived=kills)
    assert count_good(tmp_path) == len(rows(tmp_path)) - 1 > 10
    assert not list(tmp_path.glob(".*.png.*.part"))  # swept by the last


def test_numbers_of_the_table_are_taken_too(tmp_path):
    record(GREY, 1, tmp_path)
    record(GREY, 2, tmp_path).unlink()
    assert record(GREY, 3, tmp_path).name == "0003.png"  # its row would be ambiguous


def test_the_tables_mode_and_link_are_kept(tmp_path):
    target = tmp_path / "elsewhere.csv"
    target.write_text("filename,label\n")
    target.chmod(0o600)
    folder = tmp_path / "mine"
    folder.mkdir()
    try:
        (folder / "labels.csv").symlink_to(target)
    except OSError:
        pytest.skip("needs the right to make links")
    record(GREY, 7, folder)
    assert (folder / "labels.csv").is_symlink() and target.read_text().endswith("0001.png,7\n")
    if os.name == "posix":
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


TABLES = {  # what is there -> what follows it
    "filename,label\n": "0001.png,7\n",
    "filename,label": "\n0001.png,7\n",
    "filename,label\r\na.png,1\r\n": "0001.png,7\r\n",
    "\ufefffilename;label\r\na.png;1\r\n": "0001.png;7\r\n",
    "label\tfilename\n": "7\t0001.png\n",
    "filename,label\ra.png,1": "\r0001.png,7\r",
    '"filename","label","writer, hand"\n"a.png","1","Zoë; ""Z"", left\nhand"\n': "0001.png,7,\n",
    "filename,label\n0099.png,1\n": "0100.png,7\n",
    "filename,label\na.png\n\nb.png,2,3,4\n": "0001.png,7\n",
}


@pytest.mark.parametrize("before, after", TABLES.items())
def test_tables_of_other_programs_are_kept_and_continued(tmp_path, before, after):
    (tmp_path / "labels.csv").write_bytes(before.encode())
    attempt("record: tables of other programs", record, GREY, 7, tmp_path)
    assert (tmp_path / "labels.csv").read_bytes() == (before + after).encode()


@pytest.mark.parametrize("table", [
    *("filename,label\na.png,Zoë\n".encode(code) for code in (
        "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "mac-roman")),
    "filename,label\n七.png,1\n".encode("gbk"), b'filename,label\n"a.png,1\n', b"\0" * 999,
    b"filename\n", b"label\n", b"sep=;\nfilename;label\n", b"name," * 100_000, b"\xff" * 99,
    b'filename,label\n"' + b"a" * 200_000, random.Random(0).randbytes(500)],
    ids=lambda table: repr(table[:12]))
def test_tables_that_cannot_be_continued_are_refused_and_kept(tmp_path, table):
    (tmp_path / "labels.csv").write_bytes(table)
    with pytest.raises(RecordError, match="labels.csv'") as error:
        record(GREY, 7, tmp_path)
    assert len(str(error.value)) < 400 + len(str(tmp_path))
    attempt("record: unfit tables", record, GREY, 7, tmp_path, refusal=RecordError)
    assert names(tmp_path) == ["labels.csv"]
    assert (tmp_path / "labels.csv").read_bytes() == table


@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", None)])
def test_a_table_that_is_no_file_is_refused_at_once(tmp_path, make):
    if make is None:
        pytest.skip("needs named pipes")
    make(tmp_path / "labels.csv")
    attempt("record: unfit tables", record, GREY, 7, tmp_path, refusal=RecordError, match="no file")
    assert names(tmp_path) == ["labels.csv"]


def test_a_lock_that_is_never_released_is_an_error_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.1)
    with module.FileLock(tmp_path / module.LOCK):
        with pytest.raises(RecordError, match="lock"):
            record(GREY, 7, tmp_path)
    assert record(GREY, 7, tmp_path).name == "0001.png"


@pytest.mark.parametrize("label", [
    "7" * 301, "7" * 10 ** 6, 10 ** 400, "7/" * 500 + "7", "x" * 10 ** 6,
    ["7"] * 10 ** 5, np.zeros((50, 50)), b"7"], ids=lambda label: type(label).__name__)
def test_labels_without_end_are_refused_in_one_line(tmp_path, label):
    attempt("record: labels", record, GREY, label, tmp_path / "new", refusal=RecordError)
    with pytest.raises(RecordError) as error:
        record(GREY, label, tmp_path / "new")
    assert len(str(error.value)) < 200 and not (tmp_path / "new").exists()


def test_long_labels_of_whole_pages_are_taken(tmp_path):
    label = "/".join(["31415926535"] * 25)
    record(GREY, label, tmp_path)
    assert rows(tmp_path)[1:] == [("0001.png", label)]


@pytest.mark.parametrize("folder", ["x" * 300, "x/" * 3000 + "x"])
def test_folders_that_cannot_be_are_refused(tmp_path, folder):
    attempt("record: folders", record, GREY, 7, tmp_path / folder, refusal=RecordError)
    assert names(tmp_path) == []


def test_a_tilde_is_ones_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert record(GREY, 7, "~/mine") == tmp_path / "mine" / "0001.png"


def test_the_benchmark_reads_what_was_recorded(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent / "benchmarks")
    from handwriting import read_labels

    path = record(GREY, "37/2", tmp_path)
    assert read_labels(tmp_path) == [(path, "37/2", "")]


SHEET = "2026/31415/97580"


def test_a_sheet_of_known_digits_is_cut_and_labelled(tmp_path):
    paths = record_sheet(IMG / "page.jpg", SHEET, tmp_path)
    labels = [label for _, label in rows(tmp_path)[1:]]
    assert [path.name for path in paths] == [name for name, _ in rows(tmp_path)[1:]]
    assert "".join(labels) == SHEET.replace("/", "")
    assert [prediction.digit for prediction in predict_image(tmp_path)] == list(map(int, labels))


@pytest.mark.parametrize("label", ["2026/31415", "2026/31415/975801", "", "one", "20263141597580"])
def test_sheets_with_other_digits_than_said_save_nothing(tmp_path, label):
    with pytest.raises(RecordError, match="found rows of 4, 5, 5: 2026/31415/97580"):
        record_sheet(IMG / "page.jpg", label, tmp_path)
    assert not list(tmp_path.iterdir())


def test_folders_are_loaded_as_any_other_data(tmp_path):
    record_sheet(IMG / "page.jpg", SHEET, tmp_path)
    loader = load_folder(tmp_path, batch_size=4, shuffle=True)
    images, labels = next(iter(loader))
    assert images.shape == (4, 1, 28, 28) and images.dtype == torch.float32
    assert loader.dataset.name == tmp_path.name and len(loader.dataset) == 14
    assert evaluate(load_pretrained(), loader)[1] == 1


def test_a_folder_for_each_digit_does_as_well(tmp_path):
    for digit in (3, 5):
        (tmp_path / str(digit)).mkdir()
        shutil.copy(IMG / f"{digit}.jpg", tmp_path / str(digit))
    assert load_folder(tmp_path).dataset.tensors[1].tolist() == [3, 5]


@pytest.mark.parametrize("table, words", [
    (b"\xef\xbb\xbffilename;label\r\n0001.png;7\r\n", None),        # Excel's "CSV UTF-8"
    ("filename,label\n0001.png,七\n".encode("gbk"), "UTF-8"),
    (b"filename,label\n0001.png,77\n", "0001.png with label '77'"),
    (b"filename,label\n0001.png,\n", "0001.png with label ''"),
    (b"filename,label\n0001.png\n", "0001.png with label ''"),    # cut short
    (b"filename,label\n0002.png,7\n", "0002.png with label '7'.*no such file"),
    (b"filename,label\n", "got none")])
def test_tables_are_read_or_refused_with_the_reason(tmp_path, table, words):
    record(load(IMG / "7.png"), 7, tmp_path)
    (tmp_path / "labels.csv").write_bytes(table)
    if words is None:
        assert load_folder(tmp_path).dataset.tensors[1].tolist() == [7]
        return
    with pytest.raises((RecordError, DatasetError), match=words):
        load_folder(tmp_path)
