"""PocketSphinx: English by a model that its wheel carries, small, fast and weak."""

from __future__ import annotations

import re

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.optional import require
from ariigcn_dgl.speech.recogniser import Piece

NAME = "pocketsphinx"
_FRAME = 0.01  # seconds
_NO_WORD = re.compile(r"<.*>|\[.*\]")  # silences and noises, as <sil> and [NOISE]
_OTHER_WAY = re.compile(r"\(\d+\)$")  # "the(2)": another pronunciation of a word


class PocketSphinx:
    """Recognise English words, with their times.

    Parameters
    ----------
    language : str or None
        "en", or None.

    Raises
    ------
    InputError
        If pocketsphinx is not installed, or the language is another one.
    """

    name = NAME

    def __init__(self, language: str | None = None) -> None:
        if language not in (None, "en"):
            raise InputError(
                f"--language {language}: {NAME} knows English (en) only; name a Whisper with "
                "--recogniser, as openai/whisper-small, or a folder of one"
            )
        library = require("pocketsphinx", "speech")
        self._decoder = library.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def recognise(self, sound: np.ndarray) -> list[Piece]:
        """Return the words of one stretch of speech."""
        samples = (np.clip(sound, -1, 1) * np.iinfo(np.int16).max).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return []
        return [
            Piece(one.start_frame * _FRAME, (one.end_frame + 1) * _FRAME, f" {_spelt(one.word)}")
            for one in self._decoder.seg()
            if not _NO_WORD.fullmatch(one.word)
        ]

    def notes(self) -> list[str]:
        """Return how far its words can be trusted."""
        return [
            f"recognised by {NAME}, which needs no download but is weak: read the words before you "
            "use them, or name a better recogniser (--recogniser openai/whisper-small, or a folder "
            "of a Whisper)"
        ]


def _spelt(word: str) -> str:
    return _OTHER_WAY.sub("", word)
