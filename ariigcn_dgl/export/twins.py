"""Layers that compute the same as those they stand for, from what `ariigcn_dgl.export.dense` has.

Their formulas are those of the reference operators (``impl="reference"``), over the places of a
window instead of a list of edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from ariigcn_dgl.export.dense import Band, Sequences
from ariigcn_dgl.nn import (
    DialogueAttention,
    DialogueGRU,
    DialogueLSTM,
    LatentGraphConv,
    MeanConv,
    RelationalGraph,
    RelEdgeAttentionConv,
    SpeakerRelative,
    SumConv,
    TextCNN,
)
from ariigcn_dgl.nn._relation_matrices import relation_matrices


class Twin(nn.Module):
    """Stands for a layer, whose parameters it reads."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer: nn.Module = layer


class BandAttention(Twin):
    """`RelEdgeAttentionConv`: attention over the places of a window (Eq. 8-10)."""

    layer: RelEdgeAttentionConv

    def forward(
        self, graph: Band, feat: Tensor, *, get_attention: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the states, and the attention as (M, N W, 1, 1), without groups (N W, 1)."""
        layer, grouped = self.layer, self.layer.num_groups is not None
        rows = feat if grouped else feat.unsqueeze(0)
        matrices = relation_matrices({name: getattr(layer, name) for name in layer._matrix_names})
        heads = matrices.size(0) // rows.size(0)
        rows = rows.repeat_interleave(heads, 0) if heads > 1 else rows
        scores = self._scores(graph, rows).masked_fill(~graph.exists, -torch.inf)
        alpha = scores.softmax(-1)
        factor = alpha / graph.relation_degree if layer.norm == "relation" else alpha
        out = torch.zeros_like(rows @ matrices[:, 0])
        neighbours = rows[:, graph.sources]  # (G, N, W, D)
        for relation in range(layer.num_rels):
            weight = factor * (graph.etypes == relation)
            summed = (weight.unsqueeze(2) @ neighbours).squeeze(2)
            out = out + summed @ matrices[:, relation]
        states = self._finished(out, feat, grouped)
        if not get_attention:
            return states
        by_edge = alpha.flatten(1)  # (G, N W)
        return states, by_edge[..., None, None] if grouped else by_edge.mT

    def _scores(self, graph: Band, rows: Tensor) -> Tensor:
        layer = self.layer
        if layer.score_kind == "bilinear":
            targets = (rows @ layer.weight_score).unsqueeze(2)
            return (targets @ rows[:, graph.sources].mT).squeeze(2)
        hidden = (rows @ layer.weight_dst).unsqueeze(2) + (rows @ layer.weight_src)[
            :, graph.sources
        ]
        if layer.score_bias is not None:
            hidden = hidden + layer.score_bias[:, graph.etypes]
        return (F.leaky_relu(hidden, layer.negative_slope) @ layer.score.unsqueeze(1)).squeeze(-1)

    def _finished(self, out: Tensor, feat: Tensor, grouped: bool) -> Tensor:
        layer = self.layer
        out = out if layer.bias is None else out + layer.bias.unsqueeze(1)
        if layer.num_heads is not None:
            out = out.unflatten(0, (-1, layer.num_heads)).transpose(1, 2)
        out = out if grouped else out.squeeze(0)
        if layer.residual is not None:
            out = out + layer.residual(feat).view(out.shape)
        return out if layer.activation is None else layer.activation(out)


class BandMean(Twin):
    """`MeanConv` over the places of a window."""

    layer: MeanConv

    def forward(self, graph: Band, feat: Tensor, attention: Tensor) -> Tensor:
        """Return the states, (G, N, D_out); the attention is (G, N W)."""
        weight = graph.exists.float() * self._factors(graph)
        mean = (weight.unsqueeze(1) @ feat[:, graph.sources]).squeeze(2)
        own = attention.unflatten(1, (-1, graph.sources.size(1)))[..., graph.own].unsqueeze(-1)
        return F.gelu(mean @ self.layer.weight + own * (feat @ self.layer.self_weight))

    def _factors(self, graph: Band) -> Tensor:
        if self.layer.reduction == "mean":
            return 1 / graph.degree
        if self.layer.reduction == "sum":
            return torch.ones_like(graph.degree)
        return (graph.degree * graph.degree.squeeze(1)[graph.sources]).rsqrt()


class BandSum(Twin):
    """`SumConv` over the places of a window."""

    layer: SumConv

    def forward(self, graph: Band, feat: Tensor, edge_weight: Tensor) -> Tensor:
        """Return the states, (N, D_out); the weights are (N W,)."""
        total = (graph.exists.float().unsqueeze(1) @ feat[graph.sources]).squeeze(1)
        own = edge_weight.unflatten(0, (-1, graph.sources.size(1)))[:, graph.own].unsqueeze(1)
        layer = self.layer
        return total @ layer.weight + own * (feat @ layer.self_weight) + layer.bias


class BandLayers(Twin):
    """`RelationalGraph`, whose blocks have twins inside."""

    layer: RelationalGraph

    def forward(self, graph: Band, feat: Tensor) -> Tensor:
        """Return the states, (M, N, D)."""
        for block in self.layer.blocks:
            feat = block(graph, feat)
        return feat


class SpeakerMean(Twin):
    """`SpeakerRelative`, its means by one product."""

    layer: SpeakerRelative

    def forward(self, feat: Tensor, mask: Tensor, thread: Tensor) -> Tensor:
        """Return the widened rows, (N, 2 D)."""
        together = (thread == thread.unsqueeze(1)).to(feat)
        if self.layer.causal:
            together = together.tril()
        known = mask.unsqueeze(1)
        sums = together @ torch.where(known, feat, 0)
        mean = sums / (together @ known.to(feat)).clamp(min=1)
        return torch.cat([feat, (feat - mean) * known], dim=1)


class ScannedRNN(Twin):
    """`DialogueGRU` and `DialogueLSTM`: one pass over all rows, a state for each sequence."""

    layer: DialogueGRU | DialogueLSTM

    def forward(self, feat: Tensor, sequences: Sequences) -> Tensor:
        """Return the states, (N, D')."""
        rnn = cast("nn.RNNBase", next(self.layer.children()))
        directions = ["", "_reverse"] if rnn.bidirectional else [""]
        for layer in range(rnn.num_layers):
            states = [self._run(rnn, f"_l{layer}{d}", feat, sequences.member) for d in directions]
            feat = torch.cat(states, 1)
        return feat

    def _run(self, rnn: nn.RNNBase, name: str, feat: Tensor, member: Tensor) -> Tensor:
        inputs = F.linear(feat, getattr(rnn, f"weight_ih{name}"), getattr(rnn, f"bias_ih{name}"))
        backwards = name.endswith("_reverse")
        if backwards:
            inputs, member = inputs.flip(0), member.flip(0)
        cell = _gru if isinstance(rnn, nn.GRU) else _lstm
        hidden = (getattr(rnn, f"weight_hh{name}"), getattr(rnn, f"bias_hh{name}"))
        states = _scanned(cell, hidden, inputs, member, rnn.hidden_size)
        return states.flip(0) if backwards else states


Cell = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _scanned(
    cell: Cell, hidden: tuple[Tensor, Tensor], inputs: Tensor, member: Tensor, width: int
) -> Tensor:
    """Return the state after each row, (N, H), of the sequence that it belongs to."""
    weight, bias = hidden
    kept = width * (2 if cell is _lstm else 1)  # beside the state an LSTM's memory

    def step(states: Tensor, row: list[Tensor]) -> tuple[Tensor, Tensor]:
        gates, own = row[0], row[1].unsqueeze(1)  # (S, 1)
        after = cell((states * own).sum(0), gates, weight, bias)
        return states * (1 - own) + own * after, after.clone()

    nothing = inputs.new_zeros(member.size(1), kept)
    return scan(step, nothing, [inputs, member])[1][:, :width]


def _gru(state: Tensor, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    reset, update, new = inputs.chunk(3)
    from_reset, from_update, from_new = F.linear(state.unsqueeze(0), weight, bias)[0].chunk(3)
    update = torch.sigmoid(update + from_update)
    new = torch.tanh(new + torch.sigmoid(reset + from_reset) * from_new)
    return new + update * (state - new)


def _lstm(both: Tensor, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    state, memory = both.chunk(2)
    gates = inputs + F.linear(state.unsqueeze(0), weight, bias)[0]
    into, forget, new, out = gates.chunk(4)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(into) * torch.tanh(new)
    return torch.cat([torch.sigmoid(out) * torch.tanh(memory), memory])


class DenseAttention(Twin):
    """`DialogueAttention` over all utterances, of which those of other dialogues are hidden."""

    layer: DialogueAttention

    def forward(self, feat: Tensor, sequences: Sequences) -> Tensor:
        """Return the attended utterances, (N, D)."""
        seen = sequences.together
        if self.layer.past_only:
            seen = seen & torch.ones_like(seen).tril()
        scores = (self.layer.query(feat) @ feat.mT).masked_fill(~seen, -torch.inf)
        return scores.softmax(-1) @ feat


class DenseLatent(Twin):
    """`LatentGraphConv` over all utterances, of which those of other dialogues are hidden."""

    layer: LatentGraphConv

    def forward(self, feat: Tensor, sequences: Sequences) -> Tensor:
        """Return the K branches of every utterance, (N, K, D)."""
        layer, graphs = self.layer, self.layer.num_graphs
        query, key = (
            x(feat).unflatten(-1, (graphs, -1)).transpose(0, 1) for x in (layer.query, layer.key)
        )
        scores = query @ key.mT / query.size(-1) ** 0.5
        attention = scores.masked_fill(~sequences.together, -torch.inf).softmax(-1)
        dense = feat.unsqueeze(0).expand(graphs, -1, -1)
        for weight, bias in zip(layer.weights, layer.biases, strict=True):
            dense = torch.cat([dense, (attention @ (dense @ weight) + bias).relu()], dim=-1)
        return dense[..., feat.size(1) :].transpose(0, 1)


class WholeCNN(Twin):
    """`TextCNN` without a look at how long sequences are, and in one go."""

    layer: TextCNN

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        """Return the largest responses, (N, widths x num_filters)."""
        inside = torch.arange(feat.size(1)) < lengths.unsqueeze(1)
        rows = feat.masked_fill(~inside.unsqueeze(2), 0).transpose(1, 2)
        found = []
        for convolution in cast("Iterable[nn.Conv1d]", self.layer.convolutions):
            width = convolution.kernel_size[0]
            response = convolution(F.pad(rows, (0, max(0, width - feat.size(1)))))
            start = torch.arange(response.size(2))
            beyond = start > (lengths - width).clamp(min=0).unsqueeze(1)
            found.append(response.masked_fill(beyond.unsqueeze(1), -torch.inf).amax(2).relu())
        return torch.cat(found, 1)


TWINS: dict[type[nn.Module], type[Twin]] = {
    DialogueAttention: DenseAttention,
    DialogueGRU: ScannedRNN,
    DialogueLSTM: ScannedRNN,
    LatentGraphConv: DenseLatent,
    MeanConv: BandMean,
    RelEdgeAttentionConv: BandAttention,
    RelationalGraph: BandLayers,
    SpeakerRelative: SpeakerMean,
    SumConv: BandSum,
    TextCNN: WholeCNN,
}


def exchange(module: nn.Module) -> nn.Module:
    """Return the module with its layers exchanged for their twins, in place."""
    for name, child in list(module.named_children()):
        setattr(module, name, exchange(child))
    twin = TWINS.get(type(module))
    return module if twin is None else twin(module)
