"""The windowed speaker-relation graph of a batch of dialogues (edges of Eq. 8-10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.graph.plan import sort_edges

Relations = Literal["none", "party", "speaker", "pairs"]
MOST_SPEAKERS = 256  # of relations of pairs, twice the square of which there are
SPEAKER_RELATIONS = ("same_past", "same_future", "other_past", "other_future", "self")
# What these five become where relations tell less: relation names and the place of each.
MERGED = {
    "none": (("window",), (0, 0, 0, 0, 0)),
    "party": (("same", "other", "self"), (0, 0, 1, 1, 2)),
}


def relation_names(
    relations: Relations, num_speakers: int = 2, distances: Sequence[int] = ()
) -> list[str]:
    """Return the names of the relations, in the order of their numbers.

    ``past`` means that the source speaks before the target. The self edge is a relation of its own
    (but with "none"), so that the self term of Eq. 10 (``W_0``) is the last relation's weight.

    Parameters
    ----------
    relations : {"none", "party", "speaker", "pairs"}
        One for all edges; same or other speaker; same or other speaker x past or future; ordered
        pair of speakers x past or future.
    num_speakers : int
        Most speakers in a dialogue; used by "pairs" only.
    distances : sequence of int
        Where relations also tell how far utterances are apart: the largest distance of each range
        but the last, increasing.

    Raises
    ------
    ValueError
        If `relations` is none of these, there are no or very many speakers, or distances do not
        increase.

    Examples
    --------
    >>> relation_names("speaker")
    ['same_past', 'same_future', 'other_past', 'other_future', 'self']
    >>> relation_names("pairs", num_speakers=1)
    ['0_to_0_past', '0_to_0_future', 'self']
    >>> relation_names("party", distances=[1])
    ['same_upto_1', 'same_beyond_1', 'other_upto_1', 'other_beyond_1', 'self']
    """
    if list(distances) != sorted({*distances}) or any(bound < 1 for bound in distances):
        raise ValueError(f"distances must increase and be at least 1, got {list(distances)}")
    names = _names(relations, num_speakers)
    if not distances:
        return names
    ranges = [f"upto_{bound}" for bound in distances] + [f"beyond_{distances[-1]}"]
    *others, own = names if names[-1] == "self" else [*names, None]
    by_distance = [f"{name}_{reach}" for name in others for reach in ranges]
    return by_distance if own is None else [*by_distance, own]


def _names(relations: Relations, num_speakers: int) -> list[str]:
    if relations == "speaker":
        return list(SPEAKER_RELATIONS)
    if relations in MERGED:
        return list(MERGED[relations][0])
    if relations != "pairs":
        raise ValueError(f"relations must be one of {get_args(Relations)}, got {relations!r}")
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
    distances: Sequence[int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``indptr, indices, etypes`` of `Graph.from_dialogues`, which see."""
    relation_names(relations, distances=distances)  # raises where there are no such relations
    check_dialogues(lengths, speakers)
    if past < 0 or future < 0:
        raise ValueError(f"past and future must not be negative, got {past} and {future}")
    num_nodes = len(speakers)
    lengths = lengths.contiguous()
    numbers, counts = torch.ops.ariigcn.number_speakers(lengths, speakers.contiguous())
    if relations == "pairs":
        _check_speakers(counts, num_speakers)
    past, future = min(past, num_nodes), min(future, num_nodes)  # no position overflows
    return numbered_edges(lengths, numbers, past, future, relations, num_speakers, distances)


def numbered_edges(
    lengths: Tensor,
    numbers: Tensor,
    past: int,
    future: int,
    relations: Relations,
    num_speakers: int,
    distances: Sequence[int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same, given the speakers' numbers in their dialogue."""
    pairs = num_speakers if relations == "pairs" else 0
    indptr, indices, etypes, _ = torch.ops.ariigcn.window_graph(
        lengths, numbers, past, future, pairs
    )
    if relations in MERGED:
        etypes = torch.tensor(MERGED[relations][1], device=etypes.device)[etypes]
    elif not distances:  # as the operator has them, in order
        return indptr, indices, etypes
    dst = torch.arange(len(numbers), device=indptr.device).repeat_interleave(indptr.diff())
    if distances:
        bounds = torch.tensor(distances, device=dst.device)
        reach = torch.bucketize((indices - dst).abs(), bounds)  # 0 of self edges
        etypes = etypes * (len(distances) + 1) + reach
    num_rels = len(relation_names(relations, num_speakers, distances))
    nodes = len(numbers)
    keys = {"src": (indices, nodes), "etypes": (etypes, num_rels), "dst": (dst, nodes)}
    _, order = sort_edges(keys)
    return indptr, indices[order], etypes[order]


def check_dialogues(lengths: Tensor, speakers: Tensor) -> None:
    """Raise ValueError unless `lengths` divides `speakers` into dialogues, both on the CPU."""
    _check_on_cpu("speakers", speakers)
    check_lengths(lengths, "speakers", len(speakers))


def check_lengths(lengths: Tensor, name: str, count: int) -> None:
    """Raise ValueError unless `lengths`, on the CPU, divides what has `count` rows."""
    _check_on_cpu("lengths", lengths)
    values = lengths.tolist()  # adds up without overflow
    if min(values, default=0) < 0:
        raise ValueError(f"lengths must not be negative, got {min(values)}")
    if sum(values) != count:
        raise ValueError(f"lengths add up to {sum(values)} utterances, {name} has {count}")


def _check_on_cpu(name: str, ids: Tensor) -> None:
    if (
        not isinstance(ids, Tensor)
        or ids.dtype != torch.int64
        or ids.device.type != "cpu"
        or ids.dim() != 1
    ):
        raise ValueError(f"{name} must be a 1-D int64 tensor on the CPU")


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
