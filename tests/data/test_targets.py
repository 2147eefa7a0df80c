"""Targets beside the classes: how they are declared, read, checked, kept and chosen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import (
    Dialogues,
    check,
    dialogues_from_arrays,
    fingerprint,
    load_dialogues,
    write_folder,
)
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.data.target_arrays import to_target
from ariigcn_dgl.data.target_views import rounded, with_views
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.errors import InputError

SCORES = np.array([-1.4, 0.2, 3.0, np.nan, -3.0, 0.0], np.float32)
VAD = np.arange(18, dtype=np.float32).reshape(6, 3) / 4
NAN = float("nan")


def _refusal(path: Path, *targets: str) -> str:
    with pytest.raises(InputError) as caught:
        load_dialogues(path, targets or None)
    return str(caught.value)


@pytest.fixture
def scored(tiny: Dialogues) -> Dialogues:
    """Return the tiny set with a score from -3 to 3 in place of its classes."""
    spec = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
    return replace(
        tiny,
        labels=np.full(6, -1),
        label_names=(),
        targets={"label": Target(spec, SCORES[:, None])},
    )


@pytest.fixture
def labelled_twice(tiny: Dialogues) -> Dialogues:
    """Return the tiny set with classes, and with valence, arousal and dominance from 0 to 5."""
    spec = TargetSpec("vad", "regression", ("valence", "arousal", "dominance"), 0.0, 5.0)
    return replace(tiny, targets={"vad": Target(spec, VAD)})


def _plain(folder: Path, table: str, declaration: object = None) -> Path:
    (folder / "utterances.csv").write_text(table)
    np.save(folder / "text.npy", np.ones((table.count("\n") - 1, 2), np.float32))
    if declaration is not None:
        (folder / "targets.json").write_text(json.dumps(declaration))
    return folder


def test_a_float_label_of_an_archive_is_a_regression(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    del npz_arrays["label_names"]
    np.savez(tmp_path / "set.npz", **npz_arrays | {"label": SCORES})
    loaded = load_dialogues(tmp_path / "set.npz")
    assert loaded.label_names == ()
    assert (loaded.labels == -1).all()
    target = loaded.targets["label"]
    assert (target.spec.kind, target.spec.low, target.spec.high) == ("regression", -3.0, 3.0)
    np.testing.assert_array_equal(target.values[:, 0], SCORES)


def test_a_float_label_of_an_archive_needs_no_other_names(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    np.savez(tmp_path / "set.npz", **npz_arrays | {"label": SCORES})  # names of two classes stay
    assert load_dialogues(tmp_path / "set.npz").label_names == ()


@pytest.mark.parametrize("unknown", [NAN, 1.0])
def test_float_labels_of_named_classes_are_refused(
    unknown: float, tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    labels = np.array([0, 1, unknown, 1, 0, 1])
    np.savez(tmp_path / "set.npz", **npz_arrays | {"label": labels})
    assert (
        "set.npz: label: float64 array of shape (6,), expected 1-D int64 numbers beside "
        "label_names: store whole ones, -1 where unknown"
    ) in _refusal(tmp_path / "set.npz")


def test_a_label_that_is_text_is_refused(tmp_path: Path, npz_arrays: dict[str, np.ndarray]) -> None:
    del npz_arrays["label_names"]
    np.savez(tmp_path / "set.npz", **npz_arrays | {"label": np.array(["high"] * 6)})
    assert "set.npz: label: text of shape (6,), expected numbers" in _refusal(tmp_path / "set.npz")


def test_other_arrays_are_targets_only_where_they_are_named(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray], tiny: Dialogues
) -> None:
    np.savez(tmp_path / "tiny.npz", **npz_arrays | {"vad_label": VAD})
    without = load_dialogues(tmp_path / "tiny.npz")
    assert without.targets == {}
    assert fingerprint(without) == fingerprint(tiny)
    loaded = load_dialogues(tmp_path / "tiny.npz", ["label", "vad"])
    assert loaded.targets["vad"].spec.names == ("valence", "arousal", "dominance")
    np.testing.assert_array_equal(loaded.targets["vad"].values, VAD)
    assert loaded.label_names == tiny.label_names


def test_a_target_is_no_feature(tmp_path: Path, npz_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "tiny.npz", **npz_arrays | {"vad_label": VAD})
    loaded = load_dialogues(tmp_path / "tiny.npz", ["label", "vad"])
    assert loaded.widths == {"text": 3, "audio": 2}


def test_targets_without_label_leave_the_classes_out(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    np.savez(tmp_path / "set.npz", **npz_arrays | {"vad": VAD, "vad_range": np.array([0, 5])})
    loaded = load_dialogues(tmp_path / "set.npz", ["vad"])
    assert (loaded.num_classes, loaded.num_outputs) == (0, 3)
    assert loaded.targets["vad"].spec.high == 5.0


def test_several_zeros_and_ones_are_labels_and_named_whole_numbers_classes() -> None:
    cues = to_target("cues", np.array([[0, 1], [-1, 0]]), "here", ["laugh", "cry"])
    assert cues.spec.kind == "multilabel"
    np.testing.assert_array_equal(cues.values, [[0, 1], [NAN, 0]])
    tone = to_target("tone", np.array([1, -1]), "here", ["low", "high"])
    assert (tone.spec.kind, tone.spec.columns, tone.spec.width) == ("classes", 1, 2)


@pytest.mark.parametrize(
    ("array", "names", "words"),
    [
        (np.array(["high", "low"]), (), "label: text of shape (2,), expected numbers"),
        (np.zeros((2, 1, 1)), (), "shape (2, 1, 1), expected numbers"),
        (np.array([1, 2]), (), "whole numbers without names"),
        (np.array([[0, 7], [1, 0]]), (), "has 7, expected 0, 1 or -1"),
        (np.zeros((2, 3)), ("a", "b"), "3 columns for 2 names (a, b)"),
    ],
)
def test_an_array_that_is_no_target_is_refused(
    array: np.ndarray, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=r"^set\.npz: label: ") as caught:
        to_target("label", array, "set.npz: label", names)
    assert words in str(caught.value)


def test_a_folder_keeps_targets(tmp_path: Path, labelled_twice: Dialogues) -> None:
    write_folder(labelled_twice, tmp_path / "set")
    loaded = load_dialogues(tmp_path / "set")
    assert loaded.targets["vad"].spec == labelled_twice.targets["vad"].spec
    assert fingerprint(loaded) == fingerprint(labelled_twice)


def test_the_fingerprint_covers_targets(labelled_twice: Dialogues) -> None:
    target = labelled_twice.targets["vad"]
    other = replace(labelled_twice, targets={"vad": replace(target, values=target.values + 1)})
    found = {fingerprint(one) for one in (labelled_twice, other, replace(other, targets={}))}
    assert len(found) == 3


def test_a_label_column_of_real_numbers_is_a_regression(tmp_path: Path) -> None:
    table = "dialogue,speaker,label,split\nd,A,-1.5,train\ne,A,2,val\nf,A,,test\n"
    loaded = load_dialogues(_plain(tmp_path, table))
    np.testing.assert_array_equal(loaded.targets["label"].values[:, 0], [-1.5, 2, NAN])
    assert (loaded.targets["label"].spec.low, loaded.targets["label"].spec.high) == (-3, 3)


def _labels(*labels: str) -> str:
    rows = "".join(f'd{n},A,"{label}",train\n' for n, label in enumerate(labels))
    return "dialogue,speaker,label,split\n" + rows


def test_nan_is_an_unknown_number(tmp_path: Path) -> None:
    loaded = load_dialogues(_plain(tmp_path, _labels("-0.5", "nan", "", "2")))
    np.testing.assert_array_equal(loaded.targets["label"].values[:, 0], [-0.5, NAN, NAN, 2])


@pytest.mark.parametrize(
    ("labels", "line", "wrong"),
    [
        (("-0.5", "NA", "2"), 3, "NA"),
        (("-0,5", "1,25"), 2, "-0,5"),
        (("0.5", "1e999", "-1.5"), 3, "1e999"),
    ],
)
def test_what_is_no_number_among_numbers_is_named(
    tmp_path: Path, labels: tuple[str, ...], line: int, wrong: str
) -> None:
    message = _refusal(_plain(tmp_path, _labels(*labels)))
    assert f"line {line}: dialogue 'd{line - 2}' has the label {wrong!r} where most are" in message
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    assert load_dialogues(tmp_path).label_names == labels


def test_a_number_among_names_is_a_name(tmp_path: Path) -> None:
    names = ("0.5", "anger", "joy")
    assert load_dialogues(_plain(tmp_path, _labels(*names))).label_names == names


def test_a_label_column_of_whole_numbers_stays_classes(tmp_path: Path) -> None:
    table = "dialogue,speaker,label,split\nd,A,1,train\ne,A,2,val\n"
    assert load_dialogues(_plain(tmp_path, table)).label_names == ("1", "2")


def test_a_declaration_names_columns_kinds_and_ranges(tmp_path: Path) -> None:
    table = (
        "dialogue,speaker,label,V,A,laugh,cry,split\n"
        "d,A,joy,1,5,1,0,train\ne,A,anger,2,,0,,val\nf,A,joy,3,4,1,1,test\n"
    )
    declared = {
        "va": {"kind": "regression", "columns": ["V", "A"], "range": [1, 5], "unit": "points"},
        "cues": {"kind": "multilabel", "columns": ["laugh", "cry"]},
    }
    loaded = load_dialogues(_plain(tmp_path, table, declared))
    assert loaded.label_names == ("anger", "joy")
    np.testing.assert_array_equal(loaded.targets["va"].values, [[1, 5], [2, NAN], [3, 4]])
    assert loaded.targets["va"].spec.record()["unit"] == "points"
    np.testing.assert_array_equal(loaded.targets["cues"].values, [[1, 0], [0, NAN], [1, 1]])


@pytest.mark.parametrize(
    ("row", "declared", "words"),
    [
        ("high", {"kind": "regression"}, "line 2: dialogue 'd' has mood 'high', expected a number"),
        (
            "7",
            {"kind": "regression", "range": [-3, 3]},
            "mood: dialogue 'd', utterance 'd_0' has 7",
        ),
        ("0.5", {"kind": "multilabel", "columns": ["mood", "split"]}, "has split 'train'"),
        ("1", {"kind": "regression", "columns": ["moods"]}, "no column 'moods'"),
        ("1", {"kind": "regression", "range": [3, -3]}, "the range [3, -3], expected two ordered"),
        ("1", {"kind": "regression", "names": ["a", "b"]}, "1 columns for 2 names"),
        ("inf", {"kind": "regression"}, "has inf, expected a finite number"),
        ("1", {"kind": "number"}, "mood.kind: expected one of classes, multilabel, regression"),
        ("1", {"kind": "regression", "rnge": [0, 1]}, "mood: unknown key 'rnge', expected some of"),
    ],
)
def test_a_wrong_value_or_declaration_is_named(
    tmp_path: Path, row: str, declared: dict, words: str
) -> None:
    table = f"dialogue,speaker,mood,split\nd,A,{row},train\ne,A,1,val\n"
    message = _refusal(_plain(tmp_path, table, {"mood": declared}))
    assert message.startswith(str(tmp_path))
    assert words in message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[4.2]] + [[0.0]] * 5, "label: dialogue 'd1', utterance 'd1_0' has 4.2, expected -3 to 3"),
        ([[0.0]] * 5, "label: float32 array of shape (5, 1), expected float32 of shape (6, 1)"),
        ([[NAN]] * 6, "label: split 'train' (dialogue 'd1' and on) has no labelled utterance"),
    ],
)
def test_check_names_what_is_wrong_with_a_target(
    scored: Dialogues, values: list, words: str
) -> None:
    target = replace(scored.targets["label"], values=np.array(values, np.float32))
    with pytest.raises(InputError) as caught:
        check(replace(scored, targets={"label": target}), "here")
    assert str(caught.value).startswith(f"here: {words}")


@pytest.mark.parametrize(
    ("name", "what"),
    [("speaker", "a column of predictions"), ("split", "a column"), ("audio", "a modality")],
)
def test_a_target_has_a_name_of_its_own(tiny: Dialogues, name: str, what: str) -> None:
    spec = TargetSpec(name, "regression", (name,))
    with pytest.raises(InputError, match=f"^here: target '{name}': is the name of {what}"):
        check(replace(tiny, targets={name: Target(spec, SCORES[:, None])}), "here")


def test_a_target_of_one_unit_is_known_once_in_each_dialogue(tiny: Dialogues) -> None:
    spec = TargetSpec("clip", "regression", ("clip",), per="dialogue")
    once = np.array([[NAN], [1], [2], [NAN], [NAN], [3]], np.float32)
    check(replace(tiny, targets={"clip": Target(spec, once)}), "here")
    once[0] = 4
    with pytest.raises(InputError, match="here: clip: dialogue 'd1' has it 2 times, expected once"):
        check(replace(tiny, targets={"clip": Target(spec, once)}), "here")


def test_a_multilabel_row_is_whole_numbers(tiny: Dialogues) -> None:
    spec = TargetSpec("cues", "multilabel", ("laugh", "cry"))
    half = np.full((6, 2), 0.5, np.float32)
    with pytest.raises(
        InputError, match=r"has 0\.5 for laugh, expected a whole number from 0 to 1"
    ):
        check(replace(tiny, targets={"cues": Target(spec, half)}), "here")


def test_dialogues_that_are_selected_keep_their_rows_of_targets(labelled_twice: Dialogues) -> None:
    np.testing.assert_array_equal(labelled_twice["d2"].targets["vad"].values, VAD[2:3])


def test_arrays_in_memory_can_be_targets() -> None:
    made = dialogues_from_arrays(
        ["a", "b"], ["x", "y"], text=np.ones((2, 1)), split=["train", "val"],
        targets={"label": [0.5, -1.0]},
    )  # fmt: skip
    assert made.specs == (TargetSpec("label", "regression", ("score",), -1.0, 1.0),)


def test_real_numbers_as_labels_in_memory_are_a_regression() -> None:
    made = dialogues_from_arrays(
        "abc", "xyz", text=np.ones((3, 1)), label=np.array([0.5, np.nan, -1], np.float32)
    )
    assert made.specs == (TargetSpec("label", "regression", ("score",), -1.0, 1.0),)


def test_an_array_of_a_target_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"arrays: vad: no array, expected numbers"):
        dialogues_from_arrays("ab", "xy", text=np.ones((2, 1)), targets={"vad": [[1.0], [1, 2]]})


@pytest.mark.parametrize(
    ("view", "names", "labels"),
    [
        ("non-negative", ("negative", "non-negative"), [0, 1, 1, -1, 0, 1]),
        ("positive", ("negative", "positive"), [0, 1, 1, -1, 0, -1]),
        ("3", ("negative", "neutral", "positive"), [0, 2, 2, -1, 0, 1]),
        ("5", ("-2", "-1", "0", "+1", "+2"), [1, 2, 4, -1, 0, 2]),
        ("7", ("-3", "-2", "-1", "0", "+1", "+2", "+3"), [2, 3, 6, -1, 0, 3]),
    ],
)
def test_a_score_can_be_taken_as_classes(
    scored: Dialogues, view: str, names: tuple[str, ...], labels: list[int]
) -> None:
    found = with_views(scored, [f"label:{view}"])
    assert (found.label_names, found.labels.tolist(), found.targets) == (names, labels, {})


def test_halves_are_rounded_to_the_even_number() -> None:
    assert rounded(np.array([0.5, 1.5, -2.5, 9.0]), 3).tolist() == [0, 2, -2, 3]


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (["vda"], "tiny: has no target 'vda', only label, vad; did you mean 'vad'?"),
        (["vad:7"], "--targets vad:7: vad is not one number on a scale around 0"),
        (["vad:nine"], "there are no classes 'nine', expected one of non-negative"),
        (["label", "label"], "--targets: name at least one of label, vad, each once"),
        (["label", "vad:7"], "the set has classes of its own: leave out label"),
    ],
)
def test_a_target_that_cannot_be_had_is_refused(
    labelled_twice: Dialogues, targets: list[str], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        with_views(labelled_twice, targets)
    assert words in str(caught.value)


def test_an_archive_without_the_target_names_both_of_its_arrays(npz_file: Path) -> None:
    assert "has no target 'vad': neither an array vad_label nor vad" in _refusal(npz_file, "vad")


def test_targets_of_a_source_can_be_chosen(tmp_path: Path, labelled_twice: Dialogues) -> None:
    write_folder(labelled_twice, tmp_path / "set")
    assert [s.name for s in load_source(str(tmp_path / "set")).specs] == ["label", "vad"]
    only = load_source(str(tmp_path / "set"), targets=["vad"])
    assert [spec.name for spec in only.specs] == ["vad"]
    assert (only.labels == -1).all()
