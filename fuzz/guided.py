"""Readers guided by coverage: atheris, where it can be installed (``pip install atheris``).

    python -m fuzz.guided TARGET --seconds 30

Inputs that reach new lines of the package are kept in build/fuzz/TARGET/corpus, and the next
campaign begins with them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from fuzz.faults import OUT, tried
from fuzz.report import Tally

if TYPE_CHECKING:  # what imports a reader must be instrumented first
    from fuzz.readers.reader import Reader

INSTRUMENTED = ("ariigcn_dgl.data", "ariigcn_dgl.extract", "ariigcn_dgl.experiments")
INSTRUMENTED += ("ariigcn_dgl.files", "ariigcn_dgl.plain_yaml", "ariigcn_dgl.schema")
LARGEST = 1 << 20  # bytes of an input
MEGABYTES = 6000  # of the process
FAULT = "FAULT "


def attacked(name: str, options: argparse.Namespace, console: Console) -> Tally:
    """Run a campaign in a process of its own, which atheris ends."""
    tally = Tally(f"{name}, guided", accepted=None)
    if importlib.util.find_spec("atheris") is None:
        tally.note = "no atheris"
        return tally
    command = [sys.executable, "-m", "fuzz.guided", name, "--limit", str(options.limit)]
    command += ["--seconds", str(options.seconds), "--seed", str(options.seed)]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:  # which atheris would leave behind
        ended = subprocess.run(
            command,
            env=os.environ | {"TMPDIR": scratch},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    tally.seconds = time.monotonic() - begun
    executed = re.search(r"number_of_executed_units:\s*(\d+)", ended.stderr)
    tally.inputs = int(executed[1]) if executed else 0
    for line in ended.stdout.splitlines():
        if line.startswith(FAULT):
            tally.faults[line.removeprefix(FAULT).split(":")[0]] += 1
            console.print(f"{tally.name}: {line.removeprefix(FAULT)}", markup=False)
    if ended.returncode:  # libFuzzer ends by itself at a crash, a hang or too much memory
        tally.faults[_kind_of_end(ended.stderr)] += 1
        console.print(f"{tally.name}: {ended.stderr[-500:]}", markup=False)
    return tally


def _kind_of_end(said: str) -> str:
    kinds = {"timeout": "hang", "out-of-memory": "memory"}
    return next((kind for word, kind in kinds.items() if word in said), "crash")


class Guided:
    """One reader, whose inputs are bytes: the number of a seed, and the content of its file.

    Parameters
    ----------
    target : Reader
    folder : Path
        Where the input's files lie while it is tried.
    """

    def __init__(self, target: Reader, folder: Path) -> None:
        self.target, self.folder = target, folder
        self.corpus = OUT / target.name / "corpus"
        self.kept = OUT / target.name / "guided"
        self.places: set[str] = set()
        for path in (self.corpus, self.kept):
            path.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(target.seeds):
            content = bytes([number]) + seed.files[seed.name]
            (self.corpus / f"seed{number}").write_bytes(content)

    def one(self, content: bytes) -> None:
        """Try an input; keep it where it shows a fault at a new place."""
        seed = self.target.seeds[(content[0] if content else 0) % len(self.target.seeds)]
        case = self.target.case(seed, content[1:], "guided by coverage")
        outcome = tried(self.target, case, self.folder)
        if isinstance(outcome, str) or outcome[2] in self.places:
            return
        self.places.add(outcome[2])
        path = self.kept / str(len(list(self.kept.iterdir())))
        path.write_bytes(content)
        again = f"python -m fuzz.guided {self.target.name} --again {path}"
        print(f"{FAULT}{outcome[0]}: {outcome[1]} at {outcome[2]}; again: {again}", flush=True)


def main() -> None:
    """Attack one reader until time is up."""
    parser = argparse.ArgumentParser("python -m fuzz.guided", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--limit", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", nargs="*", default=[], help="files to try, and nothing else")
    options = parser.parse_args()

    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED), enable_loader_override=False):
        from fuzz.targets import TARGETS

    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        made_of, folder = Path(scratch, "made-of"), Path(scratch, "input")
        made_of.mkdir()
        folder.mkdir()
        guided = Guided(TARGETS[options.target](made_of), folder)
        settings = [f"-max_total_time={int(options.seconds)}", f"-timeout={int(options.limit)}"]
        settings += [f"-seed={options.seed + 1}", f"-max_len={LARGEST}", "-print_final_stats=1"]
        settings += [f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={guided.kept}/"]
        tried_first = options.again or [str(guided.corpus)]
        atheris.Setup([sys.argv[0], *settings, *tried_first], guided.one)
        atheris.Fuzz()  # ends the process


if __name__ == "__main__":
    main()
