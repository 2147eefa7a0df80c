"""A data set with some of its modalities."""

from __future__ import annotations

import pytest

from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError


def test_keeps_the_named_modalities_in_their_usual_order() -> None:
    whole = load_source("synthetic")
    part = load_source("synthetic", ["visual", "text"])
    assert list(part.features) == list(part.masks) == ["text", "visual"]
    assert part.features["visual"].tobytes() == whole.features["visual"].tobytes()
    assert part.labels.tobytes() == whole.labels.tobytes()


def test_refuses_a_modality_that_is_not_there() -> None:
    part = load_source("synthetic", ["text"])
    with pytest.raises(InputError, match="has no modality 'audio', only text"):
        part.with_modalities(["text", "audio"])


def test_refuses_to_keep_nothing() -> None:
    with pytest.raises(InputError, match="name at least one of text, audio, visual"):
        load_source("synthetic", [])
