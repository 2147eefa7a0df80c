"""Tables of text as Markdown, as LaTeX and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table as RichTable

from ariigcn_dgl import escape
from ariigcn_dgl.experiments.results import Results
from ariigcn_dgl.experiments.tables import Table, tables
from ariigcn_dgl.files import replacing


def write_tables(results: Results, folder: Path) -> None:
    """Write ``table.md`` and ``table.tex``."""
    found = tables(results)
    for name, text in (("table.md", markdown(results, found)), ("table.tex", latex(found[0]))):
        with replacing(folder / name) as scratch:
            scratch.write_text(text, encoding="utf-8")


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


def terminal(table: Table) -> RichTable:
    """Return a table for the terminal."""
    shown = RichTable(title=escape.cell(table.title), title_justify="left", title_style="bold")
    for place, name in enumerate(table.header):
        shown.add_column(escape.cell(name), justify="right" if place else "left", no_wrap=not place)
    for row in table.rows:
        heading = len(row) == 1
        shown.add_row(*map(escape.cell, row), style="italic" if heading else None)
    return shown
