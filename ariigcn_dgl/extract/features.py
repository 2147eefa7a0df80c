"""Features of utterances, in all modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.assemble import outline, with_features
from ariigcn_dgl.extract.audio import AudioEncoder
from ariigcn_dgl.extract.audio_training import AudioTraining, train_encoder
from ariigcn_dgl.extract.functionals import Functionals
from ariigcn_dgl.extract.media import probe
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.recordings import Perceived, perceive
from ariigcn_dgl.extract.speech_encoder import SpeechEncoder
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.progress import track

Hearing = AudioEncoder | Functionals | SpeechEncoder | Encoder
Ready = TextEncoder | Hearing | VisualEncoder


@dataclass(frozen=True)
class Encoders:
    """What makes features of each modality; None: it is left out.

    Parameters
    ----------
    text : TextEncoder, Encoder or None
    audio : AudioEncoder, Functionals, SpeechEncoder, Encoder, AudioTraining or None
        `AudioTraining`: one is to be trained on the labelled utterances.
    visual : VisualEncoder, Encoder or None
    """

    text: TextEncoder | Encoder | None = None
    audio: Hearing | AudioTraining | None = None
    visual: VisualEncoder | Encoder | None = None

    @property
    def ready(self) -> dict[str, Ready]:
        """Those that make features, by modality."""
        audio = None if isinstance(self.audio, AudioTraining) else self.audio
        named: Mapping[str, Ready | None]
        named = {"text": self.text, "audio": audio, "visual": self.visual}
        return {m: x for m, x in named.items() if x is not None}


@dataclass(frozen=True)
class Extracted:
    """A data set, and what made its features; the audio encoder is a trained one."""

    dialogues: Dialogues
    encoders: Encoders


def extract(
    name: str,
    utterances: Sequence[Spoken],
    encoders: Encoders,
    note: Note,
    skip_damaged: bool = False,
    device: str = "cpu",
) -> Extracted:
    """Return the data set of utterances.

    Parameters
    ----------
    name : str
        Of the data set.
    utterances : sequence of Spoken
        Those of a dialogue together.
    encoders : Encoders
    note : callable
        Gets sentences about what is missing or unusual.
    skip_damaged : bool
        What cannot be heard and seen because a recording is damaged counts as missing.
    device : str
        Where an audio encoder is trained; those that are ready know theirs.

    Raises
    ------
    InputError
        If a recording cannot be decoded or does not fit the utterances, or the audio encoder
        cannot be trained on them.
    """
    dialogues = outline(name, utterances)
    perceived = _perceive_all(utterances, encoders, note, skip_damaged)
    heard = [one.heard for one in perceived]
    if isinstance(encoders.audio, AudioTraining):
        splits = np.repeat(np.array(dialogues.splits), dialogues.lengths)
        trained = train_encoder(heard, dialogues.labels, splits, encoders.audio, note, device)
        encoders = replace(encoders, audio=trained)
    inputs: dict[str, Sequence[Any]] = {
        "text": [one.text or None for one in utterances],
        "audio": heard,
        "visual": [one.visual for one in perceived],
    }
    features, masks = {}, {}
    for modality, encoder in encoders.ready.items():
        mask = np.array([x is not None for x in inputs[modality]])
        rows = [x for x in inputs[modality] if x is not None]
        features[modality] = np.zeros((len(mask), encoder.width), np.float32)
        if rows:  # pictures were encoded while they were decoded
            features[modality][mask] = rows if modality == "visual" else encoder.encode(rows)
        masks[modality] = mask
    return Extracted(with_features(dialogues, features, masks), encoders)


def _perceive_all(
    utterances: Sequence[Spoken], encoders: Encoders, note: Note, skip_damaged: bool
) -> list[Perceived]:
    perceived = [Perceived(None, None)] * len(utterances)
    see, hear = encoders.visual, encoders.audio.prepare if encoders.audio else None
    if hear is None and see is None:  # text alone needs no recording
        return perceived
    of_recording: dict[Path, list[int]] = {}
    for n, one in enumerate(utterances):
        if one.recording is None:
            raise InputError(
                f"the utterance '{one.name}' has no recording to hear or see: use the text alone"
            )
        _ = one.times  # refused where unknown, before hours were spent on the others
        of_recording.setdefault(one.recording, []).append(n)
    for recording in () if skip_damaged else of_recording:
        probe(recording)  # refuses the most before hours were spent on the others
    for recording, rows in track(list(of_recording.items()), "recordings"):
        try:
            found = perceive(recording, [utterances[n] for n in rows], hear, see, note)
        except InputError as error:
            if not skip_damaged:
                raise
            note(f"{error}; its sound and pictures count as missing")
            continue
        for n, what in zip(rows, found, strict=True):
            perceived[n] = what
    return perceived
