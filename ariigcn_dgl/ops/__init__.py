"""Operators on plain tensors and `Graph`: each with a reference of the same signature."""

from ariigcn_dgl.ops._impl import Impl
from ariigcn_dgl.ops.additive_attention import additive_attention
from ariigcn_dgl.ops.contrast_loss import (
    ContrastForm,
    MarginMode,
    contrast_loss,
    contrast_loss_reference,
)
from ariigcn_dgl.ops.dot_attention import dot_attention, dot_attention_reference
from ariigcn_dgl.ops.dropout import dropout
from ariigcn_dgl.ops.pairwise_contrast import (
    ContrastStats,
    PairRule,
    pairwise_contrast,
    pairwise_contrast_reference,
)
from ariigcn_dgl.ops.relational_attention import relational_attention
from ariigcn_dgl.ops.relational_attention_torch import relational_attention_reference
from ariigcn_dgl.ops.relational_lookup import relational_lookup, relational_lookup_reference
from ariigcn_dgl.ops.relational_sum import relational_sum, relational_sum_reference
from ariigcn_dgl.ops.segment_spmm import segment_spmm, segment_spmm_reference

__all__ = [
    "ContrastForm",
    "ContrastStats",
    "Impl",
    "MarginMode",
    "PairRule",
    "additive_attention",
    "contrast_loss",
    "contrast_loss_reference",
    "dot_attention",
    "dot_attention_reference",
    "dropout",
    "pairwise_contrast",
    "pairwise_contrast_reference",
    "relational_attention",
    "relational_attention_reference",
    "relational_lookup",
    "relational_lookup_reference",
    "relational_sum",
    "relational_sum_reference",
    "segment_spmm",
    "segment_spmm_reference",
]
