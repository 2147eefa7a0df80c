"""Subtitles: SubRip and WebVTT."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ariigcn_dgl.conversation.labelled import Labelled, as_subtitles
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.transcripts.read import read_transcript
from fuzz.readers.reader import Reader, Seed
from fuzz.target import Case, WrongAnswer

SRT = "".join(
    f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\n{name}: Hello <i>you</i> {n}\n\n"
    for n, name in enumerate(("ANN", "BOB", "ANN", "SPEAKER_01", "Cem"), 1)
)
VTT = "WEBVTT\n\nNOTE x\n\n" + "".join(
    f"00:{n:02}.000 --> 00:{n:02}.900 align:start\n<v Ann Lee>Hi &amp; {n}</v>\n- Yes\n- No\n\n"
    for n in range(1, 9)
)


class Subtitles(Reader):
    """What is read must survive being written with emotions and read again."""

    name = "subtitles"

    def good(self) -> list[Seed]:
        """Return one of each kind."""
        return [
            Seed(name, {name: text.encode()}) for name, text in (("a.srt", SRT), ("a.vtt", VTT))
        ]

    def run(self, case: Case, folder: Path) -> None:
        """Read them, write them as `ariigcn predict --media` does, and read them again."""
        (name,) = case.files
        cues = read_transcript(folder / name, _heard)
        spoken = [
            Spoken(folder, "a", f"a_{n}", cue.speaker, cue.start, cue.end, cue.text)
            for n, cue in enumerate(cues)
        ]
        again = self.folder / "again.srt"
        probabilities = np.full((len(spoken), 2), 0.5)
        labelled = Labelled(spoken, [()] * len(spoken), probabilities, ["a", "b"])
        again.write_text(as_subtitles(labelled), encoding="utf-8")
        if len(read_transcript(again, _heard)) != len(spoken):
            raise WrongAnswer(f"timeline.srt would not have the {len(spoken)} cues that were read")


def _heard(sentence: str) -> None:
    """Take a note and forget it."""
