"""A batch whose structure is computed by tensors alone, so that a program can compute it again.

What a `Graph` and `Sequences` hold is counted on the host: how many edges there are decides shapes.
Here every shape follows from the numbers of utterances N and of dialogues B: a dialogue is a row of
a mask, a neighbour one of the W places of the window, of which some do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.graph.window import MERGED

EACH_SPEAKER = 2  # relations of an ordered pair: past and future


@dataclass(frozen=True)
class Sequences:
    """Which rows follow each other.

    Parameters
    ----------
    member : (N, S) float tensor
        1 where a row belongs to a sequence; each belongs to one.
    """

    member: Tensor

    @cached_property
    def together(self) -> Tensor:
        """Whether two rows belong to one sequence, (N, N) bool."""
        return self.member @ self.member.mT > 0


@dataclass(frozen=True)
class Band:
    """The windowed graph of dialogues, W = past + 1 + future places for each utterance.

    Parameters
    ----------
    sources : (N, W) int64 tensor
        Utterance at each place; any where there is none.
    exists : (N, W) bool tensor
    etypes : (N, W) int64 tensor
        Relation of each place.
    own : int
        The place of the utterance itself.
    """

    sources: Tensor
    exists: Tensor
    etypes: Tensor
    own: int

    @property
    def degree(self) -> Tensor:
        """In-edges of each utterance, (N, 1) float."""
        return self.exists.sum(1, keepdim=True).float()

    @property
    def relation_degree(self) -> Tensor:
        """In-edges of the relation that each place belongs to, at least 1, (N, W) float."""
        same = self.etypes.unsqueeze(2) == self.etypes.unsqueeze(1)
        return (same & self.exists.unsqueeze(1)).sum(2).clamp(min=1).float()

    @classmethod
    def of(cls, window: Window, speakers: Tensor, dialogues: Sequences) -> Band:
        """Return the graph of dialogues; relations are numbered as in `Graph.from_dialogues`."""
        offsets = torch.arange(-window.past, window.future + 1)  # of the source from the target
        rows = torch.arange(speakers.size(0)).unsqueeze(1)
        beyond = speakers.size(0) - 1
        sources = (rows + offsets).clamp(min=0).minimum(torch.ones_like(rows) * beyond)
        inside = (rows + offsets >= 0) & (rows + offsets <= beyond)
        exists = inside & dialogues.together[rows, sources]
        etypes = _relations(window, speakers, dialogues, sources, offsets)
        return cls(sources, exists, etypes, window.past)


def _relations(
    window: Window, speakers: Tensor, dialogues: Sequences, sources: Tensor, offsets: Tensor
) -> Tensor:
    ahead = (offsets > 0).long().expand_as(sources)
    if window.graph_relations == "pairs":
        numbers, count = speaker_numbers(speakers, dialogues), window.num_speakers
        pair = numbers[sources] * count + numbers.unsqueeze(1)
        etypes, own = pair * EACH_SPEAKER + ahead, EACH_SPEAKER * count**2
    else:
        other = (speakers[sources] != speakers.unsqueeze(1)).long()
        etypes, own = other * 2 + ahead, 4
    etypes = torch.where(offsets == 0, own, etypes)
    if window.graph_relations in MERGED:
        etypes = torch.tensor(MERGED[window.graph_relations][1])[etypes]
    if window.distances:
        reach = torch.bucketize(offsets.abs(), torch.tensor(window.distances))
        etypes = etypes * (len(window.distances) + 1) + reach
    return etypes


def speaker_numbers(speakers: Tensor, dialogues: Sequences) -> Tensor:
    """Return the number of each utterance's speaker in its dialogue, by first appearance, (N,)."""
    rows = torch.arange(speakers.size(0))
    first = _first(_threads(speakers, dialogues))
    # A speaker's number is that of the speakers who began before.
    began = (first == rows) & (rows < first.unsqueeze(1)) & dialogues.together
    return began.sum(1)


def _threads(speakers: Tensor, dialogues: Sequences) -> Tensor:
    """Return whether two utterances are of one speaker in one dialogue, (N, N) bool."""
    return (speakers == speakers.unsqueeze(1)) & dialogues.together


def _first(together: Tensor) -> Tensor:
    """Return the first row that belongs together with each row, (N,)."""
    return together.float().argmax(1)


@dataclass(frozen=True)
class DenseBatch(Batch):
    """A batch made of tensors alone; `graph`, `lengths` and sequences are of this module's kinds.

    Models read them only to hand them on to their layers, which are exchanged for the twins of
    `ariigcn_dgl.export.twins`.
    """

    @classmethod
    def of(
        cls,
        window: Window,
        features: dict[str, Tensor],
        masks: dict[str, Tensor],
        speakers: Tensor,
        lengths: Tensor,
    ) -> DenseBatch:
        """Return the batch of N utterances, dialogue after dialogue."""
        rows = torch.arange(speakers.size(0)).unsqueeze(1)
        ends = lengths.cumsum(0)
        dialogues = Sequences(((rows >= ends - lengths) & (rows < ends)).float())
        return cls(
            features=features,
            masks=masks,
            labels=torch.zeros_like(speakers),
            speakers=speakers,
            lengths=cast("Any", dialogues),
            graph=cast("Any", Band.of(window, speakers, dialogues)),
        )

    @cached_property
    def dialogues(self) -> Any:
        """The utterances of each dialogue."""
        return self.lengths

    @cached_property
    def thread(self) -> Tensor:
        """First utterance of the speaker in the dialogue: as good a name as a number."""
        return _first(_threads(self.speakers, self.dialogues))

    @cached_property
    def threads(self) -> Any:
        """The utterances of each speaker in each dialogue: as many sequences as utterances."""
        rows = torch.arange(self.speakers.size(0))
        return Sequences((self.thread.unsqueeze(1) == rows).float())
