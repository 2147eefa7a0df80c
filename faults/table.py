"""The figures of all moments, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from faults.commands import COMMANDS
from faults.kinds import FAULTS
from faults.trial import Trial

COLUMNS = ("moments", "stopped", "same bits", "left behind", "tracebacks", "failures")
Cells = dict[tuple[str, str], list[Trial]]


def figures(trials: Sequence[Trial]) -> list[int]:
    """Return the numbers of a row."""
    return [
        len(trials),
        sum(one.stopped for one in trials),
        sum(one.same for one in trials),
        sum(bool(one.left) for one in trials),
        sum(one.tracebacks for one in trials),
        sum(bool(one.failures) for one in trials),
    ]


def table(cells: Cells) -> Table:
    """Return a row for each command and fault, and one of all."""
    shown = Table("command", "fault", title="commands stopped at random moments")
    for column in COLUMNS:
        shown.add_column(column, justify="right")
    for (command, fault), trials in sorted(cells.items()):
        shown.add_row(command, fault, *map(str, figures(trials)))
    shown.add_section()
    shown.add_row("all", "", *map(str, figures([one for many in cells.values() for one in many])))
    return shown


def markdown(cells: Cells) -> str:
    """Return a row for each fault, with its promise, and one of all commands."""
    lines = [_row(("fault", "what is done", "what is promised")), _row(["---"] * 3)]
    lines += [_row((one.name, one.how, one.promise)) for one in FAULTS.values()]
    lines += ["", _row(("fault", *COLUMNS)), _row(["---", *["---:"] * len(COLUMNS)])]
    lines += _totals(cells, 1, FAULTS)
    lines += ["", _row(("command", *COLUMNS)), _row(["---", *["---:"] * len(COLUMNS)])]
    lines += _totals(cells, 0, COMMANDS)
    every = figures([one for many in cells.values() for one in many])
    return "\n".join([*lines, _row(("**all**", *map(str, every)))]) + "\n"


def _totals(cells: Cells, part: int, names: Iterable[str]) -> list[str]:
    groups = {
        name: [one for key, trials in cells.items() if key[part] == name for one in trials]
        for name in names
    }
    return [_row((name, *map(str, figures(trials)))) for name, trials in groups.items() if trials]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
