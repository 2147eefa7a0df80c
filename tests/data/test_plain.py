"""A user's own table and arrays."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, fingerprint, load_dialogues, write_folder
from ariigcn_dgl.errors import InputError


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_dialogues(path)
    return str(caught.value)


def _replace(plain: Path, old: str, new: str) -> None:
    path = plain / "utterances.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_csv_equals_the_set_it_describes(plain: Path, tiny: Dialogues) -> None:
    loaded = load_dialogues(plain)
    assert loaded.name == "tiny_plain"
    assert fingerprint(loaded) == fingerprint(tiny)


def test_jsonl_equals_csv(plain: Path, tiny: Dialogues) -> None:
    header, *rows = (line.split(",") for line in (plain / "utterances.csv").read_text().split())
    records = [dict(zip(header, row, strict=True)) for row in rows]
    lines = [json.dumps({k: v or None for k, v in record.items()}) for record in records]
    (plain / "utterances.jsonl").write_text("\n".join(lines) + "\n\n")
    (plain / "utterances.csv").unlink()
    assert fingerprint(load_dialogues(plain)) == fingerprint(tiny)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_table_of_another_separator(plain: Path, tiny: Dialogues, separator: str) -> None:
    path = plain / "utterances.csv"
    path.write_text(path.read_text().replace(",", separator))
    assert fingerprint(load_dialogues(plain)) == fingerprint(tiny)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_table_that_tells_its_separator(plain: Path, tiny: Dialogues, separator: str) -> None:
    path = plain / "utterances.csv"
    path.write_text(f"sep={separator}\n" + path.read_text().replace(",", separator))
    assert fingerprint(load_dialogues(plain)) == fingerprint(tiny)


def test_speakers_and_classes_are_the_same_however_their_accents_are_written(plain: Path) -> None:
    one, two = "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}", "Zoe\N{COMBINING DIAERESIS}"
    rows = [f"a,{name},{name}ness,train" for name in (one, two)] + ["b,Ann,calm,train"] * 4
    text = "\n".join(["dialogue,speaker,label,split", *rows])
    (plain / "utterances.csv").write_text(text, encoding="utf-8")
    found = load_dialogues(plain)
    assert found.speaker_names == ("Ann", one)
    assert found.label_names == (f"{one}ness", "calm")


def test_rows_without_any_value_are_left_out(plain: Path, tiny: Dialogues) -> None:
    path = plain / "utterances.csv"
    path.write_text(path.read_text() + ",,,\n,,,\n")
    assert fingerprint(load_dialogues(plain)) == fingerprint(tiny)


def test_table_with_the_line_ends_of_old_macs(plain: Path, tiny: Dialogues) -> None:
    path = plain / "utterances.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    assert fingerprint(load_dialogues(plain)) == fingerprint(tiny)


def test_array_whose_header_lies_is_refused_before_it_gets_memory(plain: Path) -> None:
    path = plain / "text.npy"
    path.write_bytes(path.read_bytes().replace(b"(6, 3)", b"(1099511627776, 3)".ljust(6), 1))
    assert "text.npy: damaged or truncated" in _refusal(plain)


@pytest.mark.parametrize("name", ["utterances.csv", "text.npy", "labels.txt"])
def test_pipe_in_place_of_a_file_does_not_hang(plain: Path, name: str) -> None:
    (plain / name).unlink(missing_ok=True)
    os.mkfifo(plain / name)
    assert f"{name}: is a pipe, expected a file" in _refusal(plain)


def test_a_nul_in_a_table_is_refused(plain: Path) -> None:
    _replace(plain, "Bob", "B\0b")
    assert "holds a NUL character, which text files do not" in _refusal(plain)


def test_keys_that_differ_in_case_alone_are_refused(plain: Path) -> None:
    (plain / "utterances.csv").unlink()
    line = '{"dialogue": "d", "speaker": "Ann", "Speaker": "Bob"}\n'
    (plain / "utterances.jsonl").write_text(line * 6)
    assert "utterances.jsonl: line 1: column 'speaker' occurs 2 times" in _refusal(plain)


def test_half_a_surrogate_pair_is_refused(plain: Path) -> None:
    (plain / "utterances.csv").unlink()
    records = [{"dialogue": f"d\ud800{n}", "speaker": "Ann"} for n in range(6)]
    lines = [json.dumps(record) + "\n" for record in records]
    (plain / "utterances.jsonl").write_text("".join(lines))
    assert "dialogue id 'd\\ud8000' is not valid Unicode text" in _refusal(plain)


def test_folder_whose_name_is_no_unicode_is_read(plain: Path) -> None:
    renamed = plain.rename(plain.with_name(os.fsdecode(b"set\xff")))
    assert load_dialogues(renamed).name == "set?"


def test_row_that_is_all_nan_marks_a_missing_modality(plain: Path) -> None:
    loaded = load_dialogues(plain)
    assert loaded.masks["audio"].tolist() == [True, True, True, True, False, True]
    assert loaded.features["audio"][4].tolist() == [0, 0]


def test_row_that_is_partly_nan_is_refused(plain: Path) -> None:
    audio = np.load(plain / "audio.npy")
    audio[4, 0] = 1
    np.save(plain / "audio.npy", audio)
    assert "audio: dialogue 'd3', utterance 'd3_1' has nan in column 1" in _refusal(plain)


def test_labels_txt_fixes_the_order(plain: Path) -> None:
    (plain / "labels.txt").write_text("joy\nfear\nanger\n\n")
    loaded = load_dialogues(plain)
    assert loaded.label_names == ("joy", "fear", "anger")
    assert loaded.labels.tolist() == [0, 2, 0, -1, 2, 0]


def test_label_that_is_not_in_labels_txt_is_refused(plain: Path) -> None:
    (plain / "labels.txt").write_text("joy\n")
    message = _refusal(plain)
    assert "utterances.csv: line 3: dialogue 'd1' has the label 'anger'" in message


def test_utterance_column_names_the_utterances(plain: Path) -> None:
    (plain / "utterances.csv").write_text(
        "Utterance,dialogue,speaker\n" + "".join(f"u{n},d1,Ann\n" for n in range(6))
    )
    assert load_dialogues(plain).utterance_ids == ("u0", "u1", "u2", "u3", "u4", "u5")


def test_set_without_labels_is_test(plain: Path) -> None:
    (plain / "utterances.csv").write_text("dialogue,speaker\n" + "d1,Ann\n" * 3 + "d2,Bob\n" * 3)
    loaded = load_dialogues(plain)
    assert loaded.splits == ("test", "test")
    assert loaded.label_names == ()
    assert loaded.labels.tolist() == [-1] * 6


def test_set_without_splits_is_divided(tmp_path: Path) -> None:
    rows = "".join(f"d{b},Ann,{'joy' if b < 20 else ''}\n" for b in range(23))
    (tmp_path / "utterances.csv").write_text("dialogue,speaker,label\n" + rows)
    np.save(tmp_path / "visual.npy", np.ones((23, 2)))
    splits = load_dialogues(tmp_path).splits
    assert [splits[:20].count(s) for s in ("train", "val", "test")] == [16, 2, 2]
    assert splits[20:] == ("test",) * 3
    assert load_dialogues(tmp_path).splits == splits


def test_line_separator_within_a_field_does_not_end_the_row(plain: Path) -> None:
    _replace(plain, "Cem", "Cem\u2028Can")
    assert "Cem\u2028Can" in load_dialogues(plain).speaker_names


def test_table_that_is_a_folder_is_refused(plain: Path) -> None:
    (plain / "utterances.csv").unlink()
    (plain / "utterances.csv").mkdir()
    assert "utterances.csv: is a folder, expected a file" in _refusal(plain)


def test_a_missing_column_is_answered_with_those_that_are_there(plain: Path) -> None:
    _replace(plain, "dialogue,speaker,label,split", "Scene,Speaker,Felt,Part")
    words = "no column 'dialogue'; its columns are Scene, Speaker, Felt, Part"
    assert _refusal(plain).endswith(words)


@pytest.mark.parametrize("word", ["val", "dev", "Dev", "valid", "VALIDATION"])
def test_usual_names_of_validation_are_understood(plain: Path, tiny: Dialogues, word: str) -> None:
    _replace(plain, "d2,Ann,joy,val", f"d2,Ann,joy,{word}")
    assert load_dialogues(plain).splits == tiny.splits


def test_columns_of_meld_are_understood(plain: Path, tiny: Dialogues) -> None:
    _replace(plain, "dialogue,speaker,label,split", "Dialogue_ID,Speaker,Emotion,Split")
    assert fingerprint(load_dialogues(plain)) == fingerprint(tiny)


def test_numbers_of_meld_are_those_of_a_split_and_a_dialogue(plain: Path) -> None:
    (plain / "utterances.csv").write_text(
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,split\n"
        "1,also I was,Chandler,neutral,neutral,0,0,train\n"
        "2,You must,Ross,joy,positive,0,1,train\n"
        "1,Oh my God,Phoebe,surprise,negative,0,0,dev\n"
        "1,Hey,Ross,joy,positive,0,0,test\n"
        "2,Hey,Joey,joy,positive,1,0,test\n"
    )
    for path in plain.glob("*.npy"):
        np.save(path, np.load(path)[:5])
    found = load_dialogues(plain)
    assert found.dialogue_ids == ("train_0", "val_0", "test_0", "test_1")
    assert found.utterance_ids == ("train_0_0", "train_0_1", "val_0_0", "test_0_0", "test_1_0")
    assert found.splits == ("train", "val", "test", "test")
    assert found.label_names == ("joy", "neutral", "surprise")


def test_quoted_fields_and_byte_order_mark_are_read(plain: Path) -> None:
    _replace(plain, "dialogue,speaker,label,split", "\ufeffdialogue,speaker,label,split")
    _replace(plain, "Cem", '"Cem, ""the"" \u2028\nbaker"')
    assert load_dialogues(plain).speaker_names == ("Ann", "Bob", 'Cem, "the" \u2028\nbaker')


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "dialogue,",
            "conversation,",
            "utterances.csv: no column 'dialogue'; its columns are conv",
        ),
        ("label,split", "label,label", "line 1: column 'label' occurs 2 times"),
        ("d2,Ann", "d2,", "line 4: speaker is empty"),
        ("d2,Ann", ",Ann", "line 4: dialogue is empty"),
        ("d2,Ann,joy,val", "d2,Ann,joy", "line 4: 3 values for 4 columns"),
        ("d2,Ann,joy,val", '"d2,Ann,joy,val', "malformed CSV"),
        ("d2,Ann,joy,val", "d2,Ann,joy,fold1", "split: dialogue 'd2' has 'fold1'"),
        ("Bob,joy,test", "Bob,joy,val", "line 7: dialogue 'd3' has split 'val' after 'test'"),
        ("d3,Bob,,test\n", "", "text: dialogue 'd3' has 3 rows for 2 utterances"),
        ("d3,Cem", "d1,Cem", "line 6: dialogue 'd1' comes back"),
    ],
)
def test_wrong_line_is_named(plain: Path, old: str, new: str, words: str) -> None:
    _replace(plain, old, new)
    message = _refusal(plain)
    assert message.startswith(str(plain))
    assert words in message


def test_table_must_hold_an_utterance(plain: Path) -> None:
    (plain / "utterances.csv").write_text("dialogue,speaker\n")
    assert "utterances.csv: holds no utterance" in _refusal(plain)


def test_table_must_be_utf8(plain: Path) -> None:
    (plain / "utterances.csv").write_bytes("dialogue,speaker\nd,Zoë\n".encode("latin-1"))
    assert "utterances.csv: byte 21 is not UTF-8" in _refusal(plain)


def test_two_tables_are_refused(plain: Path) -> None:
    (plain / "utterances.jsonl").write_text("")
    assert "found 2 of utterances.csv and utterances.jsonl" in _refusal(plain)


def test_a_modality_may_have_another_name(plain: Path) -> None:
    np.save(plain / "physio.npy", np.array([[1.0], [2], [np.nan], [4], [5], [6]]))
    found = load_dialogues(plain)
    assert list(found.features) == ["text", "audio", "physio"]
    assert found.features["physio"][:, 0].tolist() == [1, 2, 0, 4, 5, 6]
    assert found.masks["physio"].tolist() == [True, True, False, True, True, True]


def test_a_modality_of_another_name_survives_a_data_folder(plain: Path, tmp_path: Path) -> None:
    np.save(plain / "physio.npy", np.arange(6.0)[:, None] + 1)
    found = load_dialogues(plain)
    write_folder(found, tmp_path / "set")
    again = load_dialogues(tmp_path / "set")
    assert list(again.features) == ["text", "audio", "physio"]
    assert fingerprint(again) == fingerprint(found)
    renamed = replace(
        found,
        features={name.replace("phys", "b"): x for name, x in found.features.items()},
        masks={name.replace("phys", "b"): x for name, x in found.masks.items()},
    )
    assert fingerprint(renamed) != fingerprint(found)


@pytest.mark.parametrize("name", ["labels", "EEG", "train", "text_mask"])
def test_what_is_no_name_of_a_modality_is_refused(plain: Path, name: str) -> None:
    np.save(plain / f"{name}.npy", np.ones((6, 2)))
    assert f"{name}.npy: '{name}' is no name of a modality, expected text.npy" in _refusal(plain)


def test_folder_without_modality_is_refused(plain: Path) -> None:
    (plain / "text.npy").unlink()
    (plain / "audio.npy").unlink()
    assert "no modality, expected text.npy, audio.npy or visual.npy" in _refusal(plain)


def test_folder_without_table_is_refused(plain: Path) -> None:
    (plain / "utterances.csv").unlink()
    assert "not a data set: expected" in _refusal(plain)


def test_array_without_width_is_refused(plain: Path) -> None:
    np.save(plain / "text.npy", np.ones((6, 0), np.float32))
    assert "text: features have width 0" in _refusal(plain)


def test_array_of_one_dimension_is_refused(plain: Path) -> None:
    np.save(plain / "text.npy", np.ones(6))
    assert "text.npy: shape (6,), expected 2-D" in _refusal(plain)


def test_array_of_objects_is_refused(plain: Path) -> None:
    np.save(plain / "text.npy", np.array([{}] * 6, dtype=object))
    assert "text.npy: holds Python objects: a pickle can carry code" in _refusal(plain)


def test_truncated_array_is_refused(plain: Path) -> None:
    content = (plain / "text.npy").read_bytes()
    (plain / "text.npy").write_bytes(content[:-4])
    assert "text.npy: damaged or truncated" in _refusal(plain)
