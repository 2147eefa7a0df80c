"""Show the summary of a data set as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ariigcn_dgl.data.findings import Finding
from ariigcn_dgl.data.summary import Summary
from ariigcn_dgl.data.views import in_words
from ariigcn_dgl.escape import cell, visible

_STYLES = {"error": "bold red", "warning": "yellow", "note": ""}


def render(summary: Summary, findings: Sequence[Finding] = ()) -> Group:
    """Return the summary as tables and lines for `rich.console.Console.print`."""
    return Group(
        cell(_headline(summary)),
        _split_table(summary),
        *([_target_table(summary)] if summary.targets else []),
        _modality_table(summary),
        *(Text(visible(f"{one.severity}: {one}"), style=_STYLES[one.severity]) for one in findings),
    )


def _headline(summary: Summary) -> str:
    lengths, speakers = summary.lengths, summary.speakers
    predicted = [f"{len(summary.label_names)} classes"]
    if summary.targets and not summary.label_names:
        predicted = []
    predicted += [f"{one.name} ({one.kind})" for one in summary.targets]
    return (
        f"{summary.name}: {', '.join(predicted)}, {summary.num_speakers} speakers; "
        f"a dialogue has {_range(lengths)} utterances and {_range(speakers)} speakers"
    )


def _range(found: tuple[int, float, int]) -> str:
    """Return least and most with the mean, or the one number that there is."""
    if found[0] == found[2]:
        return str(found[0])
    return f"{found[0]} to {found[2]} (mean {found[1]:.1f})"


def _split_table(summary: Summary) -> Table:
    table = Table("")
    for row in summary.splits:
        table.add_column(row.split, justify="right")
    rows = [
        ("dialogues", [row.dialogues for row in summary.splits]),
        ("utterances", [row.utterances for row in summary.splits]),
        *zip(
            summary.label_names,
            zip(*(row.classes for row in summary.splits), strict=True),
            strict=True,
        ),
    ]
    if summary.label_names or not summary.targets:
        rows.append(("unlabelled", [row.unlabelled for row in summary.splits]))
    rows += [(f"{one.name} known", list(one.known)) for one in summary.targets]
    for name, counts in rows:
        table.add_row(cell(name), *map(str, counts), end_section=name == "utterances")
    return table


def _target_table(summary: Summary) -> Table:
    table = Table("target", "of", "values")
    for one in summary.targets:
        for name, shown in zip(one.names, one.shown, strict=True):
            table.add_row(cell(one.name), cell(name), shown)
        table.add_section()
    return table


def _modality_table(summary: Summary) -> Table:
    table = Table("modality")
    for column in ("width", "missing", "mean of columns", "deviation of columns"):
        table.add_column(column, justify="right")
    for row in summary.modalities:
        table.add_row(
            row.modality,
            in_words(row.views) + (f" ({row.rows:.1f} rows)" if row.rows != 1 else ""),
            f"{row.missing:.1%}",
            f"{row.means[0]:.3g} to {row.means[1]:.3g}",
            f"{row.deviations[0]:.3g} to {row.deviations[1]:.3g}",
        )
    return table
