"""A fine-tuned text encoder as a folder: for transformers, with what it reads and has learnt."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.sentence_recipe import Pooled, Recipe
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.transformer import Dtype, quiet
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.turns import Reading
from ariigcn_dgl.files import read_json, write_json
from ariigcn_dgl.limits import NotNegativeInt, PositiveInt
from ariigcn_dgl.optional import require
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import SEAL_FILE, is_sealed, refuse_lost, seal, sealed, verify

TUNED_FILE = "ariigcn_text_encoder.json"
FORMAT = "ariigcn-text-encoder-1"
LARGEST_COPY = 256 << 20  # bytes, where a folder cannot be linked
_WAY_OUT = "extract the features again"


class RecipeRecord(TypedDict, total=False):
    """The recipe in ``ariigcn_text_encoder.json``: its fields that do something."""

    pooling: Pooled
    max_tokens: PositiveInt
    lower_case: bool
    prompt: str
    straight_quotes: bool


class _Rounded(TypedDict, total=False):
    rounded_from: str


class TunedRecord(_Rounded):
    """What ``ariigcn_text_encoder.json`` says.

    ``rounded_from`` is the hash of the weights before they were rounded to half precision: as
    everywhere, encoders of both precisions count as the same.
    """

    recipe: RecipeRecord
    context: NotNegativeInt
    speaker_names: bool
    learnt: dict


def is_tuned(folder: Path) -> bool:
    """Whether a folder is one that `save_tuned` wrote."""
    return (folder / TUNED_FILE).is_file()


def save_tuned(encoder: TunedTextEncoder, folder: Path) -> None:
    """Write a fine-tuned encoder as a new folder; transformers' from_pretrained reads it, too."""
    folder.mkdir()
    with quiet(require("transformers", "extract")):
        encoder.base.model.save_pretrained(folder)
    encoder.base.tokenizer.save_pretrained(folder)
    recipe = {**encoder.base.recipe.describe(), "max_tokens": encoder.base.max_tokens}
    said = {"recipe": recipe, **asdict(encoder.reading), "learnt": encoder.learnt}
    write_json(folder / TUNED_FILE, {"format": FORMAT, **said})
    seal(folder, sorted(path.name for path in folder.iterdir()))


def load_tuned(folder: Path, device: str = "cpu", dtype: Dtype = "float32") -> TunedTextEncoder:
    """Read what `save_tuned` wrote.

    Raises
    ------
    InputError
        If it is something else, or a file is gone or has changed.
    """
    if not is_tuned(folder) or not is_sealed(folder):
        raise InputError(
            f"{folder}: not a fine-tuned text encoder: expected a folder that ariigcn extract "
            "--text_training made"
        )
    refuse_lost(folder, _WAY_OUT)
    for name in sealed(folder):
        verify(folder / name, _WAY_OUT)
    path = folder / TUNED_FILE
    said = conform(read_json(path, expected_format=FORMAT), TunedRecord, str(path))
    recipe = Recipe.of_record(said["recipe"])
    rounded = said.get("rounded_from")
    base = TextEncoder(folder, device=device, dtype=dtype, recipe=recipe, sha256=rounded)
    return TunedTextEncoder(base, Reading(said["context"], said["speaker_names"]), said["learnt"])


def keep_tuned(folder: Path, into: Path) -> None:
    """Keep a fine-tuned encoder in another folder, of which it takes no space where links can be.

    A large one is not copied to another file system: it stays where it is.
    """
    if into.exists():
        shutil.rmtree(into)
    names = [*sealed(folder), SEAL_FILE]
    size = sum((folder / name).stat().st_size for name in names)
    if folder.stat().st_dev != into.parent.stat().st_dev and size > LARGEST_COPY:
        return
    into.mkdir()
    for name in names:
        _link(folder / name, into / name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
        target.chmod(source.stat().st_mode)  # refused to all but its owner, as is what follows
    except OSError:  # another file system, or one without links, or another's file
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
