"""AR-IIGCN on a conversation that is still going on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.graph.numbered import numbered_window_graph
from ariigcn_dgl.nn import RelationalGraph

if TYPE_CHECKING:
    from ariigcn_dgl.models.ariigcn import ARIIGCN


class ARIIGCNStream:
    """Reads one conversation, utterance by utterance; see `Stream`.

    Remembered are the states of the dialogue's GRU and of each speaker's, each speaker's mean
    features, and the last 2 x past + 1 utterances before the graph: its two layers see no others.

    Parameters
    ----------
    model : ARIIGCN
        In evaluation mode; must not look ahead.
    """

    def __init__(self, model: ARIIGCN) -> None:
        self.model = model
        reach = 2 * model.window.past + 1
        self.recent: deque[Tensor] = deque(maxlen=reach)
        self.recent_speakers: deque[int] = deque(maxlen=reach)
        self.dialogue_state: Tensor | None = None
        self.speaker_states: dict[int, Tensor] = {}
        self.means: dict[tuple[int, str], _Mean] = {}

    def add(self, utterance: Batch) -> Tensor:
        """Return the logits, (C,), of the next utterance."""
        speaker = int(utterance.on_cpu.speakers)
        before = self._before(self._project(utterance, speaker), speaker)
        graph = self.model.graph
        states = before if graph is None else self._after(graph, before, speaker)
        return self.model.classify(states.unsqueeze(1), before.unsqueeze(1)).squeeze(0)

    def _project(self, utterance: Batch, speaker: int) -> Tensor:
        inputs = dict(utterance.features)
        for name in self.model.config.speaker_relative:
            if name in inputs:
                mean = self.means.setdefault((speaker, name), _Mean())
                present = bool(utterance.on_cpu.masks[name])
                inputs[name] = mean.append_difference(inputs[name], present)
        return self.model.encode(inputs, utterance.masks).squeeze(1)

    def _before(self, projected: Tensor, speaker: int) -> Tensor:
        if self.model.context is None:
            return projected
        before, self.dialogue_state, self.speaker_states[speaker] = self.model.context.step(
            projected, self.dialogue_state, self.speaker_states.get(speaker)
        )
        return before

    def _after(self, layers: RelationalGraph, before: Tensor, speaker: int) -> Tensor:
        self.recent.append(before)
        self.recent_speakers.append(speaker)
        window = self.model.window
        if window.relations == "auto":
            raise ValueError("window.relations: 'auto' must have been resolved")
        graph = numbered_window_graph(
            torch.tensor(self.recent_speakers),
            past=window.past,
            relations=window.relations,
            num_speakers=window.num_speakers,
        )
        feat = torch.stack(list(self.recent), dim=1)
        return layers(graph.to(feat.device), feat)[:, -1]


class _Mean:
    """Mean of a speaker's rows so far."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count = 0

    def append_difference(self, row: Tensor, present: bool) -> Tensor:
        """Return the row, (1, D), and beside it its difference from the mean with it, (1, 2 D)."""
        if not present:
            return torch.cat([row, torch.zeros_like(row)], dim=1)
        self.total = self.total + row.double()
        self.count += 1
        return torch.cat([row, row - (self.total / self.count).to(row)], dim=1)
