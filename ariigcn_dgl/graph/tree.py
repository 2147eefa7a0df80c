"""A `Graph` as `torch.export` takes it: tensors, and constants that the program is made for."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils import _pytree

from ariigcn_dgl.graph.graph import Graph
from ariigcn_dgl.graph.plan import Facts, Sizes

Constants = tuple[Sizes, Facts]


def _flatten(graph: Graph) -> tuple[list[Tensor], Constants]:
    return [graph.eids, graph.plan], (graph.sizes, graph.facts)


def _flatten_with_keys(graph: Graph) -> tuple[list[tuple[Any, Tensor]], Constants]:
    tensors, constants = _flatten(graph)
    keys = [_pytree.GetAttrKey(name) for name in ("eids", "plan")]
    return list(zip(keys, tensors, strict=True)), constants


def _unflatten(tensors: Any, constants: Constants) -> Graph:
    (eids, plan), (sizes, facts) = tensors, constants
    return Graph(eids, plan, sizes, facts)


def _to_json(constants: Constants) -> Any:
    return [list(part) for part in constants]


def _from_json(constants: Any) -> Constants:
    sizes, (first, one_self_edge, counts, in_order) = constants
    counts = None if counts is None else tuple(counts)
    return Sizes(*sizes), Facts(first, one_self_edge, counts, in_order)


_pytree.register_pytree_node(
    Graph,
    _flatten,
    _unflatten,
    flatten_with_keys_fn=_flatten_with_keys,
    serialized_type_name="ariigcn_dgl.graph.Graph",
    to_dumpable_context=_to_json,
    from_dumpable_context=_from_json,
)
