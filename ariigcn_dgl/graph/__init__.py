"""From dialogues and DGL graphs to the index structure that the kernels read, and back."""

from ariigcn_dgl.graph.graph import Graph
from ariigcn_dgl.graph.sequences import Sequences, Table, speaker_numbers, speaker_threads
from ariigcn_dgl.graph.to_dgl import to_dgl
from ariigcn_dgl.graph.window import relation_names

__all__ = [
    "Graph",
    "Sequences",
    "Table",
    "relation_names",
    "speaker_numbers",
    "speaker_threads",
    "to_dgl",
]
