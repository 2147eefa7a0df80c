"""``ariigcn transcribe``."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.device import check_device
from ariigcn_dgl.files import refuse_existing, write_text
from ariigcn_dgl.speech.forms import form_of
from ariigcn_dgl.speech.transcribe import transcribe as transcribe_recording


def transcribe(
    file: str,
    out: str,
    recogniser: str | None = None,
    language: str | None = None,
    speakers: int | None = None,
    device: str = "cpu",
    offline: bool = False,
    track: str | None = None,
    skip_damaged: bool = False,
) -> None:
    """Turn the speech of a recording into subtitles with speakers' names, to be read and edited.

    Needs pip install "ariigcn_dgl[speech]", and pip install --no-deps resemblyzer to tell speakers
    apart. Without --recogniser nothing is downloaded, the speech must be English, and many words
    are wrong: pocketsphinx is small and old. Much better is a Whisper, as openai/whisper-small of
    the Hugging Face hub, which knows a hundred languages (docs/transcribe.md).

    The names are SPEAKER 1, SPEAKER 2 ... in order of speaking: replace them by real ones in an
    editor. ariigcn predict and ariigcn extract read the file as the recording's subtitles.

    Parameters
    ----------
    file : str
        Video or sound.
    out : str
        New file; its ending decides the form: .srt, .vtt, .csv or .json.
    recogniser : str
        pocketsphinx, a folder of a Whisper for transformers, or one of the hub (NAME@revision).
    language : str
        As en; by default a Whisper finds it out from the first stretch of speech.
    speakers : int
        How many there are; by default estimated from their voices.
    device : str
        Where a Whisper and the speaker encoder compute: cpu, cuda, cuda:1 ...
    offline : bool
        Download nothing: what was downloaded before is used.
    track : str
        Which of several sound tracks is heard: its number, from 1, or its language as the file
        writes it (eng); default: the one that is marked as default.
    skip_damaged : bool
        Hear the rest where more than half a second of the sound is damaged.
    """
    check_device(device)
    path = Path(out)
    form = form_of(path)
    refuse_existing(path)
    with shown("transcribe"):
        cues = transcribe_recording(
            Path(file),
            recogniser,
            note,
            speakers=speakers,
            language=language,
            device=device,
            offline=offline,
            sound_track=track,
            skip_damaged=skip_damaged,
        )
    write_text(path, form(cues))
    names = {cue.speaker for cue in cues}
    say(f"{len(cues)} utterances of {len(names)} speakers: {out}")
