"""``ariigcn predict --media``: from a recording to a timeline of emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.features import extract
from ariigcn_dgl.extract.labelled import Labelled, as_records, as_subtitles
from ariigcn_dgl.extract.manifest import load_encoders
from ariigcn_dgl.extract.spoken_transcript import from_subtitles
from ariigcn_dgl.files import refuse_existing, replacing, write_json
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.report.conversation import Utterance
from ariigcn_dgl.report.timeline import timeline_html
from ariigcn_dgl.training.trained import TrainedRun, abstention_of, mean_probabilities


def predict_media(
    chosen: Sequence[TrainedRun],
    media: Path,
    subtitles: Path | None,
    places: Mapping[str, str | None],
    modalities: list[str] | None,
    out: Path,
    coverage: float | None,
    offline: bool = False,
) -> None:
    """Label a recording's utterances; write timeline.json, .srt (where there are times), .html.

    With several seeds of a run the labels are those of their mean probabilities. The encoders
    compute where the models do.
    """
    refuse_existing(out)
    abstention = None if coverage is None else abstention_of(chosen, coverage)
    trained = chosen[0]
    wanted = _wanted(trained, modalities)
    device = str(trained.model.device)
    encoders = load_encoders(trained.folder.path.parent, wanted, places, note, device, offline)
    spoken = from_subtitles(media, subtitles, note)
    with shown("predict"):
        source = extract(str(media), spoken, encoders, note).dialogues
    adapted = trained.adapt(source)
    for sentence in trained.doubts(source):
        note(sentence)
    probabilities = mean_probabilities(chosen, adapted)
    left_open = None if abstention is None else abstention.leaves_open(probabilities)
    labelled = Labelled(spoken, _present(source), probabilities, trained.label_names, left_open)
    calibrated = all("calibration" in one.record for one in chosen)
    header = {
        "recording": media.name,
        "system": trained.config.system,
        "trained_on": trained.record["dataset"],
        "modalities": list(source.widths),
        "labels": list(trained.label_names),
        "calibrated": calibrated,
    }
    unsure = 0 if left_open is None else int(left_open.sum())
    words = [] if abstention is None else [abstention.in_words(unsure, len(spoken))]
    timed = all(one.start is not None for one in spoken)
    notes = [_sentence(trained, source), *(f"{one[0].upper()}{one[1:]}." for one in words)]
    with replacing(out) as scratch:
        scratch.mkdir()
        write_json(scratch / "timeline.json", header | {"utterances": as_records(labelled)})
        if timed:
            (scratch / "timeline.srt").write_text(as_subtitles(labelled), encoding="utf-8")
        page = _page(labelled, media.name, notes, calibrated)
        (scratch / "timeline.html").write_text(page, encoding="utf-8")
    used = ", ".join(source.widths)
    files = f"{out}/timeline.json{', .srt' if timed else ''} and .html"
    say(f"{len(spoken) - unsure} utterances labelled, from {used}: {files}")
    for sentence in words:
        say(sentence)


def _wanted(trained: TrainedRun, modalities: list[str] | None) -> list[str]:
    for name in modalities or ():
        if name not in trained.widths:
            raise InputError(
                f"--modalities: '{name}' was not trained, only {', '.join(trained.widths)}"
                f"{did_you_mean(name, trained.widths)}"
            )
    return [m for m in trained.widths if modalities is None or m in modalities]


def _present(source: Dialogues) -> list[tuple[str, ...]]:
    """Return the modalities of each utterance."""
    rows = np.stack(list(source.masks.values()), axis=1)
    return [tuple(m for m, there in zip(source.masks, row, strict=True) if there) for row in rows]


def _sentence(trained: TrainedRun, source: Dialogues) -> str:
    missing = [m for m in trained.widths if m not in source.widths]
    without = f", without {' and '.join(missing)}" if missing else ""
    return (
        f"Labelled by {trained.config.system}, trained on {trained.record['dataset']}, from "
        f"{', '.join(source.widths)}{without}."
    )


def _page(labelled: Labelled, title: str, notes: Sequence[str], calibrated: bool) -> str:
    shown = [
        Utterance(
            name=one.name,
            speaker=one.speaker,
            start=one.start,
            end=one.end,
            text=one.text,
            modalities=modalities,
        )
        for one, modalities in zip(labelled.spoken, labelled.modalities, strict=True)
    ]
    return timeline_html(
        shown,
        labelled.probabilities,
        labelled.label_names,
        title=title,
        notes=notes,
        left_open=labelled.left_open,
        calibrated=calibrated,
    )
