"""From a recording to who says what, when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import SAMPLE_RATE, probe, read_sound
from ariigcn_dgl.extract.voice import INSTALL, VoiceEncoder
from ariigcn_dgl.notes import Note
from ariigcn_dgl.optional import is_installed, require
from ariigcn_dgl.progress import track
from ariigcn_dgl.speech.activity import speech_probabilities
from ariigcn_dgl.speech.choose import make_recogniser
from ariigcn_dgl.speech.clustering import Speakers, cluster
from ariigcn_dgl.speech.recogniser import Piece, Recogniser
from ariigcn_dgl.speech.stretches import Stretch, grouped, stretches_of
from ariigcn_dgl.speech.utterances import utterances_of
from ariigcn_dgl.speech.voices import STEP, Turn, embeddings_of, turns_of, windows_of
from ariigcn_dgl.transcripts.cue import Cue


def transcribe(
    path: Path,
    recogniser: str | None,
    note: Note,
    *,
    speakers: int | None = None,
    language: str | None = None,
    device: str = "cpu",
    offline: bool = False,
    sound_track: str | None = None,
    skip_damaged: bool = False,
) -> list[Cue]:
    """Return what is said in a recording, by whom, from when to when.

    Speakers are called SPEAKER 1, SPEAKER 2 ... in order of speaking.

    Parameters
    ----------
    path : Path
        Recording that FFmpeg reads.
    recogniser : str or None
        See `make_recogniser`.
    note : callable
        Gets sentences about what is unsure, missing or unusual.
    speakers : int or None
        How many there are; None: estimated.
    language : str or None
        None: English, or what a Whisper finds.
    device : str
        Where a Whisper and the speaker encoder compute.
    offline : bool
        Download nothing.
    sound_track : str, optional
        Which of several sound tracks is heard: its number, from 1, or its language; default: the
        one that is marked as default.
    skip_damaged : bool
        Hear the rest where more than half a second of the sound is damaged.

    Raises
    ------
    InputError
        If a library is missing, an option cannot be used, the recording cannot be decoded, or it
        holds no sound, no speech or no word.
    """
    require("av", "speech")  # the extra that has all that is needed
    if not probe(path).sound:
        raise InputError(f"{path}: holds no sound, so there is nothing to transcribe")
    encoder = _voice_encoder(speakers, device, note)
    recognise = make_recogniser(recogniser, note, language, device, offline)
    sound = _sound(path, sound_track, note, skip_damaged)
    stretches = stretches_of(speech_probabilities(sound))
    if not stretches:
        raise InputError(
            f"{path}: no speech was found in {len(sound) / SAMPLE_RATE:.1f} s of sound"
        )
    pieces = _recognised(sound, grouped(stretches), recognise)
    if not pieces:
        raise InputError(
            f"{path}: no word was recognised in {_seconds(stretches):.1f} s of speech; name "
            "another recogniser or language (--recogniser, --language)"
        )
    _note_wordless(path, stretches, pieces, note)
    turns = _turns(path, sound, stretches, speakers, encoder, note)
    for sentence in recognise.notes():
        note(f"{path}: {sentence}")
    return [
        Cue(f"SPEAKER {one.speaker + 1}", one.text, round(one.start, 3), round(one.end, 3))
        for one in utterances_of(pieces, turns)
    ]


def _sound(path: Path, track: str | None, note: Note, skip_damaged: bool) -> np.ndarray:
    sound = read_sound(path, track, note, skip_damaged)
    return np.empty(0, np.float32) if sound is None else sound


def _voice_encoder(speakers: int | None, device: str, note: Note) -> VoiceEncoder | None:
    """Return what tells speakers apart, or None where that is not wanted or not possible."""
    if speakers is not None and speakers < 1:
        raise InputError(f"--speakers: is {speakers}, expected at least 1")
    if speakers is None and not is_installed("resemblyzer"):
        note(f"speakers are not told apart: resemblyzer is not installed ({INSTALL})")
        return None
    return None if speakers == 1 else VoiceEncoder(device)


def _recognised(
    sound: np.ndarray, groups: Sequence[Stretch], recogniser: Recogniser
) -> list[Piece]:
    """Return the pieces of text, with times of the recording."""
    return [
        Piece(group.start + one.start, group.start + one.end, one.text)
        for group in track(groups, "stretches of speech")
        for one in recogniser.recognise(group.of(sound))
        if one.text.strip()
    ]


def _turns(
    path: Path,
    sound: np.ndarray,
    stretches: Sequence[Stretch],
    wanted: int | None,
    encoder: VoiceEncoder | None,
    note: Note,
) -> list[Turn]:
    if encoder is None:
        return [Turn(one.start, one.end, 0) for one in stretches]
    windows = [windows_of(one) for one in stretches]
    seconds = np.array([window.seconds for group in windows for window in group])
    found = cluster(embeddings_of(sound, windows, encoder), seconds, STEP, wanted)
    note(f"{path}: {_in_words(found, wanted)}")
    return turns_of(windows, found.labels.tolist())


def _in_words(found: Speakers, wanted: int | None) -> str:
    """Return how many speakers there are, and how sure that is."""
    count = f"{found.count} speaker{'s' * (found.count != 1)}"
    if wanted is not None:
        few = found.count < wanted
        return f"{count}{f': there is too little speech for {wanted}' if few else ''}"
    doubt = f", perhaps {found.fewest} to {found.most}" if found.fewest < found.most else ""
    return f"{count}{doubt}, by the sound of the voices; --speakers N says how many"


def _note_wordless(
    path: Path, stretches: Sequence[Stretch], pieces: Sequence[Piece], note: Note
) -> None:
    """Say how much speech gave no words."""
    spoken = [Stretch(one.start, one.end) for one in pieces]
    silent, first = [], 0
    for stretch in stretches:
        while first < len(spoken) and spoken[first].end <= stretch.start:
            first += 1
        if first == len(spoken) or spoken[first].start >= stretch.end:
            silent.append(stretch)
    if silent:
        note(
            f"{path}: {_seconds(silent):.1f} of {_seconds(stretches):.1f} s of speech gave no "
            f"words, first at {silent[0].start:.1f} s"
        )


def _seconds(stretches: Sequence[Stretch]) -> float:
    return sum(one.seconds for one in stretches)
