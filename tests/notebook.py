"""Notebooks, run cell by cell without Jupyter: what is in them is plain Python that prints.

``python -m tests.notebook NOTEBOOK`` runs one, in an empty folder, and keeps what it prints in it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

import nbformat


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_cells(notebook: nbformat.NotebookNode) -> list[str]:
    """Run the code cells in one namespace, in this folder; return what each prints."""
    names: dict[str, object] = {"__name__": "__main__"}
    printed = []
    for number, cell in enumerate(code_cells(notebook), 1):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(compile(cell.source, f"cell {number}", "exec"), names)
        printed.append(said.getvalue())
    return printed


def kept(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what the notebook says that its cells print."""
    return ["".join(out.text for out in cell.outputs) for cell in code_cells(notebook)]


if __name__ == "__main__":
    path = Path(sys.argv[1]).resolve()
    notebook = nbformat.read(path, as_version=4)
    os.chdir(tempfile.mkdtemp())
    for number, (cell, text) in enumerate(
        zip(code_cells(notebook), run_cells(notebook), strict=True), 1
    ):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
    nbformat.write(notebook, path)
