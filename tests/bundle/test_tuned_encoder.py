"""A fine-tuned text encoder in a bundle: no file but those that are read is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ariigcn_dgl.bundle.file import Content
from ariigcn_dgl.bundle.pack import unpack
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.manifest import without_places


@pytest.mark.parametrize("name", ["adapter_config.json", "../config.json", "modeling.py"])
def test_file_of_another_name_is_refused(name: str, tmp_path: Path) -> None:
    run = {"spec": {}, "config": "", "seeds": {}}
    content = Content({"variants": {"whole": run}, "text_encoder": {name: {}}}, {})
    with pytest.raises(InputError, match="damaged: expected one of ariigcn_text_enc"):
        unpack(content, "whole", tmp_path / "run", "a.ariigcn")
    assert not list(tmp_path.rglob(name.removeprefix("../")))


def test_record_loses_where_an_encoder_lay_if_it_is_known_otherwise() -> None:
    base = {"name": "/home/ann/roberta", "path": "/home/ann/roberta", "width": 12}
    tuned = {"path": "/home/ann/data/text_encoder", "learnt": {"epochs": 1, "base": base}}
    kept = {"epochs": 1, "base": {"name": "roberta", "width": 12}}
    assert without_places(tuned) == {"learnt": kept}
    assert without_places({"path": "/a", "hub": "a/b"}) == {"hub": "a/b"}
    assert without_places({"path": "/a", "width": 1}) == {"path": "/a", "width": 1}
