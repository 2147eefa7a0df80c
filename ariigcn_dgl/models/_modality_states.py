"""What MMGCN and M3NET begin with: a state of each modality of each utterance."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data import in_order
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.models.system import known_lengths, speaker_rows, zero_where_missing
from ariigcn_dgl.nn import DialogueGRU, DialogueLSTM, ModalityGraph


class ModalityStates(nn.Module):
    """Map each modality to width D; give one of them context and speakers.

    That one is the text, as the authors of both systems have it; of sets without text it is the
    first modality that there is.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    dim : int
        Width D.
    recurrent : DialogueLSTM or DialogueGRU
        Of width D: reads the dialogue.
    num_speakers : int
        Speaker embeddings; further speakers of a dialogue share the last one.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        dim: int,
        recurrent: DialogueLSTM | DialogueGRU,
        num_speakers: int,
    ) -> None:
        super().__init__()
        self.leading = in_order(widths)[0]
        self.maps = nn.ModuleDict({m: nn.Linear(width, dim) for m, width in widths.items()})
        self.context = recurrent
        self.speakers = nn.Embedding(num_speakers, dim)

    def forward(self, batch: Batch) -> tuple[ModalityGraph, Tensor]:
        """Return the graph of the modalities, and its nodes' states, (B, M T, D)."""
        features, lengths = zero_where_missing(batch), known_lengths(batch)
        states = {m: linear(features[m]) for m, linear in self.maps.items()}
        # Without the bias, which would speak for a missing row to its neighbours.
        read = zero_missing(states[self.leading], batch.masks[self.leading])
        speakers = self.speakers(speaker_rows(batch, self.speakers.num_embeddings))
        states[self.leading] = self.context(read, lengths) + speakers
        graph = ModalityGraph(batch.present(states), lengths)
        return graph, graph.table(torch.stack(list(states.values())))
