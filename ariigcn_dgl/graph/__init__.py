"""From dialogues to graphs: DGL heterographs and the index structure that the kernels read."""

from ariigcn_dgl.graph.dgl_view import as_graph, to_dgl
from ariigcn_dgl.graph.structure import Graph
from ariigcn_dgl.graph.window import relation_names, window_graph

__all__ = ["Graph", "as_graph", "relation_names", "to_dgl", "window_graph"]
