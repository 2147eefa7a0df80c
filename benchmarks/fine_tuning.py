"""What a fine-tuned text encoder is worth downstream on MELD, with and without cross-fitting.

Reads MELD's own three tables (``train_sent_emo.csv`` ...), fine-tunes an encoder with folds, and
trains a logistic regression and AR-IIGCN's preset ``graph`` on four kinds of features: frozen;
fine-tuned, the encoder having seen its training labels; from folds as they are; from folds turned
to the final encoder's space. Scores are of val, and of train to show how far it is fitted; of test
those of the kinds that ``--test`` names:

    python benchmarks/fine_tuning.py --meld MELD --encoder ENCODER --out FOLDER --share 0.25
"""

from __future__ import annotations

import csv
import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from jsonargparse import ArgumentParser
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ariigcn_dgl import fit
from ariigcn_dgl.extract.assemble import outline, with_features
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.text_fitting import weights_of
from ariigcn_dgl.extract.text_folds import fold_features
from ariigcn_dgl.extract.text_settings import TextTraining
from ariigcn_dgl.extract.text_training import TextTuning, tune_text

TABLES = {"train": "train", "val": "dev", "test": "test"}
COLUMNS = ("Dialogue_ID", "Utterance_ID", "Speaker", "Utterance", "Emotion")
STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # of the regression's C; the best on val


def read_columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in COLUMNS}


def read_meld(folder: Path, share: float) -> list[Spoken]:
    """Return MELD's utterances; of the training dialogues a share, drawn with a fixed seed."""
    utterances = []
    for split, name in TABLES.items():
        columns = read_columns(folder / f"{name}_sent_emo.csv")
        numbers = columns["Dialogue_ID"]
        known = sorted(set(numbers))
        kept = max(round(len(known) * (share if split == "train" else 1)), 1)
        chosen = set(np.random.default_rng(0).permutation(known)[:kept].tolist())
        rows = zip(*(columns[column] for column in COLUMNS), strict=True)
        utterances += [
            Spoken(
                recording=folder,
                dialogue=f"{split}{number}",
                name=f"{split}{number}_{turn}",
                speaker=speaker,
                start=0.0,
                end=0.0,
                text=" ".join(text.split()),
                label=emotion,
                split=split,
            )
            for number, turn, speaker, text, emotion in rows
            if number in chosen
        ]
    return utterances


def make_features(
    utterances: Sequence[Spoken], path: Path, config: TextTraining
) -> dict[str, np.ndarray]:
    """Return the four kinds of features of all utterances."""
    outlined = outline("MELD", utterances)
    labels, splits = outlined.labels, outlined.row_splits
    base = TextEncoder(path, "mean")
    start = weights_of(base.model)
    kinds = {"frozen": base.encode([one.text for one in utterances])}
    alone = replace(config, folds=0)
    tuned = tune_text(TextTuning(base, alone), utterances, labels, splits, say)
    kinds["fine-tuned"] = tuned.features
    rows = np.flatnonzero(splits == "train")
    dialogues = np.array([utterances[n].dialogue for n in rows])
    tokens = tuned.encoder.tokens([one for one in tuned.encoder.turns(utterances) if one])
    epoch = tuned.encoder.learnt["epoch"]
    found = fold_features(tuned.encoder, tokens, labels, rows, dialogues, config, epoch, start)
    as_they_are, turned = tuned.features.copy(), tuned.features.copy()
    as_they_are[rows] = found.by_encoder[found.fold, np.arange(len(rows))]
    turned[rows] = found.aligned(tuned.features[rows])
    return kinds | {"folds, as they are": as_they_are, "folds, turned": turned}


def regression(features: np.ndarray, labels: np.ndarray, splits: np.ndarray) -> dict[str, float]:
    """Return the weighted F1, in percent, of a logistic regression on train and val, and test."""
    scores = []
    for strength in STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
        with warnings.catch_warnings():  # of its last steps
            warnings.simplefilter("ignore")
            model.fit(features[splits == "train"], labels[splits == "train"])
        scores.append({x: _f1(model, features, labels, splits == x) for x in TABLES})
    return max(scores, key=lambda score: score["val"])


def _f1(model: object, features: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> float:
    found = model.predict(features[rows])
    return 100 * float(f1_score(labels[rows], found, average="weighted", zero_division=0))


def graph(utterances: Sequence[Spoken], features: np.ndarray, seeds: int) -> dict[str, list[float]]:
    """Return the weighted F1, in percent, of AR-IIGCN's preset graph, by split, of each seed."""
    outlined = outline("MELD", utterances)
    there = np.ones(len(features), bool)
    dialogues = with_features(outlined, {"text": features}, {"text": there})
    scores: dict[str, list[float]] = {"val": [], "test": []}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = fit(dialogues, f"{folder}/run", preset="graph", seeds=[seed])
            for split, found in scores.items():
                found.append(run.score(dialogues, split=split).weighted_f1)
    return scores


def say(sentence: str) -> None:
    print(f"{time.process_time():.0f} CPU s: {sentence}", flush=True)


def table(results: dict[str, dict], tested: Sequence[str]) -> str:
    """Return the scores as a table; of test those of `tested` only."""
    lines = [
        "| features of text | regression, train | regression, val | AR-IIGCN, val "
        "| regression, test | AR-IIGCN, test |"
    ]
    lines.append(f"| --- |{' ---: |' * 5}")
    for kind, found in results.items():
        cells = [f"{found['regression'][split]:.1f}" for split in ("train", "val")]
        cells.append(_spread(found["graph"]["val"]))
        shown = kind in tested
        cells.append(f"{found['regression']['test']:.1f}" if shown else "")
        cells.append(_spread(found["graph"]["test"]) if shown else "")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(scores: Sequence[float]) -> str:
    return f"{mean(scores):.1f} ± {stdev(scores):.1f}" if len(scores) > 1 else f"{scores[0]:.1f}"


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--meld", type=Path, required=True, help="folder of MELD's tables")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a text encoder")
    parser.add_argument("--out", type=Path, required=True, help="features and scores are kept here")
    parser.add_argument("--share", type=float, default=1.0, help="of the training dialogues")
    parser.add_argument("--seeds", type=int, default=3, help="of AR-IIGCN")
    parser.add_argument("--test", nargs="*", default=[], help="kinds whose test scores are shown")
    parser.add_class_arguments(TextTraining, "text_training")
    options = parser.instantiate(parser.parse_args())
    torch.set_num_threads(1)
    utterances = read_meld(options.meld, options.share)
    outlined = outline("MELD", utterances)
    labels, splits = outlined.labels, outlined.row_splits
    kept, written = options.out / "features.npz", options.out / "scores.json"
    options.out.mkdir(parents=True, exist_ok=True)
    if not kept.is_file():
        np.savez(kept, **make_features(utterances, options.encoder, options.text_training))
    kinds = dict(np.load(kept))
    results = json.loads(written.read_text()) if written.is_file() else {}
    for kind, features in kinds.items():
        if kind not in results:
            found = {"regression": regression(features, labels, splits)}
            results[kind] = found | {"graph": graph(utterances, features, options.seeds)}
            written.write_text(json.dumps(results, indent=2) + "\n")
            say(f"{kind}: trained on")
    (options.out / "table.md").write_text(table(results, options.test) + "\n")
    print(table(results, options.test))


if __name__ == "__main__":
    main()
