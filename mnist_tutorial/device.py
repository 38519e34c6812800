"""Which processor computes, with how many threads, and what several threads change together."""

import threading
import warnings
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Callable, ContextManager, Iterator

import torch
from torch.nn import functional as F


def pick_device() -> torch.device:
    """Return the accelerator (CUDA, MPS, XPU, ...) if one is found and computes, else the CPU.

    A GPU too old for this PyTorch, or without memory left, is found all the same: it warns of it.
    """
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if found is not None:
        try:
            images = torch.ones(1, 1, 3, 3, device=found)
            F.conv2d(images, images).sum().item()
            return found
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            warnings.warn(f"{found} is there but cannot compute ({reason}): the CPU does the work",
                          stacklevel=2)
    return torch.device("cpu")


def shared_context(make: Callable[[], ContextManager]) -> Callable[[], ContextManager]:
    """Let threads share a change of the process: the first one makes it, the last one undoes it.

    If each changed and restored for itself, one would take another's change for the original. All
    are given what the first one entered.
    """
    lock, stack, inside, value = threading.Lock(), ExitStack(), 0, None

    @contextmanager
    def shared() -> Iterator[Any]:
        nonlocal inside, value
        with lock:
            if not inside:
                value = stack.enter_context(make())
            inside += 1
        try:
            yield value
        finally:
            with lock:
                inside -= 1
                if not inside:
                    stack.close()

    return shared


@shared_context
@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore what libraries warn of inside the block, for all threads alike."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# A new thread begins with what another has set meanwhile: the first to come knows what was before.
_count_outside = shared_context(lambda: nullcontext(torch.get_num_threads()))
_here = threading.local()  # `count`: the CPU threads that this thread has asked for, if any


@contextmanager
def cpu_threads(count: int = 1) -> Iterator[None]:
    """Compute with `count` CPU threads inside the block, and with as many as before after it.

    In a network this small, threads often wait for one another: on two cores, two are 1.4 times as
    fast as one, but 2.5 times as slow if another program is busy (`tests/benchmarks/threads.py`).
    With one, the course's choice, results do not depend on the number of cores either.
    """
    with _count_outside() as outside:
        torch.set_num_threads(count)  # raises if it is no such number: nothing has changed then
        before, _here.count = getattr(_here, "count", None), count
        try:
            yield
        finally:
            torch.set_num_threads(before or outside)
            _here.count = before
