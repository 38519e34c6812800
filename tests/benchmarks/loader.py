"""How much faster are batches cut from one tensor than torchvision's picture by picture?

    python tests/benchmarks/loader.py

Both paths serve the same 55,000 training images in batches of 64 and are timed in turn, with one
CPU thread: serving alone, and an epoch of the classic recipe (serving and training). Ratios of
medians.
"""

import statistics
import time

import torch
from torch.utils.data import DataLoader, Subset
from torchvision import transforms

from mnist_tutorial import Net, load_mnist, mnist_loaders, train_one_epoch
from mnist_tutorial.preprocess import MEAN, STD

ROUNDS = 3


def serve(loader):
    for _ in loader:
        pass


def train(loader):
    net = Net().to(memory_format=torch.channels_last)
    train_one_epoch(net, loader, torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5),
                    report_every=0)


def main():
    torch.set_num_threads(1)
    tensors = mnist_loaders(allow_sample=False).train
    steps = [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
    images = load_mnist(transform=transforms.Compose(steps))
    same = Subset(images, range(len(tensors.dataset)))
    loaders = {"torchvision": DataLoader(same, batch_size=64, shuffle=True),
               "mnist_tutorial": tensors}
    for what, work in (("serving", serve), ("serving and training", train)):
        seconds = {name: [] for name in loaders}
        for _ in range(ROUNDS):
            for name, loader in loaders.items():
                start = time.perf_counter()
                work(loader)
                seconds[name].append(time.perf_counter() - start)
        slow, fast = (statistics.median(seconds[name]) for name in loaders)
        print(f"{what:21} torchvision {slow:5.1f} s, mnist_tutorial {fast:5.1f} s: "
              f"{slow / fast:.1f} times as fast")


if __name__ == "__main__":
    main()
