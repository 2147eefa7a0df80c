"""Whether a training on several processes is that on one: weights and scores side by side.

    python benchmarks/processes.py DATA --processes 2 4 --out results/processes -- --system bigru

What stands behind ``--`` are options of ``ariigcn train``. For each number of processes the same
training is run by torchrun and compared with one process: the largest difference of a weight,
and of all weights relative to their norm; validation's weighted F1 of each epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file


def main() -> None:
    """Train, compare, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--name", default="training", help="for the table")
    parser.add_argument("--out", help="folder of results.json and table.md")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:at])
    training = sys.argv[at + 1 :]
    rows, record = [], {"options": training, "data": Path(arguments.data).name}
    with tempfile.TemporaryDirectory() as name:
        runs = {
            count: _trained(arguments.data, training, count, Path(name, str(count)))
            for count in [1, *arguments.processes]
        }
        alone = runs[1]
        for count, run in runs.items():
            found = {
                "largest_difference": _largest(alone["weights"], run["weights"]),
                "relative_difference": _relative(alone["weights"], run["weights"]),
                "val_weighted_f1": run["val"],
            }
            record[str(count)] = found
            scores = ", ".join(f"{value:.6f}" for value in run["val"])
            rows.append(
                f"| {arguments.name}, {count} | {found['largest_difference']:.2g} | "
                f"{found['relative_difference']:.2g} | {scores} |"
            )
    print("\n".join(rows))
    if arguments.out:
        _keep(Path(arguments.out), arguments.name, record | {"rows": rows})


def _trained(data: str, options: list[str], count: int, out: Path) -> dict[str, Any]:
    start = [sys.executable]
    if count > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    command = [*start, __file__, "train", "--data", data, "--out", str(out), *options]
    said = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    if said.returncode:
        sys.exit(f"{' '.join(command)}\n{said.stderr[-3000:]}")
    folder = out / "seed0"
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in lines]
    return {
        "weights": load_file(folder / "model.safetensors"),
        "val": [one["val_weighted_f1"] for one in history if "val_weighted_f1" in one],
    }


def _largest(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def _relative(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    off = sum(float(np.square(one[name] - other[name], dtype=np.float64).sum()) for name in one)
    norm = sum(float(np.square(one[name], dtype=np.float64).sum()) for name in one)
    return (off / norm) ** 0.5


def _keep(folder: Path, name: str, record: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / "results.json"
    records = json.loads(file.read_text()) if file.exists() else {}
    records[name] = record
    file.write_text(json.dumps(records, indent=1) + "\n")
    head = [
        "| training, processes | largest difference of a weight | of all, relative | "
        "validation weighted F1 by epoch |",
        "| --- " * 4 + "|",
    ]
    rows = [row for one in records.values() for row in one["rows"]]
    (folder / "table.md").write_text("\n".join([*head, *rows]) + "\n")


def _train() -> None:
    """Do what ``ariigcn train`` does, without the dropout that no setting turns off."""
    from ariigcn_dgl.cli.main import main as ariigcn
    from ariigcn_dgl.nn._dropout import Dropout

    Dropout.forward = lambda self, x: x  # of the discriminators
    ariigcn()


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        _train()
    else:
        main()
