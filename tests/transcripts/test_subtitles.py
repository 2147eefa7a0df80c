"""Subtitles: times, speakers, order; and what is wrong with a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_transcript
from ariigcn_dgl.transcripts.times import parse_time

Read = Callable[..., tuple[list[Cue], list[str]]]


@pytest.fixture
def read(read: Read) -> Read:
    """Return the cues of a text, and the notes; a file without another name is SubRip."""
    return lambda text, name="a.srt", encoding="utf-8": read(text, name, encoding)


SRT = """1
00:00:01,000 --> 00:00:02,500
ANN: Hello,
how are you?

2
00:00:02,600 --> 00:00:04,000
Bob Smith: <i>Fine</i>, {\\an8}thanks &amp; you?

3
00:00:04,000 --> 01:00:05,250
And he said: go at 10:30.
"""
SRT_CUES = [
    Cue("ANN", "Hello, how are you?", 1.0, 2.5),
    Cue("Bob Smith", "Fine, thanks & you?", 2.6, 4.0),
    Cue("Bob Smith", "And he said: go at 10:30.", 4.0, 3605.25),
]


@pytest.mark.parametrize(
    "text",
    [
        SRT,
        "\ufeff" + SRT,
        SRT.replace("\n", "\r\n"),
        SRT.replace("\n", "\r"),
        SRT.replace("\n\n", "\n\n\n \n"),
        SRT.replace("\n\n", "\n"),
        SRT.rstrip("\n"),
        SRT.replace(",", ".").replace("Hello.", "Hello,").replace("</i>.", "</i>,"),
    ],
)
def test_subrip_in_its_variants(read: Read, text: str) -> None:
    cues, notes = read(text)
    assert cues == SRT_CUES
    assert notes == [
        "a.srt: speakers ANN, Bob Smith",
        "a.srt: 1 subtitles name no speaker: taken as the words of the one before",
    ]


def test_webvtt_with_voices_notes_styles_and_settings(read: Read) -> None:
    text = """WEBVTT - a title

NOTE 00:00 --> is a comment

STYLE
::cue { color: lime }

intro
00:01.000 --> 00:02.500 align:start position:10%
<v.loud Ann Lee>Hello <b>there</b></v>

00:00:03.000 --> 00:00:04.000
<v Bob>One.</v>
<v Ann Lee>Two.</v>
"""
    cues, notes = read(text, "a.vtt")
    assert cues == [
        Cue("Ann Lee", "Hello there", 1.0, 2.5),
        Cue("Bob", "One.", 3.0, 4.0),
        Cue("Ann Lee", "Two.", 3.0, 4.0),
    ]
    assert notes == [
        "a.vtt: 1 comments (NOTE) are left out, the first is line 3",
        "a.vtt: speakers Ann Lee, Bob",
    ]


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("ANN: Hi", "ANN", "Hi"),
        ("- Ann: Hi", "Ann", "Hi"),
        ("SPEAKER 1: Hi", "SPEAKER 1", "Hi"),
        ("Dr. O'Neil-Smith: Hi", "Dr. O'Neil-Smith", "Hi"),
        ("ÉLISE: Hi", "ÉLISE", "Hi"),
        ("李: Hi", "李", "Hi"),
        ("at 10:30: Hi", "speaker", "at 10:30: Hi"),
        ("10:30 already", "speaker", "10:30 already"),
        ("he said: Hi", "speaker", "he said: Hi"),
        ("élise: Hi", "speaker", "élise: Hi"),
        ("What I Want To Say: Hi", "speaker", "What I Want To Say: Hi"),
        ("ANN:", "speaker", "ANN:"),
        ("http://a.b", "speaker", "http://a.b"),
    ],
)
def test_names_of_speakers(read: Read, line: str, speaker: str, text: str) -> None:
    assert read(f"00:01.000 --> 00:02.000\n{line}\n")[0] == [Cue(speaker, text, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("TOM (V.O.): Late.", "TOM", "Late."),
        ("Tom [whispers]: Late.", "Tom", "Late."),
        ("MAN #1: Late.", "MAN #1", "Late."),
        ("TOM & LIA: Late.", "TOM & LIA", "Late."),
        ("Dr. van der Berg: Late.", "Dr. van der Berg", "Late."),
        ("TOM:\nLate.", "TOM", "Late."),
        ("TOM:Late.", "TOM", "Late."),
        ("李雷：晚了。", "李雷", "晚了。"),
        ("李雷:晚了。", "李雷", "晚了。"),
        (">> TOM: Late.", "TOM", "Late."),
        ("[SPEAKER_00]: Late.", "SPEAKER_00", "Late."),
        ("[SPEAKER_00] Late.", "SPEAKER_00", "Late."),
        ("(speaker 0) Late.", "speaker 0", "Late."),
        ("[Tom]: Late.", "Tom", "Late."),
        ("<v R&amp;D Mara>Fish &amp; chips", "R&D Mara", "Fish & chips"),
        ("<v\nMara>Late.", "Mara", "Late."),
        ("[sighs] Late.", "speaker", "[sighs] Late."),
        ("(laughing) Late.", "speaker", "(laughing) Late."),
        ("Monday:Late.", "speaker", "Monday:Late."),
        ("Ratio A:3", "speaker", "Ratio A:3"),
        ("- Late.", "speaker", "- Late."),
        ("-5 degrees", "speaker", "-5 degrees"),
    ],
)
def test_names_of_speakers_in_other_forms(read: Read, line: str, speaker: str, text: str) -> None:
    assert read(f"00:01.000 --> 00:02.000\n{line}\n")[0] == [Cue(speaker, text, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Is x < 5 and y > 3?", "Is x < 5 and y > 3?"),
        ("I <3 you > all of them", "I <3 you > all of them"),
        ("a List<String> it is", "a List<String> it is"),
        ("<70 years ago>", "<70 years ago>"),
        ('<i>so</i> <font color="#fff">it</font> {\\an8}is', "so it is"),
        ("<c.yellow>so</c> <00:01.500>it<br/>is", "so it is"),
    ],
)
def test_only_markup_is_taken_out(read: Read, line: str, text: str) -> None:
    assert read(f"00:01.000 --> 00:02.000\n{line}\n")[0] == [Cue("speaker", text, 1.0, 2.0)]


@pytest.mark.parametrize("line", ["go --> there", "--&gt; there", "soon --> 00:03.000"])
def test_an_arrow_in_a_text_is_text(read: Read, line: str) -> None:
    (cue,) = read(f"00:01.000 --> 00:02.000\nANN: Look\n{line}\n")[0]
    assert cue.text == f"Look {line.replace('&gt;', '>')}"


@pytest.mark.parametrize("arrow", ["->", "-- >", "–>", "—>", "→", "--&gt;", "=>", "➔"])
def test_another_arrow_between_times_is_read_and_noted(read: Read, arrow: str) -> None:
    text = f"1\n00:01.000 --> 00:02.000\nANN: Hi\n\n2\n00:03,000 {arrow} 00:04,500\nBOB: Ho\n"
    cues, notes = read(text)
    assert cues == [Cue("ANN", "Hi", 1.0, 2.0), Cue("BOB", "Ho", 3.0, 4.5)]
    told = f"1 lines of times have {arrow!r} or the like for an arrow, the first is line 6"
    assert f"a.srt: {told}: read as -->" in notes


@pytest.mark.parametrize("line", ["00:03 -> there", "00:03.000 - 00:04.000", "at 0:03 -> 0:04"])
def test_another_arrow_elsewhere_is_text(read: Read, line: str) -> None:
    (cue,) = read(f"00:01.000 --> 00:02.000\nANN: Look\n{line}\n")[0]
    assert cue.text == f"Look {line}"


def test_times_may_be_whole_seconds(read: Read) -> None:
    cues, _ = read("00:00:01 --> 00:00:02\nANN: Hi\n\n01:02 --> 01:03,5\nANN: Ho\n")
    assert [(cue.start, cue.end) for cue in cues] == [(1.0, 2.0), (62.0, 63.5)]


@pytest.mark.parametrize("dash", ["- ", "-", "– ", "— "])
def test_dashes_are_two_speakers(read: Read, dash: str) -> None:
    text = f"00:01.000 --> 00:02.000\n{dash}Where\nwere you?\n{dash}At home.\n"
    cues, notes = read(text)
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("speaker", "Where were you?"),
        ("speaker 2", "At home."),
    ]
    assert "a.srt: 1 subtitles hold two speakers by their dashes; called 'speaker 2'" in notes


def test_who_answers_by_a_dash_does_not_go_on(read: Read) -> None:
    cues, _ = read("00:01.000 --> 00:02.000\nANN: Well?\n- No.\n\n00:03.000 --> 00:04.000\nOh.\n")
    assert [cue.speaker for cue in cues] == ["ANN", "speaker 2", "ANN"]


@pytest.mark.parametrize(
    "text", ["ANN: I went\n\nhome.\n", "\nANN: I went\nhome.\n", "ANN: I went\n\n\nhome.\n"]
)
@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_text_behind_an_empty_line_is_kept(read: Read, text: str, name: str) -> None:
    head = "WEBVTT\n\n" if name == "a.vtt" else ""
    cues, _ = read(
        f"{head}1\n00:01.000 --> 00:02.000\n{text}\n2\n00:03.000 --> 00:04.000\nBOB: Oh.\n", name
    )
    assert [cue.text for cue in cues] == ["I went home.", "Oh."]


def test_text_behind_an_empty_line_is_noted(read: Read) -> None:
    _, notes = read("1\n00:01.000 --> 00:02.000\nANN: I went\n\nhome.\n")
    assert "a.srt: line 5: taken as text of the subtitle before the empty line" in notes


def test_without_names_there_is_one_speaker_and_a_note(read: Read) -> None:
    cues, notes = read("00:01.000 --> 00:02.000\nhi\n\n00:03.000 --> 00:04.000\nho\n")
    assert {cue.speaker for cue in cues} == {"speaker"}
    assert notes == [
        "a.srt: names no speakers (NAME: text, or <v NAME>): taken as one speaker's words"
    ]


def test_out_of_order_is_sorted_and_noted(read: Read) -> None:
    cues, notes = read("00:05.000 --> 00:06.000\nA: two\n\n00:01.000 --> 00:02.000\nB: one\n")
    assert [cue.text for cue in cues] == ["one", "two"]
    assert "a.srt: subtitles are not in order of time; sorted by their start" in notes


def test_overlapping_ones_stay_and_are_noted(read: Read) -> None:
    cues, notes = read("00:01.000 --> 00:03.000\nA: one\n\n00:02.000 --> 00:04.000\nB: two\n")
    assert [(cue.start, cue.end) for cue in cues] == [(1.0, 3.0), (2.0, 4.0)]
    assert "a.srt: 1 subtitles begin before the one before them ends" in notes


@pytest.mark.parametrize("empty", ["", "<i></i>\n", "   \n", "&nbsp;\n", "<v Ann></v>\n"])
def test_empty_ones_are_left_out_and_noted(read: Read, empty: str) -> None:
    cues, notes = read(f"00:01.000 --> 00:02.000\n{empty}\n00:03.000 --> 00:04.000\nA: one\n")
    assert cues == [Cue("A", "one", 3.0, 4.0)]
    assert "a.srt: 1 subtitles without text are left out" in notes


def test_one_of_no_length_stays(read: Read) -> None:
    assert read("00:01.000 --> 00:01.000\nA: one\n")[0] == [Cue("A", "one", 1.0, 1.0)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty, expected a transcript"),
        ("just words\n", "holds no subtitle with text"),
        ("WEBVTT\n\n", "holds no subtitle with text"),
        ("00:01.000 --> 00:02.000\n\n", "holds no subtitle with text"),
        ("1\n00:02.000 --> 00:01.000\na\n", "line 2: ends at 1 s, before it starts at 2 s"),
        ("1\n00:02.000 --> soon\na\n", "line 2: '00:02.000 --> soon' is malformed, expected 00"),
        ("-1:00:02,000 --> 00:03,000\na\n", "line 1: .* is malformed"),
        ("00:99.000 --> 01:99.000\na\n", "line 1: .* is malformed"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(read: Read, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"a\.srt: {sentence}"):
        read(text)


@given(st.text(alphabet="0:,.->\n A<v>/b&1", max_size=80))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.srt")
        path.write_text(text, encoding="utf-8")
        found = _outcome(path)
        if isinstance(found, InputError):
            assert "\n" not in str(found)
        else:
            assert found == sorted(found, key=lambda cue: cue.start)
            assert all(0 <= cue.start <= cue.end and cue.text and cue.speaker for cue in found)


def _outcome(path: Path) -> list[Cue] | InputError:
    try:
        return read_transcript(path, lambda sentence: None)
    except InputError as error:
        return error


@pytest.mark.parametrize("text", ["", "1", "a:b", "1:2:3:4", "61:00:00:00", "1:-1", "1:60"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_time(text)


@pytest.mark.parametrize("between", ["\n\n", "\n\n2\n", "\n2\n", "\n\n\n2\n\n"])
@pytest.mark.parametrize("last", ["42", "It is\n42"])
def test_a_number_that_is_said_stays(read: Read, between: str, last: str) -> None:
    gap = "\n" if between.endswith("\n\n") and "2" in between else ""
    number = f"1\n{gap}" if "2" in between else ""
    text = f"{number}00:01.000 --> 00:02.000\n{last}{between}00:03.000 --> 00:04.000\nso\n"
    assert [cue.text for cue in read(text)[0]] == [last.replace("\n", " "), "so"]


def test_a_cue_may_begin_as_a_note_does(read: Read) -> None:
    text = "WEBVTT\n\nNOTE gone\n\n00:01.000 --> 00:02.000\nNOTE to self\n\nSTYLE\ngone\n"
    assert [cue.text for cue in read(text, "a.vtt")[0]] == ["NOTE to self"]


def _shown(*lines: str) -> str:
    return "".join(f"00:0{n}.000 --> 00:0{n}.900\n{line}\n\n" for n, line in enumerate(lines))


@pytest.mark.parametrize(
    "name",
    [
        *("bob", "Jones, Carl", "Maria Garcia Lopez Fernandez", "ann.smith@example.org"),
        *("Room 4/5", "Ann Smith | Acme"),
    ],
)
def test_any_names_are_names_where_all_subtitles_begin_with_one(read: Read, name: str) -> None:
    cues, _ = read(_shown("Ann Smith: Hello", f"{name}: I hate this"))
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("Ann Smith", "Hello"),
        (name, "I hate this"),
    ]


@pytest.mark.parametrize("name", ["bob", "Smith, Ann", "bob (guest)"])
def test_any_names_are_names_where_they_stand_several_times(read: Read, name: str) -> None:
    cues, _ = read(_shown(f"{name}: one", "two", "Carl: three", "four", "five", f"{name}: six"))
    known = name.partition(" (")[0]
    assert [cue.speaker for cue in cues] == [known, known, "Carl", "Carl", "Carl", known]


def test_what_is_said_before_a_colon_several_times_names_nobody(read: Read) -> None:
    cues, _ = read(_shown("ANN: one", "and he said: go", *"abc", "and he said: stay"))
    assert {cue.speaker for cue in cues} == {"ANN"}


def test_what_begins_as_with_a_name_is_noted(read: Read) -> None:
    _, notes = read(_shown("ANN: one", "two", "bob: three"))
    assert (
        "a.srt: 1 subtitles begin as with a name and are taken as words; the first is 'bob: three'"
    ) in notes


@pytest.mark.parametrize("name", ["a.sbv", "a.txt"])
def test_sbv(read: Read, name: str) -> None:
    text = "0:00:00.599,0:00:04.160\nANN: Hi\nyou\n\n0:00:05.000,0:00:06.770\nBOB: Ho\n"
    cues, notes = read(text, name)
    assert cues == [Cue("ANN", "Hi you", 0.599, 4.16), Cue("BOB", "Ho", 5.0, 6.77)]
    assert notes == [f"{name}: speakers ANN, BOB"]


def test_webex_names_who_speaks_above_the_times(read: Read) -> None:
    text = (
        'WEBVTT\n\n1 "Ann & Co" (0)\n00:00.000 --> 00:05.000\nHello\nyou\n\n'
        '2 "Bob" (1)\n00:06.000 --> 00:08.000\nHi\n'
    )
    assert read(text, "a.vtt")[0] == [
        Cue("Ann & Co", "Hello you", 0.0, 5.0),
        Cue("Bob", "Hi", 6.0, 8.0),
    ]
