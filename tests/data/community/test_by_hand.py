"""Files as old programs wrote them: Python 2, lists instead of arrays, float64, object arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.data.community import import_file
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.community.write import FOLDERS, LAYOUTS, write_layout

Fields = dict[str, Any]


def _read(save: Callable, fields: Any, **options: Any) -> Dialogues:
    return import_file(save(fields, **options)).dialogues


def _edit(fields: Fields, how: Callable[[Any], Any], names: tuple[str, ...]) -> Fields:
    return {
        name: {key: how(value) for key, value in item.items()} if name in names else item
        for name, item in fields.items()
    }


FEATURES = ("text", "audio", "visual")


@pytest.fixture
def expected(fields: Fields, save: Callable) -> str:
    return fingerprint(_read(save, fields, name="expected.pkl"))


def test_expected_values(fields: Fields, save: Callable) -> None:
    read = _read(save, fields)
    assert read.dialogue_ids == ("Ses01F_impro01", "Ses02M_impro02", "Ses05F_impro01")
    assert read.splits == ("train", "train", "test")
    assert read.labels.tolist() == [5, 0, 5, 0, 2, 5]
    assert read.features["text"][:, 0].tolist() == [20, 21, 30, 31, 32, 10]
    names = [read.speaker_names[s] for s in read.speakers]
    assert names == ["Ses01_F", "Ses01_M", "Ses02_F", "Ses02_M", "Ses02_F", "Ses05_F"]
    assert read.utterance_ids[0] == "Ses01F_impro01_u0"


@pytest.mark.parametrize("protocol", [0, 2])
def test_python_2(
    protocol: int, fields: Fields, expected: str, save: Callable, python2_dumps: Callable
) -> None:
    path = save(None)
    path.write_bytes(python2_dumps(tuple(fields.values()), protocol))
    assert fingerprint(import_file(path).dialogues) == expected


def test_python_2_letters_are_latin1(tmp_path: Path, python2_dumps: Callable) -> None:
    (tmp_path / "old.pkl").write_bytes(python2_dumps(["caf\xe9"], 2))
    assert unpickle(tmp_path / "old.pkl") == ["caf\xe9"]


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol(protocol: int, fields: Fields, save: Callable, expected: str) -> None:
    assert fingerprint(_read(save, fields, protocol=protocol)) == expected


@pytest.mark.parametrize(
    "how",
    [
        lambda rows: [row.tolist() for row in rows],
        lambda rows: np.stack(rows),
        lambda rows: np.stack(rows).astype(np.float64),
        lambda rows: np.stack(rows).astype(">f4"),
        lambda rows: np.asfortranarray(np.stack(rows)),
        lambda rows: [row[None] for row in rows],
        lambda rows: [tuple(map(int, row)) for row in rows],
        lambda rows: np.array([*rows, None], object)[:-1],
    ],
    ids=["lists", "array", "float64", "big-endian", "fortran", "row-vectors", "ints", "objects"],
)
def test_features_of_any_form(how: Any, fields: Fields, save: Callable, expected: str) -> None:
    assert fingerprint(_read(save, _edit(fields, how, FEATURES))) == expected


@pytest.mark.parametrize(
    "how",
    [np.array, tuple, lambda v: np.array(v, object), lambda v: [np.int64(x) for x in v]],
    ids=["array", "tuple", "objects", "scalars"],
)
def test_labels_of_any_form(how: Any, fields: Fields, save: Callable, expected: str) -> None:
    assert fingerprint(_read(save, _edit(fields, how, ("labels",)))) == expected


def test_speakers_as_an_array(fields: Fields, save: Callable, expected: str) -> None:
    assert fingerprint(_read(save, _edit(fields, np.array, ("speakers",)))) == expected


@pytest.mark.parametrize("how", [set, tuple, np.array])
def test_lists_of_splits_of_any_form(
    how: Any, fields: Fields, save: Callable, expected: str
) -> None:
    fields |= {"train": how(fields["train"]), "test": how(fields["test"])}
    assert fingerprint(_read(save, fields)) == expected


def test_list_in_place_of_the_tuple(fields: Fields, save: Callable, expected: str) -> None:
    assert fingerprint(_read(save, list(fields.values()))) == expected


@pytest.mark.parametrize("name", sorted(LAYOUTS.keys() - {"cogmen", *FOLDERS}))
def test_layouts_as_python_2_wrote_them(name: str, tmp_path: Path, python2_dumps: Callable) -> None:
    write_layout(name, tmp_path / "new", fraction=0.004)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "new").write_bytes(python2_dumps(unpickle(tmp_path / "new")))
    new, old = (import_file(tmp_path / where).dialogues for where in ("new", "old/new"))
    assert fingerprint(new) == fingerprint(old)
