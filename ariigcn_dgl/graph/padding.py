"""A graph with nodes, edges and segments added that change nothing, up to given numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.graph.graph import Graph
from ariigcn_dgl.graph.plan import csr_plan


def padded_graph(graph: Graph, nodes: int, edges: int, segments: int) -> Graph:
    """Return the graph with nodes added that no edge joins with the others.

    The new nodes come last. Each has edges from itself alone, spread evenly over the nodes and
    relations, so that graphs of different batches get tensors of one shape.

    Parameters
    ----------
    graph : Graph
        On the CPU, square, with exactly one self edge at each node.
    nodes, edges, segments : int
        Numbers of the result, N', E' and P'. Of n new nodes each needs a segment and has at most
        one for each relation, and each segment needs an edge.

    Raises
    ------
    ValueError
        If the numbers cannot be reached.

    Examples
    --------
    >>> import torch
    >>> graph = Graph.from_dialogues(torch.tensor([2]), torch.tensor([0, 1]))
    >>> graph.num_dst, graph.num_edges, graph.num_segments
    (2, 4, 4)
    >>> padded_graph(graph, nodes=4, edges=10, segments=7).indptr.tolist()
    [0, 2, 4, 7, 10]
    """
    new = nodes - graph.num_dst
    of_segments, of_edges = segments - graph.num_segments, edges - graph.num_edges
    if not 0 < new <= of_segments <= min(of_edges, new * graph.num_rels):
        raise ValueError(
            f"{new} new nodes cannot have {of_segments} segments and {of_edges} edges of "
            f"{graph.num_rels} relations"
        )
    counts, kinds = _shares(of_edges, new), _shares(of_segments, new)
    first = graph.num_edges + counts.cumsum(0) - counts
    # The edges of a node go through its relations in order, each as often as any other.
    node = torch.arange(new, device=counts.device).repeat_interleave(counts)
    turn = torch.arange(of_edges, device=node.device) - (first - graph.num_edges)[node]
    plan, sizes, facts = csr_plan(
        torch.cat([graph.indptr.long(), first[1:], first.new_tensor([edges])]),
        torch.cat([graph.src, graph.num_dst + node]),
        torch.cat([graph.etypes, turn * kinds[node] // counts[node]]),
        graph.num_rels,
        nodes,
        split=False,  # one range, however many components a batch has
    )
    facts = facts._replace(one_self_edge=True, in_order=True)
    return Graph(torch.arange(edges, device=plan.device), plan, sizes, facts)


def _shares(total: int, nodes: int) -> Tensor:
    """Return how many each of the nodes gets of `total`, which are as even as can be."""
    return total // nodes + (torch.arange(nodes, device="cpu") < total % nodes).long()
