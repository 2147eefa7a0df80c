"""How commands get on: bars on a terminal, lines elsewhere, nothing on the standard output."""

from __future__ import annotations

import re
import threading

import pytest

from ariigcn_dgl.cli import progress
from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.progress import track


def test_loops_are_silent_where_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([1, 2], "numbers")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_line_says_what_goes_on_from_the_outside_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    said = threading.Event()
    monkeypatch.setattr(progress, "note", lambda line: (print(line), said.set()))
    with shown("report"):
        for outer in track("ab", "runs"):
            for inner in track("cde", "dialogues"):
                if outer + inner == "bd":
                    said.clear()
                    assert said.wait(60)
    line = capsys.readouterr().out.splitlines()[-1]
    pattern = r"report: \d+ s; runs 1 of 2, about \d+ s left; dialogues 1 of 3, about \d+ s left"
    assert re.fullmatch(pattern, line)


def test_no_time_left_is_made_up_before_the_first_item() -> None:
    assert progress._Loop(3).in_words() == "0 of 3"


def test_time_left_is_that_of_the_pace_less_what_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([0.0, 10.0, 14.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    loop = progress._Loop(3, begun=progress.time.monotonic())
    loop.advance()
    assert loop.in_words() == "1 of 3, about 16 s left"


def test_a_terminal_gets_bars_and_the_standard_output_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with shown("embed"):
        for _ in track("ab", "spaces drawn"):
            pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "embed" in captured.err


def _fail() -> None:
    with shown("check"):
        for _ in track("ab", "letters"):
            raise ValueError("no")


def test_a_loop_that_fails_ends_the_display() -> None:
    # by identity: threads that tests before this one left behind may end at any time
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="no"):
        _fail()
    assert set(threading.enumerate()) <= before
