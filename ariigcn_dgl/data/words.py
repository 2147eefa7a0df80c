"""What was said in utterances, where a data set has it: for people to read, not for models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ariigcn_dgl.data.names import names_of
from ariigcn_dgl.data.table import Table
from ariigcn_dgl.files import json_lines
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import is_sealed, sealed, verify

SPOKEN = "spoken.jsonl"  # of an extraction: file, times and text of each utterance


def words_of(table: Table) -> Sequence[str]:
    """Return the column ``text`` of a table, (N,), on one line each; () where it says nothing."""
    return on_one_line(table.columns.get("text", ()))


def on_one_line(said: Iterable[str]) -> Sequence[str]:
    r"""Return what was said in each utterance without line breaks; () where nothing was in any.

    Examples
    --------
    >>> on_one_line(["Well,\n no.", ""]), on_one_line(["", " "])
    (('Well, no.', ''), ())
    """
    words = [" ".join(one.split()) for one in said]
    return names_of(words, len(words)) if any(words) else ()


def read_spoken(folder: Path, utterance_ids: Sequence[str], way_out: str) -> Sequence[str]:
    """Return what ``spoken.jsonl`` in a folder says of utterances, "" of those it does not know.

    Parameters
    ----------
    folder : Path
        Of a data set; one that `ariigcn extract` made has the file, others give ().
    utterance_ids : sequence of str, length N
    way_out : str
        What to do where the file is not the one that was written.

    Raises
    ------
    InputError
        If it is damaged.
    """
    path = folder / SPOKEN
    if not path.is_file():
        return ()
    if is_sealed(folder) and SPOKEN in sealed(folder):  # in older folders it may stand alone
        verify(path, way_out)
    said: dict[str, str] = {}
    for number, line in json_lines(path):
        where = f"{path}: line {number}"
        name, text = (
            conform(line.get(of, ""), str, f"{where}: {of}") for of in ("utterance", "text")
        )
        said[name] = text
    return on_one_line(said.get(name, "") for name in utterance_ids)
