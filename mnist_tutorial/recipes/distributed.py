"""The same training run in several processes, under PyTorch's own engine.

    torchrun --standalone --nproc-per-node 2 -m mnist_tutorial train

starts two: each gets its part of every batch, DistributedDataParallel averages their gradients,
and means are taken over all, so that the result is that of one process but for rounding.
"""

import os
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Callable, Iterable, Iterator

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ..device import pick_device
from ..errors import CourseError, DatasetError
from ..training import Job, evaluate, train_one_epoch, tried


@contextmanager
def process_group(job: Job) -> Iterator[Job]:
    """Join the processes that torchrun started, for as long as the block lasts; alone, do nothing.

    It yields the job, or this process's part of it: of several GPUs it has the one that is its
    own. Processes talk by NCCL if the job's device is a CUDA one, otherwise by gloo.
    """
    if not distributed.is_torchelastic_launched():
        yield job
        return
    device = torch.device(job.device or pick_device())
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # torchrun keeps one store over restarts: without a prefix, dead processes' addresses are found.
    store, rank, size = next(distributed.rendezvous("env://"))
    store = distributed.PrefixStore(f"start {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        yield SharedJob(**{**asdict(job), "device": device}, rank=rank, size=size)
    finally:
        distributed.destroy_process_group()


class Share:
    """One process's part of each batch of a loader: of eight images and two processes, four each.

    All processes draw the same batches, from the same seed, and each takes every n-th image, from
    that of its `rank` on. So a batch in n processes, their `size`, is the very batch of one, no
    image is seen twice, and none is left out. Too small a batch for that raises a DatasetError.
    """

    def __init__(self, loader: Iterable, rank: int, size: int):
        self.loader, self.rank, self.size = loader, rank, size
        self.seen, self.weight = 0, 1.0  # images so far; weight of this part of the newest batch

    def __iter__(self):
        for images, labels in self.loader:
            if len(labels) < self.size:
                raise DatasetError(f"expected batches of at least {self.size} images, one each, "
                                   f"got one of {len(labels)}: change the size, or start fewer")
            mine = labels[self.rank::self.size]
            self.seen += len(mine)
            self.weight = len(mine) * self.size / len(labels)
            yield images[self.rank::self.size], mine

    def weigh(self, loss_function: Callable) -> Callable:
        """Scale the loss so that the mean of all gradients is the gradient of the whole batch."""
        return lambda outputs, labels: self.weight * loss_function(outputs, labels)

    def mean_of(self, means: tuple[float, float], device: torch.device) -> tuple[float, float]:
        """Turn two means over this process's images into means over those of all processes."""
        sums = torch.tensor([*(mean * self.seen for mean in means), self.seen], dtype=torch.float64)
        sums = sums.to(device)
        distributed.all_reduce(sums)
        first, second = (sums[:-1] / sums[-1]).tolist()
        return first, second


@dataclass
class SharedJob(Job):
    """The part of one process in a training run of several, see :class:`Share` for its numbers."""

    rank: int = 0
    size: int = 1

    def __post_init__(self):
        self.speaks = self.rank == 0

    def place(self, model: torch.nn.Module) -> None:
        """Move the model to its device and wrap it, so that `backward` averages all gradients."""
        super().place(model)
        self.engine = DistributedDataParallel(model)

    @contextmanager
    def opened(self) -> Iterator[dict | None]:
        """Give all processes what the first one finds: its state to resume from, or its error."""
        found: list[Any] = [None]
        with ExitStack() as stack:
            if self.speaks:
                try:
                    found = [stack.enter_context(super().opened())]
                except (CourseError, OSError) as error:
                    found = [error]
            distributed.broadcast_object_list(found, device=next(self.engine.parameters()).device)
            if isinstance(found[0], Exception):
                raise found[0]
            yield found[0]

    def train(self, model, loader, optimizer, scheduler, report_every, loss_function):
        """Train for one epoch on this process's share of each batch."""
        share = Share(tried(self.engine, loader, loss_function), self.rank, self.size)
        means = train_one_epoch(self.engine, share, optimizer, scheduler,
                                report_every if self.speaks else 0, share.weigh(loss_function))
        return share.mean_of(means, self.device)

    def test(self, model, loader):
        """Return loss and accuracy over the shares of all processes."""
        share = Share(tried(model, loader), self.rank, self.size)
        return share.mean_of(evaluate(model, share), self.device)
