"""The graph layer with PyTorch Geometric's signature; PyG itself is not needed."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import rel_edge_attention_conv


class RelEdgeAttentionConv(nn.Module):
    r"""`ariigcn_dgl.nn.RelEdgeAttentionConv` for PyG: ``forward(x, edge_index, edge_type)``.

    The equation is that layer's. It can stand where `torch_geometric.nn.RGATConv` or, with one
    relation, `GATv2Conv` stood, and in `HeteroConv`. No self loops are added; nodes without
    in-edges get the bias and the residual alone.

    Parameters
    ----------
    in_channels : int or pair of int
        Width D_in; of sources and of targets where these differ.
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
    **options
        Others of `ariigcn_dgl.nn.RelEdgeAttentionConv`, e.g. ``norm="none"``.

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
        x: Tensor | tuple[Tensor, Tensor],
        edge_index: Tensor | Graph,
        edge_type: Tensor | None = None,
        edge_weight: Tensor | None = None,
        return_attention_weights: bool | None = None,
    ) -> Tensor | tuple[Tensor, tuple[Tensor | Graph, Tensor]]:
        """Return the new states of the targets.

        Parameters
        ----------
        x : (N, D_in) tensor or pair of it
            Node features, or those of sources and of targets.
        edge_index : (2, E) int64 tensor or Graph
            Sources (row 0) and targets (row 1), on the device of `x`. It is converted when it is
            first seen and compared with its conversion at later calls; `Graph.from_edge_index`
            does the conversion outside, and goes with `torch.compile`.
        edge_type : (E,) int tensor, optional
            Relations; needed where R > 1 and `edge_index` is a tensor.
        edge_weight : (E,) tensor, optional
            What multiplies the attention; default 1.
        return_attention_weights : bool, optional
            Also return ``(edge_index, attention)``.

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
        src, dst = x if isinstance(x, tuple) else (x, x)
        if src is None or dst is None:
            raise ValueError(
                "x must hold features of the sources and of the targets, which the attention "
                f"compares, got (x_src, None): pass (N_dst, {self.conv.dst_feats}) features too"
                if dst is None
                else "x must hold features of the sources, got (None, x_dst)"
            )
        for rows, width in ((src, self.conv.src_feats), (dst, self.conv.dst_feats)):
            if rows.dim() != 2 or rows.size(1) != width:
                raise ValueError(f"x must have shape (N, {width}), got {tuple(rows.shape)}")
        if isinstance(edge_index, Graph):
            graph = edge_index
        else:
            graph = self._graph(edge_index, edge_type, (len(src), len(dst)))
        # With the attention in any case: the operator has computed it.
        out, attention = self.conv(graph, x, edge_weight=edge_weight, get_attention=True)
        out = out.flatten(1) if self.concat else out.mean(1)
        if return_attention_weights:
            return out, (edge_index, attention.squeeze(-1))
        return out

    def _graph(
        self, edge_index: Tensor, edge_type: Tensor | None, num_nodes: tuple[int, int]
    ) -> Graph:
        rels = self.conv.num_rels
        if not isinstance(edge_index, Tensor):
            raise ValueError(
                f"edge_index must be a (2, E) tensor or a Graph, got {type(edge_index).__name__}"
            )
        if edge_type is None and rels > 1:
            raise ValueError(
                f"edge_type must give the relation of each edge, as the layer has {rels} "
                "relations, got None"
            )
        return Graph.from_edge_index(edge_index, edge_type, num_nodes=num_nodes, num_rels=rels)
