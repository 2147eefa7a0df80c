"""What the relational layer learns, and the options that it was asked for with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.nn._relation_matrices import Regularizer, make_relation_parameters
from ariigcn_dgl.ops import Impl
from ariigcn_dgl.ops.edge_softmax import SOFTMAXES, Softmax

Score = Literal["additive", "bilinear"]
Norm = Literal["none", "relation"]


class RelEdgeParameters(nn.Module):
    """Parameters and options of `ariigcn_dgl.nn.RelEdgeAttentionConv`, which documents them."""

    def __init__(
        self,
        in_feats: int | tuple[int, int],
        out_feats: int,
        num_rels: int = 1,
        num_heads: int | None = None,
        *,
        score: Score | None = "additive",
        softmax: Softmax = "all",
        norm: Norm = "none",
        regularizer: Regularizer | None = None,
        num_bases: int | None = None,
        self_relation: bool = False,
        num_groups: int | None = None,
        attn_feats: int | None = None,
        negative_slope: float = 0.2,
        feat_drop: float = 0.0,
        attn_drop: float = 0.0,
        self_loop: bool = False,
        layer_norm: bool = False,
        residual: bool = False,
        activation: Callable[[Tensor], Tensor] | None = None,
        bias: bool = True,
        allow_zero_in_degree: bool = False,
        sparse: bool = False,
        impl: Impl = "native",
    ) -> None:
        super().__init__()
        src_feats, dst_feats = in_feats if isinstance(in_feats, tuple) else (in_feats, in_feats)
        self.src_feats, self.dst_feats, self.out_feats = src_feats, dst_feats, out_feats
        self.num_rels, self.num_heads, self.num_groups = num_rels, num_heads, num_groups
        self.score_kind, self.softmax, self.norm = score, softmax, norm
        self.sparse = sparse
        self.negative_slope, self.attn_drop = negative_slope, attn_drop
        self.activation = activation
        self.impl: Impl = impl
        self._allow_zero_in_degree = allow_zero_in_degree
        self._check_options(feat_drop, regularizer)
        self.feat_drop = Dropout(feat_drop)
        heads = (num_groups or 1) * (num_heads or 1)
        width = out_feats if attn_feats is None else attn_feats  # GATv2's choice
        self._make_score(heads, width, bias)
        matrices = make_relation_parameters(
            heads, num_rels, src_feats, out_feats, regularizer, num_bases, self_relation
        )
        self._matrix_names = list(matrices)
        for name, parameter in matrices.items():
            self.register_parameter(name, parameter)
        self.bias = nn.Parameter(torch.zeros(heads, out_feats)) if bias else None
        self.loop_weight = glorot(dst_feats, heads * out_feats) if self_loop else None
        self.layer_norm = nn.LayerNorm(out_feats) if layer_norm else None
        self.residual: nn.Module | None = None
        if (residual or self_loop) and num_groups is not None:
            # Each group would need matrices of its own.
            raise ValueError(
                "residual and self_loop must be False with num_groups: add feat to the result"
            )
        if residual and dst_feats == heads * out_feats:
            self.residual = nn.Identity()
        elif residual:
            self.residual = nn.Linear(dst_feats, heads * out_feats, bias=False)
            glorot_(self.residual.weight)

    def _check_options(self, feat_drop: float, regularizer: Regularizer | None) -> None:
        sizes = {
            "in_feats": min(self.src_feats, self.dst_feats),
            "out_feats": self.out_feats,
            "num_rels": self.num_rels,
            "num_heads": 1 if self.num_heads is None else self.num_heads,
            "num_groups": 1 if self.num_groups is None else self.num_groups,
        }
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        choices = {
            "score": (self.score_kind, (*get_args(Score), None)),
            "softmax": (self.softmax, SOFTMAXES),
            "norm": (self.norm, get_args(Norm)),
            "impl": (self.impl, get_args(Impl)),
        }
        for name, (value, known) in choices.items():
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        if self.sparse and regularizer is not None:
            raise ValueError(
                f"sparse must be False with regularizer={regularizer!r}, whose parameters have no "
                "sparse gradients"
            )
        for name, p in (("feat_drop", feat_drop), ("attn_drop", self.attn_drop)):
            if not 0 <= p < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {p}")

    def _make_score(self, heads: int, width: int, bias: bool) -> None:
        if self.score_kind is None:
            return
        if self.score_kind == "bilinear":
            self.weight_score = glorot(heads, self.dst_feats, self.src_feats)
            return
        self.weight_dst = glorot(heads, self.dst_feats, width)
        self.weight_src = glorot(heads, self.src_feats, width)
        self.score = glorot(heads, width, 1)
        zeros = torch.zeros(heads, self.num_rels, width)
        self.score_bias = nn.Parameter(zeros) if bias else None

    def reset_parameters(self) -> None:
        """Draw all weights anew (Glorot, uniform); biases become 0."""
        for name, parameter in self.named_parameters():
            if name in ("bias", "score_bias", "layer_norm.bias"):
                nn.init.zeros_(parameter)
            elif name == "layer_norm.weight":
                nn.init.ones_(parameter)
            else:
                glorot_(parameter)

    def set_allow_zero_in_degree(self, set_value: bool) -> None:
        """Set whether targets without in-edges may pass; `dgl.nn.HeteroGraphConv` calls it."""
        self._allow_zero_in_degree = set_value

    def extra_repr(self) -> str:
        """Return what ``print(layer)`` shows."""
        same = self.src_feats == self.dst_feats
        shown = {
            "in_feats": self.src_feats if same else (self.src_feats, self.dst_feats),
            "out_feats": self.out_feats,
            "num_rels": self.num_rels,
            "num_heads": self.num_heads,
            **({} if self.num_groups is None else {"num_groups": self.num_groups}),
            "score": self.score_kind,
            "softmax": self.softmax,
            "norm": self.norm,
        }
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())
