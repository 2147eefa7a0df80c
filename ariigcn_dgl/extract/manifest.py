"""The record of an extraction: what made the features, so that they can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from ariigcn_dgl.data import write_folder
from ariigcn_dgl.data.words import SPOKEN
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import AudioEncoder, load_encoder, save_encoder
from ariigcn_dgl.extract.features import Encoders, Extracted, Ready
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.extract.own_encoder import ENCODERS, make_encoder
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import Pooling, TextEncoder
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.files import read_json, refuse_existing, replacing, sha256_of, write_json
from ariigcn_dgl.limits import PositiveInt
from ariigcn_dgl.plugins import Origin, require
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import is_sealed, seal, sealed, verify

MANIFEST, AUDIO_ENCODER = "extraction.json", "audio_encoder.safetensors"
FORMAT = "ariigcn-extraction-1"
LIBRARIES = ("ariigcn_dgl", "torch", "transformers", "av", "numpy")
# Of an encoder: where it lay or came from, which decides no feature.
PLACES = ("path", "revision", "plugin")


class EncoderRecord(TypedDict, total=False):
    """What an encoder says of itself; of its fields those that decide how it is loaded."""

    path: str
    pooling: Pooling
    pictures: PositiveInt
    plugin: Origin


class ExtractionRecord(TypedDict):
    """What ``extraction.json`` says."""

    encoders: dict[str, EncoderRecord]
    libraries: dict[str, str | None]


def write_extraction(extracted: Extracted, utterances: Sequence[Spoken], out: Path) -> None:
    """Write a data folder with the record of its extraction, all of it or nothing.

    Beside the files of any data set it holds `MANIFEST`, the audio encoder, and `SPOKEN`: file,
    times and text of each utterance.

    Raises
    ------
    InputError
        If the path exists or cannot be written.
    """
    refuse_existing(out)
    with replacing(out) as scratch:
        write_folder(extracted.dialogues, scratch)
        if isinstance(extracted.encoders.audio, AudioEncoder):
            save_encoder(extracted.encoders.audio, scratch / AUDIO_ENCODER)
        write_json(scratch / MANIFEST, _manifest(extracted.encoders, utterances))
        lines = (json.dumps(_spoken(one), ensure_ascii=False) + "\n" for one in utterances)
        (scratch / SPOKEN).write_text("".join(lines), encoding="utf-8")
        made = [name for name in (MANIFEST, AUDIO_ENCODER, SPOKEN) if (scratch / name).is_file()]
        seal(scratch, made)


def _manifest(encoders: Encoders, utterances: Sequence[Spoken]) -> dict[str, Any]:
    recordings = dict.fromkeys(one.recording for one in utterances if one.recording)
    return {
        "format": FORMAT,
        "encoders": {m: encoder.describe() for m, encoder in encoders.ready.items()},
        "libraries": {name: _version(name) for name in LIBRARIES},
        "recordings": [{"file": path.name, "sha256": sha256_of(path)} for path in recordings],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ImportError:  # an encoder of another modality needs it
        return None


def _spoken(one: Spoken) -> dict[str, Any]:
    end = None if one.end == float("inf") else one.end
    return {
        "utterance": one.name,
        "file": one.recording.name if one.recording else None,
        "start": one.start,
        "end": end,
        "text": one.text,
    }


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


def keep_manifest(data: str, run: Path) -> None:
    """Copy the record of a data set's extraction, if it has one, into the folder of a run."""
    manifest = read_manifest(Path(data))
    if manifest is None:
        return
    if "audio" in manifest["encoders"] and "plugin" not in manifest["encoders"]["audio"]:
        save_encoder(load_encoder(Path(data) / AUDIO_ENCODER), run / AUDIO_ENCODER)
    write_json(run / MANIFEST, manifest)


def refuse_other_extraction(run: Path, data: str, modalities: Sequence[str]) -> None:
    """Raise `InputError` where both folders record extractions, and by different encoders."""
    ours, theirs = read_manifest(run), read_manifest(Path(data))
    if ours is None or theirs is None:
        return
    for modality in modalities:
        wanted, found = (x["encoders"].get(modality) for x in (ours, theirs))
        if wanted and found:
            _refuse_difference(data, modality, wanted, found)


def load_encoders(
    run: Path,
    modalities: Sequence[str],
    places: Mapping[str, str | None],
    note: Note,
    device: str = "cpu",
) -> Encoders:
    """Return the encoders that made the features that a run was trained on.

    Parameters
    ----------
    run : Path
        Folder of the run.
    modalities : sequence of str
        Those that are needed.
    places : mapping of str to str or None
        Where encoders lie now; None: where they lay.
    note : callable
        Gets a sentence where libraries have other versions now.
    device : str
        Where the encoders are to compute.

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
        encoder = _load(run, modality, wanted, places.get(modality), device)
        found = encoder.describe()
        _refuse_difference(str(run), modality, wanted, found)
        if wanted.get("plugin") != found.get("plugin"):
            then, now = (one["plugin"]["version"] for one in (wanted, found))
            note(f"{run}: its {modality} encoder was of version {then}, and is of {now} now")
        encoders[modality] = encoder
    # A record may name libraries that are no longer used: they make no difference.
    then = {n: v for n, v in manifest["libraries"].items() if n in LIBRARIES and v is not None}
    changed = [n for n, v in then.items() if _version(n) != v]
    if changed:
        note(f"{run}: the training features were made with other versions of {', '.join(changed)}")
    return Encoders(**encoders)


def _load(
    run: Path, modality: str, wanted: dict[str, Any], place: str | None, device: str
) -> Ready:
    if "plugin" in wanted:
        require((ENCODERS,), [wanted["plugin"]], str(run))
        return make_encoder(wanted["plugin"]["named"], modality, device)
    if modality == "audio":
        return load_encoder(Path(place) if place else run / AUDIO_ENCODER, device)
    path = Path(place or wanted.get("path", ""))
    if not path.exists():
        raise InputError(
            f"{path}: the {modality} encoder of {run} is not there; say where it is with "
            f"--{modality}"
        )
    if modality == "text":
        return TextEncoder(path, wanted.get("pooling", "mean"), device)
    return VisualEncoder(path, wanted.get("pictures", 8), device)


def _refuse_difference(
    where: str, modality: str, wanted: dict[str, Any], found: dict[str, Any]
) -> None:
    for name in dict.fromkeys([*wanted, *found]):
        if name not in PLACES and wanted.get(name) != found.get(name):
            raise InputError(
                f"{where}: the {modality} encoder is not the one of the run's training data: "
                f"{name} is {found.get(name)}, expected {wanted.get(name)}"
            )
