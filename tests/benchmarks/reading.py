"""How long does it take to read a picture? Medians over many runs on one thread.

    python tests/benchmarks/reading.py [--repeats 50]

A 12-megapixel photo is read from its JPEG file; a 640x480 frame is an array, as a camera gives it.
Resizing alone, the usual way, is timed in turn with ours.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from mnist_tutorial import naive_resize, predict_image, prepare, read_digits
from mnist_tutorial.errors import NoDigitError
from mnist_tutorial.reading import load_guard
from mnist_tutorial.reading.images import IMG
from mnist_tutorial.reading.predict import predict_pictures


def photo(path):
    """Write a 12-megapixel JPEG with a camera's noise; return its path."""
    small = cv2.imread(str(IMG / "5.jpg"))
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 3, large.shape[:2])[..., None]
    cv2.imwrite(str(path), np.clip(large + noise, 0, 255).astype(np.uint8),
                [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def frames():
    """Give the clip's frames on which a digit is found, grey."""
    clip = cv2.VideoCapture(str(IMG / "webcam.webm"))
    found = []
    while (read := clip.read())[0]:
        grey = cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY)
        try:
            prepare(grey)
            found.append(grey)
        except NoDigitError:
            pass
    clip.release()
    return found


def measure(contenders, repeats):
    """Run each (name, function of the repeat's number) in turn; print median and quartiles, ms."""
    times = {name: [] for name in contenders}
    for repeat in range(-3, repeats):  # the first ones warm up
        for name, function in contenders.items():
            start = time.perf_counter()
            function(repeat)
            if repeat >= 0:
                times[name].append(1000 * (time.perf_counter() - start))
    for name, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        print(f"{name:55} {median:8.2f} ms  (quartiles {low:.2f} to {high:.2f})")


def main():
    parser = argparse.ArgumentParser(description="Measure how long reading takes.")
    parser.add_argument("--repeats", type=int, default=50)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    net, clip = load_guard(), frames()
    digit = prepare(IMG / "7.png").picture

    def frame(number):
        return clip[number % len(clip)]

    print(f"PyTorch {torch.__version__}, OpenCV {cv2.__version__}, one thread, {repeats} repeats")
    with tempfile.TemporaryDirectory() as folder:
        path = photo(Path(folder) / "photo.jpg")
        measure({
            "12-megapixel JPEG: resized only": lambda _: naive_resize(path),
            "12-megapixel JPEG: prepared": lambda _: prepare(path),
            "12-megapixel JPEG: prepared and predicted": lambda _: predict_image(path, net),
            "640x480 frame: resized only": lambda number: naive_resize(frame(number)),
            "640x480 frame: prepared": lambda number: prepare(frame(number)),
            "640x480 frame: prepared and predicted":
                lambda number: predict_image(frame(number), net),
            "640x480 frame: all digits sought and predicted":
                lambda number: read_digits(frame(number), net, quick=True),
            "28x28: predicted": lambda _: predict_pictures(net, [digit], [(0, 0, 28, 28)]),
            "page of 14 digits (img/page.jpg)": lambda _: read_digits(IMG / "page.jpg", net),
        }, repeats)


if __name__ == "__main__":
    main()
