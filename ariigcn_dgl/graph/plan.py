"""The packed index structure that the kernels read, and what the host knows of it.

Made natively on the CPU, by torch's operators elsewhere: edges that are on a GPU are sorted and
described there. To the host come numbers that decide shapes, and whether the edges are valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.graph.checks import check_range

# The arrays in the order of the buffer, as `GraphArrays` in csrc/graph_plan.h.
FIELDS = ("indptr", "indices", "seg_ptr", "seg_dst", "seg_rel", "edge_seg", "t_indptr", "t_eids",
          "rel_ptr", "seg_order", "dst_order", "components")  # fmt: skip


class Sizes(NamedTuple):
    """The numbers that decide where each array of a packed plan lies."""

    num_dst: int
    num_src: int
    num_edges: int
    num_segments: int
    num_rels: int
    num_components: int

    def lengths(self) -> list[int]:
        """Return the length of each of `FIELDS`."""
        nodes, sources, edges, segments, rels, components = self
        return [nodes + 1, edges, segments + 1, segments, segments, edges, sources + 1, edges,
                rels + 1, segments, nodes, components + 1]  # fmt: skip


class Facts(NamedTuple):
    """What is asked of a graph's values: known to the host, so that nobody waits for a device.

    Parameters
    ----------
    first_without_in_edges : int or None
        The first target that no edge leads to; None where all have in-edges.
    one_self_edge : bool
        Whether sources are targets and each has exactly one edge from itself.
    rel_counts : tuple of int, or None
        Segments of each relation. None where graphs of one shape share a recorded step.
    in_order : bool
        Whether it is known that edge ids count the edges as they are stored.
    """

    first_without_in_edges: int | None
    one_self_edge: bool
    rel_counts: tuple[int, ...] | None
    in_order: bool = False


Plan = tuple[Tensor, Sizes, Facts]


def csr_plan(
    indptr: Tensor, indices: Tensor, etypes: Tensor, num_rels: int, num_src: int, split: bool = True
) -> Plan:
    """Return the packed plan of a valid CSR of sorted relations, on its device.

    Parameters
    ----------
    indptr, indices, etypes : (N_dst + 1,), (E,), (E,) int64 tensors
        Bounds of each target's edges; source and relation of each edge.
    num_rels, num_src : int
        Numbers of relations and of sources.
    split : bool
        Whether to look for components; else all targets are one.
    """
    if indices.device.type != "cpu":
        return composed_csr_plan(indptr, indices, etypes, num_rels, num_src, split)
    plan, facts = torch.ops.ariigcn.csr_plan(indptr, indices, etypes, num_rels, num_src, split)
    return _native_plan(plan, facts, len(indptr) - 1, num_src, len(indices))


def _native_plan(plan: Tensor, facts: Tensor, num_dst: int, num_src: int, num_edges: int) -> Plan:
    segments, components, first, one_self_edge, *counts = facts.tolist()
    sizes = Sizes(num_dst, num_src, num_edges, segments, len(counts), components)
    return plan, sizes, Facts(None if first < 0 else first, bool(one_self_edge), tuple(counts))


def unpack(plan: Tensor, sizes: Sizes) -> dict[str, Tensor]:
    """Return the arrays of a packed plan, as views."""
    return dict(zip(FIELDS, plan.split(sizes.lengths()), strict=True))


def pack(arrays: Mapping[str, Tensor]) -> Tensor:
    """Return arrays, one for each of `FIELDS`, as a packed plan."""
    return torch.cat([arrays[name].to(torch.int32) for name in FIELDS])


def composed_csr_plan(
    indptr: Tensor, indices: Tensor, etypes: Tensor, num_rels: int, num_src: int, split: bool = True
) -> Plan:
    """Return what `csr_plan` does, by torch's operators on any device."""
    device, nodes, edges = indptr.device, len(indptr) - 1, len(indices)
    # With output_size: to find it out torch would wait for the device.
    dst = torch.arange(nodes, device=device).repeat_interleave(indptr.diff(), output_size=edges)
    begins = torch.ones(edges, dtype=torch.bool, device=device)
    begins[1:] = (dst.diff() != 0) | (etypes.diff() != 0)
    first = begins.nonzero().squeeze(1)
    t_indptr, t_eids = composed_counting_sort(indices, num_src)
    rel_ptr, seg_order = composed_counting_sort(etypes[first], num_rels)
    components = _components(indices, dst, nodes, split and nodes == num_src)
    arrays = {
        "indptr": indptr,
        "indices": indices,
        "seg_ptr": torch.cat([first, indptr[-1:]]),
        "seg_dst": dst[first],
        "seg_rel": etypes[first],
        "edge_seg": begins.cumsum(0) - 1,
        "t_indptr": t_indptr,
        "t_eids": t_eids,
        "rel_ptr": rel_ptr,
        "seg_order": seg_order,
        "dst_order": _target_order(indptr, etypes),
        "components": components,
    }
    sizes = Sizes(nodes, num_src, edges, len(first), num_rels, len(components) - 1)
    return pack(arrays), sizes, _facts(indptr, indices, dst, rel_ptr, nodes == num_src)


def _target_order(indptr: Tensor, etypes: Tensor) -> Tensor:
    """Return targets by their first relation and then their last: neighbours share weights."""
    first, last = indptr[:-1], indptr[1:]
    padded = torch.cat([etypes, etypes.new_zeros(1)])  # of which targets without edges read
    lowest = torch.where(first < last, padded[first], 0)
    highest = torch.where(first < last, padded[last - 1], 0)
    order = torch.argsort(highest, stable=True)
    return order[torch.argsort(lowest[order], stable=True)]


def _facts(indptr: Tensor, src: Tensor, dst: Tensor, rel_ptr: Tensor, square: bool) -> Facts:
    nodes = len(indptr) - 1
    of_self = torch.zeros(nodes, dtype=torch.int64, device=dst.device)
    of_self = of_self.index_add(0, dst, (src == dst).long())
    # One more, true in any case, so that argmax answers N where every target has edges.
    ends = torch.cat([indptr[1:] == indptr[:-1], indptr.new_ones(1).bool()])
    # In one tensor: the host waits for the device once.
    numbers = torch.cat([ends.int().argmax(0, True), (of_self == 1).all()[None], rel_ptr.diff()])
    first, one_self_edge, *counts = numbers.tolist()
    return Facts(first if first < nodes else None, square and bool(one_self_edge), tuple(counts))


def edge_plan(
    src: Tensor, dst: Tensor, etypes: Tensor, num_src: int, num_dst: int, num_rels: int
) -> tuple[Tensor, Plan]:
    """Return the order of edges by target, relation and source, and the packed plan of it.

    Parameters
    ----------
    src, dst, etypes : (E,) int64 tensors
        Source, target and relation of each edge; those alike stay in the order they have.
    num_src, num_dst, num_rels : int
        Their numbers.

    Raises
    ------
    ValueError
        If a node or relation is out of range.
    """
    # The last key counts most.
    keys = {"src": (src, num_src), "etypes": (etypes, num_rels), "dst": (dst, num_dst)}

    def check() -> None:
        for name, (values, size) in keys.items():
            check_range(name, values, size)

    if src.device.type == "cpu":
        try:
            made = torch.ops.ariigcn.edge_plan(src, dst, etypes, num_src, num_dst, num_rels)
        except RuntimeError:
            check()  # which says at what edge
            raise
        order, plan, facts = made
        return order, _native_plan(plan, facts, num_dst, num_src, len(src))
    check()
    indptr, order = sort_edges(keys)
    return order, composed_csr_plan(indptr, src[order], etypes[order], num_rels, num_src)


def sort_edges(keys: Mapping[str, tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """Return the order of edges by some keys, of which the last counts most.

    Parameters
    ----------
    keys : mapping of str to ((E,) int64 tensor, int)
        A key of each edge and the number of its values.

    Returns
    -------
    (V + 1,) and (E,) int64 tensors
        Where edges of each value of the last key begin, and the order.
    """
    (first, size), *others = keys.values()
    sort = composed_counting_sort
    if first.device.type == "cpu":
        sort = torch.ops.ariigcn.counting_sort
    begin, order = sort(first, size)
    for values, count in others:
        begin, place = sort(values[order], count)
        order = order[place]
    return begin, order


def composed_counting_sort(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return where each of `count` values begins in the stable order, and the order."""
    ordered, order = torch.sort(values, stable=True)
    bounds = torch.arange(count + 1, device=values.device)
    return torch.searchsorted(ordered, bounds), order


def _components(src: Tensor, dst: Tensor, nodes: int, split: bool) -> Tensor:
    """Return the boundaries between nodes that no edge crosses, 0 and N included."""
    if not split or nodes == 0:
        return torch.arange(2 if nodes else 1, device=src.device) * nodes
    change = torch.zeros(nodes + 1, dtype=torch.int64, device=src.device)
    one = torch.ones_like(src)
    change = change.index_add(0, torch.minimum(src, dst) + 1, one)
    change = change.index_add(0, torch.maximum(src, dst) + 1, -one)
    return (change.cumsum(0) == 0).nonzero().squeeze(1)


@torch.library.register_fake("ariigcn::csr_plan")
def _(indptr, indices, etypes, num_rels, num_src, split):
    size = torch.library.get_ctx().new_dynamic_size()
    return indices.new_empty(size, dtype=torch.int32), indices.new_empty(4 + num_rels)


@torch.library.register_fake("ariigcn::edge_plan")
def _(src, dst, etypes, num_src, num_dst, num_rels):
    size = torch.library.get_ctx().new_dynamic_size()
    plan = src.new_empty(size, dtype=torch.int32)
    return torch.empty_like(src), plan, src.new_empty(4 + num_rels)


@torch.library.register_fake("ariigcn::counting_sort")
def _(keys, num_keys):
    return keys.new_empty(num_keys + 1), torch.empty_like(keys)
