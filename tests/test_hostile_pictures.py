"""Pictures that are meant to hurt: whatever comes is read, or refused with one clear line."""

import contextlib
import io
import itertools
import json
import os
import re
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features
from tally import attempt

from mnist_tutorial import load_pretrained, naive_resize, predict_image, prepare, read_digits
from mnist_tutorial.errors import ImageError, NoDigitError
from mnist_tutorial.reading import layers, predict
from mnist_tutorial.reading.box import Box
from mnist_tutorial.reading.candidates import MAX_STROKES
from mnist_tutorial.reading.images import LONGEST_SIDE, load_grey
from mnist_tutorial.sources import MAX_PIXELS, MAX_READS, list_images

NET = load_pretrained()


def examples(count):
    """Try so many generated inputs, the same on every run, and keep no database."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


# --- what to generate --------------------------------------------------------------------------

def noise(random, shape):
    return random.random(shape)


def even(random, shape):
    return np.full(shape, random.random())


def specks(random, shape):
    return (random.random(shape) < random.random() ** 3).astype(float)


def slope(random, shape):
    return np.linspace(0, 1, shape[0] * shape[1]).reshape(shape)


def halves(random, shape):
    return np.indices(shape)[random.integers(2)] // (1 + max(shape) // 2) % 2 * 0.9


def stripes(random, shape):
    return np.indices(shape)[random.integers(2)] // random.integers(1, 9) % 2 / 1.0


def strokes(random, shape):
    paper = np.full(shape, 235, np.uint8)
    points = (random.random((6, 2)) * shape[::-1]).astype(np.int32)
    cv2.polylines(paper, [points], False, int(random.integers(256)), int(random.integers(1, 12)))
    return np.clip(paper / 255 + random.normal(0, 0.02, shape), 0, 1)


@st.composite
def greys(draw, most=60_000):
    """Grey levels 0..1, of any shape from 1x1 to very wide or tall."""
    sides = st.one_of(st.integers(1, 40), st.integers(1, 300),
                      st.sampled_from([1, 2, 3, 2000, 30_000]))
    height = draw(sides)
    shape = height, min(draw(sides), max(1, most // height))
    random = np.random.default_rng(draw(st.integers(0, 2 ** 32 - 1)))
    kind = draw(st.sampled_from([noise, even, specks, slope, halves, stripes, strokes]))
    return kind(random, shape)


def bytes_of(grey):
    return (grey * 255).round().astype(np.uint8)


AS_ARRAY = [  # what load_grey promises to read
    bytes_of, lambda grey: grey > 0.5, lambda grey: (grey * 65535).astype(np.uint16), np.float16,
    np.float32, np.float64, lambda grey: grey.astype(">f4"), np.asfortranarray,
    lambda grey: grey[::-1, ::-1], np.longdouble,
    lambda grey: np.broadcast_to(grey[:1], grey.shape), lambda grey: bytes_of(grey)[:, :, None],
    lambda grey: np.dstack([bytes_of(grey)] * 3),
    lambda grey: np.dstack([grey, grey ** 2, 1 - grey, grey[::-1]]),
    lambda grey: np.dstack([bytes_of(grey)] * 3 + [bytes_of(1 - grey)]),
    lambda grey: bytes_of(grey).view(np.matrix),
    lambda grey: np.lib.stride_tricks.as_strided(bytes_of(grey), grey.shape, (0, 0)),
]
WRONG = [  # and what it cannot
    *(lambda grey, bad=bad: np.where(np.indices(grey.shape).sum(0) == 0, bad, grey)
      for bad in (np.nan, np.inf, -np.inf, -1, 2, 255, 1e300)),
    *(lambda grey, dtype=dtype: bytes_of(grey).astype(dtype)
      for dtype in ("i1", "i2", "u4", "i8", ">u2", "c8", "O", "S1", "U1", "M8[s]", "V2",
                    [("a", "u1")])),
    *(lambda grey, channels=channels: np.dstack([bytes_of(grey)] * channels)
      for channels in (2, 5, 9)),
    lambda grey: bytes_of(grey)[None, None], np.ravel, lambda grey: grey[:0],
    lambda grey: grey[:, :0], np.sum,
    lambda grey: np.broadcast_to(np.uint8(9), (MAX_PIXELS, len(grey) + 1)),
    np.ndarray.tolist, np.ndarray.tobytes, lambda grey: float(grey[0, 0]),
    lambda grey: io.BytesIO(grey.tobytes()), lambda grey: None, lambda grey: {"grey": grey},
]
MODES = ["1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "LA", "La", "PA",
         "I", "F", "I;16", "I;16L", "I;16B"]


@st.composite
def images(draw):
    """PIL images of all modes."""
    mode = draw(st.sampled_from(MODES))
    grey = draw(greys())
    if mode.startswith("I;16"):
        wide = (grey * 65535).astype(">u2" if mode == "I;16B" else "<u2")
        return Image.frombytes(mode, grey.shape[::-1], wide.tobytes())
    if mode in "IF":
        white = draw(st.sampled_from([1, 255, 65535, 1e6]))
        return Image.fromarray((grey * white).astype("f4")).convert(mode)
    via = {"RGBa": "RGBA", "La": "LA", "HSV": "RGB", "PA": "LA"}.get(mode, "L")
    image = Image.fromarray(bytes_of(grey)).convert(via)
    if via in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(bytes_of(grey[::-1])))
    return image.convert(mode)


# --- reading -----------------------------------------------------------------------------------

def check_grey(grey):
    assert grey.dtype == np.uint8 and grey.ndim == 2
    assert 0 < max(grey.shape) <= LONGEST_SIDE and grey.size


@examples(400)
@given(greys(), st.sampled_from(AS_ARRAY))
def test_any_array_of_the_promised_kinds_is_read(grey, wrap):
    check_grey(attempt("pictures: arrays of all dtypes and layouts", load_grey, wrap(grey)))


@examples(300)
@given(greys(most=2000), st.sampled_from(WRONG),
       st.sampled_from([load_grey, prepare, naive_resize]))
def test_arrays_with_a_fault_are_refused(grey, spoil, function):
    assert attempt("pictures: arrays with NaN, wrong dtype or shape", function, spoil(grey),
                   refusal=ImageError) is None


@examples(300)
@given(images())
def test_images_of_all_modes_are_read(image):
    check_grey(attempt("pictures: PIL images of all modes", load_grey, image))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_images_without_finite_values_are_refused(bad):
    for place in (0, 7, -1):
        pixels = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
        pixels.flat[place] = bad
        with pytest.raises(ImageError, match="finite"):
            load_grey(Image.fromarray(pixels))


@examples(500)
@given(st.one_of(greys(), greys().map(np.transpose)), st.booleans())
def test_any_grey_picture_is_answered_or_holds_no_digit(grey, inverted):
    answer = attempt("pictures: through predict_image", predict_image,
                     grey if inverted else 1 - grey, NET, refusal=NoDigitError)
    if answer:
        assert answer.picture.shape == (28, 28) and answer.picture.max() > 100
        assert 0 <= answer.confidence <= 1 and np.isclose(answer.probabilities.sum(), 1, atol=1e-5)
        x, y, width, height = answer.box
        pixel = 1 + max(grey.shape) / LONGEST_SIDE  # of the reduced picture
        assert x >= 0 and x + width <= grey.shape[1] + pixel
        assert y >= 0 and y + height <= grey.shape[0] + pixel


@pytest.mark.parametrize("shape", [(1500, 800), (1280, 400), (300, 3000)])
@pytest.mark.parametrize("kind", [slope, halves, stripes])
def test_large_pictures_without_a_digit_are_answered(kind, shape):
    """A slope so gentle that all of it is ink leaves no background."""
    grey = (kind(np.random.default_rng(0), shape) * 255).astype(np.uint8)
    for turned in (grey, 255 - grey, grey.T, 255 - grey.T):
        attempt("pictures: through predict_image", predict_image, turned, NET, refusal=NoDigitError)
        attempt("pictures: through read_digits", read_digits, turned, NET)


def test_thousands_of_strokes_are_not_all_compared(monkeypatch):
    """A checked cloth once took minutes: each stroke was compared with each."""
    cloth, gap, calls = np.kron(np.indices((100, 100)).sum(0) % 2, np.ones((8, 8))), Box.gap, []
    cloth[::8] = cloth[:, ::8] = 0
    monkeypatch.setattr(Box, "gap", lambda a, b: calls.append(1) or gap(a, b))
    attempt("pictures: through read_digits", read_digits, cloth, NET)
    assert not calls  # none of it is believed a digit's
    monkeypatch.setattr(layers, "believe", lambda image: [np.ones(image.shape, np.float32)] * 2)
    attempt("pictures: through read_digits", read_digits, cloth, NET)
    assert 0 < len(calls) < 8 * MAX_STROKES ** 2  # even if all were


@examples(150)
@given(greys(most=30_000))
def test_any_page_is_answered(grey):
    page = attempt("pictures: through read_digits", read_digits, grey, NET)
    assert sorted(number for row in page.rows for number in row) == list(range(len(page.digits)))


# --- files -------------------------------------------------------------------------------------

def file_of(format, mode="L", **options):
    """One picture as the bytes of a file."""
    picture = Image.fromarray(bytes_of(strokes(np.random.default_rng(5), (60, 50)))).convert(mode)
    if options.get("save_all"):
        options["append_images"] = [picture.rotate(90 * turn) for turn in (1, 2)]
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


FILES = {
    "PNG": file_of("PNG"), "PNG, palette": file_of("PNG", "P", transparency=0),
    "PNG, 16 bits": file_of("PNG", "I;16"),
    "PNG, animated": file_of("PNG", "RGBA", save_all=True), "JPEG": file_of("JPEG"),
    "JPEG, progressive": file_of("JPEG", "RGB", progressive=True),
    "JPEG, CMYK": file_of("JPEG", "CMYK"), "GIF": file_of("GIF"),
    "GIF, animated": file_of("GIF", "P", save_all=True), "BMP": file_of("BMP"),
    "BMP, one bit": file_of("BMP", "1"), "TIFF": file_of("TIFF"),
    "TIFF, pages": file_of("TIFF", "RGB", save_all=True),
    "TIFF, LZW": file_of("TIFF", compression="tiff_lzw"),
    "TIFF, fax": file_of("TIFF", "1", compression="group4"), "TIFF, float": file_of("TIFF", "F"),
    "PPM": file_of("PPM", "RGB"),
    "TGA": file_of("TGA", "RGB", compression="tga_rle"), "PCX": file_of("PCX"),
    "SGI": file_of("SGI", "RGB"),
    **({"WEBP": file_of("WEBP"), "WEBP, animated": file_of("WEBP", "RGBA", save_all=True)}
       if features.check("webp") else {}),
    **({"JPEG 2000": file_of("JPEG2000", "RGB")} if features.check("jpg_2000") else {}),
}


def cut(content, place, random):
    return content[:place]


def flip(content, place, random):
    return bytes([*content[:place], content[place] ^ 1 << random.integers(8), *content[place + 1:]])


def scribble(content, place, random):
    return content[:place] + random.bytes(16) + content[place + 16:]


def lose(content, place, random):
    return content[:place] + content[place + 1 + random.integers(40):]


def swallow(content, place, random):
    return content[:place] + random.bytes(200) + content[place:]


def fill(content, place, random):
    return content[:place] + bytes([int(random.integers(2)) * 255] * 8) + content[place + 8:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("手写 数字 ünd spaces")


@pytest.mark.parametrize("kind", FILES)
def test_whole_files_are_read(kind, folder):
    path = folder / f"七 7 {kind}.bin"  # the content tells the format, not the name
    path.write_bytes(FILES[kind])
    for source in (str(path), path, FILES[kind], bytearray(FILES[kind]), memoryview(FILES[kind]),
                   io.BytesIO(FILES[kind]), open(path, "rb"), open(path, "rb", buffering=0)):
        with pages_expected(kind):
            grey = attempt("pictures: whole files of all formats", load_grey, source)
        assert grey.shape == (60, 50) and grey.max() > 200
        getattr(source, "close", int)()


def pages_expected(kind):
    """Only a file with pages is warned of, not an animation."""
    return pytest.warns(UserWarning, match="several pages") if kind == "TIFF, pages" \
        else contextlib.nullcontext()


@examples(900)
@given(st.sampled_from(sorted(FILES)), st.sampled_from([cut, flip, scribble, lose, swallow, fill]),
       st.one_of(st.floats(0, 1, exclude_max=True), st.integers(0, 60)),
       st.integers(0, 2 ** 32 - 1))
def test_damaged_files_are_read_or_refused(folder, kind, damage, place, seed):
    content = FILES[kind]
    place = min(place, len(content) - 1) if isinstance(place, int) else int(place * len(content))
    path = folder / "damaged"
    path.write_bytes(damage(content, place, np.random.default_rng(seed)))
    for source in (path, io.BytesIO(path.read_bytes())):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* has several pages")
            grey = attempt("pictures: damaged files of all formats", load_grey, source,
                           refusal=ImageError)
        if grey is not None:
            check_grey(grey)


def test_files_cut_anywhere_are_refused(folder):
    """Of what was cut off at the latest in the middle, nothing is guessed."""
    path = folder / "cut"
    kinds = ("PNG", "JPEG", "BMP", "TIFF", "GIF")
    for kind, part in itertools.product(kinds, np.linspace(0, 0.5, 12)):
        path.write_bytes(FILES[kind][:int(part * len(FILES[kind]))])
        assert attempt("pictures: files cut off", load_grey, path, refusal=ImageError) is None
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def png(width, height, depth=8, colour=0, data=b""):
    """The bytes of a PNG that claims any size, whatever it holds."""
    def chunk(name, content):
        length, check = (struct.pack(">I", x) for x in (len(content), zlib.crc32(name + content)))
        return length + name + content + check
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


BOMB = """
import json, resource, sys, warnings
from mnist_tutorial import load_pretrained, predict_image
from mnist_tutorial.errors import ImageError
warnings.simplefilter("error")
warnings.simplefilter("ignore", ResourceWarning)  # of older PyTorch, when Python ends
predict_image(sys.argv[1], load_pretrained())
before, answers = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
for path in sys.argv[2:]:
    try:
        predict_image(path)
        answers.append("read")
    except ImageError as error:
        answers.append(str(error))
print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, answers]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux counts it")
def test_decompression_bombs_take_little_memory(folder):
    """Too many pixels are refused unread, those that are read take a bounded part of the memory."""
    longest = 2 ** 31 - 1
    deep = zlib.compress(bytes(8 * 8_000 + 1) * 6_000, 1)
    frame = b"," + bytes(4) + b"\xff" * 4 + b"\0\2\2L\1\0;"
    header = b"BM", 99, 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6
    bombs = {"huge.png": png(60_000, 60_000, data=zlib.compress(bytes(1 << 20))),
             "huger.png": png(longest, longest), "wide.png": png(longest, 1),
             "over.png": png(MAX_PIXELS, 2),
             "deep.png": png(8_000, 6_000, depth=16, colour=6, data=deep),
             "huge.gif": b"GIF89a" + b"\xff" * 4 + b"\x80" + bytes(8) + frame,
             "huge.bmp": struct.pack("<2sIHHIIiiHHIIiiII", *header)}
    for name, content in bombs.items():
        (folder / name).write_bytes(content)
    (folder / "seven.png").write_bytes(file_of("PNG"))
    paths = [str(folder / name) for name in ("seven.png", *bombs)]
    done = subprocess.run([sys.executable, "-c", BOMB, *paths], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    growth, answers = json.loads(done.stdout)
    for answer in answers:
        attempt("pictures: decompression bombs", refuse, answer, refusal=ImageError)
    # The deep one has 48 million pixels, which are held as RGBA and as grey.
    assert growth < 700_000, f"{growth // 1000} MB"
    assert all(re.search("at most 50,000,000 pixels|far too many pixels", answer)
               for answer in answers[:4])


def refuse(answer):
    """Raise again in this process what was raised in another."""
    if answer != "read":
        raise ImageError(answer)


def test_paths_that_are_no_files_are_refused_at_once(folder):
    paths = ["", ".", "nothing.png", "a\0b", "x" * 5000, "~", str(folder),
             "http://127.0.0.1:9/7.png", "file:///etc/passwd", "con:", "7.png\n", "\udcff.png",
             "*.png", "/dev/zero", "/dev/full", "/dev/null", "/dev/stdin", "/dev/random",
             "/proc/self/mem"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        paths.append(str(folder / "pipe"))
    for path in paths:
        assert attempt("pictures: folders, devices, pipes, URLs", load_grey, path,
                       refusal=ImageError) is None


def test_programs_in_a_picture_are_not_run(folder):
    (folder / "endless.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
                                         b"%%EndComments\n{} loop\n")
    with pytest.raises(ImageError, match="PostScript"):
        load_grey(folder / "endless.eps")


def iptc(content):
    """A file of another format in an IPTC container."""
    def field(record, number, data):
        return struct.pack(">BBBH", 0x1c, record, number, len(data)) + data
    nine = struct.pack(">H", 9)
    return b"".join([field(3, 60, b"\1\0"), field(3, 20, nine), field(3, 30, nine),
                     field(3, 120, b"\5"), field(8, 10, content), field(9, 0, b"")])


def test_formats_that_run_programs_or_take_long_are_not_opened(folder, monkeypatch):
    ghostscript = folder / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch '{folder}/ran'\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n"
    files = [program, iptc(program), file_of("DDS", "RGBA"), file_of("ICO", "RGBA"),
             file_of("ICNS", "RGBA"), file_of("PDF", "RGB"), file_of("XBM", "1"), b"<svg/>",
             file_of("QOI", "RGB"), file_of("SPIDER", "F")]
    for content, wrap in itertools.product(files, (bytes, io.BytesIO, memoryview)):
        assert attempt("pictures: formats that are not opened", load_grey, wrap(content),
                       refusal=ImageError) is None
    assert not (folder / "ran").exists()


def scans(side, count):
    """A progressive JPEG with so many scans more, each of which passes over all pixels."""
    content = file_of_size(side, progressive=True)
    place = content.rfind(b"\xff\xda")
    return content[:-2] + content[place:-2] * count + b"\xff\xd9"


def file_of_size(side, **options):
    file = io.BytesIO()
    Image.new("L", (side, side), 200).save(file, "JPEG", **options)
    return file.getvalue()


def plain_ppm(side):
    return f"P3 {side} {side} 255\n".encode() + b"1 2 3 " * side ** 2


def deep_ppm(side):
    return f"P6 {side} {side} 1000\n".encode() + bytes(6 * side ** 2)


def png_in_chunks(count):
    chunk = bytes(4) + b"abCd" + struct.pack(">I", zlib.crc32(b"abCd"))
    return FILES["PNG"][:33] + chunk * count + FILES["PNG"][33:]


def jpeg_of_comments(count):
    return b"\xff\xd8" + b"\xff\xfe\0\2" * count + FILES["JPEG"][2:]


def gif_of_comments(count):
    place = FILES["GIF"].find(b",")
    return FILES["GIF"][:place] + b"!\xfe\0" * count + FILES["GIF"][place:]


def tiff_tile(side):
    """Ten by ten pixels in a tile of any size."""
    data = zlib.compress(bytes(1000), 9)
    tags = [(256, 10), (257, 10), (258, 8), (259, 8), (262, 1), (277, 1), (322, side), (323, side),
            (324, 8), (325, len(data))]
    return b"".join([b"II*\0", struct.pack("<I", 8 + len(data)), data, struct.pack("<H", len(tags)),
                     *(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags), bytes(4)])


@pytest.mark.parametrize("make, most", [
    (scans, (2000, 60)), (scans, (500, 2000)), (plain_ppm, (300,)), (deep_ppm, (300,)),
    (png_in_chunks, (1000,)), (jpeg_of_comments, (1000,)), (gif_of_comments, (1000,))])
def test_files_that_take_some_time_are_read(make, most):
    check_grey(attempt("pictures: files that take long", load_grey, make(*most)))


@pytest.mark.parametrize("make, more", [
    (scans, (2000, 300)), (scans, (500, 5000)), (scans, (8000, 30)), (plain_ppm, (800,)),
    (deep_ppm, (800,)), (png_in_chunks, (MAX_READS,)), (jpeg_of_comments, (MAX_READS,)),
    (gif_of_comments, (MAX_READS,)), (tiff_tile, (20_000,)), (tiff_tile, (60_000,))])
def test_files_that_take_long_are_refused(make, more):
    for source in (make(*more), io.BytesIO(make(*more))):
        assert attempt("pictures: files that take long", load_grey, source,
                       refusal=ImageError, match="at most|too many pieces") is None


def test_scans_are_counted_where_a_decoder_finds_them():
    """Not in a thumbnail, not behind the picture's end."""
    picture = file_of_size(1000)
    for more in (scans(16, 1500), b"\xff\xda" * 9000):
        segment = b"\xff\xe1" + struct.pack(">H", 2 + len(more[:60_000])) + more[:60_000]
        check_grey(attempt("pictures: files that take long", load_grey, picture + more))
        check_grey(attempt("pictures: files that take long", load_grey,
                           picture[:2] + segment + picture[2:]))


@pytest.mark.parametrize("kind", [noise, strokes])
def test_pages_of_nothing_but_strokes_end(kind, monkeypatch):
    """A page of touching scribbles once took 11 s: patience ends after so many candidates."""
    asked, plain = [], predict.probabilities
    monkeypatch.setattr(predict, "probabilities", lambda net, pictures, *classes: (
        asked.append(len(pictures)), plain(net, pictures, *classes))[1])
    random, paper = np.random.default_rng(3), np.full((800, 800), 225, np.uint8)
    for _ in range(600):
        points = (random.integers(0, 800, 2) + random.normal(0, 14, (5, 2))).astype(np.int32)
        cv2.polylines(paper, [points], False, 30, 2)
    scene = np.minimum(paper, bytes_of(1 - 0.3 * kind(random, (800, 800))))
    attempt("pictures: through read_digits", read_digits, scene, NET)
    assert max(asked, default=0) <= predict.BATCH
    assert sum(asked) / 2 < 2.5 * predict.MAX_READ  # two networks; a last row may be long


# --- every kind of source, and threads ---------------------------------------------------------

DIGIT = cv2.GaussianBlur(bytes_of(strokes(np.random.default_rng(8), (28, 28))), (3, 3), 0)


def tensors():
    grey = torch.from_numpy(DIGIT)
    unit = grey / 255
    normalised = (unit - 0.1307) / 0.3081
    kinds = [grey, unit, normalised, unit.double(), normalised.half(), normalised.bfloat16(),
             normalised.double(), unit.half(), normalised.clone().requires_grad_()]
    shapes = [lambda x: x, lambda x: x[None], lambda x: x[None, None], lambda x: x.T.contiguous().T,
              lambda x: x[None].expand(3, -1, -1), lambda x: x[None, None].expand(1, 3, -1, -1),
              lambda x: x[:, :, None]]
    return [shape(kind) for kind in kinds for shape in shapes]


def read_as_every_function(what, source, **options):
    for function in (load_grey, prepare, naive_resize, lambda each: predict_image(each, NET),
                     lambda each: read_digits(each, NET)):
        yield attempt(what, function, source, **options)


def test_tensors_of_all_shapes_are_the_same_picture():
    for source in tensors():
        grey, *_ = read_as_every_function("pictures: tensors", source, refusal=NoDigitError)
        assert np.abs(grey.astype(int) - DIGIT).max() <= 1 and grey.shape == DIGIT.shape


def test_tensors_that_are_no_image_are_refused():
    grey = torch.from_numpy(DIGIT)
    bad = [grey.long(), grey.int(), grey / 1.0, grey / 127.5 - 1, grey[None].expand(5, -1, -1),
           grey[None, None].expand(4, 1, -1, -1), grey.flatten(), grey[:0], torch.tensor(3.0),
           grey / 255 + torch.nan, torch.complex(grey / 255, grey / 255), (grey / 255).to_sparse(),
           torch.empty(28, 28, device="meta"), grey[None, None, None],
           torch.full((9, 9), torch.inf)]
    for source in bad:
        for answer in read_as_every_function("pictures: tensors", source, refusal=ImageError):
            assert answer is None


def test_what_is_no_source_is_refused_in_one_short_line(folder):
    path = folder / "seven.png"
    path.write_bytes(FILES["PNG"])
    with open(path, "rb") as closed, open(path, encoding="latin-1") as text:
        closed.close()
        bad = [None, (1, 2), {}, 7, 1.5, True, object(), iter([]), len, text, io.StringIO("7"),
               closed, "x" * 5000, "y" * 9000 + "/7.png", b"", b"x" * 100_000, "C:\new\7.png",
               "a\0b", "7.png\n", "https://example.org/7.png", "[7].png", "*.png", "~",
               "~nobody/7.png", "\udcff.png", ".", "", "'", '"', "\\", "a" * 300 + "*",
               f"{folder}/no*", "**/*.nothing"]
        for source in bad:
            for answer in read_as_every_function("pictures: no source", source, refusal=ImageError,
                                                 match="^.{20,320}$"):
                assert answer is None


def test_threads_leave_the_process_as_it_was(folder):
    path = folder / "thread.png"
    path.write_bytes(FILES["PNG"])
    torch.set_num_threads(2)
    try:
        filters, want, start = list(warnings.filters), load_grey(path), threading.Barrier(8)

        def work(_):
            start.wait()
            for source in [path, FILES["JPEG, progressive"], FILES["GIF"], b"no picture"] * 12:
                grey = attempt("pictures: 8 threads at once", load_grey, source, refusal=ImageError)
                attempt("pictures: 8 threads at once", predict_image, source, NET,
                        refusal=ImageError)
                assert source != path or np.array_equal(grey, want)
            return torch.get_num_threads()

        with ThreadPoolExecutor(8) as pool:
            threads = list(pool.map(work, range(8)))
        assert warnings.filters == filters
        assert [*threads, torch.get_num_threads()] == [2] * 9
        with ThreadPoolExecutor(1) as pool:  # what a new one begins with
            assert pool.submit(torch.get_num_threads).result() == 2
    finally:
        torch.set_num_threads(1)


def test_folders_and_patterns_list_their_pictures(tmp_path):
    for name in ("b.png", "a.JPG", "[7].png", "手写.tif", "notes.txt", ".png", "labels.csv"):
        (tmp_path / name).write_bytes(FILES["PNG"])
    (tmp_path / "deep.png").mkdir()
    (tmp_path / "deep.png" / "c.png").write_bytes(FILES["PNG"])
    folder_of = ["[7].png", "a.JPG", "b.png", "手写.tif"]
    for source, want in ((tmp_path, folder_of), (f"{tmp_path}/", folder_of),
                         (f"{tmp_path}/*.png", ["[7].png", "b.png"]),
                         (f"{tmp_path}/[7].png", ["[7].png"]),
                         (f"{tmp_path}/?.*", ["a.JPG", "b.png"]),
                         (f"{tmp_path}/**/c.png", ["c.png"]), (tmp_path / "b.png", ["b.png"]),
                         (tmp_path / "none.png", ["none.png"]), ("https://x.org/7", ["7"])):
        found = attempt("pictures: lists", list_images, source)
        assert [Path(path).name for path in found] == want
    for source in (tmp_path, f"{tmp_path}/*.png", [tmp_path / "b.png", FILES["PNG"]], []):
        for function in (predict_image, read_digits):
            assert isinstance(attempt("pictures: lists", function, source, NET), list)
    for source in (f"{tmp_path}/*.bmp", tmp_path / "no" / "*.png"):
        attempt("pictures: lists", list_images, source, refusal=ImageError, match="there are none")
