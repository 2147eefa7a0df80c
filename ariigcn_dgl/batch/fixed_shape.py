"""Batches of a few shapes, so that what was recorded for one of them serves all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.batch.batch import Batch
from ariigcn_dgl.data.dialogues import UNLABELLED
from ariigcn_dgl.graph import Sequences, Table
from ariigcn_dgl.graph.padding import padded_graph


@dataclass(frozen=True)
class Shape:
    """All that the shapes of a batch's tensors depend on, rounded up.

    Parameters
    ----------
    utterances, edges, segments : int
        Of the graph, N', E' and P'.
    dialogues, longest : int
        Number of dialogues B', utterances of the longest.
    threads, longest_thread : int
        The same of speakers in dialogues.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import Window, collate
    >>> batch = collate(synthesise(SynthConfig()), [0, 1], Window())
    >>> shape = Shape.of(batch, dialogues=8)
    >>> shape.dialogues, shape.utterances > len(batch.labels)
    (8, True)
    """

    utterances: int
    edges: int
    segments: int
    dialogues: int
    longest: int
    threads: int
    longest_thread: int

    @classmethod
    def of(cls, batch: Batch, dialogues: int) -> Shape:
        """Return the smallest shape that holds a batch of at most so many dialogues."""
        graph, lengths, thread_lengths = batch.graph, batch.lengths, batch.threads.lengths
        if lengths is None or thread_lengths is None:
            raise ValueError("a batch of a fixed shape does not know its lengths")
        utterances = _rung(graph.num_dst + 1)
        while True:
            added = utterances - graph.num_dst
            # Coarser steps than half of N' would not fit what N' - N nodes can have.
            segments = _multiple(graph.num_segments + added, max(1, utterances // 2))
            if segments - graph.num_segments <= added * graph.num_rels:
                break
            utterances = _rung(utterances + 1)
        return cls(
            utterances,
            _rung(graph.num_edges + segments - graph.num_segments),
            segments,
            dialogues,
            _rung(int(lengths.max())),
            _rung(len(thread_lengths)),
            _rung(int(thread_lengths.max())),
        )


def _multiple(number: int, step: int) -> int:
    """Return the least multiple of `step` that is not below `number`."""
    return -(-number // step) * step


def _rung(number: int) -> int:
    """Return the least of 1, 2, 3, 4, 6, 8, 12, 16, ... that is not below `number`."""
    power = 1 << (number - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= number and power >= 4 else power


def padded(batch: Batch, shape: Shape) -> Batch:
    """Return the batch with utterances added that nobody labelled, said, showed or answers.

    Their features are zero and missing, their edges their own, so losses and their gradients stay
    what they were. The sequences of the result are `Sequences.fixed`.

    Parameters
    ----------
    batch : Batch
        On the CPU.
    shape : Shape
    """
    added = shape.utterances - len(batch.labels)
    fixed = replace(
        batch,
        features={m: F.pad(x, (0, 0, 0, added)) for m, x in batch.features.items()},
        masks={m: F.pad(mask, (0, added)) for m, mask in batch.masks.items()},
        labels=F.pad(batch.labels, (0, added), value=UNLABELLED),
        speakers=F.pad(batch.speakers, (0, added)),
        graph=padded_graph(batch.graph, shape.utterances, shape.edges, shape.segments),
    )
    dialogues = batch.dialogues.table.padded(shape.longest, shape.dialogues, shape.utterances)
    threads = batch.threads.table.padded(shape.longest_thread, shape.threads, shape.utterances)
    rest = torch.arange(len(batch.labels), shape.utterances)  # of threads there are no more than N
    order, thread = torch.cat([_thread_order(batch), rest]), torch.cat([batch.thread, rest])
    return _with_sequences(fixed, thread, dialogues, threads, order)


def _thread_order(batch: Batch) -> Tensor:
    order = batch.threads.order
    if order is None:
        raise ValueError("the threads of a batch must have an order")
    return order


def _with_sequences(
    batch: Batch, thread: Tensor, dialogues: Table, threads: Table, order: Tensor
) -> Batch:
    batch.__dict__["thread"] = thread
    batch.__dict__["dialogues"] = Sequences.fixed(dialogues, None)
    batch.__dict__["threads"] = Sequences.fixed(threads, order)
    return batch


def tensors_of(batch: Batch) -> list[Tensor]:
    """Return all tensors of a `padded` batch; see `rebuilt`."""
    tables = [batch.dialogues.table, batch.threads.table]
    return [
        *batch.features.values(),
        *batch.masks.values(),
        *(batch.labels, batch.speakers, batch.thread, _thread_order(batch)),
        *(x for table in tables for x in (table.rows, table.places)),
        *(batch.graph.eids, batch.graph.plan),
    ]


def rebuilt(like: Batch, tensors: Sequence[Tensor]) -> Batch:
    """Return a batch of such tensors, as new as if nothing had been derived from it yet.

    Parameters
    ----------
    like : Batch
        A `padded` batch of the same shape.
    tensors : sequence of tensors
        In the order of `tensors_of`.
    """
    left = iter(tensors)
    features = {name: next(left) for name in like.features}
    masks = {name: next(left) for name in like.masks}
    labels, speakers, thread, order = (next(left) for _ in range(4))
    dialogues, threads = (Table(next(left), next(left)) for _ in range(2))
    facts = like.graph.facts._replace(rel_counts=None)  # which differ from batch to batch
    graph = replace(like.graph, eids=next(left), plan=next(left), facts=facts)
    batch = replace(
        like,
        features=features,
        masks=masks,
        labels=labels,
        speakers=speakers,
        lengths=None,
        graph=graph,
        host=None,
    )
    return _with_sequences(batch, thread, dialogues, threads, order)
