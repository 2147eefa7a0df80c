"""The fingerprint changes with any content and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, fingerprint


def test_is_a_sha256_in_hexadecimal(tiny: Dialogues) -> None:
    assert len(fingerprint(tiny)) == 64
    assert int(fingerprint(tiny), 16) >= 0


def test_name_of_the_set_does_not_count(tiny: Dialogues) -> None:
    assert fingerprint(replace(tiny, name="other")) == fingerprint(tiny)


def test_memory_layout_does_not_count(tiny: Dialogues) -> None:
    features = {m: np.asfortranarray(array) for m, array in tiny.features.items()}
    order = dict(reversed(features.items()))
    assert fingerprint(replace(tiny, features=order)) == fingerprint(tiny)


@pytest.mark.parametrize(
    "field",
    ["dialogue_ids", "splits", "utterance_ids", "label_names", "speaker_names"],
)
def test_names_count(tiny: Dialogues, field: str) -> None:
    names = getattr(tiny, field)
    assert fingerprint(replace(tiny, **{field: names[::-1]})) != fingerprint(tiny)


@pytest.mark.parametrize("field", ["labels", "speakers", "dialogue_ptr"])
def test_numbers_count(tiny: Dialogues, field: str) -> None:
    values = getattr(tiny, field).copy()
    values[1] += 1
    assert fingerprint(replace(tiny, **{field: values})) != fingerprint(tiny)


def test_features_count(tiny: Dialogues) -> None:
    changed = tiny.features["text"] + np.float32(1e-3)
    other = replace(tiny, features=tiny.features | {"text": changed})
    assert fingerprint(other) != fingerprint(tiny)


def test_masks_count(tiny: Dialogues) -> None:
    other = replace(tiny, masks=tiny.masks | {"audio": np.ones(6, np.bool_)})
    assert fingerprint(other) != fingerprint(tiny)


def test_modality_counts(tiny: Dialogues) -> None:
    def only(modality: str) -> Dialogues:
        return replace(
            tiny,
            features={modality: tiny.features["text"]},
            masks={modality: tiny.masks["text"]},
        )

    assert fingerprint(only("text")) != fingerprint(only("visual"))
