"""What is attacked: something that makes inputs, and tries one."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ariigcn_dgl.errors import InputError


@dataclass(frozen=True)
class Case:
    """One input.

    Parameters
    ----------
    words : str
        What it is, in one line.
    files : mapping of str to bytes
        The content of each file, by its path within the folder of the input.
    value : object
        What is no file: arguments of a call.
    """

    words: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    value: Any = None


class WrongAnswer(Exception):  # noqa: N818 - neither an error of Python's nor of the package's
    """An input was accepted, but the answer is not what the input says."""


class Target(ABC):
    """One thing to attack.

    Parameters
    ----------
    folder : Path
        An empty folder for whatever inputs are made from; the same content on every run.

    Attributes
    ----------
    refusals : tuple of exception types
        How bad input may be refused.
    names_the_file : bool
        Whether a refusal must name a file of the input.
    """

    name: ClassVar[str]
    refusals: ClassVar[tuple[type[BaseException], ...]] = (InputError,)
    names_the_file: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def make(self, rng: random.Random) -> Case:
        """Return an input that this generator alone decides."""

    @abstractmethod
    def run(self, case: Case, folder: Path) -> None:
        """Use the input, whose files lie in `folder`; leave nothing else there.

        Raises
        ------
        WrongAnswer
            If it was accepted and something else came out than it says.
        Exception
            One of `refusals` if it was refused; anything else is a fault.
        """
