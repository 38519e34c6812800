"""How many CPU threads should train so small a network, idle and beside another busy program?

    python tests/benchmarks/threads.py

Times steps of the classic recipe (batch 64) with one thread and with as many as PyTorch would take,
in turn, first alone and then while another process keeps one core busy. Random images do, so no
data is needed.
"""

import multiprocessing
import statistics
import time

import torch

from mnist_tutorial import Net, train_one_epoch

ROUNDS, BATCHES, BATCHES_PER_EPOCH = 5, 40, 860


def seconds_per_epoch(threads, batches):
    """Train on `batches` with so many threads; scaled to the 860 batches of an epoch."""
    torch.set_num_threads(threads)
    net = Net().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
    start = time.perf_counter()
    train_one_epoch(net, batches, optimizer, report_every=0)
    return (time.perf_counter() - start) / len(batches) * BATCHES_PER_EPOCH


def keep_busy():
    while True:
        pass


def compare(label):
    """Print the median seconds of an epoch for each number of threads, taken in turn."""
    batches = [(torch.randn(64, 1, 28, 28), torch.randint(10, (64,))) for _ in range(BATCHES)]
    seconds = {1: [], DEFAULT: []}
    for _ in range(ROUNDS):
        for threads, measured in seconds.items():
            measured.append(seconds_per_epoch(threads, batches))
    one, many = (statistics.median(measured) for measured in seconds.values())
    print(f"{label}: an epoch takes {one:.1f} s with 1 thread, {many:.1f} s with {DEFAULT} "
          f"({many / one:.2f} times as long)")


if __name__ == "__main__":
    DEFAULT = torch.get_num_threads()
    compare("idle")
    busy = multiprocessing.Process(target=keep_busy, daemon=True)
    busy.start()
    compare("one core busy")
    busy.terminate()
