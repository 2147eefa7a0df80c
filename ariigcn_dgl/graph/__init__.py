"""From dialogues and DGL graphs to the index structure that the kernels read, and back."""

from ariigcn_dgl.graph import tree  # noqa: F401  (registers Graph)
from ariigcn_dgl.graph.graph import Graph
from ariigcn_dgl.graph.modal import modal_graph, modal_relations
from ariigcn_dgl.graph.modal_dgl import modal_graph_of, modal_to_dgl
from ariigcn_dgl.graph.sequences import Sequences, Table, speaker_numbers, speaker_threads
from ariigcn_dgl.graph.to_dgl import to_dgl
from ariigcn_dgl.graph.window import relation_names

__all__ = [
    "Graph",
    "Sequences",
    "Table",
    "modal_graph",
    "modal_graph_of",
    "modal_relations",
    "modal_to_dgl",
    "relation_names",
    "speaker_numbers",
    "speaker_threads",
    "to_dgl",
]
