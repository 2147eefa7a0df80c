"""Attack targets one after the other; end with code 1 if one shows a fault.

python -m fuzz                                      10 minutes, all targets (make fuzz)
python -m fuzz --targets npz subtitles --seconds 60
python -m fuzz --inputs 1000000                     so many of each target, however long it takes
python -m fuzz --targets npz --seed 0 --first 17 --inputs 1      one input again
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console

from fuzz import guided
from fuzz.faults import OUT, Fault, again, kept
from fuzz.readers.reader import Reader
from fuzz.report import Tally, table
from fuzz.target import Target
from fuzz.targets import TARGETS
from fuzz.worker import Count, Limits, attack, case_of

WIDTH = 160  # that the table needs
SHOWN = 3  # inputs kept of each place that shows a fault


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 1 if there was a fault."""
    options = _options(arguments)
    limits = Limits(options.limit, 0.0 if "libasan" in os.environ.get("LD_PRELOAD", "") else 3.0)
    console, tallies = Console(), []
    if not console.is_terminal:  # as in a log: the table is to be read there, too
        console = Console(width=WIDTH)
    for name in options.targets:
        with tempfile.TemporaryDirectory(prefix="fuzz-made-of-") as folder:
            target = TARGETS[name](Path(folder))
            tallies.append(_attacked(target, options, limits, console))
        if options.guided and issubclass(TARGETS[name], Reader):
            tallies.append(guided.attacked(name, options, console))
    console.print(table(tallies))
    return int(any(one.faults for one in tallies))


def _attacked(
    target: Target, options: argparse.Namespace, limits: Limits, console: Console
) -> Tally:
    tally, places = Tally(target.name), dict[str, int]()
    begun = time.monotonic()
    seconds = math.inf if options.inputs else options.seconds
    inputs = options.inputs or sys.maxsize
    for event in attack(target, options.seed, options.first, inputs, begun + seconds, limits):
        if isinstance(event, Count):
            tally.inputs += event.tried
            tally.accepted += event.accepted
            continue
        tally.faults[event.kind] += 1
        places[event.place] = places.get(event.place, 0) + 1
        if places[event.place] <= SHOWN:
            _show(target, options.seed, event, console)
    tally.seconds = time.monotonic() - begun
    for place, count in places.items():
        if count > SHOWN:
            console.print(f"{target.name}: {count} faults at {place}", markup=False)
    return tally


def _show(target: Target, seed: int, fault: Fault, console: Console) -> None:
    case = case_of(target, seed, fault.number)
    folder = kept(OUT, target, case, seed, fault)
    lines = (
        f"{target.name}: {fault.kind}: {fault.what}",
        f"  at {fault.place}, input: {case.words[:300]}",
        f"  kept in {folder}; again: {again(target.name, seed, fault.number)}",
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--seconds", type=float, default=30.0, help="for each target")
    parser.add_argument("--inputs", type=int, help="for each target, instead of seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for one input")
    parser.add_argument(
        "--guided", action="store_true", help="readers also guided by coverage (atheris)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    torch.set_num_threads(1)  # others would not survive a fork
    sys.exit(main())
