"""Batches of dialogues with the sizes of data sets, and their edges in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.errors import InputError

# dialogues x utterances: batches of 32 as MELD and IEMOCAP have them, and 100,000 nodes
SHAPES = {"meld": (32, 10), "iemocap": (32, 50), "long": (1000, 100)}
WINDOW = 10
MOST_PRESENT = 3  # speakers of one dialogue


def num_speakers(relations: int) -> int:
    """Return S of 2 S² relations (ordered pair of speakers x past or future).

    Raises
    ------
    InputError
        If there is no such number.

    Examples
    --------
    >>> [num_speakers(relations) for relations in (8, 18, 162)]
    [2, 3, 9]
    """
    speakers = round((relations / 2) ** 0.5)
    if speakers < 1 or 2 * speakers**2 != relations:
        raise InputError(
            f"--relations {relations}: expected twice a square (2, 8, 18, ... 162): past and "
            "future of every ordered pair of speakers"
        )
    return speakers


def draw_speakers(dialogues: int, length: int, speakers: int) -> Tensor:
    """Return the speaker of every utterance, (dialogues * length,) int64.

    A dialogue has three of all speakers, each time others: over 3 S dialogues every two of them
    meet. Where all are present they are numbered by first appearance, as `from_dialogues` does.
    """
    generator = torch.Generator().manual_seed(0)
    present = min(speakers, MOST_PRESENT)
    dialogue = torch.arange(dialogues).unsqueeze(1)
    step = dialogue // speakers % max(speakers // 2, 1) + 1
    who = (dialogue + step * torch.arange(present)) % speakers
    turn = torch.randint(present, (dialogues, length), generator=generator)
    spoken = who.gather(1, turn)
    return (spoken if present < speakers else _by_appearance(spoken, speakers)).flatten()


def _by_appearance(spoken: Tensor, speakers: int) -> Tensor:
    length = spoken.size(1)
    first = torch.full((len(spoken), speakers), length)
    first.scatter_reduce_(1, spoken, torch.arange(length).expand_as(spoken), "amin")
    return first.argsort(1).argsort(1).gather(1, spoken)


def window_edges(length: int, speakers: Tensor, num_speakers: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return source, target and relation of every edge, sorted by (target, relation, source).

    Relations are (ordered pair of speakers) x (past, future), and the self edge, as in
    `Graph.from_dialogues` with ``relations="pairs"``; all dialogues have one length.

    Examples
    --------
    >>> src, dst, etypes = window_edges(2, torch.tensor([0, 0]), 1)
    >>> src.tolist(), dst.tolist(), etypes.tolist()
    ([1, 0, 0, 1], [0, 0, 1, 1], [1, 2, 0, 2])
    """
    nodes = len(speakers)
    dst = torch.arange(nodes).unsqueeze(1).expand(nodes, 2 * WINDOW + 1)
    offset = torch.arange(-WINDOW, WINDOW + 1)
    position = (dst % length) + offset
    inside = (position >= 0) & (position < length)
    src, dst = (dst + offset)[inside], dst[inside]
    pair = speakers[src] * num_speakers + speakers[dst]
    etypes = 2 * pair + (src > dst).long()
    etypes = torch.where(src == dst, 2 * num_speakers**2, etypes)
    order = torch.argsort(dst * (2 * num_speakers**2 + 1) + etypes, stable=True)
    return src[order], dst[order], etypes[order]
