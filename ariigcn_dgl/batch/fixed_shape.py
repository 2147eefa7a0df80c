"""Batches of a few shapes, so that what was recorded for one of them serves all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.batch.batch import Batch
from ariigcn_dgl.batch.window import Window
from ariigcn_dgl.data.dialogues import UNLABELLED, Dialogues
from ariigcn_dgl.graph import Sequences, Table, speaker_threads
from ariigcn_dgl.graph.padding import padded_graph


@dataclass(frozen=True)
class Sizes:
    """What the shapes of the tensors of batches depend on; each (number of batches,) int64.

    Parameters
    ----------
    utterances, edges, segments : int64 array
        Utterances N; edges E and segments P of the graph.
    longest : int64 array
        Utterances of the longest dialogue.
    threads, longest_thread : int64 array
        Speakers in dialogues, and utterances of the one who says most.
    """

    utterances: np.ndarray
    edges: np.ndarray
    segments: np.ndarray
    longest: np.ndarray
    threads: np.ndarray
    longest_thread: np.ndarray

    @classmethod
    def of(cls, batch: Batch) -> Sizes:
        """Return those of one batch, which is on the CPU."""
        graph, lengths, threads = batch.graph, batch.lengths, batch.threads.lengths
        if lengths is None or threads is None:
            raise ValueError("a batch of a fixed shape does not know its lengths")
        sizes = (len(batch.labels), graph.num_edges, graph.num_segments)
        rest = (int(lengths.max()), len(threads), int(threads.max()))
        return cls(*(np.array([n]) for n in (*sizes, *rest)))

    @classmethod
    def of_dialogues(cls, dialogues: Dialogues, window: Window) -> Sizes:
        """Return those of a batch of each dialogue alone."""
        lengths, speakers = (
            torch.from_numpy(dialogues.lengths),
            torch.from_numpy(dialogues.speakers),
        )
        masks = {name: torch.from_numpy(mask) for name, mask in dialogues.masks.items()}
        graph = window.graph(lengths, speakers, masks)
        count = dialogues.num_dialogues
        of_row = dialogues.row_dialogues
        of_node = of_row.repeat(window.nodes_per_utterance)
        thread = speaker_threads(speakers, lengths).numpy()
        first, sizes = np.unique(thread, return_index=True, return_counts=True)[1:]
        longest_thread = np.zeros(count, np.int64)
        np.maximum.at(longest_thread, of_row[first], sizes)
        return cls(
            dialogues.lengths,
            np.bincount(of_node[graph.dst.numpy()], minlength=count),
            np.bincount(of_node[graph.seg_dst.numpy()], minlength=count),
            dialogues.lengths,
            np.bincount(of_row[first], minlength=count),
            longest_thread,
        )

    def of_batches(self, batches: Iterable[np.ndarray]) -> Sizes:
        """Return those of batches of these dialogues, each given by its dialogues' numbers."""
        chosen = list(batches)
        join = {"longest": np.max, "longest_thread": np.max}  # the others add up
        return Sizes(
            **{
                name: np.array([join.get(name, np.sum)(sizes[b]) for b in chosen], np.int64)
                for name, sizes in vars(self).items()
            }
        )

    def __getitem__(self, which: np.ndarray | slice) -> Sizes:
        return Sizes(**{name: sizes[which] for name, sizes in vars(self).items()})


@dataclass(frozen=True)
class Nodes:
    """What decides how many segments and edges an added utterance may have.

    Parameters
    ----------
    per_utterance : int
        Nodes M of the graph that an utterance is: 1, or its modalities.
    num_rels : int
        Relations R.
    """

    per_utterance: int
    num_rels: int

    @classmethod
    def of(cls, batch: Batch) -> Nodes:
        """Return those of a batch."""
        graph = batch.graph
        return cls(graph.num_dst // max(len(batch.labels), 1), graph.num_rels)


@dataclass(frozen=True)
class Shape:
    """All that the shapes of a padded batch's tensors depend on.

    Parameters
    ----------
    utterances, edges, segments : int
        Utterances N'; edges E' and segments P' of the graph.
    dialogues, longest : int
        Number of dialogues B', utterances of the longest.
    threads, longest_thread : int
        The same of speakers in dialogues.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import Window, collate
    >>> batch = collate(synthesise(SynthConfig()), [0, 1], Window())
    >>> shape = Shape.holding(Sizes.of(batch), Nodes(1, batch.graph.num_rels), dialogues=8)
    >>> shape.dialogues, shape.utterances - len(batch.labels)
    (8, 1)
    """

    utterances: int
    edges: int
    segments: int
    dialogues: int
    longest: int
    threads: int
    longest_thread: int

    @classmethod
    def holding(cls, sizes: Sizes, nodes: Nodes, dialogues: int) -> Shape:
        """Return the smallest shape that holds batches of such sizes.

        Parameters
        ----------
        sizes : Sizes
            Of one batch or more.
        nodes : Nodes
            Of their graphs.
        dialogues : int
            Most dialogues in a batch, B'.
        """
        # `padded_graph` gives a new node at least a segment and at most one for each relation, and
        # each new segment an edge: M (N' - N) <= P' - P <= R M (N' - N), P' - P <= E' - E.
        each, most = nodes.per_utterance, nodes.per_utterance * nodes.num_rels
        spare = sizes.segments - each * sizes.utterances
        utterances = int(sizes.utterances.max()) + 1  # one to bear what else must be added
        if most > each:
            short = sizes.segments - most * sizes.utterances
            gap = int(spare.max() - short.min())
            utterances = max(utterances, -(-gap // (most - each)))
        segments = each * utterances + int(spare.max())
        return cls(
            utterances,
            segments + int((sizes.edges - sizes.segments).max()),
            segments,
            dialogues,
            int(sizes.longest.max()),
            int(sizes.threads.max()),
            int(sizes.longest_thread.max()),
        )

    def holds(self, sizes: Sizes, nodes: Nodes) -> bool:
        """Whether a batch of such sizes can be `padded` to this shape."""
        new = nodes.per_utterance * (self.utterances - sizes.utterances)
        segments, edges = self.segments - sizes.segments, self.edges - sizes.edges
        most = np.minimum(edges, new * nodes.num_rels)
        rest = ("longest", "threads", "longest_thread")
        return bool(
            ((new > 0) & (new <= segments) & (segments <= most)).all()
            and all((getattr(sizes, name) <= getattr(self, name)).all() for name in rest)
        )


CUT_PLACES = 512  # few_shapes looks at so many: its time grows with their square (0.2 s)


def few_shapes(sizes: Sizes, nodes: Nodes, dialogues: int, most: int) -> list[Shape]:
    """Return at most `most` shapes, smallest first, that hold all batches of such sizes.

    Batches are sorted by utterances and cut into groups, a shape each, so that as little work as
    possible is added: the work of a batch is its utterances and, as a GRU takes a step for each,
    those of its longest dialogue, both relative to their means.

    Parameters
    ----------
    sizes : Sizes
        Of all batches to come.
    nodes, dialogues
        As of `Shape.holding`.
    most : int
        Number of shapes.

    Examples
    --------
    >>> import numpy as np
    >>> sizes = Sizes(*(np.array([10, 11, 30, 32, 31]) for _ in range(6)))
    >>> [shape.utterances for shape in few_shapes(sizes, Nodes(1, 5), dialogues=8, most=2)]
    [12, 33]
    """
    # The optimum over all places to cut, by dynamic programming: a group more in each round.
    sizes = sizes[np.lexsort((sizes.longest, sizes.utterances))]
    count = len(sizes.utterances)
    places = np.unique(np.linspace(0, count, min(count, CUT_PLACES) + 1).astype(int))
    # Of the batches between two neighbouring places: the most utterances, the longest dialogue.
    utterances = np.maximum.reduceat(sizes.utterances, places[:-1]) / sizes.utterances.mean()
    longest = np.maximum.reduceat(sizes.longest, places[:-1]) / sizes.longest.mean()
    # least[j]: work of the batches before place j, in the groups made so far; cuts[g][j]: the place
    # where the last of g + 1 groups begins.
    least, cuts = np.full(len(places), np.inf), list[np.ndarray]()
    least[0] = 0
    for _ in range(most):
        less, cut = least.copy(), np.arange(len(places))  # this group may stay empty
        for j in range(1, len(places)):
            longest_from = np.maximum.accumulate(longest[:j][::-1])[::-1]
            work = least[:j] + (places[j] - places[:j]) * (utterances[j - 1] + longest_from)
            i = int(work.argmin())
            if work[i] < less[j]:
                less[j], cut[j] = work[i], i
        least = less
        cuts.append(cut)
    shapes, last = list[Shape](), len(places) - 1
    for cut in reversed(cuts):
        first = int(cut[last])
        if first < last:
            group = sizes[places[first] : places[last]]
            shapes.append(Shape.holding(group, nodes, dialogues))
        last = first
    return shapes[::-1]


def padded(batch: Batch, shape: Shape) -> Batch:
    """Return the batch with utterances added that nobody labelled, said, showed or answers.

    Their features are zero and missing, their edges their own, so losses and their gradients stay
    what they were. The sequences of the result are `Sequences.fixed`.

    Parameters
    ----------
    batch : Batch
        On the CPU.
    shape : Shape
        Which `Shape.holds` the batch.
    """
    added = shape.utterances - len(batch.labels)
    fixed = replace(
        batch,
        features={m: F.pad(x, (0, 0, 0, added)) for m, x in batch.features.items()},
        masks={m: F.pad(mask, (0, added)) for m, mask in batch.masks.items()},
        labels=F.pad(batch.labels, (0, added), value=UNLABELLED),
        targets={
            name: F.pad(x, (0, 0, 0, added), value=float("nan"))
            for name, x in batch.targets.items()
        },
        speakers=F.pad(batch.speakers, (0, added)),
        graph=padded_graph(
            batch.graph,
            Nodes.of(batch).per_utterance * shape.utterances,
            shape.edges,
            shape.segments,
        ),
    )
    dialogues = batch.dialogues.table.padded(shape.longest, shape.dialogues, shape.utterances)
    threads = batch.threads.table.padded(shape.longest_thread, shape.threads, shape.utterances)
    thread = batch.thread  # of threads there are no more than N
    rest = torch.arange(len(batch.labels), shape.utterances, device=thread.device)
    return _with_sequences(fixed, torch.cat([thread, rest]), dialogues, threads)


def _with_sequences(batch: Batch, thread: Tensor, dialogues: Table, threads: Table) -> Batch:
    # Where cached properties keep what they have found: a frozen dataclass takes no assignments.
    batch.__dict__["thread"] = thread
    batch.__dict__["dialogues"] = Sequences.fixed(dialogues)
    batch.__dict__["threads"] = Sequences.fixed(threads)
    return batch


def tensors_of(batch: Batch) -> list[Tensor]:
    """Return all tensors of a `padded` batch; see `rebuilt`."""
    tables = [batch.dialogues.table, batch.threads.table]
    return [
        *batch.features.values(),
        *batch.masks.values(),
        *batch.targets.values(),
        *(batch.labels, batch.speakers, batch.thread),
        *(x for table in tables for x in (table.rows, table.places)),
        *(batch.graph.eids, batch.graph.plan, *batch.graph.derived()),
    ]


def rebuilt(like: Batch, tensors: Sequence[Tensor]) -> Batch:
    """Return a batch of such tensors, from which nothing else has been derived yet.

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
    targets = {name: next(left) for name in like.targets}
    labels, speakers, thread = (next(left) for _ in range(3))
    dialogues, threads = (Table(next(left), next(left)) for _ in range(2))
    facts = like.graph.facts._replace(rel_counts=None)  # which differ from batch to batch
    graph = replace(like.graph, eids=next(left), plan=next(left), facts=facts)
    graph = graph.with_derived(like.graph, (next(left), next(left), next(left)))
    batch = replace(
        like,
        features=features,
        masks=masks,
        targets=targets,
        labels=labels,
        speakers=speakers,
        lengths=None,
        graph=graph,
        host=None,
    )
    return _with_sequences(batch, thread, dialogues, threads)
