"""Keep a torchvision that does not run out of the sight of transformers.

transformers imports torchvision wherever it finds one, even for text, and gives up where that
fails. PyPI's torchvision fails beside a torch for the CPU ("operator torchvision::nms does not
exist"), as does one for another version of torch. No text feature comes from it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

from ariigcn_dgl.optional import import_quietly, is_installed

NAME = "torchvision"


@contextmanager
def broken_torchvision_hidden() -> Iterator[None]:
    """Let Python find no torchvision within the context if the one that it finds does not run.

    Import transformers and load models within. What transformers has found out by then it keeps:
    it goes on without torchvision in this process, as it would had none been installed. One that
    runs is left alone.

    Examples
    --------
    >>> with broken_torchvision_hidden():
    ...     from transformers import RobertaModel
    """
    if not is_installed(NAME) or _runs():
        yield
        return
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules[NAME] = None  # find_spec answers None, import raises ModuleNotFoundError
    _forget_answers()
    try:
        yield
    finally:
        sys.modules.pop(NAME, None)  # whoever imports it is told what is wrong with it


def _runs() -> bool:
    try:
        import_quietly(NAME)
    except Exception:  # whatever a package raises that was built for another torch
        return False
    return True


def _forget_answers() -> None:
    """Let a transformers that is imported already ask again whether there is a torchvision."""
    asked = sys.modules.get("transformers.utils.import_utils")
    for name, function in vars(asked).items() if asked else ():
        if NAME in name and hasattr(function, "cache_clear"):
            function.cache_clear()
