"""Pictures of every kind, good and bad, as grey levels."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from drawings import FIVE, SEVEN, difference, page
from PIL import Image, ImageFile

from mnist_tutorial.errors import ImageError, NoDigitError
from mnist_tutorial.reading.find import naive_resize, prepare
from mnist_tutorial.reading.images import load_grey

GREY = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (20, 1))  # (20, 25): neither square nor even


@pytest.mark.parametrize("array", [
    GREY, GREY[:, :, None], np.dstack([GREY] * 3),
    np.dstack([GREY] * 3 + [np.full_like(GREY, 255)]), GREY.astype(np.uint16) * 257,
    GREY / 255, (GREY / 255).astype(np.float32), GREY[:, ::-1][:, ::-1],
], ids=["grey", "one channel", "RGB", "RGBA", "uint16", "float64", "float32", "not contiguous"])
def test_arrays_load_alike(array):
    grey = load_grey(array)
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, GREY)


def test_bool_array():
    np.testing.assert_array_equal(load_grey(GREY > 100), np.where(GREY > 100, 255, 0))


def test_rgb_order():
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert load_grey(red)[0, 0] == 76  # ITU-R 601; blue would give 29


@pytest.mark.parametrize("mode, tolerance", [
    ("L", 0), ("RGB", 0), ("P", 0), ("RGBA", 0), ("LA", 0), ("CMYK", 1),
])
def test_image_modes_load_alike(mode, tolerance):
    image = Image.fromarray(GREY).convert(mode)
    assert np.abs(load_grey(image).astype(int) - GREY).max() <= tolerance


def test_one_bit_image():
    image = Image.fromarray(np.where(GREY > 100, 255, 0).astype(np.uint8)).convert("1")
    np.testing.assert_array_equal(load_grey(image), np.where(GREY > 100, 255, 0))


@pytest.mark.parametrize("dtype, scale, mode", [
    (np.uint16, 257, "I;16"), (np.int32, 257, "I"), (np.float32, 1 / 255, "F"),
])
def test_wide_images(dtype, scale, mode):
    wide = GREY.copy()
    wide[0, 0] = 255  # white, so that the range is known
    image = Image.fromarray((wide * np.float64(scale)).astype(dtype))
    assert image.mode == mode
    np.testing.assert_allclose(load_grey(image), wide, atol=1)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".gif", ".tif", ".webp"])
@pytest.mark.parametrize("kind", [str, Path])
def test_files(tmp_path, suffix, kind):
    path = tmp_path / f"digit{suffix}"
    Image.fromarray(GREY).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    assert np.abs(load_grey(kind(path)).astype(int) - GREY).max() <= 1


def test_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    Image.fromarray(np.rot90(page())).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    upright = load_grey(tmp_path / "phone.jpg")
    assert upright.shape == page().shape
    assert np.abs(upright.astype(int) - page()).mean() < 2


def test_animation_gives_first_frame(tmp_path):
    first, second = Image.fromarray(page(SEVEN)), Image.fromarray(page(FIVE))
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])
    np.testing.assert_allclose(load_grey(tmp_path / "two.gif"), page(SEVEN), atol=2)


@pytest.mark.parametrize("stroke, background", [(0, 255), (255, 0)])
def test_transparent_background_lets_strokes_show(stroke, background):
    alpha = 255 - page(paper=255, ink=0)
    picture = np.dstack([np.full_like(alpha, stroke)] * 3 + [alpha])
    grey = load_grey(picture)
    assert grey[0, 0] == background
    assert grey[50, 100] == stroke


def test_transparent_margin_round_a_sheet():
    sheet = np.dstack([page()] * 3 + [np.full(page().shape, 255, np.uint8)])
    sheet[:20, :, 3] = 0
    assert load_grey(sheet)[0, 0] == 255


def test_large_photo_is_reduced(tmp_path):
    photo = cv2.resize(page(), (3000, 3600))
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    assert max(load_grey(tmp_path / "photo.jpg").shape) == max(load_grey(photo).shape) == 1280
    assert difference(tmp_path / "photo.jpg", page()) < 6


def test_a_path_and_the_opened_image_agree(tmp_path):
    photo = cv2.resize(page(), (3000, 4000)) + np.random.default_rng(0).normal(0, 9, (4000, 3000))
    Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(tmp_path / "photo.jpg", quality=80)
    with Image.open(tmp_path / "photo.jpg") as opened:
        opened.load()
        path, image = (load_grey(source).astype(int) for source in (tmp_path / "photo.jpg", opened))
    assert np.abs(path - image).max() <= 1


def test_source_is_left_alone():
    image = Image.fromarray(cv2.resize(page(), (1500, 1800)))
    prepare(image)
    assert image.size == (1500, 1800)


@pytest.mark.parametrize("first, warned", [("TIFF", True), ("GIF", False), ("PNG", False),
                                           ("MPO", False)])
def test_only_the_first_page_of_a_scan_is_read_and_that_is_said(tmp_path, first, warned, recwarn):
    pages = [Image.fromarray(page(strokes)).convert("RGB") for strokes in (SEVEN, FIVE)]
    with open(tmp_path / "scan", "w+b") as file:
        pages[0].save(file, first, save_all=True, append_images=pages[1:])
    if warned:
        with pytest.warns(UserWarning, match="'.*scan' has several pages: only the first is read"):
            grey = load_grey(tmp_path / "scan")
    else:
        grey = load_grey(tmp_path / "scan")
    assert np.abs(grey.astype(int) - page(SEVEN)).mean() < 3 and not recwarn.list


def test_paths_as_they_are_pasted_dropped_or_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = tmp_path / "my 7's.png"
    Image.fromarray(GREY).save(path)
    for source in ("~/my 7's.png", Path("~/my 7's.png"), f'"{path}"', f" '{path}' ",
                   str(path).replace(" ", "\\ ").replace("'", "\\'"), next(tmp_path.iterdir())):
        np.testing.assert_array_equal(load_grey(source), GREY)


@pytest.mark.parametrize("source, hint", [
    ("C:\new\7.png", "write r'...'"), ("img/7.png", "no such file in '"),
    ("https://example.org/7.png", "'https://example.org/7.png' (a web address: download"),
    (Path("HTTPS://example.org/7.png"), "'HTTPS://example.org/7.png' (a web address: download"),
    (None, "cv2.imread gives for a missing file"), ((1, 2), "pass its image"),
    (b"%PDF-1.7", "a PDF"), (np.zeros((4, 1, 28, 28), np.uint8), "a batch as a list"),
])
def test_usual_slips_are_told(source, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError) as caught:
        load_grey(source)
    assert hint in str(caught.value)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_heic_is_recognised_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # not installed
    (tmp_path / "IMG_1234.jpg").write_bytes(HEIC + bytes(400))
    with pytest.raises(ImageError, match="HEIC, for which `pip install pillow-heif` is needed"):
        load_grey(tmp_path / "IMG_1234.jpg")


def test_heic_is_read_with_its_package(monkeypatch):
    class Heif(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self):
            self._size, self._mode = GREY.shape[::-1], "L"
            self.tile = [("raw", (0, 0, *self._size), len(HEIC), ("L", 0, 1))]

    def register():
        Image.register_open("HEIF", Heif, lambda prefix: prefix[4:8] == b"ftyp")

    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=register))
    np.testing.assert_array_equal(load_grey(io.BytesIO(HEIC + GREY.tobytes())), GREY)


# --- bad input ---------------------------------------------------------------------------------

def broken_file(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def save_noise(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)).save(path)


def half_a_png(folder):
    save_noise(folder / "whole.png")
    return broken_file(folder, "half.png", (folder / "whole.png").read_bytes()[:900])


def half_a_jpeg(folder):
    save_noise(folder / "whole.jpg")
    return broken_file(folder, "half.jpg", (folder / "whole.jpg").read_bytes()[:900])


BAD = {
    "missing": (lambda folder: folder / "nothing.png", "no such file"),
    "folder": (lambda folder: folder, "a folder"),
    "empty file": (lambda folder: broken_file(folder, "empty.png", b""), "empty.png"),
    "text": (lambda folder: broken_file(folder, "notes.txt", b"seven\n"), "notes.txt"),
    "half a PNG": (half_a_png, "half.png"),
    "half a JPEG": (half_a_jpeg, "half.jpg"),
    "nothing": (lambda folder: None, "NoneType"),
    "number": (lambda folder: 7, "int"),
    "int64": (lambda folder: np.zeros((28, 28), np.int64), "int64"),
    "complex": (lambda folder: np.zeros((28, 28), complex), "complex"),
    "text array": (lambda folder: np.full((28, 28), "a"), "<U1"),
    "floats to 255": (lambda folder: np.full((28, 28), 255.0), "255"),
    "NaN": (lambda folder: np.full((28, 28), np.nan), "nan"),
    "one dimension": (lambda folder: np.zeros(784, np.uint8), "(784,)"),
    "four dimensions": (lambda folder: np.zeros((1, 1, 28, 28), np.uint8), "(1, 1, 28, 28)"),
    "two channels": (lambda folder: np.zeros((28, 28, 2), np.uint8), "(28, 28, 2)"),
    "no pixels": (lambda folder: np.zeros((0, 28), np.uint8), "(0, 28)"),
    "no pixels in image": (lambda folder: Image.new("L", (0, 5)), "0x5"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("function", [load_grey, naive_resize, prepare])
def test_bad_input_is_one_clear_line(tmp_path, name, function):
    make, expected = BAD[name]
    with pytest.raises(ImageError) as caught:
        function(make(tmp_path))
    assert not isinstance(caught.value, NoDigitError)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [
    np.broadcast_to(np.uint8(9), (100_001, 2)), np.broadcast_to(np.uint8(9), (2, 100_001)),
    torch.zeros(1, 1).expand(20_000, 20_000), torch.zeros(1, 1, 1).expand(3, 20_000, 20_000),
    torch.zeros(1, 1, 1, 1).expand(1, 3, 20_000, 20_000)])
def test_what_is_too_large_is_refused_before_it_is_copied(source):
    resource = pytest.importorskip("resource", reason="counts memory as POSIX systems do")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="at most 50,000,000 pixels, and 100,000 a side"):
        load_grey(source)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000  # kilobytes
