"""Encoders of other packages: named on the command line, remembered, and asked for again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.manifest import MANIFEST
from ariigcn_dgl.extract.recorded import load_encoders
from ariigcn_dgl.plugins import agree
from tests.plugin_packages import Packages

ENCODER = """
import numpy as np
from ariigcn_dgl.extract.own_encoder import Encoder

class MyEncoder(Encoder):
    modality, width = "text", 3

    def encode(self, texts):
        return np.array([[len(text), text.count("l"), 1] for text in texts], np.float32)

    def settings(self):
        return {"letters": "l"}
"""
NAME = "my_encoder:MyEncoder"
SUBTITLES = (
    "1\n00:00:00,000 --> 00:00:01,000\nAnn: hello\n\n2\n00:00:01,000 --> 00:00:02,000\nBob: no\n"
)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return a film that nobody looks at, beside its subtitles."""
    (tmp_path / "film.mp4").write_bytes(b"")
    (tmp_path / "film.srt").write_text(SUBTITLES)
    return tmp_path / "film.mp4"


@pytest.fixture
def extracted(packages: Packages, film: Path, tmp_path: Path) -> Path:
    """Return the data folder, as another process finds it."""
    packages.add("my_encoder", ENCODER)
    packages.install("my-package", "1.2", "my_encoder")
    main(["extract", str(film), "--text", NAME, "--out", str(tmp_path / "data")])
    packages.forget()
    return tmp_path / "data"


def test_features_are_those_of_the_encoder(extracted: Path) -> None:
    features = load_dialogues(extracted).features["text"]
    assert np.array_equal(features, [[5, 2, 1], [2, 0, 1]])


def test_record_says_where_the_encoder_came_from(extracted: Path) -> None:
    record = json.loads((extracted / MANIFEST).read_text())["encoders"]["text"]
    assert (record["plugin"]["named"], record["plugin"]["version"]) == (NAME, "1.2")
    assert record["settings"] == {"letters": "l"}


def test_record_imports_nothing_unasked(extracted: Path, packages: Packages) -> None:
    packages.add("my_encoder", "raise SystemExit('this ran')")
    with pytest.raises(InputError, match="if you trust that module, add --plugins my_encoder"):
        load_encoders(extracted, ["text"], {}, print)
    assert "my_encoder" not in sys.modules


def test_record_gives_the_encoder_back_where_its_module_is_agreed_to(extracted: Path) -> None:
    agree("my_encoder")
    found = load_encoders(extracted, ["text"], {}, print).text
    assert found is not None
    assert found.encode(["all"]).tolist() == [[3, 2, 1]]


def test_encoder_of_other_settings_is_refused(extracted: Path, packages: Packages) -> None:
    packages.add("my_encoder", ENCODER.replace('"letters": "l"', '"letters": "m"'))
    agree("my_encoder")
    with pytest.raises(InputError, match="the text encoder is not the one of the run's training"):
        load_encoders(extracted, ["text"], {}, print)


def test_encoder_of_another_version_is_noted(extracted: Path, packages: Packages) -> None:
    (packages.folder / "my_package-1.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-package\nVersion: 1.3\n"
    )
    agree("my_encoder")
    notes: list[str] = []
    load_encoders(extracted, ["text"], {}, notes.append)
    assert "the text encoder of the training was of version 1.2, and is of 1.3 now" in notes


def test_encoder_of_another_modality_is_refused(
    packages: Packages, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.add("my_encoder", ENCODER)
    with pytest.raises(SystemExit):
        main(["extract", str(film), "--visual", NAME, "--out", str(tmp_path / "data")])
    assert f"--visual: {NAME} is an encoder of text, not of visual" in capsys.readouterr().err


def test_path_of_that_name_is_no_encoder_of_others(
    packages: Packages, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.add("my_encoder", "raise SystemExit('this ran')")
    place = tmp_path / NAME
    place.mkdir()
    with pytest.raises(SystemExit):
        main(["extract", str(film), "--text", str(place), "--out", str(tmp_path / "data")])
    assert "no config.json" in capsys.readouterr().err
