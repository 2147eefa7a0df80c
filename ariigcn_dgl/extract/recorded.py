"""What a record says of an encoder, and the encoder that it means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import load_encoder
from ariigcn_dgl.extract.choose import (
    Computing,
    audio_encoder,
    text_encoder,
    visual_encoder,
)
from ariigcn_dgl.extract.features import Ready
from ariigcn_dgl.extract.hub import fetch
from ariigcn_dgl.extract.own_encoder import ENCODERS, make_encoder
from ariigcn_dgl.extract.sentence_recipe import Pooled, Recipe
from ariigcn_dgl.extract.source import PLACES, Source
from ariigcn_dgl.extract.speech_encoder import SpeechEncoder
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.transformer import Dtype
from ariigcn_dgl.extract.tuned_folder import is_tuned, load_tuned
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.limits import PositiveInt
from ariigcn_dgl.notes import Note
from ariigcn_dgl.plugins import Origin, require

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


def was_trained_here(record: Mapping[str, Any]) -> bool:
    """Whether an audio encoder was trained for its data, and lies beside the record."""
    return not {"plugin", "package", "hub", "path"} & record.keys()


def was_tuned_here(record: Mapping[str, Any]) -> bool:
    """Whether a text encoder was fine-tuned for its data, and lies beside the record."""
    return "learnt" in record


def recorded_encoder(
    run: Path,
    modality: str,
    record: dict[str, Any],
    place: str | None,
    note: Note,
    computing: Computing,
) -> Ready:
    """Return the encoder that a record means, which may still turn out to be another one.

    Parameters
    ----------
    run : Path
        Folder of the record.
    modality : str
    record : dict
        An `EncoderRecord`.
    place : str or None
        The name that the user gives it; None: what the record says.
    note : callable
    computing : Computing
        Half precision is used where the record has it, on a GPU only.

    Raises
    ------
    InputError
        If it is not there.
    """
    if "plugin" in record:
        require((ENCODERS,), [record["plugin"]], str(run))
        return make_encoder(record["plugin"]["named"], modality, computing.device)
    if modality == "audio" and was_trained_here(record):
        return load_encoder(Path(place) if place else run / AUDIO_ENCODER, computing.device)
    computing = Computing(computing.device, _dtype(record, computing), computing.offline)
    if modality == "text" and was_tuned_here(record):
        kept = run / TEXT_ENCODER  # unless it is large and the data lie on another file system
        path = place or (str(kept) if is_tuned(kept) else record.get("path", ""))
        found = _source(run, modality, {"path": path}, note, computing)
        return load_tuned(found.path, computing.device, computing.dtype)
    if place or record.get("package"):
        return _named(place or str(record["name"]), modality, record, note, computing)
    source = _source(run, modality, record, note, computing)
    device, dtype = computing.device, computing.dtype
    if modality == "text":
        recipe = Recipe.of_record(record)
        return TextEncoder(source.path, device=device, dtype=dtype, recipe=recipe, source=source)
    if modality == "audio":
        return SpeechEncoder(source.path, device, dtype, source=source)
    return VisualEncoder(source.path, record.get("pictures", 8), device, dtype, source=source)


def _named(
    name: str, modality: str, record: dict[str, Any], note: Note, computing: Computing
) -> Ready:
    if modality == "text":
        return text_encoder(name, note, computing, recipe=Recipe.of_record(record))
    if modality == "audio":
        return audio_encoder(name, note, computing)
    return visual_encoder(name, note, computing, record.get("pictures", 8))


def _source(
    run: Path, modality: str, record: dict[str, Any], note: Note, computing: Computing
) -> Source:
    hub, revision, option = record.get("hub"), record.get("revision"), f"--{modality}"
    path = Path(record.get("path", ""))
    if hub:
        return fetch(record.get("name", hub), hub, revision, option, note, computing.offline)
    if not path.exists():
        raise InputError(
            f"{path}: the {modality} encoder of {run} is not there; say where it is with {option}"
        )
    return Source.of_path(path, record.get("name", ""))


def _dtype(record: dict[str, Any], computing: Computing) -> Dtype:
    on_gpu = torch.device(computing.device).type == "cuda"
    return record.get("dtype", "float32") if on_gpu else "float32"


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


def version_note(modality: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """Return a sentence where an encoder comes from another version of its package."""
    then, now = (one.get("plugin", one).get("version") for one in (wanted, found))
    if then == now or then is None or now is None:
        return None
    return f"the {modality} encoder of the training was of version {then}, and is of {now} now"
