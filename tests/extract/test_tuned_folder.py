"""A fine-tuned text encoder on the disk: read back equal, kept by runs, refused where changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import tuned_folder
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.tuned_folder import is_tuned, keep_tuned, load_tuned, save_tuned
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.turns import Reading, Turn


@pytest.fixture
def encoder(roberta: Path) -> TunedTextEncoder:
    """Return an encoder as if it had been fine-tuned."""
    made = TunedTextEncoder(TextEncoder(roberta, "cls"), Reading(2, True), {"epoch": 3})
    made.base.model.embeddings.word_embeddings.weight.data += 0.1
    return made


@pytest.fixture
def folder(encoder: TunedTextEncoder, tmp_path: Path) -> Path:
    """Return the folder that it was written to."""
    save_tuned(encoder, tmp_path / "saved")
    return tmp_path / "saved"


def test_written_encoder_is_read_back(encoder: TunedTextEncoder, folder: Path) -> None:
    turns = [Turn("Hello", "BOB: Who is it?"), Turn("Me.")]
    found = load_tuned(folder)
    assert found.describe() == encoder.describe()
    np.testing.assert_array_equal(found.encode(turns), encoder.encode(turns))


def test_transformers_reads_the_folder_as_its_own(encoder: TunedTextEncoder, folder: Path) -> None:
    plain = TextEncoder(folder, "cls").describe()
    assert plain["weights_sha256"] == encoder.describe()["weights_sha256"]


def test_kept_encoder_takes_no_space(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # a run may begin anew
        keep_tuned(folder, tmp_path / "kept")
    weights = "model.safetensors"
    assert (tmp_path / "kept" / weights).samefile(folder / weights)
    assert load_tuned(tmp_path / "kept").describe() == load_tuned(folder).describe()


def test_encoder_is_copied_where_it_cannot_be_linked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError("no links")

    monkeypatch.setattr(tuned_folder.os, "link", refuse)
    keep_tuned(folder, tmp_path / "kept")
    assert not (tmp_path / "kept" / "model.safetensors").samefile(folder / "model.safetensors")
    assert load_tuned(tmp_path / "kept").describe() == load_tuned(folder).describe()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", tuned_folder.TUNED_FILE])
def test_changed_file_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + b" ")
    with pytest.raises(InputError, match=rf"{name}: changed or truncated since it was written"):
        load_tuned(folder)


def test_lost_file_and_other_folders_are_refused(folder: Path, roberta: Path) -> None:
    assert not is_tuned(roberta)
    with pytest.raises(InputError, match="not a fine-tuned text encoder: expected a folder that"):
        load_tuned(roberta)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json: no such file, but seal\.json beside it"):
        load_tuned(folder)
