"""One training on several processes, which `torchrun` starts: what they tell each other.

Each process has a share of the dialogues of each batch. A loss is a sum over utterances by a count:
the sums stay apart, the counts are those of all (`summed`), so that the losses of all processes add
up to the loss of the whole batch; so do their gradients (`add_gradients`). A loss over pairs wants
the rows of all (`gathered`), is the same everywhere, and each process has a share of it (`share`).
Alone, all of these do nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

Value = TypeVar("Value")
TIMEOUT = timedelta(minutes=30)


def by_torchrun() -> bool:
    """Whether `torchrun` has started this process, and others with it."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def attempt() -> int:
    """Return how often `torchrun` has started the processes again, after one was lost."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the processes that `torchrun` has started; yield this one's device.

    On CPUs they talk by gloo, on GPUs, of which each has one of its machine's, by NCCL.

    Parameters
    ----------
    device : str
        As the command was given it.
    """
    if not by_torchrun():
        yield device
        return
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    where = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(*where, is_master=False, timeout=TIMEOUT)
    # Of an attempt its own: those of before left the addresses of the dead there.
    dist.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=dist.PrefixStore(f"attempt {attempt()}", store),
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
        timeout=TIMEOUT,
    )
    _here.rank, _here.size = dist.get_rank(), dist.get_world_size()
    try:
        yield device
    finally:
        _here.rank, _here.size = 0, 1
        dist.destroy_process_group()


class _Here:
    rank, size = 0, 1


_here = _Here()


def size() -> int:
    """Return how many processes train together; 1 alone."""
    return _here.size


def rank() -> int:
    """Return this process's number among them."""
    return _here.rank


def leads() -> bool:
    """Whether this process writes the run folder, and speaks for all."""
    return rank() == 0


def told(value: Value) -> Value:
    """Return the leader's value."""
    if size() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def everybodys(value: Value) -> list[Value]:
    """Return the values of all processes, by their numbers."""
    if size() == 1:
        return [value]
    values: list[Any] = [None] * size()
    dist.all_gather_object(values, value)
    return values


def summed(values: Tensor) -> Tensor:
    """Return the sum over all processes, without gradient."""
    if size() == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total


def share(loss: Tensor) -> Tensor:
    """Return this process's share of a loss that all have computed of the same rows."""
    return loss / size() if size() > 1 else loss


def gathered(rows: Tensor, dim: int = 0) -> Tensor:
    """Return the rows of all processes, in the order of their numbers, with gradient.

    Parameters
    ----------
    rows : tensor
        Of any number of rows in each process.
    dim : int
        Which dimension counts them.
    """
    if size() == 1:
        return rows
    found: Tensor = _Gather.apply(rows.movedim(dim, 0).contiguous())
    return found.movedim(0, dim)


class _Gather(torch.autograd.Function):
    """Rows of all; of the gradient each takes that of its own, for all shares of the loss."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        counts = torch.zeros(size(), dtype=torch.int64, device=rows.device)
        counts[rank()] = len(rows)
        found = summed(counts).tolist()
        padded = rows.new_zeros(max(found), *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in found]
        dist.all_gather(parts, padded)
        ctx.first = sum(found[: rank()])
        ctx.count = len(rows)
        return torch.cat([part[:n] for part, n in zip(parts, found, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        return size() * gradient[ctx.first : ctx.first + ctx.count]


def add_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replace gradients by their sums over all processes, in one message."""
    if size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
