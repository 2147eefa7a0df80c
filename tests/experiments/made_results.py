"""A study's results for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from ariigcn_dgl.experiments.results import Results, RowResult


def made_results(*rows: RowResult, **changes: Any) -> Results:
    """Return the results of a study of these settings; keywords are other fields."""
    fields: dict[str, Any] = {
        "study": "mine",
        "title": "Mine",
        "about": "",
        "axis": "",
        "baseline": "base",
        "protocol": "standard",
        "seeds": 2,
        "folds": None,
        "trials": None,
        "data": {"name": "talk"},
        "environment": {},
    }
    return Results(**fields | changes, rows=rows)
