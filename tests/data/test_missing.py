"""A missing modality is zeros, whatever stood in its rows, in arrays and in tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.data.missing import absent, without_modalities, zero_missing
from ariigcn_dgl.errors import InputError

ROWS = [[1.0, -2.0], [float("nan"), float("inf")]]
MASK = [True, False]


def test_array_keeps_its_type_and_the_rows_that_are_there() -> None:
    found = zero_missing(np.array(ROWS, np.float32), np.array(MASK))
    assert found.dtype == np.float32
    assert found.tolist() == [[1.0, -2.0], [0.0, 0.0]]


def test_zeros_have_no_sign() -> None:
    found = zero_missing(np.array([[-3.0]]), np.array([False]))
    assert not np.signbit(found).any()


def test_tensor_of_several_modalities_and_its_gradient() -> None:
    rows = torch.tensor([ROWS, ROWS], requires_grad=True)
    mask = torch.tensor([MASK, [False, False]])
    found = zero_missing(rows, mask)
    assert found.tolist() == [[[1.0, -2.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    found.sum().backward()
    assert rows.grad.tolist() == [[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_absent_modality_has_rows_and_no_utterance() -> None:
    features, mask = absent(2, 3)
    assert (features.shape, features.dtype, features.any()) == ((2, 3), np.float32, False)
    assert (mask.shape, mask.dtype, mask.any()) == ((2,), bool, False)


def test_a_hidden_modality_is_missing_everywhere_and_nothing_else_changes() -> None:
    dialogues = synthesise(SynthConfig(train=1, val=1, test=1))
    found = without_modalities(dialogues, ["audio"])
    assert not found.masks["audio"].any()
    assert not found.features["audio"].any()
    assert found.widths == dialogues.widths
    assert found.features["text"] is dialogues.features["text"]
    assert dialogues.masks["audio"].any()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["smell"], "has no modality 'smell' to be absent, only text, audio, visual"),
        (["text", "audio", "visual"], "without text, audio, visual nothing is left to tell an"),
    ],
)
def test_what_cannot_be_hidden_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        without_modalities(synthesise(SynthConfig(train=1, val=1, test=1)), names)
