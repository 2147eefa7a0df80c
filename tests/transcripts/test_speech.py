"""TextGrid, RTTM and CTM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_transcript

Read = Callable[..., tuple[list, list[str]]]
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "Ann"
        xmin = 0
        xmax = 4
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "He said ""hi""
there"
        intervals [2]:
            xmin = 1.5
            xmax = 4
            text = ""
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 4
        points: size = 1
        points [1]:
            number = 1
            mark = "x"
    item [3]:
        class = "IntervalTier"
        name = "Bob - words"
        xmin = 0
        xmax = 4
        intervals: size = 3
        intervals [1]:
            xmin = 1
            xmax = 1.2
            text = "Oh"
        intervals [2]:
            xmin = 1.2
            xmax = 2
            text = "no"
        intervals [3]:
            xmin = 3
            xmax = 4
            text = "2 < 3"
"""
CUES = [
    Cue("Ann", 'He said "hi" there', 0.0, 1.5),
    Cue("Bob", "Oh no", 1.0, 2.0),
    Cue("Bob", "2 < 3", 3.0, 4.0),
]
SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2\n<exists>\n2\n"IntervalTier"\n'
    '"Ann - words"\n0\n2\n1\n0\n1\n"Hi"\n"IntervalTier"\n"Ann - phones"\n0\n2\n1\n0\n1\n"h"\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_long_textgrid(read: Read, encoding: str) -> None:
    cues, notes = read(LONG, "a.TextGrid", encoding)
    assert cues == CUES
    assert "a.TextGrid: tier 'clicks' has 1 points, no intervals: left out" in notes


def test_short_textgrid(read: Read) -> None:
    cues, notes = read(SHORT, "a.TextGrid")
    assert cues == [Cue("Ann", "Hi", 0.0, 1.0)]
    assert any("tier 'Ann - phones' (1 intervals with text) is not what" in note for note in notes)


@pytest.mark.parametrize("pause", ["sp", "sil", "<SPN>"])
def test_marks_of_pauses_are_no_words(read: Read, pause: str) -> None:
    intervals = f'3\n0\n1\n"Hi"\n1\n3\n"{pause}"\n3\n4\n"you"\n'
    begin, _, _ = SHORT.partition('1\n0\n1\n"Hi"')
    text = begin.replace("<exists>\n2", "<exists>\n1") + intervals
    assert [cue.text for cue in read(text, "a.TextGrid")[0]] == ["Hi", "you"]


@pytest.mark.parametrize("end", [100, 300, 900])
def test_truncated_textgrid_is_named(read: Read, end: int) -> None:
    with pytest.raises(InputError, match="truncated TextGrid"):
        read(LONG[:end], "a.TextGrid")


RTTM = (
    "SPEAKER talk 1 0.00 2.00 <NA> <NA> A <NA> <NA>\n"
    "SPEAKER talk 1 2.00 2.00 <NA> <NA> B <NA> <NA>\n"
)


@pytest.fixture
def beside(tmp_path: Path) -> None:
    (tmp_path / "talk.rttm").write_text(RTTM)


@pytest.mark.usefixtures("beside")
def test_rttm_names_who_says_subtitles(read: Read) -> None:
    srt = "1\n00:00,500 --> 00:01,900\nhi\n\n2\n00:01,900 --> 00:03,000\nho\n"
    cues, notes = read(srt, "talk.srt")
    assert [(cue.speaker, cue.text) for cue in cues] == [("A", "hi"), ("B", "ho")]
    assert "talk.srt: speakers A, B, by talk.rttm" in notes


@pytest.mark.usefixtures("beside")
def test_rttm_names_who_says_words(read: Read) -> None:
    ctm = ";; words\ntalk 1 0.5 0.3 oh 0.9\ntalk 1 0.8 0.3 no 0.9\ntalk 1 2.1 0.4 why\n"
    assert read(ctm, "talk.ctm")[0] == [Cue("A", "oh no", 0.5, 1.1), Cue("B", "why", 2.1, 2.5)]


@pytest.mark.usefixtures("beside")
def test_rttm_names_who_says_as_many_lines(read: Read) -> None:
    cues, notes = read("oh no\nwhy\n", "talk.txt")
    assert cues == [Cue("A", "oh no", 0.0, 2.0), Cue("B", "why", 2.0, 4.0)]
    assert "talk.txt: speakers A, B, by talk.rttm: a turn of it for each line, in order" in notes


@pytest.mark.usefixtures("beside")
def test_rttm_that_does_not_fit_is_named(read: Read) -> None:
    with pytest.raises(InputError, match=r"talk\.rttm: has 2 turns for the 3 lines of talk\.txt"):
        read("oh no\nwhy\nso\n", "talk.txt")


@pytest.mark.usefixtures("beside")
def test_rttm_alone_has_no_words(tmp_path: Path, notes: list[str]) -> None:
    with pytest.raises(InputError, match=r"talk\.rttm: says who speaks when, but not what"):
        read_transcript(tmp_path / "talk.rttm", notes.append)


def test_words_of_several_recordings_are_refused(read: Read) -> None:
    sentence = r"a\.ctm: holds the words of 2 recordings \(one, two\), expected those of one"
    with pytest.raises(InputError, match=sentence):
        read("one 1 0.0 0.5 hello\ntwo 1 0.1 0.4 goodbye\n", "a.ctm")


CHANNELS = "call A 0.0 0.5 hello\ncall B 0.3 0.4 hi\ncall A 0.6 0.4 there\ncall B 2.0 0.4 yes\n"


def test_channels_are_speakers(read: Read) -> None:
    cues, notes = read(CHANNELS, "a.ctm")
    assert cues == [
        Cue("channel A", "hello there", 0.0, 1.0),
        Cue("channel B", "hi", 0.3, 0.7),
        Cue("channel B", "yes", 2.0, 2.4),
    ]
    assert "a.ctm: names no speakers, but channels (A, B): a speaker for each" in notes


def test_turns_of_a_channel_are_those_of_its_words(tmp_path: Path, read: Read) -> None:
    turns = (("A", "Ann", 1.0), ("B", "Bob", 3.0))
    (tmp_path / "a.rttm").write_text(
        "".join(f"SPEAKER call {c} 0.0 {end} <NA> <NA> {who} <NA> <NA>\n" for c, who, end in turns)
    )
    assert [(cue.speaker, cue.text) for cue in read(CHANNELS, "a.ctm")[0]] == [
        ("Ann", "hello there"),
        ("Bob", "hi"),
        ("Bob", "yes"),
    ]
