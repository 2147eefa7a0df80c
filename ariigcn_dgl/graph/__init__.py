"""From dialogues to graphs: DGL heterographs and the index structure that the kernels read."""

from ariigcn_dgl.graph.dgl_view import as_graph as as_graph
from ariigcn_dgl.graph.dgl_view import to_dgl as to_dgl
from ariigcn_dgl.graph.structure import Graph as Graph
from ariigcn_dgl.graph.window import relation_names as relation_names
from ariigcn_dgl.graph.window import window_graph as window_graph
