"""Timing and memory: one observed call, and interleaved calls of several peers."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeVar

import torch

from ariigcn_dgl.available_memory import available_memory
from ariigcn_dgl.training.cuda_graph import GraphCapture

Result = TypeVar("Result")
Clock = Literal["wall", "cpu"]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
MOST_CALLS = 200
QUICK_CALL = 1.0  # seconds up to which a call is worth repeating at least so often:
FEWEST_QUICK_CALLS = 3
RESET_PEAK = "5"  # proc(5): sets the peak resident set size to the current one
WARM_CALLS = 3  # before a capture: what libraries and the allocator set up once stays out of it
ROUNDS = (5, 50)  # of replays over all copies, the fewest and the most: a median wants some
# Copies of the inputs, the fewest and the most: a call shall not find its own in the L2 cache, but
# each is captured for each peer, and 64 of 1,600 rows of bfloat16 fill the 50 MB of an H100.
COPIES = (2, 64)


@dataclass(frozen=True)
class Observation:
    """One call: its result, wall seconds and peak extra memory."""

    result: Any
    seconds: float
    extra_bytes: int | None


def timed(
    call: Callable[[], Any], device: torch.device, clock: Clock = "wall"
) -> tuple[Any, float]:
    """Return a call's result and its seconds: by the clock, or between two events on the GPU."""
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(device)
        start.record()
        result = call()
        end.record()
        torch.cuda.synchronize(device)
        return result, start.elapsed_time(end) / 1e3
    now = CLOCKS[clock]
    begin = now()
    result = call()
    return result, now() - begin


def replay_seconds(
    calls: Sequence[Callable[[], Any]], device: torch.device, budget: float, graphs: GraphCapture
) -> float:
    """Return the seconds of a replay as a CUDA graph: the median over rounds through all calls.

    Parameters
    ----------
    calls : sequence of callables
        The same on several copies of the inputs, which take turns.
    device : torch.device
        Where.
    budget : float
        Seconds for all rounds.
    graphs : GraphCapture
        Usually `CudaGraphs(device)`.

    Raises
    ------
    RuntimeError
        If a call cannot be captured, as it waits for the device.
    """

    def forgetting(call: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            call()  # nobody reads the result, so that the next capture can use its memory

        return run

    for call in [calls[0]] * (WARM_CALLS - 1) + list(calls):
        graphs.warm_up(call)
    if device.type == "cuda":
        # A capture that fails leaves torch's generator as if it went on: find out before it.
        with _waiting_is_an_error():
            graphs.warm_up(calls[0])
        torch.cuda.empty_cache()  # for the graphs' pool, which can take no memory back from others
    replays = [graphs.capture(forgetting(call)) for call in calls]

    def replay_all() -> None:
        for replay in replays:
            replay()

    timed(replay_all, device)  # the first replay of a graph uploads it
    _, once = timed(replay_all, device)
    rounds = min(max(int(budget / max(once, 1e-9)), ROUNDS[0]), ROUNDS[1])
    return median(timed(replay_all, device)[1] for _ in range(rounds)) / len(replays)


@contextmanager
def _waiting_is_an_error() -> Iterator[None]:
    try:
        _set_sync_debug_mode("error")
        yield
    finally:
        _set_sync_debug_mode("default")


def _set_sync_debug_mode(mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that this is a prototype
        torch.cuda.set_sync_debug_mode(mode)


def rotated(inputs: Any, cache: int) -> list[Any]:
    """Return a case's inputs and copies of them, together more than a cache of so many bytes."""
    tensors = {
        one.name: getattr(inputs, one.name)
        for one in fields(inputs)
        if isinstance(getattr(inputs, one.name), torch.Tensor)
    }
    size = sum(x.nbytes for x in tensors.values())
    count = min(max(cache // max(size, 1) + 2, COPIES[0]), COPIES[1])
    copies = [
        {k: x.detach().clone().requires_grad_(x.requires_grad) for k, x in tensors.items()}
        for _ in range(count - 1)
    ]
    return [inputs, *(replace(inputs, **copy) for copy in copies)]


def observe(call: Callable[[], Any], device: torch.device, clock: Clock = "wall") -> Observation:
    """Call once, with time and memory."""
    (result, seconds), extra_bytes = with_extra_memory(lambda: timed(call, device, clock), device)
    return Observation(result, seconds, extra_bytes)


def repetitions(first: float, budget: float, patience: float) -> int:
    """Return how often to call what took `first` seconds: 0 if that was beyond all patience.

    Without a budget, once.

    Examples
    --------
    >>> [repetitions(first, budget=1.0, patience=5.0) for first in (0.1, 0.9, 3.0, 6.0)]
    [10, 3, 1, 0]
    """
    if first > patience:
        return 0
    fewest = FEWEST_QUICK_CALLS if budget and first <= QUICK_CALL else 1
    return max(fewest, min(MOST_CALLS, int(budget / max(first, 1e-9))))


def interleave(
    calls: Mapping[str, Callable[[], Any]],
    counts: Mapping[str, int],
    device: torch.device,
    clock: Clock = "wall",
) -> dict[str, list[float]]:
    """Return the seconds of every call; peers take turns, so that a slow minute hits them all.

    Who has fewer calls spreads them over the rounds.

    Examples
    --------
    >>> order = []
    >>> calls = {name: lambda name=name: order.append(name) for name in "ab"}
    >>> seconds = interleave(calls, {"a": 4, "b": 2}, torch.device("cpu"))
    >>> "".join(order), [len(one) for one in seconds.values()]
    ('aabaab', [4, 2])
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    rounds = max(counts.values(), default=0)
    for turn in range(rounds):
        for name, call in calls.items():
            if (turn + 1) * counts[name] // rounds > turn * counts[name] // rounds:
                seconds[name].append(timed(call, device, clock)[1])
    return seconds


def with_extra_memory(
    call: Callable[[], Result], device: torch.device
) -> tuple[Result, int | None]:
    """Return a call's result, and its peak memory above what was live before, in bytes.

    On the CPU by the peak resident set size (Linux; None elsewhere), so all of the process counts:
    results, temporaries, other libraries' buffers.
    """
    gc.collect(1)  # the young: a full one takes long once many libraries are imported
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = call()
        torch.cuda.synchronize(device)
        return result, torch.cuda.max_memory_allocated(device) - before
    if not _reset_peak():
        return call(), None
    before = _status("VmRSS")
    result = call()
    return result, max(_status("VmHWM") - before, 0)


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that can still be allocated, None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available_memory()


def _reset_peak() -> bool:
    """Give freed memory back, so that its reuse counts, and reset the peak; False if impossible."""
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl keeps less
    if trim is not None:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _status(field: str) -> int:
    return _kilobytes(Path("/proc/self/status").read_text(), field)


def _kilobytes(text: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {field} among: {text}")
    return 1024 * int(found[1])
