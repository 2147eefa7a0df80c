"""The notebooks in examples/ run, and hold what they print."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.notebook import kept, run_cells

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))

pytestmark = pytest.mark.slow  # they train


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    monkeypatch.chdir(tmp_path)
    # Another machine rounds otherwise: the same lines, not the same figures.
    lines = [text.count("\n") for text in run_cells(notebook)]
    assert lines == [text.count("\n") for text in kept(notebook)]


def test_there_is_a_notebook() -> None:
    assert [path.name for path in NOTEBOOKS] == ["first_steps.ipynb"]
