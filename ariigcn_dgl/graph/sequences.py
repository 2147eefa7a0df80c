"""Which rows of a batch follow each other: dialogues, and each speaker's thread through one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.graph.window import check_dialogues
from ariigcn_dgl.transfer import send


def speaker_threads(speakers: Tensor, lengths: Tensor) -> Tensor:
    """Return the thread of each utterance: one speaker's utterances in one dialogue.

    Parameters
    ----------
    speakers : (N,) int64 tensor
        Speaker of each utterance, dialogue after dialogue.
    lengths : (B,) int64 tensor
        Utterances in each dialogue, on the CPU.

    Returns
    -------
    (N,) int64 tensor
        Thread of each utterance, 0 to the number of threads - 1, by first appearance.

    Raises
    ------
    ValueError
        If the lengths do not add up, or are negative, or dtypes or dimensions do not fit.

    Examples
    --------
    >>> import torch
    >>> speaker_threads(torch.tensor([0, 1, 0, 0]), torch.tensor([3, 1])).tolist()
    [0, 1, 0, 2]
    """
    numbers, counts = _number(speakers, lengths)
    first = counts.cumsum(0) - counts
    return (numbers + first.repeat_interleave(lengths)).to(speakers.device)


def speaker_numbers(speakers: Tensor, lengths: Tensor) -> Tensor:
    """Return the number of each utterance's speaker in the dialogue, by first appearance.

    Parameters
    ----------
    speakers : (N,) int64 tensor
        Speaker of each utterance, dialogue after dialogue.
    lengths : (B,) int64 tensor
        Utterances in each dialogue, on the CPU.

    Returns
    -------
    (N,) int64 tensor

    Raises
    ------
    ValueError
        If the lengths do not add up, or are negative, or dtypes or dimensions do not fit.

    Examples
    --------
    >>> import torch
    >>> speaker_numbers(torch.tensor([7, 3, 7, 3]), torch.tensor([3, 1])).tolist()
    [0, 1, 0, 0]
    """
    return _number(speakers, lengths)[0].to(speakers.device)


def _number(speakers: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    speakers = speakers.cpu()  # counted there: how many there are decides shapes
    check_dialogues(lengths, speakers)
    return torch.ops.ariigcn.number_speakers(lengths.contiguous(), speakers.contiguous())


@dataclass(frozen=True)
class Table:
    """Where rows stand in a table of T time steps x S sequences, read from both ends.

    Parameters
    ----------
    rows : (2, T, S) int64 tensor
        Row at each place of the table: of sequences read from their beginning, and from their end.
        -1 at the places behind the end of a sequence, whose states nothing reads.
    places : (2, N) int64 tensor
        Place of each row, counted through time steps.
    """

    rows: Tensor
    places: Tensor

    @classmethod
    def of(cls, lengths: Tensor, order: Tensor | None = None) -> Table:
        """Return the table of sequences whose rows, in `order`, lie one after the other."""
        starts, length = (x[lengths > 0] for x in (lengths.cumsum(0) - lengths, lengths))
        longest = int(lengths.max()) if len(lengths) else 0
        time = torch.arange(longest, device=lengths.device).unsqueeze(1)
        exists = time < length  # (T, S)
        rows = torch.stack([starts + time, starts + length - 1 - time])
        if order is not None:
            rows = order[rows.where(exists, 0)]
        places = lengths.new_empty(2, int(lengths.sum()))
        at = exists.flatten().nonzero().squeeze(1)
        places.scatter_(1, rows[:, exists], at.expand(2, -1))
        return cls(rows.where(exists, -1), places)

    def to(self, device: torch.device | str) -> Table:
        """Return the table on a device."""
        return Table(*send([self.rows, self.places], device))

    def padded(self, steps: int, sequences: int, rows: int) -> Table:
        """Return a larger table, T' x S' of N' rows; the added rows' states are anyone's."""
        _, old_steps, old_sequences = self.rows.shape
        table = self.rows.new_full((2, steps, sequences), -1)
        table[:, :old_steps, :old_sequences] = self.rows
        moved = self.places // old_sequences * sequences + self.places % old_sequences
        more = torch.arange(rows - self.places.size(1), device=moved.device)
        added = more % (steps * sequences)
        return Table(table, torch.cat([moved, added.expand(2, -1)], 1))


@dataclass(frozen=True)
class Sequences:
    """Rows in the order in which recurrent layers read them.

    Parameters
    ----------
    lengths : (S,) int64 tensor or None
        Rows in each sequence, on the CPU. None: only the `table` says, whose shape then is all that
        anything may depend on (`fixed`).
    order : (N,) int64 tensor, optional
        The rows of the sequences, one after the other, on the CPU; default ``arange(N)``.
    fixed_table : Table, optional
        The table, where it is not to be found out from the lengths.

    Examples
    --------
    >>> import torch
    >>> threads = Sequences.of_threads(torch.tensor([0, 1, 0, 0]), torch.tensor([3, 1]))
    >>> threads.lengths.tolist(), threads.order.tolist()
    ([2, 1, 1], [0, 2, 1, 3])
    """

    lengths: Tensor | None
    order: Tensor | None = None
    fixed_table: Table | None = None

    @classmethod
    def of_threads(cls, speakers: Tensor, lengths: Tensor) -> Sequences:
        """Return each speaker's own utterances in each dialogue; see `speaker_threads`."""
        return cls.by_thread(speaker_threads(speakers.cpu(), lengths))

    @classmethod
    def by_thread(cls, thread: Tensor) -> Sequences:
        """Return the rows of each thread, given the thread of each row, (N,), on the CPU."""
        return cls(torch.bincount(thread), torch.argsort(thread, stable=True))

    @classmethod
    def fixed(cls, table: Table) -> Sequences:
        """Return sequences that are known by their table alone, on its device."""
        return cls(None, None, table)

    @cached_property
    def table(self) -> Table:
        """Where the rows stand side by side, on the CPU or, if `fixed`, on the table's device."""
        if self.fixed_table is not None:
            return self.fixed_table
        if self.lengths is None:
            raise ValueError("sequences without lengths must have a fixed_table")
        return Table.of(self.lengths, self.order)

    def gather(self, feat: Tensor) -> Tensor:
        """Return the rows, (N, D), sequence after sequence."""
        return feat if self.order is None else feat[send([self.order], feat.device)[0]]

    def scatter(self, feat: Tensor) -> Tensor:
        """Return rows that stand sequence after sequence where `gather` took them from."""
        if self.order is None:
            return feat
        order = send([self.order], feat.device)[0]
        return torch.empty_like(feat).index_copy(0, order, feat)
