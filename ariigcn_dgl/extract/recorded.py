"""The encoders that the record of an extraction means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import load_encoder
from ariigcn_dgl.extract.choose import (
    Computing,
    audio_encoder,
    text_encoder,
    visual_encoder,
)
from ariigcn_dgl.extract.features import Encoders, Ready
from ariigcn_dgl.extract.hub import fetch
from ariigcn_dgl.extract.manifest import (
    AUDIO_ENCODER,
    LIBRARIES,
    MANIFEST,
    TEXT_ENCODER,
    read_manifest,
    refuse_difference,
    was_trained_here,
    was_tuned_here,
)
from ariigcn_dgl.extract.own_encoder import ENCODERS, make_encoder
from ariigcn_dgl.extract.sentence_recipe import Recipe
from ariigcn_dgl.extract.source import Source
from ariigcn_dgl.extract.speech_encoder import SpeechEncoder
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.transformer import Dtype
from ariigcn_dgl.extract.tuned_folder import is_tuned, load_tuned
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.notes import Note
from ariigcn_dgl.optional import installed_version
from ariigcn_dgl.plugins import require


def load_encoders(
    run: Path,
    modalities: Sequence[str],
    places: Mapping[str, str | None],
    note: Note,
    device: str = "cpu",
    offline: bool = False,
) -> Encoders:
    """Return the encoders that made the features that a run was trained on.

    Parameters
    ----------
    run : Path
        Folder of the run.
    modalities : sequence of str
        Those that are needed.
    places : mapping of str to str or None
        What encoders are called now, a path or a name; None: what the record says: the same
        commit of the hub, the same package, or the same path.
    note : callable
        Gets a sentence where libraries have other versions now, and what came from the hub.
    device : str
        Where the encoders are to compute.
    offline : bool
        Nothing may be downloaded.

    Raises
    ------
    InputError
        If the run has no record of an extraction, or an encoder is not there or another one.
    """
    manifest = read_manifest(run)
    if manifest is None:
        raise InputError(
            f"{run}: was trained on features that ariigcn extract did not make, so it is not known "
            "how to make them for a recording: extract the training data with it, or make the "
            "features yourself and use --data"
        )
    encoders: dict[str, Any] = {}
    for modality in modalities:
        if modality not in manifest["encoders"]:
            raise InputError(f"{run / MANIFEST}: damaged: says nothing of {modality}")
        wanted = manifest["encoders"][modality]
        place, computing = places.get(modality), Computing(device, offline=offline)
        encoder = recorded_encoder(run, modality, wanted, place, note, computing)
        found = encoder.describe()
        refuse_difference(str(run), modality, wanted, found)
        other = version_note(modality, wanted, found)
        if other:
            note(other)
        encoders[modality] = encoder
    # A record may name libraries that make no difference: no longer used, or only for recordings.
    used = LIBRARIES if {"audio", "visual"} & set(modalities) else set(LIBRARIES) - {"av"}
    then = {n: v for n, v in manifest["libraries"].items() if n in used and v is not None}
    changed = [n for n, v in then.items() if installed_version(n) != v]
    if changed:
        note(f"features of the training were made with other versions of {', '.join(changed)}")
    return Encoders(**encoders)


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


def version_note(modality: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """Return a sentence where an encoder comes from another version of its package."""
    then, now = (one.get("plugin", one).get("version") for one in (wanted, found))
    if then == now or then is None or now is None:
        return None
    return f"the {modality} encoder of the training was of version {then}, and is of {now} now"
