"""The relational attention's CUDA kernels, unchanged, built for the CPU and compared with torch.

This shows their logic, bounds and barriers on machines without a GPU;
tests/ops/test_relational_attention_cuda.py runs them on one.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import relational_attention_reference
from ariigcn_dgl.ops._precision import FP32_PRECISIONS
from ariigcn_dgl.ops.relational_attention import ACTIVATIONS
from tests.attention_inputs import (
    OPTIONAL,
    arguments,
    dialogues,
    edges,
    errors,
    hubs,
    weights_like,
)

pytestmark = pytest.mark.slow  # kernels are compiled for the emulator

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / "tests" / "emulator"
KERNELS = sorted((ROOT / "csrc" / "cuda" / "relational_attention").glob("*.cu"))
COMPILE = ["g++", "-std=c++20", f"-I{EMULATOR}", f"-I{ROOT / 'csrc'}"]
SOURCES = ["-x", "c++", EMULATOR / "relational.cpp", *KERNELS]
DTYPE_CODE = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
INPUTS = ("dst_feat", "feat", "weight_dst", "weight_src", "score", "bias", "edge_weight",
          "rel_weight")  # fmt: skip
GRADS = ("dst_feat", "feat", "weight_dst", "weight_src", "score", "rel_weight", "bias",
         "edge_weight")  # fmt: skip
ALL_BLOCKS = 2**32 - 1
EXACT = (torch.float32, torch.float64)
HALVES = (torch.float16, torch.bfloat16)
SEED = 7


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relational")
    subprocess.run([*COMPILE, "-O1", "-shared", "-fPIC", *SOURCES, "-o", folder / "lib.so"],
                   check=True)  # fmt: skip
    return ctypes.CDLL(folder / "lib.so")


def nan(*size: int, dtype: torch.dtype) -> Tensor:
    return torch.full(size, torch.nan, dtype=dtype)


def pointer(tensor: Tensor | None) -> int | None:
    assert tensor is None or tensor.is_contiguous()
    return None if tensor is None or tensor.numel() == 0 else tensor.data_ptr()


def int64s(*values: int) -> ctypes.Array:
    return (ctypes.c_int64 * len(values))(*values)


def pointers(*tensors: Tensor | None) -> ctypes.Array:
    return (ctypes.c_void_p * len(tensors))(*map(pointer, tensors))


class Emulated:
    """Calls the launchers with tensors; everything they shall write starts as NaN."""

    def __init__(self, library: ctypes.CDLL, graph: Graph, inputs: dict, options: dict):
        self.library, self.graph, self.inputs, self.options = library, graph, inputs, options
        self.feat, self.rel_weight = inputs["feat"], inputs["rel_weight"]
        attn, groups = inputs["score"].size(1), len(self.rel_weight)
        pitch, out_feats = -(-attn // 16) * 16, self.rel_weight.size(3)
        self.sizes = int64s(
            *graph.sizes,
            *(len(self.feat), groups // len(self.feat), self.feat.size(2), attn, pitch, out_feats),
            ACTIVATIONS.index(options.get("activation", "leaky_relu")),
            *(options.get(k, default) for k, default in (("normalise", True), ("gelu", False))),
            options.get("softmax") == "relation",
            FP32_PRECISIONS.index(options.get("fp32_precision", "tf32x3")),
            "dst_feat" not in inputs,
        )  # fmt: skip
        make = {"dtype": self.feat.dtype}
        self.out, self.alpha = (
            nan(groups, graph.num_dst, out_feats, **make), nan(groups, graph.num_edges, **make)
        )  # fmt: skip
        self.u, self.v = (nan(groups, n, pitch, **make) for n in (graph.num_dst, graph.num_src))
        self.gelu_grad = nan(*self.out.shape, **make) if options.get("gelu") else None
        self.dropout = options.get("dropout", 0.0)
        self.seed = torch.tensor(SEED) if self.dropout else None

    def _call(self, name: str, *more) -> None:
        dst_feat = self.inputs.get("dst_feat", self.feat)
        given = [dst_feat, *(self.inputs.get(k) for k in INPUTS[1:])]
        results = self.out, self.alpha, self.u, self.v, self.gelu_grad
        tensors = pointers(self.graph.plan, self.seed, *given, *results)
        numbers = (ctypes.c_double(x) for x in (self.options.get("negative_slope", 0.0),
                                                1 - self.dropout))  # fmt: skip
        code = DTYPE_CODE[self.feat.dtype]
        assert getattr(self.library, name)(code, self.sizes, tensors, *numbers, *more) == 0

    def forward(self) -> tuple[Tensor, Tensor]:
        self._call("relational_forward")
        return self.out, self.alpha

    def backward(self, grad_out: Tensor, grad_alpha: Tensor | None) -> dict[str, Tensor]:
        given = {k: self.inputs[k] for k in GRADS if k in self.inputs}
        grads = {k: nan(*x.shape, dtype=x.dtype) for k, x in given.items()}
        results = pointers(grad_out, grad_alpha, *(grads.get(k) for k in GRADS))
        self._call("relational_backward", results)
        return grads


def emulated(library, graph: Graph, inputs: dict[str, Tensor], **options) -> dict[str, Tensor]:
    """Return outputs and gradients, in float64, of the emulated kernels."""
    run = Emulated(library, graph, inputs, options)
    out, alpha = run.forward()
    grads = run.backward(weights_like(out), weights_like(alpha))
    return {k: x.double() for k, x in {"out": out, "alpha": alpha, **grads}.items()}


def reference(
    graph: Graph, inputs: dict[str, Tensor], dtype: torch.dtype = torch.float64, **options
) -> dict[str, Tensor]:
    """Return outputs and gradients of plain torch, computed with a type, in float64."""
    leaves = {k: x.to(dtype).detach().requires_grad_() for k, x in inputs.items()}
    out = relational_attention_reference(graph, **leaves, **options)
    grads = torch.autograd.grad(
        out, list(leaves.values()), [weights_like(x) for x in out], materialize_grads=True
    )
    results = zip(("out", "alpha", *leaves), (*out, *grads), strict=True)
    return {k: x.double() for k, x in results}


def check(library, graph: Graph, inputs: dict[str, Tensor], **options) -> None:
    tolerance = 1e-12 if inputs["feat"].dtype == torch.float64 else 3e-6
    ours = emulated(library, graph, inputs, **options)
    found = errors(ours, reference(graph, inputs, **options))
    assert {k: e for k, e in found.items() if not e < tolerance} == {}


GRAPHS = {
    "no nodes": edges(0, 0, 0),
    "no targets": edges(0, 3, 0),
    "no sources": edges(3, 0, 0),
    "no edges": edges(3, 3, 0),
    "isolated nodes": edges(9, 9, 5),
    "dialogues": dialogues([30, 1, 12], relations="pairs"),
    "sources that fit no window": edges(18, 200, 60),
    "a target of 600 double edges": edges(1, 20, 600, 3),
    "a target of 600 edges that fit no window": edges(1, 60, 600, 3),
}
SMALL = edges(20, 20, 60)
LARGE = edges(130, 20, 150, num_rels=2)  # more rows than a large tile has


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("optional", [(), OPTIONAL], ids=["plain", "all"])
def test_equals_the_reference_on_any_graph(library, graph, optional):
    inputs = arguments(graph, groups=(1, 2), optional=optional)
    check(library, graph, inputs, gelu=bool(optional))


# around vectors of 16 bytes, padded rows, tiles of 64 and chunks of 512 bytes
@pytest.mark.parametrize("widths", [(1, 1, 1), (17, 65, 33), (64, 16, 65), (130, 34, 1)], ids=str)
@pytest.mark.parametrize("dtype", EXACT, ids=str)
def test_equals_the_reference_around_tile_edges(library, widths, dtype):
    graph = edges(70, 5, 90, num_rels=2)
    check(library, graph, arguments(graph, widths, dtype=dtype), negative_slope=0.2)


SPARSE = edges(40, 30, 60, num_rels=30)  # so many relations that segments are multiplied


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("widths", [(17, 5, 33), (16, 16, 64)], ids=str)
def test_equals_the_reference_where_relations_are_many(library, widths, dtype, gelu):
    check(library, SPARSE, arguments(SPARSE, widths, (1, 2), dtype=dtype), gelu=gelu)


@pytest.mark.parametrize(("graph", "kernels"), [(SPARSE, 4), (LARGE, 3)], ids=["many", "few"])
def test_segments_are_multiplied_where_relations_are_many(library, graph, kernels):
    before = library.launch_count()
    Emulated(library, graph, arguments(graph), {}).forward()
    assert library.launch_count() - before == kernels


@pytest.fixture
def large_tiles(library):
    library.set_many_tiles(ctypes.c_int64(0))
    yield
    library.set_many_tiles(ctypes.c_int64(264))


@pytest.mark.parametrize("precision", FP32_PRECISIONS)
@pytest.mark.usefixtures("large_tiles")
def test_large_tiles_are_as_precise(library, precision):
    inputs = arguments(LARGE, (40, 72, 66), dtype=torch.float32)
    ours = emulated(library, LARGE, inputs, gelu=True, fp32_precision=precision)
    found = errors(ours, reference(LARGE, inputs, gelu=True))
    tolerance = 2e-3 if precision == "tf32" else 3e-6
    assert {k: e for k, e in found.items() if not e < tolerance} == {}


# what torch makes, what CUDA does, and one of which tf32 holds no bit that makes it none
@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FFFFFFF, 0x7F800001])
@pytest.mark.parametrize("precision", FP32_PRECISIONS)
def test_a_weight_that_is_no_number_is_seen_in_its_column(library, precision, bits):
    graph = dialogues([4])
    inputs = arguments(graph, (8, 8, 8), dtype=torch.float32)
    inputs["rel_weight"].view(torch.int32)[..., 2, 5] = bits
    out, _ = Emulated(library, graph, inputs, {"fp32_precision": precision}).forward()
    assert out[..., 5].isnan().all()
    assert out.isnan().sum() == out[..., 5].numel()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.usefixtures("large_tiles")
def test_large_tiles_of_halves_err_less_than_torch_computing_with_them(library, dtype):
    check_halves(library, LARGE, arguments(LARGE, (40, 72, 65), dtype=dtype))


@pytest.fixture
def hubs_of_40_edges(library):
    library.set_most_block_edges(40, 0)
    yield
    library.set_most_block_edges(1024, 4)


HUBS = {num_rels: hubs(30, 50, 1100, num_rels) for num_rels in (1, 2, 4)}


@pytest.mark.parametrize("softmax", ["all", "relation"])
@pytest.mark.parametrize("num_rels", [1, 4])
@pytest.mark.parametrize("optional", [(), OPTIONAL], ids=["plain", "all"])
@pytest.mark.usefixtures("hubs_of_40_edges")
def test_equals_the_reference_where_edges_of_hubs_are_shared_out(
    library, optional, num_rels, softmax
):
    graph = HUBS[num_rels]
    inputs = arguments(graph, (11, 18, 3), groups=(1, 2), optional=optional)
    check(library, graph, inputs, softmax=softmax, negative_slope=0.2)


@pytest.mark.parametrize("kind", ["relu", "tanh", "elu", "gelu"])
@pytest.mark.usefixtures("hubs_of_40_edges")
def test_equals_the_reference_with_any_activation_at_hubs(library, kind):
    activation, slope = KINDS[kind]
    inputs = arguments(HUBS[2], (140, 18, 3), optional=("bias",), dtype=torch.float32)
    check(library, HUBS[2], inputs, activation=activation, negative_slope=slope)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.usefixtures("hubs_of_40_edges")
def test_halves_at_hubs_err_less_than_torch_computing_with_them(library, dtype):
    check_halves(library, HUBS[2], arguments(HUBS[2], (33, 17, 8), dtype=dtype))


@pytest.mark.usefixtures("hubs_of_40_edges")
def test_dropout_at_hubs_is_the_cpus(library):
    inputs = arguments(HUBS[4])
    ours = emulated(library, HUBS[4], inputs, dropout=0.4, gelu=True)
    found = errors(ours, of_the_cpu(HUBS[4], inputs, dropout=0.4))
    assert {k: e for k, e in found.items() if not e < 1e-12} == {}


@pytest.mark.usefixtures("hubs_of_40_edges")
def test_the_number_of_blocks_changes_no_bit_of_hubs(library):
    inputs = arguments(HUBS[2], dtype=torch.float32)
    answers = []
    for blocks in (ALL_BLOCKS, 3):
        library.set_max_blocks(ctypes.c_uint32(blocks))
        answers.append(emulated(library, HUBS[2], inputs))
    library.set_max_blocks(ctypes.c_uint32(ALL_BLOCKS))
    assert all(answers[1][k].equal(x) for k, x in answers[0].items())


# Of 1100 edges a block of four targets has 147 on average: one of 700 is a hub, none of 40 is.
def test_equals_the_reference_where_only_some_blocks_have_hubs(library):
    library.set_most_block_edges(40, 4)
    check(library, HUBS[2], arguments(HUBS[2], (11, 18, 3)), gelu=True)
    library.set_most_block_edges(1024, 4)


@pytest.mark.usefixtures("hubs_of_40_edges")
def test_launches_of_a_layer_with_hubs(library):
    assert launches(library, HUBS[2], gelu=False) == (7, 20)


SLOPES = {"relu": ("leaky_relu", 0.0), "leaky_relu": ("leaky_relu", 0.2)}
KINDS = SLOPES | {name: (name, 0.0) for name in ACTIVATIONS[1:]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
def test_equals_the_reference_with_any_activation(library, kind, bias):
    activation, slope = KINDS[kind]
    inputs = arguments(SMALL, (3, 18, 4), optional=("bias",) if bias else ())
    check(library, SMALL, inputs, activation=activation, negative_slope=slope)


@pytest.mark.parametrize("num_rels", [1, 12])
@pytest.mark.parametrize("normalise", [False, True], ids=["sum", "mean"])
def test_equals_the_reference_with_any_relations(library, num_rels, normalise):
    graph = edges(20, 10, 60, num_rels)
    check(library, graph, arguments(graph, groups=(2, 2)), normalise=normalise)


@pytest.mark.parametrize("optional", [(), OPTIONAL], ids=["plain", "all"])
def test_equals_the_reference_within_relations(library, optional):
    graph = edges(20, 10, 90, 3)
    inputs = arguments(graph, groups=(2, 2), optional=optional)
    check(library, graph, inputs, softmax="relation", normalise=False)


# 4 targets and the 60 others of their windows are more rows than fit with all their columns
@pytest.mark.parametrize("optional", [(), ("bias",)], ids=["plain", "bias"])
def test_equals_the_reference_with_wide_windows(library, optional):
    graph = dialogues([70], 30, "pairs")
    check(library, graph, arguments(graph, (70, 66, 3), optional=optional))


def test_equals_the_reference_where_blocks_have_sixteen_rows(library):
    graph = dialogues([4100], 2)  # one with fewer than 4096 has blocks of 4
    check(library, graph, arguments(graph, (3, 2, 1), optional=()))


def test_chunks_of_rows_add_up(library):
    graph = edges(600, 8, 900, num_rels=3)  # more than two chunks of rows, and of segments
    check(library, graph, arguments(graph, (2, 3, 2), optional=("bias",)))


@pytest.mark.parametrize("kind", ["leaky_relu", "gelu"])
def test_single_precision_is_within_a_few_millionths(library, kind):
    activation, slope = KINDS[kind]
    inputs = arguments(SMALL, (36, 20, 12), (2, 1), dtype=torch.float32)
    check(library, SMALL, inputs, activation=activation, negative_slope=slope, gelu=True)


def test_floats_are_multiplied_as_tf32_where_that_is_allowed(library):
    inputs = arguments(SMALL, (36, 20, 12), dtype=torch.float32)
    options = {"activation": "tanh", "gelu": True}
    ours = emulated(library, SMALL, inputs, fp32_precision="tf32", **options)
    found = errors(ours, reference(SMALL, inputs, **options))
    assert all(error < 2e-3 for error in found.values()), found
    assert found["out"] > 1e-5  # else no tensor core was used


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("kind", ["leaky_relu", "tanh"])
def test_halves_err_less_than_torch_computing_with_them(library, dtype, kind):
    activation, slope = KINDS[kind]
    options = {"activation": activation, "negative_slope": slope, "gelu": True}
    check_halves(library, SMALL, arguments(SMALL, (33, 17, 65), (1, 2), dtype=dtype), **options)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_halves_of_many_relations_err_less_than_torch_computing_with_them(library, dtype):
    check_halves(library, SPARSE, arguments(SPARSE, (33, 17, 65), dtype=dtype), gelu=True)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.usefixtures("large_tiles")
def test_halves_in_large_tiles_err_less_than_torch_computing_with_them(library, dtype):
    check_halves(library, LARGE, arguments(LARGE, (40, 72, 66), dtype=dtype), gelu=True)


def check_halves(library, graph: Graph, inputs: dict[str, Tensor], **options) -> None:
    exact = reference(graph, inputs, **options)
    found = errors(emulated(library, graph, inputs, **options), exact)
    dtype = inputs["feat"].dtype
    naive = errors(reference(graph, inputs, dtype=dtype, **options), exact)
    allowed = {k: e + torch.finfo(dtype).eps for k, e in naive.items()}
    assert {k: (e, naive[k]) for k, e in found.items() if not e <= allowed[k]} == {}


# one vector for each of an edge's lanes, some of them left over, and several
@pytest.mark.parametrize("attn", [16, 72, 256])
@pytest.mark.parametrize("slope", [0.0, 0.2])
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.bfloat16, 5e-3), (torch.float16, 1e-3)])
def test_halves_are_close_to_double_precision(library, dtype, allowed, slope, attn):
    graph = dialogues([24], 5, "pairs")
    inputs = arguments(graph, (32, attn, 16), optional=("bias",) if slope else (), dtype=dtype)
    run = Emulated(library, graph, inputs, {"negative_slope": slope})
    ours = dict(zip(("out", "alpha"), (x.double() for x in run.forward()), strict=True))
    exact = reference(graph, inputs, negative_slope=slope)
    found = errors(ours, {k: exact[k] for k in ours})
    assert all(error < allowed for error in found.values()), found


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_rows_need_not_start_at_whole_vectors(library, dtype):
    inputs = arguments(SMALL, (16, 16, 16), optional=OPTIONAL, dtype=dtype)
    shifted = {k: shift(x) for k, x in inputs.items()}
    assert all(x.is_contiguous() and x.data_ptr() % 16 for x in shifted.values())
    ours, aligned = (emulated(library, SMALL, x, gelu=True) for x in (shifted, inputs))
    assert all(ours[k].equal(x) for k, x in aligned.items())


def shift(x: Tensor) -> Tensor:
    """Return a copy that starts one element after the beginning of its memory."""
    return torch.cat([x.flatten()[:1], x.flatten()])[1:].view(x.shape)


def test_dropout_is_the_cpus(library):
    inputs = arguments(SMALL, (3, 4, 5), (2, 2))
    ours = emulated(library, SMALL, inputs, dropout=0.4, gelu=True)
    found = errors(ours, of_the_cpu(SMALL, inputs, dropout=0.4))
    assert {k: e for k, e in found.items() if not e < 1e-12} == {}


def of_the_cpu(graph: Graph, inputs: dict[str, Tensor], dropout: float) -> dict[str, Tensor]:
    """Return what the CPU's kernel computes with the seed of the emulated one, and GELU."""
    leaves = {k: x.detach().requires_grad_() for k, x in inputs.items()}
    names = "dst_feat", "feat", "weight_dst", "weight_src", "score", "rel_weight", *OPTIONAL[1:]
    given = [leaves.get(k) for k in names]
    options = 0, 0.0, dropout, True, True, False, 0, True  # fp32_precision, keep
    out = torch.ops.ariigcn.relational_attention(
        *given, torch.tensor(SEED), graph.plan, graph.sizes, *options
    )[:2]
    grads = torch.autograd.grad(out, list(leaves.values()), [weights_like(x) for x in out])
    return dict(zip(("out", "alpha", *leaves), (*out, *grads), strict=True))


def test_the_gradient_of_the_output_alone(library):
    inputs = arguments(SMALL)
    run = Emulated(library, SMALL, inputs, {})
    run.forward()
    ours = run.backward(weights_like(run.out), None)
    leaves = {k: x.requires_grad_() for k, x in inputs.items()}
    out, _ = relational_attention_reference(SMALL, **leaves)
    exact = torch.autograd.grad(out, list(leaves.values()), weights_like(out))
    torch.testing.assert_close(tuple(ours.values()), exact)


def test_scores_beyond_exp(library):
    inputs = arguments(SMALL, dtype=torch.float32)
    inputs["score"] *= 1e4
    _, alpha = Emulated(library, SMALL, inputs, {}).forward()
    totals = torch.zeros(1, 20).index_add(1, SMALL.dst, alpha)
    torch.testing.assert_close(totals, (SMALL.indptr.diff() > 0).float()[None])


def test_the_number_of_blocks_changes_no_bit(library):
    graph = dialogues([40, 9], 3, "pairs")
    inputs = arguments(graph, (5, 3, 4), (1, 2), dtype=torch.float32)
    answers = []
    for blocks in (ALL_BLOCKS, 3):
        library.set_max_blocks(ctypes.c_uint32(blocks))
        answers.append(emulated(library, graph, inputs, gelu=True))
    library.set_max_blocks(ctypes.c_uint32(ALL_BLOCKS))
    assert all(answers[1][k].equal(x) for k, x in answers[0].items())


@pytest.mark.parametrize(("gelu", "kernels"), [(False, (3, 6)), (True, (3, 7))])
def test_launches_of_a_layer(library, gelu, kernels):
    assert launches(library, SMALL, gelu=gelu) == kernels


def launches(library, graph: Graph, **options) -> tuple[int, int]:
    """Return how many kernels forward and backward are."""
    run = Emulated(library, graph, arguments(graph), options)
    before = library.launch_count()
    run.forward()
    forward = library.launch_count() - before
    run.backward(weights_like(run.out), weights_like(run.alpha))
    return forward, library.launch_count() - before - forward


def check_program(folder: Path, sanitizers: str, arch: int) -> list[float]:
    """Build the check with sanitizers; return the mean sizes that it prints."""
    program = folder / "check"
    flags = ["-O0", "-g1", f"-fsanitize={sanitizers}", f"-DEMULATED_ARCH={arch}"]
    command = [*COMPILE, *flags, EMULATOR / "relational_check.cpp", *SOURCES, "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [float(number) for number in done.stdout.split()]


@pytest.mark.exhaustive
def test_no_two_threads_race_and_none_leaves_its_arrays(tmp_path):
    (tmp_path / "a").mkdir()
    with_tensor_cores = check_program(tmp_path, "thread", 800)
    without = check_program(tmp_path / "a", "address,undefined", 750)
    assert len(without) == 6 * 9
    assert without == pytest.approx(with_tensor_cores, rel=1e-2)
