"""Keep torchvision out of the sight of transformers while it loads what reads text or sound.

transformers imports torchvision wherever it finds one, even for text, and gives up where that
fails. PyPI's torchvision fails beside a torch for the CPU ("operator torchvision::nms does not
exist"), as does one for another version of torch. No text or sound needs it; pictures are read
here by plain torch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

NAME = "torchvision"


@contextmanager
def torchvision_hidden() -> Iterator[None]:
    """Let Python find no torchvision within the context, unless it is imported already.

    What transformers has found out by then it keeps: it goes on without torchvision in this
    process, as it would had none been installed.

    Examples
    --------
    >>> with torchvision_hidden():
    ...     from transformers import RobertaModel
    """
    if sys.modules.get(NAME):
        yield
        return
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    hidden = modules.get(NAME, ...)
    modules[NAME] = None  # find_spec answers None, import raises ModuleNotFoundError
    _forget_answers()
    try:
        yield
    finally:
        if hidden is not None:  # somebody else hides it
            sys.modules.pop(NAME, None)


def _forget_answers() -> None:
    """Let a transformers that is imported already ask again whether there is a torchvision."""
    asked = sys.modules.get("transformers.utils.import_utils")
    for name, function in vars(asked).items() if asked else ():
        if NAME in name and hasattr(function, "cache_clear"):
            function.cache_clear()
