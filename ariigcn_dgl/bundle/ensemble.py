"""A bundle in Python."""

from __future__ import annotations

import weakref
from contextlib import ExitStack

from ariigcn_dgl.bundle.opened import opened
from ariigcn_dgl.training.ensemble import Ensemble


def load_bundle(name: str, *, causal: bool = False, device: str = "cpu") -> Ensemble:
    """Return the seeds of a bundle, which answer together.

    Parameters
    ----------
    name : str
        Its file, the name of one that comes with this package (``friends-text``), or
        ``hub:OWNER/NAME`` of the Hugging Face hub, with ``@REVISION`` for another than its newest.
    causal : bool
        The variant that does not look ahead, where there are two: `Session` takes its runs.
    device : str
        Where to compute: cpu, cuda, cuda:1 ...

    Raises
    ------
    InputError
        If there is no such bundle, it cannot be had, or it is damaged.

    Examples
    --------
    >>> load_bundle("friends-text").label_names
    ('anger', 'disgust', 'fear', 'joy', 'neutral', 'sadness', 'surprise')
    """
    with ExitStack() as stack:
        ensemble = Ensemble(stack.enter_context(opened(name, causal=causal)), device)
        folder = _Folder()
        weakref.finalize(folder, stack.pop_all().close)
    for run in ensemble.runs:  # each reads it later, perhaps without the others
        run.lives_in = folder
    return ensemble


class _Folder:
    """Whose end is that of a bundle's folder."""
