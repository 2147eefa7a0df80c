"""Folders of the CMU-Multimodal SDK: clips, what falls into them, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data.community import Imported, ImportOptions, import_file
from ariigcn_dgl.errors import InputError

h5py = pytest.importorskip("h5py")

Entry = tuple[list[list[float]], Any]  # intervals, features
LABELS = {"v": ([[2, 4], [0, 2]], [[-1.4], [2.6]]), "w": ([[0, 1]], [[0.0]])}
TIMES = [[0, 0.5], [0.5, 1.5], [1.5, 2], [2.2, 2.6], [4, 5]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, entries: dict[str, Entry], sequence: str = "any") -> Path:
        with h5py.File(tmp_path / f"{name}.csd", "w") as file:
            for video, (intervals, features) in entries.items():
                entry = file.create_group(f"{sequence}/data/{video}")
                entry["intervals"] = np.array(intervals, np.float64)
                entry["features"] = np.array(features)
        return tmp_path / f"{name}.csd"

    return write


@pytest.fixture
def read(tmp_path: Path, write: Callable) -> Callable[..., Imported]:
    """Write labels of two videos beside what is there, and import the folder."""

    def read(**options: Any) -> Imported:
        write("labels", LABELS)
        return import_file(tmp_path, ImportOptions(labels="score", **options))

    return read


def column(*values: float, width: int = 74) -> np.ndarray:
    return np.repeat(np.array(values, np.float32)[:, None], width, axis=1)


def test_rows_are_of_the_clip_that_their_midpoint_lies_in(write: Callable, read: Callable) -> None:
    write("a", {"v": (TIMES, column(1, 3, 5, 7, 9))})
    d = read().dialogues
    assert d.utterance_ids == ("v[0]", "v[1]", "w[0]")  # in the order of time
    np.testing.assert_allclose(d.targets["label"].values.ravel(), [2.6, -1.4, 0], rtol=1e-6)
    assert d.features["audio"][:, 0].tolist() == [3, 7, 0]
    assert d.masks["audio"].tolist() == [True, True, False]


def test_words_are_a_row_each_without_pauses(write: Callable, read: Callable) -> None:
    write("a", {"v": (TIMES, column(1, 3, 5, 7, 9, width=300))})
    write("b", {"v": (TIMES, np.array([["so"], ["sp"], ["it"], ["is"], ["x"]], "S8"))})
    d = read().dialogues
    assert d.words == ("so it", "is", "")
    assert d.sequences["text"].lengths.tolist() == [2, 1, 0]
    assert d.sequences["text"].rows[:, 0].tolist() == [1, 5, 7]


def test_frames_that_are_not_finite_are_left_out_of_the_mean(
    write: Callable, read: Callable
) -> None:
    write("a", {"v": (TIMES, column(1, -np.inf, 5, np.nan, 9))})
    found = read()
    assert found.dialogues.features["audio"][:, 0].tolist() == [3, 0, 0]
    assert "audio: 2 of 5 rows have NaN or inf: left out of their clips" in found.notes


def test_splits_are_made_at_random_and_said(write: Callable, read: Callable) -> None:
    write("a", {"v": (TIMES, column(1, 3, 5, 7, 9))})
    assert any("the files have no splits" in note for note in read().notes)


def test_splits_of_another_file_are_joined(write: Callable, tmp_path: Path) -> None:
    write("labels", LABELS)
    write("a", {"v": (TIMES, column(1, 3, 5, 7, 9))})
    other = {
        split: {"id": [f"{video}$_$1"], "regression_labels": [0.5], "audio": np.ones((1, 1, 2))}
        for split, video in (("train", "w"), ("test", "v"))
    }
    (tmp_path / "mmsa.pkl").write_bytes(pickle.dumps(other))
    found = import_file(tmp_path, join=[tmp_path / "mmsa.pkl"])
    assert (found.dialogues.dialogue_ids, found.dialogues.splits) == (("w", "v"), ("train", "test"))
    assert f"splits as in {tmp_path / 'mmsa.pkl'}" in found.notes
    assert not any("at random" in note for note in found.notes)


def test_two_files_of_one_modality_are_a_choice(write: Callable, read: Callable) -> None:
    write("first", {"v": (TIMES, column(1, 1, 1, 1, 1))})
    write("second", {"v": (TIMES, column(2, 2, 2, 2, 2))})
    with pytest.raises(InputError, match=r"second\.csd: audio, but first\.csd has them already"):
        read()
    assert read(audio="second").dialogues.features["audio"][0, 0] == 2


def _no_time(file: Any) -> None:
    del file["any/data/v/intervals"]


def _short(file: Any) -> None:
    del file["any/data/v/features"]
    file["any/data/v/features"] = column(1, 2)


def _elsewhere(file: Any) -> None:
    del file["any/data/v/features"]
    file["any/data/v/features"] = h5py.ExternalLink("/etc/passwd", "/")


def _raw_file(file: Any) -> None:
    del file["any/data/v/features"]
    file.create_dataset(
        "any/data/v/features", (5, 74), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    )


def _virtual(file: Any) -> None:
    del file["any/data/v/features"]
    layout = h5py.VirtualLayout((5, 74), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (5, 74), "f4")
    file.create_virtual_dataset("any/data/v/features", layout)


def _references(file: Any) -> None:
    del file["any/data/v/intervals"]
    file["any/data/v/intervals"] = np.full((5, 2), file["any"].ref, h5py.ref_dtype)


def _filter(file: Any) -> None:
    del file["any/data/v/features"]
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((5, 74))
    settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((5, 74))
    group = file["any/data/v"].id
    h5py.h5d.create(group, b"features", h5py.h5t.NATIVE_FLOAT, space, settings)


def _chunk(file: Any) -> None:
    del file["any/data/v/features"]
    options = {"chunks": (1 << 20, 74), "maxshape": (None, 74)}
    file.create_dataset("any/data/v/features", (5, 74), "f4", **options)


def _huge(file: Any) -> None:
    del file["any/data/v/intervals"]
    file.create_dataset("any/data/v/intervals", (1 << 40, 2), "f8")


REFUSED = {
    r"any/data/v/intervals: is missing": _no_time,
    r"'v': features has the shape \(2, 74\), expected \(5, 74\): a row for each": _short,
    r"any/data/v/features: is a link to elsewhere: not followed": _elsewhere,
    r"any/data/v/features: is kept in other files, expected numbers": _raw_file,
    r"any/data/v/features: is kept in other files, expected numbers in": _virtual,
    r"any/data/v/intervals: has the type object, expected numbers": _references,
    r"any/data/v/features: is packed by the HDF5 filter 32015, expected gzip, shuffle": _filter,
    r"describes far more numbers than a file of its size": _chunk,
    r"describes far more numbers than a file of its size can hold": _huge,
}


@pytest.mark.parametrize("message", REFUSED)
def test_hostile_and_broken_files_are_refused(
    message: str, write: Callable, read: Callable
) -> None:
    path = write("a", {"u": ([[0, 1]], column(0)), "v": (TIMES, column(1, 3, 5, 7, 9))})
    with h5py.File(path, "a") as file:
        REFUSED[message](file)
    with pytest.raises(InputError, match=rf"a\.csd: .*{message}"):
        read()


def test_truncated_file_is_refused(write: Callable, read: Callable) -> None:
    path = write("a", {"v": (TIMES, column(1, 3, 5, 7, 9))})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"a\.csd: (damaged or truncated|cannot be read)"):
        read()


def test_a_score_beyond_the_scale_is_refused(write: Callable, tmp_path: Path) -> None:
    write("labels", {"v": ([[0, 1]], [[7.0]])})
    write("a", {"v": ([[0, 1]], column(1))})
    with pytest.raises(InputError, match=r"labels\.csd: 'v': 7 is no intensity of sentiment"):
        import_file(tmp_path)


def test_without_labels_it_says_what_is_missing(write: Callable, tmp_path: Path) -> None:
    write("a", {"v": (TIMES, column(1, 3, 5, 7, 9))})
    with pytest.raises(InputError, match=r"SDK without labels; expected labels \(one column"):
        import_file(tmp_path)


def test_without_h5py_it_says_how_to_install_it(
    write: Callable, read: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ariigcn_dgl.optional.is_installed", lambda name: name != "h5py")
    with pytest.raises(InputError) as error:
        read()
    assert str(error.value) == (
        'this needs h5py, which is not installed: pip install "ariigcn_dgl[csd]"'
    )
