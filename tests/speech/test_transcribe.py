"""From a recording to who says what, when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl import optional
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.progress import told
from ariigcn_dgl.speech import transcribe as module
from ariigcn_dgl.speech.forms import FORMS
from ariigcn_dgl.speech.recogniser import Piece
from ariigcn_dgl.speech.stretches import Stretch
from ariigcn_dgl.speech.transcribe import transcribe
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_transcript
from tests.extract.media.tones import write
from tests.voice_weights import needs_voices


class Listening:
    """Keeps what it is told of loops."""

    def __init__(self) -> None:
        self.heard: list = []

    def began(self, what: str, total: int) -> int:
        self.heard.append((what, total))
        return 0

    def advanced(self, loop: int) -> None:
        self.heard.append(loop)

    def ended(self, loop: int) -> None:
        self.heard.append("ended")


class Loud:
    """Hears "ah" in the first half of each second."""

    name = "loud"

    def recognise(self, sound: np.ndarray) -> list[Piece]:
        seconds = range(len(sound) // 16_000)
        return [*(Piece(t, t + 0.5, " ah") for t in seconds), Piece(0.6, 0.7, " ")]

    def notes(self) -> list[str]:
        return ["hears little"]


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognise without a model."""
    monkeypatch.setattr(module, "make_recogniser", lambda *options: Loud())


@pytest.fixture(scope="module")
def heard(dialogue: Path) -> tuple[list[Cue], list[str]]:
    """Return what pocketsphinx hears in the dialogue, and the notes."""
    notes: list[str] = []
    return transcribe(dialogue, None, notes.append), notes


@needs_voices
@pytest.mark.slow
def test_turns_become_utterances_of_their_speakers(heard: tuple, turns: tuple) -> None:
    cues, notes = heard
    assert [cue.speaker for cue in cues] == ["SPEAKER 1", "SPEAKER 2"] * 2
    for cue, (start, end, _) in zip(cues, turns, strict=True):
        assert (cue.start, cue.end) == pytest.approx((start, end), abs=0.15)
    assert "2 speakers, by the sound of the voices" in notes[0]
    assert "pocketsphinx, which needs no download but is weak" in notes[1]


@pytest.mark.slow
def test_most_words_are_recognised(heard: tuple, turns: tuple) -> None:
    said = " ".join(text for *_, text in turns).lower().replace(".", "").replace("?", "").split()
    found = " ".join(cue.text for cue in heard[0]).split()
    assert len(set(said) & set(found)) > 0.7 * len(set(said))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMS)
def test_every_form_is_read_back(heard: tuple, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    path.write_text(FORMS[suffix](heard[0]))
    assert read_transcript(path, print) == heard[0]


@needs_voices
def test_the_number_of_speakers_can_be_given(loud: None, dialogue: Path, notes: list) -> None:
    assert {cue.speaker for cue in transcribe(dialogue, None, notes.append, speakers=1)} == {
        "SPEAKER 1"
    }
    two = transcribe(dialogue, None, notes.append, speakers=2)
    assert {cue.speaker for cue in two} == {"SPEAKER 1", "SPEAKER 2"}
    assert notes[-2:] == [f"{dialogue}: 2 speakers", f"{dialogue}: hears little"]


def test_a_recording_that_ends_early_is_heard_to_its_end_where_that_is_asked_for(
    loud: None, sound: np.ndarray, tmp_path: Path, notes: list
) -> None:
    path = write(tmp_path / "talk.mka", [(0.0, (2**15 * sound).astype(np.int16))], codec="flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with pytest.raises(InputError, match=r"talk\.mka: the sound is damaged .* by --skip_damaged"):
        transcribe(path, None, notes.append, speakers=1)
    assert transcribe(path, None, notes.append, speakers=1, skip_damaged=True)[-1].end < 9
    assert any(" of the sound is damaged; silent there" in note for note in notes)


def test_the_sound_track_is_chosen(loud: None, dialogue: Path, notes: list) -> None:
    assert transcribe(dialogue, None, notes.append, speakers=1, sound_track="1")
    with pytest.raises(InputError, match="has no sound track '2', only 1"):
        transcribe(dialogue, None, notes.append, speakers=1, sound_track="2")


def test_what_is_missing_is_installed_by_the_extra_that_has_all_of_it(
    monkeypatch: pytest.MonkeyPatch, dialogue: Path, notes: list
) -> None:
    monkeypatch.setattr(optional, "is_installed", lambda name: name != "av")
    with pytest.raises(InputError, match=r'av, which is not installed: .*"ariigcn_dgl\[speech\]"'):
        transcribe(dialogue, None, notes.append)


def test_speech_without_words_is_told(notes: list) -> None:
    stretches = [Stretch(0.0, 2.0), Stretch(3.0, 4.0), Stretch(5.0, 6.0)]
    pieces = [Piece(0.5, 1.0, " a"), Piece(5.5, 5.6, " b")]
    module._note_wordless(Path("a.wav"), stretches, pieces, notes.append)
    assert notes == ["a.wav: 1.0 of 4.0 s of speech gave no words, first at 3.0 s"]


def test_without_the_speaker_encoder_there_is_one_speaker_and_a_note(
    loud: None, dialogue: Path, notes: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_installed", lambda package: False)
    found = transcribe(dialogue, None, notes.append)
    assert {cue.speaker for cue in found} == {"SPEAKER 1"}
    assert notes[0] == (
        "speakers are not told apart: resemblyzer is not installed (pip install --no-deps "
        "resemblyzer)"
    )


def test_who_listens_is_told_of_the_stretches(loud: None, dialogue: Path) -> None:
    listener = Listening()
    with told(listener):
        transcribe(dialogue, None, print, speakers=1)
    assert listener.heard == [("stretches of speech", 1), 0, "ended"]


@pytest.mark.parametrize("speakers", [0, -1])
def test_fewer_than_one_speaker_is_refused(dialogue: Path, speakers: int) -> None:
    with pytest.raises(InputError, match=f"--speakers: is {speakers}, expected at least 1"):
        transcribe(dialogue, None, print, speakers=speakers)


def test_another_language_than_english_needs_a_whisper(dialogue: Path) -> None:
    with pytest.raises(InputError, match=r"--language de: pocketsphinx knows English \(en\) only"):
        transcribe(dialogue, None, print, language="de")


def test_a_recogniser_that_is_nowhere_is_refused(dialogue: Path) -> None:
    with pytest.raises(
        InputError, match=r"--recogniser nowhere/model\.bin: no such file or folder"
    ):
        transcribe(dialogue, "nowhere/model.bin", print)


def test_what_holds_no_speech_is_refused(record: Callable, tmp_path: Path) -> None:
    scenes = [(1.0, 400.0, (9, 9, 9))]
    with pytest.raises(InputError, match=r"nothing\.mp4: no such file"):
        transcribe(tmp_path / "nothing.mp4", None, print)
    silent = record(tmp_path / "silent.mp4", scenes, sound=False)
    with pytest.raises(InputError, match=r"silent\.mp4: holds no sound, so there is nothing to tr"):
        transcribe(silent, None, print)
    tone = record(tmp_path / "tone.wav", scenes, pictures=False)
    with pytest.raises(InputError, match=r"tone.wav: no speech was found in 1\.\d s of sound"):
        transcribe(tone, None, print)


def test_speech_without_any_word_is_refused(
    loud: None, dialogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loud, "recognise", lambda self, sound: [])
    with pytest.raises(InputError, match=r"no word was recognised in \d\.\d s of speech; name an"):
        transcribe(dialogue, None, print, speakers=1)
