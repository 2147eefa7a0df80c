"""What a benchmark found, and its JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json, write_json

FORMAT = 1
OURS = "ours"
Pass = Literal["forward", "forward+backward", "step"]
PASSES: tuple[Pass, ...] = (
    "forward",
    "forward+backward",
)  # of an operator; a step has one of its own
# equal: agrees with float64; other formula: nothing to compare with; wrong: disagrees, not timed;
# not run: the reason says why; failed: raised an exception.
Status = Literal["equal", "other formula", "wrong", "not run", "failed"]


@dataclass(frozen=True)
class Timing:
    """Wall seconds of the interleaved calls, and bytes above what was live before a call.

    On a GPU these are the host's time as well; `replay` is the median of replays as a CUDA graph,
    without it. Where there is none although there could be, `unreplayed` says why.
    """

    minimum: float
    median: float
    calls: int
    extra_bytes: int | None  # None where the system does not tell
    replay: float | None = None
    unreplayed: str = ""

    @property
    def seconds(self) -> float:
        """The replay where there is one, else the best call."""
        return self.minimum if self.replay is None else self.replay

    def times(self, other: Timing) -> float:
        """Return how many times as long the other takes: replays, or else calls, of both."""
        if self.replay is None or other.replay is None:
            return other.minimum / self.minimum
        return other.replay / self.replay


@dataclass(frozen=True)
class PeerRecord:
    """One implementation in one case.

    `error` is the largest error of a row of the output or a gradient against float64, relative to
    the largest row of each; `compile_seconds` is the first call of a compiled peer; `passes` is
    empty if not timed.
    """

    key: str
    title: str
    status: Status
    reason: str = ""
    error: float | None = None
    compile_seconds: float | None = None
    passes: Mapping[str, Timing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "passes", dict(self.passes))


@dataclass(frozen=True)
class Bound:
    """Work that no implementation can avoid, and the time it takes at the machine's ceilings."""

    flops: float
    bytes: float
    seconds: float


@dataclass(frozen=True)
class CaseRecord:
    """One operator at one shape, dtype and number of threads, with all peers."""

    operator: str
    shape: str
    device: str
    dtype: str
    threads: int
    sizes: Mapping[str, int]
    tolerance: float
    bounds: Mapping[str, Bound]
    peers: tuple[PeerRecord, ...]

    def peer(self, key: str) -> PeerRecord | None:
        """Return a peer's record, None if it was not asked for."""
        return next((peer for peer in self.peers if peer.key == key), None)

    def over_ours(self, peer: PeerRecord, name: str) -> float | None:
        """Return how many times longer than ours a peer takes."""
        ours = self.peer(OURS)
        if ours is None or name not in ours.passes or name not in peer.passes:
            return None
        return ours.passes[name].times(peer.passes[name])

    def over_bound(self, peer: PeerRecord, name: str) -> float | None:
        """Return how many times the bound a peer takes."""
        if name not in peer.passes or name not in self.bounds:
            return None
        return peer.passes[name].seconds / self.bounds[name].seconds


@dataclass(frozen=True)
class Ceilings:
    """What the machine can do in one dtype with so many threads, measured in the same run.

    Rates are GFLOP/s and GB/s (read + write). `fma` is None where it cannot be measured: on a GPU.
    """

    threads: int
    dtype: str
    fma: float | None
    gemm: float
    copy: float

    @property
    def compute(self) -> float:
        """GFLOP/s that bounds are made with: the larger of the two peaks."""
        return max(self.fma or 0.0, self.gemm)


@dataclass(frozen=True)
class Report:
    """A whole run."""

    date: str
    seconds: float
    options: Mapping[str, Any]
    machine: Mapping[str, str]
    ceilings: tuple[Ceilings, ...]
    cases: tuple[CaseRecord, ...]

    def write(self, path: str | Path) -> None:
        """Write the report as JSON.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        write_json(path, {"format": FORMAT} | asdict(self))

    @classmethod
    def read(cls, path: str | Path) -> Report:
        """Read a report.

        Raises
        ------
        InputError
            If the file is missing, or no report of this format.
        """
        content = read_json(path, keys=["format", *(one.name for one in fields(cls))])
        found = content.pop("format")
        if found != FORMAT:
            raise InputError(f"{path}: has format {found}, expected {FORMAT}: run it again")
        try:
            content["ceilings"] = tuple(Ceilings(**one) for one in content["ceilings"])
            content["cases"] = tuple(_case(one) for one in content["cases"])
            return cls(**content)
        except (TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: not a result of ariigcn benchmark: {error}") from error


def _case(content: dict[str, Any]) -> CaseRecord:
    bounds = {name: Bound(**bound) for name, bound in content["bounds"].items()}
    peers = tuple(
        PeerRecord(
            **peer | {"passes": {name: Timing(**one) for name, one in peer["passes"].items()}}
        )
        for peer in content["peers"]
    )
    return CaseRecord(**content | {"bounds": bounds, "peers": peers})
