"""``ariigcn predict`` of one conversation: a recording, a transcript, a chat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ariigcn_dgl.cli.conversation_table import conversation_table, speakers_table
from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say, show
from ariigcn_dgl.conversation.files import write_files
from ariigcn_dgl.conversation.label import Answered, Asked, label
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import file_name
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.spoken_transcript import from_subtitles, from_transcript
from ariigcn_dgl.files import refuse_existing
from ariigcn_dgl.training.trained import TrainedRun


def predict_conversation(
    runs: Sequence[TrainedRun],
    media: Path | None,
    words: Path | None,
    asked: Asked,
    out: Path | None,
) -> None:
    """Label a conversation, print it, and write its files.

    Parameters
    ----------
    runs : sequence of TrainedRun
        Seeds of a run; the encoders compute where their models do.
    media : Path or None
        The recording.
    words : Path or None
        The transcript; None: the subtitles beside the recording.
    asked : Asked
    out : Path or None
        New folder; None: one named after the conversation, in the working folder.
    """
    source = media or words
    if source is None:
        raise InputError("give a recording with --media, or a transcript with --transcript")
    out = out or _free(Path(f"{file_name(source.stem)}-emotions"))
    refuse_existing(out)
    spoken = _spoken(media, words)
    with shown("predict"):
        answered = label(runs, str(source), spoken, asked, note)
    files = write_files(out, source.name, answered, media)
    show(conversation_table(answered.labelled))
    print()
    show(speakers_table(answered.labelled))
    print()
    for sentence in _summary(answered):
        say(sentence)
    count = len(spoken) - sum(map(bool, answered.labelled.opens()))
    used = ", ".join(answered.modalities)
    say(f"{count} utterances labelled, from {used}: {out}/{', '.join(files)}")


def _spoken(media: Path | None, words: Path | None) -> list[Spoken]:
    if media is not None:
        return from_subtitles(media, words, note)
    assert words is not None
    return from_transcript(words, note)


def _summary(answered: Answered) -> list[str]:
    labelled = answered.labelled
    doubtful = int(labelled.unsure.sum())
    said = [answered.by]
    if answered.abstention:
        said.append(answered.abstention)
    elif doubtful:
        said.append(
            f"{doubtful} of {len(labelled.spoken)} answers are less than "
            f"{100 * labelled.bound:.0f} % probable: marked with ?"
        )
    if not answered.calibrated:
        said.append("The probabilities are not calibrated: likely surer than they are right.")
    if not labelled.timed:
        said.append("When things were said is not known in seconds: no subtitles are written.")
    return said


def _free(path: Path) -> Path:
    """Return a path that nothing is at: this one, or the next with a number."""
    candidates = (path.with_name(f"{path.name}-{n}") for n in range(2, 10**6))
    return path if not path.exists() else next(p for p in candidates if not p.exists())
