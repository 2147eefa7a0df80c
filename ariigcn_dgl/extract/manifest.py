"""The record of an extraction: what made the features, so that they can be made again.

Who reads it, as each training, needs none of the encoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from ariigcn_dgl.data.dialogues import in_order
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.sentence_recipe import Pooled
from ariigcn_dgl.extract.source import PLACES
from ariigcn_dgl.extract.transformer import Dtype
from ariigcn_dgl.files import read_json, write_json
from ariigcn_dgl.limits import PositiveInt
from ariigcn_dgl.plugins import Origin
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import is_sealed, sealed, verify

MANIFEST = "extraction.json"
FORMAT = "ariigcn-extraction-1"
LIBRARIES = ("ariigcn_dgl", "torch", "transformers", "av", "numpy")
# In a run folder: those that were trained for it.
AUDIO_ENCODER, TEXT_ENCODER = "audio_encoder.safetensors", "text_encoder"


class EncoderRecord(TypedDict, total=False):
    """What an encoder says of itself; of its fields those that decide how it is loaded."""

    name: str
    path: str
    hub: str | None
    revision: str | None
    package: str | None
    version: str | None
    pooling: Pooled
    normalise: bool
    max_tokens: PositiveInt
    lower_case: bool
    prompt: str
    straight_quotes: bool
    pictures: PositiveInt
    dtype: Dtype
    plugin: Origin
    learnt: dict


class _Optional(TypedDict, total=False):
    language: str  # of the words, where it is known; of older records never


class ExtractionRecord(_Optional):
    """What ``extraction.json`` says."""

    encoders: dict[str, EncoderRecord]
    libraries: dict[str, str | None]


def was_trained_here(record: Mapping[str, Any]) -> bool:
    """Whether an audio encoder was trained for its data, and lies beside the record."""
    return not {"plugin", "package", "hub", "path"} & record.keys()


def was_tuned_here(record: Mapping[str, Any]) -> bool:
    """Whether a text encoder was fine-tuned for its data, and lies beside the record."""
    return "learnt" in record


def without_places(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of an encoder without where it lay, if it is known by another name.

    A fine-tuned one is known by itself; of what it was made from the name of its folder stays.
    """
    known = {"package", "hub", "revision", "learnt"} & record.keys()
    said = {k: v for k, v in record.items() if k != "path"} if known else record
    base = record.get("learnt", {}).get("base", {})
    if "path" not in base:
        return said
    kept = {k: v for k, v in base.items() if k != "path"}
    if not {"package", "hub"} & base.keys():
        kept["name"] = Path(base["path"]).name
    return {**said, "learnt": {**record["learnt"], "base": kept}}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the record of an extraction; None where a folder has none.

    Raises
    ------
    InputError
        If it is damaged or of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    if is_sealed(folder) and MANIFEST in sealed(folder):  # in older folders it may stand alone
        verify(path, "extract the features again, or train again")
    return conform(read_json(path, expected_format=FORMAT), ExtractionRecord, str(path))


def learnt_of_labels(folder: Path) -> list[str]:
    """Return the modalities of a data set whose encoders were trained on its labels.

    Raises
    ------
    InputError
        As of `read_manifest`.
    """
    manifest = read_manifest(folder)
    encoders = {} if manifest is None else manifest["encoders"]
    return [
        name
        for name in in_order(encoders)
        if was_tuned_here(encoders[name]) or (name == "audio" and was_trained_here(encoders[name]))
    ]


def keep_manifest(data: str, run: Path) -> None:
    """Copy the record of a data set's extraction, if it has one, into the folder of a run.

    Encoders that were trained for the data set go with it.
    """
    manifest = read_manifest(Path(data))
    if manifest is None:
        return
    if was_trained_here(manifest["encoders"].get("audio", {"path": ""})):
        from ariigcn_dgl.extract.audio import load_encoder, save_encoder  # others need no encoder

        save_encoder(load_encoder(Path(data) / AUDIO_ENCODER), run / AUDIO_ENCODER)
    text, tuned = manifest["encoders"].get("text", {}), Path(data) / TEXT_ENCODER
    if was_tuned_here(text) and tuned.is_dir():
        from ariigcn_dgl.extract.tuned_folder import keep_tuned  # as above

        keep_tuned(tuned, run / TEXT_ENCODER)
        text["path"] = str(tuned.resolve())  # the data may have moved since
    write_json(run / MANIFEST, manifest)


def refuse_other_extraction(run: Path, data: str, modalities: Sequence[str]) -> None:
    """Raise `InputError` where both folders record extractions, and by different encoders."""
    ours, theirs = read_manifest(run), read_manifest(Path(data))
    if ours is None or theirs is None:
        return
    for modality in modalities:
        wanted, found = (x["encoders"].get(modality) for x in (ours, theirs))
        if wanted and found:
            refuse_difference(data, modality, wanted, found)


def refuse_difference(
    where: str, modality: str, wanted: Mapping[str, Any], found: Mapping[str, Any]
) -> None:
    """Raise `InputError` where two encoders would make different features.

    Names, paths, revisions and precision tell nothing apart: the weights do, and what is done with
    them.
    """
    wanted, found = _deciding(wanted), _deciding(found)
    for name in dict.fromkeys([*wanted, *found]):
        if wanted.get(name) != found.get(name):
            raise InputError(
                f"{where}: the {modality} encoder is not the one of the run's training data: "
                f"{name} is {found.get(name)}, expected {wanted.get(name)}"
            )


def _deciding(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells encoders apart, also of the one that a fine-tuned one was made from."""
    said = {k: v for k, v in record.items() if k not in PLACES}
    if isinstance(base := said.get("learnt", {}).get("base"), dict):
        said["learnt"] = {**said["learnt"], "base": _deciding(base)}
    return said
