"""Targets beside classes over a conversation: numbers as lines, labels as rows of probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data.targets import Kind
from ariigcn_dgl.palette import SERIES
from ariigcn_dgl.plots import short
from ariigcn_dgl.report.chart_places import end_of, places_of
from ariigcn_dgl.report.conversation import Conversation
from ariigcn_dgl.training.target_answers import TargetAnswers

AREA, ROW = 112, 22  # px: height of a line's range, and of a row
TOP, AXIS = 10, 22  # px above, and below for the axis
MARGIN, LETTERS = 104, 15  # px on the left, for names of so many letters, and for numbers
LONGEST = 120  # characters of a text that is shown beside the mouse

Reach = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """One utterance in a chart: where, in which colour, and what is said of it.

    Parameters
    ----------
    place : int
        Of the utterance in its conversation.
    x, y : float
        Middle of a point; left and upper edge of a cell.
    width : float
        Of a cell.
    share : float
        How strong it is, 0 to 1.
    slot : int
        Of the palette.
    true : bool
        Whether the label is known to hold.
    title : str
    """

    place: int
    x: float
    y: float
    title: str
    width: float = 0.0
    share: float = 1.0
    slot: int = 0
    true: bool = False


@dataclass(frozen=True)
class Chart:
    """What a template draws; all of it in px.

    Parameters
    ----------
    shape : {"line", "rows"}
        Name of the template's macro.
    name : str
        Target, and which of its numbers.
    margin, width, height : float
    scale : sequence of (float, str)
        Heights and what stands there in the margin.
    ticks : sequence of (float, str)
        Places below, and what stands there.
    marks : sequence of Mark
        What is predicted.
    line, truth : str
        Paths through the points that are predicted and that are known; "" of rows.
    """

    shape: str
    name: str
    margin: float
    width: float
    height: float
    scale: Sequence[tuple[float, str]]
    ticks: Sequence[tuple[float, str]]
    marks: Sequence[Mark]
    line: str = ""
    truth: str = ""


@dataclass(frozen=True)
class View:
    """A conversation with the targets beside classes.

    Parameters
    ----------
    conversation : Conversation
    speakers : mapping of str to int
        The slot of each one's colour.
    charts : sequence of Chart
    columns : sequence of str
        Of the table, of all targets.
    rows : sequence of sequence of str
        What stands there, by utterance.
    """

    conversation: Conversation
    speakers: Mapping[str, int]
    charts: Sequence[Chart]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def view(
    conversation: Conversation, said: Sequence[TargetAnswers], reaches: Mapping[str, Reach]
) -> View:
    """Return how a conversation is shown.

    Parameters
    ----------
    conversation : Conversation
        Of T utterances.
    said : sequence of TargetAnswers
        Of T utterances each.
    reaches : mapping of str to (float, float)
        What `reaches_of` returned of all conversations of the page.
    """
    names = list(dict.fromkeys(one.speaker for one in conversation.utterances))
    speakers = {name: SERIES[s % len(SERIES)] for s, name in enumerate(names)}
    columns, cells = list[str](), list[list[str]]()
    for one in said:
        if any(truths := one.truths()):
            columns.append(f"{one.title}, true")
            cells.append([truth or "–" for truth in truths])
        columns.append(f"{one.title}, predicted")
        cells.append(one.phrases())
    drawn = [
        chart
        for one in said
        for chart in CHARTS[one.spec.kind](one, conversation, speakers, reaches)
    ]
    return View(conversation, speakers, drawn, columns, list(zip(*cells, strict=True)))


def reaches_of(said: Sequence[TargetAnswers]) -> dict[str, Reach]:
    """Return from where to where the numbers of each target go: as declared, or as they are."""
    found = dict[str, Reach]()
    for one in said:
        if one.spec.low is not None and one.spec.high is not None:
            found[one.spec.name] = one.spec.low, one.spec.high
            continue
        parts = [one.answers] if one.values is None else [one.answers, one.values]
        numbers = np.concatenate([part.ravel() for part in parts])
        low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
        found[one.spec.name] = (low, high) if low < high else (low - 1, high + 1)
    return found


def _lines(
    said: TargetAnswers,
    conversation: Conversation,
    speakers: Mapping[str, int],
    reaches: Mapping[str, Reach],
) -> list[Chart]:
    """Return a chart for each number: a line over the utterances, a dashed one of what is true."""
    low, high = reaches[said.spec.name]
    places, ticks = places_of(conversation)
    middles = [MARGIN + left + width / 2 for left, width in places]
    scale = [(_height(x, low, high), _number(x)) for x in (high, (low + high) / 2, low)]
    titles = _titles(conversation, said)
    values = np.full_like(said.answers, np.nan) if said.values is None else said.values
    found = []
    for k, name in enumerate(said.spec.names):
        heights = [_height(float(x), low, high) for x in said.answers[:, k]]
        known = [None if np.isnan(x) else _height(float(x), low, high) for x in values[:, k]]
        marks = [
            Mark(i, x, y, title, slot=speakers[one.speaker])
            for i, (x, y, title, one) in enumerate(
                zip(middles, heights, titles, conversation.utterances, strict=True)
            )
        ]
        found.append(
            Chart(
                "line",
                said.title if said.spec.width == 1 else f"{said.title}: {name}",
                MARGIN,
                MARGIN + end_of(places),
                TOP + AREA + AXIS,
                scale,
                [(MARGIN + x, text) for x, text in ticks],
                marks,
                _path(middles, heights),
                _path(middles, known),
            )
        )
    return found


def _rows(
    said: TargetAnswers,
    conversation: Conversation,
    speakers: Mapping[str, int],
    reaches: Mapping[str, Reach],
) -> list[Chart]:
    """Return one chart with a row for each label: the more probable, the stronger."""
    known = np.zeros_like(said.answers) if said.values is None else said.values
    return [_row_chart(said, conversation, known == 1)]


def _rows_of_classes(
    said: TargetAnswers,
    conversation: Conversation,
    speakers: Mapping[str, int],
    reaches: Mapping[str, Reach],
) -> list[Chart]:
    """Return one chart with a row for each class."""
    numbers = np.arange(said.spec.width)
    known = np.zeros(said.answers.shape, bool) if said.values is None else said.values == numbers
    return [_row_chart(said, conversation, known)]


Draw = Callable[[TargetAnswers, Conversation, Mapping[str, int], Mapping[str, Reach]], list[Chart]]
CHARTS: dict[Kind, Draw] = {
    "classes": _rows_of_classes,
    "multilabel": _rows,
    "regression": _lines,
}


def _row_chart(said: TargetAnswers, conversation: Conversation, true: np.ndarray) -> Chart:
    places, ticks = places_of(conversation)
    titles = _titles(conversation, said)
    names, marks = said.spec.names, list[Mark]()
    for c, name in enumerate(names):
        for i, (left, width) in enumerate(places):
            p = float(said.answers[i, c])
            title = f"{name} {100 * p:.0f} %{', true' if true[i, c] else ''} · {titles[i]}"
            x, y = MARGIN + left, TOP + ROW * c
            marks.append(Mark(i, x, y, title, width, round(p, 3), true=bool(true[i, c])))
    scale = [(TOP + ROW * (c + 0.5), short(name, LETTERS)) for c, name in enumerate(names)]
    return Chart(
        "rows",
        said.title,
        MARGIN,
        MARGIN + end_of(places),
        TOP + ROW * len(names) + AXIS,
        scale,
        [(MARGIN + x, text) for x, text in ticks],
        marks,
    )


def _titles(conversation: Conversation, said: TargetAnswers) -> list[str]:
    found = []
    triples = zip(conversation.utterances, said.phrases(), said.truths(), strict=True)
    for number, (one, phrase, truth) in enumerate(triples, 1):
        text = f" “{short(one.text, LONGEST)}”" if one.text else ""
        known = f", true {truth}" if truth else ""
        found.append(f"{number} · {one.speaker}{text}: {said.title} {phrase}{known}")
    return found


def _height(value: float, low: float, high: float) -> float:
    """Return where a number stands, from the top; what is beyond the range stands at its end."""
    return TOP + AREA * (high - min(max(value, low), high)) / (high - low)


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    """Return the path through the points that there are; where one is missing, it is broken.

    Examples
    --------
    >>> _path([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, None, 7.0])
    'M1.0 5.0L2.0 6.0M4.0 7.0h0'
    """
    parts, drawing, points = list[str](), False, 0
    for x, y in [*zip(xs, ys, strict=True), (0.0, None)]:
        if y is None:
            parts += ["h0"] if points == 1 else []  # of a length, else no cap is drawn
            drawing, points = False, 0
            continue
        parts.append(f"{'L' if drawing else 'M'}{x:.1f} {y:.1f}")
        drawing, points = True, points + 1
    return "".join(parts)
