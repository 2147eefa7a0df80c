"""What the fused relational attention promises: dropout, derivatives, threads, memory, refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl import _native
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import relational_attention
from ariigcn_dgl.ops.relational_attention import ACTIVATIONS

Inputs = dict[str, Tensor]


def dialogues(*lengths: int, reach: int = 10) -> Graph:
    speakers = torch.arange(sum(lengths)) // 2 % 2
    return Graph.from_dialogues(
        torch.tensor(lengths, dtype=torch.int64), speakers, past=reach, future=reach
    )


SMALL = dialogues(3, 1, 4)
SELF_EDGES = dialogues(*[1] * 5000)


def hubs() -> Graph:
    """Return a graph of which two nodes have more edges, in and out, than a task of others."""
    other = torch.arange(4200) % 150
    src = torch.cat([other, torch.full((4200,), 148), other[:300]])
    dst = torch.cat([torch.full((4200,), 3), other, other[:300].flip(0)])
    return Graph.from_edges(src, dst, torch.arange(len(src)) % 3, num_src=150, num_dst=150)


def arguments(
    graph: Graph, in_feats: int = 3, attn: int = 2, out_feats: int = 5, dtype=torch.float64
) -> Inputs:
    """Return tensors for 2 heads of one modality, without `dst_feat`."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "feat": (1, graph.num_src, in_feats),
        "weight_dst": (2, in_feats, attn),
        "weight_src": (2, in_feats, attn),
        "score": (2, attn),
        "rel_weight": (2, graph.num_rels, in_feats, out_feats),
        "bias": (2, graph.num_rels, attn),
        "edge_weight": (graph.num_edges,),
    }
    drawn = {k: torch.randn(s, generator=generator, dtype=torch.float64) for k, s in shapes.items()}
    scale = {k: in_feats**-0.5 for k in ("weight_dst", "weight_src", "rel_weight")}
    return {k: (x * scale.get(k, 1.0)).to(dtype).requires_grad_() for k, x in drawn.items()}


def results(function, graph: Graph, inputs: Inputs, **options) -> list[Tensor]:
    """Return output, attention and all gradients, of the same dropout at every call."""
    torch.manual_seed(0)
    out = function(graph, **inputs, **options)
    loss = sum((x * torch.linspace(-1, 1, x.size(-1)).to(x)).sum() for x in out)
    grads = torch.autograd.grad(loss, list(inputs.values()), materialize_grads=True)
    return [x.detach() for x in (*out, *grads)]


def self_attention(p: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return (2, N) results and their gradient by (1, N) sources where every edge gives 1."""
    torch.manual_seed(seed)
    nothing, weight = torch.zeros(2, 1, 1), torch.ones(2, SELF_EDGES.num_rels, 1, 1)
    feat = torch.ones(1, SELF_EDGES.num_src, 1, requires_grad=True)
    out, alpha = relational_attention(
        SELF_EDGES, feat, nothing, nothing, nothing[0].expand(2, 1), weight, dropout=p
    )
    assert alpha.eq(1).all()  # as it was before dropout
    return out.detach()[..., 0], torch.autograd.grad(out.sum(), feat)[0][..., 0]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_the_wanted_share_and_scales_the_rest_up(p: float):
    out, _ = self_attention(p)
    kept = out > 0
    torch.testing.assert_close(out[kept], torch.full_like(out[kept], 1 / (1 - p)))
    deviations = (kept.double().mean() - (1 - p)) / (p * (1 - p) / kept.numel()) ** 0.5
    assert abs(deviations) < 4


def test_dropout_keeps_the_same_edges_in_backward():
    out, grad = self_attention(0.4)
    torch.testing.assert_close(grad[0], out.sum(0))


def test_dropout_follows_torchs_seed():
    first, again, other = (self_attention(0.5, seed)[0] for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)


def test_groups_drop_different_edges():
    one, other = self_attention(0.5)[0]
    assert abs(((one - 1) * (other - 1)).mean()) < 4 / len(one) ** 0.5


def test_dropout_is_a_weight_of_zero_on_the_dropped_edges():
    graph, p = dialogues(30, 5), 0.4
    inputs = {k: x if k == "edge_weight" else x[:1] for k, x in arguments(graph).items()}
    inputs = {k: x.detach().requires_grad_() for k, x in inputs.items()}
    dropped = results(relational_attention, graph, inputs, dropout=p, gelu=True)
    scale = dropped[-1].ne(0) / (1 - p)  # by the gradient of the weights
    assert 0 < scale.count_nonzero() < graph.num_edges
    weighted = inputs | {"edge_weight": (inputs["edge_weight"] * scale).detach().requires_grad_()}
    plain = results(relational_attention, graph, weighted, gelu=True)
    plain[-1] *= scale
    torch.testing.assert_close(dropped, plain)


@pytest.mark.parametrize(
    ("activation", "dropout"), [*((name, 0.0) for name in ACTIVATIONS), ("leaky_relu", 0.4)]
)
def test_first_derivatives(activation: str, dropout: float):
    graph = dialogues(3, 1)
    inputs = arguments(graph, 2, 2, 2)
    inputs["dst_feat"] = inputs["feat"].detach().flip(1).requires_grad_()
    options = {"activation": activation, "dropout": dropout, "negative_slope": 0.2, "gelu": True}

    def function(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(3)
        return relational_attention(graph, **dict(zip(inputs, tensors, strict=True)), **options)

    u = inputs["dst_feat"] @ inputs["weight_dst"]
    v = inputs["feat"] @ inputs["weight_src"]
    kink = u[:, graph.dst] + v[:, graph.src] + inputs["bias"][:, graph.etypes]
    assert kink.abs().min() > 1e-4  # finite differences must not cross it
    assert torch.autograd.gradcheck(function, tuple(inputs.values()))


def raw_arguments(graph: Graph, keep: bool, dropout: float, optional: bool) -> tuple:
    feat, *tensors, bias, edge_weight = arguments(graph).values()
    dst_feat = feat.detach().clone().requires_grad_()
    given = (dst_feat, feat, *tensors, bias, edge_weight, torch.tensor(7))
    given = given if optional else (None, feat, *tensors, None, None, None)
    given = [x if keep or x is None else x.detach() for x in given]
    return (*given, graph.plan, graph.sizes, 0, 0.2, dropout, True, True, True, 0, keep)


@pytest.mark.parametrize(
    ("keep", "optional", "graph"),
    [(False, False, SMALL), (True, True, SMALL), (True, True, dialogues())],
    ids=["evaluation", "training", "empty"],
)
def test_follows_the_rules_for_operators(keep: bool, optional: bool, graph: Graph):
    raw = raw_arguments(graph, keep, 0.3 * optional, optional)
    torch.library.opcheck(torch.ops.ariigcn.relational_attention.default, raw)


def test_backward_follows_the_rules_for_operators():
    raw = raw_arguments(SMALL, True, 0.3, True)
    given = [x.detach() if isinstance(x, Tensor) else x for x in raw]
    out, alpha, *kept = torch.ops.ariigcn.relational_attention(*given)
    del given[-1]  # keep
    backward = torch.ops.ariigcn.relational_attention_backward.default
    gradients = torch.ones_like(out), torch.ones_like(alpha)
    torch.library.opcheck(backward, (*gradients, alpha, *kept, *given))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
def test_compiles_into_one_graph():
    inputs, options = arguments(SMALL), {"dropout": 0.4, "gelu": True}
    compiled = torch.compile(relational_attention, fullgraph=True, backend="aot_eager")
    eager = results(relational_attention, SMALL, inputs, **options)
    torch.testing.assert_close(results(compiled, SMALL, inputs, **options), eager)


def test_autocast_computes_in_single_precision():
    inputs = arguments(SMALL, dtype=torch.float32)
    plain = results(relational_attention, SMALL, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = results(relational_attention, SMALL, inputs)
    assert all(a.dtype == torch.float32 and a.equal(b) for a, b in zip(cast, plain, strict=True))


def test_autocast_takes_weights_of_another_dtype():
    inputs = arguments(SMALL, dtype=torch.float32)
    inputs["rel_weight"] = inputs["rel_weight"].detach().bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, *_, by_weight, _, _ = results(relational_attention, SMALL, inputs)
    single = inputs | {"rel_weight": inputs["rel_weight"].float()}
    assert out.equal(relational_attention(SMALL, **single)[0])
    assert by_weight.dtype == torch.bfloat16


def test_takes_strided_input():
    inputs = arguments(SMALL, 4, 4, 4)
    strided = {k: x.detach().mT.contiguous().mT if x.dim() > 1 else x for k, x in inputs.items()}
    assert not strided["feat"].is_contiguous()
    ours, plain = (relational_attention(SMALL, **x) for x in (strided, inputs))
    assert all(a.equal(b) for a, b in zip(ours, plain, strict=True))


def test_training_and_evaluation_give_the_same_bits():
    graph = dialogues(60, reach=5)
    inputs = arguments(graph, 33, 17, 65, torch.float32)
    training = relational_attention(graph, **inputs, gelu=True)
    with torch.no_grad():
        evaluation = relational_attention(graph, **inputs, gelu=True)
    assert all(a.equal(b) for a, b in zip(training, evaluation, strict=True))


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
@pytest.mark.parametrize(
    ("graph", "widths"),
    [
        (dialogues(300), (257, 33, 65)),
        (dialogues(*[90] * 25, reach=3), (9, 17, 5)),
        (hubs(), (9, 17, 5)),
        (hubs(), (2, 17, 65)),
    ],
    ids=["wide", "blocks", "hubs", "hubs, summed first"],
)
def test_the_number_of_threads_changes_no_bit(graph: Graph, widths: tuple, bias: bool):
    inputs = arguments(graph, *widths, torch.float32)
    inputs = {k: x for k, x in inputs.items() if bias or k != "bias"}
    before, answers = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        answers.append(results(relational_attention, graph, inputs, dropout=0.3, gelu=True))
    torch.set_num_threads(before)
    for answer in answers[1:]:
        assert all(a.equal(b) for a, b in zip(answers[0], answer, strict=True))


def test_hubs_are_summed_like_other_nodes():
    graph = hubs()
    inputs = arguments(graph)
    found, expected = (
        results(relational_attention, graph, inputs, impl=impl) for impl in ("native", "reference")
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


EVERY_INSTRUCTION_SET = """
import itertools, os, runpy, sys
import hypothesis, pytest
import ariigcn_dgl.ops  # once, as it takes seconds; the first call chooses the instruction set
from ariigcn_dgl import _native

def run(tests):
    for width, axis in itertools.product(tests["WIDTHS"], range(3)):
        tests["test_equals_the_reference_around_tile_edges"](width, axis)
    for heads, order in itertools.product((3, 17), tests["ORDERS"]):
        tests["test_any_number_of_heads_equals_the_reference"](heads, order)
    for kind in tests["KINDS"]:
        tests["test_single_precision_is_within_a_few_millionths"]((33, 65, 17), kind)

for capability in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        os.environ["ARIIGCN_CPU_CAPABILITY"] = capability
        run(runpy.run_path(sys.argv[1]))
        print(_native.cpu_capability(), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"failed with {capability}")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_every_instruction_set_equals_the_reference():
    tests = Path(__file__).with_name("test_relational_attention.py")
    best = _native.cpu_capability()  # which all other tests use
    lower = [name for name in ("avx2", "generic") if name != best]
    command = [sys.executable, "-c", EVERY_INSTRUCTION_SET, str(tests), *lower]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "generic" in done.stdout.split() or best == "generic"


def peak_growth(function: Callable[[], object]) -> float:
    """Return by how many MiB the process grows at most while `function` runs."""

    def read(name: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024

    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from now
    before = read("VmRSS")
    function()
    return read("VmHWM") - before


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="resets Linux's peak memory"
)
def test_no_tensor_of_edges_times_width_is_made():
    graph = dialogues(500, reach=500)
    inputs = arguments(graph, 64, 64, 64, torch.float32)
    one_group = graph.num_edges * 64 * 4 / 2**20  # 61 MiB
    watched = peak_growth(lambda: torch.ones(graph.num_edges, 64))
    assert watched > one_group / 2
    assert peak_growth(lambda: results(relational_attention, graph, inputs)) < one_group / 2


BAD = {
    "sources without features": ("feat", lambda x: x[..., :0]),
    "projections without features": ("weight_dst", lambda x: x[..., :0]),
    "integers": ("feat", lambda x: x.long()),
    "feat without modalities": ("feat", lambda x: x[0]),
    "a source too few": ("feat", lambda x: x[:, 1:]),
    "another dtype": ("score", lambda x: x.float()),
    "no groups": ("weight_dst", lambda x: x[0]),
    "weight_dst of another width": ("weight_dst", lambda x: x[:, 1:]),
    "weight_src of another width": ("weight_src", lambda x: x[..., 1:]),
    "weight_src of fewer groups": ("weight_src", lambda x: x[1:]),
    "score of another width": ("score", lambda x: x[:, 1:]),
    "score without groups": ("score", lambda x: x[0]),
    "matrices without groups": ("rel_weight", lambda x: x[0]),
    "a relation too few": ("rel_weight", lambda x: x[:, 1:]),
    "matrices of another width": ("rel_weight", lambda x: x[:, :, 1:]),
    "bias of a relation too few": ("bias", lambda x: x[:, 1:]),
    "bias of another width": ("bias", lambda x: x[..., 1:]),
    "edge weights of groups": ("edge_weight", lambda x: x[None]),
    "an edge weight too few": ("edge_weight", lambda x: x[1:]),
    "a target too few": ("dst_feat", lambda x: x[:, 1:]),
    "targets of another width": ("dst_feat", lambda x: x[..., 1:]),
    "another activation": ("activation", lambda x: "relu"),
    "everything is dropped": ("dropout", lambda x: 1.0),
    "a negative probability": ("dropout", lambda x: -0.1),
    "not a number": ("dropout", lambda x: float("nan")),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage = BAD[case]
    inputs = arguments(SMALL)
    inputs |= {"dst_feat": inputs["feat"], "activation": "tanh", "dropout": 0.1}
    with pytest.raises(ValueError, match=f"^{name} must"):
        relational_attention(SMALL, **inputs | {name: damage(inputs[name])})


@pytest.mark.parametrize("modalities", [0, 3])
def test_groups_must_be_heads_of_the_modalities(modalities: int):
    inputs = arguments(SMALL)
    inputs["feat"] = inputs["feat"][0].expand(modalities, -1, -1)
    with pytest.raises(ValueError, match=f"^weight_dst must .* {modalities} modalities .* got 2"):
        relational_attention(SMALL, **inputs)


def test_targets_are_needed_where_they_are_not_the_sources():
    graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    with pytest.raises(ValueError, match=r"^dst_feat is needed where sources \(2\) and targets"):
        relational_attention(graph, **arguments(graph))
