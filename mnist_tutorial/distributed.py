"""The same training in several processes, under PyTorch's own engine.

    torchrun --standalone --nproc-per-node 2 -m mnist_tutorial train

starts two, and here is what they need: each gets its part of every batch, DistributedDataParallel averages their
gradients, and means are taken over all of them, so that the result is that of one process but for rounding.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Callable, Iterable, Iterator

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


def rank_and_size() -> tuple[int, int]:
    """Give the number of this process, from 0, and of how many; (0, 1) where there is only one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started, for as long as the block lasts; alone, do nothing.

    Parameters
    ----------
    device : torch.device
        On which to compute. The processes talk by NCCL if it is a CUDA one, else by gloo.

    Yields
    ------
    torch.device
        The same, or of several GPUs the one that is this process's.
    """
    if not distributed.is_torchelastic_launched():
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # torchrun keeps one store of addresses over restarts: without a prefix, a restarted process may find a dead one's.
    store, rank, size = next(distributed.rendezvous("env://"))
    store = distributed.PrefixStore(f"start {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)
    try:
        yield device
    finally:
        distributed.destroy_process_group()


class Share:
    """This process's part of each batch of a loader: of eight pictures and two processes, four each.

    All processes draw the same batches, from the same seed, and each takes every n-th picture. So a batch in n
    processes is the very batch of one, no picture is seen twice, and none is left out.

    Parameters
    ----------
    loader : iterable of (images, labels)
        Each batch with at least one picture for each process.
    """

    def __init__(self, loader: Iterable):
        self.loader, self.seen, self.weight = loader, 0, 1.0

    def __iter__(self):
        rank, size = rank_and_size()
        for images, labels in self.loader:
            if len(labels) < size:
                raise ValueError(f"expected batches of at least {size} pictures, one for each process, got one of "
                                 f"{len(labels)}: choose another batch size, or fewer processes")
            mine = labels[rank::size]
            self.seen += len(mine)
            self.weight = len(mine) * size / len(labels)  # 1, unless the batch cannot be divided evenly
            yield images[rank::size], mine

    def weigh(self, loss_function: Callable) -> Callable:
        """Scale the loss so that the mean of all processes' gradients is the gradient of the whole batch."""
        return lambda outputs, labels: self.weight * loss_function(outputs, labels)

    def mean_of(self, means: tuple[float, float], device: torch.device) -> tuple[float, float]:
        """Turn two means over this process's pictures into means over all."""
        if rank_and_size()[1] == 1:
            return means
        sums = torch.tensor([*(mean * self.seen for mean in means), self.seen], dtype=torch.float64)
        sums = sums.to(device)
        distributed.all_reduce(sums)
        first, second = (sums[:-1] / sums[-1]).tolist()
        return first, second


def parallel(model: torch.nn.Module) -> torch.nn.Module:
    """Wrap the model, so that `backward` averages the gradients of all processes; alone, leave it as it is."""
    return DistributedDataParallel(model) if rank_and_size()[1] > 1 else model
