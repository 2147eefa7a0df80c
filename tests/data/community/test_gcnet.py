"""GCNet's folders: a pickle of seven fields and features beside it; what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data.community import Imported, ImportOptions, import_file
from ariigcn_dgl.errors import InputError

Save = Callable[..., Path]


@pytest.fixture
def fields() -> dict[str, Any]:
    return {
        "ids": {"v": ["v_1", "v_2"], "w": ["w_1"], "x": ["x_1"]},
        "labels": {"v": [-1.4, 2.6], "w": [0.0], "x": [3.0]},
        "speakers": {"v": ["", ""], "w": [""], "x": [""]},
        "sentences": {"v": ["so", "it is"], "w": ["no"], "x": ["yes"]},
        "train": ["v"],
        "val": {"w"},
        "test": ["x"],
    }


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Imported]:
    """Write text of one row, and faces of two, none in the last, and import the folder."""
    for k, name in enumerate(("v_1", "v_2", "w_1", "x_1")):
        (tmp_path / "features/deberta-UTT").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / f"features/deberta-UTT/{name}.npy", np.full((1, 3), k + 1.0))
        (tmp_path / "features/manet_UTT" / name).mkdir(parents=True)
        for face in range(2 if name != "x_1" else 0):
            np.save(tmp_path / f"features/manet_UTT/{name}/{face}.npy", np.full(2, k + face + 1.0))

    def read(fields: dict[str, Any], where: str = "", **options: Any) -> Imported:
        (tmp_path / "any.pkl").write_bytes(pickle.dumps(list(fields.values())))
        chosen = {"text": "deberta-UTT", "visual": "manet_UTT", **options}
        return import_file(tmp_path / where, ImportOptions(**chosen))

    return read


@pytest.mark.parametrize("where", ["", "any.pkl"])
def test_a_folder_and_its_pickle_are_read_alike(where: str, fields: dict, read: Callable) -> None:
    d = read(fields, where, labels="score").dialogues
    assert (d.dialogue_ids, d.splits) == (("v", "w", "x"), ("train", "val", "test"))
    assert d.utterance_ids == ("v_1", "v_2", "w_1", "x_1")
    assert d.words == ("so", "it is", "no", "yes")
    np.testing.assert_allclose(d.targets["label"].values.ravel(), [-1.4, 2.6, 0, 3], rtol=1e-6)
    assert d.features["text"][:, 0].tolist() == [1, 2, 3, 4]
    assert d.features["visual"][:, 0].tolist() == [1.5, 2.5, 3.5, 0]
    assert d.masks["visual"].tolist() == [True, True, True, False]


def test_labels_are_classes_where_no_score_is_asked_for(fields: dict, read: Callable) -> None:
    assert read(fields).dialogues.labels.tolist() == [1, 6, 3, 6]


def _unnamed(fields: dict) -> None:
    fields["ids"]["v"] = ["v_1"]


def _elsewhere(fields: dict) -> None:
    fields["ids"]["w"] = ["../w_1"]


def _absent(fields: dict) -> None:
    fields["ids"]["w"] = ["w_9"]


def _beyond(fields: dict) -> None:
    fields["labels"]["w"] = [4.0]


def _odd(fields: dict) -> None:
    fields["speakers"]["v"] = [0.5, 0.5]


REFUSED = {
    r"ids: dialogue 'v': a list of 1 for 2 labels, expected a name for each": _unnamed,
    r"ids: dialogue 'w': '\.\./w_1' is no name of an utterance": _elsewhere,
    r"w_9\.npy: missing; expected a feature for every labelled utterance": _absent,
    r"labels: dialogue 'w': 4 is no intensity of sentiment, expected -3 to 3": _beyond,
    r"nearest is folders of GCNet, but item 3 is a dictionary of 3 .*expected speakers": _odd,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str, fields: dict, read: Callable) -> None:
    REFUSED[message](fields)
    with pytest.raises(InputError, match=message):
        read(fields)
