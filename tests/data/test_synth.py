from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.synth import synthesise, synthesise_parts
from ariigcn_dgl.data.synth_config import (
    IEMOCAP_LIKE,
    MELD_LIKE,
    PRESETS,
    SynthConfig,
    SynthModality,
)
from ariigcn_dgl.errors import InputError

TINY = SynthConfig(train=6, val=2, test=3)


def narrow(config: SynthConfig, **changes: object) -> SynthConfig:
    """Change the config and make its features quick to draw."""
    widths = {m: replace(getattr(config, m), width=2) for m in MODALITIES}
    return replace(config, **widths, **changes)


@pytest.fixture(scope="module")
def default() -> Dialogues:
    return synthesise(SynthConfig())


@pytest.fixture(scope="module")
def iemocap() -> Dialogues:
    return synthesise(narrow(IEMOCAP_LIKE, train=240))


@pytest.fixture(scope="module")
def meld() -> Dialogues:
    return synthesise(narrow(MELD_LIKE))


def last_rows(speakers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the last row of the same and of another speaker before each row, -1 where none."""
    own, other = np.full((2, len(speakers)), -1)
    for row, speaker in enumerate(speakers):
        for earlier in range(row):
            (own if speakers[earlier] == speaker else other)[row] = earlier
    return own, other


def agreement(dialogues: Dialogues) -> tuple[float, float]:
    """Return the share of utterances with the emotion of the same and of another speaker's last."""
    same, cross = [], []
    for b in range(dialogues.num_dialogues):
        labels = dialogues.labels[dialogues.rows(b)]
        own, other = last_rows(dialogues.speakers[dialogues.rows(b)])
        same.append((labels == labels[own])[own >= 0])
        cross.append((labels == labels[other])[other >= 0])
    return float(np.concatenate(same).mean()), float(np.concatenate(cross).mean())


def alternation(dialogues: Dialogues) -> float:
    changes = [
        np.diff(dialogues.speakers[dialogues.rows(b)]) != 0 for b in range(dialogues.num_dialogues)
    ]
    return float(np.concatenate(changes).mean())


def test_same_seed_gives_same_data():
    first, second = synthesise(TINY, seed=3), synthesise(TINY, seed=3)
    for m in MODALITIES:
        assert first.features[m].tobytes() == second.features[m].tobytes()
        assert first.masks[m].tobytes() == second.masks[m].tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()
    assert first.speakers.tobytes() == second.speakers.tobytes()
    assert first.utterance_ids == second.utterance_ids


def test_other_seed_gives_other_data():
    first, second = synthesise(TINY, seed=3), synthesise(TINY, seed=4)
    assert not np.array_equal(first.features["text"][:8], second.features["text"][:8])


def test_number_of_training_dialogues_leaves_the_test_split_alone():
    small, large = synthesise(TINY), synthesise(replace(TINY, train=9))
    labels = [d.labels[d.row_splits == "test"] for d in (small, large)]
    assert np.array_equal(*labels)


def test_layout_is_that_of_the_config(default: Dialogues):
    rows = default.num_utterances
    assert default.widths == {"text": 64, "audio": 32, "visual": 48}
    assert [len(default.indices(split)) for split in SPLITS] == [72, 10, 20]
    assert default.label_names == SynthConfig().class_names
    assert len(set(default.utterance_ids)) == rows == default.dialogue_ptr[-1]
    assert len(set(default.dialogue_ids)) == default.num_dialogues == 102
    for m in MODALITIES:
        assert default.features[m].shape == (rows, default.widths[m])
        assert default.features[m].dtype == np.float32
        assert default.masks[m].shape == (rows,)
        assert default.masks[m].dtype == bool
    for array in (default.labels, default.speakers, default.dialogue_ptr):
        assert array.dtype == np.int64


def test_missing_rows_are_zero_and_present_rows_are_not(default: Dialogues):
    for m in MODALITIES:
        filled = default.features[m].any(axis=1)
        assert np.array_equal(filled, default.masks[m])


def test_missing_share_is_that_of_the_config(default: Dialogues):
    missing = [1 - default.masks[m].mean() for m in MODALITIES]
    assert missing == pytest.approx([0.0, 0.02, 0.05], abs=0.015)


def test_training_features_are_standardised(default: Dialogues):
    train = default.row_splits == "train"
    assert default.features["text"][train].mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert default.features["text"][train].std(axis=0) == pytest.approx(1, abs=1e-4)


def test_splits_share_no_speaker(default: Dialogues):
    split = default.row_splits
    sets = [set(default.speakers[split == name].tolist()) for name in SPLITS]
    assert sum(map(len, sets)) == len(set.union(*sets)) == len(default.speaker_names)


def test_unlabelled_share_is_that_of_the_config():
    hidden = synthesise(narrow(SynthConfig(), unlabelled=0.3)).labels == UNLABELLED
    assert hidden.mean() == pytest.approx(0.3, abs=0.04)


def test_hiding_labels_changes_nothing_else():
    full, part = synthesise(TINY), synthesise(replace(TINY, unlabelled=0.3))
    known = part.labels != UNLABELLED
    assert np.array_equal(full.labels[known], part.labels[known])
    assert np.array_equal(full.features["audio"], part.features["audio"])


def test_one_utterance_is_a_data_set():
    one = dict.fromkeys(("train", "val", "test", "length_min", "length_max"), 1)
    dialogues = synthesise(SynthConfig(length_mean=1, **one))
    assert dialogues.num_utterances == 3
    assert np.isfinite(dialogues.features["text"]).all()


def test_iemocap_like_has_the_statistics_of_iemocap(iemocap: Dialogues):
    same, cross = agreement(iemocap)
    assert same == pytest.approx(0.717, abs=0.04)
    assert cross == pytest.approx(0.440, abs=0.06)
    assert alternation(iemocap) == pytest.approx(0.69, abs=0.02)
    assert iemocap.lengths.mean() == pytest.approx(49.2, rel=0.1)
    assert iemocap.lengths.std() == pytest.approx(16.8, rel=0.2)
    priors = np.bincount(iemocap.labels) / iemocap.num_utterances
    assert priors == pytest.approx(IEMOCAP_LIKE.class_priors, abs=0.05)


def test_meld_like_has_the_statistics_of_meld(meld: Dialogues):
    same, cross = agreement(meld)
    assert same == pytest.approx(0.446, abs=0.03)
    assert cross == pytest.approx(0.347, abs=0.03)
    assert alternation(meld) == pytest.approx(0.773, abs=0.03)
    assert meld.lengths.mean() == pytest.approx(9.6, rel=0.1)
    assert meld.lengths.std() == pytest.approx(5.8, rel=0.1)
    assert meld.lengths.min() >= 1
    assert meld.lengths.max() <= 33
    priors = np.bincount(meld.labels) / meld.num_utterances
    assert priors == pytest.approx(MELD_LIKE.class_priors, abs=0.02)


def test_meld_like_has_dialogues_of_many_speakers(meld: Dialogues):
    counts = [len(set(meld.speakers[meld.rows(b)])) for b in range(meld.num_dialogues)]
    assert np.mean(counts) == pytest.approx(2.72, abs=0.25)
    assert 5 <= max(counts) <= 9


def test_without_inertia_contagion_and_mood_agreement_is_chance():
    config = narrow(IEMOCAP_LIKE, inertia=0.0, contagion=0.0, mood=1e6)
    chance = sum(p * p for p in config.class_priors)
    assert agreement(synthesise(config)) == pytest.approx((chance, chance), abs=0.02)


def test_twins_look_alike_and_other_classes_do_not(default: Dialogues):
    text, labels = default.features["text"], default.labels
    means = [text[labels == c].mean(axis=0) for c in range(default.num_classes)]
    happy, sad, excited = (means[default.label_names.index(c)] for c in ("happy", "sad", "excited"))
    assert 2 * np.linalg.norm(happy - excited) < np.linalg.norm(happy - sad)


def test_irony_shows_only_in_the_product_of_text_and_visual():
    mute = SynthModality(1, strength=0.0, trait=0.0, drift=0.0)
    pair = {"class_names": ("plain", "ironic"), "class_priors": (0.5, 0.5)}
    both = dict.fromkeys(MODALITIES, mute) | {"ironic": ("plain", "ironic"), "irony": 6.0}
    dialogues = synthesise(SynthConfig(mood=1e6, **pair, **both))
    x, y = np.hstack(list(dialogues.features.values())), dialogues.labels
    assert LogisticRegression().fit(x, y).score(x, y) < 0.6
    assert QuadraticDiscriminantAnalysis().fit(x, y).score(x, y) > 0.8


def test_negative_seed_is_refused():
    with pytest.raises(InputError, match="seed is -1"):
        synthesise(TINY, seed=-1)


def test_a_set_that_is_made_in_parts_is_the_same_set():
    config = SynthConfig(train=20, val=3, test=3, unlabelled=0.2)
    made, parts = synthesise(config, 3), list(synthesise_parts(config, 3, 100_000))
    assert len(parts) > 3
    for name in ("dialogue_ids", "utterance_ids", "splits"):
        assert getattr(made, name) == sum((getattr(part, name) for part in parts), ())
    assert np.array_equal(made.labels, np.concatenate([part.labels for part in parts]))
    for m, rows in made.features.items():
        of_parts = np.concatenate([part.features[m] for part in parts])
        assert np.allclose(rows, of_parts, rtol=1e-6, atol=1e-6)
        assert np.array_equal(rows == 0, of_parts == 0)


def test_scores_of_a_set_that_is_made_in_parts_are_the_same():
    config = replace(PRESETS["sentiment"], train=9, val=2, test=2)
    made, parts = synthesise(config), list(synthesise_parts(config, part_bytes=50_000))
    assert len(parts) > 1
    values = np.concatenate([part.targets["label"].values for part in parts])
    assert np.array_equal(made.targets["label"].values, values, equal_nan=True)


def test_no_part_of_a_set_is_larger_than_asked_for_unless_it_is_one_dialogue():
    config = SynthConfig(train=10, val=2, test=2)
    for part in synthesise_parts(config, part_bytes=100_000):
        size = sum(rows.nbytes for rows in part.features.values())
        assert size <= 100_000 or part.num_dialogues == 1
