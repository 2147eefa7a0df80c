"""The table of readers: which layout a value or a folder has, by its structure alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ariigcn_dgl.data.community.bc_lstm import is_bc_lstm, read_bc_lstm
from ariigcn_dgl.data.community.columns import Columns, kind
from ariigcn_dgl.data.community.csd import csd_files, read_csd
from ariigcn_dgl.data.community.gcnet import read_gcnet
from ariigcn_dgl.data.community.merbench import label_file, read_merbench
from ariigcn_dgl.data.community.mmsa import is_mmsa, read_mmsa
from ariigcn_dgl.data.community.mustard import read_mustard, transcript
from ariigcn_dgl.data.community.raw import ImportOptions, RawSet
from ariigcn_dgl.data.community.samples import is_samples, read_samples
from ariigcn_dgl.data.community.tuples import GCNET, find_layout, nearest_misfit, read_tuple
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.community.ur_funny import pickles, read_ur_funny
from ariigcn_dgl.data.folder import HEADER
from ariigcn_dgl.errors import InputError

Reader = Callable[[Any, Path, Columns, ImportOptions], RawSet]
# Of dictionaries; tuples have a table of their own in `tuples`.
READERS: tuple[tuple[Callable[[Any], bool], Reader], ...] = (
    (is_samples, read_samples),
    (is_mmsa, read_mmsa),
)
EXPECTED = (
    "expected a tuple of 7 to 14 fields keyed by dialogue (DialogueRNN, DialogueGCN, MMGCN, "
    "COSMIC, SDT, GraphSmile, DailyDialog, GCNet), or a dictionary by split of samples (COGMEN, "
    "CORECT) or of arrays (MMSA)"
)
_SHOWN = 14  # items: the longest tuple that is known


def read_value(value: Any, path: Path, columns: Columns, options: ImportOptions) -> RawSet:
    """Return the dialogues of what a pickle held.

    Raises
    ------
    InputError
        If it is no known layout: says what was found and what was expected.
    """
    if is_bc_lstm(value):
        return read_bc_lstm(path, {path: value}, options)
    layout = find_layout(value)
    if layout and layout.key == GCNET:
        return read_gcnet(value, layout, path, columns, options)
    if layout:
        return read_tuple(value, layout, path, columns, options)
    for fits, read in READERS:
        if fits(value):
            return read(value, path, columns, options)
    raise InputError(f"{path}: no known layout: found {outline(value)}, {EXPECTED}")


def read_folder(path: Path, options: ImportOptions) -> RawSet:
    """Return the dialogues of a folder in one of the layouts that are folders."""
    if (path / HEADER).exists():
        raise InputError(f"{path}: is a data set of this program already; nothing to import")
    labels = label_file(path)
    said = None if labels else transcript(path)
    if said is not None:
        return read_mustard(path, said)
    sequences = [] if labels else csd_files(path)
    if sequences:
        return read_csd(path, sequences, options)
    found = [] if labels else pickles(path)
    smallest = min(found, key=lambda file: file.stat().st_size, default=None)
    if smallest and is_bc_lstm(unpickle(smallest)):
        return read_bc_lstm(path, {file: unpickle(file) for file in found}, options)
    if len(found) == 1 and any(entry.is_dir() for entry in path.iterdir()):  # GCNet's
        size = found[0].stat().st_size
        return read_value(unpickle(found[0]), found[0], Columns(str(found[0]), size), options)
    if found:
        return read_ur_funny(path, found)
    if labels is None:
        raise InputError(
            f"{path}: no known layout: a folder, expected one of MERBench: label.npz with "
            f"train_corpus, val_corpus, test_corpus or whole_corpus, and a folder per feature; one "
            f"of UR-FUNNY's pickles; MUStARD's, with sarcasm_data.json; the .csd files of the "
            f"CMU-Multimodal SDK; GCNet's, one pickle with folders of features; or bc-LSTM's, a "
            f"pickle per modality"
        )
    return read_merbench(path, labels, options)


def outline(value: Any) -> str:
    """Return what a value is and what its items are, for a message."""
    if isinstance(value, dict):
        parts = [f"{str(key)[:30]!r}: {kind(item)}" for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [kind(item) for item in value]
    else:
        return kind(value)
    more = ", ..." if len(parts) > _SHOWN else ""
    return f"{kind(value)} ({', '.join(parts[:_SHOWN])}{more}){nearest_misfit(value)}"
