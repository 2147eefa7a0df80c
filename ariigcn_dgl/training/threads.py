"""With how many CPU threads torch computes, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ariigcn_dgl.errors import InputError


def check_threads(threads: int) -> None:
    """Raise `InputError` unless there can be so many threads."""
    if not isinstance(threads, int) or threads < 1:
        raise InputError(f"--threads: is {threads}, expected at least 1")


@contextlib.contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch compute with so many threads, and then with as many as before.

    Another number rounds otherwise: what a run said is said again with its own number only.

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with torch_threads(1):
    ...     print(torch.get_num_threads())
    1
    >>> torch.get_num_threads() == before
    True
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
