"""Utterances of which there is no recording: of tables, of folders, of transcripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ariigcn_dgl.data.table import JSON_LINES, SUFFIXES, Table, read_table
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import spoken, spoken_tables
from ariigcn_dgl.extract.assemble import outline
from ariigcn_dgl.extract.audio_training import AudioTraining
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.spoken import Spoken, from_table
from ariigcn_dgl.extract.spoken_folder import from_folder
from ariigcn_dgl.extract.spoken_transcript import from_subtitles, from_transcript

MELD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"


def _meld(folder: Path) -> None:
    (folder / "train_sent_emo.csv").write_text(
        f'{MELD}1,"Hi, you\x92re",Joey,Joy,positive,0,0\n2,Ho,Ross,anger,negative,0,1\n'
        "3,Hm,Ross,neutral,neutral,1,0\n"
    )
    (folder / "dev_sent_emo.csv").write_text(f"{MELD}1,Oh,Joey,joy,positive,0,0\n")
    (folder / "test_sent_emo.csv").write_text(f"{MELD}1,No,Joey,fear,negative,0,0\n")


def test_meld_is_one_data_set_with_its_splits(tmp_path: Path, notes: list[str]) -> None:
    _meld(tmp_path)
    spoken = from_folder(tmp_path, notes.append)
    assert spoken[0] == Spoken(
        *(None, "train_0", "train_0_0", "Joey", None, None),
        *("Hi, you\x92re", "joy", "train"),
    )
    assert [(one.name, one.split) for one in spoken[1:]] == [
        ("train_0_1", "train"),
        ("train_1_0", "train"),
        ("val_0", "val"),
        ("test_0", "test"),
    ]
    found = outline("meld", spoken)
    assert (found.num_dialogues, found.splits) == (4, ("train", "train", "val", "test"))


def test_a_row_without_words_is_named(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("dialogue,speaker,text\nx,Ann,Hi\nx,Bob,\n")
    with pytest.raises(InputError, match=r"u\.csv: line 3: dialogue 'x': text is empty, expected"):
        from_table(tmp_path / "u.csv", None)


def test_tables_keep_the_splits_of_their_column(tmp_path: Path, notes: list[str]) -> None:
    table = "dialogue,speaker,text,split\nx,Ann,Hi,{}\n"
    (tmp_path / "a.csv").write_text(table.format("train"))
    (tmp_path / "b.csv").write_text(table.format("dev"))
    spoken = from_folder(tmp_path, notes.append)
    assert [(one.dialogue, one.split) for one in spoken] == [("a_x", "train"), ("b_x", "val")]


def test_malformed_line_of_a_table_of_utterances_is_refused(
    tmp_path: Path, notes: list[str]
) -> None:
    _meld(tmp_path)
    dev = tmp_path / "dev_sent_emo.csv"
    dev.write_text(f"{MELD}1,Oh,Joey,joy,positive,0,0\n2,No,Joey\n")
    with pytest.raises(InputError, match=r"dev_sent_emo\.csv: line 3: 3 values for 7 columns"):
        from_folder(tmp_path, notes.append)


def test_other_files_are_left_out_and_what_is_wrong_with_them_is_said(
    tmp_path: Path, notes: list[str]
) -> None:
    (tmp_path / "a.csv").write_text("dialogue,speaker,text\nx,Ann,Hi\n")
    (tmp_path / "broken.csv").write_text("who,said\nAnn,Hi\nBob,Well,no\n")
    (tmp_path / "other.csv").write_text("who,said\nAnn,Hi\n")
    (tmp_path / "broken.jsonl").write_text('{"a": 1}\n{"a": \n')
    assert [one.dialogue for one in from_folder(tmp_path, notes.append)] == ["x"]
    assert f"{tmp_path}/broken.csv: line 3: 3 values for 2 columns; left out" in notes
    assert f"{tmp_path}/other.csv: is no table of dialogues, speakers and words; left out" in notes
    assert any(x.startswith(f"{tmp_path}/broken.jsonl: line 2: not valid JSON") for x in notes)


def test_tables_are_read_once(
    tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _meld(tmp_path)
    read: list[str] = []

    def counted(path: Path, *columns: object) -> Table:
        read.append(path.name)
        return read_table(path, *columns)

    monkeypatch.setattr(spoken_tables, "read_table", counted)
    monkeypatch.setattr(spoken, "read_table", counted)
    from_folder(tmp_path, notes.append)
    assert sorted(read) == ["dev_sent_emo.csv", "test_sent_emo.csv", "train_sent_emo.csv"]


def test_folder_of_transcripts_is_a_dialogue_each(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.txt").write_text("Ann: Hi\nBob: Ho\n")
    (tmp_path / "b.srt").write_text("1\n00:01,000 --> 00:02,000\nCem: Hm\n")
    (tmp_path / "c.png").write_bytes(b"\x89PNG")
    spoken = from_folder(tmp_path, notes.append)
    assert [(one.name, one.text, one.start) for one in spoken] == [
        ("a_0", "Hi", None),
        ("a_1", "Ho", None),
        ("b_0", "Hm", 1.0),
    ]
    assert f"{tmp_path / 'c.png'}: has not the ending of a transcript; left out" in notes


def test_folders_in_a_folder_of_transcripts_are_named(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.txt").write_text("Ann: Hi\nBob: Ho\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.txt").write_text("Ann: Hi\nBob: Ho\n")
    from_folder(tmp_path, notes.append)
    assert notes[0].endswith("1 folders, the first is more")


def test_folder_takes_the_tables_that_a_transcript_may_be(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.tab").write_text("name\tmessage\nAnn\tHi\n")
    (tmp_path / "b.ndjson").write_text('{"name": "Bob", "message": "Ho"}\n')
    spoken = from_folder(tmp_path, notes.append)
    assert [(one.speaker, one.text) for one in spoken] == [("Ann", "Hi"), ("Bob", "Ho")]
    alone = [
        one for name in ("a.tab", "b.ndjson") for one in from_transcript(tmp_path / name, print)
    ]
    assert spoken == alone


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_table_of_utterances_is_found_by_any_of_its_endings(
    tmp_path: Path, notes: list[str], suffix: str
) -> None:
    separated = "dialogue\tspeaker\ttext\nx\tAnn\tHi\n"
    lines = '{"dialogue": "x", "speaker": "Ann", "text": "Hi"}\n'
    path = tmp_path / f"train{suffix}"
    path.write_text(lines if suffix in JSON_LINES else separated)
    expected = [Spoken(None, "x", "x_0", "Ann", None, None, "Hi")]
    assert from_table(path, None) == expected
    assert [replace(one, split="") for one in from_folder(tmp_path, notes.append)] == expected


def test_table_without_files_is_text_alone(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    path.write_text("dialogue,speaker,text,label,start,end\nx,Ann,Hi,joy,1,2\nx,Bob,Ho,,,\n")
    assert from_table(path, None) == [
        Spoken(None, "x", "x_0", "Ann", 1.0, 2.0, "Hi", "joy"),
        Spoken(None, "x", "x_1", "Bob", None, None, "Ho"),
    ]


def test_table_with_files_finds_them_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "u.csv").write_text("dialogue,speaker,file\nx,Ann,a.wav\n")
    assert from_table(tmp_path / "u.csv", None)[0].recording == tmp_path / "a.wav"


def test_several_conversations_are_dialogues_of_their_own(tmp_path: Path, notes: list[str]) -> None:
    path = tmp_path / "chats.csv"
    path.write_text("conversation,name,message\n1,ann,Hi\n2,bob,Ho\n")
    spoken = from_transcript(path, notes.append)
    assert [one.name for one in spoken] == ["chats_1_0", "chats_2_0"]


def test_chat_is_not_heard_in_a_recording(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "chat.txt").write_text("Ann: Hi\n")
    spoken = from_subtitles(tmp_path / "a.mp4", tmp_path / "chat.txt", notes.append)
    with pytest.raises(InputError, match=r"a\.mp4: when the utterance 'a_0' is said is not known"):
        extract("a", spoken, Encoders(audio=AudioTraining()), notes.append)


def test_text_alone_is_not_heard(notes: list[str]) -> None:
    spoken = [Spoken(None, "a", "a_0", "Ann", None, None, "Hi")]
    with pytest.raises(InputError, match="the utterance 'a_0' has no recording to hear or see"):
        extract("a", spoken, Encoders(audio=AudioTraining()), notes.append)
