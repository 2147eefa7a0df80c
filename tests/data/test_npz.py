"""The archive layout: read exactly, or refused with the array's name; never unpickled."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, fingerprint, load_dialogues, write_folder
from ariigcn_dgl.errors import InputError


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_dialogues(path)
    return str(caught.value)


class _Bomb:
    """An object whose pickle runs code when it is opened."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle was loaded",)


def test_archive_equals_the_set_it_was_made_from(npz_file: Path, tiny: Dialogues) -> None:
    loaded = load_dialogues(npz_file)
    assert loaded.name == "tiny"
    assert loaded.features["text"].dtype == np.float32
    assert fingerprint(loaded) == fingerprint(tiny)


def test_archive_and_folder_have_the_same_fingerprint(npz_file: Path, tmp_path: Path) -> None:
    loaded = load_dialogues(npz_file)
    write_folder(loaded, tmp_path / "set")
    assert fingerprint(load_dialogues(tmp_path / "set")) == fingerprint(loaded)


def test_without_mask_every_row_is_present(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    del npz_arrays["audio_mask"]
    np.savez(tmp_path / "set.npz", **npz_arrays)
    assert load_dialogues(tmp_path / "set.npz").masks["audio"].all()


def test_a_modality_of_another_name_is_known_by_its_mask(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    npz_arrays["physio"] = np.ones((6, 2), np.float32)
    np.savez(tmp_path / "without.npz", **npz_arrays)
    assert list(load_dialogues(tmp_path / "without.npz").features) == ["text", "audio"]
    npz_arrays["physio_mask"] = np.ones(6, np.bool_)
    np.savez(tmp_path / "set.npz", **npz_arrays)
    assert load_dialogues(tmp_path / "set.npz").widths["physio"] == 2


def test_optional_order_arrays_may_be_absent(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray], tiny: Dialogues
) -> None:
    del npz_arrays["dialogue"], npz_arrays["turn"]
    np.savez(tmp_path / "set.npz", **npz_arrays)
    assert fingerprint(load_dialogues(tmp_path / "set.npz")) == fingerprint(tiny)


@pytest.mark.parametrize(
    "name",
    [
        "dialogue_ids",
        "dialogue_ptr",
        "split",
        "utterance_ids",
        "speaker",
        "speaker_names",
        "label",
        "label_names",
    ],
)
def test_missing_array_is_named(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray], name: str
) -> None:
    del npz_arrays[name]
    np.savez(tmp_path / "set.npz", **npz_arrays)
    assert f"set.npz: lacks the arrays {name}; found" in _refusal(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": np.zeros(6)}, "label: float64 array of shape (6,), expected 1-D int64"),
        ({"label": np.zeros(4, np.int64)}, "label: dialogue 'd3' has 1 rows for 3 utterances"),
        ({"label": np.array(3)}, "label: int64 array of shape ()"),
        ({"speaker": np.full(6, 7)}, "speaker: dialogue 'd1', utterance 'd1_0' has 7"),
        ({"dialogue_ids": np.arange(3)}, "dialogue_ids: int64 array"),
        ({"label_names": np.array([["a", "b"]])}, "label_names: <U1 array of shape (1, 2)"),
        ({"text": np.array(["a"] * 6)}, "text: <U1 array, expected real numbers"),
        ({"text": np.array(1.0)}, "text: float32 array of shape ()"),
        ({"text": np.full((6, 2), 1e300)}, "text: dialogue 'd1', utterance 'd1_0' has inf"),
        ({"audio_mask": np.full(6, 2)}, "audio_mask: int64 array, expected bool"),
        ({"dialogue": np.array([0, 1, 1, 2, 2, 2])}, "dialogue: disagrees with dialogue_ptr"),
        ({"dialogue": np.array([0, 0, 1, 2, 2, 0])}, "dialogue: disagrees with dialogue_ptr"),
        ({"turn": np.array([0, 1, 0, 0, 2, 1])}, "turn: utterance 'd3_1' is out of order"),
        ({"turn": np.array([0, 1, 0, 1, 2, 3])}, "turn: utterance 'd3_0' is out of order"),
        ({"turn": np.array([0, 1])}, "turn: 2 rows for 6 utterances"),
        ({"utterance_ids": np.array([], "U1")}, "turn: 6 rows for 0 utterances"),
        ({"split": np.array(["train", "fold1", "test"])}, "split: dialogue 'd2' has 'fold1'"),
    ],
)
def test_wrong_array_is_named(
    tmp_path: Path,
    npz_arrays: dict[str, np.ndarray],
    changes: dict[str, np.ndarray],
    words: str,
) -> None:
    np.savez(tmp_path / "set.npz", **npz_arrays | changes)
    message = _refusal(tmp_path / "set.npz")
    assert message.startswith(f"{tmp_path / 'set.npz'}: ")
    assert words in message


def test_archive_without_modality_is_refused(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    del npz_arrays["text"], npz_arrays["audio"]
    np.savez(tmp_path / "set.npz", **npz_arrays)
    assert "no modality, expected an array text, audio or visual" in _refusal(tmp_path / "set.npz")


def test_object_array_is_refused_unopened(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    bombs = np.array([_Bomb()] * 6, dtype=object)
    np.savez(tmp_path / "set.npz", **npz_arrays | {"label": bombs})
    message = _refusal(tmp_path / "set.npz")
    assert "set.npz: label: holds Python objects" in message
    assert "never loaded" in message


@pytest.mark.parametrize("name", ["set.pkl", "set.pickle", "set.pt", "set.npz", "set.data"])
def test_pickle_is_refused_unopened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(_Bomb()))
    message = _refusal(tmp_path / name)
    assert f"{name}: this is a pickle: a pickle can carry code" in message
    assert "ariigcn data import" in message


def test_torch_checkpoint_is_refused_whatever_its_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:  # as torch.save lays it out
        archive.writestr("archive/data.pkl", pickle.dumps(_Bomb()))
    assert "set.npz: this is a pickle" in _refusal(tmp_path / "set.npz")


def _bomb(path: Path, arrays: dict[str, np.ndarray], name: str, content: bytes) -> None:
    np.savez(path, **{key: array for key, array in arrays.items() if key != name})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)


def _npy(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + content


def test_header_that_lies_is_refused_before_it_gets_memory(
    npz_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    _bomb(tmp_path / "a.npz", npz_arrays, "text", _npy((1 << 30, 1 << 8), b"x" * 100))
    assert "a.npz: text: damaged or truncated: the header says shape (1073741824, 256)" in (
        _refusal(tmp_path / "a.npz")
    )


@pytest.mark.slow
def test_what_unpacks_to_far_more_than_the_file_is_refused(
    npz_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    _bomb(tmp_path / "a.npz", npz_arrays, "text", _npy((6, 12_000_000), bytes(6 * 48_000_000)))
    sentence = _refusal(tmp_path / "a.npz")
    assert "a.npz: unpacks to 288,0" in sentence
    assert "the limit for a file of its size" in sentence
    assert "ARIIGCN_READ_LIMIT" in sentence


def test_numbers_that_are_no_letters_are_refused(
    npz_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    letters = np.array([[0x110000, 0]] * len(npz_arrays["speaker_names"]), np.uint32)
    npz_arrays["speaker_names"] = letters.view("U2").reshape(-1)
    np.savez(tmp_path / "a.npz", **npz_arrays)
    assert "speaker_names: damaged: holds 0x110000, which is no letter" in (
        _refusal(tmp_path / "a.npz")
    )


def test_truncated_archive_is_refused(npz_file: Path) -> None:
    npz_file.write_bytes(npz_file.read_bytes()[:-30])
    assert "tiny.npz: not a complete .npz archive" in _refusal(npz_file)


def test_other_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.txt").write_text("hello")
    assert "set.txt: not a data set: expected an .npz archive" in _refusal(tmp_path / "set.txt")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert "absent.npz: no such file or folder" in _refusal(tmp_path / "absent.npz")
