"""Values of JSON and YAML, as Hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

_NAMES = st.text(max_size=3) | st.sampled_from(["text", "train", "d1", "0", "\ud800", "a" * 3000])
_NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 10**30, 1e308])
SCALARS = st.none() | st.booleans() | _NUMBERS | _NAMES
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)
