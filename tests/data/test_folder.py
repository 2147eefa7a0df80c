"""The folder format keeps everything, and says which file is not what was written."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ariigcn_dgl.data import Dialogues, fingerprint, load_dialogues, write_folder
from ariigcn_dgl.data.arrays import write_safetensors
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import seal
from tests.full_disk import largest_file


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_dialogues(path)
    return str(caught.value)


def test_round_trip_keeps_every_field(folder: Path, tiny: Dialogues) -> None:
    loaded = load_dialogues(folder)
    assert fingerprint(loaded) == fingerprint(tiny)
    assert loaded.name == "tiny"
    np.testing.assert_array_equal(loaded.features["audio"], tiny.features["audio"])
    np.testing.assert_array_equal(loaded.masks["audio"], tiny.masks["audio"])
    np.testing.assert_array_equal(loaded.labels, tiny.labels)
    assert loaded.splits == tiny.splits


def test_round_trip_keeps_names_that_are_hard_to_write(tiny: Dialogues, tmp_path: Path) -> None:
    names = (' "quoted" ', "line\nbreak\u2028", "déjà vu 😀")
    write_folder(replace(tiny, dialogue_ids=names, speaker_names=names), tmp_path / "set")
    loaded = load_dialogues(tmp_path / "set")
    assert loaded.dialogue_ids == names
    assert loaded.speaker_names == names


def test_round_trip_of_transposed_features(tiny: Dialogues, tmp_path: Path) -> None:
    features = tiny.features | {"text": np.asfortranarray(tiny.features["text"])}
    write_folder(replace(tiny, features=features), tmp_path / "set")
    assert fingerprint(load_dialogues(tmp_path / "set")) == fingerprint(tiny)


def test_loaded_arrays_are_writable(folder: Path) -> None:
    loaded = load_dialogues(folder)
    arrays = [*loaded.features.values(), *loaded.masks.values(), loaded.labels, loaded.speakers]
    assert all(array.flags.writeable for array in arrays)


def test_float16_features_and_uint8_masks_are_read(
    folder: Path, tiny: Dialogues, reseal: Callable[[Path], None]
) -> None:
    arrays = load_file(folder / "features.safetensors")
    arrays["text"] = arrays["text"].astype(np.float16)
    arrays["audio_mask"] = arrays["audio_mask"].astype(np.uint8)
    save_file(arrays, folder / "features.safetensors")
    reseal(folder)
    assert fingerprint(load_dialogues(folder)) == fingerprint(tiny)


def test_existing_path_is_not_overwritten(folder: Path, tiny: Dialogues) -> None:
    with pytest.raises(InputError, match="tiny_folder: exists already"):
        write_folder(tiny, folder)


def test_missing_parent_is_named(tiny: Dialogues, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent/set: cannot be written: No such file"):
        write_folder(tiny, tmp_path / "absent" / "set")


def test_failed_write_leaves_nothing_behind(tiny: Dialogues, tmp_path: Path) -> None:
    with largest_file(50), pytest.raises(InputError, match=r"set: cannot be written: .*large"):
        write_folder(tiny, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_nothing_behind(
    tiny: Dialogues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="set: cannot be written: No space left on device"):
        write_folder(tiny, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_write_leaves_nothing_behind(
    tiny: Dialogues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tiny, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["features.safetensors", "utterances.jsonl"])
def test_changed_file_is_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    assert f"{folder / name}: changed or truncated" in _refusal(folder)


@pytest.mark.parametrize("name", ["features.safetensors", "utterances.jsonl"])
def test_truncated_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    assert f"{folder / name}: changed or truncated" in _refusal(folder)


@pytest.mark.parametrize("name", ["features.safetensors", "utterances.jsonl"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{folder / name}: cannot be read: No such file" in _refusal(folder)


@pytest.mark.parametrize(("old", "new"), [('"joy"', '"bliss"'), ('"d3": "test"', '"d3": "train"')])
def test_header_that_changed_is_named(folder: Path, old: str, new: str) -> None:
    path = folder / "dataset.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert f"{path}: changed or truncated since it was written" in _refusal(folder)


def test_folder_from_before_there_were_seals_is_read(folder: Path, tiny: Dialogues) -> None:
    (folder / "seal.json").unlink()
    assert fingerprint(load_dialogues(folder)) == fingerprint(tiny)


def test_missing_header_is_named(folder: Path) -> None:
    (folder / "dataset.json").unlink()
    assert f"{folder / 'dataset.json'}: missing" in _refusal(folder)


def test_sealed_file_that_is_gone_is_named_though_loading_does_not_read_it(folder: Path) -> None:
    (folder / "spoken.jsonl").write_text("{}")
    seal(folder, ["spoken.jsonl"])
    load_dialogues(folder)
    (folder / "spoken.jsonl").unlink()
    assert _refusal(folder) == (
        f"{folder / 'spoken.jsonl'}: no such file, but seal.json beside it names it; copy or make "
        "the data set again"
    )


def test_malformed_line_is_numbered(folder: Path, reseal: Callable[[Path], None]) -> None:
    lines = (folder / "utterances.jsonl").read_text().splitlines()
    lines[2] = lines[2][:-1]
    (folder / "utterances.jsonl").write_text("\n".join(lines))
    reseal(folder)
    assert "utterances.jsonl: line 3: not valid JSON" in _refusal(folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"joy"', '"bliss"', "line 1: dialogue 'd1' has the label 'bliss'"),
        ('"Cem"', '"Dan"', "line 5: dialogue 'd3' has the speaker 'Dan'"),
        ('"Cem"', "null", "line 5: speaker is empty"),
        ('"Cem"', "[1]", "line 5: speaker: expected text or null, found list"),
        ('"d2"', '"d4"', "splits: no split for dialogue 'd4'"),
        ('"d2"', '"d1"', "splits: dialogue 'd2' is not in utterances.jsonl"),
        (
            '"dialogue": "d3", "utterance": "d3_2"',
            '"dialogue": "d1", "utterance": "d3_2"',
            "line 6: dialogue 'd1' comes",
        ),
        ('"d3_2"', '"d3_1"', "utterance id 'd3_1' occurs 2 times"),
    ],
)
def test_inconsistent_line_is_named(
    folder: Path, reseal: Callable[[Path], None], old: str, new: str, words: str
) -> None:
    path = folder / "utterances.jsonl"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    reseal(folder)
    assert words in _refusal(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version is 2, this program reads version 1"),
        ({"format": "coco"}, "format is 'coco', expected 'ariigcn-dialogues'"),
        ({"widths": {"text": 3}}, "holds the arrays audio, audio_mask, text, text_mask"),
        ({"widths": {"text": 3, "audio": 5}}, "audio: shape (6, 2), dataset.json says width 5"),
        ({"widths": []}, "widths: expected an object, found list"),
        ({"label_names": None}, "label_names: expected a list, found None"),
        ({"speaker_names": ["Ann", 1]}, "speaker_names.1: expected text, found 1"),
        ({"splits": {"d1": "train"}}, "splits: no split for dialogue 'd2'"),
        ({"sha256": {}}, "sha256: no hash for features.safetensors"),
        ({"name": 3}, "name: expected text, found 3"),
    ],
)
def test_wrong_header_field_is_named(
    folder: Path, edit_header: Callable[..., None], changes: dict[str, object], words: str
) -> None:
    edit_header(folder, **changes)
    assert words in _refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "\ufeff{", "[" * 100_000])
def test_header_must_be_a_json_object(folder: Path, text: str) -> None:
    (folder / "dataset.json").write_text(text)
    seal(folder, ["dataset.json"])
    assert "dataset.json: " in _refusal(folder)


def test_array_missing_behind_right_hashes_is_named(
    folder: Path, reseal: Callable[[Path], None]
) -> None:
    arrays = load_file(folder / "features.safetensors")
    del arrays["audio_mask"]
    save_file(arrays, folder / "features.safetensors")
    reseal(folder)
    assert "features.safetensors: holds the arrays audio, text, text_mask" in _refusal(folder)


def test_type_that_numpy_has_not_is_named(folder: Path, reseal: Callable[[Path], None]) -> None:
    path = folder / "features.safetensors"
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = content[8:start].replace(b'"BOOL"', b'"F8_E4M3"')
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[start:])
    reseal(folder)
    assert "audio_mask: has the type F8_E4M3, which NumPy has not" in _refusal(folder)


def test_garbage_behind_right_hashes_is_named(folder: Path, reseal: Callable[[Path], None]) -> None:
    (folder / "features.safetensors").write_bytes(b"garbage")
    reseal(folder)
    assert "features.safetensors: not a safetensors file" in _refusal(folder)


def test_header_is_readable_json_without_the_features(folder: Path) -> None:
    header = json.loads((folder / "dataset.json").read_text())
    assert header["widths"] == {"text": 3, "audio": 2}
    assert header["splits"] == {"d1": "train", "d2": "val", "d3": "test"}


def test_features_are_written_as_safetensors_writes_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "text": rng.standard_normal((5, 3), np.float32),
        "a": rng.standard_normal((3, 5), np.float32).T,
        "half": rng.standard_normal((5, 1)).astype(np.float16),
        "text_mask": np.array([True, False, True, True, False]),
        "numbers": np.arange(5),
    }
    write_safetensors(tmp_path / "ours", arrays)
    save_file({n: np.ascontiguousarray(x) for n, x in arrays.items()}, tmp_path / "theirs")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
