"""Every layout comes back as it was written: features, labels, speakers, splits and counts."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.community import Imported, ImportOptions, import_file
from ariigcn_dgl.data.community import write as writing
from ariigcn_dgl.data.community.classes import classify
from ariigcn_dgl.data.community.published import (
    DAILY_DIALOG,
    DAILY_DIALOG_CLASSES,
    IEMOCAP,
    MELD,
)
from ariigcn_dgl.data.community.raw import RawSet
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.community.write import LAYOUTS, write_layout

FILES = [name for name in LAYOUTS if name != "meld-csv"]
# Layouts without a validation list, and the data set that each is recognised as.
WITHOUT_VAL = {
    "dialoguegcn",
    "mmgcn",
    "iemocap4",
    "cmumosei7",
    "meld-raw",
    "meld-raw1",
    "sdt-iemocap",
    "sdt-meld",
    "graphsmile-meld",
    "bc-lstm",
}
# The layout has no splits: the field keeps them in code.
WITHOUT_SPLITS = {"cmu-sdk"}
MONOLOGUES = {"cmumosei7", "mmsa", "merbench", "cmu-sdk", "gcnet", "bc-lstm"}  # or without speakers
ROBERTA = {name for name in LAYOUTS if name.startswith(("cosmic", "sdt", "graphsmile"))}


@pytest.fixture
def written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Dialogues, Path]]:
    """Write a small set with narrow features in a layout; return it and its file."""

    def write(name: str, **options: Any) -> tuple[Dialogues, Path]:
        layout = LAYOUTS[name]
        narrow = tuple(
            8 if name in ROBERTA and k == 0 else 5 - k for k in range(len(layout.widths))
        )
        monkeypatch.setitem(writing.LAYOUTS, name, replace(layout, widths=narrow))
        path = tmp_path / name
        # DailyDialog is large; MERBench has a file for each utterance and modality.
        small = name.startswith(("dailydialog", "merbench", "ur-funny"))
        fraction = 0.005 if small else 0.04
        return write_layout(name, path, **{"fraction": fraction, **options}), path

    return write


def _by_dialogue(d: Dialogues, array: np.ndarray) -> dict[str, np.ndarray]:
    return {key: array[d.rows(b)] for b, key in enumerate(d.dialogue_ids)}


def _assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_features_come_back(name: str, written: Callable) -> None:
    dialogues, path = written(name)
    read = import_file(path, ImportOptions()).dialogues
    assert read.widths == dialogues.widths
    assert read.views == dialogues.views
    for modality in dialogues.features:
        found = _by_dialogue(read, read.features[modality])
        _assert_same(found, _by_dialogue(dialogues, dialogues.features[modality]))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_labels_come_back(name: str, written: Callable) -> None:
    dialogues, path = written(name)
    read = import_file(path).dialogues
    if name.startswith("dailydialog"):  # numbered, in the accidental order of the writer
        assert read.label_names == tuple(f"class {k}" for k in range(7))
        dialogues = replace(dialogues, labels=(dialogues.labels + 3) % 7)
    else:
        assert read.label_names == dialogues.label_names
    _assert_same(_by_dialogue(read, read.labels), _by_dialogue(dialogues, dialogues.labels))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if name not in WITHOUT_SPLITS])
def test_splits_come_back(name: str, written: Callable) -> None:
    dialogues, path = written(name)
    read = import_file(path).dialogues
    expected = dict(zip(dialogues.dialogue_ids, dialogues.splits, strict=True))
    if name in WITHOUT_VAL:
        expected = {key: "train" if s == "val" else s for key, s in expected.items()}
    assert dict(zip(read.dialogue_ids, read.splits, strict=True)) == expected


@pytest.mark.parametrize("name", [n for n in FILES if n not in MONOLOGUES])
def test_speakers_come_back(name: str, written: Callable) -> None:
    dialogues, path = written(name)
    read = import_file(path).dialogues
    found, expected = (
        _by_dialogue(d, np.array(d.speaker_names)[d.speakers]) for d in (read, dialogues)
    )
    _assert_same(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_same_seed_writes_the_same_file(name: str, written: Callable, tmp_path: Path) -> None:
    _, first = written(name, seed=3)
    first = first.rename(tmp_path / "first")
    _, second = written(name, seed=3)
    if first.is_file():
        assert first.read_bytes() == second.read_bytes()
    else:
        kinds = (".npy", ".pkl", ".p", ".json", ".jsonl", ".csd", ".pickle")
        files = sorted(f.relative_to(first) for f in first.rglob("*") if f.suffix in kinds)
        assert files
        assert all((first / f).read_bytes() == (second / f).read_bytes() for f in files)


def _imported(written: Callable, name: str, **options: Any) -> Imported:
    _, path = written(name, fraction=1)
    return import_file(path, ImportOptions(**options))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mmgcn", "iemocap4", "cosmic-iemocap", "meld-raw1", "cosmic-meld"]
)
def test_whole_sets_have_the_published_counts(name: str, written: Callable) -> None:
    assert all(part.agrees for part in _imported(written, name).comparisons)


def test_classes_of_dailydialog_are_named_by_their_published_sizes() -> None:
    names, sizes = DAILY_DIALOG.label_names, DAILY_DIALOG_CLASSES
    order = (4, 2, 0, 6, 1, 3, 5)  # an accidental one
    numbers = np.repeat(np.arange(7.0), [sizes[k] for k in order])
    raw = RawSet(Path("any"), "any", {}, {})
    classes = classify(raw, numbers, DAILY_DIALOG, "emotion")
    assert classes.names == tuple(names[k] for k in order)
    assert "found by the published sizes" in raw.notes[0]


def test_counts_that_differ_are_told(written: Callable) -> None:
    _, path = written("mmgcn")
    assert [part.agrees for part in import_file(path).comparisons] == [False, False]


def test_flavours_of_one_tuple_are_told_apart_by_widths(tmp_path: Path) -> None:
    for name, words in (("mmgcn", "MMGCN flavour"), ("dialoguegcn", "DialogueGCN flavour")):
        write_layout(name, tmp_path / name, fraction=0.01)
        assert words in import_file(tmp_path / name).layout


@pytest.mark.parametrize("choice", ["1", "2", "3", "4", "mean"])
def test_roberta_layers_are_chosen(choice: str, written: Callable) -> None:
    dialogues, path = written("cosmic-iemocap")
    layers = np.split(dialogues.features["text"], 4, axis=1)
    read = import_file(path, ImportOptions(text_views=choice)).dialogues
    expected = np.mean(layers, axis=0) if choice == "mean" else layers[int(choice) - 1]
    assert read.widths == {"text": 2}
    found = _by_dialogue(read, read.features["text"])
    for key, rows in _by_dialogue(dialogues, expected).items():
        np.testing.assert_allclose(found[key], rows, rtol=1e-6)


@pytest.mark.parametrize("name", ["cosmic-meld", "graphsmile-meld", "meld-raw"])
def test_sentiments_of_meld_are_those_of_the_file(name: str, written: Callable) -> None:
    dialogues, path = written(name)
    read = import_file(path, ImportOptions(labels="sentiment")).dialogues
    assert read.label_names == MELD.sentiment_names
    expected = np.array([0, 1, 2, 2, 1, 2, 2])[dialogues.labels]
    _assert_same(_by_dialogue(read, read.labels), _by_dialogue(dialogues, expected))


def test_sentiments_of_iemocap_follow_from_its_emotions(written: Callable) -> None:
    dialogues, path = written("mmgcn")
    read = import_file(path, ImportOptions(labels="sentiment")).dialogues
    expected = np.array(IEMOCAP.to_sentiment)[dialogues.labels]
    _assert_same(_by_dialogue(read, read.labels), _by_dialogue(dialogues, expected))


@pytest.mark.parametrize("name", ["cmumosei7", "mmsa", "cmu-sdk", "gcnet"])
def test_sentiments_of_intensities(name: str, written: Callable) -> None:
    dialogues, path = written(name)
    read = import_file(path, ImportOptions(labels="sentiment")).dialogues
    expected = np.sign(dialogues.labels - 3) + 1
    _assert_same(_by_dialogue(read, read.labels), _by_dialogue(dialogues, expected))


def test_file_name_plays_no_part(written: Callable) -> None:
    _, path = written("meld-raw1")
    disguised = path.rename(path.with_name("IEMOCAP_features.pkl"))
    assert import_file(disguised).dataset == "MELD"


def test_features_join_from_a_second_file(written: Callable) -> None:
    text, first = written("cosmic-iemocap")
    others, second = written("mmgcn")
    read = import_file(first, ImportOptions(), [second])
    assert read.dialogues.widths == {"text": 8, "audio": 4, "visual": 3}
    assert read.dialogues.views == {"text": (2, 2, 2, 2)}
    found = _by_dialogue(read.dialogues, read.dialogues.features["audio"])
    _assert_same(found, _by_dialogue(others, others.features["audio"]))
    assert any("audio and visual from" in note for note in read.notes)
    assert read.dialogues.splits == text.splits


def test_validation_list_joins_from_a_second_file(written: Callable) -> None:
    _, first = written("mmgcn")
    expected, second = written("cosmic-iemocap")
    read = import_file(first, join=[second]).dialogues
    assert dict(zip(read.dialogue_ids, read.splits, strict=True)) == dict(
        zip(expected.dialogue_ids, expected.splits, strict=True)
    )


def test_meld_csv_gives_names_and_validation(written: Callable) -> None:
    dialogues, path = written("meld-raw1")
    _, csv = written("meld-csv")
    read = import_file(path, join=sorted(csv.iterdir())).dialogues
    assert dict(zip(read.dialogue_ids, read.splits, strict=True)) == dict(
        zip(dialogues.dialogue_ids, dialogues.splits, strict=True)
    )
    assert set(read.speaker_names) <= {
        "Ann", "Ben", "Cem", "Dot", "Eve", "Fay", "Guy", "Hal", "Ida"
    }  # fmt: skip


def test_meld_csv_of_some_dialogues_keeps_the_others_apart(written: Callable) -> None:
    _, path = written("meld-raw1")
    _, csv = written("meld-csv")
    read = import_file(path, join=[csv / "dev_sent_emo.csv"]).dialogues
    named = {name for name in read.speaker_names if ":" not in name}
    assert named
    assert any(name == "0:0" for name in read.speaker_names)


@pytest.mark.slow
def test_whole_modality_folders_are_named_by_options(written: Callable) -> None:
    dialogues, path = written("merbench")
    (path / "features" / "text").rename(path / "features" / "roberta-UTT")
    read = import_file(path, ImportOptions(text="roberta-UTT")).dialogues
    assert read.widths == dialogues.widths


def test_instances_are_of_the_class_of_cogmen(written: Callable) -> None:
    _, path = written("cogmen")
    assert b"ccogmen.Sample\nSample\n" in path.read_bytes()
    with pytest.raises(ModuleNotFoundError):
        pickle.loads(path.read_bytes())
    assert unpickle(path)["train"][0].fields["vid"]
