"""Training on a share of the labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise
from ariigcn_dgl.data.synth_config import SENTIMENT
from ariigcn_dgl.training.label_share import with_label_share
from ariigcn_dgl.training.prepare import prepare

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


def test_the_share_is_of_dialogues_that_have_labels():
    hidden = np.isin(DATA.row_dialogues, DATA.indices("train")[:7])
    unlabelled = replace(DATA, labels=np.where(hidden, -1, DATA.labels))
    for seed in range(5):
        few = labelled(with_label_share(unlabelled, 0.4, seed), "train")
        assert len(few) == 1
        assert few <= labelled(unlabelled, "train")


def test_the_mean_of_numbers_that_are_not_seen_is_not_known(settings):
    data = synthesise(replace(SENTIMENT, train=10, val=3, test=3))
    (score,) = data.targets.values()
    config = settings(label_share=0.3)
    kept = ~np.isnan(with_label_share(data, 0.3, seed=2).targets["label"].values)
    moved = np.where(data.in_split("train")[:, None] & ~kept, score.spec.low, score.values)
    others = replace(data, targets={"label": replace(score, values=moved)})
    heads = [prepare(one, config).of_seed(2).objective.heads[0] for one in (data, others)]
    assert heads[0].mean == heads[1].mean
    assert heads[0].std == heads[1].std
