"""The files of a labelled conversation: JSON, CSV, subtitles, a page."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ariigcn_dgl.answer import table_rows
from ariigcn_dgl.conversation.label import Answered
from ariigcn_dgl.conversation.labelled import Labelled, as_records, as_subtitles
from ariigcn_dgl.files import replacing, write_json
from ariigcn_dgl.report.conversation import Utterance
from ariigcn_dgl.report.player import url_beside
from ariigcn_dgl.report.timeline import timeline_html
from ariigcn_dgl.training.predict import predicted_cells, predicted_columns

SAID = ("utterance", "start", "end", "when", "speaker", "text")
COLUMNS = (*SAID, "prediction", "unsure")


def write_files(out: Path, name: str, answered: Answered, recording: Path | None) -> list[str]:
    """Write a folder of a labelled conversation, whole or not at all; return its files' names.

    Parameters
    ----------
    out : Path
        New folder: timeline.json, .csv, .html, and .srt where the times are known.
    name : str
        Of the conversation, for the page.
    answered : Answered
    recording : Path or None
        To be played beside the timeline.

    Raises
    ------
    InputError
        If the path exists or cannot be written.
    """
    labelled = answered.labelled
    header: dict[str, Any] = {
        "recording" if recording else "transcript": name,
        "system": answered.system,
        "trained_on": answered.trained_on,
        "modalities": list(answered.modalities),
    }
    if labelled.label_names:
        header |= {
            "labels": list(labelled.label_names),
            "calibrated": answered.calibrated,
            "unsure_below": labelled.bound,
        }
    if labelled.targets:
        header["targets"] = [one.spec.record() for one in labelled.targets]
    texts = {"csv": "", "html": _page(out, name, answered, recording)}
    if labelled.timed:
        texts["srt"] = as_subtitles(labelled)
    with replacing(out) as scratch:
        scratch.mkdir()
        write_json(scratch / "timeline.json", header | {"utterances": as_records(labelled)})
        for suffix, text in texts.items():
            (scratch / f"timeline.{suffix}").write_text(text, encoding="utf-8")
        with (scratch / "timeline.csv").open("w", newline="", encoding="utf-8") as file:
            columns = [*(COLUMNS if labelled.label_names else SAID), *_target_columns(labelled)]
            rows = table_rows(_records(labelled), columns, labelled.label_names)
            csv.writer(file).writerows(rows)
    return [f"timeline.{suffix}" for suffix in ("json", *texts)]


def _records(labelled: Labelled) -> Iterator[dict[str, Any]]:
    for record, unsure in zip(as_records(labelled), labelled.unsure.tolist(), strict=True):
        cells = dict[str, Any]()
        for one in labelled.targets:
            cells |= predicted_cells(one.spec, record["targets"][one.spec.name]["prediction"])
        yield {"probabilities": {}, **record, "unsure": "yes" if unsure else "", **cells}


def _target_columns(labelled: Labelled) -> list[str]:
    return [name for one in labelled.targets for name in predicted_columns(one.spec)]


def _page(out: Path, name: str, answered: Answered, recording: Path | None) -> str:
    labelled = answered.labelled
    shown = [
        Utterance(
            name=one.name,
            speaker=one.speaker,
            start=one.start if labelled.timed else None,
            end=one.end if labelled.timed else None,
            when=one.when,
            text=one.text,
            modalities=modalities,
        )
        for one, modalities in zip(labelled.spoken, labelled.modalities, strict=True)
    ]
    notes = [answered.by]
    if answered.abstention:
        notes.append(f"{answered.abstention[0].upper()}{answered.abstention[1:]}.")
    return timeline_html(
        shown,
        labelled.probabilities,
        labelled.label_names,
        title=name,
        notes=notes,
        left_open=labelled.left_open,
        calibrated=answered.calibrated,
        recording=None if recording is None else url_beside(recording, out),
        unsure=labelled.bound,
        targets=labelled.targets,
    )
