"""A parser of options that come from the command line and from files, and from nowhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class OptionParser(ArgumentParser):
    """Is given no option by the environment, whatever ``JSONARGPARSE_DEFAULT_ENV`` says.

    Help that cannot be written raises OSError, where argparse would keep silent.
    """

    @property
    def default_env(self) -> bool:
        """Never: a variable that somebody set elsewhere would change a run in silence."""
        return False

    @default_env.setter
    def default_env(self, default_env: bool) -> None:
        self._default_env = False

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        stream = file or sys.stderr
        if message and stream is not None:  # a shell may have closed it
            stream.write(message)
