"""``ariigcn transcribe``."""

from __future__ import annotations

from pathlib import Path

import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.transcripts.read import read_transcript
from tests.tiny_whisper import write_whisper
from tests.voice_weights import needs_voices

DIALOGUE = Path(__file__).parent.parent / "speech" / "dialogue.ogg"


@needs_voices
@pytest.mark.slow  # imports transformers and makes a model
def test_a_recording_becomes_subtitles_by_a_whisper(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_whisper(tmp_path / "whisper")
    options = ("--recogniser", str(tmp_path / "whisper"), "--language", "en", "--speakers", "2")
    main(["transcribe", str(DIALOGUE), "--out", str(tmp_path / "talk.srt"), *options])
    said = capsys.readouterr()
    cues = read_transcript(tmp_path / "talk.srt", print)
    assert said.out == f"{len(cues)} utterances of 2 speakers: {tmp_path / 'talk.srt'}\n"
    assert {cue.speaker for cue in cues} == {"SPEAKER 1", "SPEAKER 2"}
    assert f"{DIALOGUE}: 2 speakers\n" in said.err


@pytest.mark.parametrize(
    ("out", "options", "sentence"),
    [
        ("talk.txt", (), "expected a name that ends in .srt, .vtt, .csv or .json"),
        ("there.srt", (), "exists already"),
        ("talk.srt", ("--speakers", "0"), "--speakers: is 0, expected at least 1"),
        ("talk.srt", ("--device", "cuda:99"), "--device cuda:99: not usable here"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture, out: str, options: tuple, sentence: str
) -> None:
    (tmp_path / "there.srt").touch()
    with pytest.raises(SystemExit) as ended:
        main(["transcribe", str(DIALOGUE), "--out", str(tmp_path / out), *options])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "talk.srt").exists()
