"""Which processor computes, and with how many threads."""

from __future__ import annotations

from contextlib import contextmanager

import torch


def pick_device() -> torch.device:
    """Give the accelerator that PyTorch finds (CUDA, MPS, XPU, ...), else the CPU."""
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator()
    return torch.device("cpu")


@contextmanager
def cpu_threads(count: int = 1):
    """Compute with `count` CPU threads inside the block, and with as many as before after it.

    One thread is the course's choice. The network is so small that PyTorch's threads spend their
    time on waiting for one another, and as soon as another program is busy they wait for its share
    of the processor as well: `tests/benchmarks/threads.py` measures it. With one thread the figures
    also do not depend on how many cores a machine has.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
