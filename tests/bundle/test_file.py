"""The file of a bundle: what was written is read, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from ariigcn_dgl.bundle.file import FORMAT, TARGET_FORMAT, Content, read_file, write_file
from ariigcn_dgl.errors import InputError

CONTENT = Content(
    {"name": "Zoë", "n": [1, None]},
    {"a/b": np.arange(3, dtype=np.float16), "c": np.array([[1.5]])},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_file(tmp_path / "a.ariigcn", CONTENT)
    return tmp_path / "a.ariigcn"


def test_what_was_written_is_read(path: Path) -> None:
    found = read_file(path)
    assert found.about == CONTENT.about
    assert {n: x.tolist() for n, x in found.tensors.items()} == {"a/b": [0, 1, 2], "c": [[1.5]]}
    assert found.tensors["a/b"].dtype == np.float16


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_bit_can_be_turned(place: int, bit: int, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    other = path.with_name("other.ariigcn")
    other.write_bytes(content)
    try:
        found = read_file(other)
    except InputError:
        return
    # White space of the header, for instance, means nothing.
    assert found.about == CONTENT.about
    assert all(np.array_equal(found.tensors[n], x) for n, x in CONTENT.tensors.items())


def test_targets_other_than_classes_have_a_format_of_their_own(tmp_path: Path) -> None:
    content = Content({"targets": []}, CONTENT.tensors)
    write_file(tmp_path / "a.ariigcn", content)
    with safe_open(tmp_path / "a.ariigcn", "np") as file:
        assert list(file.metadata()) == [TARGET_FORMAT]
    assert read_file(tmp_path / "a.ariigcn").about == content.about


def test_later_formats_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(1)}, tmp_path / "a.ariigcn", {"ariigcn-bundle-9": "{}"})
    with pytest.raises(InputError, match="is of the format 'ariigcn-bundle-9', this program reads"):
        read_file(tmp_path / "a.ariigcn")


@pytest.mark.parametrize("length", [0, 8, 100, -1])
def test_truncated_file_is_refused(length: int, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"a\.ariigcn: not a bundle, or damaged or truncated"):
        read_file(path)


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="not a bundle: expected a file that ariigcn bundle made"):
        read_file(tmp_path / "a.safetensors")


@pytest.mark.parametrize("header", ["[]", "{", '{"about": 3}'])
def test_header_that_says_nothing_is_refused(header: str, tmp_path: Path) -> None:
    save_file({"a": np.zeros(1)}, tmp_path / "a.ariigcn", {FORMAT: header})
    with pytest.raises(InputError, match=r"a\.ariigcn: "):
        read_file(tmp_path / "a.ariigcn")


def test_numbers_of_other_kinds_are_refused(tmp_path: Path) -> None:
    header = json.dumps({"about": {}, "sha256": ""})
    save_file({"a": np.zeros(1, np.int8)}, tmp_path / "a.ariigcn", {FORMAT: header})
    with pytest.raises(InputError, match="a is of type I8, expected F16, F32, F64, I64"):
        read_file(tmp_path / "a.ariigcn")


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder, expected a file"):
        read_file(tmp_path)
