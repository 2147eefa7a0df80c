"""The graph layer with PyTorch Geometric's signature; PyG itself is not needed."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.adjacency import edges_of_adjacency, is_adjacency
from ariigcn_dgl.nn import rel_edge_attention_conv


class RelEdgeAttentionConv(nn.Module):
    r"""`ariigcn_dgl.nn.RelEdgeAttentionConv` for PyG: ``forward(x, edge_index, edge_type)``.

    The equation is that layer's. With ``score=None, softmax="relation", self_loop=True`` it is
    `torch_geometric.nn.RGCNConv`, node ids included; with one relation `GATv2Conv` and `GATConv`;
    `docs/layers.md` has the calls that replace these and `RGATConv`. It nests in `HeteroConv`. No
    self loops are added; nodes without in-edges get the bias and what is their own alone.

    Parameters
    ----------
    in_channels : int or pair of int
        Width D_in; of sources and of targets where these differ. The number of ids V where nodes
        have ids in place of features. -1: as wide as the features of the first call.
    out_channels : int
        Width D_out of each head.
    num_relations : int
        Number of relations R.
    num_bases, num_blocks : int, optional
        Mix the relations' matrices from bases, or make them block-diagonal; not both.
    heads : int
        Number of heads H.
    concat : bool
        Put the heads side by side; otherwise average them.
    negative_slope : float
        Slope of LeakyReLU in the score.
    dropout : float
        Dropout on the attention.
    residual, bias : bool
        Add the transformed targets; learn biases.
    edge_dim : int, optional
        Width F of edges' features, which enter the score, as in PyG's `GATv2Conv`.
    **options
        Others of `ariigcn_dgl.nn.RelEdgeAttentionConv`, e.g. ``score=None``.

    Raises
    ------
    ValueError
        If an option is out of range, or `num_bases` and `num_blocks` are both given.

    Examples
    --------
    >>> import torch
    >>> edge_index, edge_type = torch.tensor([[0, 1, 2], [1, 2, 2]]), torch.tensor([0, 1, 1])
    >>> conv = RelEdgeAttentionConv(8, 4, num_relations=2, heads=3)
    >>> conv(torch.ones(3, 8), edge_index, edge_type).shape
    torch.Size([3, 12])

    R-GCN's first layer, on nodes without features:

    >>> conv = RelEdgeAttentionConv(3, 4, 2, score=None, softmax="relation", self_loop=True)
    >>> conv(None, edge_index, edge_type).shape
    torch.Size([3, 4])
    """

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        num_relations: int = 1,
        num_bases: int | None = None,
        num_blocks: int | None = None,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        residual: bool = False,
        bias: bool = True,
        edge_dim: int | None = None,
        **options,
    ) -> None:
        super().__init__()
        if num_bases is not None and num_blocks is not None:
            raise ValueError(
                f"num_bases and num_blocks must not both be given, got {num_bases} and {num_blocks}"
            )
        if num_bases is not None:
            options |= {"regularizer": "basis", "num_bases": num_bases}
        if num_blocks is not None:  # DGL calls both num_bases
            options |= {"regularizer": "bdd", "num_bases": num_blocks}
        self.concat = concat
        self.conv = rel_edge_attention_conv.RelEdgeAttentionConv(
            in_channels,
            out_channels,
            num_relations,
            heads,
            negative_slope=negative_slope,
            attn_drop=dropout,
            edge_feats=edge_dim,
            residual=residual,
            bias=bias,
            allow_zero_in_degree=True,  # PyG's layers let such nodes pass
            **options,
        )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.conv.reset_parameters()

    def forward(
        self,
        x: Tensor | tuple[Tensor, Tensor | None] | None,
        edge_index: Tensor | Graph,
        edge_type: Tensor | None = None,
        edge_weight: Tensor | None = None,
        return_attention_weights: bool | None = None,
        *,
        edge_attr: Tensor | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor | tuple[Tensor, tuple[Tensor | Graph, Tensor]]:
        """Return the new states of the targets.

        Parameters
        ----------
        x : (N, D_in) tensor, (N,) int tensor, pair of either, or None
            Node features, or those of sources and of targets. Ids below V where nodes have none;
            None is 0, 1, ..., V - 1. ``(x_src, None)`` where the layer reads nothing of the
            targets: with ``score=None`` and neither `self_loop` nor `residual`.
        edge_index : (2, E) int64 tensor, sparse (N_dst, N_src) tensor, or Graph
            Sources (row 0) and targets (row 1), or a row of sources for each target (``adj_t``);
            on the device of `x`. It is converted when it is first seen and compared with its
            conversion at later calls; `Graph.from_edge_index` does the conversion outside, and
            goes with `torch.compile`.
        edge_type : (E,) int tensor, optional
            Relations; needed where R > 1 and `edge_index` is a tensor. Default: the entries of a
            sparse one, which are not read otherwise.
        edge_weight : (E,) tensor, optional
            What multiplies the attention; default 1.
        return_attention_weights : bool, optional
            Also return ``(edge_index, attention)``.
        edge_attr : (E, F) tensor, or (E,) where F is 1, optional
            Features of the edges, where the layer has `edge_dim`.
        size : pair of int, optional
            Numbers of sources and targets, as PyG's layers have it. Says how many targets there are
            where `x` does not; default as many as sources.

        Returns
        -------
        (N_dst, H D_out) tensor
            (N_dst, D_out) without `concat`.
        (edge_index, (E, H) tensor)
            If asked for.

        Raises
        ------
        ValueError
            If shapes, dtypes, devices or relations do not fit.
        """
        if isinstance(edge_index, Graph):
            graph = edge_index
            feat, _ = self._features(x, (graph.num_src, graph.num_dst))
        else:
            counts = _counts(edge_index, size)
            feat, num_nodes = self._features(x, counts)
            if counts not in (None, num_nodes):
                name = "size" if size is not None else "the shape of edge_index, transposed,"
                raise ValueError(
                    f"{name} must be the numbers of sources and targets in x, {num_nodes}, got "
                    f"{counts}"
                )
            graph = self._graph(edge_index, edge_type, num_nodes)
        if edge_attr is not None and edge_attr.dim() == 1:
            edge_attr = edge_attr.unsqueeze(1)
        # With the attention in any case: the operator has computed it.
        out, attention = self.conv(
            graph, feat, edge_weight=edge_weight, edge_feat=edge_attr, get_attention=True
        )
        out = out.flatten(1) if self.concat else out.mean(1)
        if return_attention_weights:
            return out, (edge_index, attention.squeeze(-1))
        return out

    def _features(
        self,
        x: Tensor | tuple[Tensor, Tensor | None] | None,
        counts: tuple[int, int] | None,
    ) -> tuple[Tensor | tuple[Tensor, Tensor] | None, tuple[int, int]]:
        """Return what the layer inside takes, and the numbers of sources and targets."""
        conv = self.conv
        if x is None:
            if conv.src_feats == -1:
                raise ValueError("in_channels must be given where x is None, got -1")
            counts = counts or (conv.src_feats, conv.src_feats)
            if counts[0] != counts[1]:
                raise ValueError(
                    "x must be a pair of ids, of sources and of targets, where these are not the "
                    f"same nodes ({counts[0]} and {counts[1]}), got None"
                )
            return None, counts
        if not isinstance(x, Tensor) and len(x) != 2:
            raise ValueError(
                f"x must be a tensor, or a pair of sources and targets, got {len(x)} of them"
            )
        src, dst = (x, x) if isinstance(x, Tensor) else x
        if src is None:
            raise ValueError("x must hold features of the sources, got (None, x_dst)")
        self._check(src, conv.src_feats)
        if dst is None:
            dst = self._nothing(src, counts[1] if counts else len(src))
        self._check(dst, conv.dst_feats)
        return src if isinstance(x, Tensor) else (src, dst), (len(src), len(dst))

    def _nothing(self, src: Tensor, targets: int) -> Tensor:
        """Return what stands for features, or ids, of targets, where none are read."""
        conv = self.conv
        width = src.size(-1) if conv.dst_feats == -1 else conv.dst_feats
        if conv.score_kind is not None or not (conv.loop_weight is conv.residual is None):
            reads = "attention compares" if conv.score_kind is not None else "own term reads"
            raise ValueError(
                f"x must hold features of the sources and of the targets, which the {reads}, got "
                f"(x_src, None): pass (N_dst, {width}) features too"
            )
        return src.new_zeros(()).expand(targets, *[width] * (src.dim() - 1))

    def _check(self, rows: Tensor, width: int) -> None:
        ids = rows.dim() == 1 and not rows.is_floating_point()
        if not ids and (rows.dim() != 2 or width not in (-1, rows.size(1))):
            shown = "D_in" if width == -1 else width
            raise ValueError(f"x must have shape (N, {shown}), got {tuple(rows.shape)}")

    def _graph(
        self, edge_index: Tensor, edge_type: Tensor | None, num_nodes: tuple[int, int]
    ) -> Graph:
        rels = self.conv.num_rels
        if not isinstance(edge_index, Tensor):
            raise ValueError(
                f"edge_index must be a (2, E) tensor or a Graph, got {type(edge_index).__name__}"
            )
        if is_adjacency(edge_index):
            edge_index, entries = edges_of_adjacency(edge_index)
            edge_type = entries if edge_type is None and rels > 1 else edge_type
        if edge_type is None and rels > 1:
            raise ValueError(
                f"edge_type must give the relation of each edge, as the layer has {rels} "
                "relations, got None"
            )
        return Graph.from_edge_index(edge_index, edge_type, num_nodes=num_nodes, num_rels=rels)


def _counts(edge_index: Tensor, size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the numbers of sources and targets, where they are said beside the features."""
    if size is None and is_adjacency(edge_index):
        return edge_index.size(-1), edge_index.size(0)
    return None if size is None else (size[0], size[1])
