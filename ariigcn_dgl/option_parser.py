"""A parser of options that come from the command line and from files, and from nowhere else."""

from __future__ import annotations

from jsonargparse import ArgumentParser


class OptionParser(ArgumentParser):
    """Is given no option by the environment, whatever ``JSONARGPARSE_DEFAULT_ENV`` says."""

    @property
    def default_env(self) -> bool:
        """Never: a variable that somebody set elsewhere would change a run in silence."""
        return False

    @default_env.setter
    def default_env(self, default_env: bool) -> None:
        self._default_env = False
