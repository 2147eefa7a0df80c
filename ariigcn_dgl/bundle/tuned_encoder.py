"""A fine-tuned text encoder in a bundle: its weights as tensors, its other files as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from safetensors.numpy import load_file, save_file

from ariigcn_dgl.bundle.halves import halved, single
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.hub import WEIGHTS
from ariigcn_dgl.extract.manifest import (
    TEXT_ENCODER,
    read_manifest,
    was_tuned_here,
    without_places,
)
from ariigcn_dgl.extract.present import filled, where_present
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.tuned_folder import TUNED_FILE, is_tuned, load_tuned
from ariigcn_dgl.files import read_json, write_json
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.seal import seal

# What transformers and `load_tuned` read. No other name: an adapter's settings, for example, could
# lead it to files elsewhere.
FILES = (
    TUNED_FILE,
    "config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
TunedFile = Annotated[str, Limit(f"one of {', '.join(FILES)}", FILES.__contains__)]


def tuned_folder(run: Path) -> Path | None:
    """Return where the fine-tuned text encoder of a run lies; None of a run without one.

    Raises
    ------
    InputError
        If it is not there.
    """
    manifest = read_manifest(run)
    record = manifest["encoders"].get("text", {}) if manifest else {}
    if not was_tuned_here(record):
        return None
    places = [run / TEXT_ENCODER, *([Path(record["path"])] if "path" in record else [])]
    for place in places:
        if is_tuned(place):
            return place
    raise InputError(
        f"{run}: its fine-tuned text encoder is in none of {', '.join(map(str, places))}: copy the "
        f"folder {TEXT_ENCODER} of the data set there, so that the bundle can hold it"
    )


def pack_tuned(folder: Path, half: bool) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
    """Return the JSON files of a fine-tuned encoder's folder, and its weights.

    Parameters
    ----------
    folder : Path
    half : bool
        Whether weights are rounded to half precision: the encoder then is another one, and its
        settings say of which.

    Raises
    ------
    InputError
        If the folder is damaged, or a weight is too large for half precision.
    """
    encoder = load_tuned(folder)  # compares all with its seal
    files = {name: read_json(folder / name) for name in FILES if (folder / name).is_file()}
    files[TUNED_FILE] = without_places(files[TUNED_FILE])
    weights = load_file(folder / WEIGHTS)
    if half:
        files[TUNED_FILE]["rounded_from"] = encoder.describe()["weights_sha256"]
        weights = {name: halved(x, f"{folder / WEIGHTS}: {name}") for name, x in weights.items()}
    return files, weights


def unpack_tuned(
    files: Mapping[str, Mapping[str, Any]], weights: Mapping[str, np.ndarray], folder: Path
) -> None:
    """Write the folder of a fine-tuned encoder, weights in float32."""
    folder.mkdir()
    for name, content in files.items():
        write_json(folder / name, content)
    single_ones = {name: single(array) for name, array in weights.items()}
    save_file(single_ones, folder / WEIGHTS, {"format": "pt"})  # transformers refuses others
    seal(folder, sorted(path.name for path in folder.iterdir()))


def encoded_anew(dialogues: Dialogues, run: Path) -> Dialogues:
    """Return dialogues with the text features that the encoder in a run's folder makes of them.

    Raises
    ------
    InputError
        If it is not known what was said in them.
    """
    if not dialogues.words:
        raise InputError(
            f"{dialogues.name}: what was said is not in the data set, so that the rounded text "
            "encoder cannot be scored: take --precision float32"
        )
    encoder = load_tuned(run / TEXT_ENCODER)
    rows = where_present(encoder.encode, encoder.turns(_spoken(dialogues)))
    features, _ = filled(rows, encoder.width)
    return replace(dialogues, features={**dialogues.features, "text": features})


def _spoken(dialogues: Dialogues) -> list[Spoken]:
    names = np.repeat(np.array(dialogues.dialogue_ids, dtype=object), dialogues.lengths)
    speakers = (dialogues.speaker_names[n] for n in dialogues.speakers)
    rows = zip(names, dialogues.utterance_ids, speakers, dialogues.words, strict=True)
    return [Spoken(None, *row[:3], None, None, row[3]) for row in rows]
