"""Relational graph convolution with edge attention, as a layer of DGL's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._by_type import Etype, PerEdge
from ariigcn_dgl.nn._edge_sums import EdgeSums, edge_terms, project
from ariigcn_dgl.nn._graph_inputs import GraphInputs, Rows, read_inputs
from ariigcn_dgl.nn._rel_edge_parameters import RelEdgeParameters
from ariigcn_dgl.nn._relation_matrices import relation_matrices
from ariigcn_dgl.nn._side_by_side import is_linear
from ariigcn_dgl.ops import additive_attention, relational_attention

if TYPE_CHECKING:
    import dgl


class RelEdgeAttentionConv(RelEdgeParameters):
    r"""Sum in-neighbours by their attention, each transformed by the matrix of its relation.

    .. math::
        h'_i = \sigma\Big(\sum_r \sum_{j \in N_i^r}
            \frac{\alpha_{ij}}{c_{ir}} w_{ij} W_r h_j + b + W_{self} h_i + W_{res} h_i\Big)

    with an attention :math:`\alpha_{ij}` that adds up to 1 over the in-neighbours in all relations,
    :math:`N_i`, or over those in each, :math:`N_i^r` (`softmax`), of the scores

    * ``score="additive"``: :math:`e_{ij} = a^\top \mathrm{LeakyReLU}(W_{dst} h_i + W_{src} h_j +
      W_e f_{ij} + b_r)`, with `edge_feats`, as in GATv2 (Brody 2022) and in Eq. 8-10 of AR-IIGCN
    * ``score="bilinear"``: :math:`e_{ij} = h_i^\top W_e h_j`, as in DialogueGCN (Ghosal 2019)
    * ``score=None``: all alike: the attention makes means, as in R-GCN (Schlichtkrull 2018).

    On a graph of many relations, of which a node has some, ``softmax="relation"`` with
    ``self_loop=True`` lets each relation speak with its own voice, as R-GCN does; one softmax over
    all makes a mean of everything, which beside a self term is small. With ``score=None`` besides
    this is R-GCN and `dgl.nn.RelGraphConv`, whose edge norm is :math:`1 / |N_i^r|`; with one
    relation it is `dgl.nn.GATv2Conv`. AR-IIGCN's layer has ``norm="relation", negative_slope=0,
    bias=False, activation=torch.nn.functional.gelu`` and the modalities as groups; DialogueGCN's
    and LR-GCN's ``score="bilinear", norm="relation", regularizer="basis", self_relation=True``.

    Nodes without features are given by number (`feat`): a row of each matrix is theirs.

    Computed by `ariigcn_dgl.ops.relational_attention`: on the CPU no tensor has E rows of features,
    but with edge features.

    Parameters
    ----------
    in_feats : int or pair of int
        Width D_in; of sources and of targets where these differ. The number of ids V where nodes
        have ids in place of features. -1, also in a pair: as wide as the features of the first
        call, or as the state that is loaded first; the weights are `UninitializedParameter` before.
    out_feats : int
        Width D_out of each head.
    num_rels : int
        Number of relations R.
    num_heads : int, optional
        Number of heads H. Default: one head, whose axis the output does not have.
    score : {"additive", "bilinear", None}
        One of those above.
    softmax : {"all", "relation"}
        Over all in-neighbours of a target, or over those in each relation.
    norm : {"none", "relation"}
        :math:`c_{ir} = 1`, or :math:`|N_i^r|`, the number of in-neighbours of i in relation r. The
        attention makes a mean already; AR-IIGCN and DialogueGCN divide nevertheless, which where
        nodes have many neighbours makes the sums small.
    regularizer : {None, "basis", "bdd"}
        :math:`W_r` of its own, mixed from `num_bases` bases, or block-diagonal with `num_bases`
        blocks; as in `dgl.nn.RelGraphConv`.
    num_bases : int, optional
        Default: R.
    self_relation : bool
        The last relation, that of the self edges, has a matrix :math:`W_0` of its own; the
        regularizer is for the others.
    num_groups : int, optional
        Sets of features M, e.g. modalities, that share the graph and have weights of their own:
        `feat` is (M, N, D_in) then. They run in one call.
    attn_feats : int, optional
        Width of the additive score; default D_out.
    edge_feats : int, optional
        Width F of the edges' features :math:`f_{ij}`, which enter additive scores and nothing else,
        as in PyG's `GATv2Conv`. Default: edges have none.
    negative_slope : float
        Slope of LeakyReLU; 0 is ReLU.
    feat_drop, attn_drop : float
        Dropout on the features and on the attention.
    self_loop : bool
        Add :math:`W_{self} h_i`, as `dgl.nn.RelGraphConv` does.
    layer_norm : bool
        Normalise the sums (LayerNorm of each head) before anything is added, as
        `dgl.nn.RelGraphConv` does.
    residual : bool
        Add :math:`h_i`, transformed by :math:`W_{res}` unless D_in is H D_out already.
    activation : callable, optional
        :math:`\sigma`; default none.
    bias : bool
        Learn b, and for additive scores one :math:`b_r` per relation.
    allow_zero_in_degree : bool
        Let targets without in-edges pass; their sum is 0, so that b and the residual are all they
        get. Otherwise they are an error.
    sparse : bool
        Where nodes have ids: make the gradient of the relations' matrices a sparse tensor of the
        rows that were read, for `torch.optim.SparseAdam`; see `torch.nn.Embedding`.
    impl : {"native", "reference"}
        "reference" computes in plain torch.

    Examples
    --------
    A homogeneous graph whose edges have relations 0 and 1:

    >>> import torch
    >>> from ariigcn_dgl import dgl
    >>> g = dgl.graph(([0, 1, 2, 2], [1, 2, 0, 2]))
    >>> conv = RelEdgeAttentionConv(10, 4, num_rels=2, num_heads=3)
    >>> out, attention = conv(g, torch.ones(3, 10), torch.tensor([0, 1, 0, 1]), get_attention=True)
    >>> out.shape, attention.shape
    (torch.Size([3, 3, 4]), torch.Size([4, 3, 1]))

    A heterograph: features by node type, one relation per edge type.

    >>> edges = {("user", "rates", "item"): ([0, 1], [0, 0]), ("item", "of", "user"): ([0], [1])}
    >>> g = dgl.heterograph(edges)
    >>> conv = RelEdgeAttentionConv(10, 4, num_rels=2, allow_zero_in_degree=True)
    >>> out = conv(g, {"user": torch.ones(2, 10), "item": torch.ones(1, 10)})
    >>> out["user"].shape, out["item"].shape
    (torch.Size([2, 4]), torch.Size([1, 4]))

    Features of the edges too, and the width of the nodes' is not said:

    >>> g = dgl.graph(([0, 1, 2, 2], [1, 2, 0, 2]))
    >>> conv = RelEdgeAttentionConv(-1, 4, edge_feats=5)
    >>> conv(g, torch.ones(3, 10), edge_feat=torch.ones(4, 5)).shape, conv.weight_src.shape
    (torch.Size([3, 4]), torch.Size([1, 10, 4]))

    R-GCN's first layer, on nodes that have no features:

    >>> g = dgl.graph(([0, 1, 2, 2], [1, 2, 0, 2]))
    >>> conv = RelEdgeAttentionConv(3, 4, 2, score=None, softmax="relation", self_loop=True)
    >>> conv(g, None, torch.tensor([0, 1, 0, 1])).shape
    torch.Size([3, 4])
    """

    def forward(
        self,
        graph: dgl.DGLGraph | Graph,
        feat: Rows | tuple[Rows, Rows] | None,
        etypes: Tensor | None = None,
        *,
        edge_weight: PerEdge | None = None,
        edge_feat: PerEdge | None = None,
        get_attention: bool = False,
    ) -> Rows | tuple[Rows, Tensor | dict[Etype, Tensor]]:
        """Return the new states of the targets.

        `graph` is not changed. A DGL graph is converted when it is first seen and the conversion
        compared with the graph's edges at later calls; convert it yourself (`Graph.from_dgl`) to
        save that too, or to use `torch.compile`.

        Parameters
        ----------
        graph : DGLGraph or Graph
            Homogeneous, bipartite, heterograph or block, with E edges from N_src sources to N_dst
            targets; on the device of `feat`, or on the CPU.
        feat : tensor, dict of str to tensor, or pair of either
            (N, D_in) node states; by node type in a heterograph; ``(source rows, target rows)``
            where these are different nodes. Of a block's states the first N_dst are the targets'.
            With groups (M, N, D_in) states of nodes of one type. In place of rows (N,) int tensors
            of ids below V, such as ``block.srcdata[dgl.NID]``, for nodes without features; None is
            0, 1, ..., counted type after type in a heterograph.
        etypes : (E,) int tensor, optional
            Relations by edge id, for a graph with one edge type and R > 1. In a heterograph
            relation r is ``graph.canonical_etypes[r]``; a `Graph` has its own.
        edge_weight : (E,) tensor, or dict of edge type to tensor, optional
            What multiplies the attention, by edge id; default 1. A `Graph`'s edge ids are the
            places of its edges among those that it was made of.
        edge_feat : (E, F) tensor, or dict of edge type to tensor, optional
            Features of the edges, by edge id, where the layer has `edge_feats`; groups share them.
        get_attention : bool
            Also return the attention, before dropout.

        Returns
        -------
        (N_dst, H, D_out) tensor, or dict of it by node type
            Without its second axis where `num_heads` was not given; with groups behind an axis M.
        (E, H, 1) tensor, or dict of it by canonical edge type
            Attention by edge id, if asked for; with groups (M, E, H, 1).

        Raises
        ------
        DGLError
            If targets have no in-edges and `allow_zero_in_degree` is False; with a `Graph`
            ValueError.
        ValueError
            If shapes, dtypes, devices or relations do not fit.
        """
        groups = None if self.num_groups is None else self._groups(feat)
        own = feat if groups is None else groups[0]  # one group stands for all
        rels, width = self.num_rels, self.edge_feats
        inputs = read_inputs(graph, own, etypes, edge_weight, rels, edge_feat, width)
        if self._is_lazy:
            self._take_widths(inputs)
        inputs.require_like(self._any_weight, self.src_feats, self.dst_feats)
        if not self._allow_zero_in_degree:
            inputs.require_in_edges()
        if inputs.are_ids:
            out, alpha, loop = self._look_up(inputs)
        else:
            src = self.feat_drop(inputs.src.unsqueeze(0) if groups is None else groups)
            # Dropout is to hit a node alike as a source and as a target.
            if inputs.dst is inputs.src:
                dst = src
            elif isinstance(feat, Tensor):  # of a block, whose targets are the first sources
                dst = src[:, : len(inputs.dst)]
            else:
                dst = self.feat_drop(inputs.dst.unsqueeze(0))
            out, alpha = self._attend(inputs, src, dst)
            loop = self._own_terms(dst)
        # A look-up does not call the operator that applies it.
        out = self._finish(out, loop, activated=self._gelu_is_fused and not inputs.are_ids)
        if groups is None:
            states = inputs.by_node_type(out.squeeze(0))
            return (states, inputs.by_edge(alpha)) if get_attention else states
        if not get_attention:
            return out
        return out, inputs.by_eid(alpha).unflatten(1, (len(groups), -1)).transpose(0, 1)

    def _take_widths(self, inputs: GraphInputs) -> None:
        """Make the weights, as wide as what the layer is called with for the first time."""
        if inputs.are_ids:
            raise ValueError(
                "in_feats must be given where nodes have ids, which do not tell how many there "
                "are, got -1"
            )
        if torch.compiler.is_compiling():
            raise ValueError(
                "in_feats must be known when the layer is compiled, got -1: call it once before"
            )
        self.initialize_parameters(inputs.src.size(1), inputs.dst.size(1))

    def _groups(self, feat: Rows | tuple[Rows, Rows] | None) -> Tensor:
        """Return the states of all groups, (M, N, D_in)."""
        if not isinstance(feat, Tensor) or feat.dim() != 3 or len(feat) != self.num_groups:
            got = tuple(feat.shape) if isinstance(feat, Tensor) else type(feat).__name__
            raise ValueError(
                f"feat must have shape ({self.num_groups}, N, {self.src_feats}), one row of nodes "
                f"for each of the layer's num_groups, got {got}"
            )
        return feat

    @property
    def _any_weight(self) -> Tensor:
        """A weight that every layer has; replicas of `nn.DataParallel` list no parameters."""
        return getattr(self, self._matrix_names[0])

    @property
    def _gelu_is_fused(self) -> bool:
        """Whether the operator applies the activation, as nothing lies between."""
        between = self.bias, self.residual, self.loop_weight, self.layer_norm, self.edge_feats
        direct = self.score_kind == "additive" and all(x is None for x in between)
        return direct and self.activation is F.gelu

    @property
    def _sums(self) -> EdgeSums:
        drop = self.attn_drop if self.training else 0.0
        return EdgeSums(self.softmax, self.norm == "relation", drop, self.impl)

    @property
    def _relation_parameters(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in self._matrix_names}

    def _attend(self, inputs: GraphInputs, src: Tensor, dst: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sums, (M H, N_dst, D_out), and the attention, (M H, E), of rows (M, N, D)."""
        graph, edge_weight = inputs.graph, inputs.edge_weight
        sums, matrices = self._sums, relation_matrices(self._relation_parameters)
        if self.score_kind != "additive" or inputs.edge_feat is not None:
            alpha = self._attention(inputs, src, dst)
            out = sums.sum_rows(graph, alpha, src, matrices, edge_weight)
            return out, alpha.expand(len(out), -1)
        width = max(self.src_feats, self.dst_feats)  # the operator takes one width
        return relational_attention(
            graph,
            _widen(src, width),
            _widen(self.weight_dst, width, dim=-2),
            _widen(self.weight_src, width, dim=-2),
            self.score.squeeze(-1),
            _widen(matrices, width, dim=-2),
            dst_feat=None if dst is src else _widen(dst, width),
            bias=self.score_bias,
            edge_weight=edge_weight,
            negative_slope=self.negative_slope,
            dropout=sums.drop,
            normalise=sums.divide,
            gelu=self._gelu_is_fused,
            softmax=self.softmax,
            impl=self.impl,
        )

    def _attention(self, inputs: GraphInputs, src: Tensor, dst: Tensor) -> Tensor:
        """Return the attention, (M H, E) or (1, E), where it is no part of the fused operator."""
        graph, sums = inputs.graph, self._sums
        if self.score_kind is None:
            return sums.mean(graph, src)
        if self.score_kind == "bilinear":
            return sums.bilinear(graph, src, dst, self.weight_score)
        u, v = project(dst, self.weight_dst), project(src, self.weight_src)
        return self._additive(inputs, u, v)

    def _additive(self, inputs: GraphInputs, u: Tensor, v: Tensor) -> Tensor:
        """Return the attention, (M H, E), of projected targets u and sources v, (M H, N, A)."""
        graph = inputs.graph
        if inputs.edge_feat is not None:
            v = edge_terms(graph, v, inputs.edge_feat, self.weight_edge)
            graph = graph.edges_as_sources
        same = torch.eye(u.size(-1), dtype=u.dtype, device=u.device).expand(len(u), -1, -1)
        return additive_attention(
            graph,
            v,
            same,
            same,
            self.score.squeeze(-1),
            dst_feat=u,
            bias=self.score_bias,
            negative_slope=self.negative_slope,
            softmax=self.softmax,
            impl=self.impl,
        )

    def _look_up(self, inputs: GraphInputs) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return sums, attention and own terms where nodes have ids: rows of all matrices."""
        if self.score_kind == "bilinear" or isinstance(self.residual, nn.Identity):
            raise ValueError(
                "feat must be features: ids have neither dot products (score='bilinear') nor a "
                "residual of their own; take score='additive' or None, and self_loop=True"
            )
        if self.feat_drop.p > 0:
            raise ValueError(
                f"feat_drop must be 0 where nodes have ids, which it cannot hit, got "
                f"{self.feat_drop.p}"
            )
        if self.residual is not None and not is_linear(self.residual):
            raise ValueError(
                "residual must be a plain nn.Linear without hooks where nodes have ids, which look "
                f"its weight up, got {type(self.residual).__name__}"
            )
        src, dst = inputs.ids()
        graph, sums = inputs.graph, self._sums
        if self.score_kind is None:
            alpha = sums.mean(graph, self._any_weight)
        else:
            u = _rows(self.weight_dst, dst, graph.num_dst)
            v = _rows(self.weight_src, src, graph.num_src)
            alpha = self._additive(inputs, u, v)
        own_matrices = self._relation_parameters
        out = sums.look_up(graph, alpha, src, own_matrices, inputs.edge_weight, self.sparse)
        own: Tensor | None = self.loop_weight
        if is_linear(self.residual):
            own = self.residual.weight.T if own is None else own + self.residual.weight.T
        terms = None if own is None else _rows(own, dst, graph.num_dst).unsqueeze(0)
        return out, alpha.expand(len(out), -1), terms

    def _own_terms(self, dst: Tensor) -> Tensor | None:
        """Return what targets (M, N_dst, D_in) add of their own, (M, N_dst, H D_out)."""
        own = None if self.residual is None else self.residual(dst)
        if self.loop_weight is None:
            return own
        loop = dst @ self.loop_weight
        return loop if own is None else own + loop

    def _finish(self, out: Tensor, own: Tensor | None, activated: bool) -> Tensor:
        """Return the result, (M, N_dst, H, D_out) or (M, N_dst, D_out), of the sums."""
        out = out if self.layer_norm is None else self.layer_norm(out)
        out = out if self.bias is None else out + self.bias.unsqueeze(1)
        if self.num_heads is not None:
            out = out.unflatten(0, (-1, self.num_heads)).transpose(1, 2)
        out = out if own is None else out + own.view(out.shape)
        return out if self.activation is None or activated else self.activation(out)


def _rows(table: Tensor, ids: Tensor | None, count: int) -> Tensor:
    """Return the rows of a table (..., V, D) that nodes have by their ids or their numbers."""
    return table[..., :count, :] if ids is None else table.index_select(-2, ids)


def _widen(x: Tensor, width: int, dim: int = -1) -> Tensor:
    """Return `x` with zeros up to the width along its last or last but one axis, if any lack."""
    missing = width - x.size(dim)
    return F.pad(x, (0, missing) if dim == -1 else (0, 0, 0, missing)) if missing else x
