"""Modalities that attend to themselves and to each other along a dialogue."""

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
        states, known, hidden = {}, {}, {}
        for m, block in self.within.items():
            table, exists = padded(feat[m], lengths)
            known[m] = padded(masks[m], lengths)[0]
            # a sequence without any key would have no softmax; nothing reads its states
            some = known[m].any(1, keepdim=True)
            hidden[m] = ~torch.where(some, known[m], exists)
            table = table + positions(table)
            states[m] = block(table, table, hidden[m])
        streams, counts = list(states.values()), list(known.values())
        for (m, n), block in zip(self.pairs, self.across, strict=True):
            streams.append(block(states[m], states[n], hidden[n]))
            counts.append(known[m] & known[n].any(1, keepdim=True))
        dialogue, step = places(lengths, exists.device)
        stream, count = torch.stack(streams), torch.stack(counts)
        return self._mean(stream[:, dialogue, step], count[:, dialogue, step])

    def _mean(self, streams: Tensor, counts: Tensor) -> Tensor:
        """Return the weighted mean, (N, D), of streams (S, N, D) where they count (S, N)."""
        scores = self.score(streams)
        # Not -inf: where no modality is there at all, the softmax would be NaN.
        scores = scores.masked_fill(~counts.unsqueeze(2), torch.finfo(scores.dtype).min)
        return (scores.softmax(0) * streams).sum(0)
