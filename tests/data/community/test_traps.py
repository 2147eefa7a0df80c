"""Traps and contradictions of community files are reported; errors say what, and where."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariigcn_dgl.data.community import Imported, ImportOptions, import_file
from ariigcn_dgl.data.community.meld_csv import read_meld_csv
from ariigcn_dgl.data.community.merbench import label_file
from ariigcn_dgl.errors import InputError

Fields = dict[str, Any]
FIRST, SECOND, TEST = "Ses01F_impro01", "Ses02M_impro02", "Ses05F_impro01"


@pytest.fixture
def read(save: Callable) -> Callable[..., Imported]:
    return lambda value, **options: import_file(save(value), ImportOptions(**options))


@pytest.fixture
def refused(save: Callable) -> Callable[..., str]:
    def refuse(value: Any, **options: Any) -> str:
        path = save(value)
        with pytest.raises(InputError) as caught:
            import_file(path, ImportOptions(**options))
        assert str(caught.value).startswith((str(path), "--"))
        return str(caught.value)

    return refuse


def _note(imported: Imported, words: str) -> str:
    (found,) = [note for note in imported.notes if words in note]
    return found


def _splits(imported: Imported) -> dict[str, str]:
    d = imported.dialogues
    return dict(zip(d.dialogue_ids, d.splits, strict=True))


def test_training_dialogue_that_is_also_test_is_test_only(fields: Fields, read: Callable) -> None:
    fields["train"].append(TEST)
    imported = read(fields)
    assert _splits(imported) == {FIRST: "train", SECOND: "train", TEST: "test"}
    assert "1 dialogue ('Ses05F_impro01') in both train and test" in _note(imported, "LEAK")


def test_listed_dialogue_without_rows_is_left_out(fields: Fields, read: Callable) -> None:
    fields["train"].append("Ses03F_impro01")
    assert "1 dialogue ('Ses03F_impro01') listed without utterances" in _note(
        read(fields), "listed w"
    )


def test_dialogue_of_no_utterances_is_left_out(fields: Fields, read: Callable) -> None:
    for name in ("ids", "speakers", "labels", "text", "audio", "visual", "sentences"):
        fields[name]["Ses03F_impro01"] = []
    fields["train"].append("Ses03F_impro01")
    assert "listed without utterances" in _note(read(fields), "Ses03F_impro01")


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("name", ["visual", "labels"])
def test_dialogue_that_lacks_a_field_is_left_out_with_its_name(
    name: str, listed: bool, fields: Fields, read: Callable
) -> None:
    del fields[name][SECOND]
    if not listed:
        fields["train"].remove(SECOND)
    imported = read(fields)
    assert _splits(imported) == {FIRST: "train", TEST: "test"}
    assert _note(imported, SECOND) == (
        f"1 dialogue ({SECOND!r}) with no {name}: left out, though other fields are there"
    )


def test_dialogue_in_no_list_is_left_out(fields: Fields, read: Callable) -> None:
    fields["train"].remove(SECOND)
    imported = read(fields)
    assert _splits(imported) == {FIRST: "train", TEST: "test"}
    assert "'Ses02M_impro02'" in _note(imported, "in no list of a split")


def test_validation_is_not_carved_unless_asked_for(fields: Fields, read: Callable) -> None:
    imported = read(fields)
    assert "val" not in imported.dialogues.splits
    assert "--val_fraction" in _note(imported, "no validation list")


def test_validation_is_carved_with_a_seed_and_told(fields: Fields, read: Callable) -> None:
    carved = [read(fields, val_fraction=0.5, seed=seed) for seed in range(8)]
    assert {one.dialogues.splits.count("val") for one in carved} == {1}
    assert len({one.dialogues.splits for one in carved}) == 2
    assert _splits(read(fields, val_fraction=0.5, seed=3)) == _splits(carved[3])
    assert "1 of 2 training dialogues moved to validation" in _note(carved[3], "--seed 3")


@pytest.mark.parametrize("fraction", [-0.5, 1.0, float("nan")])
def test_fraction_must_be_one(fraction: float, fields: Fields, refused: Callable) -> None:
    assert "--val_fraction: is" in refused(fields, val_fraction=fraction)


def test_speakers_by_sex_are_told_apart_by_dialogue(fields: Fields, read: Callable) -> None:
    renamed = {FIRST: "talk1", SECOND: "talk2", TEST: "talk3"}
    fields = {
        name: {renamed[k]: v for k, v in item.items()}
        if isinstance(item, dict)
        else [renamed[k] for k in item]
        for name, item in fields.items()
    }
    imported = read(fields)
    assert imported.dialogues.speaker_names == (
        "talk1:F", "talk1:M", "talk2:F", "talk2:M", "talk3:F"
    )  # fmt: skip
    assert "not a person" in _note(imported, "kept apart")
    assert imported.dialogues.label_names == tuple(f"class {k}" for k in range(6))


def test_rows_of_zeros_are_marked_missing(fields: Fields, read: Callable) -> None:
    fields["audio"][SECOND][1] = np.zeros(3)
    imported = read(fields)
    assert imported.dialogues.masks["audio"].tolist() == [True, True, True, False, True, True]
    assert "audio: 1 rows are all zeros" in _note(imported, "zeros")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite(
    value: float, fields: Fields, refused: Callable, read: Callable
) -> None:
    fields["audio"][SECOND][1] = np.array([1.0, value, 1.0])
    sentence = refused(fields)
    assert "audio: 1 rows have NaN or inf, the first is utterance 1 of dialogue 'Ses02M" in sentence
    assert "--nonfinite_missing" in sentence
    imported = read(fields, nonfinite_missing=True)
    assert not imported.dialogues.masks["audio"][3]
    assert "audio: 1 rows have NaN or inf: marked as missing" in _note(imported, "NaN")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("labels", [1, 2], "text: dialogue 'Ses02M_impro02' has 3 rows for 2 labels"),
        ("speakers", ["M"], "speakers: dialogue 'Ses02M_impro02' has 1 rows for 3 labels"),
        ("audio", [np.ones(3)], "audio: dialogue 'Ses02M_impro02' has 1 rows for 3 labels"),
        (
            "audio",
            [np.ones(3), np.ones(2)],
            "utterance 1 is an array of shape (2,), expected a row",
        ),
        ("audio", [np.ones(5)] * 3, "audio: dialogue 'Ses02M_impro02' has rows of 5 numbers"),
        ("audio", [["a", "b", "c"]] * 3, "utterance 0 is a list of 3, expected a row of 3 plain"),
        ("audio", [[[1], [2], [3]]] * 3, "utterance 0 is a list of 3, expected a row of 3 plain"),
        ("audio", None, "audio: dialogue 'Ses02M_impro02': nothing, expected a row for each"),
        ("audio", [[2**2000, 1, 1]] * 3, "a row with a value that is no number"),
        ("labels", ["a", "b", "c"], "labels: dialogue 'Ses02M_impro02': utterance 0 is text"),
        ("labels", [5000, 0, 1], "labels: 5000 is no class"),
        ("labels", [99, 0, 1], "labels: 99 is no class of IEMOCAP, 6 emotions, expected 0 to 5"),
        ("labels", [-2, 0, 1], "labels: -2 is no class"),
        ("labels", [np.inf, 0, 1], "labels: inf is no class"),
        ("labels", [10**30, 0, 1], "labels: 1e+30 is no class"),
        ("labels", [10**400, 0, 1], "utterance 0 is an int, expected a number"),
        ("labels", [True, 0, 1], "utterance 0 is a bool, expected a number"),
        ("labels", [[1.0], 0, 1], "utterance 0 is a list of one, the others are a number"),
        ("labels", ["1", 0, 1], "utterance 0 is text, expected a number"),
        ("speakers", [True, "M", "F"], "utterance 0 is a bool, expected a name or a one-hot"),
        ("speakers", [1, "M", "F"], "utterance 0 is a number, the others are text"),
        ("speakers", [[0, 2], [0, 1], [1, 0]], "utterance 0 is a list of 2, expected a name"),
        ("audio", [[True, 1.0, 1.0]] * 3, "utterance 0 is a list of 3, expected a row of 3 plain"),
        ("labels", [0.5, 0, 7], "labels: 0.5 is no class"),
        ("speakers", [[1, 1], [0, 1], [1, 0]], "utterance 0 is a list of 2, expected a name"),
        ("speakers", 7, "an int, expected a speaker for each utterance"),
    ],
)
def test_field_that_does_not_fit(
    name: str, value: Any, words: str, fields: Fields, refused: Callable
) -> None:
    fields[name][SECOND] = value
    assert words in refused(fields)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, "found a dictionary of 1 ('a': an int), expected a tuple of 7 to 14"),
        ([], "found a list of 0 (), expected"),
        (3, "found an int, expected"),
        ("text", "found text, expected"),
        (np.zeros((2, 3)), "found an array of shape (2, 3), expected"),
        ({"train": {}, "test": {}}, "no known layout: found a dictionary of 2"),
        (({},) * 9, "item 2 is a dictionary of 0, expected speakers: a dictionary from dialogue"),
        (({},) * 6, "found a tuple of 6 ("),
    ],
)
def test_unknown_layout_says_what_was_found(value: Any, words: str, refused: Callable) -> None:
    assert words in refused(value)


def test_numbers_of_words_are_no_features(refused: Callable) -> None:
    words = np.arange(250)
    speakers, labels = {"tr_c0": ["0"]}, {"tr_c0": [3]}
    value = [speakers, {"tr_c0": [words]}, {"tr_c0": 7}, labels, labels, {"tr_c0"}, set(), set()]
    assert "text holds the numbers of words in a vocabulary" in refused(value)


def test_sentences_of_cogmen_are_no_features(read: Callable) -> None:
    sample = {
        "vid": "talk",
        "speakers": ["M", "F"],
        "labels": [0, 1],
        "audio": [[1.0], [2.0]],
        "text": ["one", "two"],
    }
    imported = read({"train": [sample], "test": []})
    assert imported.dialogues.widths == {"audio": 1}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "labels",
            ["hap", "sad"],
            "whose first value is a list of 2 that begins with text ('hap')",
        ),
        ("labels", [np.eye(6)[0]] * 2, "that begins with an array of shape (6,)"),
        ("speakers", [None, "F"], "that begins with nothing (None)"),
        ("speakers", [float("nan"), "F"], "that begins with a float (nan)"),
    ],
)
def test_value_that_fits_no_layout_is_shown(
    name: str, value: Any, words: str, fields: Fields, refused: Callable
) -> None:
    fields[name][FIRST] = value
    assert words in refused(fields)


def test_intensity_without_end_is_refused(fields: Fields, refused: Callable) -> None:
    fields = _renamed(fields, {FIRST: "a", SECOND: "b", TEST: "c"})
    fields["labels"] = {"a": [np.inf, 0.5], "b": [1.5, -1.0, 0.0], "c": [1.0]}
    assert "labels: inf is no intensity of sentiment" in refused(fields)


def test_label_that_no_other_is_near_is_noted(fields: Fields, read: Callable) -> None:
    fields = _renamed(fields, {FIRST: "a", SECOND: "b", TEST: "c"})
    fields["labels"]["a"][0] = 99
    assert "no utterance has 1, 3, 4 and 93 more" in _note(read(fields), "labels run from 0 to 99")


@pytest.mark.parametrize("value", [7, True, None])
def test_ids_of_utterances_of_two_kinds_are_noted(
    value: Any, fields: Fields, read: Callable
) -> None:
    fields["ids"][FIRST][0] = value
    imported = read(fields)
    assert "of 1 dialogues ('Ses01F_impro01' ...)" in _note(imported, "ids of utterances")
    assert imported.dialogues.utterance_ids[0] == "Ses01F_impro01_0"


def test_ids_that_differ_by_their_type_only_are_refused(fields: Fields, refused: Callable) -> None:
    fields = _renamed(fields, {FIRST: 1, SECOND: "1", TEST: "2"})
    assert "has ids of dialogues that differ by their type only" in refused(fields)


def _renamed(fields: Fields, names: dict[str, Any]) -> Fields:
    return {
        field: {names[key]: value for key, value in item.items()}
        if isinstance(item, dict)
        else [names[key] for key in item]
        for field, item in fields.items()
    }


def test_numbered_dialogues_are_meld_only_with_its_test_list(
    fields: Fields, read: Callable
) -> None:
    own = read(_renamed(fields, {FIRST: 0, SECOND: 1, TEST: 2}))
    meld = read(_renamed(fields, {FIRST: 0, SECOND: 1152, TEST: 1153}))
    assert own.dialogues.label_names == tuple(f"class {n}" for n in range(6))
    assert meld.dialogues.label_names[0] == "neutral"


def test_label_beyond_those_of_meld_is_refused(fields: Fields, refused: Callable) -> None:
    fields = _renamed(fields, {FIRST: 0, SECOND: 1152, TEST: 1153})
    fields["labels"][0][0] = 99
    assert "labels: 99 is no class of MELD, expected 0 to 6" in refused(fields)


@pytest.mark.parametrize("field", ["speakers", "ids"])
def test_half_a_surrogate_pair_is_refused(field: str, fields: Fields, refused: Callable) -> None:
    fields = _renamed(fields, {FIRST: "a", SECOND: "b", TEST: "c"})
    fields[field]["a"][0] = "x\ud800"
    assert "x\\ud800' is not valid Unicode text" in refused(fields)


def _mmsa(**changes: Any) -> dict[str, Any]:
    """Return MMSA's dictionaries of two clips each, three frames of width 2."""
    return {
        name: {
            "id": [f"{name}v$_$0", f"{name}v$_$1"],
            "audio": np.ones((2, 3, 2)),
            "audio_lengths": [3, 3],
            "regression_labels": np.array([-2.5, 1.0]),
        }
        | changes
        for name in ("train", "valid", "test")
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"regression_labels": {"a": 1}}, "regression_labels: dialogue 'train': a dictionary of 1"),
        ({"regression_labels": [[1.0], [1.0, 2.0]]}, "utterance 1 is a list of 2, expected a num"),
        ({"regression_labels": [99.0, 1.0]}, "train: 99 is no intensity of sentiment"),
        ({"regression_labels": [np.inf, 1.0]}, "train: inf is no intensity of sentiment"),
        ({"id": {"a": 1}}, "train: id: a dictionary of 1, expected a list of names"),
        ({"id": [["a"], ["b", "c"]]}, "train: id: a list of 2, expected a list of names"),
        ({"audio_lengths": [[1], [1, 2]]}, "audio_lengths: dialogue 'train': utterance 1"),
        ({"audio": {"a": 1}}, "train: audio: a dictionary of 1, expected (clips, frames, width)"),
    ],
)
def test_field_of_mmsa_that_does_not_fit(
    changes: dict[str, Any], words: str, refused: Callable
) -> None:
    assert words in refused(_mmsa(**changes))


def test_clip_with_a_number_longer_than_any_is_read(read: Callable) -> None:
    imported = read(
        _mmsa(id=["9" * 5000, "1"]) | {"valid": _mmsa()["valid"], "test": _mmsa()["test"]}
    )
    assert imported.dialogues.num_utterances == 6


def test_words_of_mmsa_go_with_their_clips(read: Callable) -> None:
    d = read(_mmsa(id=["v$_$2", "v$_$1"], raw_text=np.array(["two", "one"]))).dialogues
    assert d.utterance_ids[:2] == ("v$_$1", "v$_$2")
    assert d.words[:2] == ("one", "two")


def test_words_of_mmsa_that_are_not_one_for_each_clip_are_told(read: Callable) -> None:
    imported = read(_mmsa(raw_text=["one"]))
    assert "raw_text is no list of 2 texts, one for each id" in _note(imported, "train: raw_text")
    assert not any(imported.dialogues.words)


@pytest.mark.parametrize("padded", [[1, 1, 0], [0, 1, 1]])
def test_padding_of_mmsa_at_either_end_is_left_out(padded: list[int], read: Callable) -> None:
    audio = np.full((2, 3, 2), 4.0) * np.array(padded)[:, None]
    imported = read(_mmsa(audio=audio, audio_lengths=[2, 2]))
    assert (imported.dialogues.features["audio"] == 4).all()
    assert any("padded at the start" in note for note in imported.notes) == (padded[0] == 0)


def test_nearest_layout_is_named(fields: Fields, refused: Callable) -> None:
    fields["train"] = 12
    sentence = refused(fields)
    assert "nearest is features in the form of DialogueRNN, Dial" in sentence
    assert "but item 8 is an int" in sentence
    assert "is an int, expected train: a list of dialogue ids" in sentence


def test_lists_that_name_no_dialogue(fields: Fields, refused: Callable) -> None:
    assert "no dialogue is in a list of a split" in refused(fields | {"train": [], "test": ["x"]})


def test_sentiments_that_cannot_be_had(fields: Fields, refused: Callable) -> None:
    fields["labels"][FIRST][0] = 8  # not IEMOCAP's any more
    fields = {
        name: {f"x{k}": v for k, v in item.items()}
        if isinstance(item, dict)
        else [f"x{k}" for k in item]
        for name, item in fields.items()
    }
    assert "--labels sentiment: this file has no sentiments" in refused(fields, labels="sentiment")


def test_joined_file_must_be_of_the_same_dialogues(fields: Fields, save: Callable) -> None:
    first = save(fields, "first.pkl")
    with pytest.raises(InputError, match=r"second\.pkl: adds nothing"):
        import_file(first, join=[save(fields, "second.pkl")])
    fields["labels"][FIRST] = [0, 1]
    with pytest.raises(InputError, match=r"second\.pkl: labels: dialogue 'Ses01F_impro01' has oth"):
        import_file(first, join=[save(fields, "second.pkl")])
    fields["labels"][FIRST] = [0, 1, 2]
    for name in ("speakers", "text", "audio", "visual"):
        fields[name][FIRST] = [fields[name][FIRST][0]] * 3
    with pytest.raises(InputError, match=r"has 3 utterances, .* has 2; expected the same"):
        import_file(first, join=[save(fields, "second.pkl")])


def test_what_a_joined_file_has_less_or_more_is_noted(fields: Fields, save: Callable) -> None:
    names = ("speakers", "labels", "audio", "visual")
    second = {
        split: [
            {"vid": key, **{name: fields[name][key] for name in names}} for key in fields[split]
        ]
        for split in ("train", "test")
    }
    audio = {name: [dict(one) for one in some] for name, some in second.items()}
    for one in audio["train"] + audio["test"]:
        del one["visual"]
    del second["train"][0]["visual"]
    second["test"].append({**second["test"][0], "vid": "Ses05F_impro02"})
    first, path = save(audio, "first.pkl"), save(second, "second.pkl")
    imported = import_file(first, join=[path])
    assert imported.dialogues.masks["visual"].tolist() == [False] * 2 + [True] * 4
    assert f"visual: {path} has none of 1 dialogue ({FIRST!r})" in _note(imported, "as missing t")
    assert f"{path} has 1 dialogue ('Ses05F_impro02') that {first} has" in _note(
        imported, "has not"
    )


def test_joined_csv_must_fit(fields: Fields, save: Callable, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHi,Ann,joy,0,0\n")
    with pytest.raises(InputError, match=r"a\.csv: its dialogues do not fit"):
        import_file(save(fields), join=[table])
    table.write_text("Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHi,Ann,bliss,0,0\n")
    with pytest.raises(InputError, match=r"a\.csv: line 2: Emotion is 'bliss'"):
        import_file(save(fields), join=[table])


def test_archive_that_asks_for_another_zip_is_no_corpus(tmp_path: Path) -> None:
    np.savez(tmp_path / "label.npz", a=np.zeros(1))
    content = bytearray((tmp_path / "label.npz").read_bytes())
    content[content.index(b"PK\1\2") + 6] = 173  # version needed to extract, of the directory
    (tmp_path / "label.npz").write_bytes(content)
    assert label_file(tmp_path) is None


def test_column_with_a_stray_quotation_mark_is_named(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text('Utterance,Speaker,Emotion",Dialogue_ID,Utterance_ID\nHi.,Ann,joy,0,0\n')
    with pytest.raises(InputError, match=r"a\.csv: line 1: no column 'Emotion' among Utterance, "):
        read_meld_csv(table)


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_of_another_spreadsheet_is_known(separator: str, end: str, tmp_path: Path) -> None:
    rows = (("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"), ("Hi", "Ann"))
    (tmp_path / "a.csv").write_bytes("".join(separator.join(row) + end for row in rows).encode())
    with pytest.raises(InputError, match=r"holds no features; .* --join"):
        import_file(tmp_path / "a.csv")


def test_text_with_the_line_ends_of_old_macs_is_no_pickle(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\rc,d\r")
    with pytest.raises(InputError, match=r"a\.csv: "):
        import_file(tmp_path / "a.csv")


def test_csv_alone_has_no_features(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHi,Ann,joy,0,0\n")
    with pytest.raises(InputError, match=r"holds no features; .* --join"):
        import_file(table)


def test_row_repeated_a_billion_times_is_refused(fields: Fields, refused: Callable) -> None:
    row = [0.5] * 50_000
    fields["text"][FIRST] = [row] * 50_000
    assert "far more values than a file of its size" in refused(fields)


def test_dialogue_of_ten_thousand_utterances(fields: Fields, read: Callable) -> None:
    count = 10_000
    for name, value in (("labels", 1), ("speakers", "F"), ("sentences", "words")):
        fields[name][FIRST] = [value] * count
    for name, width in (("text", 4), ("audio", 3), ("visual", 2)):
        fields[name][FIRST] = np.arange(1, count * width + 1.0).reshape(count, width)
    d = read(fields).dialogues
    assert d.lengths.tolist() == [count, 3, 1]
    assert d.features["text"][count - 1].tolist() == [39997, 39998, 39999, 40000]
    assert len(set(d.utterance_ids)) == d.num_utterances


def test_folder_of_this_program_needs_no_import(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(InputError, match="is a data set of this program already"):
        import_file(tmp_path)


def test_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no known layout: a folder, expected one of MERBench"):
        import_file(tmp_path)


def _merbench(path: Path, corpus: Any, name: str = "train_dia0_utt0") -> Path:
    (path / "text").mkdir()
    np.save(path / "text" / f"{name}.npy", np.ones(3))
    np.savez(path / "label.npz", train_corpus=np.array(corpus, object))
    return path


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "ran")


def test_hostile_labels_of_merbench_are_not_run(tmp_path: Path) -> None:
    corpus = {"train_dia0_utt0": {"emo": _Bomb(tmp_path / "mark")}}
    with pytest.raises(InputError, match=r"label\.npz: train_corpus: names "):
        import_file(_merbench(tmp_path, corpus))
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK", b"\x93NUMPY\x01\x00\x76\x00"])
def test_labels_of_merbench_that_are_no_array_are_refused(content: bytes, tmp_path: Path) -> None:
    path = _merbench(tmp_path, {})
    with zipfile.ZipFile(path / "label.npz", "w") as archive:
        archive.writestr("train_corpus.npy", content)
    with pytest.raises(InputError, match=r"label\.npz: train_corpus: (damaged|truncated)"):
        import_file(path)


def test_names_of_merbench_stay_in_their_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no name of an utterance"):
        import_file(_merbench(tmp_path, {"../secret": {"emo": 0}}))


def test_merbench_frames_are_averaged(tmp_path: Path) -> None:
    corpus = {"train_dia0_utt0": {"emo": 0}, "train_dia0_utt1": {"emo": 1}}
    path = _merbench(tmp_path, corpus)
    (path / "text" / "train_dia0_utt1").mkdir()
    for frame, value in enumerate((2.0, 4.0)):
        np.save(path / "text" / "train_dia0_utt1" / f"{frame}.npy", np.full(3, value))
    d = import_file(path).dialogues
    assert d.features["text"][:, 0].tolist() == [1, 3]
    assert [d.label_names[k] for k in d.labels] == ["anger", "joy"]


def test_merbench_feature_that_is_missing(tmp_path: Path) -> None:
    corpus = {"train_dia0_utt0": {"emo": 0}, "train_dia0_utt1": {"emo": 1}}
    with pytest.raises(InputError, match=r"train_dia0_utt1\.npy: missing"):
        import_file(_merbench(tmp_path, corpus))


values = st.recursive(
    st.none()
    | st.integers(-2, 9)
    | st.floats()
    | st.sampled_from(["M", "Ses01F_impro01", "train"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "train", "test", FIRST]), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_field_is_read_or_refused(data: st.DataObject, fields: Fields, tmp_path: Path) -> None:
    name = data.draw(st.sampled_from(sorted(fields)))
    fields = dict(fields)
    if isinstance(fields[name], dict) and data.draw(st.booleans()):
        fields[name] = fields[name] | {SECOND: data.draw(values)}
    else:
        fields[name] = data.draw(values)
    _read_or_refuse(tmp_path, tuple(fields.values()))


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=values)
def test_any_value_is_read_or_refused(value: Any, tmp_path: Path) -> None:
    _read_or_refuse(tmp_path, value)


def _read_or_refuse(folder: Path, value: Any) -> None:
    path = folder / "any.pkl"
    path.write_bytes(pickle.dumps(value))
    try:
        import_file(path)
    except InputError as error:
        message = str(error)
    else:
        return
    assert message.startswith(str(path))
