"""What to benchmark: the default grid, the quick one, and what options make of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from ariigcn_dgl.benchmark.attention import AttentionProblem
from ariigcn_dgl.benchmark.contrast import ContrastProblem
from ariigcn_dgl.benchmark.dialogues import SHAPES, num_speakers
from ariigcn_dgl.benchmark.measure import Clock
from ariigcn_dgl.benchmark.plan import PlanProblem
from ariigcn_dgl.benchmark.problem import Peer, Problem
from ariigcn_dgl.benchmark.record import OURS, PASSES, Pass
from ariigcn_dgl.benchmark.step import SHAPES as STEP_SHAPES
from ariigcn_dgl.benchmark.step import StepProblem
from ariigcn_dgl.errors import InputError

Operator = Literal["attention", "contrast", "plan", "step"]
Shape = Literal["meld", "iemocap", "long"]
DType = Literal["float32", "float64", "bfloat16", "float16"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

# (shape, D, R); every option that narrows these replaces them by the product of what is asked for.
ATTENTION = (
    ("meld", 256, 8),
    ("meld", 256, 162),
    ("iemocap", 100, 8),
    ("iemocap", 256, 8),
    ("iemocap", 256, 18),
    ("iemocap", 512, 8),
    ("long", 100, 8),
    ("long", 256, 8),
)
SIZES = (320, 1600, 8192)
# Compiling takes most of a minute each time, so the default grid does it here only.
COMPILED = (
    AttentionProblem("meld", 256, 8),
    AttentionProblem("iemocap", 256, 8),
    ContrastProblem(1600, "infonce"),
    ContrastProblem(8192, "infonce"),
)
# What the default grid measures on 100,000 nodes, where one call takes many seconds.
LONG: dict[Problem, tuple[str, ...]] = {
    AttentionProblem("long", 100, 8): (OURS, "dgl", "dgl-hetero", "torch-split", "pyg"),
    AttentionProblem("long", 256, 8): (OURS, "dgl", "dgl-hetero"),
}
QUICK_ATTENTION = (("meld", 100, 8), ("iemocap", 256, 8))
QUICK_SIZES = (320, 1600)
QUICK_PEERS = (
    *(OURS, "dgl", "torch-split", "dense", "pyg", "dgl-gatv2conv"),
    *("eager", "pml", "python", "dgl-hetero", "torch", "native"),
)
# Ceilings of libraries and kernels of others, on GPUs; elsewhere they would only take time, and
# `flex` has no gradient.
ON_GPUS = ("split-compiled", "flex", "products", "sdpa", "inf-cl", "liger")
DEFAULT_DIM, DEFAULT_RELATIONS = 256, 8


@dataclass(frozen=True)
class Options:
    """What to measure and how long; None is the default (or quick) grid."""

    operators: Sequence[Operator] = OPERATORS
    shapes: Sequence[Shape] | None = None
    dims: Sequence[int] | None = None
    relations: Sequence[int] | None = None
    sizes: Sequence[int] | None = None
    dtypes: Sequence[DType] = ("float32",)
    threads: Sequence[int] = (1,)
    passes: Sequence[Pass] = PASSES
    peers: Sequence[str] | None = None
    device: str = "cpu"
    seconds: float = 0.5
    patience: float = 5.0
    clock: Clock = "wall"
    quick: bool = False
    budget: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("dims", "sizes", "threads"):
            for value in getattr(self, name) or ():
                if value < 1:
                    raise InputError(f"--{name} {value}: expected at least 1")
        for value in self.relations or ():
            num_speakers(value)
        if self.clock == "cpu" and (self.device != "cpu" or max(self.threads) > 1):
            raise InputError("--clock cpu: adds up the time of all threads: only with --threads 1")
        for name in ("seconds", "budget", "seed"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InputError(f"--{name} {value}: expected at least 0")
        if not self.problems():
            shapes = " ".join(self.shapes or ())
            raise InputError(f"--shapes {shapes}: step has {', '.join(STEP_SHAPES)}")
        known = {peer.key for problem in self.problems() for peer in problem.peers()}
        for key in self.peers or ():
            if key not in known:
                raise InputError(f"--peers {key}: expected some of {', '.join(sorted(known))}")

    def problems(self) -> list[Problem]:
        """Return the problems in the order of operators."""
        makers = {
            "attention": self._attention,
            "contrast": self._contrast,
            "plan": self._plan,
            "step": self._step,
        }
        return [
            problem for name in OPERATORS if name in self.operators for problem in makers[name]()
        ]

    def wanted(self, key: str) -> bool:
        """Return whether a peer is asked for; ours always is."""
        if self.peers is None:
            here = self.device != "cpu" or key not in ON_GPUS
            return here and (key in QUICK_PEERS or not self.quick)
        return key == OURS or key in self.peers

    def refusal(self, problem: Problem, peer: Peer) -> str:
        """Return why the default grid leaves out a peer that is wanted; "" if it does not."""
        if self.peers or self.shapes or self.dims or self.relations or self.sizes:
            return ""
        if peer.compiled and problem not in COMPILED:
            return f"compiles for long: name it with --peers {peer.key}"
        if peer.key not in LONG.get(problem, (peer.key,)):
            return f"takes long here: name it with --peers {peer.key}"
        return ""

    def _attention(self) -> Iterable[Problem]:
        grid: Iterable[tuple[str, int, int]] = QUICK_ATTENTION if self.quick else ATTENTION
        if self.shapes or self.dims or self.relations:
            shapes = self.shapes or (("meld",) if self.quick else SHAPES)
            dims = self.dims or (DEFAULT_DIM,)
            grid = product(shapes, dims, self.relations or (DEFAULT_RELATIONS,))
        return [AttentionProblem(*one) for one in grid]

    def _contrast(self) -> Iterable[Problem]:
        sizes = self.sizes or (QUICK_SIZES if self.quick else SIZES)
        return [ContrastProblem(size, form) for form in ("infonce", "supcon") for size in sizes]

    def _plan(self) -> Iterable[Problem]:
        return [PlanProblem(one) for one in self.shapes or (("meld",) if self.quick else SHAPES)]

    def _step(self) -> Iterable[Problem]:
        shapes = self.shapes or (("meld",) if self.quick else STEP_SHAPES)
        return [StepProblem(one) for one in shapes if one in STEP_SHAPES]
