"""``ariigcn predict`` of conversations: a recording, a transcript, a chat, or all chats."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ariigcn_dgl.cli.conversation_table import (
    conversation_table,
    conversations_table,
    speakers_table,
)
from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say, show
from ariigcn_dgl.conversation.files import TABLE, write_all, write_files
from ariigcn_dgl.conversation.label import Answered, Asked, encoders_for, label
from ariigcn_dgl.conversation.labelled import UNSURE
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import file_name
from ariigcn_dgl.extract.beside import transcript_beside
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.spoken_transcript import conversations_of, of_cues
from ariigcn_dgl.files import refuse_existing, writable
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.progress import track
from ariigcn_dgl.speech.transcribe import transcribe
from ariigcn_dgl.training.trained import TrainedRun, abstention_of

MOST_NAMED = 5  # conversations that an error lists


@dataclass(frozen=True)
class Listening:
    """How speech is recognised: by what, and of how many speakers; None: as `transcribe` does."""

    recogniser: str | None = None
    speakers: int | None = None


def predict_conversation(
    runs: Sequence[TrainedRun],
    media: Path | None,
    words: Path | None,
    asked: Asked,
    out: Path | None,
    listening: Listening,
    wanted: Sequence[str] | None = None,
) -> None:
    """Label a conversation, print it, and write its files; or several, which are printed in sum.

    Parameters
    ----------
    runs : sequence of TrainedRun
        Seeds of a run; the encoders compute where their models do.
    media : Path or None
        The recording.
    words : Path or None
        The transcript; None: the one beside the recording, or what is recognised in it.
    asked : Asked
    out : Path or None
        New folder; None: one named after the conversation, in the working folder.
    listening : Listening
        For a recording without a transcript.
    wanted : sequence of str or None
        Those conversations of the transcript that are labelled, by their names; None: all.
    """
    source = media or words
    if source is None:
        raise InputError("give a recording with --media, or a transcript with --transcript")
    if out is not None:
        refuse_existing(out)
    encoders = encoders_for(runs, media is not None, asked, note)  # before speech is recognised
    found = _spoken(media, words, listening, str(runs[0].model.device), asked)
    chosen = found if wanted is None else _chosen(words or source, found, wanted)
    answered = dict[str, Answered]()
    with shown("predict"):
        for name, spoken in track(list(chosen.items()), "conversations"):
            where = f"{source}: {name}" if name else str(source)
            answered[name] = label(runs, where, spoken, encoders, asked, note)
    if len(answered) > 1:
        out = out or _free(Path(f"{file_name(source.stem)}-emotions"))
        _several(out, source.name, answered, media, runs, asked)
        return
    ((name, only),) = answered.items()
    title, stem = source.name, source.stem
    if len(found) > 1:  # one of several
        title, stem = f"{title}: {name}", f"{stem}_{name}"
    _one(out or _free(Path(f"{file_name(stem)}-emotions")), title, only, media)


def _one(out: Path, title: str, answered: Answered, media: Path | None) -> None:
    files = write_files(out, title, answered, media)
    show(conversation_table(answered.labelled))
    print()
    show(speakers_table(answered.labelled))
    print()
    for sentence in _summary(answered):
        say(sentence)
    count = len(answered.labelled.spoken) - sum(map(bool, answered.labelled.opens()))
    used = ", ".join(answered.modalities)
    say(f"{count} utterances labelled, from {used}: {out}/{', '.join(files)}")


def _several(
    out: Path,
    title: str,
    answered: Mapping[str, Answered],
    media: Path | None,
    runs: Sequence[TrainedRun],
    asked: Asked,
) -> None:
    folders = write_all(out, title, answered, media)
    labelled = {name: one.labelled for name, one in answered.items()}
    show(conversations_table(labelled))
    print()
    for sentence in dict.fromkeys(x for one in answered.values() for x in _about(one)):
        say(sentence)
    total = sum(len(one.spoken) for one in labelled.values())
    opens = sum(sum(map(bool, one.opens())) for one in labelled.values())
    doubtful = sum(int(one.unsure.sum()) for one in labelled.values())
    if asked.coverage is not None:
        say(abstention_of(runs, asked.coverage).in_words(opens, total))
    elif doubtful:
        say(f"{_doubt(doubtful, total)}: 'yes' in the column unsure")
    untimed = sum(not one.timed for one in labelled.values())
    if untimed:
        say(
            f"When things were said is not known in seconds in {untimed} of {len(labelled)} "
            "conversations: no subtitles are written of them."
        )
    first = next(iter(answered))
    say(f"--dialogue {shlex.quote(first)} labels and shows that one alone")
    used = ", ".join(dict.fromkeys(x for one in answered.values() for x in one.modalities))
    say(
        f"{total - opens} utterances of {len(answered)} conversations labelled, from {used}: "
        f"{out}/{TABLE} of all, and a folder for each, as {out}/{folders[first]}/timeline.html"
    )


def _chosen(
    source: Path, found: Mapping[str, list[Spoken]], wanted: Sequence[str]
) -> dict[str, list[Spoken]]:
    """Return the conversations that are wanted, in the order of the file."""
    if list(found) == [""]:
        raise InputError(f"--dialogue: {source} holds one conversation: leave the option out")
    for name in wanted:
        if name not in found:
            names = ", ".join(map(repr, list(found)[:MOST_NAMED]))
            raise InputError(
                f"--dialogue: {source} holds no conversation {name!r}, only {names}"
                f"{', ...' * (len(found) > MOST_NAMED)}{did_you_mean(name, found)}"
            )
    return {name: spoken for name, spoken in found.items() if name in wanted}


def _spoken(
    media: Path | None, words: Path | None, listening: Listening, device: str, asked: Asked
) -> dict[str, list[Spoken]]:
    """Return what was said: of a transcript, beside the recording, or recognised in it."""
    if media is None:
        assert words is not None
        return conversations_of(words, note)
    if not media.is_file():
        raise InputError(f"{media}: no such file")
    words = words or transcript_beside(media)
    if words is not None:
        return conversations_of(words, note, media)
    note(f"{media}: no transcript beside it: its speech is recognised (ariigcn transcribe)")
    with shown("transcribe"):
        cues = transcribe(
            media,
            listening.recogniser,
            note,
            speakers=listening.speakers,
            device=device,
            offline=asked.offline,
            sound_track=asked.track,
            skip_damaged=asked.skip_damaged,
        )
    return {"": of_cues(media, writable(media.stem), cues)}


def _summary(answered: Answered) -> list[str]:
    labelled = answered.labelled
    doubtful = int(labelled.unsure.sum())
    by, *others = _about(answered)
    said = [by]
    if answered.abstention:
        said.append(answered.abstention)
    elif doubtful:
        said.append(f"{_doubt(doubtful, len(labelled.spoken))}: marked with ?")
    said += others
    if not labelled.timed:
        said.append("When each was said is not known in seconds: no subtitles are written.")
    return said


def _about(answered: Answered) -> list[str]:
    """Return by what a conversation was labelled, and whether its probabilities can be trusted."""
    doubt = "The probabilities are not calibrated: likely surer than they are right."
    return [answered.by, *([] if answered.calibrated else [doubt])]


def _doubt(doubtful: int, total: int) -> str:
    return f"{doubtful} of {total} answers are less than {100 * UNSURE:.0f} % probable"


def _free(path: Path) -> Path:
    """Return a path that nothing is at: this one, or the next with a number."""
    candidates = (path.with_name(f"{path.name}-{n}") for n in range(2, 10**6))
    return path if not path.exists() else next(p for p in candidates if not p.exists())
