"""What does a network gain from a writer's own digits, and what does it forget?

    python tests/benchmarks/hand.py [--writers 10] [--digits 50] [--weights net.pt]
    python tests/benchmarks/hand.py --folder FOLDER [--by writer]

Made-up writers, each with own ways, slant and pen, write digits to learn from and others to be
tested on. A FOLDER holds pictures and a `labels.csv`; those of each writer, named in the column
`--by`, of whom there are at least 20, are learned by five-fold cross-validation.
"""

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import TensorDataset

from mnist_tutorial import load_pretrained, prepare, probabilities
from mnist_tutorial.checkpoint import SHIPPED
from mnist_tutorial.data import tensor_loader
from mnist_tutorial.errors import ImageError
from mnist_tutorial.live.record import TABLE, read_table
from mnist_tutorial.recipes import learn_hand

sys.path.insert(0, str(Path(__file__).parents[1]))
from writers import write  # noqa: E402

FEWEST = 20  # digits of a writer


def learn(net, images, labels):
    """Learn these digits; give the result and the seconds that it took."""
    start = time.perf_counter()
    learned = learn_hand(net, tensor_loader(TensorDataset(images, labels), 64),
                         say=lambda line: None)
    return learned, time.perf_counter() - start


def made_up(net, writers, count):
    """Give a row for each made-up writer: accuracy on digits that were not learned, MNIST's."""
    for seed in range(writers):
        images, labels = write(seed, 2 * count // 10)
        learned, seconds = learn(net, images[:count], labels[:count])
        before, after = (np.mean(probabilities(model, images[count:].numpy()).argmax(1)
                                 == labels[count:].numpy()) for model in (net, learned.model))
        yield f"made-up {seed}", count, before, after, learned, seconds


def real(net, folder, column):
    """Give a row for each writer of a folder who wrote enough."""
    _, _, (columns, *rows) = read_table(folder / TABLE)
    digits = defaultdict(list)
    for row in (dict(zip(columns, row)) for row in rows):
        try:
            if len(row["label"]) == 1:
                picture = prepare(folder / row["filename"]).picture
                digits[row[column]].append((picture, int(row["label"])))
        except ImageError:
            pass
    for name, pairs in digits.items():
        if len(pairs) >= FEWEST:
            pictures, labels = zip(*pairs)
            learned, seconds = learn(net, torch.from_numpy(np.stack(pictures)),
                                     torch.tensor(labels))
            yield name, len(pairs), learned.own_before, learned.own_after, learned, seconds


def main():
    parser = argparse.ArgumentParser(description="Measure what fine-tuning on a hand brings.")
    parser.add_argument("--writers", type=int, default=10)
    parser.add_argument("--digits", type=int, default=50, help="of a made-up writer, to learn from")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--by", default="writer", help="column that names the writer")
    parser.add_argument("--weights", default=SHIPPED, help="default: those that ship")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    net = load_pretrained(arguments.weights)
    rows = (real(net, arguments.folder, arguments.by) if arguments.folder
            else made_up(net, arguments.writers, arguments.digits))
    print(f"{'writer':24} digits  own before  after   MNIST before  after   seconds")
    found = []
    for name, count, before, after, learned, seconds in rows:
        found.append((before, after, learned.mnist_before, learned.mnist_after))
        print(f"{name:24} {count:6}  {before:10.1%} {after:6.1%}  {learned.mnist_before:13.2%} "
              f"{learned.mnist_after:6.2%}  {seconds:8.1f}", flush=True)
    if not found:
        sys.exit(f"no writer with {FEWEST} digits")
    before, after, mnist_before, mnist_after = np.mean(found, axis=0)
    print(f"{'mean':32} {before:10.1%} {after:6.1%}  {mnist_before:13.2%} {mnist_after:6.2%}")


if __name__ == "__main__":
    main()
