"""One matrix per relation: its own, mixed from few bases, or block-diagonal (R-GCN's two ways)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Regularizer = Literal["basis", "bdd"]


def relation_shapes(
    heads: int,
    num_rels: int,
    in_feats: int,
    out_feats: int,
    regularizer: Regularizer | None,
    num_bases: int | None,
    self_relation: bool = False,
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters that `relation_matrices` reads, by their names.

    Where `in_feats` is not known yet, -1, one of a shape's sizes is -1.
    """
    if self_relation:
        if regularizer is None or num_rels < 2:
            raise ValueError(
                "self_relation needs a regularizer and another relation: without, each relation "
                "has a matrix of its own"
            )
        # Relations between different nodes share bases; W_0 has nothing to share with them.
        shared = (heads, num_rels - 1, in_feats, out_feats, regularizer, num_bases)
        return relation_shapes(*shared) | {"self_weight": (heads, in_feats, out_feats)}
    if regularizer is None:
        if num_bases is not None:
            raise ValueError(
                f"num_bases must be left out without regularizer, got {num_bases}: "
                "regularizer='basis' or 'bdd' uses it"
            )
        return {"rel_weight": (heads, num_rels, in_feats, out_feats)}
    bases = num_rels if num_bases is None else num_bases  # the default of dgl.nn.RelGraphConv
    if bases < 1:
        raise ValueError(f"num_bases must be at least 1, got {bases}")
    if regularizer == "basis":
        return {
            "bases": (heads, bases, in_feats, out_feats),
            "coefficients": (heads, num_rels, bases),
        }
    if regularizer != "bdd":
        raise ValueError(f"regularizer must be None, 'basis' or 'bdd', got {regularizer!r}")
    for name, width in (("in_feats", in_feats), ("out_feats", out_feats)):
        if width != -1 and width % bases:
            raise ValueError(f"num_bases must divide {name} ({width}) for 'bdd', got {bases}")
    rows = -1 if in_feats == -1 else in_feats // bases
    return {"blocks": (heads, num_rels, bases, rows, out_feats // bases)}


def source_width(shapes: dict[str, tuple[int, ...]]) -> int | None:
    """Return `in_feats` of given parameters' shapes; None where they do not tell."""
    for name in ("rel_weight", "bases", "self_weight"):
        if name in shapes:
            return shapes[name][-2]
    return shapes["blocks"][-3] * shapes["blocks"][-2] if "blocks" in shapes else None


def relation_matrices(parameters: dict[str, Tensor]) -> Tensor:
    r"""Return :math:`W_r` of every head and relation, (H, R, D_in, D_out)."""
    if "self_weight" in parameters:
        shared = {name: x for name, x in parameters.items() if name != "self_weight"}
        return torch.cat([relation_matrices(shared), parameters["self_weight"].unsqueeze(1)], 1)
    if "rel_weight" in parameters:
        return parameters["rel_weight"]
    if "bases" in parameters:
        return torch.einsum("hrb,hbio->hrio", parameters["coefficients"], parameters["bases"])
    blocks = parameters["blocks"]
    heads, rels, count, rows, columns = blocks.shape
    diagonal = torch.eye(count, dtype=blocks.dtype, device=blocks.device)
    spread = blocks.unsqueeze(4) * diagonal[:, None, :, None]  # (H, R, B, rows, B, columns)
    return spread.reshape(heads, rels, count * rows, count * columns)
