"""The windowed speaker-relation graph of a batch of dialogues (edges of Eq. 8-10)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)

Relations = Literal["speaker", "pairs"]
MOST_SPEAKERS = 256  # of relations of pairs, twice the square of which there are
SPEAKER_RELATIONS = ("same_past", "same_future", "other_past", "other_future", "self")


def relation_names(relations: Relations, num_speakers: int = 2) -> list[str]:
    """Return the names of the relations, in the order of their numbers.

    ``past`` means that the source speaks before the target. The self edge is a relation of its own,
    so that the self term of Eq. 10 (``W_0``) is the last relation's weight.

    Raises
    ------
    ValueError
        If `relations` is neither of the two, or there are no or very many speakers.

    Examples
    --------
    >>> relation_names("speaker")
    ['same_past', 'same_future', 'other_past', 'other_future', 'self']
    >>> relation_names("pairs", num_speakers=1)
    ['0_to_0_past', '0_to_0_future', 'self']
    """
    if relations == "speaker":
        return list(SPEAKER_RELATIONS)
    if relations != "pairs":
        raise ValueError(f"relations must be 'speaker' or 'pairs', got {relations!r}")
    if not 1 <= num_speakers <= MOST_SPEAKERS:
        raise ValueError(
            f"num_speakers must be from 1 to {MOST_SPEAKERS} for 'pairs', got {num_speakers}: use "
            f"relations='speaker'"
        )
    speakers = range(num_speakers)
    pairs = [f"{j}_to_{i}" for j in speakers for i in speakers]
    return [f"{pair}_{side}" for pair in pairs for side in ("past", "future")] + ["self"]


def window_edges(
    lengths: Tensor,
    speakers: Tensor,
    past: int,
    future: int,
    relations: Relations,
    num_speakers: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ``indptr, indices, etypes, eids`` of `Graph.from_dialogues`, which see."""
    relation_names(relations)  # raises where there are no such relations
    check_dialogues(lengths, speakers)
    if past < 0 or future < 0:
        raise ValueError(f"past and future must not be negative, got {past} and {future}")
    num_nodes = len(speakers)
    lengths = lengths.contiguous()
    numbers, counts = torch.ops.ariigcn.number_speakers(lengths, speakers.contiguous())
    if relations == "pairs":
        _check_speakers(counts, num_speakers)
    return torch.ops.ariigcn.window_graph(
        lengths,
        numbers,
        min(past, num_nodes),  # so that positions in the window do not overflow
        min(future, num_nodes),
        num_speakers if relations == "pairs" else 0,
    )


def check_dialogues(lengths: Tensor, speakers: Tensor) -> None:
    """Raise ValueError unless `lengths` divides `speakers` into dialogues, both on the CPU."""
    for name, tensor in (("lengths", lengths), ("speakers", speakers)):
        if tensor.dtype != torch.int64 or tensor.device.type != "cpu" or tensor.dim() != 1:
            raise ValueError(f"{name} must be a 1-D int64 tensor on the CPU")
    values = lengths.tolist()  # adds up without overflow
    if min(values, default=0) < 0:
        raise ValueError(f"lengths must not be negative, got {min(values)}")
    if sum(values) != len(speakers):
        raise ValueError(
            f"lengths add up to {sum(values)} utterances, speakers has {len(speakers)}"
        )


def _check_speakers(counts: Tensor, num_speakers: int) -> None:
    for dialogue, count in enumerate(counts.tolist()):
        if count > num_speakers:
            raise ValueError(
                f"dialogue {dialogue} has {count} speakers, but relations='pairs' was set up for "
                f"{num_speakers}: raise num_speakers, or use relations='speaker'"
            )


@torch.library.register_fake("ariigcn::number_speakers")
def _(lengths, speakers):
    return torch.empty_like(speakers), torch.empty_like(lengths)


@torch.library.register_fake("ariigcn::window_graph")
def _(lengths, speakers, past, future, num_speakers):
    edges = torch.library.get_ctx().new_dynamic_size()
    sizes = (speakers.size(0) + 1, edges, edges, edges)
    return tuple(speakers.new_empty(size) for size in sizes)
