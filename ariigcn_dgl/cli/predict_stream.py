"""``ariigcn predict --stream``: JSON lines in, JSON lines out, each answered when it has come."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from ariigcn_dgl.cli.say import note
from ariigcn_dgl.data.unlike import ENOUGH
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.recorded import load_encoders
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.texts import encoded, read_before, read_by
from ariigcn_dgl.files import composed, is_unicode, parse_json
from ariigcn_dgl.training.abstain import Abstention
from ariigcn_dgl.training.session import Session, Utterance
from ariigcn_dgl.training.trained import TrainedRun

NAME = (str, int)
FIELDS: Mapping[str, Any] = {"dialogue": NAME, "speaker": NAME, "features": dict}
WORDS: Mapping[str, Any] = {"dialogue": NAME, "speaker": NAME, "text": str}  # to be encoded here
KINDS = {dict: "an object", str: "text", NAME: "a name"}
NAMES_BYTES, NUMBER_BYTES = 1 << 16, 64  # of a line: for names, and for each feature
CHUNK_BYTES = 1 << 16


def longest_line(run: TrainedRun) -> int:
    """Return how many bytes a line may have: more than any useful one needs."""
    return NAMES_BYTES + NUMBER_BYTES * sum(run.widths.values())


def bounded_lines(file: BinaryIO, longest: int) -> Iterator[bytes]:
    r"""Yield the lines of a stream; of one that is too long, only its first `longest` + 1 bytes.

    Examples
    --------
    >>> import io
    >>> list(bounded_lines(io.BytesIO(b"ab\nabcdef\nc"), 3))
    [b'ab\n', b'abcd', b'c']
    """
    while line := file.readline(longest + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(CHUNK_BYTES)


def answers(
    run: TrainedRun, lines: Iterable[bytes], keep: int, abstention: Abstention | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the answer to each line that is not blank: a prediction, or ``{"line", "error"}``.

    Parameters
    ----------
    run : TrainedRun
        Trained so that it does not look ahead.
    lines : iterable of bytes
        JSON objects with dialogue, speaker, and features by modality; see `ariigcn predict`.
    keep : int
        Number of dialogues that are remembered.
    abstention : Abstention, optional
        What to leave open.

    Raises
    ------
    InputError
        If the run looks ahead.
    """
    Session(run)  # refuses before the first line is waited for
    dialogues = _Dialogues(run, keep, abstention)
    longest = longest_line(run)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            if len(line) > longest:
                raise InputError(f"longer than {longest:,} bytes, the limit for this run's widths")
            yield dialogues.answer(_record(line))
        except InputError as error:
            # A sentence may name what no file can hold, half a surrogate pair.
            text = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
            yield {"line": number, "error": text}


@dataclass
class _Dialogue:
    """A dialogue that is going on, and what was said last, as far as the text encoder reads it."""

    session: Session
    said: list[Spoken] = field(default_factory=list)


class _Dialogues:
    """The dialogues that are going on; the one that has been silent longest is forgotten first."""

    def __init__(self, run: TrainedRun, keep: int, abstention: Abstention | None) -> None:
        self.run = run
        self.keep = keep
        self.abstention = abstention
        self.going_on: OrderedDict[str, _Dialogue] = OrderedDict()
        self.seen: dict[str, list[Any]] = {name: [] for name in run.widths}
        self.encoder: Any = None  # of words, loaded when the first come
        self.told_of_cut = False

    def answer(self, record: dict[str, Any]) -> dict[str, Any]:
        name, going_on = composed(str(record["dialogue"])), self.going_on
        if "end" in record:
            return {"dialogue": name, "ended": going_on.pop(name, None) is not None}
        dialogue = going_on.get(name) or _Dialogue(Session(self.run))
        speaker = composed(str(record["speaker"]))
        features, said = record.get("features", {}), dialogue.said
        if "text" in record:
            words = " ".join(record["text"].split())
            said = [*said, Spoken(None, name, "", speaker, None, None, words)]
            features = {**features, "text": self._encoded(said)}
        p = dialogue.session.add(Utterance(speaker, features))  # refuses what does not fit
        self._doubt(features)
        before = 0 if self.encoder is None else read_before(self.encoder)
        dialogue.said = said[-before:] if before else []
        going_on[name] = dialogue
        going_on.move_to_end(name)
        if len(going_on) > self.keep:
            going_on.popitem(last=False)
        scoring, left_open = self.run.scoring, None
        if self.abstention is not None:
            left_open = bool(self.abstention.leaves_open(scoring.of_classes(p)))
        return {
            "dialogue": name,
            "utterance": dialogue.session.utterances,
            "speaker": speaker,
            **scoring.answer(p, left_open),
            "modalities": [one for one in self.run.widths if one in features],
        }

    def _encoded(self, said: Sequence[Spoken]) -> np.ndarray:
        """Return the features of what was said last, (D,), as those of the training were made."""
        if "text" not in self.run.widths:
            raise InputError(f"'text': the run was trained with {', '.join(self.run.widths)} only")
        if not said[-1].text:
            raise InputError("'text' has no words")
        if self.encoder is None:
            folder, device = self.run.folder.path.parent, str(self.run.model.device)
            self.encoder = load_encoders(folder, ["text"], {}, note, device).text
        features, cut = encoded(self.encoder, read_by(self.encoder, said)[-1:])
        if cut and not self.told_of_cut:
            self.told_of_cut = True
            note(
                f"dialogue {said[-1].dialogue!r}: an utterance is longer than the "
                f"{self.encoder.max_tokens} tokens that the text encoder reads: the rest of it was "
                "not read; of others like it nothing is said"
            )
        return features[0]

    def _doubt(self, features: Mapping[str, Any]) -> None:
        """Say once, when there are enough of them, where features are of another make."""
        for name, row in features.items():
            rows = self.seen[name]
            if len(rows) < ENOUGH:
                rows.append(row)
                if len(rows) == ENOUGH:
                    for sentence in self.run.doubts_about("stream", {name: np.array(rows)}):
                        note(sentence)


def _record(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8 text") from error
    record = parse_json(text, "the line")
    _check_names(record)
    # NumPy would take text and booleans for numbers, too.
    features = record.get("features", {})
    if not isinstance(features, dict):
        raise InputError(f"'features' is {json.dumps(features)[:40]}, expected an object")
    if "text" in record and "text" in features:
        raise InputError("has 'text' and features of it, expected one of them")
    for modality, values in features.items():
        kinds = set(map(type, values)) if isinstance(values, list) else {type(values)} & {str}
        if not kinds <= {int, float}:
            raise InputError(f"{modality}: expected a list of numbers")
    return record


def _check_names(record: dict[str, Any]) -> None:
    if "end" in record and record["end"] is not True:
        raise InputError(f"'end' is {json.dumps(record['end'])[:40]}, expected true")
    spoken = WORDS if "text" in record else FIELDS
    expected: Mapping[str, Any] = {"dialogue": NAME} if "end" in record else spoken
    beside = sorted({"speaker", "text", "features"} & record.keys())
    if "end" in record and beside:
        raise InputError(f"'{beside[0]}' beside 'end', expected a line of its own, before")
    for name, kinds in expected.items():
        if name not in record:
            raise InputError(f"lacks '{name}', expected {', '.join(expected)}")
        if not isinstance(record[name], kinds) or isinstance(record[name], bool):
            found = json.dumps(record[name])[:40]
            raise InputError(f"'{name}' is {found}, expected {KINDS[kinds]}")
        if not is_unicode(str(record[name])):
            raise InputError(f"'{name}' is not valid Unicode text")
        if kinds is NAME and not str(record[name]):
            raise InputError(f"'{name}' is empty, expected a name")
