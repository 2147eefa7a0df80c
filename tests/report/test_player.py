"""Where the recording lies that a page plays."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report.player import as_player, url_beside


@pytest.mark.parametrize(
    ("recording", "folder", "url"),
    [
        ("new.mp4", "out", "../new.mp4"),
        ("out/new.mp4", "out", "new.mp4"),
        ("a b/c#d?e%f.mp4", "a b", "c%23d%3Fe%25f.mp4"),
        ("http:x.mp4", ".", "http%3Ax.mp4"),
        ("\"<&>'.mp4", ".", "%22%3C%26%3E%27.mp4"),
        ("été.mp4", "/", None),
    ],
)
def test_url_leads_from_the_page_to_the_recording(recording: str, folder: str, url: str) -> None:
    found = url_beside(Path(recording), Path(folder))
    if url is not None:
        assert found == url
    assert as_player(found).url == found
    there = os.path.join(os.fsencode(Path(folder).absolute()), unquote_to_bytes(found))
    assert os.path.normpath(there) == os.fsencode(Path(recording).absolute())


def test_name_that_is_no_unicode_keeps_its_bytes() -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    assert url_beside(Path(name), Path(".")) == "caf%E9.wav"


@pytest.mark.parametrize(
    "url", ["", "https://example.org/a.mp4", "//example.org/a.mp4", "javascript:alert(1)", "?a"]
)
def test_recording_elsewhere_is_refused(url: str) -> None:
    reason = f"recording '{url}': expected a URL relative to the page"
    with pytest.raises(InputError, match=re.escape(reason)):
        as_player(url)
