"""Pictures that are meant to hurt: whatever comes is read, or refused with one clear line."""

import io
import itertools
import json
import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features
from tally import attempt

from mnist_tutorial import load_pretrained, naive_resize, predict_image, prepare, read_digits
from mnist_tutorial.errors import ImageError, NoDigitError
from mnist_tutorial.reading.box import Box
from mnist_tutorial.reading.candidates import MAX_STROKES
from mnist_tutorial.reading.images import LONGEST_SIDE, MAX_PIXELS, load_grey

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


@pytest.mark.parametrize("shape", [(1500, 1500), (1280, 400), (300, 3000)])
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
    assert 0 < len(calls) < 8 * MAX_STROKES ** 2  # both polarities, two thresholds, two copies


@examples(250)
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
    "PPM": file_of("PPM", "RGB"), "ICO": file_of("ICO", "RGBA"),
    "TGA": file_of("TGA", "RGB", compression="tga_rle"), "PCX": file_of("PCX"),
    "SGI": file_of("SGI", "RGB"), "DDS": file_of("DDS", "RGBA"),
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
    grey = attempt("pictures: whole files of all formats", load_grey, str(path))
    assert grey.shape == (60, 50) or kind == "ICO"
    assert grey.max() > 200


@examples(900)
@given(st.sampled_from(sorted(FILES)), st.sampled_from([cut, flip, scribble, lose, swallow, fill]),
       st.one_of(st.floats(0, 1, exclude_max=True), st.integers(0, 60)),
       st.integers(0, 2 ** 32 - 1))
def test_damaged_files_are_read_or_refused(folder, kind, damage, place, seed):
    content = FILES[kind]
    place = min(place, len(content) - 1) if isinstance(place, int) else int(place * len(content))
    path = folder / "damaged"
    path.write_bytes(damage(content, place, np.random.default_rng(seed)))
    grey = attempt("pictures: damaged files of all formats", load_grey, path, refusal=ImageError)
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
    assert growth < 600_000, f"{growth // 1000} MB"
    assert all(f"at most {MAX_PIXELS:,} pixels" in answer for answer in answers[:4])


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
