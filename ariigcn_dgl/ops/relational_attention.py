"""Relational edge attention, fused: scores, softmax and relational convolution (Eq. 8-10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.plan import Sizes
from ariigcn_dgl.ops._checks import require_choice, require_dim, require_floating, require_shape
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops._philox import dropout_scale
from ariigcn_dgl.ops._precision import FP32_PRECISIONS, autocasts, computed_dtype, fp32_precision
from ariigcn_dgl.ops._second_derivative import differentiate_backward, graph_of_plan
from ariigcn_dgl.ops.edge_softmax import SOFTMAXES, Softmax
from ariigcn_dgl.ops.relational_attention_torch import relational_attention_reference

Activation = Literal["leaky_relu", "tanh", "elu", "gelu"]
ACTIVATIONS = get_args(Activation)  # the order of the native enumeration


def relational_attention(
    graph: Graph,
    feat: Tensor,
    weight_dst: Tensor,
    weight_src: Tensor,
    score: Tensor,
    rel_weight: Tensor,
    *,
    dst_feat: Tensor | None = None,
    bias: Tensor | None = None,
    edge_weight: Tensor | None = None,
    activation: Activation = "leaky_relu",
    negative_slope: float = 0.0,
    dropout: float = 0.0,
    normalise: bool = True,
    gelu: bool = False,
    softmax: Softmax = "all",
    impl: Impl = "native",
) -> tuple[Tensor, Tensor]:
    r"""Attend to neighbours and sum them, each transformed by the weight of its relation.

    .. math::
        e_{ij} = a^\top \sigma(W_{dst} h_i + W_{src} h_j + b_r), \qquad
        \alpha_{ij} = \mathrm{softmax}_j(e_{ij}), \qquad
        h'_i = \sum_r \sum_{j \in N_i^r} \frac{\alpha_{ij}}{|N_i^r|} w_{ij} W_r h_j

    Neighbours are summed per (target, relation) and transformed after, so the matrix products cover
    the P non-empty pairs only; no tensor has E rows of features. Differentiable any number of
    times, from the second on by `relational_attention_reference`.

    On the CPU one fused kernel, forward and backward. Where there are several heads and it is less
    work, sources are transformed first, those of each relation by the matrices of all heads, whose
    columns lie side by side: a row for each (source, relation) that has edges. Independent parts
    of the graph (dialogues) are worked on one after the other, in a fixed order: results are
    bitwise the same for any number of threads. Half types are computed in float32, which under
    autocast is the result's type.

    On CUDA 3 kernels forward (4 where relations are many and targets few) and 6 backward (7 with
    `gelu`), without atomics: the same inputs give the same bits. Nothing waits for the device, and
    a CUDA graph may capture it. Sums are kept in float32 at least, but from sm_80 on the arguments
    of LeakyReLU in the scores of halves are rounded to halves. Under autocast the computation and
    the result are of autocast's type.

    From sm_80 on tensor cores multiply halves, and float32 as torch was told by
    ``torch.backends.cuda.matmul.fp32_precision``: "none", its default, in three products of tf32,
    as accurately as float32 (but an infinite factor gives NaN); "tf32" in one; "ieee", which is
    also ``torch.set_float32_matmul_precision("highest")``, without tensor cores. `torch.compile`
    cannot tell "ieee" from "none".

    Parameters
    ----------
    graph : Graph
        E edges of R relations from N_src sources to N_dst targets.
    feat : (M, N_src, D_in) tensor
        Source rows of M modalities.
    weight_dst, weight_src : (G, D_in, A) tensor
        Projections into the score; G = M x heads, group g reads ``feat[g // heads]``.
    score : (G, A) tensor
        Score vector a.
    rel_weight : (G, R, D_in, D_out) tensor
        One matrix per relation.
    dst_feat : (M, N_dst, D_in) tensor, optional
        Target rows; default `feat`, whose rows are then sources and targets.
    bias : (G, R, A) tensor, optional
        Bias :math:`b_r` of the score.
    edge_weight : (E,) tensor, optional
        Weight :math:`w_{ij}` in the order of ``graph.indices``; default 1.
    activation : {"leaky_relu", "tanh", "elu", "gelu"}
        :math:`\sigma` in the score.
    negative_slope : float
        Slope of "leaky_relu" below zero; 0 is ReLU.
    dropout : float
        Probability that an edge's attention is zeroed (the others are scaled up); 0 in evaluation.
        Backward draws the same numbers again from their counter.
    normalise : bool
        Divide by :math:`|N_i^r|`, the neighbours of i in relation r.
    gelu : bool
        Apply GELU to the result.
    softmax : {"all", "relation"}
        Whether the attention of all of a target's edges adds up to 1, or that of its edges of each
        relation.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    (G, N_dst, D_out) tensor
        Zero for targets without in-edges.
    (G, E) tensor
        Attention before dropout, in the order of ``graph.indices``.

    Raises
    ------
    ValueError
        If shapes, dtypes or an option do not fit.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(
    ...     torch.tensor([0, 2]), torch.tensor([0, 1]), torch.tensor([0, 1]), num_src=2
    ... )
    >>> feat, zero = torch.tensor([[[2.0], [3.0]]]), torch.zeros(1, 1, 1)
    >>> target, weight = feat[:, :1], torch.ones(1, 2, 1, 1)
    >>> out, alpha = relational_attention(
    ...     graph, feat, zero, zero, zero[0], weight, dst_feat=target
    ... )
    >>> out, alpha
    (tensor([[[2.5000]]]), tensor([[0.5000, 0.5000]]))
    """
    tensors: dict[str, Tensor | None] = {
        "dst_feat": dst_feat,
        "feat": feat,
        "weight_dst": weight_dst,
        "weight_src": weight_src,
        "score": score,
        "rel_weight": rel_weight,
        "bias": bias,
        "edge_weight": edge_weight,
    }
    _check(graph, tensors, feat, weight_dst, rel_weight)
    _check_options(activation, dropout, softmax)
    if is_reference(impl, *tensors.values()):
        return relational_attention_reference(
            graph,
            feat,
            weight_dst,
            weight_src,
            score,
            rel_weight,
            dst_feat=dst_feat,
            bias=bias,
            edge_weight=edge_weight,
            activation=activation,
            negative_slope=negative_slope,
            dropout=dropout,
            normalise=normalise,
            gelu=gelu,
            softmax=softmax,
        )
    exact = computed_dtype(feat)
    dtype = exact if autocasts(feat) else feat.dtype
    native = [None if x is None else x.to(exact).contiguous() for x in tensors.values()]
    # on the device, so that every replay of a CUDA graph draws another one
    seed = torch.randint(2**62, (), device=feat.device) if dropout > 0 else None
    # Whether to keep what backward reads: validation needs no memory for it.
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in native)
    out, alpha, *_ = torch.ops.ariigcn.relational_attention(
        *native,
        seed,
        graph.plan,
        graph.sizes,
        ACTIVATIONS.index(activation),
        negative_slope,
        dropout,
        normalise,
        gelu,
        softmax == "relation",
        FP32_PRECISIONS.index(fp32_precision(feat.device, exact)),
        keep,
    )
    return out.to(dtype), alpha.to(dtype)


def _check(
    graph: Graph,
    tensors: dict[str, Tensor | None],
    feat: Tensor,
    weight_dst: Tensor,
    rel_weight: Tensor,
) -> None:
    """Raise ValueError unless all tensors fit the widths of three of them, and the graph."""
    require_floating(**{name: x for name, x in tensors.items() if x is not None})
    require_dim(3, feat=feat, weight_dst=weight_dst)
    require_dim(4, rel_weight=rel_weight)
    for name, x in (("feat", feat), ("weight_dst", weight_dst)):
        if x.size(-1) == 0:
            raise ValueError(f"{name} must be at least 1 wide, got {tuple(x.shape)}")
    modalities, _, in_feats = feat.shape
    groups, _, attn_feats = weight_dst.shape
    if modalities == 0 or groups % modalities:
        raise ValueError(
            f"weight_dst must have a multiple of feat's {modalities} modalities as groups, "
            f"got {groups}"
        )
    rels = graph.num_rels
    shapes = {
        "feat": (modalities, graph.num_src, in_feats),
        "weight_dst": (groups, in_feats, attn_feats),
        "weight_src": (groups, in_feats, attn_feats),
        "score": (groups, attn_feats),
        "rel_weight": (groups, rels, in_feats, rel_weight.size(3)),
        "dst_feat": (modalities, graph.num_dst, in_feats),
        "bias": (groups, rels, attn_feats),
        "edge_weight": (graph.num_edges,),
    }
    for name, tensor in tensors.items():
        if tensor is not None:
            require_shape(name, tensor, shapes[name])
    if tensors["dst_feat"] is None and graph.num_dst != graph.num_src:
        raise ValueError(
            f"dst_feat is needed where sources ({graph.num_src}) and targets ({graph.num_dst}) "
            "differ in number"
        )


def _check_options(activation: str, dropout: float, softmax: str) -> None:
    require_choice("activation", activation, ACTIVATIONS)
    require_choice("softmax", softmax, SOFTMAXES)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout}")


class Arguments(NamedTuple):
    """Those of the native operator; its backward has all but the last, after what it reads."""

    dst_feat: Tensor | None
    feat: Tensor
    weight_dst: Tensor
    weight_src: Tensor
    score: Tensor
    rel_weight: Tensor
    bias: Tensor | None
    edge_weight: Tensor | None
    seed: Tensor | None
    plan: Tensor
    sizes: Sequence[int]
    activation: int
    negative_slope: float
    dropout: float
    normalise: bool
    gelu: bool
    within_relation: bool
    fp32_precision: int
    keep: bool = True

    def differentiable(self) -> tuple[Tensor | None, ...]:
        """Return the inputs that have gradients, in their order."""
        return self[:8]  # those before the seed


@torch.library.register_fake("ariigcn::relational_attention")
def _(*inputs):
    given = Arguments(*inputs)
    sizes, groups, width = Sizes(*given.sizes), len(given.weight_dst), given.rel_weight.size(3)
    lists, pitch = _kept_lists(given)
    kept = lists if given.keep else 0
    shapes = [
        (groups, sizes.num_dst, width),
        (groups, sizes.num_edges),
        (kept, sizes.num_dst, pitch),
        (kept, sizes.num_src, pitch),
        (groups if given.keep and given.gelu else 0, sizes.num_dst, width),
    ]
    return tuple(given.feat.new_empty(shape) for shape in shapes)


def _kept_lists(given: Arguments) -> tuple[int, int]:
    """Return how many rows each node has in what is kept of u and v, and how long they are.

    On CUDA a row for each group, padded to a multiple of 16, as in csrc/relational_attention.h; on
    the CPU one for each modality, in which powers of two of heads lie side by side, as `kept_pitch`
    in csrc/cpu/relational_attention_arguments.h has it.
    """
    modalities, groups, width = len(given.feat), len(given.weight_dst), given.score.size(1)
    if given.feat.device.type != "cpu":
        return groups, -(-width // 16) * 16
    sixteens, rest = divmod(groups // modalities, 16)
    powers = [1 << bit for bit in range(4) if rest >> bit & 1]
    return modalities, 16 * (sixteens * width + sum(-(-n * width // 16) for n in powers))


@torch.library.register_fake("ariigcn::relational_attention_backward")
def _(grad_out, grad_alpha, alpha, u, v, pre, *inputs):
    given = Arguments(*inputs)
    return tuple(
        given.feat.new_empty(0) if x is None else torch.empty_like(x)
        for x in given.differentiable()
    )


def _setup_context(ctx, inputs, output):
    first = Arguments._fields.index("sizes")  # before it are tensors
    ctx.save_for_backward(*output[1:], *inputs[:first])
    ctx.options = inputs[first:-1]
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)  # the attention mostly has no gradient: no zeros are made


def _backward(ctx, grad_out, grad_alpha, *_):
    alpha, u, v, pre, *tensors = ctx.saved_tensors
    given = Arguments(*tensors, *ctx.options)
    if grad_out is None:
        shape = (len(alpha), Sizes(*given.sizes).num_dst, given.rel_weight.size(3))
        grad_out = alpha.new_zeros(shape)
    grads = torch.ops.ariigcn.relational_attention_backward(
        grad_out.contiguous(),
        None if grad_alpha is None else grad_alpha.contiguous(),
        *(alpha, u, v, pre),
        *given[:-1],
    )
    inputs = zip(grads, given.differentiable(), strict=True)
    found = [None if x is None else grad for grad, x in inputs]
    return *found, *[None] * (len(given) - len(found))


torch.library.register_autograd(
    "ariigcn::relational_attention", _backward, setup_context=_setup_context
)


def _forward(grad_out, grad_alpha, alpha, u, v, pre, *inputs):
    given = Arguments(*inputs)
    return relational_attention_reference(
        graph_of_plan(given.plan, given.sizes),
        *given.differentiable()[1:6],
        dst_feat=given.dst_feat,
        bias=given.bias,
        edge_weight=given.edge_weight,
        activation=ACTIVATIONS[given.activation],
        negative_slope=given.negative_slope,
        kept=None if given.seed is None else dropout_scale(given.seed, given.dropout, alpha),
        normalise=given.normalise,
        gelu=given.gelu,
        softmax="relation" if given.within_relation else "all",
    )


# Of (grad_out, grad_alpha, alpha, u, v, pre, *`Arguments`) the first two and eight inputs.
differentiate_backward(
    "relational_attention", gradients=[0, 1], inputs=range(6, 14), forward=_forward
)
