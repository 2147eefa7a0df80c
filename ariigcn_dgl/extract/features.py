"""Features of utterances, in all modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ariigcn_dgl import progress
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.extract.assemble import outline, with_features
from ariigcn_dgl.extract.audio import AudioEncoder
from ariigcn_dgl.extract.audio_training import AudioTraining, train_encoder
from ariigcn_dgl.extract.functionals import Functionals
from ariigcn_dgl.extract.jobs import work_on
from ariigcn_dgl.extract.kept import Kept
from ariigcn_dgl.extract.media import probe
from ariigcn_dgl.extract.on_ray import work_on_cluster
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.parts import Work, parts_of, tasks_of
from ariigcn_dgl.extract.present import where_present
from ariigcn_dgl.extract.rows import Rows
from ariigcn_dgl.extract.speech_encoder import SpeechEncoder
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text_training import TextTuning, tune_text
from ariigcn_dgl.extract.texts import TextReady, encoded_texts, note_what_was_cut, read_by
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.notes import Note
from ariigcn_dgl.ray_cluster import LOCAL

Hearing = AudioEncoder | Functionals | SpeechEncoder | Encoder
Ready = TextReady | Hearing | VisualEncoder


@dataclass(frozen=True)
class Encoders:
    """What makes features of each modality; None: it is left out.

    Parameters
    ----------
    text : TextEncoder, TunedTextEncoder, Encoder, TextTuning or None
        `TextTuning`: one is to be fine-tuned on the labelled utterances.
    audio : AudioEncoder, Functionals, SpeechEncoder, Encoder, AudioTraining or None
        `AudioTraining`: one is to be trained on the labelled utterances.
    visual : VisualEncoder, Encoder or None
    """

    text: TextReady | TextTuning | None = None
    audio: Hearing | AudioTraining | None = None
    visual: VisualEncoder | Encoder | None = None

    @property
    def ready(self) -> dict[str, Ready]:
        """Those that make features, by modality."""
        named = {"text": self.text, "audio": self.audio, "visual": self.visual}
        untrained = (TextTuning, AudioTraining)
        return {m: x for m, x in named.items() if x is not None and not isinstance(x, untrained)}


@dataclass(frozen=True)
class Extracted:
    """A data set, and what made its features; encoders that were to be trained are trained."""

    dialogues: Dialogues
    encoders: Encoders


def extract(
    name: str,
    utterances: Sequence[Spoken],
    encoders: Encoders,
    note: Note,
    skip_damaged: bool = False,
    device: str = "cpu",
    track: str | None = None,
    kept: Kept | None = None,
    jobs: int = 1,
    engine: str = LOCAL,
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
        What cannot be heard or seen because a recording is damaged counts as missing, of the
        utterances that the damage touches.
    device : str
        Where an audio encoder is trained; those that are ready know theirs.
    track : str, optional
        Which of several sound tracks is heard: its number, from 1, or its language; default: the
        one that is marked as default.
    kept : Kept, optional
        Where what is done is kept, and found by an extraction that goes on; default: nowhere.
    jobs : int
        How many processes decode recordings, and encode what they decode, at once.
    engine : str
        Where they do: on this machine, or on a Ray cluster (`ariigcn_dgl.ray_cluster.connected`).

    Raises
    ------
    InputError
        If a recording cannot be decoded or does not fit the utterances, or an encoder cannot be
        trained on them.
    """
    dialogues = outline(name, utterances)
    made: dict[str, Rows] = {}

    def add(modality: str, encoder: Ready) -> Rows:
        folder = None if kept is None else kept.folder
        made[modality] = Rows(len(utterances), encoder.width, folder)
        return made[modality]

    frames: list[Any] = []
    if encoders.audio is not None or encoders.visual is not None:  # text alone needs no recording
        trains = isinstance(encoders.audio, AudioTraining)
        work = Work(encoders.audio, trains, encoders.visual, skip_damaged, track, device, kept)
        for modality in encoders.ready.keys() - {"text"}:
            add(modality, encoders.ready[modality])
        frames = _perceive_all(utterances, work, made, note, jobs, engine)
    splits = dialogues.row_splits
    if isinstance(encoders.text, TextTuning):
        tuned = tune_text(encoders.text, utterances, dialogues.labels, splits, note)
        encoders = replace(encoders, text=tuned.encoder)
        there = [n for n, one in enumerate(utterances) if one.text]
        add("text", tuned.encoder).put(there, tuned.features)
    elif encoders.text is not None:
        rows, cut = add("text", encoders.text), list[int]()
        for numbers, block, longer in encoded_texts(
            encoders.text, read_by(encoders.text, utterances), kept, device
        ):
            rows.put(numbers, block)
            cut += longer
        note_what_was_cut(encoders.text, utterances, cut, note)
    if isinstance(encoders.audio, AudioTraining):
        trained = train_encoder(frames, dialogues.labels, splits, encoders.audio, note, device)
        encoders = replace(encoders, audio=trained)
        heard = where_present(trained.encode, frames)
        add("audio", trained).put(range(len(utterances)), heard)
    features = {modality: made[modality].features() for modality in encoders.ready}
    masks = {modality: made[modality].mask for modality in encoders.ready}
    return Extracted(with_features(dialogues, features, masks), encoders)


def _perceive_all(
    utterances: Sequence[Spoken],
    work: Work,
    made: Mapping[str, Rows],
    note: Note,
    jobs: int,
    engine: str,
) -> list[Any]:
    """Put what is heard and seen into rows; return what an encoder is to be trained on, if any."""
    tasks = tasks_of(work, parts_of(utterances))
    todo = [one for one in tasks if work.kept is None or not work.kept.has(one.decides)]
    recordings, left = (
        [path for one in x for path, _ in one.part.recordings] for x in (tasks, todo)
    )
    if len(left) < len(recordings):
        note(f"goes on with {len(recordings) - len(left)} of {len(recordings)} recordings done")
    for recording in () if work.skip_damaged else left:
        probe(recording)  # refuses the most before hours were spent on the others
    frames: list[Any] = [None] * len(utterances) if work.trains else []
    skipped: list[str] = []
    counted = progress.track(recordings, "recordings")
    worked_on = (
        work_on(work, tasks, jobs) if engine == LOCAL else work_on_cluster(engine, work, tasks)
    )
    for task, found in zip(tasks, worked_on, strict=True):
        for sentence in found.notes:
            note(sentence)
        skipped += found.skipped
        numbers = task.part.rows
        heard = [one.heard for one in found.perceived]
        seen = [one.visual for one in found.perceived]
        if work.trains:
            for n, what in zip(numbers, heard, strict=True):
                frames[n] = what
        elif "audio" in made:
            made["audio"].put(numbers, heard)
        if "visual" in made:
            made["visual"].put(numbers, seen)
        for _ in task.part.recordings:
            next(counted)
    next(counted, None)  # it has ended
    if skipped:
        note(
            f"{len(skipped)} of {len(recordings)} recordings could not be decoded, and are "
            f"missing: {', '.join(skipped)}"
        )
    return frames
