"""Tables of text as Markdown, as LaTeX and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table as RichTable

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
    parts = [results.about] if results.about else []
    for table in found:
        lines = [_line(table.header), _line(["---", *["---:"] * (len(table.header) - 1)])]
        for row in table.rows:
            heading = len(row) == 1
            padded = [f"**{row[0]}**", *[""] * (len(table.header) - 1)] if heading else row
            lines.append(_line(padded))
        parts += [f"## {table.title}", "\n".join(lines), *(f"{note}." for note in table.notes)]
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def latex(table: Table) -> str:
    """Return a table as a LaTeX tabular, for the package booktabs."""
    columns = len(table.header)
    lines = [
        f"% {table.title}",
        *(f"% {note}" for note in table.notes),
        rf"\begin{{tabular}}{{l{'r' * (columns - 1)}}}",
        r"\toprule",
        " & ".join(map(_tex, table.header)) + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
        heading = rf"\multicolumn{{{columns}}}{{l}}{{\textit{{{_tex(row[0])}}}}}"
        lines.append((heading if len(row) == 1 else " & ".join(map(_tex, row))) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _tex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "±": r"$\pm$", "–": "--", "<": "$<$", ">": "$>$"}
    special |= {one: f"\\{one}" for one in "&%$#_{}"} | {"~": r"\~{}", "^": r"\^{}"}
    return "".join(special.get(one, one) for one in text)


def terminal(table: Table) -> RichTable:
    """Return a table for the terminal."""
    shown = RichTable(title=escape(table.title), title_justify="left", title_style="bold")
    for place, name in enumerate(table.header):
        shown.add_column(escape(name), justify="right" if place else "left", no_wrap=not place)
    for row in table.rows:
        heading = len(row) == 1
        shown.add_row(*map(escape, row), style="italic" if heading else None)
    return shown
