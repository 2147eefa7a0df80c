"""How training begins, and how fast it goes, on a set of shards many times as large as another.

    python benchmarks/shards.py SOURCE.npz --times 1 1000 --folder /large --out results/shards

repeats a data set in shards, one for each copy, which differ by a little noise and in their ids;
lets the system forget the files (as far as it does); and trains, in a process of its own: seconds
until the first step is done, reading included, utterances a second in the steps after it, by the
clock and by the CPU's, and the largest memory of the process. OUT gets results.json and table.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

GIB = 1 << 30
COLUMNS = ("copies", "utterances", "features, GiB", "first step, s (CPU s)")
COLUMNS += ("utterances/s (/CPU s)", "peak, GiB", "own, GiB")


def main() -> None:
    """Make the sets, train on each, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="an .npz archive")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--system", default="bigru")
    parser.add_argument("--folder", help="where sets are kept, and found again; default: nowhere")
    parser.add_argument("--out", help="folder of results.json and table.md")
    options = parser.parse_args()
    rows = []
    for times in options.times:
        with tempfile.TemporaryDirectory() as home:
            data = Path(options.folder or home, f"x{times}")
            here = [sys.executable, __file__]
            if not data.exists():
                # Elsewhere: the peak of a child begins with the pages of what starts it.
                made = [*here, "--make", options.source, str(data), str(times)]
                subprocess.run(made, check=True)
            forget(data)
            command = [*here, "--train", str(data), options.system, str(options.steps)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append({"times": times} | json.loads(said.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    table = [f"| {' | '.join(COLUMNS)} |", "| ---: " * len(COLUMNS) + "|", *map(table_row, rows)]
    print("\n".join(table))
    if options.out:
        folder = Path(options.out)
        folder.mkdir(exist_ok=True)
        record = {"source": Path(options.source).name, "system": options.system, "runs": rows}
        (folder / "results.json").write_text(json.dumps(record, indent=1) + "\n")
        (folder / "table.md").write_text("\n".join(table) + "\n")


def table_row(row: dict[str, Any]) -> str:
    """Return the line of the table."""
    return (
        f"| {row['times']:,} | {row['utterances']:,} | {row['bytes'] / GIB:.2f} | "
        f"{row['first_step']:.1f} ({row['first_step_cpu']:.1f}) | "
        f"{row['speed']:,.0f} ({row['speed_cpu']:,.0f}) | {row['peak'] / GIB:.2f} | "
        f"{row['own'] / GIB:.2f} |"
    )


def forget(folder: Path) -> None:
    """Ask the system to drop what it keeps in memory of the files of a folder."""
    os.sync()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make(source: str, out: str, times: int) -> None:
    """Write the copies."""
    from ariigcn_dgl.data.load import load_checked
    from ariigcn_dgl.data.write_shards import write_shards

    one, rng = load_checked(source), np.random.default_rng(0)

    def copies() -> Iterator[Any]:
        for copy in range(times):
            yield replace(
                one,
                features={m: noisy(x, one.masks[m], rng) for m, x in one.features.items()},
                dialogue_ids=tuple(f"{name}_{copy}" for name in one.dialogue_ids),
                utterance_ids=tuple(f"{name}_{copy}" for name in one.utterance_ids),
            )

    write_shards(copies(), out)


def noisy(rows: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows with a little noise, zeros where they are missing."""
    noise = 0.05 * rng.standard_normal(rows.shape, np.float32)
    return np.where(mask[:, None], rows + noise, np.float32(0))


def train(data: str, system: str, steps: int) -> None:
    """Take some steps, as a training takes them, and print what they took."""
    started = time.perf_counter()
    import torch

    from ariigcn_dgl.data.load import load_checked
    from ariigcn_dgl.data.shown import Shown
    from ariigcn_dgl.training.prepare import prepare
    from ariigcn_dgl.training.run_config import changed, preset_config
    from ariigcn_dgl.training.run_folder import RunFolder
    from ariigcn_dgl.training.trainer import Trainer

    torch.set_num_threads(1)
    dialogues = load_checked(data)
    config = changed(preset_config(system, "paper"), {"training.epochs": 1})
    prepared = prepare(dialogues, config)
    with tempfile.TemporaryDirectory() as folder:
        shown = Shown.fit(prepared.dialogues, prepared.config.training.missing)
        trainer = Trainer(shown, prepared.config, 0, RunFolder(Path(folder)))
        trainer.model.train()
        utterances, first_step, began = 0, (0.0, 0.0), (0.0, 0.0)
        for step, batch in enumerate(trainer.batches(1)):
            trainer.learner.step(trainer.update, batch)
            if step == 0:
                began = time.perf_counter(), time.process_time()
                first_step = began[0] - started, began[1]
            else:
                utterances += len(batch.labels)
            if step == steps:
                break
        seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    used = resource.getrusage(resource.RUSAGE_SELF)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    record = {
        "utterances": dialogues.num_utterances,
        "bytes": sum(array.nbytes for array in dialogues.features.values()),
        "first_step": first_step[0],
        "first_step_cpu": first_step[1],
        "speed": utterances / seconds[0],
        "speed_cpu": utterances / seconds[1],
        "peak": used.ru_maxrss * 1024,
        "own": int(status["RssAnon"].split()[0]) * 1024,
    }
    print(json.dumps(record))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["--train"]:
        train(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
