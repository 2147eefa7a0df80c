"""Training on a share of the labels."""

from __future__ import annotations

import numpy as np

from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise
from ariigcn_dgl.training.label_share import with_label_share

DATA = synthesise(SynthConfig(train=10, val=3, test=3))


def labelled(dialogues: Dialogues, split: str) -> set[int]:
    """Return the dialogues of a split that have labels."""
    found = set()
    for b in dialogues.indices(split):
        known = dialogues.labels[dialogues.rows(b)] >= 0
        assert known.all() or not known.any()
        found |= {int(b)} if known.any() else set()
    return found


def test_all_labels_are_the_dialogues_themselves():
    assert with_label_share(DATA, 1.0, seed=0) is DATA


def test_a_share_of_the_training_dialogues_keeps_its_labels():
    few = with_label_share(DATA, 0.3, seed=0)
    assert len(labelled(few, "train")) == 3
    for split in ("val", "test"):
        assert labelled(few, split) == labelled(DATA, split)
    kept = few.labels >= 0
    assert np.array_equal(few.labels[kept], DATA.labels[kept])


def test_one_dialogue_always_keeps_its_labels():
    assert len(labelled(with_label_share(DATA, 0.001, seed=0), "train")) == 1


def test_a_larger_share_has_the_labels_of_a_smaller_one():
    few, more = (labelled(with_label_share(DATA, share, seed=1), "train") for share in (0.2, 0.6))
    assert few < more


def test_another_seed_keeps_other_labels():
    kept = {frozenset(labelled(with_label_share(DATA, 0.3, seed), "train")) for seed in range(5)}
    assert len(kept) > 1
