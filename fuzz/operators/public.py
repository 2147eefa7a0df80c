"""The public operators and constructors of graphs, on any graph."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ariigcn_dgl import ops
from ariigcn_dgl.graph import Graph, Sequences, speaker_numbers, speaker_threads
from fuzz.operators.tensors import INTS, misfit, other
from fuzz.target import Case, Target

CHECKS = (RuntimeError, TypeError, ValueError, IndexError, OverflowError, MemoryError)
SIZES = (0, 1, 2, 5, 9, 40)


class Public(Target):
    """`ariigcn_dgl.ops`, forward and backward, on graphs of any size."""

    name = "public-operators"
    refusals = CHECKS
    names_the_file = False

    def make(self, rng: random.Random) -> Case:
        """Choose an operator and a graph, and change up to three arguments, or the graph."""
        torch.manual_seed(rng.randrange(2**31))
        graph = _graph(rng)
        name, arguments, options = rng.choice(_CALLS)(rng, graph)
        done = []
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            place = rng.randrange(len(arguments))
            arguments[place], how = other(rng, arguments[place])
            done.append(f"argument {place} {how}")
        if isinstance(arguments[0], Graph) and rng.random() < 0.2:
            arguments[0], how = _broken(rng, arguments[0])
            done.append(f"graph: {how}")
        words = f"{name}: {', '.join(done) or 'as it should be'}"
        return Case(words, value=(getattr(ops, name), arguments, options))

    def run(self, case: Case, folder: Path) -> None:
        """Call it; ask for the gradients of all it may have."""
        function, arguments, options = case.value
        arguments = [_wanting(argument) for argument in arguments]
        out = function(*arguments, **options)
        outs = [one for one in (out if isinstance(out, tuple) else (out,)) if _has_gradient(one)]
        if outs:
            sum(one.sum() for one in outs).backward()


class Constructors(Target):
    """Constructors of `Graph` and `Sequences`: what they accept must be computable."""

    name = "graphs"
    refusals = CHECKS
    names_the_file = False

    def make(self, rng: random.Random) -> Case:
        """Choose a constructor, and change up to three arguments."""
        torch.manual_seed(rng.randrange(2**31))
        name, function, arguments = rng.choice(_CONSTRUCTORS)(rng)
        done = []
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            argument = rng.choice(list(arguments))
            arguments[argument], how = other(rng, arguments[argument])
            done.append(f"{argument} {how}")
        return Case(f"{name}: {', '.join(done) or 'as it should be'}", value=(function, arguments))

    def run(self, case: Case, folder: Path) -> None:
        """Build it, and use what was built."""
        function, arguments = case.value
        built = function(**arguments)
        if isinstance(built, Graph) and built.num_src < 10**6 and built.indptr.device.type == "cpu":
            feat = torch.ones(1, built.num_src, 2)
            ops.segment_spmm(built, torch.ones(1, built.num_edges), feat).sum()


def _broken(rng: random.Random, graph: Graph) -> tuple[Graph, str]:
    """Return a graph of which one array was written to, as Python allows."""
    name = rng.choice([f.name for f in dataclasses.fields(graph) if _is_indices(graph, f.name)])
    value, how = misfit(rng, getattr(graph, name))
    return dataclasses.replace(graph, **{name: value}), f"{name} {how}"


def _is_indices(graph: Graph, name: str) -> bool:
    return isinstance(getattr(graph, name), Tensor)


def _wanting(argument: Any) -> Any:
    if isinstance(argument, Tensor) and argument.is_floating_point() and argument.is_leaf:
        return argument.detach().requires_grad_()
    return argument


def _has_gradient(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and value.device.type == "cpu"


def _indices(count: int, end: int) -> Tensor:
    return torch.randint(0, max(end, 1), (count,))


def _graph(rng: random.Random) -> Graph:
    if rng.random() < 0.3:
        lengths = torch.tensor(
            [rng.randrange(6) for _ in range(rng.randrange(4))], dtype=torch.long
        )
        speakers = _indices(int(lengths.sum()), 3)
        relations = rng.choice(("speaker", "pairs"))
        return Graph.from_dialogues(lengths, speakers, past=2, relations=relations, num_speakers=3)
    num_src, num_dst = rng.choice(SIZES), rng.choice(SIZES)
    edges = rng.choice((0, 1, 5, 60)) if num_src and num_dst else 0
    return Graph.from_edges(
        _indices(edges, num_src),
        _indices(edges, num_dst),
        _indices(edges, 3),
        num_src=num_src,
        num_dst=num_dst,
        num_rels=3,
    )


def _values(rng: random.Random, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=rng.choice((torch.float32, torch.float32, torch.float64)))


Call = tuple[str, list[Any], dict[str, Any]]
GROUPS, HEADS = 2, 2


def _spmm(rng: random.Random, g: Graph) -> Call:
    weight, feat = torch.randn(GROUPS, g.num_edges), torch.randn(GROUPS, g.num_src, 3)
    return "segment_spmm", [g, weight, feat], {}


def _sum(rng: random.Random, g: Graph) -> Call:
    weight, feat = torch.randn(GROUPS, g.num_edges), torch.randn(GROUPS, g.num_src, 3)
    return "relational_sum", [g, weight, feat, torch.randn(GROUPS, g.num_rels, 3, 4)], {}


def _dot(rng: random.Random, g: Graph) -> Call:
    return (
        "dot_attention",
        [g, torch.randn(GROUPS, g.num_dst, 5), torch.randn(GROUPS, g.num_src, 5)],
        {},
    )


def _relational(rng: random.Random, g: Graph) -> Call:
    groups, width, score, out = GROUPS * HEADS, rng.choice((1, 8)), rng.choice((1, 16)), 4
    arguments = [
        g,
        torch.randn(GROUPS, g.num_src, width),
        torch.randn(groups, width, score),
        torch.randn(groups, width, score),
        torch.randn(groups, score),
        torch.randn(groups, g.num_rels, width, out),
    ]
    options = {"dst_feat": torch.randn(GROUPS, g.num_dst, width)}
    options["bias"] = rng.choice((None, torch.randn(groups, g.num_rels, score)))
    options["edge_weight"] = rng.choice((None, torch.randn(g.num_edges)))
    options["dropout"] = rng.choice((0.0, 0.5))
    chosen = rng.choice(list(options))
    if rng.random() < 0.3:
        options[chosen], _ = other(rng, options[chosen])
    return "relational_attention", arguments, options


def _contrast(rng: random.Random, g: Graph) -> Call:
    count = rng.choice((0, 1, 4, 130))
    z = torch.nn.functional.normalize(torch.randn(GROUPS, count, 6), dim=-1)
    ids = [torch.randint(-1, end, (GROUPS, count)) for end in (3, 2, 50)]
    rule = ops.PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    options = {"temperature": rng.choice((0.1, 0.0, float("nan"), 1e-300)), "margin": 1.0}
    return "pairwise_contrast", [z, *ids, rule], options


def _contrast_loss(rng: random.Random, g: Graph) -> Call:
    feat = torch.randn(GROUPS, rng.choice((0, 1, 4, 130)), 6)
    label, modality, utterance = (torch.randint(-1, end, feat.shape[:2]) for end in (3, 2, 50))
    rule = ops.PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    options = {
        "modality": rng.choice((None, modality)),
        "utterance": rng.choice((None, utterance)),
        "form": rng.choice(("ratio", "infonce", "supcon")),
        "margin_mode": rng.choice(("target", "hinge", "triplet", "off")),
        "temperature": rng.choice((0.1, 0.0, float("nan"), 1e-300)),
    }
    if rng.random() < 0.3:
        chosen = rng.choice(list(options))
        options[chosen], _ = other(rng, options[chosen])
    return "contrast_loss", [feat, label, rule], options


def _dropout(rng: random.Random, g: Graph) -> Call:
    return "dropout", [_values(rng, rng.choice(SIZES), 3), 0.5], {}


_CALLS = (_spmm, _sum, _dot, _relational, _contrast, _contrast_loss, _dropout)

Construction = tuple[str, Any, dict[str, Any]]


def _from_dialogues(rng: random.Random) -> Construction:
    lengths, speakers = _talk(rng)
    arguments = {"lengths": lengths, "speakers": speakers, "past": 2, "future": 1}
    arguments["num_speakers"] = 3
    arguments["relations"] = rng.choice(("speaker", "pairs", "none"))
    return "Graph.from_dialogues", Graph.from_dialogues, arguments


def _from_csr(rng: random.Random) -> Construction:
    indptr = torch.cat([torch.zeros(1, dtype=torch.long), _indices(rng.choice(SIZES), 4).cumsum(0)])
    edges = int(indptr[-1])
    arguments = {"indptr": indptr, "indices": _indices(edges, 9), "num_src": 9, "num_rels": 1}
    arguments["etypes"] = torch.zeros(edges, dtype=torch.long)
    return "Graph.from_csr", Graph.from_csr, arguments


def _from_edges(rng: random.Random) -> Construction:
    edges = rng.choice(SIZES)
    arguments = {name: _indices(edges, 5) for name in ("src", "dst")}
    arguments |= {"etypes": _indices(edges, 3), "num_src": 5, "num_dst": 5, "num_rels": 3}
    return "Graph.from_edges", Graph.from_edges, arguments


def _from_edge_index(rng: random.Random) -> Construction:
    edges = rng.choice(SIZES)
    arguments = {"edge_index": torch.stack([_indices(edges, 5), _indices(edges, 5)])}
    arguments |= {"edge_type": _indices(edges, 3), "num_rels": 3}
    arguments["num_nodes"] = rng.choice((5, (5, 5), (5, rng.choice(INTS))))
    return "Graph.from_edge_index", Graph.from_edge_index, arguments


def _threads(rng: random.Random) -> Construction:
    functions = (speaker_threads, speaker_numbers, Sequences.of_threads)
    function, (lengths, speakers) = rng.choice(functions), _talk(rng)
    return function.__qualname__, function, {"speakers": speakers, "lengths": lengths}


def _talk(rng: random.Random) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([rng.randrange(6) for _ in range(3)], dtype=torch.long)
    return lengths, _indices(int(lengths.sum()), 3)


_CONSTRUCTORS = (_from_dialogues, _from_csr, _from_edges, _from_edge_index, _threads)
