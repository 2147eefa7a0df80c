"""The table of a campaign."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.table import Table

from fuzz.faults import KINDS


@dataclass
class Tally:
    """What one target has shown.

    Parameters
    ----------
    name : str
    inputs : int
    accepted : int or None
        Of the inputs; the others were refused, or show a fault. None where nobody counts.
    seconds : float
    faults : counter of str
        By kind.
    note : str
        Why it was not attacked, if so.
    """

    name: str
    inputs: int = 0
    accepted: int | None = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    note: str = ""


def table(tallies: list[Tally]) -> Table:
    """Return a row per target and their sum."""
    out = Table(title="fuzz")
    out.add_column("target")
    for name in ("inputs", "seconds", "inputs/s", "accepted", *KINDS):
        out.add_column(name, justify="right")
    for one in tallies:
        out.add_row(*_row(one))
    total = Tally("all", accepted=None)
    for one in tallies:
        total.inputs += one.inputs
        total.seconds += one.seconds
        total.faults += one.faults
    out.add_section()
    out.add_row(*_row(total))
    return out


def _row(one: Tally) -> list[str]:
    if one.note:
        return [one.name, one.note]
    rate = one.inputs / one.seconds if one.seconds else 0.0
    numbers = [f"{one.inputs:,}", f"{one.seconds:.0f}", f"{rate:,.0f}"]
    known = one.inputs and one.accepted is not None
    numbers.append(f"{100 * one.accepted / one.inputs:.0f} %" if known else "")
    return [one.name, *numbers, *(str(one.faults[kind]) for kind in KINDS)]
