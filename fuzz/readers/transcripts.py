"""Transcripts of every kind: chats, tables, subtitles, annotations."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from pathlib import Path

from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_dialogues, read_transcript
from ariigcn_dgl.transcripts.write import as_srt
from fuzz.readers.reader import Reader, Seed
from fuzz.target import Case, WrongAnswer

_TURNS = [("Ann Lee", "Hello, you!"), ("Bob", "Why <i>now</i> & here: go?"), ("Ann Lee", "Ho")] * 3
_ASS = "[Script Info]\n[Events]\nFormat: Start, End, Name, Text\n" + "".join(
    f"Dialogue: 0:00:{n:02}.00,0:00:{n:02}.90,{who},{{\\i1}}{what}\\Nso\n"
    for n, (who, what) in enumerate(_TURNS)
)
_TTML = (
    '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="x"><head><metadata><ttm:agent xml:id="a">'
    "<ttm:name>Ann</ttm:name></ttm:agent></metadata></head><body><div>"
    + "".join(f'<p begin="{n}s" dur="900ms" ttm:agent="a">Hi<br/>{n}</p>' for n in range(9))
    + "</div></body></tt>"
)
_GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n9\n<exists>\n2\n' + "".join(
    f'"IntervalTier"\n"{name}"\n0\n9\n3\n0\n1\n"Hi ""you"""\n1\n2\n""\n2\n9\n"No"\n'
    for name in ("Ann - words", "Bob")
)
_WHATSAPP = "".join(
    f"{n}/1/24, 10:0{n}\u202fPM - {who}: {what}\nmore\n" for n, (who, what) in enumerate(_TURNS, 1)
)
_MESSAGES = [
    {"type": "message", "from": who, "date": "2024-01-01", "text": [what, {"text": "!"}]}
    for who, what in _TURNS
]
_SEGMENTS = [{"start": n, "end": n + 0.5, "text": what} for n, (_, what) in enumerate(_TURNS)]
_KINDS = {
    "a.ass": _ASS,
    "a.ttml": _TTML,
    "a.TextGrid": _GRID,
    "chat.txt": _WHATSAPP,
    "result.json": json.dumps({"name": "Bob", "messages": _MESSAGES}),
    "whisper.json": json.dumps({"text": "x", "segments": _SEGMENTS}),
    "plain.txt": "".join(f"[00:0{n}] {who}: {what}\n" for n, (who, what) in enumerate(_TURNS)),
    "meeting.txt": "".join(f"{who}  0:0{n}\n{what}\n\n" for n, (who, what) in enumerate(_TURNS)),
    "zoom.txt": "".join(
        f"10:0{n}:00\t From {who} to Everyone:\n\t{what}\n" for n, (who, what) in enumerate(_TURNS)
    ),
    "discord.txt": f"{'=' * 62}\nGuild: X\nChannel: y\n{'=' * 62}\n"
    + "".join(f"\n[1/5/2024 10:0{n}] {who}\n{what}\n" for n, (who, what) in enumerate(_TURNS)),
    "a.sbv": "".join(
        f"0:00:0{n}.000,0:00:0{n}.500\n{who}: {what}\n\n" for n, (who, what) in enumerate(_TURNS)
    ),
    "a.csv": "speaker,text,start,end\n" + "".join(f'{who},"{what}",1,2\n' for who, what in _TURNS),
    "a.sub": "{1}{1}25\n" + "".join(f"{{{n}5}}{{{n}9}}A: Hi|{n}\n" for n in range(1, 9)),
    "a.ctm": "".join(f"talk 1 {n}.0 0.5 word{n} 0.9\n" for n in range(9)),
}


class Transcripts(Reader):
    """What is read has words, names and times in order, and survives being written as subtitles."""

    name = "transcripts"

    def good(self) -> list[Seed]:
        """Return one of each kind."""
        return [Seed(name, {name: text.encode()}) for name, text in _KINDS.items()]

    def run(self, case: Case, folder: Path) -> None:
        """Read the dialogues; write each with times as SubRip and read it again."""
        (name,) = case.files
        for cues in read_dialogues(folder / name, _heard).values():
            if not all(cue.text and cue.speaker for cue in cues):
                raise WrongAnswer("a cue without words or without a speaker")
            timed = [one for one in cues if one.end not in (None, inf)]
            if timed:
                self._write(sorted(map(_rounded, timed), key=lambda one: one.start or 0.0))

    def _write(self, cues: list[Cue]) -> None:
        again = self.folder / "again.srt"
        again.write_text(as_srt(cues), encoding="utf-8")
        found = read_transcript(again, _heard)
        if len(set(cues)) == len(cues) == len(found) and found != cues:
            raise WrongAnswer(f"{found} was read again, {cues} was written")


def _rounded(cue: Cue) -> Cue:
    """Return a cue with the times that subtitles hold."""
    start, end = (round(x or 0.0, 3) for x in (cue.start, cue.end))
    return replace(cue, start=start, end=end, when="")


def _heard(sentence: str) -> None:
    """Take a note and forget it."""
