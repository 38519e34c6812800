"""Which processor computes, and with how many threads."""

from __future__ import annotations

from contextlib import contextmanager

import torch


def pick_device() -> torch.device:
    """Give the accelerator that PyTorch finds (CUDA, MPS, XPU, ...), else the CPU."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


@contextmanager
def cpu_threads(count: int = 1):
    """Compute with `count` CPU threads inside the block, and with as many as before after it.

    One thread is the course's choice. In so small a network PyTorch's threads spend much of their
    time waiting for one another: two are 1.4 times as fast as one on an idle machine of two cores,
    and 2.5 times as slow beside another busy program (`tests/benchmarks/threads.py`). With one
    thread the figures also do not depend on how many cores a machine has.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
