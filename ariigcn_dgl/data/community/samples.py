"""COGMEN's and CORECT's preprocessed sets: lists of samples by split, a sample a dialogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ariigcn_dgl.data.community.columns import Columns, is_sequence, kind, sentences
from ariigcn_dgl.data.community.pickle_names import Record
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.errors import InputError

_SPLITS = {"train": "train", "dev": "val", "test": "test"}
# Names in the class of COGMEN and in the dictionaries of CORECT.
_SPEAKERS, _LABELS = ("speaker", "speakers"), ("label", "labels")
_SENTENCES = ("sentence", "sentences")
_TEXTS = ("sbert_sentence_embeddings", "text")


def is_samples(value: Any) -> bool:
    """Whether a value is {"train", "dev", "test"} of samples with the expected fields."""
    if not isinstance(value, dict) or not set(value) >= {"train", "test"}:
        return False
    if not set(value) <= set(_SPLITS) or not isinstance(value["train"], list):
        return False
    first = value["train"][0] if value["train"] else None
    return {"vid", "audio"} <= set(_fields(first))


def read_samples(value: Any, path: Path, columns: Columns, options: ImportOptions) -> RawSet:
    """Return the dialogues of a preprocessed set."""
    instances = isinstance(value["train"][0], Record)
    title = "samples of COGMEN" if instances else "samples of CORECT"
    listed: dict[str, list[str]] = {split: [] for name, split in _SPLITS.items() if name in value}
    raw = RawSet(path, title, {}, listed, official_val=False)
    for name, samples in value.items():
        if not isinstance(samples, list):
            raise InputError(f"{path}: {name}: {kind(samples)}, expected a list of samples")
        for place, sample in enumerate(samples):
            key = _key(path, name, place, sample, raw)
            raw.listed[_SPLITS[name]].append(key)
            raw.dialogues[key] = _dialogue(sample, key, columns)
    if any(_TEXTS[0] in _fields(sample) for sample in value["train"]):
        raw.notes.append("text is the embedding of the sentence, not the features beside it")
    raw.notes.append(
        "this validation split is the first tenth of the training list, taken by COGMEN's and "
        "CORECT's preprocessing: no published split"
    )
    return raw


def _fields(sample: Any) -> dict[str, Any]:
    if isinstance(sample, Record):
        return sample.fields
    return sample if isinstance(sample, dict) else {}


def _key(path: Path, name: str, place: int, sample: Any, raw: RawSet) -> str:
    key = _fields(sample).get("vid")
    if not isinstance(key, (str, int)):
        raise InputError(f"{path}: {name}: sample {place} has no id of a dialogue (vid)")
    if str(key) in raw.dialogues:
        raise InputError(f"{path}: {name}: dialogue {str(key)!r} comes twice, expected once")
    return str(key)


def _dialogue(sample: Any, key: str, columns: Columns) -> RawDialogue:
    fields = _fields(sample)
    features = {}
    for modality, names in (("text", _TEXTS), ("audio", ("audio",)), ("visual", ("visual",))):
        for name in names:
            if _are_features(fields.get(name)):
                features[modality] = columns.features(fields[name], name, key)
                break
    return RawDialogue(
        features,
        columns.numbers(_first(fields, _LABELS), "labels", key),
        columns.speakers(_first(fields, _SPEAKERS), "speakers", key),
        words=sentences(_first(fields, _SENTENCES)),
    )


def _are_features(value: Any) -> bool:
    # COGMEN's `text` is the sentences again where they were embedded at run time.
    return is_sequence(value) and len(value) > 0 and not isinstance(value[0], str)


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if name in fields), None)
