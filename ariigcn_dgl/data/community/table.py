"""Show what was recognised in a community file, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ariigcn_dgl.data.community.importing import Comparison, Imported
from ariigcn_dgl.data.views import in_words
from ariigcn_dgl.escape import cell, visible


def render(imported: Imported) -> Group:
    """Return what a file holds as tables and lines for `rich.console.Console.print`."""
    return Group(
        cell(f"{imported.path}: {imported.layout}"),
        cell(f"data set: {imported.dataset}"),
        _modality_table(imported),
        _split_table(imported),
        *(Text(visible(f"note: {note}"), style="yellow") for note in imported.notes),
    )


def _modality_table(imported: Imported) -> Table:
    table = Table("modality")
    table.add_column("width", justify="right")
    table.add_column("missing", justify="right")
    for modality, mask in imported.dialogues.masks.items():
        width = in_words(imported.dialogues.view_widths(modality))
        table.add_row(modality, width, f"{1 - mask.mean():.1%}")
    return table


def _split_table(imported: Imported) -> Table:
    """Return one row per figure, one or two columns per split: found and published."""
    table = Table("")
    for comparison in imported.comparisons:
        table.add_column(comparison.part, justify="right")
        if comparison.published:
            table.add_column("published", justify="right", style="dim")
    columns = [
        column
        for comparison in imported.comparisons
        for column in _columns(comparison, imported.dialogues.num_classes)
    ]
    names = ("dialogues", "utterances", *map(cell, imported.dialogues.label_names), "")
    for name, *cells in zip(names, *columns, strict=True):
        table.add_row(name, *cells, end_section=name in ("utterances", names[-2]))
    return table


def _columns(comparison: Comparison, num_classes: int) -> Iterator[list[str]]:
    found, published = comparison.found, comparison.published
    own = [found.dialogues, found.utterances, *found.classes]
    if published is None:
        yield [*map(str, own), ""]
        return
    other = [
        published.dialogues or None,
        published.utterances,
        *(published.classes or [None] * num_classes),
    ]
    differs = [b is not None and a != b for a, b in zip(own, other, strict=True)]
    verdict = "[green]agrees[/]" if comparison.agrees else "[red]differs[/]"
    yield [*(f"[red]{a}[/]" if d else str(a) for a, d in zip(own, differs, strict=True)), verdict]
    yield [*("" if b is None else str(b) for b in other), ""]
