"""Refuse pickles: opening one can run any code that its author put in."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular

PICKLE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
PICKLE_ADVICE = (
    "a pickle can carry code that runs when it is opened, so it is never loaded; feature files of "
    "other projects are read without running anything by: ariigcn data import FILE --out FOLDER; "
    "convert others to utterances.csv with one <modality>.npy of plain numbers per modality"
)


def refuse_pickle(path: Path) -> None:
    """Raise if the name or the first bytes of a file say that it is a pickle.

    Raises
    ------
    InputError
        Says why pickles are refused and what to do instead.
    """
    if path.suffix.lower() in PICKLE_SUFFIXES or _begins_like_pickle(path):
        raise InputError(f"{path}: this is a pickle: {PICKLE_ADVICE}")


def _begins_like_pickle(path: Path) -> bool:
    with open_regular(path) as file:
        head = file.read(2)
        # Protocols 2 to 5 begin with the PROTO opcode; older ones are known by their suffix only.
        if len(head) == 2 and head[0] == 0x80 and head[1] <= 5:
            return True
        try:
            with zipfile.ZipFile(file) as archive:  # torch.save writes pickles into archives
                return any(name.endswith("/data.pkl") for name in archive.namelist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            return False  # no readable zip: whether it is something else is the reader's question
