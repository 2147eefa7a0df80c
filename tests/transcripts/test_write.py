"""Cues written as subtitles."""

from __future__ import annotations

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.write import as_srt


def test_cue_without_times_is_named() -> None:
    with pytest.raises(InputError, match=r"cue 2 \('No'\) has no times, which subtitles need"):
        as_srt([Cue("Ann", "Hi", 0.0, 1.0), Cue("Bob", "No")])


def test_name_that_readers_would_not_see_is_a_voice() -> None:
    assert as_srt([Cue("ann", "Hi", 0.0, 1.0)]).splitlines()[2] == "<v ann>Hi"


def test_text_that_readers_would_take_for_markup_is_escaped() -> None:
    assert as_srt([Cue("Ann", "a <b> c & d", 0.0, 1.0)]).splitlines()[2] == (
        "Ann: a &lt;b&gt; c &amp; d"
    )
