"""Show the summary of a data set as tables on the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ariigcn_dgl.data.summary import Summary


def render(summary: Summary) -> Group:
    """Return the summary as tables and lines for `rich.console.Console.print`."""
    return Group(
        Text(_headline(summary)),
        _split_table(summary),
        _modality_table(summary),
        *(Text(f"warning: {warning}", style="yellow") for warning in summary.warnings),
    )


def _headline(summary: Summary) -> str:
    lengths, speakers = summary.lengths, summary.speakers
    return (
        f"{summary.name}: {len(summary.label_names)} classes, {summary.num_speakers} speakers; "
        f"a dialogue has {lengths[0]} to {lengths[2]} utterances (mean {lengths[1]:.1f}) "
        f"and {speakers[0]} to {speakers[2]} speakers (mean {speakers[1]:.1f})"
    )


def _split_table(summary: Summary) -> Table:
    table = Table("split")
    for column in ("dialogues", "utterances", *summary.label_names, "unlabelled"):
        table.add_column(escape(column), justify="right")
    for row in summary.splits:
        counts = (row.dialogues, row.utterances, *row.classes, row.unlabelled)
        table.add_row(row.split, *map(str, counts))
    return table


def _modality_table(summary: Summary) -> Table:
    table = Table("modality")
    for column in ("width", "missing", "mean of columns", "deviation of columns"):
        table.add_column(column, justify="right")
    for row in summary.modalities:
        table.add_row(
            row.modality,
            str(row.width),
            f"{row.missing:.1%}",
            f"{row.means[0]:.3g} to {row.means[1]:.3g}",
            f"{row.deviations[0]:.3g} to {row.deviations[1]:.3g}",
        )
    return table
