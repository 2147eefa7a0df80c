"""Edge attention: additive scores and a softmax over every target's in-edges (Eq. 8, 9)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.ops._checks import require_dim, require_floating, require_shape
from ariigcn_dgl.ops._second_derivative import differentiate_backward
from ariigcn_dgl.ops._transforms import is_transformed
from ariigcn_dgl.ops.edge_softmax import edge_softmax

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def edge_attention(
    graph: Graph, u: Tensor, v: Tensor, w: Tensor, *, negative_slope: float = 0.0
) -> Tensor:
    r"""Compute the attention of every edge (Eq. 8 and 9).

    .. math::
        e_{ij} = w^\top \mathrm{LeakyReLU}(u_i + v_j), \qquad
        \alpha_{ij} = \frac{\exp e_{ij}}{\sum_{k \in N_i} \exp e_{ik}}

    With ``u = W_dst h`` and ``v = W_src h`` this is the MLP over the concatenation
    :math:`w_1^\top \sigma(W_2 [h_i \oplus h_j])`. No (E, D) tensor is made, forward or backward;
    sums are gathered in a fixed order, so results do not depend on the number of threads.
    Differentiable any number of times, from the second on by `edge_attention_reference`. Under
    autocast computed in float32.

    Parameters
    ----------
    graph : Graph
        E edges between N_src sources and N_dst targets.
    u : (G, N_dst, D) tensor
        Target term; G counts independent groups (modalities, heads).
    v : (G, N_src, D) tensor
        Source term.
    w : (G, D) tensor
        Score vector.
    negative_slope : float
        Slope of LeakyReLU below zero; 0 is ReLU.

    Returns
    -------
    (G, E) tensor
        Attention in the order of ``graph.indices``; each target's edges sum to 1.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    >>> u, v, w = torch.zeros(1, 1, 1), torch.tensor([[[0.0], [1.0]]]), torch.ones(1, 1)
    >>> edge_attention(graph, u, v, w)
    tensor([[0.2689, 0.7311]])
    """
    require_floating(u=u, v=v, w=w)
    require_dim(3, u=u)
    groups, _, width = u.shape
    require_shape("u", u, (groups, graph.num_dst, width))
    require_shape("v", v, (groups, graph.num_src, width))
    require_shape("w", w, (groups, width))
    if is_transformed(u, v, w):
        return edge_attention_reference(graph, u, v, w, negative_slope=negative_slope)
    plan = graph.plan
    structure = (plan.indptr, plan.indices, plan.dst, plan.t_indptr, plan.t_eids)
    return torch.ops.ariigcn.edge_attention(
        u.contiguous(), v.contiguous(), w.contiguous(), negative_slope, *structure
    )


def edge_attention_reference(
    graph: Graph, u: Tensor, v: Tensor, w: Tensor, *, negative_slope: float = 0.0
) -> Tensor:
    """Compute `edge_attention` in plain torch, with (G, E, D) tensors."""
    hidden = F.leaky_relu(u[:, graph.dst] + v[:, graph.indices], negative_slope)
    return edge_softmax(graph, torch.einsum("ged,gd->ge", hidden, w))


@torch.library.register_fake("ariigcn::edge_attention")
def _(u, v, w, negative_slope, indptr, indices, dst, t_indptr, t_eids):
    return u.new_empty(u.size(0), indices.size(0))


@torch.library.register_fake("ariigcn::edge_attention_backward")
def _(grad, alpha, u, v, w, negative_slope, indptr, indices, dst, t_indptr, t_eids):
    return torch.empty_like(u), torch.empty_like(v), torch.empty_like(w)


def _setup_context(ctx, inputs, output):
    u, v, w, ctx.negative_slope, *structure = inputs
    ctx.save_for_backward(output, u, v, w, *structure)


def _backward(ctx, grad):
    alpha, u, v, w, *structure = ctx.saved_tensors
    grads = torch.ops.ariigcn.edge_attention_backward(
        grad.contiguous(), alpha, u, v, w, ctx.negative_slope, *structure
    )
    return *grads, None, *[None] * len(structure)


torch.library.register_autograd("ariigcn::edge_attention", _backward, setup_context=_setup_context)


def _forward(grad, alpha, u, v, w, negative_slope, indptr, indices, dst, t_indptr, t_eids):
    num_dst = indptr.size(0) - 1
    edges = SimpleNamespace(indices=indices.long(), dst=dst.long(), num_dst=num_dst)
    return (edge_attention_reference(edges, u, v, w, negative_slope=negative_slope),)


differentiate_backward("edge_attention", gradients=[0], inputs=[2, 3, 4], forward=_forward)
