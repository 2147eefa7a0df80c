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
from ariigcn_dgl.extract.choose import Computing
from ariigcn_dgl.extract.features import Encoders, Extracted
from ariigcn_dgl.extract.language import ENGLISH, looks_english
from ariigcn_dgl.extract.recorded import (
    AUDIO_ENCODER,
    TEXT_ENCODER,
    EncoderRecord,
    recorded_encoder,
    refuse_difference,
    version_note,
    was_trained_here,
    was_tuned_here,
)
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.tuned_folder import keep_tuned, save_tuned
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.files import read_json, refuse_existing, replacing, sha256_of, write_json
from ariigcn_dgl.notes import Note
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import is_sealed, seal, sealed, verify

MANIFEST = "extraction.json"
FORMAT = "ariigcn-extraction-1"
LIBRARIES = ("ariigcn_dgl", "torch", "transformers", "av", "numpy")


class _Optional(TypedDict, total=False):
    language: str  # of the words, where it is known; of older records never


class ExtractionRecord(_Optional):
    """What ``extraction.json`` says."""

    encoders: dict[str, EncoderRecord]
    libraries: dict[str, str | None]


def write_extraction(extracted: Extracted, utterances: Sequence[Spoken], out: Path) -> None:
    """Write a data folder with the record of its extraction, all of it or nothing.

    Beside the files of any data set it holds `MANIFEST`, the audio encoder, the text encoder if it
    was fine-tuned, and `SPOKEN`: file, times and text of each utterance.

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
        manifest = _manifest(extracted.encoders, utterances)
        if isinstance(extracted.encoders.text, TunedTextEncoder):
            save_tuned(extracted.encoders.text, scratch / TEXT_ENCODER)
            manifest["encoders"]["text"]["path"] = str((out / TEXT_ENCODER).resolve())
        write_json(scratch / MANIFEST, manifest)
        lines = (json.dumps(_spoken(one), ensure_ascii=False) + "\n" for one in utterances)
        (scratch / SPOKEN).write_text("".join(lines), encoding="utf-8")
        made = [name for name in (MANIFEST, AUDIO_ENCODER, SPOKEN) if (scratch / name).is_file()]
        seal(scratch, made)


def _manifest(encoders: Encoders, utterances: Sequence[Spoken]) -> dict[str, Any]:
    recordings = dict.fromkeys(one.recording for one in utterances if one.recording)
    english = looks_english([one.text for one in utterances])
    return {
        "format": FORMAT,
        **({"language": ENGLISH} if english else {}),
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
    """Copy the record of a data set's extraction, if it has one, into the folder of a run.

    Encoders that were trained for the data set go with it.
    """
    manifest = read_manifest(Path(data))
    if manifest is None:
        return
    if was_trained_here(manifest["encoders"].get("audio", {"path": ""})):
        save_encoder(load_encoder(Path(data) / AUDIO_ENCODER), run / AUDIO_ENCODER)
    text, tuned = manifest["encoders"].get("text", {}), Path(data) / TEXT_ENCODER
    if was_tuned_here(text) and tuned.is_dir():
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
    changed = [n for n, v in then.items() if _version(n) != v]
    if changed:
        note(f"features of the training were made with other versions of {', '.join(changed)}")
    return Encoders(**encoders)
