"""Operators on plain tensors and `Graph`: each with a reference of the same signature."""

from ariigcn_dgl.ops.edge_attention import edge_attention as edge_attention
from ariigcn_dgl.ops.edge_attention import edge_attention_reference as edge_attention_reference
from ariigcn_dgl.ops.pairwise_contrast import ContrastStats as ContrastStats
from ariigcn_dgl.ops.pairwise_contrast import PairRule as PairRule
from ariigcn_dgl.ops.pairwise_contrast import pairwise_contrast as pairwise_contrast
from ariigcn_dgl.ops.pairwise_contrast import (
    pairwise_contrast_reference as pairwise_contrast_reference,
)
from ariigcn_dgl.ops.relational_sum import relational_sum as relational_sum
from ariigcn_dgl.ops.relational_sum import relational_sum_reference as relational_sum_reference
from ariigcn_dgl.ops.segment_spmm import segment_spmm as segment_spmm
from ariigcn_dgl.ops.segment_spmm import segment_spmm_reference as segment_spmm_reference
