"""The folder of an extraction: a data set, with the record and the encoders that made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.data import write_folder
from ariigcn_dgl.data.words import SPOKEN
from ariigcn_dgl.extract.audio import AudioEncoder, save_encoder
from ariigcn_dgl.extract.features import Encoders, Extracted
from ariigcn_dgl.extract.language import ENGLISH, looks_english
from ariigcn_dgl.extract.manifest import (
    AUDIO_ENCODER,
    FORMAT,
    LIBRARIES,
    MANIFEST,
    TEXT_ENCODER,
)
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.tuned_folder import save_tuned
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.files import refuse_existing, replacing, sha256_of, write_json
from ariigcn_dgl.optional import installed_version
from ariigcn_dgl.seal import seal


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
        "libraries": {name: installed_version(name) for name in LIBRARIES},
        "recordings": [{"file": path.name, "sha256": sha256_of(path)} for path in recordings],
    }


def _spoken(one: Spoken) -> dict[str, Any]:
    end = None if one.end == float("inf") else one.end
    return {
        "utterance": one.name,
        "file": one.recording.name if one.recording else None,
        "start": one.start,
        "end": end,
        "text": one.text,
    }
