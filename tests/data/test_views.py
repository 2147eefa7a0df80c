"""Several views of a modality: kept apart by their widths, and one matrix to all else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ariigcn_dgl.data import (
    Dialogues,
    check,
    examine,
    fingerprint,
    load_dialogues,
    split_views,
    summarise,
    write_folder,
)
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.errors import InputError

ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.fixture
def viewed(tiny: Dialogues) -> Dialogues:
    """`tiny` with a text of two views, one and two wide."""
    return replace(tiny, views={"text": (1, 2)})


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_views_are_columns_side_by_side(make: Callable) -> None:
    first, second = split_views(make(ROWS), (1, 2))
    assert first.tolist() == [[1.0], [4.0]]
    assert second.tolist() == [[2.0, 3.0], [5.0, 6.0]]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_views_side_by_side_are_the_whole(widths: list[int]) -> None:
    rows = np.arange(2 * sum(widths)).reshape(2, -1)
    views = split_views(rows, widths)
    assert [view.shape[1] for view in views] == widths
    assert np.concatenate(views, axis=1).tolist() == rows.tolist()


def test_modality_without_views_is_one(viewed: Dialogues) -> None:
    assert viewed.view_widths("text") == (1, 2)
    assert viewed.view_widths("audio") == (2,)


def test_chosen_dialogues_and_modalities_keep_their_views(viewed: Dialogues) -> None:
    assert viewed.select([2, 0]).views == {"text": (1, 2)}
    assert viewed.with_modalities(["text"]).views == {"text": (1, 2)}
    assert viewed.with_modalities(["audio"]).views == {}


def test_columns_are_standardised_whatever_their_view(viewed: Dialogues, tiny: Dialogues) -> None:
    scaled = Standardiser.fit(viewed).apply(viewed)
    assert scaled.views == viewed.views
    expected = Standardiser.fit(tiny).apply(tiny)
    np.testing.assert_array_equal(scaled.features["text"], expected.features["text"])


def test_fingerprint_of_a_set_without_views_is_that_of_before_there_were_some(
    tiny: Dialogues,
) -> None:
    assert fingerprint(tiny) == "15fbd2425509e18758c876521d9a5e27cd82623a39f40e631b536174a56a385a"


def test_views_count_in_the_fingerprint(viewed: Dialogues, tiny: Dialogues) -> None:
    turned = replace(tiny, views={"text": (2, 1)})
    assert len({fingerprint(one) for one in (tiny, viewed, turned)}) == 3


def test_folder_keeps_views(viewed: Dialogues, tmp_path: Path) -> None:
    write_folder(viewed, tmp_path / "set")
    loaded = load_dialogues(tmp_path / "set")
    assert loaded.views == {"text": (1, 2)}
    assert fingerprint(loaded) == fingerprint(viewed)


def test_folder_of_a_set_without_views_does_not_name_them(folder: Path) -> None:
    assert "views" not in json.loads((folder / "dataset.json").read_text())


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ({"text": 3}, "dataset.json: damaged: views.text: expected a list, found 3"),
        ({"text": [1, "2"]}, "views.text.1: expected an integer, found '2'"),
        ({"text": [1, 1]}, "views: text: found [1, 1], expected two or more widths"),
    ],
)
def test_wrong_views_of_a_folder_are_named(
    folder: Path, edit_header: Callable[..., None], views: object, words: str
) -> None:
    edit_header(folder, views=views)
    with pytest.raises(InputError) as caught:
        load_dialogues(folder)
    assert words in str(caught.value)


def test_archive_tells_views(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray], viewed: Dialogues
) -> None:
    np.savez(tmp_path / "set.npz", **npz_arrays, text_views=np.array([1, 2]))
    loaded = load_dialogues(tmp_path / "set.npz")
    assert fingerprint(loaded) == fingerprint(viewed)


def test_archive_with_views_that_are_no_numbers_is_refused(
    tmp_path: Path, npz_arrays: dict[str, np.ndarray]
) -> None:
    np.savez(tmp_path / "set.npz", **npz_arrays, text_views=np.array([0.5, 2.5]))
    with pytest.raises(InputError, match="text_views: float64 array"):
        load_dialogues(tmp_path / "set.npz")


def test_own_folder_tells_views(plain: Path, viewed: Dialogues) -> None:
    (plain / "views.json").write_text('{"text": [1, 2]}')
    assert fingerprint(load_dialogues(plain)) == fingerprint(viewed)


def test_own_folder_with_damaged_views_is_refused(plain: Path) -> None:
    (plain / "views.json").write_text('{"text": "1, 2"}')
    with pytest.raises(InputError, match=r"views\.json: damaged: text: expected a list"):
        load_dialogues(plain)


def test_row_that_lacks_one_view_only_is_refused(plain: Path) -> None:
    text = np.load(plain / "text.npy")
    text[3, 1:] = np.nan
    np.save(plain / "text.npy", text)
    (plain / "views.json").write_text('{"text": [1, 2]}')
    with pytest.raises(InputError, match=r"utterance 'd3_0' has nan in column 1"):
        load_dialogues(plain)


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ({"visual": (1, 2)}, "views: of 'visual', expected of one of its modalities (text, audio)"),
        ({"text": (3,)}, "views: text: found [3], expected two or more"),
        ({"text": ()}, "views: text: found [], expected two or more"),
        ({"text": (0, 3)}, "views: text: found [0, 3]"),
        ({"text": (-1, 4)}, "views: text: found [-1, 4]"),
        ({"text": (2, 2)}, "two or more widths that add up to its 3 columns"),
    ],
)
def test_views_must_add_up(tiny: Dialogues, views: dict[str, tuple[int, ...]], words: str) -> None:
    with pytest.raises(InputError) as caught:
        check(replace(tiny, views=views), "source")
    assert str(caught.value).startswith("source: ")
    assert words in str(caught.value)


def test_summary_has_views(viewed: Dialogues) -> None:
    assert [one.views for one in summarise(viewed).modalities] == [(1, 2), (2,)]


def test_view_of_zeros_is_found(viewed: Dialogues) -> None:
    # The first row of text is 0, 1, 2: its first view is zeros.
    (finding,) = [one for one in examine(viewed) if "view of zeros" in one.what]
    assert finding.severity == "warning"
    assert "1 rows have a view of zeros only; first utterance 'd1_0'" in finding.what
