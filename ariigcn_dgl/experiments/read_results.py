"""Read a study's results back from ``results.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.results import Results, RunResult
from ariigcn_dgl.experiments.write_results import FORMAT, RESULTS_FILE
from ariigcn_dgl.files import read_json
from ariigcn_dgl.schema import conform
from ariigcn_dgl.training.run_record import ScoresRecord, TargetScoresRecord
from ariigcn_dgl.training.scoring import flat


def read_results(folder: Path) -> Results:
    """Return what ``results.json`` in the folder of a study says.

    Raises
    ------
    InputError
        If it is not there yet, damaged, or of another version.
    """
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise InputError(
            f"{folder}: has no {RESULTS_FILE}: its study is not finished; wait for ariigcn "
            "experiment, or start it again with the same --out: it goes on where it was"
        )
    content = read_json(path, keys=["format"])
    if content["format"] != FORMAT:
        raise InputError(
            f"{path}: format is {content['format']!r}, expected {FORMAT}: another version of this "
            "program wrote it; run the study again with the same --out: it keeps its runs"
        )
    results = _made(content, Results, str(path), "")
    for run in _runs(results):
        for scores in (run.val, run.test):
            if scores is not None:
                _check(scores, results, str(path))
    if results.metric not in [one.name for one in results.metrics]:
        raise InputError(f"{path}: damaged: metric: {results.metric!r} is no score")
    if results.baseline not in [row.name for row in results.rows]:
        raise InputError(f"{path}: damaged: baseline: {results.baseline!r} is no setting")
    return results


def _check(scores: Mapping[str, Any], results: Results, where: str) -> None:
    if results.is_calibrated or "weighted_f1" in scores:
        conform(scores, ScoresRecord, where)
    if not results.is_calibrated:
        conform(scores, TargetScoresRecord, where)
    missing = [one.name for one in results.metrics if one.name not in flat(scores)]
    if missing:
        raise InputError(f"{where}: damaged: lacks the score '{missing[0]}'")


def _runs(results: Results) -> Iterator[RunResult]:
    for row in results.rows:
        yield from (trial.run for trial in row.search)
        for run in row.runs:
            yield from (run, *run.folds)


def _made(value: Any, hint: Any, where: str, name: str) -> Any:
    """Return a value that JSON holds as what it was written from."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return value
    if kind in (Union, UnionType):
        (other,) = (part for part in parts if part is not NoneType)
        return None if value is None else _made(value, other, where, name)
    if kind is tuple:
        if not isinstance(value, list):
            found = type(value).__name__
            raise InputError(f"{where}: damaged: {name}: expected a list, found {found}")
        return tuple(_made(x, parts[0], where, f"{name}.{n}") for n, x in enumerate(value))
    if kind is Mapping:
        return _conform(value, dict, where, name)
    if is_dataclass(kind):
        return _dataclass(_conform(value, dict, where, name), kind, where, name)
    return _conform(value, hint, where, name)


def _conform(value: Any, hint: Any, where: str, name: str) -> Any:
    return conform({name: value}, dict[str, hint], where)[name]


def _dataclass(value: Mapping[str, Any], kind: Any, where: str, name: str) -> Any:
    hints = get_type_hints(kind)
    made = {}
    for field in fields(kind):
        path = f"{name}.{field.name}".removeprefix(".")
        if field.name in value:
            made[field.name] = _made(value[field.name], hints[field.name], where, path)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: damaged: lacks '{path}'")
    return kind(**made)
