"""``ariigcn predict --stream``: JSON lines in, JSON lines out, each answered when it has come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import is_unicode, parse_json
from ariigcn_dgl.training.session import Session, Utterance
from ariigcn_dgl.training.trained import TrainedRun

FIELDS = {"dialogue": (str, int), "speaker": (str, int), "features": dict}


def answers(run: TrainedRun, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the answer to each line that is not blank: a prediction, or ``{"line", "error"}``.

    Parameters
    ----------
    run : TrainedRun
        Trained so that it does not look ahead.
    lines : iterable of bytes
        JSON objects with dialogue, speaker, and features by modality; see `ariigcn predict`.

    Raises
    ------
    InputError
        If the run looks ahead.
    """
    Session(run)  # refuses before the first line is waited for
    sessions: dict[str, Session] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _answer(run, sessions, line)
        except InputError as error:
            # A sentence may name what no file can hold, half a surrogate pair.
            text = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
            yield {"line": number, "error": text}


def _answer(run: TrainedRun, sessions: dict[str, Session], line: bytes) -> dict[str, Any]:
    record = _record(line)
    dialogue, speaker = str(record["dialogue"]), str(record["speaker"])
    session = sessions.get(dialogue) or Session(run)
    p = session.add(Utterance(speaker, record["features"]))
    sessions[dialogue] = session
    return {
        "dialogue": dialogue,
        "speaker": speaker,
        "prediction": run.label_names[int(p.argmax())],
        "probabilities": {
            name: round(float(x), 6) for name, x in zip(run.label_names, p, strict=True)
        },
        "modalities": [name for name in run.widths if name in record["features"]],
    }


def _record(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8 text") from error
    record = parse_json(text, "the line")
    for name, kinds in FIELDS.items():
        if name not in record:
            raise InputError(f"lacks '{name}', expected {', '.join(FIELDS)}")
        if not isinstance(record[name], kinds) or isinstance(record[name], bool):
            expected = "an object" if kinds is dict else "a name"
            raise InputError(f"'{name}' is {json.dumps(record[name])[:40]}, expected {expected}")
        if not is_unicode(str(record[name])):
            raise InputError(f"'{name}' is not valid Unicode text")
    for modality, values in record["features"].items():
        # NumPy would take text and booleans for numbers, too.
        kinds = set(map(type, values)) if isinstance(values, list) else {type(values)} & {str}
        if not kinds <= {int, float}:
            raise InputError(f"{modality}: expected a list of numbers")
    return record
