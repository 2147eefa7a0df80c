"""What the relational layer learns, and the options that it was asked for with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter, is_lazy

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._parameters import glorot_
from ariigcn_dgl.nn._relation_matrices import Regularizer, relation_shapes, source_width
from ariigcn_dgl.ops import Impl
from ariigcn_dgl.ops._checks import require_choice
from ariigcn_dgl.ops.edge_softmax import SOFTMAXES, Softmax

Score = Literal["additive", "bilinear"]
Norm = Literal["none", "relation"]


class RelEdgeParameters(nn.Module):
    """Parameters and options of `ariigcn_dgl.nn.RelEdgeAttentionConv`, which documents them.

    Where a width is -1, weights are made and drawn by the first call, or made by the first state
    that is loaded.
    """

    # Those that `_add_weights` registers.
    weight_dst: nn.Parameter
    weight_src: nn.Parameter
    weight_edge: nn.Parameter
    weight_score: nn.Parameter
    score: nn.Parameter
    loop_weight: nn.Parameter | None

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
        edge_feats: int | None = None,
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
        pair = in_feats if isinstance(in_feats, Sequence) else (in_feats, in_feats)
        src_feats, dst_feats = pair
        self.src_feats, self.dst_feats, self.out_feats = src_feats, dst_feats, out_feats
        self.num_rels, self.num_heads, self.num_groups = num_rels, num_heads, num_groups
        self.score_kind, self.softmax, self.norm = score, softmax, norm
        self.sparse, self.edge_feats = sparse, edge_feats
        self.negative_slope, self.attn_drop = negative_slope, attn_drop
        self.activation = activation
        self.impl: Impl = impl
        self._allow_zero_in_degree = allow_zero_in_degree
        self._attn_feats = out_feats if attn_feats is None else attn_feats  # GATv2's choice
        self._matrix_options = (regularizer, num_bases, self_relation)
        self._check_options(feat_drop, regularizer)
        if (residual or self_loop) and num_groups is not None:
            # Each group would need matrices of its own.
            raise ValueError(
                "residual and self_loop must be False with num_groups: add feat to the result"
            )
        self.feat_drop = Dropout(feat_drop)
        self._add_weights(self._score_shapes(src_feats, dst_feats))
        if score == "additive":
            zeros = torch.zeros(self._heads, num_rels, self._attn_feats)
            self.score_bias = nn.Parameter(zeros) if bias else None
        matrices = self._matrix_shapes(src_feats)
        self._matrix_names = list(matrices)
        self._add_weights(matrices)
        self.bias = nn.Parameter(torch.zeros(self._heads, out_feats)) if bias else None
        if self_loop:
            self._add_weights(self._loop_shape(dst_feats))
        else:
            self.register_parameter("loop_weight", None)
        self.layer_norm = nn.LayerNorm(out_feats) if layer_norm else None
        self.residual: nn.Module | None = self._make_residual() if residual else None
        self.reset_parameters()

    @property
    def _heads(self) -> int:
        """Heads of all groups."""
        return (self.num_groups or 1) * (self.num_heads or 1)

    @property
    def _is_lazy(self) -> bool:
        """Whether the first call is to tell a width."""
        return -1 in (self.src_feats, self.dst_feats)

    def _score_shapes(self, src_feats: int, dst_feats: int) -> dict[str, tuple[int, ...]]:
        heads, width = self._heads, self._attn_feats
        if self.score_kind is None:
            return {}
        if self.score_kind == "bilinear":
            return {"weight_score": (heads, dst_feats, src_feats)}
        shapes: dict[str, tuple[int, ...]] = {
            "weight_dst": (heads, dst_feats, width),
            "weight_src": (heads, src_feats, width),
            "score": (heads, width, 1),
        }
        if self.edge_feats is not None:
            shapes["weight_edge"] = (heads, self.edge_feats, width)
        return shapes

    def _matrix_shapes(self, src_feats: int) -> dict[str, tuple[int, ...]]:
        sizes = (self._heads, self.num_rels, src_feats, self.out_feats)
        return relation_shapes(*sizes, *self._matrix_options)

    def _loop_shape(self, dst_feats: int) -> dict[str, tuple[int, ...]]:
        return {"loop_weight": (dst_feats, self._heads * self.out_feats)}

    def _add_weights(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Register weights, which `reset_parameters` draws."""
        for name, shape in shapes.items():
            # All of a layer without widths, so that the first call draws them in the usual order.
            lazy: Any = UninitializedParameter if self._is_lazy else None  # in stubs no parameter
            self.register_parameter(name, lazy() if lazy else nn.Parameter(torch.empty(shape)))

    def _make_residual(self) -> nn.Module:
        width = self._heads * self.out_feats
        if self.dst_feats == -1:
            return nn.LazyLinear(width, bias=False)
        if self.dst_feats == width:
            return nn.Identity()
        # Undrawn: `reset_parameters` draws it after the layer's own weights.
        device = torch.get_default_device()
        return nn.utils.skip_init(nn.Linear, self.dst_feats, width, bias=False, device=device)

    def initialize_parameters(self, src_feats: int, dst_feats: int) -> None:
        """Make the weights whose widths were -1, and draw them; does nothing where none were.

        Parameters
        ----------
        src_feats, dst_feats : int
            Widths of sources and of targets; -1 where still unknown.
        """
        src = src_feats if self.src_feats == -1 else self.src_feats
        dst = dst_feats if self.dst_feats == -1 else self.dst_feats
        shapes = self._score_shapes(src, dst) | self._matrix_shapes(src) | self._loop_shape(dst)
        self.src_feats, self.dst_feats = src, dst
        own = [(name, x) for name, x in self._parameters.items() if x is not None]
        unmade = {name: shapes[name] for name, x in own if is_lazy(x)}
        lazy = self.residual if isinstance(self.residual, nn.LazyLinear) else None
        if any(-1 in shape for shape in unmade.values()) or (lazy and self.dst_feats == -1):
            return
        # Plain, where a layer is first called for validation and trained afterwards.
        with torch.inference_mode(mode=False), torch.no_grad():
            for name, shape in unmade.items():
                cast(UninitializedParameter, self._parameters[name]).materialize(shape)
            if lazy:
                self.residual = self._make_residual()
            if lazy and isinstance(self.residual, nn.Linear):
                # The parameter stays the one that an optimiser may have been given.
                lazy.weight.materialize(self.residual.weight.shape)
                self.residual.weight = lazy.weight
            self._draw({*unmade, *(["residual.weight"] if lazy else [])})

    def _check_options(self, feat_drop: float, regularizer: Regularizer | None) -> None:
        widths = self.src_feats, self.dst_feats
        sizes = {
            "in_feats": min((x for x in widths if x != -1), default=-1),
            "out_feats": self.out_feats,
            "num_rels": self.num_rels,
            "num_heads": 1 if self.num_heads is None else self.num_heads,
            "num_groups": 1 if self.num_groups is None else self.num_groups,
            "attn_feats": self._attn_feats,
            "edge_feats": 1 if self.edge_feats is None else self.edge_feats,
        }
        for name, size in sizes.items():
            if size < 1 and (name, size) != ("in_feats", -1):
                also = " (-1: the first call tells it)" if name == "in_feats" else ""
                raise ValueError(f"{name} must be at least 1{also}, got {size}")
        require_choice("score", self.score_kind, (*get_args(Score), None))
        require_choice("softmax", self.softmax, SOFTMAXES)
        require_choice("norm", self.norm, get_args(Norm))
        require_choice("impl", self.impl, get_args(Impl))
        if self.edge_feats is not None and self.score_kind != "additive":
            raise ValueError(
                f"edge_feats must be None with score={self.score_kind!r}, as edge features enter "
                "the additive score alone"
            )
        if self.sparse and regularizer is not None:
            raise ValueError(
                f"sparse must be False with regularizer={regularizer!r}, whose parameters have no "
                "sparse gradients"
            )
        for name, p in (("feat_drop", feat_drop), ("attn_drop", self.attn_drop)):
            if not 0 <= p < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {p}")

    def reset_parameters(self) -> None:
        """Draw all weights anew (Glorot, uniform); biases become 0."""
        self._draw({name for name, weight in self.named_parameters() if not is_lazy(weight)})

    def _draw(self, names: set[str]) -> None:
        for name, parameter in self.named_parameters():
            if name not in names or name.startswith("activation."):  # the caller's own
                continue
            if name in ("bias", "score_bias", "layer_norm.bias"):
                nn.init.zeros_(parameter)
            elif name == "layer_norm.weight":
                nn.init.ones_(parameter)
            else:
                if name == "residual.weight":  # drawn as torch does before: seeds give the numbers
                    cast(nn.Linear, self.residual).reset_parameters()  # that they always gave
                glorot_(parameter)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Save weights that are not made yet as what they are, which cannot be detached."""
        if not self._is_lazy:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            return
        for name, x in self._parameters.items():
            if x is not None:
                destination[prefix + name] = x if keep_vars or is_lazy(x) else x.detach()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        """Take unknown widths from the state."""
        if self._is_lazy:
            own = {
                name.removeprefix(prefix): tuple(x.shape)
                for name, x in state_dict.items()
                if name.startswith(prefix) and not is_lazy(x)
            }
            self.initialize_parameters(*self._widths_of(own))
        super()._load_from_state_dict(state_dict, prefix, *others)

    def _widths_of(self, shapes: dict[str, tuple[int, ...]]) -> tuple[int, int]:
        """Return the widths of sources and targets of a state; -1 where it does not tell."""
        src, dst = source_width(shapes), None
        if "weight_dst" in shapes or "weight_score" in shapes:
            dst = shapes.get("weight_dst", shapes.get("weight_score", ()))[1]
        elif "loop_weight" in shapes:
            dst = shapes["loop_weight"][0]
        elif "residual.weight" in shapes:
            dst = shapes["residual.weight"][1]
        elif src is not None and self.residual is not None:
            dst = self._heads * self.out_feats  # as wide as the result: it has no weight
        return -1 if src is None else src, -1 if dst is None else dst

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
            **({} if self.edge_feats is None else {"edge_feats": self.edge_feats}),
            **({} if self.num_groups is None else {"num_groups": self.num_groups}),
            "score": self.score_kind,
            "softmax": self.softmax,
            "norm": self.norm,
        }
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())
