"""The record of an extraction: what is no record is named, before anything is loaded by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.manifest import FORMAT, MANIFEST, read_manifest


def _record(text: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"format": FORMAT, "encoders": {"text": text}, "libraries": {"av": None}, **fields}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (_record({"path": 5}), "encoders.text.path: expected text, found 5"),
        (_record({"pooling": "max"}), "encoders.text.pooling: expected"),
        (_record({"pictures": 0}), "encoders.text.pictures: "),
        (_record({}, encoders=[]), "encoders: expected an object"),
        (_record({}, encoders={"text": []}), "encoders.text: expected an object"),
        (_record({}, libraries={"torch": 2}), "libraries.torch: expected"),
        (_record({}, format="x"), "format is 'x'"),
    ],
)
def test_wrong_value_in_a_record_is_named(
    tmp_path: Path, record: dict[str, Any], words: str
) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(record))
    with pytest.raises(InputError, match=f"{MANIFEST}: ") as refusal:
        read_manifest(tmp_path)
    assert words in str(refusal.value)


def test_record_of_more_than_is_needed_is_read(tmp_path: Path) -> None:
    record = _record({"path": "encoder", "width": 384})
    (tmp_path / MANIFEST).write_text(json.dumps(record))
    assert read_manifest(tmp_path) == record
