"""Runs the cases: refuse, build, check against float64, then time in turns."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache
from itertools import product
from statistics import median
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.equality import TOLERANCE, poisoned, relative_error
from ariigcn_dgl.benchmark.machine import (
    describe_machine,
    how_to_install,
    l2_cache,
    measure_ceilings,
    measure_copy,
    set_threads,
)
from ariigcn_dgl.benchmark.measure import (
    Observation,
    free_memory,
    interleave,
    observe,
    repetitions,
    replay_seconds,
    rotated,
)
from ariigcn_dgl.benchmark.options import Options
from ariigcn_dgl.benchmark.problem import Built, Peer, Problem
from ariigcn_dgl.benchmark.record import (
    OURS,
    Bound,
    CaseRecord,
    Ceilings,
    Pass,
    PeerRecord,
    Report,
    Status,
    Timing,
)
from ariigcn_dgl.optional import is_installed
from ariigcn_dgl.training.cuda_graph import CudaGraphs, GraphCapture

ON_THE_HOST = ("plan", "step")  # in part: no CUDA graph of these
Limits = TypeVar("Limits")
MEMORY_SHARE = 0.8  # of the free memory that a peer's estimate may take


@dataclass(frozen=True)
class Case:
    """A problem with its tensors, on a device."""

    problem: Problem
    options: Options
    device: torch.device
    inputs: Any
    passes: tuple[Pass, ...]
    tolerance: float

    def call(self, built: Built, name: Pass) -> Callable[[], list[Any]]:
        """Return what is timed: [output], [output, *gradients], or a step's losses."""
        if built.timed:
            return built.timed[name]
        if name == "step":
            return built.forward
        if name == "forward":
            return torch.no_grad()(lambda: [built.forward()])
        grad = self.problem.grad(self.inputs)
        typed = cache(lambda dtype: None if grad is None else grad.to(dtype))

        def both() -> list[Tensor]:
            out = built.forward()
            grad = typed(out.dtype)  # of some losses float32, whatever the inputs are
            # Layers of other libraries have parameters that their mode of use leaves out.
            return [out.detach(), *torch.autograd.grad(out, built.leaves, grad, allow_unused=True)]

        return both


@dataclass(frozen=True)
class _Ready:
    """A peer that may be timed, with its first calls."""

    record: PeerRecord
    peer: Peer
    built: Built
    first: Mapping[Pass, Observation]


def run(
    options: Options,
    device: torch.device,
    progress: Callable[[str, str], None],
    show: Callable[[Report], None],
) -> Report:
    """Measure everything that is asked for.

    Parameters
    ----------
    options : Options
        What to measure.
    device : torch.device
        Where.
    progress : callable
        Is told the case and the peer before each step; `steps` counts them.
    show : callable
        Gets the report so far after every case.

    Returns
    -------
    Report
        Ceilings and cases.
    """
    if device.index is not None:
        torch.cuda.set_device(device)  # events are recorded on the current device
    if device.type == "cuda":  # cuDNN's recurrent layers round to tf32 where matrix products do
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32
    start, date = time.perf_counter(), datetime.now(timezone.utc).isoformat(timespec="seconds")
    if options.seed is None:  # what was drawn can be drawn again
        options = replace(options, seed=secrets.randbits(31))
    report = Report(date, 0.0, _chosen(options), describe_machine(device), (), ())
    for threads in options.threads:
        copy = measure_copy(threads, device, options.clock)
        for dtype_name in options.dtypes:
            dtype = getattr(torch, dtype_name)
            progress("machine", "multiply-add, matrix product")
            ceilings = measure_ceilings(threads, dtype, device, copy, options.clock)
            report = replace(report, ceilings=(*report.ceilings, ceilings))
        own = [one for one in report.ceilings if one.threads == threads]
        for problem, peers, ceilings in cases(options, device, own):
            given = (problem, peers, ceilings, options, device)
            late = options.budget is not None and time.perf_counter() - start > options.budget
            case = _unbegun(*given) if late else run_case(*given, progress)
            spent = time.perf_counter() - start
            report = replace(report, seconds=spent, cases=(*report.cases, case))
            show(report)
    return report


def _chosen(options: Options) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if value is not None}


def cases(
    options: Options, device: torch.device, ceilings: Sequence[Limits]
) -> Iterator[tuple[Problem, list[Peer], Limits]]:
    """Yield what is measured together.

    On a GPU compiled peers come at the end, beside ours again: compiling takes longer than all else
    together, and must not take the time of the other cases.
    """
    cases = [
        (problem, [peer for peer in problem.peers() if options.wanted(peer.key)], one)
        for one, problem in product(ceilings, options.problems())
    ]
    if device.type == "cpu":
        yield from cases
        return
    for problem, peers, one in cases:
        yield problem, [peer for peer in peers if not peer.compiled], one
    for problem, peers, one in cases:
        if any(peer.compiled for peer in peers):
            yield problem, [peer for peer in peers if peer.compiled or peer.key == OURS], one


def _unbegun(
    problem: Problem,
    peers: Sequence[Peer],
    ceilings: Ceilings,
    options: Options,
    device: torch.device,
) -> CaseRecord:
    """Return a case that there was no time for."""
    reason = f"the {options.budget} s of --budget were spent"
    return CaseRecord(
        operator=problem.operator,
        shape=problem.shape,
        device=str(device),
        dtype=ceilings.dtype,
        threads=ceilings.threads,
        sizes={},
        tolerance=TOLERANCE[getattr(torch, ceilings.dtype)],
        bounds={},
        peers=tuple(PeerRecord(one.key, one.title, "not run", reason) for one in peers),
    )


def steps(options: Options, device: torch.device) -> int:
    """Return how often `run` reports progress, if nothing is left out."""
    per_case = [len(peers) + 1 for _, peers, _ in cases(options, device, options.dtypes)]
    return len(options.threads) * (len(options.dtypes) + sum(per_case))


def run_case(
    problem: Problem,
    peers: Sequence[Peer],
    ceilings: Ceilings,
    options: Options,
    device: torch.device,
    progress: Callable[[str, str], None],
) -> CaseRecord:
    """Check and time peers of one problem, in the type of the ceilings."""
    set_threads(ceilings.threads)
    dtype = getattr(torch, ceilings.dtype)
    inputs = problem.inputs(dtype, device, options.seed or 0)
    passes = tuple(name for name in problem.passes if name in options.passes) or problem.passes[:1]
    case = Case(problem, options, device, inputs, passes, TOLERANCE[dtype])
    title = f"{problem.operator} {problem.shape}"
    truth = problem.truth(inputs, passes[-1])
    records, ready = [], []
    for peer in peers:
        progress(title, peer.title)
        found = _prepare(peer, case, truth)
        records.append(found.record if isinstance(found, _Ready) else found)
        ready += [found] if isinstance(found, _Ready) else []
    del truth
    progress(title, "taking turns")
    times = {one.record.key: one for one in _time(ready, case)}
    return CaseRecord(
        operator=problem.operator,
        shape=problem.shape,
        device=str(device),
        dtype=ceilings.dtype,
        threads=ceilings.threads,
        sizes=problem.sizes(inputs),
        tolerance=case.tolerance,
        bounds={name: _bound(*problem.work(inputs)[name], ceilings) for name in passes},
        peers=tuple(times[one.key].record if one.key in times else one for one in records),
    )


def _prepare(peer: Peer, case: Case, truth: list[Tensor]) -> PeerRecord | _Ready:
    """Return why a peer is not timed, or the peer, checked."""
    record = PeerRecord(peer.key, peer.title, "equal" if peer.same else "other formula")
    if reason := _refusal(peer, case):
        return replace(record, status="not run", reason=reason)
    built = None
    # Other libraries' code: whatever it raises, the other peers can still be measured.
    try:
        if peer.compiled:
            torch.compiler.reset()
        built = peer.build(case.inputs)
        passes = [name for name in case.passes if not built.timed or name in built.timed]
        if peer.compiled:
            start = time.perf_counter()
            for name in passes:
                case.call(built, name)()
            record = replace(record, compile_seconds=time.perf_counter() - start)
        first = {name: _first(case, built, name) for name in passes}
        if peer.same and peer.slack == 1:  # others' kernels are theirs to test
            with poisoned():
                result = case.call(built, passes[-1])()
            first[passes[-1]] = replace(first[passes[-1]], result=result)
    except Exception as error:
        status: Status = "not run" if built is None else "failed"
        return replace(record, status=status, reason=_sentence(error))
    if peer.same:
        difference = relative_error(built.values(first[passes[-1]].result), truth)
        record = replace(record, error=difference)
        allowed = peer.slack * case.tolerance
        if not difference <= allowed:
            reason = f"differs from float64 by {difference:.1e}, more than {allowed:.0e}: not timed"
            return replace(record, status="wrong", reason=reason)
    return _Ready(record, peer, built, {k: replace(v, result=None) for k, v in first.items()})


def _refusal(peer: Peer, case: Case) -> str:
    refusal = case.options.refusal(case.problem, peer) or peer.refusal(case.inputs)
    if refusal:
        return refusal
    if peer.package and not is_installed(peer.package):
        return f"{peer.package} is not installed: {how_to_install(peer.package)}"
    needed, free = peer.bytes_needed(case.inputs), free_memory(case.device)
    if free is not None and needed > MEMORY_SHARE * free:
        return f"needs about {needed / 1e9:.0f} GB, {free / 1e9:.0f} GB are free"
    return ""


def _first(case: Case, built: Built, name: Pass) -> Observation:
    """Return a warm call where that costs little: the first one allocates what stays."""
    call = case.call(built, name)
    observation = observe(call, case.device, case.options.clock)
    if observation.seconds > case.options.seconds:
        return observation
    return observe(call, case.device, case.options.clock)


def _time(ready: list[_Ready], case: Case) -> list[_Ready]:
    """Return the peers with the timings of all passes."""
    timings: dict[str, dict[str, Timing]] = {one.record.key: {} for one in ready}
    for name in case.passes:
        able = [one for one in ready if name in one.first]
        calls = {one.record.key: case.call(one.built, name) for one in able}
        limits = (case.options.seconds, case.options.patience)
        counts = {one.record.key: repetitions(one.first[name].seconds, *limits) for one in able}
        seconds = interleave(calls, counts, case.device, case.options.clock)
        for one in able:
            first = one.first[name]
            samples = seconds[one.record.key] or [first.seconds]
            timings[one.record.key][name] = Timing(
                min(samples), median(samples), len(samples), first.extra_bytes
            )
    if case.device.type == "cuda" and case.problem.operator not in ON_THE_HOST:
        copies = rotated(case.inputs, l2_cache(case.device))
        for one in ready:
            key, graphs = one.record.key, CudaGraphs(case.device)
            timings[key] = with_replays(timings[key], one.peer, one.built, case, copies, graphs)
    return [
        replace(one, record=replace(one.record, passes=timings[one.record.key])) for one in ready
    ]


def with_replays(
    timings: Mapping[str, Timing],
    peer: Peer,
    built: Built,
    case: Case,
    copies: Sequence[Any],
    graphs: GraphCapture,
) -> dict[str, Timing]:
    """Return the timings with those of replays on copies of the inputs, or why there are none."""
    # What waits for the device cannot be captured, and other libraries raise what they like.
    try:
        ready = [built, *(peer.build(copy) for copy in copies[1:])]
    except Exception as error:
        reason = f"not on copies of the inputs: {_sentence(error)}"
        return {name: replace(timing, unreplayed=reason) for name, timing in timings.items()}
    found = {}
    for name, timing in timings.items():
        calls = [
            replace(case, inputs=copy).call(one, cast(Pass, name))
            for copy, one in zip(copies, ready, strict=True)
        ]
        try:
            seconds = replay_seconds(calls, case.device, case.options.seconds, graphs)
            found[name] = replace(timing, replay=seconds)
        except Exception as error:
            found[name] = replace(timing, unreplayed=f"no CUDA graph: {_sentence(error)}")
    return found


def _bound(flops: float, size: float, ceilings: Ceilings) -> Bound:
    seconds = max(flops / (ceilings.compute * 1e9), size / (ceilings.copy * 1e9))
    return Bound(flops, size, seconds)


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
