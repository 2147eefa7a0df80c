"""Labelled conversations in the terminal: what was said, and what was felt; speakers in sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from ariigcn_dgl.conversation.labelled import Labelled, said_of
from ariigcn_dgl.escape import cell, visible
from ariigcn_dgl.palette import LIGHT, slots

BAR = 24  # cells of a speaker's bar
SHOWN = 3  # most frequent emotions of a speaker
LEFT_OPEN = "left open"
_DARK_TEXT, _LIGHT_TEXT = "#000000", "#ffffff"


def conversation_table(labelled: Labelled) -> Table:
    """Return one row for each utterance: when, who, the emotion with its probability, the words.

    An emotion that is unsure has a question mark and no colour behind it. The answers to targets
    beside the emotions, or in their place, stand before the words.
    """
    colours = _colours(labelled.label_names)
    table = Table(box=None, pad_edge=False, show_header=False)
    whens = [_when(one.start, one.when) for one in labelled.spoken]
    if any(whens):
        table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(style="bold", max_width=16)
    if labelled.label_names:
        table.add_column(no_wrap=True)
        table.add_column(justify="right", style="dim", no_wrap=True)
    for _ in labelled.targets:
        table.add_column(max_width=32)
    table.add_column(ratio=1)
    rows = zip(
        labelled.spoken,
        labelled.probabilities,
        labelled.opens(),
        labelled.unsure.tolist(),
        said_of(labelled),
        whens,
        strict=True,
    )
    for one, p, left_open, unsure, others, when in rows:
        emotion: list[Text | str] = []
        if labelled.label_names:
            name = labelled.label_names[int(p.argmax())]
            emotion = [Text("?") if left_open else _chip(name, colours[name], unsure)]
            emotion.append("" if left_open else f"{100 * p.max():.0f} %")
        cells = [cell(one.speaker), *emotion, *map(cell, others), cell(one.text)]
        table.add_row(*([when, *cells] if any(whens) else cells))
    return table


def speakers_table(labelled: Labelled) -> Table:
    """Return one row for each speaker: a bar of emotions, and the most frequent ones.

    Of other targets how many of each label, or the mean of each number.
    """
    spoken: dict[str, list[int]] = {}
    for n, one in enumerate(labelled.spoken):
        spoken.setdefault(one.speaker, []).append(n)
    return _sums((speaker, labelled, rows) for speaker, rows in spoken.items())


def conversations_table(labelled: Mapping[str, Labelled]) -> Table:
    """Return one row for each conversation, by its name, as `speakers_table` has of speakers."""
    return _sums((name, one, range(len(one.spoken))) for name, one in labelled.items())


def _sums(parts: Iterable[tuple[str, Labelled, Sequence[int]]]) -> Table:
    """Return a table of names and what some utterances of a conversation have in sum."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for place, (name, labelled, rows) in enumerate(parts):
        if place == 0:
            table.add_column(style="bold", max_width=16)
            if labelled.label_names:
                table.add_column(no_wrap=True)
            table.add_column(justify="right", no_wrap=True)
            table.add_column(ratio=1)
        bar, words = list[Text](), list[str]()
        if labelled.label_names:
            counts = _felt(labelled, rows).most_common()
            bar = [_bar(counts, _colours(labelled.label_names))]
            words = [f"{felt} {100 * n / len(rows):.0f} %" for felt, n in counts[:SHOWN]]
        said = [", ".join(words)] if words else []
        said += [f"{one.title} {one.select(list(rows)).summed_up()}" for one in labelled.targets]
        table.add_row(cell(name), *bar, str(len(rows)), cell("; ".join(said)))
    return table


def _felt(labelled: Labelled, rows: Sequence[int]) -> Counter[str]:
    """Return how often each emotion was found in some utterances."""
    found, opens = labelled.probabilities.argmax(1), labelled.opens()
    return Counter(LEFT_OPEN if opens[n] else labelled.label_names[int(found[n])] for n in rows)


def _bar(counts: Sequence[tuple[str, int]], colours: Mapping[str, str]) -> Text:
    bar = Text()
    for (name, _), length in zip(counts, _lengths([n for _, n in counts]), strict=True):
        bar.append(" " * length, f"on {colours[name]}" if name in colours else "")
    return bar


def _lengths(counts: Sequence[int]) -> list[int]:
    """Return lengths in proportion to counts, together `BAR`.

    Examples
    --------
    >>> _lengths([2, 1])
    [16, 8]
    """
    edges = np.round(BAR * np.cumsum([0, *counts]) / sum(counts)).astype(int)
    return np.diff(edges).tolist()


def _chip(name: str, colour: str, unsure: bool) -> Text:
    if unsure:
        return Text(f" {visible(name)}?", "italic")
    return Text(f" {visible(name)} ", f"{_readable_on(colour)} on {colour}")


def _colours(label_names: Sequence[str]) -> dict[str, str]:
    return {name: LIGHT[slot] for name, slot in zip(label_names, slots(label_names), strict=True)}


def _readable_on(colour: str) -> str:
    """Return the colour of letters on a colour, by the contrast of WCAG 2.

    Examples
    --------
    >>> _readable_on("#d3c300"), _readable_on("#084d26")
    ('#000000', '#ffffff')
    """
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return _DARK_TEXT if (luminance + 0.05) ** 2 > 1.05 * 0.05 else _LIGHT_TEXT


def _when(start: float | None, when: str) -> str:
    """Return minutes and seconds, or what a chat says.

    Examples
    --------
    >>> _when(75.5, ""), _when(None, "12/03/2024, 18:01"), _when(None, "")
    ('1:15', '12/03/2024, 18:01', '')
    """
    if start is None:
        return visible(when)
    minutes, seconds = divmod(int(start), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
