"""The files of labelled conversations: JSON, CSV, subtitles, a page."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ariigcn_dgl.answer import table_rows
from ariigcn_dgl.conversation.label import Answered
from ariigcn_dgl.conversation.labelled import Labelled, as_records, as_subtitles
from ariigcn_dgl.escape import file_name
from ariigcn_dgl.files import replacing, write_json
from ariigcn_dgl.report.conversation import Utterance
from ariigcn_dgl.report.player import url_beside
from ariigcn_dgl.report.timeline import timeline_html
from ariigcn_dgl.training.predict import predicted_cells, predicted_columns

SAID = ("utterance", "start", "end", "when", "speaker", "text")
COLUMNS = (*SAID, "prediction", "unsure")
TABLE = "timeline.csv"


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
    with replacing(out) as scratch:
        return _fill(scratch, out, name, answered, recording)


def write_all(
    out: Path, name: str, answered: Mapping[str, Answered], recording: Path | None
) -> dict[str, str]:
    """Write a folder of several labelled conversations, whole or not at all.

    It has a folder for each, as `write_files` writes them, and ``timeline.csv`` with the utterances
    of all, whose first column names the conversation.

    Parameters
    ----------
    out : Path
    name : str
        Of what holds the conversations.
    answered : mapping of str to Answered
        By the name of the conversation; not empty.
    recording : Path or None

    Returns
    -------
    dict of str to str
        The folder of each conversation.

    Raises
    ------
    InputError
        If the path exists or cannot be written.
    """
    folders = dict(zip(answered, _apart(list(map(file_name, answered))), strict=True))
    with replacing(out) as scratch:
        scratch.mkdir()
        for own, one in answered.items():
            folder = folders[own]
            _fill(scratch / folder, out / folder, f"{name}: {own}", one, recording)
        records = (
            {"dialogue": own, **record}
            for own, one in answered.items()
            for record in _records(one.labelled)
        )
        first = next(iter(answered.values())).labelled
        _write_table(scratch / TABLE, first, records, ["dialogue"])
    return folders


def _apart(names: Sequence[str]) -> list[str]:
    """Return names that stay apart where capitals do not count, the second of a kind with a 2.

    Examples
    --------
    >>> _apart(["Bob", "bob", "Ann"])
    ['Bob', 'bob (2)', 'Ann']
    """
    taken, found = {TABLE}, list[str]()
    for name in names:
        candidates = (f"{name} ({n})" if n > 1 else name for n in count(1))
        free = next(x for x in candidates if x.casefold() not in taken)
        taken.add(free.casefold())
        found.append(free)
    return found


def _fill(
    folder: Path, place: Path, name: str, answered: Answered, recording: Path | None
) -> list[str]:
    """Write the files of one conversation into a new folder, which will lie at `place`."""
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
    texts = {"html": _page(place, name, answered, recording)}
    if labelled.timed:
        texts["srt"] = as_subtitles(labelled)
    folder.mkdir()
    write_json(folder / "timeline.json", header | {"utterances": as_records(labelled)})
    _write_table(folder / TABLE, labelled, _records(labelled))
    for suffix, text in texts.items():
        (folder / f"timeline.{suffix}").write_text(text, encoding="utf-8")
    return ["timeline.json", TABLE, *(f"timeline.{suffix}" for suffix in texts)]


def _write_table(
    path: Path,
    labelled: Labelled,
    records: Iterable[Mapping[str, Any]],
    before: Sequence[str] = (),
) -> None:
    """Write records of utterances as a table; `before`: columns in front of the others."""
    columns = [*before, *(COLUMNS if labelled.label_names else SAID), *_target_columns(labelled)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table_rows(records, columns, labelled.label_names))


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
