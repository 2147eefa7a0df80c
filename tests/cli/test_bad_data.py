"""Bad data: every command that reads it says in one sentence what is wrong, and writes nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import load_dialogues


class _Bomb:
    """Its pickle writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "ran")


@pytest.fixture(params=["check", "convert", "train", "predict"])
def command(request: pytest.FixtureRequest) -> str:
    return request.param


# `data check` reports these beside whatever else there is, see test_check.
not_by_check = pytest.mark.parametrize("command", ["convert", "train", "predict"])


@pytest.fixture
def reads(
    command: str,
    refused: Callable[..., str],
    trained: Path,
    tmp_path: Path,
    small: tuple[str, ...],
) -> Callable[[Path], str]:
    """Give bad data to one of the commands that read some; return what it says."""
    out = tmp_path / "out"

    def run(data: Path) -> str:
        commands = {
            "check": ("data", "check", "--data", data),
            "convert": ("data", "convert", "--data", data, "--out", out),
            "train": ("train", "--data", data, "--out", out, *small),
            "predict": ("predict", trained, "--data", data, "--out", out),
        }
        before = set(tmp_path.iterdir())
        sentence = refused(*commands[command])
        assert set(tmp_path.iterdir()) == before
        assert sentence.startswith(str(data))
        return sentence

    return run


def _edit(table: Path, row: int, column: int, value: str) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    cells = lines[row].split(",")
    cells[column] = value
    lines[row] = ",".join(cells)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_missing_file(reads: Callable[[Path], str], tmp_path: Path) -> None:
    assert reads(tmp_path / "nothing").endswith("nothing: no such file or folder")


@pytest.mark.slow
def test_file_of_something_else(reads: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a data set")
    assert "notes.txt: not a data set: expected an .npz archive" in reads(tmp_path / "notes.txt")


def test_folder_of_something_else(reads: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty: not a data set: expected" in reads(tmp_path / "empty")


@pytest.mark.parametrize("name", ["bomb.pkl", "bomb.npz", "bomb"])
def test_pickle_is_refused_and_not_run(
    reads: Callable[[Path], str], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(_Bomb(tmp_path / "ran")))
    assert "this is a pickle" in reads(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_pickle_in_an_array_is_refused_and_not_run(
    reads: Callable[[Path], str], plain: Path, tmp_path: Path
) -> None:
    np.save(plain / "text.npy", np.array([_Bomb(tmp_path / "ran")], object), allow_pickle=True)
    assert "text.npy: holds Python objects" in reads(plain)
    assert not (tmp_path / "ran").exists()


def test_lengths_that_disagree(reads: Callable[[Path], str], plain: Path) -> None:
    np.save(plain / "audio.npy", np.load(plain / "audio.npy")[:-1])
    last = (plain / "utterances.csv").read_text().splitlines()[-1]
    sentence = reads(plain)
    assert f"audio: dialogue '{last.split(',')[0]}' has" in sentence


@not_by_check
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_number_that_is_not_finite(reads: Callable[[Path], str], plain: Path, value: float) -> None:
    text = np.load(plain / "text.npy")
    text[0, 2] = value
    np.save(plain / "text.npy", text)
    dialogue, utterance = (plain / "utterances.csv").read_text().splitlines()[1].split(",")[:2]
    expected = f"text: dialogue '{dialogue}', utterance '{utterance}' has {value} in column 2"
    assert expected in reads(plain)


def test_label_out_of_range(reads: Callable[[Path], str], plain: Path) -> None:
    (plain / "labels.txt").write_text("happy\nsad\nneutral\nangry\nexcited\nfrustrated\n")
    _edit(plain / "utterances.csv", 1, 3, "bored")
    assert "has the label 'bored', expected one of: happy, sad" in reads(plain)


def test_unknown_split(reads: Callable[[Path], str], plain: Path) -> None:
    table = plain / "utterances.csv"
    table.write_text(table.read_text().replace(",val", ",fold1"))
    sentence = reads(plain)
    assert "dialogue '" in sentence
    assert "'fold1'" in sentence


def test_duplicate_utterance(reads: Callable[[Path], str], plain: Path) -> None:
    first = (plain / "utterances.csv").read_text().splitlines()[1].split(",")[1]
    _edit(plain / "utterances.csv", 2, 1, first)
    assert f"utterance id '{first}' occurs 2 times, expected once" in reads(plain)


def test_dialogue_that_comes_back(reads: Callable[[Path], str], plain: Path) -> None:
    first = (plain / "utterances.csv").read_text().splitlines()[1].split(",")[0]
    rows = len((plain / "utterances.csv").read_text().splitlines())
    _edit(plain / "utterances.csv", rows - 1, 0, first)
    assert f"dialogue '{first}' comes back" in reads(plain)


def test_empty_dialogue(reads: Callable[[Path], str], data: Path, tmp_path: Path) -> None:
    d = load_dialogues(data)
    ptr = d.dialogue_ptr.copy()
    ptr[1] = ptr[0]
    np.savez(
        tmp_path / "set.npz",
        dialogue_ids=np.array(d.dialogue_ids),
        split=np.array(d.splits),
        dialogue_ptr=ptr,
        utterance_ids=np.array(d.utterance_ids),
        speaker=d.speakers,
        speaker_names=np.array(d.speaker_names),
        label=d.labels,
        label_names=np.array(d.label_names),
        text=d.features["text"],
    )
    expected = f"dialogue '{d.dialogue_ids[0]}' is empty"
    assert expected in reads(tmp_path / "set.npz")


@not_by_check
def test_validation_without_labels(reads: Callable[[Path], str], plain: Path) -> None:
    table = plain / "utterances.csv"
    lines = [line.split(",") for line in table.read_text().splitlines()]
    rows = [[*row[:3], "" if row[4] == "val" else row[3], row[4]] for row in lines]
    table.write_text("\n".join(map(",".join, rows)) + "\n")
    assert "label: split 'val'" in reads(plain)
