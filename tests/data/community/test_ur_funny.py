"""UR-FUNNY's pickles: what is read, how they are told apart, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data.community import Imported, import_file, write_layout
from ariigcn_dgl.errors import InputError

Pickles = dict[str, Any]


def row(value: float, width: int) -> list[float]:
    return [value] * width


@pytest.fixture
def files() -> Pickles:
    """Return three segments, the second of no context, with vectors of one number."""
    talks = {7: ([[1, 2], [3]], [4]), 8: ([], [0, 1]), 9: ([[2]], [3])}

    def features(width: int) -> Pickles:
        return {
            key: {
                "context_features": [[row(10 + n, width) for n in said] for said in context],
                "punchline_features": [row(10 + n, width) for n in punchline],
            }
            for key, (context, punchline) in talks.items()
        }

    return {
        "folds": {"train": [7], "dev": [8], "test": [9]},
        "vectors": [[0.5], [1.5], [2.5], [3.5], [4.5]],
        "words": {
            key: {"context_embedding_indexes": context, "punchline_embedding_indexes": punchline}
            for key, (context, punchline) in talks.items()
        },
        "covarep": features(81),
        "openface": features(75),
        "labels": {7: 1, 8: 0, 9: 1},
    }


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Pickles], Imported]:
    def read(files: Pickles) -> Imported:
        for name, value in files.items():
            (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(value))
        return import_file(tmp_path)

    return read


def test_a_segment_is_a_dialogue_that_ends_with_its_punch_line(
    files: Pickles, read: Callable
) -> None:
    found = read(files)
    d = found.dialogues
    assert found.layout == "pickles of UR-FUNNY, v1"
    assert (d.dialogue_ids, d.splits) == (("7", "8", "9"), ("train", "val", "test"))
    assert d.utterance_ids == ("7_0", "7_1", "7_punchline", "8_punchline", "9_0", "9_punchline")
    assert d.labels.tolist() == [-1, -1, 1, 0, -1, 1]
    assert d.label_names == ("not humorous", "humorous")
    assert d.widths == {"text": 1, "audio": 81, "visual": 75}
    assert d.sequences["text"].lengths.tolist() == [2, 1, 1, 2, 1, 1]
    assert d.sequences["text"].rows.ravel().tolist() == [1.5, 2.5, 3.5, 4.5, 0.5, 1.5, 2.5, 3.5]
    assert d.sequences["audio"].rows[:, 0].tolist() == [11, 12, 13, 14, 10, 11, 12, 13]


def test_sentences_are_kept_where_the_release_has_them(files: Pickles, read: Callable) -> None:
    for key, said in files["words"].items():
        said["punchline_sentence"] = f"the end of {key}"
        said["context_sentences"] = [["so", "it"] for _ in said["context_embedding_indexes"]]
    found = read(files)
    assert found.layout == "pickles of UR-FUNNY, v2"
    assert found.dialogues.words[:3] == ("so it", "so it", "the end of 7")


def test_segments_in_no_list_are_counted(files: Pickles, read: Callable) -> None:
    files["folds"]["train"] = [8]
    files["folds"]["dev"] = []
    assert "1 segments of words.pkl are in no list of folds.pkl: left out; the first is '7'" in (
        read(files).notes
    )


def test_names_of_files_play_no_part(files: Pickles, read: Callable) -> None:
    renamed = dict(zip("abcdef", files.values(), strict=True))
    assert read(renamed).dialogues.widths == {"text": 1, "audio": 81, "visual": 75}


def test_features_may_lack_as_a_file_and_of_a_segment(files: Pickles, read: Callable) -> None:
    del files["openface"]
    del files["covarep"][8]
    found = read(files)
    assert list(found.dialogues.features) == ["text", "audio"]
    assert found.dialogues.masks["audio"].tolist() == [True, True, True, False, True, True]
    assert found.dialogues.sequences["audio"].lengths.tolist() == [2, 1, 1, 0, 1, 1]
    assert any("no features of visual" in note for note in found.notes)


def test_a_context_sentence_without_words_is_left_out(files: Pickles, read: Callable) -> None:
    files["words"][9]["context_embedding_indexes"] = [[], [2]]
    for name in ("covarep", "openface"):
        files[name][9]["context_features"].insert(0, [])
    found = read(files)
    assert found.dialogues.utterance_ids[4:] == ("9_0", "9_punchline")
    assert any("1 context sentences have no word" in note for note in found.notes)


def _no_words(files: Pickles) -> None:
    files["words"][8]["punchline_embedding_indexes"] = []


def _no_segment(files: Pickles) -> None:
    del files["words"][8]


def _twice(files: Pickles) -> None:
    files["folds"]["test"].append(7)


def _unknown_word(files: Pickles) -> None:
    files["words"][8]["punchline_embedding_indexes"] = [0, 5]


def _half_a_word(files: Pickles) -> None:
    files["words"][7]["context_embedding_indexes"] = [[1, 0.5], [3]]


def _unaligned(files: Pickles) -> None:
    files["covarep"][7]["context_features"][0].pop()


def _unaligned_end(files: Pickles) -> None:
    files["openface"][9]["punchline_features"] *= 2


def _other_sentences(files: Pickles) -> None:
    files["covarep"][7]["context_features"].pop()


def _label(files: Pickles) -> None:
    files["labels"][8] = "funny"


def _no_vectors(files: Pickles) -> None:
    del files["vectors"]


def _two_words(files: Pickles) -> None:
    files["again"] = files["words"]


def _odd_width(files: Pickles) -> None:
    files["other"] = {7: {"context_features": [], "punchline_features": [[1.0, 2.0]]}}


def _something(files: Pickles) -> None:
    files["other"] = {7: {"anything": 3}}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_words, "words.pkl: punchline_embedding_indexes: segment '8' has no punch line"),
        (_no_segment, "words.pkl: segment '8' has no punch line: it has no words at all"),
        (_twice, "folds.pkl: segment '7' is given twice, in train and test"),
        (_unknown_word, "segment '8': word 1 is 5, which has no vector: .* embeddings has 5"),
        (_half_a_word, "segment '7': word 1 is 0.5, which has no vector"),
        (_unaligned, "covarep.pkl: segment '7': context sentence 0 has 1 rows for 2 words"),
        (_unaligned_end, "openface.pkl: segment '9': the punch line has 2 rows for 1 words"),
        (_other_sentences, "'7' has 1 context sentences for 2 in words.pkl"),
        (_label, "labels.pkl: segment '8' has the label 'funny', expected 1 .* or 0"),
        (_no_vectors, "pickles as of UR-FUNNY, but word_embedding_list is missing"),
        (_two_words, "words.pkl: words, but again.pkl has them already"),
        (_odd_width, "other.pkl: features of width 2, expected 81"),
        (_something, "other.pkl: a dictionary of 1, expected one of UR-FUNNY's"),
    ],
)
def test_what_does_not_fit_is_refused(
    damage: Callable, message: str, files: Pickles, read: Callable
) -> None:
    damage(files)
    with pytest.raises(InputError, match=message):
        read(files)


@pytest.mark.parametrize("release", ["v1", "v2"])
def test_sequences_come_back_as_they_were_written(release: str, tmp_path: Path) -> None:
    written = write_layout(f"ur-funny-{release}", tmp_path / "talks", fraction=0.0001)
    found = import_file(tmp_path / "talks").dialogues
    for modality, expected in written.sequences.items():
        np.testing.assert_array_equal(found.sequences[modality].rows, expected.rows)
        np.testing.assert_array_equal(found.sequences[modality].ptr, expected.ptr)
    assert found.words == (written.words if release == "v2" else ())
