"""Does a saved page answer as Python does? Its JavaScript runs in Node.

    python tests/benchmarks/page.py [--count 10000] [--drawings 200]

MNIST's test digits are read with the page's numbers and with PyTorch, and drawings with a mouse are
prepared and read in both.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from mnist_tutorial import load_mnist, load_pretrained, predict_image, probabilities, save_page
from mnist_tutorial.live.page import pack
from mnist_tutorial.live.widget import static
from mnist_tutorial.reading import load_guard
from mnist_tutorial.reading.predict import SURE
from mnist_tutorial.recipes import train_net
from mnist_tutorial.strokes import curve, shake, skeleton

SIDE = 280  # pixels of a drawing
READ = """
const { readFileSync } = require("fs");
const { network, guard, sure, side, count } = JSON.parse(readFileSync("numbers.json"));
const bytes = readFileSync("images.bin");
const normal = (value) => (value / 255 - MEAN) / STD;

function read(networks, pixels) {
  const image = { width: side, height: side, values: Uint8Array.from(pixels) };
  if (side !== SIZE) return readInk(image, networks, sure);
  image.values = Float32Array.from(pixels, normal);
  return { probabilities: softmax(runNetwork(networks[0], image)) };
}

Promise.all([network, guard].map(unpack)).then((networks) => {
  for (let i = 0; i < count; i++) {
    const answer = read(networks, bytes.subarray(i * side * side, (i + 1) * side * side));
    console.log(JSON.stringify({ ...answer, picture: Array.from(answer.picture?.values ?? []) }));
  }
});
"""


def run_script(images, net, exact=False):
    """Have Node answer uint8 images (N, side, side), 255 = ink: a list of answers.

    Images of 28x28 are only read, by the network alone; others are prepared, too, and doubted.
    """
    numbers = {"network": pack(net, exact), "guard": pack(load_guard()),
               "sure": SURE, "side": images.shape[1], "count": len(images)}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "numbers.json").write_text(json.dumps(numbers))
        (Path(folder) / "images.bin").write_bytes(images.tobytes())
        (Path(folder) / "read.js").write_text(static("digits.js") + READ, encoding="utf-8")
        done = subprocess.run([shutil.which("node"), "read.js"], cwd=folder, check=True,
                              capture_output=True, text=True)
    return list(map(json.loads, done.stdout.splitlines()))


def count_differences(digits, net, exact=False):
    """Count the uint8 digits (N, 28, 28) that the page answers otherwise than PyTorch."""
    ours = [np.argmax(answer["probabilities"]) for answer in run_script(digits, net, exact)]
    return int(np.sum(ours != probabilities(net, digits).argmax(1)))


def draw(count, seed=0):
    """Draw digits as with a mouse, in many places, sizes and hands: uint8 (count, 280, 280)."""
    rng, drawn = np.random.default_rng(seed), np.zeros((count, SIDE, SIDE), np.uint8)
    for number, ink in enumerate(drawn):
        height, width = rng.uniform(90, 220), int(rng.integers(8, 30))
        place = rng.uniform(25, SIDE - 25 - height, 2)
        for points in skeleton(str(number % 10), int(rng.integers(20))):
            line = curve(shake(points, 0.02, rng)) * height + place
            cv2.polylines(ink, [np.int32(8 * line)], False, 255, width, cv2.LINE_AA, 3)
    return drawn


def compare_drawings(drawn, net):
    """Compare the page's reading with ours: mean grey levels apart, shares of the same answers."""
    theirs = run_script(drawn, net)
    ours = [predict_image(255 - ink, net) for ink in drawn]
    pictures = np.array([answer["picture"] for answer in theirs]).reshape(-1, 28, 28)
    apart = np.abs(pictures - np.stack([answer.picture for answer in ours]).astype(int)).mean()
    same, surely = (np.mean([answer[name] == getattr(our, name)
                             for answer, our in zip(theirs, ours)]) for name in ("digit", "sure"))
    return apart, same, surely


def main():
    parser = argparse.ArgumentParser(description="Compare a saved page with Python.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--drawings", type=int, default=200)
    arguments = parser.parse_args()
    net, digits = load_pretrained(), load_mnist(False).data[:arguments.count].numpy()
    for model in (net, train_net("fast", report_every=0)[0].eval()):
        for name, exact in (("whole numbers", False), ("float32", True)):
            different = count_differences(digits, model, exact)
            with tempfile.TemporaryDirectory() as folder:
                save_page(model, Path(folder) / "page.html", exact=exact)
                size = (Path(folder) / "page.html").stat().st_size
            print(f"{type(model).__name__}, {name}: {size / 1000:.1f} KB, "
                  f"{different} of {len(digits)} answers differ", flush=True)
    apart, same, surely = compare_drawings(draw(arguments.drawings), net)
    print(f"{arguments.drawings} drawings: {apart:.2f} grey levels apart, "
          f"{same:.1%} the same digit, {surely:.1%} as sure")


if __name__ == "__main__":
    main()
