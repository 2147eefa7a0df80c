"""Modalities that attend to themselves and to each other, along a dialogue or along words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._layout import padded, places
from ariigcn_dgl.nn._positions import positions
from ariigcn_dgl.nn.transformer_block import TransformerBlock


class CrossModalTransformer(nn.Module):
    r"""Fuse modalities after attention within each and from each to each other (CT-Net, Lian 2021).

    .. math::
        s_{mm} &= \mathrm{Block}_m(x_m \to x_m), \qquad
        s_{mn} = \mathrm{Block}_{mn}(s_{mm} \to s_{nn}) \\
        z_i &= \sum_{mn} \mathrm{softmax}_{mn}\big(w^\top \tanh(W s_{mn,i} + b)\big)\, s_{mn,i}

    Blocks are `TransformerBlock`, queries left of the arrow, keys right of it, with sinusoidal
    positions on the inputs. Nothing attends to a missing row, and where the modality of either side
    is missing, :math:`s_{mn}` is left out of the sum.

    `forward` runs along the utterances of dialogues, each a vector of each modality. `of_sequences`
    runs along the words, or segments, of utterances, whose :math:`s_{mn}` are means over them;
    those of two modalities need not be as many.

    Parameters
    ----------
    modalities : sequence of str
        Their names, which the features have.
    dim, num_heads, dropout
        See `TransformerBlock`; `dim` must be even.

    Examples
    --------
    >>> import torch
    >>> feat = {"text": torch.ones(5, 8), "audio": torch.ones(5, 8)}
    >>> there = {name: torch.ones(5, dtype=torch.bool) for name in feat}
    >>> CrossModalTransformer(["text", "audio"], 8, 2)(feat, there, torch.tensor([2, 3])).shape
    torch.Size([5, 8])
    """

    def __init__(
        self, modalities: list[str], dim: int, num_heads: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.within = nn.ModuleDict(
            {m: TransformerBlock(dim, num_heads, dropout) for m in modalities}
        )
        self.pairs = list(permutations(modalities, 2))
        self.across = nn.ModuleList(TransformerBlock(dim, num_heads, dropout) for _ in self.pairs)
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1, bias=False))

    def forward(
        self, feat: Mapping[str, Tensor], masks: Mapping[str, Tensor], lengths: Tensor
    ) -> Tensor:
        """Return the fused utterances.

        Parameters
        ----------
        feat : mapping of str to (N, D) tensor
            Utterances, dialogue after dialogue.
        masks : mapping of str to (N,) bool tensor
            False where the modality is missing.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, at least 1, on the CPU.

        Returns
        -------
        (N, D) tensor
        """
        tables, known, hidden = {}, {}, {}
        for m in self.within:
            tables[m], exists = padded(feat[m], lengths)
            known[m] = padded(masks[m], lengths)[0]
            # a sequence without any key would have no softmax; nothing reads its states
            some = known[m].any(1, keepdim=True)
            hidden[m] = ~torch.where(some, known[m], exists)
        streams = self._streams(tables, hidden)
        counts = [known[m] & known[n].any(1, keepdim=True) for m, n in self._sides]
        dialogue, step = places(lengths, exists.device)
        stream, count = torch.stack(streams), torch.stack(counts)
        return self._mean(stream[:, dialogue, step], count[:, dialogue, step])

    def of_sequences(self, tables: Mapping[str, Tensor], exists: Mapping[str, Tensor]) -> Tensor:
        """Return the fused utterances, of which each modality is a sequence.

        Parameters
        ----------
        tables : mapping of str to (N, L_m, D) tensor
            Words or segments of each utterance; L_m is at least 1.
        exists : mapping of str to (N, L_m) bool tensor
            Where they stand. What is elsewhere changes nothing; an utterance that lacks the
            modality has none.

        Returns
        -------
        (N, D) tensor
            Zeros where an utterance has nothing at all.
        """
        some = {m: exists[m].any(1) for m in self.within}
        hidden = {m: some[m].unsqueeze(1) & ~exists[m] for m in self.within}
        pairs = zip(self._sides, self._streams(tables, hidden), strict=True)
        means = [_mean_where(stream, exists[m]) for (m, _), stream in pairs]
        counts = [some[m] & some[n] for m, n in self._sides]
        return self._mean(torch.stack(means), torch.stack(counts))

    @property
    def _sides(self) -> list[tuple[str, str]]:
        """What asks and what answers in each block."""
        return [*((m, m) for m in self.within), *self.pairs]

    def _streams(self, tables: Mapping[str, Tensor], hidden: Mapping[str, Tensor]) -> list[Tensor]:
        """Return what each block makes of tables (B, T_m, D) whose `hidden` keys are not read."""
        states = {}
        for m, block in self.within.items():
            table = tables[m] + positions(tables[m])
            states[m] = block(table, table, hidden[m])
        pairs = zip(self.pairs, self.across, strict=True)
        return [*states.values(), *(f(states[m], states[n], hidden[n]) for (m, n), f in pairs)]

    def _mean(self, streams: Tensor, counts: Tensor) -> Tensor:
        """Return the weighted mean, (N, D), of streams (S, N, D) where they count (S, N)."""
        scores = self.score(streams)
        # Not -inf: where no modality is there at all, the softmax would be NaN.
        scores = scores.masked_fill(~counts.unsqueeze(2), torch.finfo(scores.dtype).min)
        return (scores.softmax(0) * streams).sum(0)


def _mean_where(table: Tensor, exists: Tensor) -> Tensor:
    """Return the mean, (N, D), of the rows of (N, L, D) that exist; zeros where none does."""
    total = table.masked_fill(~exists.unsqueeze(2), 0).sum(1)
    return total / exists.sum(1, keepdim=True).clamp(min=1)
