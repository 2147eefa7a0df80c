"""How much memory the commands take on a set many times as large: peak and seconds of each.

    python benchmarks/memory.py SOURCE.npz --times 100 --name "this version" --out results/memory

repeats a data set as an uncompressed archive in a temporary folder, runs the commands on it, one
process each, and removes it. What is measured is the package that Python finds: with PYTHONPATH an
earlier version's. ``peak`` is what the kernel says of the ended process (ru_maxrss, with the pages
of mapped files that it had looked at and not given back), ``own`` the most that was not a file's,
asked twenty times a second. OUT keeps what was measured under other names, too, all in one table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

GIB = 1 << 30
POLL_SECONDS = 0.05
OF_UTTERANCE = ("speaker", "label", "text", "text_mask", "audio", "audio_mask", "visual")


def main() -> None:
    """Make the set, run the commands, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="an .npz archive")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--system", default="bigru")
    parser.add_argument("--commands", nargs="+", default=["check", "train", "predict"])
    parser.add_argument("--folder", help="where to make the set; default: the system's")
    parser.add_argument("--name", default="this version", help="what was measured, for the table")
    parser.add_argument("--out", help="folder of results.json and table.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        home = Path(name)
        data = home / "repeated.npz"
        # Elsewhere: the peak of a child begins with the pages of the process that starts it.
        made = [sys.executable, __file__, "--repeat", options.source, str(data), str(options.times)]
        subprocess.run(made, check=True)
        run, lines = home / "run", home / "predictions.jsonl"
        training = ["--system", options.system, "--training.epochs", "1", "--preset", "paper"]
        commands = {
            "check": ["data", "check", str(data), "--json"],
            "train": ["train", "--data", str(data), "--out", str(run), *training],
            "predict": ["predict", str(run), "--data", str(data), "--out", str(lines)],
        }
        found = {name: _measured(commands[name]) for name in options.commands}
        record = {
            "source": Path(options.source).name,
            "times": options.times,
            "bytes": data.stat().st_size,
            "system": options.system,
            "machine": {"python": platform.python_version(), "cores": os.cpu_count()},
            "commands": found,
        }
    rows = _rows(options.name, record)
    print("\n".join(rows))
    if options.out:
        _keep(Path(options.out), options.name, record)


def _rows(name: str, record: dict[str, Any]) -> list[str]:
    about = f"{record['times']} times, {record['bytes'] / GIB:.2f} GiB"
    return [
        f"| {command}, {name} | {about} | {one['peak_gib']:.2f} | {one['own_gib']:.2f} | "
        f"{one['cpu_seconds']:.0f} |"
        for command, one in record["commands"].items()
    ]


def _keep(folder: Path, name: str, record: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / "results.json"
    records = json.loads(file.read_text()) if file.exists() else {}
    records[name] = record
    file.write_text(json.dumps(records, indent=1) + "\n")
    rows = [row for name, one in records.items() for row in _rows(name, one)]
    head = ["| command | data set | peak, GiB | own, GiB | CPU s |", "| --- " * 5 + "|"]
    (folder / "table.md").write_text("\n".join([*head, *rows]) + "\n")


def _measured(command: list[str]) -> dict[str, float]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ariigcn_dgl", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    own, said = [0], list[bytes]()
    ended = threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, own, ended))
    reading = threading.Thread(target=lambda: said.append(process.stderr.read()))
    for thread in (watching, reading):
        thread.start()
    _, status, used = os.wait4(process.pid, 0)
    ended.set()
    for thread in (watching, reading):
        thread.join()
    if status:
        sys.exit(f"ariigcn {' '.join(command)} ended with {status}: {said[0].decode()[-2000:]}")
    return {
        "peak_gib": round(used.ru_maxrss * 1024 / GIB, 3),
        "own_gib": round(own[0] / GIB, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
    }


def _watch(pid: int, own: list[int], ended: threading.Event) -> None:
    while not ended.wait(POLL_SECONDS):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return
        found = [int(line.split()[1]) for line in lines if line.startswith("RssAnon")]
        own[0] = max([own[0], *(kib * 1024 for kib in found)])


def repeat(source: str, out: str, times: int) -> None:
    """Write a set so many times over, as an archive whose arrays lie in it as they are.

    Every copy has ids of its own and, so that no two are the same, a little noise.
    """
    import numpy as np

    with np.load(source) as archive:
        one: dict[str, Any] = {name: archive[name] for name in archive.files}
    rng = np.random.default_rng(0)
    count = len(one["label"])
    offsets = np.arange(times)[:, None] * count
    ptr = (one["dialogue_ptr"][None, :-1] + offsets).ravel()
    whole = {
        "dialogue_ptr": np.append(ptr, times * count),
        "split": np.tile(one["split"], times),
        "label_names": one["label_names"],
        "speaker_names": one["speaker_names"],
    }
    for name in ("dialogue_ids", "utterance_ids"):
        copies = [np.char.add(one[name], f"_{copy}") for copy in range(times)]
        whole[name] = np.concatenate(copies)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in whole.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array)
        for name in one.keys() & set(OF_UTTERANCE):
            rows = one[name].astype(np.float32) if one[name].ndim == 2 else one[name]
            shape = (times * len(rows), *rows.shape[1:])
            noisy = rows.ndim == 2 and rows.dtype.kind == "f"
            header = {"descr": rows.dtype.str, "fortran_order": False, "shape": shape}
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(file, header)
                for _ in range(times):
                    noise = 0.05 * rng.standard_normal(rows.shape, np.float32) if noisy else 0
                    there = one.get(f"{name}_mask", np.ones(count, bool))
                    copy = np.where(there[:, None], rows + noise, 0) if noisy else rows
                    file.write(np.ascontiguousarray(copy, rows.dtype).tobytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--repeat"]:
        repeat(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
