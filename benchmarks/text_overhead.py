"""What ``ariigcn extract --text`` adds to a text encoder's own time, in CPU seconds.

The encoder alone, by transformers: tokens, batches of like length, the mean over tokens. Beside it
the command, from MELD's ``train_sent_emo.csv`` to the finished data set. In turns, one thread:

    python benchmarks/text_overhead.py --meld MELD --encoder ENCODER --out FOLDER
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from jsonargparse import ArgumentParser
from transformers import AutoModel, AutoTokenizer

from ariigcn_dgl.cli import main as ariigcn
from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.extract.batches import by_length
from ariigcn_dgl.extract.spoken import from_table
from ariigcn_dgl.extract.text import BUDGET


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


def extracted(table: Path, encoder: Path) -> np.ndarray:
    """Return the same, by the command."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        out = f"{folder}/data"
        ariigcn(["extract", str(table), "--text", str(encoder), "--out", out])
        return np.array(load_dialogues(out).features["text"])


def seconds(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


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
    pairs = []
    for _ in range(options.rounds):
        bare, expected = seconds(lambda: alone(texts, options.encoder))
        whole, found = seconds(lambda: extracted(table, options.encoder))
        assert np.abs(found - expected).max() < 1e-5
        pairs.append((bare, whole))
        print(f"alone {bare:.1f}, extract {whole:.1f} CPU s", flush=True)
    bare, whole = (median(column) for column in zip(*pairs, strict=True))
    added = median(100 * (w / b - 1) for b, w in pairs)
    lines = [
        "| utterances | the encoder alone, CPU s | `ariigcn extract`, CPU s | added, % |",
        "| ---: | ---: | ---: | ---: |",
        f"| {len(texts)} | {bare:.1f} | {whole:.1f} | {added:.1f} |",
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
