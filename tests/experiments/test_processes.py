"""How a process ended, in a sentence."""

from __future__ import annotations

from ariigcn_dgl.experiments.processes import _reason


def test_a_crash_is_told_by_the_last_line_of_its_traceback() -> None:
    assert _reason(1, "Traceback ...\n  File ...\nZeroDivisionError: by zero\n") == (
        "ZeroDivisionError: by zero"
    )


def test_a_silent_end_is_told_by_its_code() -> None:
    assert _reason(3, "") == "the process ended with code 3 and said nothing"
