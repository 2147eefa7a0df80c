"""What ``ariigcn extract --text`` adds to a text encoder's own time, in CPU seconds.

The encoder alone, by transformers: tokens, batches of like length, the mean over tokens. Then the
command, from MELD's ``train_sent_emo.csv`` to the finished data set, and how much of it is the
encoder's: both within one process, since two that are timed after each other differ by more than
what is asked for where the machine is busy. One thread:

    python benchmarks/text_overhead.py --meld MELD --encoder ENCODER --out FOLDER
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from jsonargparse import ArgumentParser
from transformers import AutoModel, AutoTokenizer

from ariigcn_dgl.cli import main as ariigcn
from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.extract.batches import by_length
from ariigcn_dgl.extract.spoken import from_table
from ariigcn_dgl.extract.text import BUDGET, TextEncoder

ENCODER = ("tokenise", "collate", "__call__")


def alone(texts: Sequence[str], encoder: Path) -> np.ndarray:
    """Return the mean over tokens of each text, of length 1, as the encoder's folder asks for."""
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    rows = tokenizer(list(texts), truncation=True, max_length=256)["input_ids"]
    out = np.empty((len(rows), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for batch in by_length([len(row) for row in rows], BUDGET["cpu"]):
            padded = tokenizer.pad({"input_ids": [rows[n] for n in batch]}, return_tensors="pt")
            mask = padded["attention_mask"][..., None]
            found = (model.eval()(**padded).last_hidden_state * mask).sum(1) / mask.sum(1)
            out[batch] = torch.nn.functional.normalize(found).numpy()
    return out


@contextlib.contextmanager
def counted(names: Sequence[str]) -> Iterator[dict[str, float]]:
    """Count the CPU seconds that methods of the encoder take."""
    spent, methods = {}, {name: getattr(TextEncoder, name) for name in names}

    def timed(name: str) -> Callable:
        def run(*given: Any, **named: Any) -> Any:
            start = time.process_time()
            found = methods[name](*given, **named)
            spent[name] = spent.get(name, 0.0) + time.process_time() - start
            return found

        return run

    try:
        for name in names:
            setattr(TextEncoder, name, timed(name))
        yield spent
    finally:
        for name, method in methods.items():
            setattr(TextEncoder, name, method)


def extracted(table: Path, encoder: Path) -> tuple[float, float, np.ndarray]:
    """Return the CPU seconds of the command, those of its encoder, and the features."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()), counted(ENCODER) as spent:
            start = time.process_time()
            ariigcn(["extract", str(table), "--text", str(encoder), "--out", f"{folder}/data"])
            whole = time.process_time() - start
        return (
            whole,
            sum(spent.values()),
            np.array(load_dialogues(f"{folder}/data").features["text"]),
        )


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--meld", type=Path, required=True, help="folder of MELD's tables")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a text encoder")
    parser.add_argument("--out", type=Path, required=True, help="where table.md is written")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = options.meld / "train_sent_emo.csv"
    texts = [one.text for one in from_table(table, None)]
    alone(texts[:64], options.encoder)  # both import what they need
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        ariigcn(["extract", "--help"])
    measured = []
    for _ in range(options.rounds):
        start = time.process_time()
        expected = alone(texts, options.encoder)
        bare = time.process_time() - start
        whole, encoding, found = extracted(table, options.encoder)
        assert np.abs(found - expected).max() < 1e-5
        measured.append((bare, encoding, whole, 100 * (whole / encoding - 1)))
        print("alone {:.1f}, encoder {:.1f}, extract {:.1f}: {:.1f} %".format(*measured[-1]))
    bare, encoding, whole, added = (median(column) for column in zip(*measured, strict=True))
    lines = [
        "| utterances | encoder alone, CPU s | encoder within extract | extract | added, % |",
        "| ---: | ---: | ---: | ---: | ---: |",
        f"| {len(texts)} | {bare:.1f} | {encoding:.1f} | {whole:.1f} | {added:.1f} |",
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
