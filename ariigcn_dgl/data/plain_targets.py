"""Targets of a user's own table: declared in targets.json, or a label column of real numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypedDict, get_type_hints

import numpy as np

from ariigcn_dgl.data.table import COLUMNS, Table
from ariigcn_dgl.data.targets import LABEL, Kind, Per, Target, TargetSpec, known_scale, score_target
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.schema import conform

DECLARATION = "targets.json"
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")


class _Optional(TypedDict, total=False):
    columns: Annotated[list[str], Limit("one name or more", lambda names: len(names) > 0)]
    names: list[str]
    range: Annotated[list[float], Limit("the lowest and the highest", lambda x: len(x) == 2)]
    unit: str
    per: Per


class Declared(_Optional):
    """What ``targets.json`` says of a target; its columns are by default one of its name."""

    kind: Kind


def read_declared(folder: Path) -> dict[str, Declared]:
    """Return what a folder's ``targets.json`` declares, by name; nothing where there is none.

    Raises
    ------
    InputError
        If it is damaged, or says something unknown of a target.
    """
    path = folder / DECLARATION
    if not path.exists():
        return {}
    declared: dict[str, Declared] = conform(read_json(path), dict[str, Declared], str(path))
    known = get_type_hints(Declared)
    for name, one in declared.items():
        for key in one:
            if key not in known:
                raise InputError(
                    f"{path}: {name}: unknown key {key!r}, expected some of {', '.join(known)}"
                    f"{did_you_mean(key, known)}"
                )
    if LABEL in declared and declared[LABEL]["kind"] == "classes":
        raise InputError(f"{path}: {LABEL}: classes need no declaration; labels.txt orders them")
    return declared


def columns_of(declared: dict[str, Declared]) -> list[str]:
    """Return the columns of a table that declared targets are in, beside the usual ones."""
    wanted = [_plain(c) for name, one in declared.items() for c in one.get("columns", [name])]
    return [column for column in dict.fromkeys(wanted) if column not in COLUMNS]


def targets_of_table(table: Table, declared: dict[str, Declared]) -> dict[str, Target]:
    """Return the declared targets of a table.

    Raises
    ------
    InputError
        If it lacks a column, or a value is none of its target's; names the line.
    """
    return {name: _target(table, name, one) for name, one in declared.items()}


def score_labels(table: Table) -> Target | None:
    """Return the label column as a regression, if it is real numbers; None of classes.

    It is where labels are numbers, empty or NaN, and at least one is no whole number: whole ones
    may be names of classes, and can be declared to be none (``targets.json``).

    Raises
    ------
    InputError
        If most are such numbers, but not all; names the line.
    """
    texts = table.columns.get(LABEL, [])
    values = np.array(list(map(_number, texts)))
    known = np.isfinite(values)
    commas = [_DECIMAL_COMMA.fullmatch(text) is not None for text in texts]
    if (values[known] == np.round(values[known])).all() and not any(commas):
        return None
    wrong = np.flatnonzero(np.isinf(values))
    if len(wrong) == 0:
        return score_target(values)
    if known.sum() + sum(commas) <= (known.sum() + len(wrong)) / 2:
        return None
    row = int(wrong[0])
    raise InputError(
        f"{table.where(row)} has the label {texts[row]!r} where most are real numbers, expected a "
        "number as -0.5, or nothing where it is unknown; if they are names of classes, list them "
        "in labels.txt, or in Python as label_names"
    )


def _number(text: str) -> float:
    """Return a number, NaN where it is unknown, infinity of what is none."""
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.inf


def _plain(column: str) -> str:
    return column.strip().lower()


def _target(table: Table, name: str, declared: Declared) -> Target:
    columns = [_plain(column) for column in declared.get("columns", [name])]
    for column in columns:
        if column not in table.columns:
            raise InputError(
                f"{table.path}: no column {column!r} of the target {name!r} in {DECLARATION}"
                f"{did_you_mean(column, table.header)}"
            )
    kind: Kind = declared["kind"]
    scale: Sequence[float] = declared.get("range", ())
    if kind == "classes":
        texts = table.columns[columns[0]]
        names = declared.get("names") or sorted(set(texts) - {""})
        place = table.indices(columns[0], names)
        values = np.where(place < 0, np.nan, place)[:, None].astype(np.float32)
    else:
        names = declared.get("names") or (columns if columns != [LABEL] else ["score"])
        values = np.column_stack([_numbers(table, column) for column in columns])
        if kind == "regression" and not scale:
            scale = known_scale(values)
    if kind != "classes" and len(names) != len(columns):
        raise InputError(
            f"{table.path}: target {name!r}: {len(columns)} columns for {len(names)} names in "
            f"{DECLARATION}, expected a column for each"
        )
    unit, per = declared.get("unit", ""), declared.get("per", "utterance")
    low, high = scale or (None, None)
    return Target(TargetSpec(name, kind, tuple(names), low, high, unit, per), values)


def _numbers(table: Table, column: str) -> np.ndarray:
    """Return a column's numbers, (N,) float32, NaN where it is empty."""
    values = np.empty(len(table.lines), np.float32)
    for row, text in enumerate(table.columns[column]):
        try:
            values[row] = float(text) if text else np.nan
        except ValueError:
            raise InputError(
                f"{table.where(row)} has {column} {text!r}, expected a number, or nothing where "
                "it is unknown"
            ) from None
    return values
