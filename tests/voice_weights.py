"""Whether the weights of the speaker encoder are there: its package is no dependency."""

from __future__ import annotations

import pytest

from ariigcn_dgl.optional import is_installed

needs_voices = pytest.mark.skipif(
    not is_installed("resemblyzer"), reason="pip install --no-deps resemblyzer"
)
