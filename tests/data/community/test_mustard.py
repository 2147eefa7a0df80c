"""MUStARD's folder: clips, features by line, and what is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data.community import Imported, import_file
from ariigcn_dgl.errors import InputError

CLIPS: dict[str, dict[str, Any]] = {
    "1_1": {
        "utterance": "Great.",
        "speaker": "SHELDON",
        "context": ["Look.", "It broke."],
        "context_speakers": ["PENNY", "SHELDON"],
        "show": "BBT",
        "sarcasm": True,
    },
    "2_1": {
        "utterance": "Hi.",
        "speaker": "ROSS",
        "context": [],
        "context_speakers": [],
        "show": "FRIENDS",
        "sarcasm": False,
    },
    "3_1": {
        "utterance": "No.",
        "speaker": "PENNY",
        "context": ["Tea?"],
        "context_speakers": ["SHELDON"],
        "show": "BBT",
        "sarcasm": False,
    },
}


def line(value: float) -> str:
    layers = [{"index": -1, "values": [value, 0.0]}, {"index": -2, "values": [value, 2.0]}]
    return json.dumps({"features": [{"token": "[CLS]", "layers": layers}, {"token": "x"}]})


@pytest.fixture
def files() -> dict[str, Any]:
    """Return a folder of three clips with four lines of context... but one."""
    audio = {key: np.array([[n, n + 2.0], [0, 0], [1, 1]]) for n, key in enumerate(CLIPS)}
    clips = json.loads(json.dumps(CLIPS))
    clips["3_1"]["context"] += ["Tea!"]
    clips["3_1"]["context_speakers"] += ["SHELDON"]
    return {
        "sarcasm_data.json": clips,
        "bert-output.jsonl": [line(n) for n in (1, 2, 3)],
        "bert-output-context.jsonl": [line(n) for n in (4, 5, 6, 7)],
        "audio_features.p": audio,
        "split_indices.p": [([0], [1])],
    }


@pytest.fixture
def read(tmp_path: Path) -> Callable[[dict[str, Any]], Imported]:
    def read(files: dict[str, Any]) -> Imported:
        for name, value in files.items():
            if name.endswith(".jsonl"):
                (tmp_path / name).write_text("\n".join(value) + "\n")
            elif name.endswith(".json"):
                (tmp_path / name).write_text(json.dumps(value))
            else:
                (tmp_path / name).write_bytes(pickle.dumps(value))
        return import_file(tmp_path)

    return read


def test_a_clip_is_a_dialogue_that_ends_with_its_punch_line(
    files: dict[str, Any], read: Callable
) -> None:
    d = read(files).dialogues
    assert d.dialogue_ids == ("1_1", "3_1", "2_1")
    assert d.splits == ("train", "train", "test")
    assert d.labels.tolist() == [-1, -1, 1, -1, -1, 0, 0]
    assert d.label_names == ("not_sarcastic", "sarcastic")
    assert d.words[:3] == ("Look.", "It broke.", "Great.")
    assert [d.speaker_names[n] for n in d.speakers[:3]] == ["PENNY", "SHELDON", "SHELDON"]


def test_text_is_the_mean_of_the_first_tokens_layers(files: dict[str, Any], read: Callable) -> None:
    d = read(files).dialogues
    assert d.features["text"][:, 0].tolist() == [4, 5, 1, 6, 7, 3, 2]
    assert set(d.features["text"][:, 1]) == {1.0}


def test_audio_is_the_mean_over_frames_of_punch_lines(
    files: dict[str, Any], read: Callable
) -> None:
    d = read(files).dialogues
    assert d.masks["audio"].tolist() == [False, False, True, False, False, True, True]
    assert d.features["audio"][[2, 5, 6]].tolist() == [[1, 0, 1], [3, 0, 1], [2, 0, 1]]


def _empty(files: dict[str, Any]) -> None:
    files["sarcasm_data.json"]["2_1"]["utterance"] = " "


def _no_features(files: dict[str, Any]) -> None:
    for name in ("bert-output.jsonl", "bert-output-context.jsonl", "audio_features.p"):
        del files[name]


def _speakers(files: dict[str, Any]) -> None:
    files["sarcasm_data.json"]["1_1"]["context_speakers"].pop()


def _lines(files: dict[str, Any]) -> None:
    files["bert-output.jsonl"] += [line(0)] * 3


def _line(files: dict[str, Any]) -> None:
    files["bert-output.jsonl"][1] = json.dumps({"features": []})


def _audio(files: dict[str, Any]) -> None:
    del files["audio_features.p"]["3_1"]


def _label(files: dict[str, Any]) -> None:
    files["sarcasm_data.json"]["1_1"]["sarcasm"] = "yes"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_empty, "sarcasm_data.json: clip '2_1' has no punch line: its utterance is empty"),
        (_no_features, "sarcasm_data.json has words and labels, but there are no features"),
        (_speakers, "clip '1_1' has 1 context_speakers for 2 lines of context"),
        (_lines, "has 6 lines, expected 3, one for each punch line, or 4, one for each line"),
        (_line, "bert-output.jsonl: line 2: expected features of tokens with layers"),
        (_audio, "audio_features.p: has no features of clip '3_1'"),
        (_label, "sarcasm_data.json: 1_1: damaged: sarcasm: expected"),
    ],
)
def test_what_does_not_fit_is_refused(
    damage: Callable, message: str, files: dict[str, Any], read: Callable
) -> None:
    damage(files)
    with pytest.raises(InputError, match=message):
        read(files)


def test_the_words_alone_are_told_where_to_look(tmp_path: Path) -> None:
    path = tmp_path / "sarcasm_data.json"
    path.write_text(json.dumps(CLIPS))
    with pytest.raises(InputError, match=r"holds no features; .* ariigcn data import .*"):
        import_file(path)
