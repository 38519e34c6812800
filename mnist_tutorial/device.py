"""Which processor computes, and with how many threads."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

import torch


def pick_device() -> torch.device:
    """Return the accelerator that PyTorch finds (CUDA, MPS, XPU, ...), otherwise the CPU."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


@contextmanager
def cpu_threads(count: int = 1) -> Iterator[None]:
    """Compute with `count` CPU threads inside the block, and with as many as before after it.

    In a network this small, threads often wait for one another: on two cores, two are 1.4 times as
    fast as one, but 2.5 times as slow if another program is busy (`tests/benchmarks/threads.py`).
    With one, the course's choice, results do not depend on the number of cores either.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
