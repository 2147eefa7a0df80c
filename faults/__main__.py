"""Stop the long commands at many random moments and compare the bits that they end with."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before anything is imported: forked processes need no threads

import argparse
import importlib
import random
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from faults.child import adopt_orphans
from faults.commands import COMMANDS
from faults.inputs import make_data, make_run
from faults.kinds import FAULTS
from faults.recordings import make_labelling_run, make_recordings
from faults.table import Cells, markdown, table
from faults.trial import Place, Trial, Undisturbed

# What commands import when they need it: forked processes then need not.
PRELOADED = {
    "train": ("ariigcn_dgl.cli.train", "torch._dynamo", "sklearn.metrics"),
    "experiment": ("ariigcn_dgl.cli.experiment", "torch._dynamo", "matplotlib.figure"),
    "report": (
        "ariigcn_dgl.cli.report",
        "ariigcn_dgl.cli.train",
        "sklearn.manifold",
        "matplotlib.figure",
    ),
    "predict": ("ariigcn_dgl.cli.predict", "ariigcn_dgl.cli.train", "torch._dynamo"),
    "predict --media": ("ariigcn_dgl.cli.predict", "torch._dynamo"),
} | {name: ("ariigcn_dgl.cli.data",) for name in COMMANDS if name.startswith("data ")}
OF_RECORDINGS = ("extract", "extract --visual", "predict --media")
OF_EXTRACT = ("ariigcn_dgl.cli.extract", "av", "transformers")
NARROWEST = 110  # columns of the table where there is no terminal
BEGIN, END = "<!-- of python -m faults -->", "<!-- end -->"

Key = tuple[str, str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 where a promise was broken."""
    options = _options(arguments)
    keys = [options.only] if options.only else _plan(options)
    began, console = time.monotonic(), Console()
    adopt_orphans()
    torch.set_num_threads(1)
    cells: Cells = {}
    with tempfile.TemporaryDirectory(prefix="ariigcn-faults-") as folder:
        place = Place(Path(folder))
        expected = _prepare(place, {name for name, _, _ in keys})
        for number, key in enumerate(keys, 1):
            name, fault, _ = key
            if not console.is_terminal and number % 20 == 0:
                print(f"{number} of {len(keys)}", file=sys.stderr, flush=True)
            trial = _try(place, expected[name], key, options.seed)
            cells.setdefault((name, fault), []).append(trial)
            for failure in trial.failures:
                again = f'python -m faults --seed {options.seed} --only "{name}:{fault}:{key[2]}"'
                print(f"{name}, {fault}: {failure}\n  again with: {again}", flush=True)
    every = [trial for trials in cells.values() for trial in trials]
    failed = sum(bool(trial.failures) for trial in every)
    if not console.is_terminal:
        console = Console(width=max(NARROWEST, console.width))
    console.print(table(cells))
    print(f"{len(every)} moments, {failed} failures, {time.monotonic() - began:.0f} s")
    if options.markdown:
        _write(options.markdown, markdown(cells), options)
    return min(failed, 1)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m faults", description=__doc__)
    parser.add_argument("--moments", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--only", type=_key, help="COMMAND:FAULT:NUMBER, one moment")
    parser.add_argument("--markdown", type=Path, help="page whose tables are to be written")
    return parser.parse_args(arguments)


def _key(text: str) -> Key:
    command, fault, number = text.split(":")
    if command not in COMMANDS or fault not in FAULTS:
        raise ValueError(text)
    return command, fault, int(number)


def _plan(options: argparse.Namespace) -> list[Key]:
    """Return moments in rounds: in each, every fault its share of every command."""
    able = not set(options.commands) & set(OF_RECORDINGS) or _can_extract()
    names = [name for name in options.commands if able or name not in OF_RECORDINGS]
    round_of = [
        (name, fault.name)
        for fault in (FAULTS[one] for one in options.faults)
        for name in names
        if fault.only in ("", name)
        and (COMMANDS[name].out or not fault.writers)
        and (os.geteuid() == 0 or not fault.root)
        for _ in range(fault.share)
    ]
    if not round_of:
        sys.exit("none of the faults concerns these commands")
    keys, seen = [], dict[tuple[str, str], int]()
    while len(keys) < options.moments:
        # In another order each round, so that a short plan meets all commands.
        for pair in random.Random(f"{options.seed} {len(keys)}").sample(round_of, len(round_of)):
            seen[pair] = seen.get(pair, 0) + 1
            keys.append((*pair, seen[pair]))
    return keys[: options.moments]


def _can_extract() -> bool:
    try:
        for name in OF_EXTRACT:
            importlib.import_module(name)
    except ImportError as error:
        print(f"{', '.join(OF_RECORDINGS)} are left out: {error}", file=sys.stderr)
        return False
    return True


def _prepare(place: Place, names: set[str]) -> dict[str, Undisturbed]:
    for module in dict.fromkeys(one for name in names for one in PRELOADED.get(name, ())):
        importlib.import_module(module)
    make_data(place.inputs)
    if names & {"report", "predict"}:
        make_run(place.inputs, COMMANDS["train"].main)
    if names & set(OF_RECORDINGS):
        make_recordings(place.inputs)
    if "predict --media" in names:
        make_labelling_run(place.inputs, COMMANDS["train"].main)
    expected = {name: place.undisturbed(COMMANDS[name]) for name in COMMANDS if name in names}
    for name, found in expected.items():
        end = found.end
        print(f"{name}: {end.seconds:.1f} s, {end.events} events", file=sys.stderr, flush=True)
    return expected


def _try(place: Place, expected: Undisturbed, key: Key, seed: int) -> Trial:
    name, fault, number = key
    place.empty()
    trial = Trial(place, COMMANDS[name], expected, random.Random(f"{seed} {name} {fault} {number}"))
    FAULTS[fault].happen(trial)
    return trial


def _write(page: Path, text: str, options: argparse.Namespace) -> None:
    """Put the tables between the marks of a page."""
    made = f"python -m faults --moments {options.moments} --seed {options.seed}"
    inside = f"{BEGIN}\n{text}\nFrom `{made}`.\n{END}"
    before = page.read_text()
    after = re.sub(f"{BEGIN}.*{END}", lambda _: inside, before, flags=re.DOTALL)
    page.write_text(after)


if __name__ == "__main__":
    sys.exit(main())
