"""Tables of text as Markdown, as LaTeX and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.table import Table as RichTable

from ariigcn_dgl import escape
from ariigcn_dgl.experiments.results import Results
from ariigcn_dgl.experiments.tables import Table, tables
from ariigcn_dgl.files import write_text

BORDER = 3  # characters beside a column: two spaces and a line


def write_tables(results: Results, folder: Path) -> None:
    """Write ``table.md`` and ``table.tex``."""
    found = tables(results)
    for name, text in (("table.md", markdown(results, found)), ("table.tex", latex(found[0]))):
        write_text(folder / name, text)


def markdown(results: Results, found: Sequence[Table]) -> str:
    """Return the tables as Markdown."""
    parts = [escape.markdown(results.about)] if results.about else []
    for table in found:
        numbers = len(table.header) - 1
        lines = [_line(map(escape.markdown, table.header)), _line(["---", *["---:"] * numbers])]
        for row in table.rows:
            cells = list(map(escape.markdown, row))
            lines.append(_line([f"**{cells[0]}**", *[""] * numbers] if len(row) == 1 else cells))
        notes = [f"{escape.markdown(note)}." for note in table.notes]
        parts += [f"## {escape.markdown(table.title)}", "\n".join(lines), *notes]
    return "\n\n".join(parts) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def latex(table: Table) -> str:
    """Return a table as a LaTeX tabular, for the package booktabs."""
    columns = len(table.header)
    lines = [
        *map(escape.latex_comment, (table.title, *table.notes)),
        rf"\begin{{tabular}}{{l{'r' * (columns - 1)}}}",
        r"\toprule",
        " & ".join(map(escape.latex, table.header)) + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
        heading = rf"\multicolumn{{{columns}}}{{l}}{{\textit{{{escape.latex(row[0])}}}}}"
        lines.append((heading if len(row) == 1 else " & ".join(map(escape.latex, row))) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def terminal(table: Table, width: int) -> list[RichTable]:
    """Return a table for a terminal: as many tables as fit, each with the first column.

    Parameters
    ----------
    table : Table
    width : int
        Characters in a line.
    """
    needed = [_needed(table, column) for column in range(len(table.header))]
    parts: list[list[int]] = []
    left = 0
    for column in range(1, len(table.header)):
        if not parts or needed[column] + BORDER > left:
            parts.append([])
            left = width - 1 - (needed[0] + BORDER)
        parts[-1].append(column)
        left -= needed[column] + BORDER
    return [
        _part(table, [0, *part], needed, width, table.title if part is parts[0] else None)
        for part in parts
    ]


def _needed(table: Table, column: int) -> int:
    """Return how wide a column must be: cells stay in one line, headers are broken at spaces."""
    cells = [row[column] for row in table.rows if len(row) > 1]
    return max(map(cell_len, [*table.header[column].split(), *cells]), default=0)


def _part(
    table: Table, columns: Sequence[int], needed: Sequence[int], width: int, title: str | None
) -> RichTable:
    shown = RichTable(title=title and escape.cell(title), title_justify="left", title_style="bold")
    fits = 1 + sum(needed[c] + BORDER for c in columns) <= width
    for column in columns:
        shown.add_column(
            escape.cell(table.header[column]),
            justify="right" if column else "left",
            no_wrap=fits and not column,
            width=needed[column] if fits else None,
        )
    for row in table.rows:
        heading = len(row) == 1
        cells = row if heading else [row[column] for column in columns]
        shown.add_row(*map(escape.cell, cells), style="italic" if heading else None)
    return shown
