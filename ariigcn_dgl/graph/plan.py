"""What is derived of a graph's edges: natively on the CPU, by torch's operators elsewhere.

Edges that are on a GPU are sorted and described there: to the host come the numbers of segments and
components, which decide shapes, and whether the edges are valid, but no edge.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)


def csr_plan(indptr: Tensor, indices: Tensor, etypes: Tensor, num_src: int) -> tuple[Tensor, ...]:
    """Return ``dst, seg_ptr, seg_dst, seg_rel, edge_seg, t_indptr, t_eids, components``.

    They are the fields of `Graph`, given a valid CSR of sorted relations, on its device.
    """
    if indices.device.type == "cpu":
        return torch.ops.ariigcn.csr_plan(indptr, indices, etypes, num_src)
    return composed_csr_plan(indptr, indices, etypes, num_src)


def composed_csr_plan(
    indptr: Tensor, indices: Tensor, etypes: Tensor, num_src: int
) -> tuple[Tensor, ...]:
    """Return what `csr_plan` does, by torch's operators on any device."""
    nodes, edges = len(indptr) - 1, len(indices)
    targets = torch.arange(nodes, device=indptr.device)
    dst = targets.repeat_interleave(indptr.diff(), output_size=edges)
    begins = torch.ones(edges, dtype=torch.bool, device=indptr.device)
    begins[1:] = (dst.diff() != 0) | (etypes.diff() != 0)
    first = begins.nonzero().squeeze(1)
    seg_ptr = torch.cat([first, indptr[-1:]])
    edge_seg = begins.cumsum(0) - 1
    t_indptr, t_eids = composed_counting_sort(indices, num_src)
    components = _components(indices, dst, nodes, nodes == num_src)
    return dst, seg_ptr, dst[first], etypes[first], edge_seg, t_indptr, t_eids, components


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
    sort = composed_counting_sort
    device = next(iter(keys.values()))[0].device
    if device.type == "cpu":
        sort = torch.ops.ariigcn.counting_sort
    order = None
    for values, count in keys.values():
        begin, place = sort(values if order is None else values[order], count)
        order = place if order is None else order[place]
    return begin, order


def composed_counting_sort(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return where each of `count` values begins in the stable order, and the order."""
    ordered, order = torch.sort(values, stable=True)
    bounds = torch.arange(count + 1, device=values.device)
    return torch.searchsorted(ordered, bounds), order


def _components(src: Tensor, dst: Tensor, nodes: int, square: bool) -> Tensor:
    """Return the boundaries between nodes that no edge crosses, 0 and N included."""
    if not square or nodes == 0:
        return torch.tensor([0, nodes] if nodes else [0], device=src.device)
    change = torch.zeros(nodes + 1, dtype=torch.int64, device=src.device)
    one = torch.ones_like(src)
    change = change.index_add(0, torch.minimum(src, dst) + 1, one)
    change = change.index_add(0, torch.maximum(src, dst) + 1, -one)
    return (change.cumsum(0) == 0).nonzero().squeeze(1)


@torch.library.register_fake("ariigcn::csr_plan")
def _(indptr, indices, etypes, num_src):
    context, edges = torch.library.get_ctx(), indices.size(0)
    segments, bounds = context.new_dynamic_size(), context.new_dynamic_size()
    sizes = (edges, segments + 1, segments, segments, edges, num_src + 1, edges, bounds)
    return tuple(indices.new_empty(size) for size in sizes)


@torch.library.register_fake("ariigcn::counting_sort")
def _(keys, num_keys):
    return keys.new_empty(num_keys + 1), torch.empty_like(keys)
