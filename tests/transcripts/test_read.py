"""Any transcript: encodings, rolling captions, strangers' files, and what is written for us."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import SUFFIXES, read_dialogues, read_transcript
from ariigcn_dgl.transcripts.source import DIRECTIONS
from ariigcn_dgl.transcripts.write import as_srt

Read = Callable[..., tuple[list, list[str]]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_that_say_what_they_are(read: Read, encoding: str) -> None:
    cues, notes = read("Zoë: café\r\nBob: ho\r\n", "a.txt", encoding)
    assert cues == [Cue("Zoë", "café"), Cue("Bob", "ho")]
    assert not any("UTF-8" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "\u200eAnn: hi\n\u200fAnn: ho\u200f\n"),
        (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:02,000\n\u202bAnn: hi\u202c\n\n"
            "2\n00:00:03,000 --> 00:00:04,000\nA\u200bnn: ho\n",
        ),
        (
            "a.vtt",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<v \u200eAnn>hi\n\n"
            "00:03.000 --> 00:04.000\n<v Ann>ho\n",
        ),
        ("a.csv", "speaker,text\n\u2067Ann\u2069,hi\nAnn,ho\n"),
    ],
)
def test_marks_of_direction_make_no_other_speaker(read: Read, name: str, text: str) -> None:
    cues, _ = read(text, name)
    assert [(cue.speaker, cue.text) for cue in cues] == [("Ann", "hi"), ("Ann", "ho")]


def test_western_european_text_is_noted(read: Read) -> None:
    cues, notes = read("Zoë: “café”\n", "a.txt", "cp1252")
    assert cues == [Cue("Zoë", "“café”")]
    assert notes[0].startswith("a.txt: byte 2 is not UTF-8 text: read as Windows-1252")


ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
~
hello<00:00:00.500><c> world</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
hello world
~

00:00:02.010 --> 00:00:04.000 align:start position:0%
hello world
how<00:00:02.500><c> are</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
how are
~

00:00:04.010 --> 00:00:06.000 align:start position:0%
how are
you<00:00:04.500><c> today</c>

00:00:06.000 --> 00:00:08.000 align:start position:0%
you today
fine
""".replace("~", " ")  # as YouTube writes them


@pytest.mark.parametrize("name", ["a.vtt", "a.srt"])
def test_rolling_captions_are_read_once(read: Read, name: str) -> None:
    text = ROLLING if name == "a.vtt" else ROLLING.partition("en\n\n")[2]
    cues, notes = read(text, name)
    assert [cue.text for cue in cues] == ["hello world", "how are", "you today", "fine"]
    assert cues[0] == Cue("speaker", "hello world", 0.0, 2.01)
    assert (
        f"{name}: captions roll: 5 lines show again what the subtitle before shows; each is "
        in ("".join(notes))
    )


def test_what_is_shown_twice_in_a_row_is_read_once(read: Read) -> None:
    srt = "1\n00:01,000 --> 00:02,000\nAnn: Hi\n\n2\n00:02,000 --> 00:03,000\nAnn: Hi\n"
    cues, notes = read(srt, "a.srt")
    assert cues == [Cue("Ann", "Hi", 1.0, 3.0)]
    assert any("1 subtitles say again what the one before them says" in note for note in notes)


def test_a_speaker_is_one_however_accents_are_written(said: Callable) -> None:
    assert said("Zoe\u0308: Hi.\nBob: Ho.\nZo\u00eb: Hm.\n", "a.txt") == [
        ("Zo\u00eb", "Hi."),
        ("Bob", "Ho."),
        ("Zo\u00eb", "Hm."),
    ]


def test_what_is_said_twice_is_read_twice(read: Read) -> None:
    srt = "1\n00:01,000 --> 00:02,000\nAnn: No\n\n2\n00:02,500 --> 00:03,000\nAnn: No\n"
    assert len(read(srt, "a.srt")[0]) == 2


TEAMS = """WEBVTT

5d3e1c0a-1b2c-4d5e-8f90-123456789abc/12-0
00:00:03.120 --> 00:00:05.000
<v Ann Lee>Good morning,
everybody.</v>

5d3e1c0a-1b2c-4d5e-8f90-123456789abc/14-0
00:00:05.500 --> 00:00:06.000
<v Bob (Guest)>Hi.</v>
"""
ZOOM = """WEBVTT

1
00:00:03.120 --> 00:00:05.000
Ann Lee: Good morning, everybody.

2
00:00:05.500 --> 00:00:06.000
Bob (Guest): Hi.
"""


@pytest.mark.parametrize(("text", "second"), [(TEAMS, "Bob (Guest)"), (ZOOM, "Bob")])
def test_meetings(read: Read, text: str, second: str) -> None:
    cues, _ = read(text, "meeting.vtt")
    assert cues == [
        Cue("Ann Lee", "Good morning, everybody.", 3.12, 5.0),
        Cue(second, "Hi.", 5.5, 6.0),
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\0\0\0\x18ftypmp42", "a video or sound file"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04..word/document.xml", "a Word document, .* export the meeting's transcript"),
        (b"PK\x03\x04..", "a zip archive, no transcript: unpack it"),
        (b"\x80\x04\x95abc", "a pickle, which is never loaded here"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        (b"<!DOCTYPE html><html>", "a web page, .* export the chat as JSON"),
    ],
)
def test_strangers_are_named(tmp_path: Path, notes: list[str], content: bytes, what: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.txt: is {what}"):
        read_transcript(tmp_path / "a.txt", notes.append)


def test_file_of_no_known_kind_is_named(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.log: of no known kind, expected Praat TextGrid"):
        read("lorem ipsum\ndolor\n", "a.log")


_WORDS = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_categories=["Cc"]), st.sampled_from("<&>-:[]{\\}")
    ),
    min_size=1,
    max_size=30,
).map(lambda text: " ".join(text.translate(dict.fromkeys(map(ord, DIRECTIONS))).split()))
_NAMES = st.one_of(
    _WORDS.map(lambda name: normalize("NFC", name)),  # as names are read
    st.sampled_from(["Ann", "BOB", "speaker 2", "a: b"]),
).filter(bool)
_CUES = st.lists(
    st.builds(
        lambda speaker, text, start, length: Cue(
            speaker, text, start / 1000, (start + length) / 1000
        ),
        _NAMES,
        _WORDS.filter(bool),
        st.integers(0, 10**7),
        st.integers(0, 10**5),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda cue: (cue.speaker, cue.text),
).map(lambda cues: sorted(cues, key=lambda cue: cue.start))


@settings(max_examples=60)
@given(_CUES)
def test_what_is_written_is_read_again(cues: list[Cue]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.srt")
        path.write_text(as_srt(cues), encoding="utf-8")
        assert read_transcript(path, lambda sentence: None) == cues


_PIECES = st.sampled_from(
    """00:01,000 --> 00:02,000
Ann: hi
[1/1/24, 10:00:00] A: b
<tt><body><p begin='1s' end='2s'>x</p></body></tt>
{"messages": [{"text": "x"}]}
speaker,text
ooTextFile
"TextGrid"
<exists>
[Script Info]
[Events]
Dialogue: 0
SPEAKER a 1 0.0 1.0 <NA> <NA> b <NA>
{1}{2}x
WEBVTT
1
""".splitlines(keepends=True)
    + list('{}[]",')
)


@settings(max_examples=80)
@given(
    st.one_of(st.binary(max_size=60), st.lists(_PIECES, max_size=9).map("".join).map(str.encode)),
    st.sampled_from(SUFFIXES),
)
def test_any_bytes_are_read_or_refused_in_one_sentence(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(content)
        found = _outcome(path)
    if isinstance(found, InputError):
        assert "\n" not in str(found)
        return
    for cue in found:
        assert cue.text
        assert cue.speaker
        assert (cue.start is None) == (cue.end is None)
        assert cue.start is None or 0 <= cue.start <= cue.end


def _outcome(path: Path) -> list[Cue] | InputError:
    try:
        dialogues = read_dialogues(path, lambda sentence: None)
    except InputError as error:
        return error
    return [cue for cues in dialogues.values() for cue in cues]
