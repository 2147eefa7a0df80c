"""``ariigcn predict``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.bundle.opened import opened
from ariigcn_dgl.cli.chosen_runs import best_run, chosen_runs
from ariigcn_dgl.cli.predict_conversation import Listening, predict_conversation
from ariigcn_dgl.cli.predict_stream import answers, bounded_lines, longest_line
from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.conversation.label import Asked
from ariigcn_dgl.data import UNLABELLED, Dialogues, fingerprint
from ariigcn_dgl.data.source import load_for
from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import json_text
from ariigcn_dgl.extract.manifest import refuse_other_extraction
from ariigcn_dgl.files import refuse_existing
from ariigcn_dgl.progress import track as progress
from ariigcn_dgl.training.metrics import score
from ariigcn_dgl.training.predict import BATCH_SIZE, prediction_file
from ariigcn_dgl.training.run_spec import read_run_spec
from ariigcn_dgl.training.trained import TrainedRun, abstention_of, mean_probabilities
from ariigcn_dgl.transcripts.read import SUFFIXES

# Whole batches of the model: of a large set the numbers are those of all at once.
DIALOGUES_AT_ONCE = 64 * BATCH_SIZE
KEEP = 1000  # dialogues of a stream


def predict(
    run: str,
    data: str | None = None,
    media: str | None = None,
    transcript: str | None = None,
    stream: bool = False,
    out: str | None = None,
    seed: int | None = None,
    modalities: list[str] | None = None,
    text: str | None = None,
    audio: str | None = None,
    visual: str | None = None,
    recogniser: str | None = None,
    speakers: int | None = None,
    dialogue: list[str] | None = None,
    track: str | None = None,
    skip_damaged: bool = False,
    keep: int = KEEP,
    coverage: float | None = None,
    offline: bool = False,
    device: str = "cpu",
) -> None:
    """Label dialogues: of a data set, a chat, a recording, or a conversation still going on.

    --data DATA --out FILE labels a data set, with or without known labels; known ones are scored.

    --transcript FILE labels what people wrote or said: subtitles, a chat's export, lines of
    NAME: text, a table (docs/transcripts.md). --media FILE labels a recording, with the transcript
    that is named or lies beside it; without one its speech is recognised (ariigcn transcribe). Both
    print the conversation, and write a folder: timeline.json, timeline.csv, timeline.html (to be
    opened in a browser) and, where times are known, timeline.srt. Of several conversations in one
    file, as of all chats, all are labelled, each into a folder of its own, and timeline.csv has
    them together; --dialogue labels those that it names. The features are made as those of the
    training were: its data must have come from ariigcn extract, as that of the bundles that come
    with this package.

    --stream answers each line of the standard input on the standard output before it reads the
    next; the run must have been trained with --model.causal true. Answers have the fields of
    --data's, without what is known: of other targets than classes "targets". A line is
    {"dialogue": "d1", "speaker": "Ann", "features": {"text": [0.1, ...], "audio": [...]}}, with
    any of the trained modalities; "text": "Hello!" instead of features is encoded here. A line that
    cannot be used, or is longer than 64 KiB and 64 bytes a feature, is answered with its number and
    the error, and counts as not said. The line {"dialogue": "d1", "end": true} ends a dialogue,
    which is forgotten then; so is, of more than --keep dialogues, the one that has been silent for
    longest. Answers number the utterances of their dialogue: one that was forgotten begins again
    with 1.

    --coverage 0.8 leaves open what the run is least sure of: the bound on the probability of the
    most probable class is the one that answers 80 % of validation. An utterance below it has the
    prediction null (in subtitles and on the page "?") and its probabilities; every answer says
    whether it is "abstained".

    Parameters
    ----------
    run : str
        Run folder, the folder of one of its seeds, or a bundle: its file, the name of one that
        comes with this package (friends-text), or hub:OWNER/NAME of the Hugging Face hub, with
        @REVISION for another than its main branch.
    data : str
        The dialogues (see: ariigcn data check --help); all splits are labelled.
    media : str
        A video or sound file.
    transcript : str
        What was said, of any kind that docs/transcripts.md names; with --media default: the file
        beside the recording, of the same name.
    stream : bool
        Answer the standard input line by line.
    out : str
        New file of JSON lines: dialogue, utterance, speaker, label, prediction, probabilities;
        named .csv, a table of the same; with --transcript and --media a new folder, default: one
        named after the conversation.
    seed : int
        Which seed's model; default: the mean of all seeds' probabilities, with --stream the seed
        with the best validation score.
    modalities : list of {"text", "audio", "visual"}
        Use these only; default: all that are there. The others count as missing.
    text : str
        What the text encoder of the extraction is called now, a path or a name of the hub;
        default: what the run has recorded, at the same commit.
    audio : str
        The same of the audio encoder; default, of one that was trained: in the run folder.
    visual : str
        The same of the visual encoder.
    recogniser : str
        With --media without a transcript: what recognises speech, as of ariigcn transcribe.
    speakers : int
        With --media without a transcript: how many there are; default: estimated.
    dialogue : list of str
        With --transcript: which of the file's conversations, by their names; default: all.
    track : str
        With --media: which of several sound tracks is heard, as of ariigcn extract.
    skip_damaged : bool
        With --media: go on where the recording is damaged; what is lost there counts as missing.
    keep : int
        With --stream: how many dialogues are remembered.
    coverage : float
        Share of validation to answer, above 0 and up to 1; default: everything is answered.
    offline : bool
        Download nothing: bundles and encoders of the hub come from its cache.
    device : str
        Where to compute, with --media the features, too: cpu, cuda, cuda:1 ...
    """
    sources = {
        "--data": data,
        "--media": media,
        "--transcript": None if media else transcript,
        "--stream": stream or None,
    }
    given = [option for option, value in sources.items() if value is not None]
    if len(given) != 1:
        raise InputError("give one of --data, --media, --transcript and --stream")
    others = {
        "--out": out,
        "--modalities": modalities,
        "--text": text,
        "--audio": audio,
        "--visual": visual,
        "--recogniser": recogniser,
        "--speakers": speakers,
        "--track": track,
        "--skip_damaged": skip_damaged or None,
        "--keep": None if keep == KEEP else keep,
    }
    _refuse_others(given[0], others)
    if coverage is not None and not 0 < coverage <= 1:
        raise InputError(f"--coverage: is {coverage}, expected a share above 0 and up to 1")
    if dialogue is not None and given[0] not in ("--media", "--transcript"):
        raise InputError("--dialogue: chooses among the conversations of --transcript only")
    if data is not None and Path(data).suffix.lower() in SUFFIXES and Path(data).is_file():
        raise InputError(
            f"{data}: not a data set: expected an .npz archive or a folder; chats, subtitles and "
            "tables of words are named by --transcript"
        )
    if data is not None and out is None:
        raise InputError("--data: needs --out, what to write")
    check_device(device)
    with opened(run, causal=stream, note=note, offline=offline) as trained:
        if stream:
            _predict_stream(trained, seed, keep, coverage, device)
            return
        chosen = chosen_runs(trained, seed, device)
        if data is not None and out is not None:
            _predict_data(chosen, data, Path(out), modalities, coverage)
            return
        places = {"text": text, "audio": audio, "visual": visual}
        heard, words, folder = (Path(x) if x else None for x in (media, transcript, out))
        asked = Asked(modalities, places, coverage, offline, track, skip_damaged)
        listening = Listening(recogniser, speakers)
        predict_conversation(chosen, heard, words, asked, folder, listening, dialogue)


# Options that go with some sources alone.
_GOES_WITH = {
    "--out": ("--data", "--transcript", "--media"),
    "--modalities": ("--data", "--transcript", "--media"),
    "--text": ("--transcript", "--media"),
    "--keep": ("--stream",),
    **dict.fromkeys(
        ("--audio", "--visual", "--recogniser", "--speakers", "--track", "--skip_damaged"),
        ("--media",),
    ),
}


def _refuse_others(source: str, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None and source not in _GOES_WITH[option]:
            raise InputError(f"{option}: goes with {' and '.join(_GOES_WITH[option])} alone")


def _predict_data(
    chosen: Sequence[TrainedRun],
    data: str,
    out: Path,
    modalities: list[str] | None,
    coverage: float | None,
) -> None:
    refuse_existing(out)
    trained = chosen[0]
    abstention = None if coverage is None else abstention_of(chosen, coverage)
    spec = read_run_spec(trained.folder.path.parent)
    source = load_for(data, modalities, spec["targets"])
    refuse_other_extraction(trained.folder.path.parent, data, list(source.widths))
    dialogues = trained.adapt(source)
    for modality in [m for m in trained.widths if m not in source.widths]:
        note(f"{data}: has no {modality}; treated as missing")
    for sentence in trained.doubts(source):
        note(sentence)
    scoring = trained.scoring
    found, answered = list[np.ndarray](), list[np.ndarray]()
    with (
        shown("predict"),
        prediction_file(out, trained.label_names, abstention is not None, scoring) as write,
    ):
        for start in progress(range(0, dialogues.num_dialogues, DIALOGUES_AT_ONCE), "parts"):
            part = dialogues[start : start + DIALOGUES_AT_ONCE]
            answers = mean_probabilities(chosen, part)
            classes = scoring.of_classes(answers)
            left_open = None if abstention is None else abstention.leaves_open(classes)
            write(part, answers, left_open)
            found.append(answers.argmax(1) if scoring.plain else answers)
            answered.append(np.ones(len(part.labels), bool) if left_open is None else ~left_open)
    sure = np.concatenate(answered)
    used = ", ".join(source.widths)
    by = f" by the mean of {len(chosen)} seeds" if len(chosen) > 1 else ""
    unsure = int((~sure).sum())
    say(f"{dialogues.num_utterances - unsure} utterances labelled{by}, from {used}: {out}")
    if abstention is not None:
        say(abstention.in_words(unsure, dialogues.num_utterances))
    if scoring.plain:
        _say_scores(dialogues, np.concatenate(found), sure)
    elif scoring.scorable(dialogues):
        count = dialogues.labelled.sum()
        scores = scoring.score(dialogues, np.concatenate(found))
        say(f"{count} have a known label: {scores}")
    has_labels = dialogues.labelled.any()  # else no feature is hashed for nothing
    if has_labels and fingerprint(source) == trained.record["dataset_sha256"]:
        say(f"{data}: the run was trained on a part of it; ariigcn evaluate scores the test split")


def _say_scores(dialogues: Dialogues, found: np.ndarray, answered: np.ndarray) -> None:
    """Say how many of the answers are right, of those whose label is known."""
    known = answered & (dialogues.labels != UNLABELLED)
    if known.any():
        scores = score(dialogues.labels[known], found[known], dialogues.label_names)
        say(f"{known.sum()} of them have a known label: {scores} (percent)")


def _predict_stream(
    run: Path, seed: int | None, keep: int, coverage: float | None, device: str
) -> None:
    if keep < 1:
        raise InputError(f"--keep: is {keep}, expected at least 1")
    lines = refused = asked = unsure = 0
    best = best_run(chosen_runs(run, seed, device))
    abstention = None if coverage is None else abstention_of([best], coverage)
    received = bounded_lines(sys.stdin.buffer, longest_line(best))
    for answer in answers(best, received, keep, abstention):
        print(json_text(json.dumps(answer, ensure_ascii=False)), flush=True)
        lines += 1
        refused += "error" in answer
        asked += "prediction" in answer
        unsure += answer.get("abstained", False)
    if abstention is not None:  # not on the standard output, which has answers only
        note(abstention.in_words(unsure, asked))
    if refused:
        raise InputError(f"{refused} of {lines} lines were not used; see the errors in the answers")
