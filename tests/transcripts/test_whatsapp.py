"""WhatsApp's chats: both programs, many languages, and what is no message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ariigcn_dgl.errors import InputError

Read = Callable[..., tuple[list, list[str]]]
Said = Callable[[str, str], list[tuple[str, str]]]

ANDROID = (
    "12/31/23, 11:58\u202fPM - Messages and calls are end-to-end encrypted. No one outside of this "
    "chat, not even WhatsApp, can read or listen to them. Tap to learn more.\n"
    "12/31/23, 11:58\u202fPM - Ann Lee: Happy new year!\n"
    "12/31/23, 11:59\u202fPM - +49 170 1234567: Not yet\n"
    "one minute: wait\n"
    "\n"
    "now\n"
    "1/1/24, 12:00\u202fAM - Ann Lee: <Media omitted>\n"
    "1/1/24, 12:01\u202fAM - Ann Lee: This message was deleted\n"
    "1/1/24, 12:02\u202fAM - Ann Lee: Oops <This message was edited>\n"
    '1/1/24, 12:03\u202fAM - Ann Lee changed the subject from "New: year" to "Old"\n'
    "1/1/24, 12:04\u202fAM - Bob: IMG-20240101-WA0000.jpg (file attached)\n"
)
IOS = (
    "\u200e[31.12.23, 23:58:01] New year: \u200eMessages and calls are end-to-end encrypted.\n"
    "[31.12.23, 23:58:05] Ann Lee: Happy new year!\n"
    "\u200e[31.12.23, 23:58:09] Ann Lee: \u200eBild weggelassen\n"
    "[31.12.23, 23:59:00] \u202a+49 170 1234567\u202c: Not yet\none more\n"
    "\u200e[01.01.24, 00:00:10] ~\u202fBob: \u200e<attached: 00000012-PHOTO.jpg>\n"
)


def test_android(read: Read) -> None:
    cues, notes = read(ANDROID, "WhatsApp Chat with Bob.txt")
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("Ann Lee", "Happy new year!"),
        ("+49 170 1234567", "Not yet one minute: wait now"),
        ("Ann Lee", "Oops"),
    ]
    assert cues[0].when == "12/31/23, 11:58 PM"
    assert cues[0].start is None
    assert any(
        ": 3 pictures, deleted messages and other things without words are left out: 1" in n
        for n in notes
    )
    assert any("2 lines are by WhatsApp, not by people, and left out" in n for n in notes)
    assert any("1 messages end with a remark <...> of WhatsApp" in n for n in notes)


def test_ios(read: Read) -> None:
    cues, notes = read(IOS, "_chat.txt")
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("Ann Lee", "Happy new year!"),
        ("+49 170 1234567", "Not yet one more"),
    ]
    assert any(": 3 pictures, deleted messages and other" in note for note in notes)


@pytest.mark.parametrize(
    "stamp",
    [
        "12/31/23, 11:58 PM -",
        "23:58, 31/12/2023 -",
        "31/12/2023, 23:58 -",
        "31.12.23, 23:58 -",
        "31-12-2023 23:58 -",
        "2023/12/31, 23:58 -",
        "2023-12-31, 11:58 p.m. -",
        "20/6/2017 8:28 p. m. -",
        "30/08/25 18.00 -",
        "31. 12. 2023 23:58 -",
        "2023/12/31 下午11:58 -",
        "31/12/23 à 23:58 -",
        "12/31/23, 11:58\u202fPM -",
        "[31/12/2023, 23:58:01]",
        "[12/31/23, 11:58:01\u202fPM]",
        "[12.3.2022 klo 14.08.18]",
        "[2023-12-31, 23:58:01]",
        "[31/12/23 23:58:01]",
        "31/12/2023 17:03:48:",
        "[23:58, 31/12/2023]",
        "[11:58\u202fPM, 12/31/2023]",
        "31.12.23 г., 23:58 -",
        "2023-12-31 23 h 58 -",
        "2023年12月31日 23:58 -",
        "2023년 12월 31일 오후 11:58 -",
    ],
)
def test_dates_of_any_country(said: Said, stamp: str) -> None:
    chat = f"{stamp} Ann: Hi\n{stamp} Bob B.: Ho: ho\n"
    assert said(chat, "chat.txt") == [("Ann", "Hi"), ("Bob B.", "Ho: ho")]


@pytest.mark.parametrize(
    "words",
    [
        *("<Media omitted>", "<Medien ausgeschlossen>", "image omitted", "null", "sticker omitted"),
        *("You deleted this message", "Missed voice call", "a b.pdf (archivo adjunto)"),
        *("Diese Nachricht wurde gelöscht.", "Se eliminó este mensaje", "Mensagem apagada"),
        *("Missed video call. Tap to call back", "Verpasster Sprachanruf", "Appel vidéo manqué"),
    ],
)
def test_what_stands_for_no_words_is_counted(read: Read, words: str) -> None:
    chat = f"1/1/24, 12:00 - Ann: Hi\n1/1/24, 12:00 - Ann: {words}\n"
    cues, notes = read(chat, "chat.txt")
    assert len(cues) == 1
    assert any(f"things without words are left out: 1 {words!r}" in note for note in notes)


@pytest.mark.parametrize(
    "words",
    [
        *("<3", "a <b> c", "null and void", "image omitted, sorry", "..."),
        *("Let us meet at 5.30 (not 6)", "I love Node.js (the new one)", "see a.com (broken)"),
        "Missed video call with granny, so sad",
        *("Please read the contract.pdf (the new one)", "look.jpg (very funny one)"),
        *("<sigh of relief>", "<so much>"),
    ],
)
def test_words_that_look_like_it_are_kept(said: Said, words: str) -> None:
    assert said(f"1/1/24, 12:00 - Ann: {words}\n1/1/24, 12:01 - Bob: Hi\n", "chat.txt")[0] == (
        "Ann",
        words,
    )


def test_what_stands_below_a_picture_is_said(read: Read) -> None:
    chat = (
        "1/1/24, 12:00 - Ann: IMG-1.jpg (file attached)\nLook at\nthis!\n"
        "1/1/24, 12:01 - Ann: report.pdf (file attached)\nreport\n"
        "[1/1/24, 12:02:00] Bob: Fine \u200e<attached: 2-PHOTO.jpg>\n"
        "[1/1/24, 12:02:00] Bob: report \u2022 \u200e2 pages \u200edocument omitted\n"
    )
    cues, notes = read(chat, "chat.txt")
    assert [cue.text for cue in cues] == ["Look at this!", "Fine"]
    assert any(": 3 pictures, deleted messages and other" in note for note in notes)


def test_no_line_is_neither_read_nor_counted(read: Read) -> None:
    chat = "exported by me\n" + ANDROID
    cues, notes = read(chat, "chat.txt")
    assert any("line 1: 1 lines before the first message are left out" in note for note in notes)
    assert len(cues) + 3 + 2 == sum(" - " in line for line in ANDROID.splitlines())


@pytest.mark.parametrize("name", ['Robert "Bob" Smith', "Dr. „Bob“ S.", 'ד"ר כהן'])
def test_names_may_have_quotation_marks(said: Said, name: str) -> None:
    assert said(f"1/1/24, 12:00 - {name}: Hi\n", "chat.txt") == [(name, "Hi")]


@pytest.mark.parametrize("old", ["", 'from "Old" '])
def test_a_colon_in_a_quotation_names_nobody(said: Said, old: str) -> None:
    chat = (
        f'1/1/24, 12:00 - Ann changed the subject {old}to "Party: now"\n1/1/24, 12:01 - Bob: Hi\n'
    )
    assert said(chat, "chat.txt") == [("Bob", "Hi")]


def test_a_chat_may_begin_in_the_middle_of_a_message(read: Read) -> None:
    messages = "".join(f"1/1/24, 12:0{n} - Ann: {n}\n" for n in range(3))
    cues, notes = read("a\nb\nc\nd\ne\nf\n" + messages, "chat.txt")
    assert [cue.text for cue in cues] == ["0", "1", "2"]
    assert "chat.txt: line 1: 6 lines before the first message are left out" in notes


def test_a_dated_log_of_irc_is_none(said: Said) -> None:
    log = (
        "[2024-01-05 10:00:00] <ann> hello\n[2024-01-05 10:00:10] <bob> ann: hi there\n"
        "[2024-01-05 10:00:20] <ann> bob: how are you\n[2024-01-05 10:00:30] * bob waves\n"
    )
    assert said(log, "irc.txt") == [
        ("ann", "hello"),
        ("bob", "ann: hi there"),
        ("ann", "bob: how are you"),
        ("bob", "waves"),
    ]


def test_what_names_nobody_behind_times_in_brackets_is_none(read: Read) -> None:
    text = "[1/5/2024 10:00 AM] ann\nhello there\n\n[1/5/2024 10:01 AM] bob\nho\n"
    _, notes = read(text, "discord.txt")
    assert not any("WhatsApp" in note for note in notes)


def test_a_chat_of_the_program_alone_has_no_messages(read: Read) -> None:
    with pytest.raises(InputError, match="a chat in which nobody says anything"):
        read("12/31/23, 11:58 - Messages are end-to-end encrypted.\n", "chat.txt")


@pytest.mark.parametrize("what", ["<Média kihagyva>", "a b.pdf (csatolt fájl)"])
def test_what_recurs_in_brackets_is_of_the_program_in_any_language(read: Read, what: str) -> None:
    chat = f"1/1/24, 12:00 - Ann: {what}\n1/1/24, 12:01 - Bob: {what}\n1/1/24, 12:02 - Bob: Hi\n"
    cues, notes = read(chat, "chat.txt")
    assert [cue.text for cue in cues] == ["Hi"]
    told = what.replace("a b.pdf", "...")
    assert any(f"things without words are left out: 2 {told!r}" in note for note in notes)


def test_a_file_with_digits_in_its_name_is_sent_in_any_language(read: Read) -> None:
    chat = "1/1/24, 12:00 - Ann: IMG-1.jpg (csatolt fájl)\n1/1/24, 12:02 - Bob: Hi\n"
    assert [cue.text for cue in read(chat, "chat.txt")[0]] == ["Hi"]


def test_what_is_left_out_once_is_named_with_its_line(read: Read) -> None:
    often = ("<Media omitted>", "null", "image omitted", "video omitted")
    lines = [*often, *often, "Missed voice call", "Hi"]
    chat = "".join(f"1/1/24, 12:00 - Ann: {line}\n" for line in lines)
    _, notes = read(chat, "chat.txt")
    assert "chat.txt: of these, 1 more are there once: line 9: 'Missed voice call'" in notes
