"""Batches of whole dialogues: tensors and their graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.batch.steps import Steps
from ariigcn_dgl.batch.truth import Truth
from ariigcn_dgl.batch.window import ModalWindow, Window
from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.graph import Graph, Sequences, speaker_threads
from ariigcn_dgl.transfer import send

# Dialogues are sorted by length within pools of so many batches: little padding in a batch, and yet
# other neighbours in every epoch.
BATCHES_PER_POOL = 4


@dataclass(frozen=True)
class Batch:
    """Some dialogues, ready for a model.

    Shapes: N utterances, B dialogues, D_m width of modality m.

    Parameters
    ----------
    features : dict of str to (N, D_m) float32 tensor
        Of each modality; zero where it is missing.
    masks : dict of str to (N,) bool tensor
        False where the modality is missing.
    labels : (N,) int64 tensor
        Class, `UNLABELLED` (-1) where unknown.
    speakers : (N,) int64 tensor
        Speaker, numbered across the data set.
    lengths : (B,) int64 tensor or None
        Utterances in each dialogue, on the CPU; None where nothing may depend on them (`rebuilt`).
    graph : Graph
        Edges between the N utterances, or, of a `ModalWindow`, between their modalities.
    host : Batch, optional
        The same batch on the CPU, where a batch on another device came from.
    sequences : dict of str to Steps
        Of a modality that is a sequence of rows per utterance: the rows, of which its features are
        the means. Rows of an utterance whose mask is False do not count (`steps`).
    targets : dict of str to (N, columns) float32 tensor
        What is to be predicted beside the labels, NaN where unknown.
    """

    features: dict[str, Tensor]
    masks: dict[str, Tensor]
    labels: Tensor
    speakers: Tensor
    lengths: Tensor | None
    graph: Graph
    host: Batch | None = None
    sequences: dict[str, Steps] = field(default_factory=dict)
    targets: dict[str, Tensor] = field(default_factory=dict)

    @property
    def on_cpu(self) -> Batch:
        """The same batch on the CPU: what must be counted is counted there, without waiting."""
        return self.host or self

    @cached_property
    def thread(self) -> Tensor:
        """Speaker in the dialogue of each utterance, (N,): see `speaker_threads`."""
        if self.host is not None:
            return send([self.host.thread], self.labels.device)[0]
        if self.lengths is None:
            raise ValueError("a batch without lengths must be given the thread of each utterance")
        return speaker_threads(self.speakers, self.lengths)

    @cached_property
    def dialogues(self) -> Sequences:
        """The utterances of each dialogue."""
        return Sequences(self.lengths)

    @cached_property
    def threads(self) -> Sequences:
        """The utterances of each speaker in each dialogue."""
        return Sequences.by_thread(self.on_cpu.thread)

    @property
    def truth(self) -> Truth:
        """What is known of the utterances."""
        return Truth(self.labels, self.targets)

    @property
    def labelled(self) -> Tensor:
        """Which utterances count in losses and metrics, (N,) bool."""
        return self.truth.known

    def steps(self, modality: str, longest: int | None = None) -> tuple[Tensor, Tensor]:
        """Return the rows of a modality side by side, and where they stand.

        A modality of vectors is a sequence of one row.

        Parameters
        ----------
        modality : str
        longest : int, optional
            Rows of an utterance beyond this many are left out.

        Returns
        -------
        (N, L, D_m) tensor, (N, L) bool tensor
            Rows that are not there, or missing, are zeros.
        """
        mask = self.masks[modality].unsqueeze(1)
        if modality not in self.sequences:
            return zero_missing(self.features[modality].unsqueeze(1), mask), mask
        table, exists = self.sequences[modality].padded(longest)
        exists = exists & mask
        return zero_missing(table, exists), exists

    def present(self, modalities: Iterable[str]) -> Tensor:
        """Where each of the modalities exists, (M, N) bool."""
        return torch.stack([self.masks[name] for name in modalities])

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on `device`, in two copies and one a sequence; lengths stay behind."""
        device = torch.device(device)
        if self.labels.device == device:
            return self
        names = list(self.features)
        columns = [*self.features.values(), *(self.masks[name] for name in names)]
        columns += self.targets.values()
        labels, speakers, *moved = send([self.labels, self.speakers, *columns], device)
        return replace(
            self,
            features=dict(zip(names, moved[: len(names)], strict=True)),
            masks=dict(zip(names, moved[len(names) : 2 * len(names)], strict=True)),
            targets=dict(zip(self.targets, moved[2 * len(names) :], strict=True)),
            labels=labels,
            speakers=speakers,
            graph=self.graph.to(device),
            sequences={name: one.to(device) for name, one in self.sequences.items()},
            host=None if device.type == "cpu" else self.on_cpu,  # for what is counted there
        )


class Selectable(Protocol):
    """What batches are made of: `Dialogues`, or `ariigcn_dgl.data.shown.Shown`."""

    def select(self, dialogues: Sequence[int] | np.ndarray) -> Dialogues:
        """Return the chosen dialogues, in the given order."""


def collate(dialogues: Selectable, chosen: Sequence[int] | np.ndarray, window: Window) -> Batch:
    """Return the batch of the chosen dialogues.

    Parameters
    ----------
    dialogues : Dialogues or Shown
        The set.
    chosen : sequence of int
        Indices of dialogues.
    window : Window
        Resolved: its relations are not "auto".

    Examples
    --------
    >>> from ariigcn_dgl.data import synthesise, SynthConfig
    >>> batch = collate(synthesise(SynthConfig()), [0, 1], Window(past=2, future=0))
    >>> len(batch.lengths), batch.graph.num_dst == len(batch.labels)
    (2, True)
    """
    part = dialogues.select(chosen)
    lengths, speakers = torch.from_numpy(part.lengths), torch.from_numpy(part.speakers)
    masks = {name: torch.from_numpy(x) for name, x in part.masks.items()}
    graph = window.graph(lengths, speakers, masks)
    return Batch(
        features={name: torch.from_numpy(x) for name, x in part.features.items()},
        masks=masks,
        labels=torch.from_numpy(part.labels),
        speakers=speakers,
        lengths=lengths,
        graph=graph,
        sequences={name: Steps.of(one) for name, one in part.sequences.items()},
        targets={name: torch.from_numpy(x.values) for name, x in part.targets.items()},
    )


def relinked(batch: Batch, window: Window) -> Batch:
    """Return a batch on the CPU, whose masks have been changed, with the graph that fits them."""
    if not isinstance(window, ModalWindow):  # no other graph depends on what is missing
        return batch
    if batch.lengths is None:
        raise ValueError("a batch without lengths cannot be linked anew")
    return replace(batch, graph=window.graph(batch.lengths, batch.speakers, batch.masks))


def shuffled_batches(
    lengths: np.ndarray,
    groups: Sequence[np.ndarray],
    batch_size: int,
    generator: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Yield random batches of dialogues of similar length (one epoch).

    Dialogues are shuffled within their groups, sorted by length within pools of `BATCHES_PER_POOL`
    batches, cut into batches, and the batches are shuffled, as far as they are of one group.

    Parameters
    ----------
    lengths : (B,) int array
        Utterances in each dialogue of the set.
    groups : sequence of int array
        Dialogues to draw from, in groups one after another, as of
        `ariigcn_dgl.data.shards.together`.
    batch_size : int
        Dialogues in a batch.
    generator : numpy.random.Generator
        Draws two permutations of each group.

    Yields
    ------
    (at most batch_size,) int array

    Examples
    --------
    >>> groups = [np.arange(5), np.arange(5, 12)]
    >>> drawn = shuffled_batches(np.ones(12, int), groups, 1, np.random.default_rng(0))
    >>> order = [int(dialogue) for (dialogue,) in drawn]
    >>> sorted(order[:4]) == [0, 1, 2, 3], sorted(order) == list(range(12))
    (False, True)
    """
    order = np.concatenate([generator.permutation(group) for group in groups])
    pool = batch_size * BATCHES_PER_POOL
    # Groups end where pools do, so that no batch but the last of all is smaller than the others.
    ends = np.cumsum([len(group) for group in groups[:-1]]) // pool * pool
    for part in np.split(order, ends.astype(np.int64)):
        pools = [part[start : start + pool] for start in range(0, len(part), pool)]
        if not pools:  # numpy joins no empty list
            continue
        by_length = np.concatenate([p[np.argsort(lengths[p], kind="stable")] for p in pools])
        starts = generator.permutation(np.arange(0, len(by_length), batch_size))
        for start in starts:
            yield by_length[start : start + batch_size]
