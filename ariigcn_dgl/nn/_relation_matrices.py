"""One matrix per relation: its own, mixed from few bases, or block-diagonal (R-GCN's two ways)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._parameters import glorot

Regularizer = Literal["basis", "bdd"]


def make_relation_parameters(
    heads: int,
    num_rels: int,
    in_feats: int,
    out_feats: int,
    regularizer: Regularizer | None,
    num_bases: int | None,
    self_relation: bool = False,
) -> dict[str, nn.Parameter]:
    """Return the parameters that `relation_matrices` reads, by their names."""
    if self_relation:
        if regularizer is None or num_rels < 2:
            raise ValueError(
                "self_relation needs a regularizer and another relation: without, each relation "
                "has a matrix of its own"
            )
        # Relations between different nodes share bases; W_0 has nothing to share with them.
        shared = (heads, num_rels - 1, in_feats, out_feats, regularizer, num_bases)
        return make_relation_parameters(*shared) | {
            "self_weight": glorot(heads, in_feats, out_feats)
        }
    if regularizer is None:
        if num_bases is not None:
            raise ValueError(
                f"num_bases must be left out without regularizer, got {num_bases}: "
                "regularizer='basis' or 'bdd' uses it"
            )
        return {"rel_weight": glorot(heads, num_rels, in_feats, out_feats)}
    bases = num_rels if num_bases is None else num_bases  # the default of dgl.nn.RelGraphConv
    if bases < 1:
        raise ValueError(f"num_bases must be at least 1, got {bases}")
    if regularizer == "basis":
        return {
            "bases": glorot(heads, bases, in_feats, out_feats),
            "coefficients": glorot(heads, num_rels, bases),
        }
    if regularizer != "bdd":
        raise ValueError(f"regularizer must be None, 'basis' or 'bdd', got {regularizer!r}")
    for name, width in (("in_feats", in_feats), ("out_feats", out_feats)):
        if width % bases:
            raise ValueError(f"num_bases must divide {name} ({width}) for 'bdd', got {bases}")
    return {"blocks": glorot(heads, num_rels, bases, in_feats // bases, out_feats // bases)}


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
