"""Load a data set in any of the layouts this program reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ariigcn_dgl.data.check import check, check_structure
from ariigcn_dgl.data.check_targets import check_known
from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.fingerprint import fingerprint
from ariigcn_dgl.data.folder import FEATURES, HEADER, read_folder
from ariigcn_dgl.data.npz import read_npz
from ariigcn_dgl.data.pickles import refuse_pickle
from ariigcn_dgl.data.plain import TABLES, read_plain
from ariigcn_dgl.data.shards import CATALOGUE, SHARDS, read_shards
from ariigcn_dgl.data.split import with_val_split
from ariigcn_dgl.data.target_views import target_names, with_views
from ariigcn_dgl.errors import InputError


def load_dialogues(path: str | Path, targets: Sequence[str] | None = None) -> Dialogues:
    r"""Read and check a data set; if it has a `train` split but no `val`, take one from `train`.

    The layout is recognised by what is there: a folder with ``dataset.json`` (`write_folder`) or
    with ``shards.json`` (`write_shards`), a folder with ``utterances.csv`` or ``utterances.jsonl``
    (`read_plain`), or an .npz archive (`read_npz`). Pickles are never loaded.

    Parameters
    ----------
    path : str or Path
        A folder or an .npz file.
    targets : sequence of str, optional
        What is to be predicted, as of ``ariigcn train --targets``; default: what the set declares,
        of an .npz file its ``label``.

    Returns
    -------
    Dialogues
        Features as float32.

    Raises
    ------
    InputError
        If nothing is there, the layout is not known, or the content is not consistent.

    Examples
    --------
    Two utterances of one dialogue, with sentence embeddings of width 3 and no labels:

    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> with TemporaryDirectory() as folder:
    ...     table = "dialogue,speaker\nmeeting,Ann\nmeeting,Bob\n"
    ...     _ = Path(folder, "utterances.csv").write_text(table)
    ...     np.save(Path(folder, "text.npy"), np.ones((2, 3), np.float32))
    ...     dialogues = load_dialogues(folder)
    >>> dialogues.utterance_ids, dialogues.widths, dialogues.splits
    (('meeting_0', 'meeting_1'), {'text': 3}, ('test',))
    """
    dialogues = load_checked(path, targets)
    if targets is not None:  # what lies there says more, or something else
        return dialogues
    # `Dialogues` is frozen, its arrays are not.
    object.__setattr__(dialogues, "source", str(Path(path).resolve()))
    object.__setattr__(dialogues, "source_sha256", fingerprint(dialogues))
    return dialogues


def load_checked(path: str | Path, targets: Sequence[str] | None = None) -> Dialogues:
    """Return what `load_dialogues` does, but for `Dialogues.source`: no feature is hashed for it.

    For callers that know where the set came from, and change nothing in it.
    """
    names = target_names(targets)
    dialogues = _read(Path(path), names)
    if targets is None or names is None:
        return prepare(dialogues, str(path))
    return chosen_targets(prepare(dialogues.with_targets(names), str(path)), targets, str(path))


def chosen_targets(dialogues: Dialogues, targets: Sequence[str], source: str) -> Dialogues:
    """Return checked dialogues with some of their targets; see `with_views`."""
    found = with_views(dialogues, targets)
    check_known(found, source)  # of the classes of a score fewer utterances may be known
    return found


def prepare(dialogues: Dialogues, source: str) -> Dialogues:
    """Return a set that was read, checked, and with a `val` split; see `load_dialogues`."""
    check(dialogues, source)
    if "train" not in dialogues.splits:
        return dialogues
    try:
        return with_val_split(dialogues)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def read_dialogues(path: str | Path, targets: Sequence[str] | None = None) -> Dialogues:
    """Read a data set as it is, to look at: features may be NaN, labels and `val` may lack.

    See `load_dialogues` for layouts, targets and errors.
    """
    dialogues = check_structure(_read(Path(path), target_names(targets)), str(path))
    return dialogues if targets is None else with_views(dialogues, targets)


def _read(path: Path, targets: Sequence[str] | None = None) -> Dialogues:
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        if path.is_dir():
            return _read_directory(path)
        refuse_pickle(path)
        if path.suffix.lower() == ".npz":
            return read_npz(path, targets)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    raise InputError(f"{path}: not a data set: expected {_EXPECTED}")


def _read_directory(path: Path) -> Dialogues:
    if (path / HEADER).exists():
        return read_folder(path)
    if (path / SHARDS).exists() or (path / CATALOGUE).exists():
        return read_shards(path)
    if (path / FEATURES).exists():
        raise InputError(f"{path / HEADER}: missing; copy or make the data set again")
    if any((path / name).exists() for name in TABLES):
        return read_plain(path)
    raise InputError(f"{path}: not a data set: expected {_EXPECTED}")


_EXPECTED = (
    "an .npz archive, a folder with dataset.json or shards.json, or one with utterances.csv "
    "(or utterances.jsonl) and text.npy, audio.npy or visual.npy; files of other projects are read "
    "by ariigcn data import"
)
