"""Plain text of who says what."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue

Read = Callable[..., tuple[list, list[str]]]
Said = Callable[[str, str], list[tuple[str, str]]]
BOTH = [("Ann", "Hi there"), ("Bob", "Ho: ho")]


@pytest.mark.parametrize(
    "text",
    [
        "Ann: Hi there\nBob: Ho: ho\n",
        "Ann: Hi\nthere\n\nBob: Ho: ho\n",
        "Ann:\nHi there\n\nBob:\nHo: ho\n",
        "\n\nAnn: Hi there\n\n\nBob:  Ho: ho",
        "**Ann:** Hi there\n**Bob:** Ho: ho\n",
        "[00:00:02] Ann: Hi there\n[00:01:02] Bob: Ho: ho\n",
        "(00:02) Ann: Hi there\n(00:12) Bob: Ho: ho\n",
        "00:02 - Ann: Hi there\n00:12 - Bob: Ho: ho\n",
        "Ann (12:30): Hi there\nBob (12:31): Ho: ho\n",
        "Ann  0:02\nHi there\n\nBob  1:02\nHo: ho\n",
        "Ann [00:02]\nHi\nthere\nBob [00:12]\nHo: ho\n",
        "00:00:00\nAnn: Hi there\nBob: Ho: ho\n",
        "[12:30] <Ann> Hi there\n[12:31] <Bob> Ho: ho\n",
        "2024-01-01 10:00:00 Ann: Hi there\n2024-01-01 10:00:01 Bob: Ho: ho\n",
        "Ann：  Hi there\nBob： Ho: ho\n",
        "- Ann: Hi there\n- Bob: Ho: ho\n",
        "Ann\n00:02\nHi\nthere\n\nBob\n00:12\nHo: ho\n",
    ],
)
def test_forms(said: Said, text: str) -> None:
    assert said(text, "a.txt") == BOTH


def test_small_letters_are_names_where_they_are_used_as_names(said: Said) -> None:
    text = "ann: hi\nlisten: it is late\nbob: ho\nann: no\nwell\nbob: yes\n"
    assert said(text, "a.txt")[:2] == [("ann", "hi listen: it is late"), ("bob", "ho")]


def test_lines_that_begin_as_with_a_name_are_noted(read: Read) -> None:
    _, notes = read("ann: hi\nlisten: it is late\nbob: ho\nann: no\nwell\nbob: yes\n", "a.txt")
    assert (
        "a.txt: 1 lines begin as with a name and are taken as more of the line before; the first "
        "is line 2: 'listen: it is late'"
    ) in notes


@pytest.mark.parametrize(
    "name", ["Maria del Carmen Garcia Lopez Ruiz", "\N{UNICORN FACE}", "Bob <bob@example.org>"]
)
def test_unusual_names_are_names_where_they_stand_several_times(said: Said, name: str) -> None:
    text = f"Ann: Hi\n{name}: Ho\nAnn: Why?\n{name}: So\nit is\n"
    known = name.partition(" <")[0]
    assert said(text, "a.txt") == [
        ("Ann", "Hi"),
        (known, "Ho"),
        ("Ann", "Why?"),
        (known, "So it is"),
    ]


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("Ann: Hi\nBob:\nCarl: Ho\nDi: ok\n", [("Ann", "Hi"), ("Carl", "Ho"), ("Di", "ok")]),
        ("[00:01] Bob:\n[00:03] Carl: Ho\n", [("Carl", "Ho")]),
    ],
)
def test_who_says_nothing_is_noted_and_says_nothing(read: Read, text: str, cues: list) -> None:
    found, notes = read(text, "a.txt")
    assert [(cue.speaker, cue.text) for cue in found] == cues
    assert any("1 lines are of people who say nothing and left out; the first" in n for n in notes)


def test_names_above_what_is_said_may_have_colons_below(said: Said) -> None:
    assert said("ANN:\nNote: so\n\nBOB:\nI see.\n", "a.txt") == [
        ("ANN", "Note: so"),
        ("BOB", "I see."),
    ]


def test_times_at_the_end_of_lines_are_words_beside_names(said: Said) -> None:
    text = "Ann: The plan\nBreakfast 08:00\nLunch 12:30\nBob: Great!\nAnn: Bye\n"
    plan = ("Ann", "The plan Breakfast 08:00 Lunch 12:30")
    assert said(text, "a.txt") == [plan, ("Bob", "Great!"), ("Ann", "Bye")]


def test_stamps_become_times(read: Read) -> None:
    cues, notes = read("[00:02] Ann: Hi\n[01:00:00] Bob: Ho\n", "a.txt")
    assert cues == [
        Cue("Ann", "Hi", 2.0, 3600.0, "00:02"),
        Cue("Bob", "Ho", 3600.0, inf, "01:00:00"),
    ]
    assert "a.txt: time stamps are taken as from the beginning of a recording" in notes


def test_stamps_that_go_back_are_no_times_of_a_recording(read: Read) -> None:
    cues, notes = read("[23:59] Ann: Hi\n[00:01] Bob: Ho\n", "a.txt")
    assert cues == [Cue("Ann", "Hi", when="23:59"), Cue("Bob", "Ho", when="00:01")]
    assert any("time stamps go back" in note for note in notes)


def test_what_is_no_speech_is_counted(read: Read) -> None:
    text = "The meeting of May\n\n# Part one\n\nAnn: Hi\n---\nBob: Ho\n"
    cues, notes = read(text, "a.txt")
    assert [cue.text for cue in cues] == ["Hi", "Ho"]
    assert any(
        "1 lines are before anybody is named and left out; the first is line 1" in n for n in notes
    )
    assert any("2 lines are headings and left out; the first is line 3" in n for n in notes)


def test_irc_tells_what_people_do_from_what_its_program_says(read: Read) -> None:
    text = "[10:01] <@ann> hi\n[10:02] * bob waves\n[10:03] <bob> yo\n[10:04] -!- carl has joined\n"
    cues, notes = read(text, "a.log")
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("ann", "hi"),
        ("bob", "waves"),
        ("bob", "yo"),
    ]
    assert any("1 lines are by the program, not by people, and left out" in n for n in notes)


def test_a_time_above_its_words_is_theirs_where_nobody_is_named(read: Read) -> None:
    cues, _ = read("00:01\nHi there\n00:05\nHo\n", "a.txt")
    assert cues == [
        Cue("speaker", "Hi there", 1.0, 5.0, "00:01"),
        Cue("speaker", "Ho", 5.0, inf, "00:05"),
    ]


def test_text_without_names_is_one_speaker(read: Read) -> None:
    cues, notes = read("Hello.\n\nHow are you?\n", "a.txt")
    assert cues == [Cue("speaker", "Hello."), Cue("speaker", "How are you?")]
    assert any("names no speakers (Name: text)" in note for note in notes)


def test_sounds_are_kept_and_counted(read: Read) -> None:
    cues, notes = read("Ann: Hi\nBob: [door slams]\n", "a.txt")
    assert cues[1] == Cue("Bob", "[door slams]")
    assert any("1 utterances are sounds or songs" in note for note in notes)


@pytest.mark.parametrize("text", ["Ann:\n", "\n", ""])
def test_nothing_said_is_named(read: Read, text: str) -> None:
    with pytest.raises(InputError, match=r"a\.txt: "):
        read(text, "a.txt")


def test_what_irc_programs_write_of_their_logs_is_by_the_program(read: Read) -> None:
    text = (
        "--- Log opened Fri Jan 05 10:00:00 2024\n10:01 < ann> hi\n"
        "--- Day changed Sat Jan 06 2024\n00:03 <@bob> so sad\n"
        "--- Log closed Sat Jan 06 10:00:00 2024\n"
    )
    cues, notes = read(text, "a.log")
    assert [(cue.speaker, cue.text) for cue in cues] == [("ann", "hi"), ("bob", "so sad")]
    assert any("3 lines are by the program, not by people, and left out" in n for n in notes)


def test_a_name_may_have_an_aside(said: Said) -> None:
    text = "ann: hi\nbob: ho\nann (from phone): sorry\nbob [laughs]: what\n"
    assert said(text, "a.txt")[2:] == [("ann", "sorry"), ("bob", "what")]


@pytest.mark.parametrize("name", ["carl (new here)", "carl <3", "carl/di"])
def test_what_looks_like_a_name_is_noted(read: Read, name: str) -> None:
    _, notes = read(f"ann: hi\nbob: ho\n{name}: hey\nann: no\nwell\nbob: yes\n", "a.txt")
    told = f"the first is line 3: {f'{name}: hey'!r}"
    assert any("1 lines begin as with a name and are taken" in n and told in n for n in notes)
