"""What was said, from every layout that can hold it; it changes no number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, check, fingerprint, load_dialogues, write_folder
from ariigcn_dgl.data.community import ImportOptions, import_file
from ariigcn_dgl.data.community.write import write_layout
from ariigcn_dgl.data.words import SPOKEN
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import seal

SAID = ("Hi.", "<b>What?</b>", "", "Oh, no", "never", "bye")


@pytest.fixture
def talking(tiny: Dialogues) -> Dialogues:
    return replace(tiny, words=SAID)


def test_words_are_no_part_of_the_fingerprint(tiny: Dialogues, talking: Dialogues) -> None:
    assert fingerprint(talking) == fingerprint(tiny)


def test_chosen_dialogues_keep_their_words(talking: Dialogues) -> None:
    assert talking.select([2, 1]).words == ("Oh, no", "never", "bye", "")


def test_column_text_is_read_on_one_line(plain: Path) -> None:
    path = plain / "utterances.csv"
    header, first, *rest = path.read_text().splitlines()
    lines = [f"{header},Text", f'{first},"two\nlines"', *(f"{row}," for row in rest)]
    path.write_text("\n".join(lines))
    assert load_dialogues(plain).words == ("two lines", "", "", "", "", "")


def test_column_without_any_word_is_none(plain: Path) -> None:
    path = plain / "utterances.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},text", *(f"{row}," for row in rows)]))
    assert load_dialogues(plain).words == ()


def test_folder_keeps_words(talking: Dialogues, tmp_path: Path) -> None:
    write_folder(talking, tmp_path / "set")
    assert load_dialogues(tmp_path / "set").words == SAID


def test_archive_holds_words(tmp_path: Path, npz_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "set.npz", **npz_arrays, words=np.array(SAID))
    assert load_dialogues(tmp_path / "set.npz").words == SAID


def _extracted(folder: Path, lines: list[dict]) -> None:
    (folder / SPOKEN).write_text("".join(json.dumps(line) + "\n" for line in lines))
    seal(folder, [SPOKEN])


def test_words_of_an_extraction_are_found_by_utterance(folder: Path, tiny: Dialogues) -> None:
    names = tiny.utterance_ids
    _extracted(folder, [{"utterance": names[1], "text": "b"}, {"utterance": names[0], "text": "a"}])
    assert load_dialogues(folder).words == ("a", "b", "", "", "", "")


def test_changed_words_of_an_extraction_are_named(folder: Path) -> None:
    _extracted(folder, [])
    (folder / SPOKEN).write_text("{}\n")
    with pytest.raises(InputError, match=r"spoken\.jsonl: changed or truncated"):
        load_dialogues(folder)


@pytest.mark.parametrize("name", ["mmgcn", "cogmen"])
def test_sentences_of_community_files_are_kept(tmp_path: Path, name: str) -> None:
    write_layout(name, tmp_path / name, fraction=0.04)
    imported = import_file(tmp_path / name, ImportOptions()).dialogues
    assert set(imported.words) == {"words that stand for a sentence"}


def test_number_of_words_must_fit(talking: Dialogues) -> None:
    with pytest.raises(InputError, match="small: words: 5 entries for 6 utterances"):
        check(replace(talking, words=SAID[:5]), "small")


def test_words_that_are_no_text_are_refused(talking: Dialogues) -> None:
    with pytest.raises(InputError, match=r"words: what was said in utterance .* is not valid"):
        check(replace(talking, words=("\ud800", *SAID[1:])), "small")
