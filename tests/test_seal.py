"""A sealed file that is not what it was is named, with what to do."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import is_sealed, lost, refuse_lost, seal, sealed, unseal, verify


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("whole")
    (tmp_path / "b.txt").write_text("other")
    seal(tmp_path, ["a.txt"])
    return tmp_path / "a.txt"


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        verify(path, "ask a friend")
    return str(caught.value)


def test_seal_holds_the_hash_of_the_bytes(file: Path) -> None:
    digest = hashlib.sha256(b"whole").hexdigest()
    assert json.loads((file.parent / "seal.json").read_text())["sha256"] == {"a.txt": digest}
    verify(file, "")


def test_other_bytes_are_named_with_the_way_out(file: Path) -> None:
    file.write_text("Whole")
    found = hashlib.sha256(b"Whole").hexdigest()[:12]
    expected = hashlib.sha256(b"whole").hexdigest()[:12]
    assert _refusal(file) == (
        f"{file}: changed or truncated since it was written (SHA-256 {found}…, seal.json says "
        f"{expected}…); ask a friend"
    )


def test_file_that_was_never_sealed_is_named(file: Path) -> None:
    other = file.parent / "b.txt"
    assert _refusal(other) == f"{other}: is not named in seal.json beside it; ask a friend"


def test_file_that_is_gone_is_named(file: Path) -> None:
    file.unlink()
    said = f"{file}: no such file, but seal.json beside it names it; ask a friend"
    assert _refusal(file) == said
    assert lost(file.parent) == ["a.txt"]
    with pytest.raises(InputError, match=re.escape(said)):
        refuse_lost(file.parent, "ask a friend")


@pytest.mark.parametrize("name", ["x" * 5000, "\0", "\ud800"])
def test_name_that_no_file_can_have_is_gone(file: Path, name: str) -> None:
    content = {"format": "ariigcn-seal-1", "sha256": {name: "0"}}
    (file.parent / "seal.json").write_text(json.dumps(content))
    assert lost(file.parent) == [name]


def test_nothing_is_lost_where_there_is_no_seal(file: Path) -> None:
    unseal(file.parent)
    file.unlink()
    refuse_lost(file.parent, "")


def test_sealing_another_file_keeps_the_hashes_of_the_first(file: Path) -> None:
    before = sealed(file.parent)["a.txt"]
    file.write_text("changed")
    seal(file.parent, ["b.txt"])
    assert sealed(file.parent)["a.txt"] == before


def test_folder_without_a_seal_is_not_finished(file: Path) -> None:
    unseal(file.parent)
    assert not is_sealed(file.parent)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "seal.json: not valid JSON"),
        ("{}", "seal.json: damaged: lacks 'format'"),
        ('{"format": "x", "sha256": {}}', "seal.json: format is 'x', expected 'ariigcn-seal-1'"),
        ('{"format": "ariigcn-seal-1", "sha256": []}', "seal.json: damaged: 'sha256' is no table"),
        ('{"format": "ariigcn-seal-1", "sha256": {"a.txt": 1}}', "seal.json: damaged: 'sha256'"),
    ],
)
def test_damaged_seal_is_named(file: Path, text: str, words: str) -> None:
    (file.parent / "seal.json").write_text(text)
    assert words in _refusal(file)


def test_seal_of_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/a: cannot be read: No such file"):
        seal(tmp_path, ["a"])


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.txt", "b/a.txt", "", ".", ".."])
def test_a_seal_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    content = {"format": "ariigcn-seal-1", "sha256": {name: "0" * 64}}
    (tmp_path / "seal.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"seal\.json: damaged: names .*, which is no file beside"):
        lost(tmp_path)
