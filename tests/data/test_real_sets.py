"""The real feature sets, where a machine has them: ARIIGCN_DATA names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ariigcn_dgl.data import (
    Dialogues,
    examine,
    fingerprint,
    load_dialogues,
    summarise,
    write_folder,
)
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.data.unlike import unlike_rows

DATA = os.environ.get("ARIIGCN_DATA")
SETS = ("iemocap", "meld", "meld_av", "mustard")

pytestmark = pytest.mark.skipif(DATA is None, reason="ARIIGCN_DATA is not set")


@pytest.fixture(scope="module", params=SETS)
def real(request: pytest.FixtureRequest) -> Dialogues:
    return load_dialogues(Path(str(DATA), f"{request.param}.npz"))


def test_folder_keeps_the_fingerprint(real: Dialogues, tmp_path: Path) -> None:
    write_folder(real, tmp_path / "set")
    assert fingerprint(load_dialogues(tmp_path / "set")) == fingerprint(real)


def test_every_split_is_there(real: Dialogues) -> None:
    assert [row.split for row in summarise(real).splits] == ["train", "val", "test"]


def test_no_dialogue_is_in_two_splits(real: Dialogues) -> None:
    assert not [one for one in examine(real) if "one of another split" in one.what]


def test_real_sets_are_usable(real: Dialogues) -> None:
    assert not [one for one in examine(real) if one.severity == "error"]


def test_published_counts_of_iemocap() -> None:
    train, val, test = summarise(load_dialogues(Path(str(DATA), "iemocap.npz"))).splits
    assert train.utterances + val.utterances == 5810
    assert test.classes == (144, 245, 384, 170, 299, 381)


def test_published_counts_of_meld() -> None:
    train, val, test = summarise(load_dialogues(Path(str(DATA), "meld.npz"))).splits
    assert (train.utterances, val.utterances, test.utterances) == (9989, 1109, 2610)
    assert test.classes == (1256, 281, 50, 208, 402, 68, 345)


def test_features_of_one_make_raise_no_doubt(real: Dialogues) -> None:
    standardiser = Standardiser.fit(real.split("train"))
    parts = [real.split(split) for split in ("val", "test")]
    parts += [part.select([one]) for part in parts for one in range(part.num_dialogues)]
    rows = [{m: x[part.masks[m]] for m, x in part.features.items()} for part in parts]
    assert [odd for odd in (unlike_rows(standardiser, one) for one in rows) if odd] == []


def test_text_of_another_encoder_or_norm_raises_a_doubt(real: Dialogues) -> None:
    text = real.features["text"]
    standardiser = Standardiser.fit(real.with_modalities(["text"]))
    other = load_dialogues(Path(str(DATA), "iemocap_mpnet.npz")).features["text"][:, :384]
    assert "another encoder" in unlike_rows(standardiser, {"text": other})["text"]
    assert "another scale" in unlike_rows(standardiser, {"text": 4 * text})["text"]
