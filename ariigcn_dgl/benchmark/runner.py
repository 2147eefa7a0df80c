"""Runs the cases: refuse, build, check against float64, then time in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.equality import TOLERANCE, relative_error
from ariigcn_dgl.benchmark.machine import (
    describe_machine,
    how_to_install,
    measure_ceilings,
    set_threads,
)
from ariigcn_dgl.benchmark.measure import (
    Observation,
    free_memory,
    interleave,
    observe,
    repetitions,
    replay_seconds,
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

ON_THE_HOST = ("plan", "step")  # in part: no CUDA graph of these
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
        if name == "step":
            return built.forward
        if name == "forward":
            return torch.no_grad()(lambda: [built.forward()])
        grad = self.problem.grad(self.inputs)

        def both() -> list[Tensor]:
            out = built.forward()
            # Layers of other libraries have parameters that their mode of use leaves out.
            return [out.detach(), *torch.autograd.grad(out, built.leaves, grad, allow_unused=True)]

        return both


@dataclass(frozen=True)
class _Ready:
    """A peer that may be timed, with its first calls."""

    record: PeerRecord
    built: Built
    first: Mapping[Pass, Observation]


def run(
    options: Options,
    device: torch.device,
    progress: Callable[[str, str], None],
    show: Callable[[CaseRecord], None],
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
        Gets every case when it is finished.

    Returns
    -------
    Report
        Ceilings and cases.
    """
    if device.index is not None:
        torch.cuda.set_device(device)  # events are recorded on the current device
    if device.type == "cuda":  # cuDNN's recurrent layers round to tf32 where matrix products do
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32
    start, machine = time.perf_counter(), describe_machine(device)
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    ceilings, cases = [], []
    for threads in options.threads:
        for dtype_name in options.dtypes:
            dtype = getattr(torch, dtype_name)
            progress("machine", "multiply-add, matrix product, copy")
            ceilings.append(measure_ceilings(threads, dtype, device))
            for problem in options.problems():
                cases.append(run_case(problem, options, device, dtype, ceilings[-1], progress))
                show(cases[-1])
    return Report(
        date=date,
        seconds=time.perf_counter() - start,
        options={name: value for name, value in vars(options).items() if value is not None},
        machine=machine,
        ceilings=tuple(ceilings),
        cases=tuple(cases),
    )


def steps(options: Options) -> int:
    """Return how often `run` reports progress."""
    per_case = [sum(options.wanted(p.key) for p in one.peers()) + 1 for one in options.problems()]
    return len(options.threads) * len(options.dtypes) * (1 + sum(per_case))


def run_case(
    problem: Problem,
    options: Options,
    device: torch.device,
    dtype: torch.dtype,
    ceilings: Ceilings,
    progress: Callable[[str, str], None],
) -> CaseRecord:
    """Check and time all peers of one problem."""
    set_threads(ceilings.threads)
    inputs = problem.inputs(dtype, device)
    passes = tuple(name for name in problem.passes if name in options.passes) or problem.passes[:1]
    case = Case(problem, options, device, inputs, passes, TOLERANCE[dtype])
    title = f"{problem.operator} {problem.shape}"
    truth = problem.truth(inputs, passes[-1])
    records, ready = [], []
    for peer in problem.peers():
        if options.wanted(peer.key):
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


def _prepare(peer: Peer, case: Case, truth: list[Tensor]) -> _Ready | PeerRecord:
    """Return the peer after its first calls, or why it will not be timed."""
    record = PeerRecord(peer.key, peer.title, "equal" if peer.same else "other formula")
    if reason := _refusal(peer, case):
        return replace(record, status="not run", reason=reason)
    built = None
    # Other libraries' code: whatever it raises, the other peers can still be measured.
    try:
        built = peer.build(case.inputs)
        if peer.compiled:
            start = time.perf_counter()
            for name in case.passes:
                case.call(built, name)()
            record = replace(record, compile_seconds=time.perf_counter() - start)
        first = {name: _first(case, built, name) for name in case.passes}
    except Exception as error:
        status: Status = "not run" if built is None else "failed"
        return replace(record, status=status, reason=_sentence(error))
    if peer.same:
        difference = relative_error(built.values(first[case.passes[-1]].result), truth)
        record = replace(record, error=difference)
        if not difference <= case.tolerance:
            reason = f"differs from float64 by more than {case.tolerance:.0e}: not timed"
            return replace(record, status="wrong", reason=reason)
    return _Ready(record, built, {k: replace(v, result=None) for k, v in first.items()})


def _refusal(peer: Peer, case: Case) -> str:
    if peer.package and not is_installed(peer.package):
        return f"{peer.package} is not installed: {how_to_install(peer.package)}"
    refusal = case.options.refusal(case.problem, peer) or peer.refusal(case.inputs)
    if refusal:
        return refusal
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
        calls = {one.record.key: case.call(one.built, name) for one in ready}
        limits = (case.options.seconds, case.options.patience)
        counts = {one.record.key: repetitions(one.first[name].seconds, *limits) for one in ready}
        seconds = interleave(calls, counts, case.device, case.options.clock)
        for one in ready:
            first = one.first[name]
            samples = seconds[one.record.key] or [first.seconds]
            replay = _replay(calls[OURS], case) if one.record.key == OURS else None
            timings[one.record.key][name] = Timing(
                min(samples), median(samples), len(samples), first.extra_bytes, replay
            )
    return [
        replace(one, record=replace(one.record, passes=timings[one.record.key])) for one in ready
    ]


def _replay(call: Callable[[], Any], case: Case) -> float | None:
    """Return the seconds of ours as a CUDA graph; None on the CPU and where it cannot be one."""
    if case.device.type != "cuda" or case.problem.operator in ON_THE_HOST:
        return None
    try:
        return replay_seconds(call, case.device)
    except RuntimeError:
        return None


def _bound(flops: float, size: float, ceilings: Ceilings) -> Bound:
    seconds = max(flops / (ceilings.compute * 1e9), size / (ceilings.copy * 1e9))
    return Bound(flops, size, seconds)


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
