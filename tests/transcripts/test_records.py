"""Tables and JSON of recognisers and chats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_dialogues

Read = Callable[..., tuple[list, list[str]]]
Said = Callable[[str, str], list[tuple[str, str]]]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a.dat"])
@pytest.mark.parametrize("header", ["speaker,text", "Name;Message", "from\tcontent", "author,body"])
def test_tables_of_usual_columns(said: Said, name: str, header: str) -> None:
    separator = next(x for x in ",;\t" if x in header)
    table = f"{header}\nann{separator}Hi\nbob{separator}Ho\n"
    assert said(table, name) == [("ann", "Hi"), ("bob", "Ho")]


def test_times_of_a_table(read: Read) -> None:
    cues, _ = read("speaker,text,start,end\nAnn,Hi,0.5,1\nBob,Ho,,\n", "a.csv")
    assert cues == [Cue("Ann", "Hi", 0.5, 1.0), Cue("Bob", "Ho")]


def test_two_columns_of_what_is_said_are_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.csv: line 1: 2 columns are 'text'; give the one"):
        read("speaker,text,text\nAnn,I am furious,fine\n", "a.csv")


def test_a_table_without_rows_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.csv: holds no row, expected one for each"):
        read("speaker,text\n", "a.csv")


def test_columns_that_nobody_asks_for_may_share_a_name(said: Said) -> None:
    assert said("speaker,text,note,note,,\nAnn,Hi,a,b,,\n", "a.csv") == [("Ann", "Hi")]


def test_a_field_that_is_there_twice_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.json: 'speaker' is there twice in one object"):
        read('[{"speaker": "Ann", "speaker": "Bob", "text": "Hi"}]', "a.json")


@pytest.mark.parametrize("end", ["1e309", "1e300", "-1", "NaN"])
def test_a_number_that_is_no_time_is_named(read: Read, end: str) -> None:
    with pytest.raises(InputError, match=r"a\.json: item 1: end is '.*', expected seconds"):
        read(f'[{{"speaker": "Ann", "text": "Hi", "start": 1, "end": {end}}}]', "a.json")


def test_meld_rows_are_told_apart_by_dialogue(tmp_path: Path, notes: list[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "Sr No.,Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"
        '1,"Hi, you",Joey,joy,0,0,"00:16:16,059","00:16:21,731"\n2,Ho,Ross,joy,1,0,,\n'
    )
    assert read_dialogues(path, notes.append) == {
        "0": [Cue("Joey", "Hi, you", 976.059, 981.731)],
        "1": [Cue("Ross", "Ho")],
    }


def test_rows_without_words_are_counted(read: Read) -> None:
    cues, notes = read("speaker,text\nAnn,Hi\nBob,\n,Ho\n", "a.csv")
    assert cues == [Cue("Ann", "Hi"), Cue("Ann", "Ho")]
    assert notes[1:] == [
        "a.csv: 1 name no speaker: taken as the words of the one before",
        "a.csv: 1 without words are left out, as pictures, files or joins",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("speaker,mood\nAnn,joy\n", "no column or field with what is said, .* there are speaker"),
        ("speaker,text,start,end\nAnn,Hi,soon,2\n", "line 2: start is 'soon', expected seconds"),
        ("speaker,text,start,end\nAnn,Hi,3,2\n", "line 2: ends at 2 s, before it starts at 3 s"),
        ("speaker,text\nAnn,Hi,there\n", "line 2: 3 values for 2 columns"),
        ("speaker,text\nAnn,\n", "none of its 1 rows says anything"),
    ],
)
def test_what_is_wrong_is_named(read: Read, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"a\.csv: {sentence}"):
        read(text, "a.csv")


WHISPER = {"text": "Hi", "segments": [{"id": 0, "start": 0.0, "end": 1.5, "text": " Hi"}]}
WHISPERX = {"segments": [{"start": 0, "end": 1.5, "text": " Hi", "speaker": "SPEAKER_00"}]}
WHISPER_CPP = {
    "transcription": [{"timestamps": {"from": "00:00:00,000", "to": "00:00:01,500"}, "text": " Hi"}]
}
ASSEMBLY = {"utterances": [{"speaker": "A", "start": 0, "end": 1500, "text": "Hi"}]} | {
    "audio_duration": 2
}


@pytest.mark.parametrize(
    ("content", "speaker"),
    [
        (WHISPER, "speaker"),
        (WHISPERX, "SPEAKER_00"),
        (WHISPER_CPP, "speaker"),
        (ASSEMBLY, "A"),
        (WHISPERX["segments"], "SPEAKER_00"),
    ],
)
def test_json_of_recognisers(read: Read, content: object, speaker: str) -> None:
    assert read(json.dumps(content), "a.json")[0] == [Cue(speaker, "Hi", 0.0, 1.5)]


def test_json_of_discord(read: Read) -> None:
    author = {"id": "1", "name": "ann_1", "nickname": "Ann"}
    messages = [
        {"type": "Default", "timestamp": "2024-01-01T10:00", "content": "Hi", "author": author},
        {"type": "Default", "timestamp": "2024-01-01T10:01", "content": "", "author": author},
    ]
    cues, notes = read(json.dumps({"guild": {"name": "g"}, "messages": messages}), "a.json")
    assert cues == [Cue("Ann", "Hi", when="2024-01-01T10:00")]
    assert "a.json: 1 without words are left out, as pictures, files or joins" in notes


def test_json_lines(said: Said) -> None:
    assert said('{"role": "user", "content": "Hi"}\n{"role": "bot", "content": "Ho"}\n', "a") == [
        ("user", "Hi"),
        ("bot", "Ho"),
    ]


def test_json_of_something_else_is_named(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.json: JSON without a list of utterances or messages"):
        read('{"a": [1, 2]}', "a.json")


def test_json_of_slack(read: Read) -> None:
    messages = [
        {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "1"},
        {"user": "U1", "user_profile": {"real_name": "Ann"}, "text": "Hi", "ts": "2.5"},
        {"user": "U2", "text": "Ho", "ts": "3"},
        {"user": "U1", "text": "I &lt;3 &amp;amp;", "ts": "4"},
    ]
    cues, notes = read(json.dumps(messages), "2024-01-01.json")
    last = Cue("Ann", "I <3 &amp;", when="4")
    assert cues == [Cue("Ann", "Hi", when="2.5"), Cue("U2", "Ho", when="3"), last]
    assert "2024-01-01.json: 1 messages are by the program: left out" in notes


def test_json_of_messenger_is_mended_and_turned_round(read: Read) -> None:
    messages = [
        {"sender_name": "Bob", "timestamp_ms": 2, "content": "Ho"},
        {"sender_name": "Zoë".encode().decode("latin-1"), "timestamp_ms": 1, "content": "Hi"},
    ]
    content = {"participants": [], "thread_path": "x", "messages": messages}
    cues, notes = read(json.dumps(content), "message_1.json")
    assert cues == [Cue("Zoë", "Hi", when="1"), Cue("Bob", "Ho", when="2")]
    assert any("mended, and turned round" in note for note in notes)


def test_one_json_line_is_an_utterance(said: Said) -> None:
    assert said('{"speaker": "Ann", "text": "Hi"}\n', "a.jsonl") == [("Ann", "Hi")]


def test_rows_without_a_dialogue_among_others_are_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.csv: line 3: dialogue is empty, expected a name, as"):
        read("dialogue,speaker,text\nd1,Ann,hi\n,Bob,yo\n", "a.csv")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("Ann,hi,1,\nBob,ho,,", "1 rows have a start or an end without the other: not used"),
        ("Ann,hi,1,2\nBob,ho,,", "1 of 2 rows have times"),
        (
            "Ann,hi,5,6\nBob,ho,1,2",
            "1 rows begin before the row above: left in the order of the file",
        ),
        ("Ann,hi,1,4\nBob,ho,3,5", "1 rows begin before the row above ends"),
    ],
)
def test_what_is_odd_about_times_is_noted(read: Read, rows: str, sentence: str) -> None:
    _, notes = read(f"speaker,text,start,end\n{rows}\n", "a.csv")
    assert f"a.csv: {sentence}" in notes


@pytest.mark.parametrize(
    "times",
    [
        *(("1700000002.000200", "1700000002.000100"), ("10", "9")),
        *(("2024-01-05 10:03", "2024-01-05 10:02"), ("2024-01-05", "2024-01-04")),
        ("2024-01-05T10:03:00.5+01:00", "2024-01-05T10:03:00.5+02:00"),
    ],
)
def test_a_list_with_the_newest_first_is_turned_round(read: Read, times: tuple[str, str]) -> None:
    rows = [{"user": u, "text": t, "ts": ts} for u, t, ts in zip("AB", "xy", times, strict=True)]
    cues, notes = read(json.dumps(rows), "a.json")
    assert cues == [Cue("B", "y", when=times[1]), Cue("A", "x", when=times[0])]
    assert "a.json: the newest row is the first, by their times: turned round" in notes


@pytest.mark.parametrize(
    "times", [("3", "3"), ("10:03", "10:02"), ("3", "2024-01-01"), ("2/1/2024", "1/1/2024")]
)
def test_a_list_whose_order_is_not_told_stays(read: Read, times: tuple[str, str]) -> None:
    table = "".join(f"{who},{what},{at}\n" for who, what, at in zip("AB", "xy", times, strict=True))
    cues, notes = read(f"sender,text,date\n{table}", "a.csv")
    assert [cue.text for cue in cues] == ["x", "y"]
    assert not any("turned round" in note or "older than" in note for note in notes)


@pytest.mark.parametrize(("second", "order"), [("0", "21"), ("2", "12")])
def test_dialogues_are_turned_round_where_none_goes_forward(
    tmp_path: Path, notes: list[str], second: str, order: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"dialogue,sender,text,ts\nd,A,1,2\ne,A,1,1\nd,B,2,1\ne,B,2,{second}\n")
    found = read_dialogues(path, notes.append)
    assert ["".join(cue.text for cue in found[name]) for name in "de"] == [order, order]


def test_rows_that_go_back_are_counted(read: Read) -> None:
    cues, notes = read("sender,text,ts\nA,x,1\nB,z,3\nA,y,2\n", "a.csv")
    assert [cue.text for cue in cues] == ["x", "z", "y"]
    told = "1 rows are older than the row above, by their times: left in the order of the file"
    assert f"a.csv: {told}" in notes
