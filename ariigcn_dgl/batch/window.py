"""Which utterances of a dialogue are connected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph, relation_names
from ariigcn_dgl.graph.modal import Across, CanonicalEtype, modal_graph, modal_relations
from ariigcn_dgl.graph.numbered import numbered_window_graph
from ariigcn_dgl.graph.window import MOST_SPEAKERS, Relations
from ariigcn_dgl.limits import Limit, NotNegativeInt

_DISTANCES = Limit(
    "increasing, at least 1",
    lambda value: list(value) == sorted({*value}) and min(value, default=1) > 0,
)
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
    relations : {"none", "party", "speaker", "pairs", "auto"}
        One for all edges; same or other speaker; same or other speaker x direction; ordered pair
        of speakers x direction. "auto" becomes "pairs" where no dialogue has more than two
        speakers, else "speaker" (`resolved`).
    num_speakers : int
        Most speakers in a dialogue; used by "pairs" only.
    distances : tuple of int
        Relations also tell how far apart utterances are, in ranges up to each of these distances
        and beyond the last; empty: they do not.
    """

    past: NotNegativeInt = 10
    future: NotNegativeInt = 10
    relations: Literal["none", "party", "speaker", "pairs", "auto"] = "speaker"
    num_speakers: Annotated[int, _SPEAKERS] = 2
    distances: Annotated[tuple[int, ...], _DISTANCES] = ()

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
            raise ValueError("relations must be resolved (Window.resolved), got 'auto'")
        return self.relations

    @property
    def nodes_per_utterance(self) -> int:
        """How many nodes of the graph an utterance is."""
        return 1

    @property
    def relation_names(self) -> list[str]:
        """Names of the relations between utterances; "auto" must have been `resolved`."""
        return relation_names(self.graph_relations, self.num_speakers, self.distances)

    @property
    def num_rels(self) -> int:
        """Number of relations R of the graph."""
        return len(self.relation_names)

    def graph(
        self, lengths: Tensor, speakers: Tensor, masks: Mapping[str, Tensor] | None = None
    ) -> Graph:
        """Return the graph of dialogues.

        Parameters
        ----------
        lengths : (B,) int64 tensor
            Utterances in each dialogue.
        speakers : (N,) int64 tensor
            Who says each of them.
        masks : mapping of str to (N,) bool tensor, optional
            Where modalities exist, which the graph of utterances does not depend on.
        """
        return Graph.from_dialogues(
            lengths,
            speakers,
            past=self.past,
            future=self.future,
            relations=self.graph_relations,
            num_speakers=self.num_speakers,
            distances=self.distances,
        )

    def last_graph(self, numbers: Tensor, masks: Mapping[str, Tensor] | None = None) -> Graph:
        """Return the graph of the last utterances of one dialogue that is still going on.

        Parameters
        ----------
        numbers : (N,) int64 tensor
            Speaker of each, numbered by first appearance in the whole dialogue.
        masks
            As of `graph`.
        """
        return numbered_window_graph(
            numbers,
            past=self.past,
            relations=self.graph_relations,
            num_speakers=self.num_speakers,
            distances=self.distances,
        )


@dataclass(frozen=True)
class ModalWindow(Window):
    """The same with a node for each modality of an utterance; see `modal_graph`.

    Parameters
    ----------
    modalities : tuple of str
        Names of the modalities; node ``i * M + m`` is modality m of utterance i.
    across : {"utterance", "window"}
        Whether messages cross modalities within an utterance only, or all over the window.
    """

    modalities: tuple[str, ...] = ()
    across: Across = "window"

    @classmethod
    def of(cls, window: Window, modalities: tuple[str, ...], across: Across) -> ModalWindow:
        """Return the window whose utterances are connected as in another."""
        own = {field.name: getattr(window, field.name) for field in fields(Window)}
        return cls(**own, modalities=modalities, across=across)

    @property
    def nodes_per_utterance(self) -> int:
        """How many nodes of the graph an utterance is: its modalities M."""
        return len(self.modalities)

    @property
    def canonical_etypes(self) -> list[CanonicalEtype]:
        """The relations as DGL's edge types, in the order of their numbers."""
        return modal_relations(self.relation_names, self.modalities, self.across)

    @property
    def num_rels(self) -> int:
        """Number of relations R of the graph."""
        return len(self.canonical_etypes)

    def graph(
        self, lengths: Tensor, speakers: Tensor, masks: Mapping[str, Tensor] | None = None
    ) -> Graph:
        """Return the graph of dialogues, of N M nodes; see `Window.graph`."""
        return self._lifted(super().graph(lengths, speakers), masks)

    def last_graph(self, numbers: Tensor, masks: Mapping[str, Tensor] | None = None) -> Graph:
        """Return the graph of the last utterances of a dialogue; see `Window.last_graph`."""
        return self._lifted(super().last_graph(numbers), masks)

    def _lifted(self, graph: Graph, masks: Mapping[str, Tensor] | None) -> Graph:
        if masks is None:
            raise ValueError("masks: expected those of the modalities, which are the graph's nodes")
        present = torch.stack([masks[name] for name in self.modalities])
        return modal_graph(graph, present, self.across)
