"""Write synthetic sets as files and folders of MMSA, MERBench, MUStARD and MELD's csv."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.meld_csv import OFFSETS
from ariigcn_dgl.data.community.mustard import TEST_SHOW
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues

_FRAMES = 4  # of a clip: more than one, so that readers have something to average
_MELD_COLUMNS = (
    "Sr No.",
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
)
_CAST = ("Ann", "Ben", "Cem", "Dot", "Eve", "Fay", "Guy", "Hal", "Ida")
_MELD_TO_MERBENCH = (3, 6, 5, 2, 1, 4, 0)  # place of each of MELD's classes in their order

# Intensities in the middle of the seven steps.
STEPS = (-2.6, -1.6, -0.6, 0.0, 0.6, 1.6, 2.6)


def write_mmsa(d: Dialogues, path: Path) -> None:
    """Write a dictionary of padded arrays by split."""
    clips = np.array([name[::-1].replace("_", "$_$"[::-1], 1)[::-1] for name in d.utterance_ids])
    intensities = np.array(STEPS)[d.labels]
    value = {}
    for split in SPLITS:
        rows = d.in_split(split)
        part = {
            key: np.repeat(d.features[m][rows, None], _FRAMES, axis=1)
            for m, key in (("text", "text"), ("audio", "audio"), ("visual", "vision"))
        }
        count = int(rows.sum())
        value["valid" if split == "val" else split] = part | {
            "raw_text": np.array(["words"] * count, dtype=object),
            "id": clips[rows].tolist(),
            "audio_lengths": [_FRAMES] * count,
            "vision_lengths": [_FRAMES] * count,
            "regression_labels": intensities[rows].astype(np.float32),
        }
    path.write_bytes(pickle.dumps(value, 4))


def write_merbench(d: Dialogues, path: Path) -> None:
    """Write a folder of features by utterance and labels."""
    names = [
        f"{split}_{name}" for split, name in zip(d.row_splits.tolist(), _dia_utt(d), strict=True)
    ]
    for modality, array in d.features.items():
        folder = path / "features" / modality
        folder.mkdir(parents=True)
        for name, row in zip(names, array, strict=True):
            np.save(folder / f"{name}.npy", row)
    corpora: dict[str, dict[str, Any]] = {f"{split}_corpus": {} for split in SPLITS}
    for name, split, label in zip(names, d.row_splits.tolist(), d.labels.tolist(), strict=True):
        corpora[f"{split}_corpus"][name] = {"emo": _MELD_TO_MERBENCH[label], "val": -10}
    labels: dict[str, Any] = {name: np.array(corpus, object) for name, corpus in corpora.items()}
    np.savez_compressed(path / "label.npz", **labels)


def write_meld_csv(d: Dialogues, path: Path) -> None:
    """Write a folder of the three csv files."""
    path.mkdir()
    clips, splits = _dia_utt(d), d.row_splits.tolist()
    for split, name in (("train", "train"), ("val", "dev"), ("test", "test")):
        with (path / f"{name}_sent_emo.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_MELD_COLUMNS)
            for row in (row for row, of in enumerate(splits) if of == split):
                dialogue, utterance = clips[row].removeprefix("dia").split("_utt")
                who = int(d.speaker_names[d.speakers[row]].rpartition(":")[2])
                emotion = d.label_names[d.labels[row]]
                words = "Words, said."
                writer.writerow([row, words, _CAST[who], emotion, "", dialogue, utterance])


def write_mustard(d: Dialogues, path: Path) -> None:
    """Write a folder of clips as JSON, BERT's features of both kinds of lines, and audio."""
    path.mkdir()
    last = np.zeros(d.num_utterances, np.bool_)
    last[d.dialogue_ptr[1:] - 1] = True
    clips, audio = {}, {}
    for b, key in enumerate(d.dialogue_ids):
        rows = d.rows(b)
        *before, said = d.words[rows]
        *others, speaker = (d.speaker_names[n] for n in d.speakers[rows])
        clips[key] = {
            "utterance": said,
            "speaker": speaker,
            "context": before,
            "context_speakers": others,
            "show": TEST_SHOW if d.splits[b] == "test" else "BBT",
            "sarcasm": bool(d.labels[rows][-1]),
        }
        audio[key] = np.repeat(d.features["audio"][rows][-1][:, None], _FRAMES, axis=1)
    (path / "sarcasm_data.json").write_text(json.dumps(clips, indent=1), encoding="utf-8")
    (path / "audio_features.p").write_bytes(pickle.dumps(audio, 4))
    for name, chosen in (("bert-output", last), ("bert-output-context", ~last)):
        lines = [json.dumps({"features": [_token(row)]}) for row in d.features["text"][chosen]]
        (path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _token(vector: np.ndarray) -> dict[str, Any]:
    layers = [{"index": -n, "values": vector.tolist()} for n in (1, 2, 3, 4)]
    return {"token": "[CLS]", "layers": layers}


def _dia_utt(d: Dialogues) -> list[str]:
    """Return MELD's names of the clips; dialogues count from 0 in each split."""
    return [
        f"dia{int(key) - OFFSETS[split]}_utt{turn}"
        for key, split, length in zip(d.dialogue_ids, d.splits, d.lengths, strict=True)
        for turn in range(length)
    ]
