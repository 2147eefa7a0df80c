"""Damaged files are read or refused in one sentence; no other exception comes out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.errors import InputError

# Every example damages the same files anew, so a fixture made once per test is enough.
quick = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Cut at a share of the length, then overwrite bytes at shares of the length.
damage = st.tuples(
    st.one_of(st.just(1.0), st.floats(0, 1)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
)

Damage = tuple[float, list[tuple[float, int]]]


def _damaged(content: bytes, how: Damage) -> bytes:
    keep, edits = how
    out = bytearray(content[: round(keep * len(content))])
    for place, byte in edits:
        if out:
            out[min(int(place * len(out)), len(out) - 1)] = byte
    return bytes(out)


def _loads_or_refuses(path: Path) -> bool:
    try:
        load_dialogues(path)
    except InputError as error:
        message = str(error)
    else:
        return True
    assert message.startswith(str(path))
    return False


@quick
@given(how=damage)
def test_archive(npz_file: Path, how: Damage) -> None:
    target = npz_file.with_name("damaged.npz")
    target.write_bytes(_damaged(npz_file.read_bytes(), how))
    _loads_or_refuses(target)


@quick
@given(how=damage)
def test_archive_without_compression(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray], how: Damage
) -> None:
    np.savez(tmp_path / "whole.npz", **npz_arrays)
    target = tmp_path / "damaged.npz"
    target.write_bytes(_damaged((tmp_path / "whole.npz").read_bytes(), how))
    _loads_or_refuses(target)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["utterances.csv", "text.npy", "audio.npy"])
@quick
@given(how=damage)
def test_plain(plain: Path, name: str, how: Damage) -> None:
    target = plain.with_name("damaged")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(plain, target)
    (target / name).write_bytes(_damaged((plain / name).read_bytes(), how))
    _loads_or_refuses(target)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dataset.json", "features.safetensors", "utterances.jsonl"])
@quick
@given(how=damage)
def test_folder(folder: Path, name: str, how: Damage) -> None:
    target = folder.with_name("damaged")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    content = (folder / name).read_bytes()
    damaged = _damaged(content, how)
    (target / name).write_bytes(damaged)
    loaded = _loads_or_refuses(target)
    # Both data files are hashed: any difference at all must be noticed.
    assert name == "dataset.json" or loaded == (damaged == content)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["features.safetensors", "utterances.jsonl"])
@quick
@given(how=damage)
def test_folder_with_right_hashes(
    folder: Path, reseal: Callable[[Path], None], name: str, how: Damage
) -> None:
    target = folder.with_name("damaged")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    (target / name).write_bytes(_damaged((folder / name).read_bytes(), how))
    reseal(target)
    _loads_or_refuses(target)


names = st.text(max_size=3) | st.sampled_from(["d1", "text", "train"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | names
json_values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(names, scalars, max_size=3)
header_fields = st.sampled_from(
    ["format", "version", "name", "label_names", "speaker_names", "widths", "splits", "sha256"]
)


@pytest.mark.slow
@quick
@given(field=header_fields, value=json_values)
def test_header_field_of_any_json(
    folder: Path, edit_header: Callable[..., None], field: str, value: object
) -> None:
    before = (folder / "dataset.json").read_bytes()
    try:
        edit_header(folder, **{field: value})
        _loads_or_refuses(folder)
    finally:
        (folder / "dataset.json").write_bytes(before)
