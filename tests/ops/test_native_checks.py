"""Direct calls of `torch.ops.ariigcn.*` that do not fit raise; they read no other memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph, Sequences, speaker_numbers, speaker_threads
from ariigcn_dgl.graph.plan import pack, unpack
from tests.native_calls import CALLS, GRAPH, OPS, E, N, P

# Whose size decides others, or is anyone's.
FREE = {
    ("segment_spmm", "feat"),  # its width
    ("relational_attention", "rel_weight"),  # its width
    ("relational_sum", "rel_weight"),  # its width
    ("pairwise_contrast", "z"),  # its width
    ("pairwise_contrast_backward", "z"),
    ("contrast_loss", "feat"),
    ("segment_spmm transposed", "feat"),
    ("counting_sort", "keys"),
    ("dropout", "x"),
    ("pack_matrix", "matrix"),
    ("add_packed_product", "out"),  # columns of the padding
}
TENSORS = [
    (name, argument)
    for name, (_, arguments) in CALLS.items()
    for argument, value in arguments.items()
    if isinstance(value, Tensor)
]


def refused(name: str, argument: str, value: object) -> None:
    call, arguments = CALLS[name]
    with pytest.raises(RuntimeError, match=rf"\b{name.split()[0]}: "):
        call(*(arguments | {argument: value}).values())


@pytest.mark.parametrize("name", CALLS)
def test_what_fits_is_computed(name: str) -> None:
    call, arguments = CALLS[name]
    call(*arguments.values())


@pytest.mark.parametrize(("name", "argument"), TENSORS)
def test_another_dtype_is_refused(name: str, argument: str) -> None:
    given = CALLS[name][1][argument]
    refused(
        name, argument, given.to(torch.int16 if not given.is_floating_point() else torch.cfloat)
    )


@pytest.mark.parametrize(("name", "argument"), [x for x in TENSORS if x != ("dropout", "x")])
def test_another_number_of_dimensions_is_refused(name: str, argument: str) -> None:
    refused(name, argument, CALLS[name][1][argument].unsqueeze(0))


@pytest.mark.parametrize(
    ("name", "argument"),
    [(n, a) for n, a in TENSORS if CALLS[n][1][a].dim() > 0 and (n, a) not in FREE],
)
def test_a_shorter_tensor_is_refused(name: str, argument: str) -> None:
    given = CALLS[name][1][argument]
    refused(name, argument, given[..., :-1].contiguous())


@pytest.mark.parametrize(
    ("name", "argument"), [(n, a) for n, a in TENSORS if CALLS[n][1][a].dim() > 0]
)
def test_equal_values_in_another_layout_are_refused(name: str, argument: str) -> None:
    given = CALLS[name][1][argument]
    strided = torch.stack([given, given], dim=-1)[..., 0]
    assert torch.equal(strided, given)
    refused(name, argument, strided)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (n, a)
        for n, a in TENSORS
        if not CALLS[n][1][a].is_floating_point()
        and (a not in ("seed", "plan", "label", "modality", "utterance"))
        and (n, a) != ("number_speakers", "speakers")  # any names
    ],
)
@pytest.mark.parametrize("wrong", [-1, 2**40])
def test_an_index_that_leads_nowhere_is_refused(name: str, argument: str, wrong: int) -> None:
    changed = CALLS[name][1][argument].clone()
    changed[len(changed) // 2] = wrong
    refused(name, argument, changed)


# What the CPU's kernels read of a plan; the others are for CUDA, where nobody waits for values.
READ = {
    "segment_spmm": ("seg_ptr", "indices"),
    "segment_spmm transposed": ("t_indptr", "t_eids", "edge_seg"),
    "segment_sddmm": ("seg_ptr", "indices"),
    "relational_attention": (
        *("indptr", "indices", "seg_ptr", "seg_dst", "seg_rel", "edge_seg"),
        *("t_indptr", "t_eids", "components"),
    ),
}


def with_array(name: str, array: Tensor) -> Tensor:
    return pack(unpack(GRAPH.plan, GRAPH.sizes) | {name: array})


@pytest.mark.parametrize(("name", "array"), [(n, a) for n, arrays in READ.items() for a in arrays])
@pytest.mark.parametrize("wrong", [-1, 2**30])
def test_a_plan_that_leads_nowhere_is_refused(name: str, array: str, wrong: int) -> None:
    changed = getattr(GRAPH, array).clone()
    changed[len(changed) // 2] = wrong
    refused(name, "plan", with_array(array, changed))


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    "change",
    [
        {"num_edges": E + 1},
        {"num_dst": -1},
        {"num_rels": 0},
        {"num_rels": 2**20 + 1},
        {"num_src": 2**31},
        {"num_dst": N - 1, "num_segments": P + 1},
    ],
    ids=str,
)
def test_sizes_that_are_not_the_plans_are_refused(name: str, change: dict[str, int]) -> None:
    refused(name, "sizes", GRAPH.sizes._replace(**change))


@pytest.mark.parametrize("name", READ)
def test_too_few_sizes_are_refused(name: str) -> None:
    refused(name, "sizes", GRAPH.sizes[:-1])


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("relational_attention", "activation", 4),
        ("relational_attention", "activation", -1),
        ("relational_attention", "dropout", 1.0),
        ("relational_attention", "dropout", float("nan")),
        ("relational_attention", "fp32_precision", 3),
        ("pairwise_contrast", "fp32_precision", 3),
        ("contrast_loss", "fp32_precision", -1),
        ("pairwise_contrast", "temperature", 0.0),
        ("pairwise_contrast", "temperature", float("nan")),
        ("pairwise_contrast", "margin", float("nan")),
        ("pairwise_contrast", "positives", 3),  # one of the negatives
        ("pairwise_contrast", "negatives", 256),
        ("contrast_loss", "form", 3),
        ("contrast_loss", "margin_mode", -1),
        ("dropout", "p", 2.0),
        ("dropout", "p", float("nan")),
        ("csr_plan", "num_src", -1),
        ("csr_plan", "num_src", 3),
        ("csr_plan", "num_rels", 4),
        ("csr_plan", "num_rels", 2**20 + 1),
        ("edge_plan", "num_src", -1),
        ("edge_plan", "num_dst", 2**31),
        ("edge_plan", "num_rels", 2**20 + 1),
        ("counting_sort", "num_keys", -1),
        ("counting_sort", "num_keys", 2),
        ("window_graph", "past", -1),
        ("window_graph", "future", 2**62),
        ("window_graph", "num_speakers", 1),
        ("window_graph", "num_speakers", 2**62),
    ],
)
def test_a_number_out_of_range_is_refused(name: str, argument: str, value: float) -> None:
    refused(name, argument, value)


@pytest.mark.parametrize("name", ["csr_plan", "edge_plan"])
def test_a_graph_without_edges_needs_a_relation_too(name: str) -> None:
    call, arguments = CALLS[name]
    tensors = {k: x[:0] for k, x in arguments.items() if isinstance(x, Tensor)}
    if name == "csr_plan":
        tensors["indptr"] = torch.zeros(N + 1, dtype=torch.int64)
    with pytest.raises(RuntimeError, match=rf"{name}: num_rels must lie in \[1, 2\^20\]"):
        call(**(arguments | tensors | {"num_rels": 0}))


# Kernels number rows and columns with 32 bits; nothing of such a size is read, or has memory.
@pytest.mark.parametrize(
    ("name", "argument", "dim", "message"),
    [
        ("pairwise_contrast", "z", 1, "rows in a group"),
        ("contrast_loss", "feat", 2, "elements in a row"),
        ("relational_attention", "src_feat", 2, "features"),
        ("relational_attention", "weight_dst", 2, "features"),
        ("relational_attention", "rel_weight", 3, "features"),
    ],
)
def test_more_than_kernels_can_number_is_refused(
    name: str, argument: str, dim: int, message: str
) -> None:
    call, arguments = CALLS[name]
    shape = list(arguments[argument].shape)
    shape[dim] = 2**31
    with pytest.raises(RuntimeError, match=rf"\b{name}: more than 2147479551 .*{message}"):
        call(*(arguments | {argument: torch.empty(1).expand(shape)}).values())


def test_swapped_segments_are_refused() -> None:
    order = GRAPH.edge_seg.flip(0).contiguous()
    refused("relational_attention", "plan", with_array("edge_seg", order))


def test_a_transpose_of_another_graph_is_refused() -> None:
    refused("relational_attention", "plan", with_array("t_eids", GRAPH.t_eids.flip(0)))


def test_an_edge_between_components_is_refused() -> None:
    refused("relational_attention", "plan", with_array("components", torch.tensor([0, 1, N])))


@pytest.mark.parametrize("lengths", [[3, 5], [-1, 8], [2**62, 2**62], [8], []])
@pytest.mark.parametrize("function", [speaker_threads, speaker_numbers, Sequences.of_threads])
def test_lengths_that_do_not_add_up_are_refused(function: Callable, lengths: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^lengths "):
        function(torch.arange(7), torch.tensor(lengths, dtype=torch.int64))


def test_the_message_names_operator_argument_and_bound() -> None:
    with pytest.raises(RuntimeError, match=r"counting_sort: keys must lie in \[0, 2\)"):
        OPS.counting_sort(torch.tensor([2]), 2)


@pytest.mark.parametrize(
    "name", ["csr_plan", "edge_plan", "counting_sort", "number_speakers", "window_graph"]
)
def test_builders_of_graphs_keep_what_torch_asks_of_operators(name: str) -> None:
    call, arguments = CALLS[name]
    torch.library.opcheck(call.default, tuple(arguments.values()))


def test_a_component_without_nodes_is_refused() -> None:
    none = Graph.from_csr(torch.tensor([0]), torch.tensor([], dtype=torch.int64), num_rels=5)
    call, arguments = CALLS["relational_attention"]
    rows = {name: arguments[name][:, :0] for name in ("dst_feat", "src_feat")}
    plan = {
        "plan": torch.cat([none.plan, none.plan[:1]]),
        "sizes": none.sizes._replace(num_components=1),
        "edge_weight": None,
    }
    with pytest.raises(RuntimeError, match="relational_attention: a component is empty"):
        call(*(arguments | rows | plan).values())
