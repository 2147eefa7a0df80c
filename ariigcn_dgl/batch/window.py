"""Which utterances of a dialogue are connected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from torch import Tensor

from ariigcn_dgl.graph import Graph, relation_names
from ariigcn_dgl.graph.window import MOST_SPEAKERS, Relations
from ariigcn_dgl.limits import Limit, NotNegativeInt

_SPEAKERS = Limit(f"from 1 to {MOST_SPEAKERS}", lambda value: 1 <= value <= MOST_SPEAKERS)


@dataclass(frozen=True)
class Window:
    """Which utterances of a dialogue are connected, and by which relations.

    Parameters
    ----------
    past : int
        Utterances that the window reaches back.
    future : int
        Utterances that the window reaches ahead; 0: the past only.
    relations : {"speaker", "pairs", "auto"}
        Same or other speaker x direction, or ordered pair of speakers x direction; "auto" becomes
        "pairs" where no dialogue has more than two speakers, else "speaker" (`resolved`).
    num_speakers : int
        Most speakers in a dialogue; used by "pairs" only.
    """

    past: NotNegativeInt = 10
    future: NotNegativeInt = 10
    relations: Literal["speaker", "pairs", "auto"] = "speaker"
    num_speakers: Annotated[int, _SPEAKERS] = 2

    def resolved(self, most_speakers: int) -> Window:
        """Return the window for dialogues of at most so many speakers, without "auto"."""
        if self.relations == "auto":
            return replace(self, relations="pairs" if most_speakers <= 2 else "speaker")
        return self

    def distinguishes(self, speakers: int) -> bool:
        """Whether there are relations for dialogues of so many speakers."""
        return self.relations != "pairs" or speakers <= self.num_speakers

    @property
    def graph_relations(self) -> Relations:
        """The relations, as a graph has them; "auto" must have been `resolved`."""
        if self.relations == "auto":
            raise ValueError("relations must be 'speaker' or 'pairs', got 'auto'")
        return self.relations

    @property
    def num_rels(self) -> int:
        """Number of relations R; "auto" must have been `resolved`."""
        return len(relation_names(self.graph_relations, self.num_speakers))

    def graph(self, lengths: Tensor, speakers: Tensor) -> Graph:
        """Return the graph of dialogues of so many utterances, (B,), said by speakers, (N,)."""
        return Graph.from_dialogues(
            lengths,
            speakers,
            past=self.past,
            future=self.future,
            relations=self.graph_relations,
            num_speakers=self.num_speakers,
        )
