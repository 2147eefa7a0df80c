"""SubStation Alpha, TTML and the older kinds of subtitles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue

Read = Callable[..., tuple[list, list[str]]]
ASS = r"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ann,0,0,0,,{\i1}Hello,{\i0}\Nyou, there
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,BOB: No {sic}\hway
Comment: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,to do
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\p1}m 0 0 l 9 9{\p0}
"""


def test_substation_names_its_speakers(read: Read) -> None:
    cues, notes = read(ASS, "a.ass")
    assert cues == [Cue("Ann", "Hello, you, there", 1.0, 2.5), Cue("BOB", "No way", 3.0, 4.0)]
    assert notes[0] == (
        "a.ass: 1 comments, 1 drawings, 1 remarks in braces are left out: nobody says them"
    )


def test_substation_of_other_columns(read: Read) -> None:
    text = "[Events]\nFormat: Start, End, Name, Text\nDialogue: 0:00:01.00,0:00:02.00,Ann,Hi, you\n"
    assert read("[Script Info]\n" + text, "a.ass")[0] == [Cue("Ann", "Hi, you", 1.0, 2.0)]


def test_substation_damaged_is_named_with_its_line(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.ass: line 10: expected Start and End as"):
        read(ASS.replace("0:00:01.00", "soon"), "a.ass")


TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"
    xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="10000000">
<head><metadata>
<ttm:agent xml:id="a1" type="person"><ttm:name type="full">Ann Lee</ttm:name></ttm:agent>
<ttm:agent xml:id="b1" type="person"/>
</metadata></head>
<body><div>
<p begin="00:00:01.500" end="00:00:02:05" ttm:agent="a1">Hello<br/>you &lt;3 &amp;
 me</p>
<p begin="30000000t" dur="1s" ttm:agent="b1"><span>No </span><span>way</span></p>
<p begin="5s" end="6s">CEM: Hm</p>
</div></body></tt>
"""


def test_ttml_names_its_agents(read: Read) -> None:
    assert read(TTML, "a.ttml")[0] == [
        Cue("Ann Lee", "Hello you <3 & me", 1.5, 2.2),
        Cue("b1", "No way", 3.0, 4.0),
        Cue("CEM", "Hm", 5.0, 6.0),
    ]


def test_ttml_of_words_with_times_and_two_voices(read: Read) -> None:
    text = (
        '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="m"><body><div begin="1s" end="9s"><p>'
        '<span begin="2s" end="3s" ttm:agent="Ann">One</span> <span begin="3s" end="4s" '
        'ttm:agent="Bob">two</span></p></div></body></tt>'
    )
    assert [(c.speaker, c.text) for c in read(text, "a.xml")[0]] == [("Ann", "One"), ("Bob", "two")]


def test_ttml_with_entities_is_refused(read: Read) -> None:
    bomb = '<!DOCTYPE tt [<!ENTITY a "aaaa">]><tt><body><p begin="1s" end="2s">&a;</p></body></tt>'
    with pytest.raises(InputError, match=r"a\.ttml: declares XML entities"):
        read(bomb, "a.ttml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('<tt><body><p begin="1s">Hi</body></tt>', "no well-formed XML"),
        ('<tt><body><p begin="soon">Hi</p></body></tt>', "the time 'soon' is malformed"),
        ('<tt><body><p begin="2s" end="1s">Hi</p></body></tt>', "a paragraph ends at 1 s"),
        ("<tt><body/></tt>", "holds no subtitle with text"),
    ],
)
def test_damaged_ttml_is_named(read: Read, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"a\.ttml: {sentence}"):
        read(text, "a.ttml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.sub", "{1}{1}25\n{25}{50}Ann: Hi|you\n{75}{100}Bob: Ho\n"),
        ("a.txt", "[10][20]Ann: Hi|you\n[30][40]/Bob: Ho\n"),
        ("a.txt", "00:00:01:Ann: Hi|you\n00:00:03:Bob: Ho\n"),
        (
            "a.smi",
            "<SAMI><BODY><SYNC Start=1000><P>Ann: Hi<br>you</P></SYNC><SYNC Start=3000><P>Bob: Ho"
            "</P></SYNC></BODY></SAMI>",
        ),
    ],
)
def test_older_kinds(read: Read, name: str, text: str) -> None:
    cues, _ = read(text, name)
    assert [(cue.speaker, cue.text, cue.start) for cue in cues] == [
        ("Ann", "Hi you", 1.0),
        ("Bob", "Ho", 3.0),
    ]


def test_frames_without_a_rate_are_named(read: Read) -> None:
    with pytest.raises(InputError, match=r"a\.sub: counts frames but does not say how many"):
        read("{25}{50}Hi\n{75}{100}Ho\n", "a.sub")


def test_lines_without_a_time_are_named(read: Read) -> None:
    _, notes = read("{1}{1}25\n{25}{50}Hi\nlost words\n{75}{100}Ho\n", "a.sub")
    assert "a.sub: line 3: 'lost words' has no time: left out" in notes


def test_substation_takes_names_by_their_use_where_the_field_is_empty(read: Read) -> None:
    head = "[Script Info]\n[Events]\nFormat: Start, End, Name, Text\n"
    lines = ("0:00:01.00,0:00:02.00,,bob: Hi", "0:00:03.00,0:00:04.00,,Lee, Ann: Ho")
    cues, _ = read(head + "".join(f"Dialogue: {line}\n" for line in lines), "a.ass")
    assert [(cue.speaker, cue.text) for cue in cues] == [("bob", "Hi"), ("Lee, Ann", "Ho")]


def test_ttml_takes_names_by_their_use_where_there_are_no_agents(read: Read) -> None:
    lines = ((1, "bob: Hi"), (2, "Lee, Ann: Ho"))
    texts = "".join(f'<p begin="{n}s" dur="1s">{line}</p>' for n, line in lines)
    cues, _ = read(f"<tt><body>{texts}</body></tt>", "a.ttml")
    assert [(cue.speaker, cue.text) for cue in cues] == [("bob", "Hi"), ("Lee, Ann", "Ho")]


def test_who_says_the_name_of_a_section_of_substation_is_read(read: Read) -> None:
    assert read("00:01.000 --> 00:02.000\nAnn: [Script Info]\n", "a.srt")[0] == [
        Cue("Ann", "[Script Info]", 1.0, 2.0)
    ]
