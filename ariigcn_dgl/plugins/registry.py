"""Names of classes, and where they are looked for."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.plugins.consent import NAME, NotAgreedError, agreed

T = TypeVar("T")
OWN = __name__.partition(".")[0]
_loaded: set[str] = set()  # modules of classes that are not ours


class Registry(dict[str, type[T]], Generic[T]):
    """Classes by the names that settings give them.

    It begins with the classes of this package. ``registry[name]`` also finds those of installed
    packages and of modules that were agreed to, and keeps them. Python code can add its own:
    ``registry["mine"] = MyClass`` for a name of its choice, or `register` for the name that the
    command line would give it.

    Parameters
    ----------
    what : str
        What the classes are, for messages and as the group of entry points:
        ``ariigcn_dgl.systems`` of "system".
    base : type
        What they must derive from.
    own : mapping of str to type
        The classes of this package; no other can take their names.

    Examples
    --------
    >>> colours = Registry("colour", int, {"red": int, "green": bool})
    >>> colours["gren"]
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: unknown colour 'gren', expected one of red, green, or \
module:Class; did you mean 'green'?
    """

    def __init__(self, what: str, base: type[T], own: Mapping[str, type[T]]) -> None:
        super().__init__(own)
        self.what, self.base, self.own = what, base, frozenset(own)
        self.group = f"{OWN}.{what}{'es' if what.endswith('s') else 's'}"

    def register(self, kind: type[T]) -> str:
        """Add a class under ``module:Class``, and return this name."""
        name = f"{kind.__module__}:{kind.__qualname__}"
        self[name] = kind
        return name

    @property
    def names(self) -> list[str]:
        """Names of all that is there, without importing what other packages have."""
        return [*self, *(name for name in entries_of(self.group) if name not in self)]

    def __missing__(self, name: str) -> type[T]:
        if not isinstance(name, str):
            raise InputError(
                f"the {self.what} is {name!r:.60}, expected a name, as which Python code adds it "
                "to its registry"
            )
        if name in entries_of(self.group):
            kind = _of_package(self.group, name)
        elif NAME.fullmatch(name):
            kind = _imported(name, self.what)
        else:
            raise InputError(self._unknown(name))
        self[name] = kind
        _loaded.add(kind.__module__)
        return self[name]

    def __setitem__(self, name: str, kind: type[T]) -> None:
        if name in self.own and kind is not self[name]:
            # A run's folder names its class: it would be scored with another one elsewhere.
            raise InputError(f"{name} is a {self.what} of {OWN}: choose another name for {kind!r}")
        if not (inspect.isclass(kind) and issubclass(kind, self.base)):
            expected = f"a subclass of {self.base.__module__}.{self.base.__qualname__}"
            raise InputError(f"the {self.what} {name} is {kind!r:.60}, expected {expected}")
        super().__setitem__(name, kind)

    def _unknown(self, name: str) -> str:
        known = f"one of {', '.join(self.names)}, or " if self.names else ""
        meant = did_you_mean(name, self.names)
        return f"unknown {self.what} '{name}', expected {known}module:Class{meant}"


class Registered(Limit):
    """The annotation of a setting that names a class of a registry, or maps such names to values.

    Examples
    --------
    >>> from typing import Annotated
    >>> Colour = Annotated[str, Registered(Registry("colour", int, {"red": int}))]
    """

    registry: Registry

    def __init__(self, registry: Registry) -> None:
        # What is not there raises its own sentence, which says more.
        super().__init__(
            f"the name of a {registry.what}",
            lambda value: all(registry[name] is not None for name in names_in(value)),
        )
        object.__setattr__(self, "registry", registry)


def is_own(kind: type) -> bool:
    """Whether a class is of this package."""
    return kind.__module__.partition(".")[0] == OWN


def culprit(error: BaseException) -> str:
    """Return where an error passed through the code of another package; "" where it did not."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") in _loaded:
            place = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def names_in(value: Any) -> list[str]:
    """Return the names in a setting: itself, or its keys."""
    return [value] if isinstance(value, str) else list(value or ())


@cache
def entries_of(group: str) -> dict[str, list[EntryPoint]]:
    """Return the entry points of installed packages, by name, without importing them."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, []).append(entry)
    return found


def _imported(name: str, what: str) -> Any:
    module, _, qualname = name.partition(":")
    if module not in agreed():
        raise NotAgreedError(
            f"the {what} {name} is of a module that naming it does not import: if you trust it, "
            f"add --plugins {module}, or in Python call ariigcn_dgl.plugins.agree({module!r})"
        )
    with _explaining(module):
        found = importlib.import_module(module)
    if not hasattr(found, qualname):
        raise InputError(f"{getattr(found, '__file__', None) or module} has no {qualname}")
    return getattr(found, qualname)


def _of_package(group: str, name: str) -> Any:
    entry, *others = entries_of(group)[name]
    if any(other.value != entry.value for other in others):
        packages = " and ".join(one.dist.name for one in (entry, *others) if one.dist)
        raise InputError(f"{name} is one of the {group} of {packages}: uninstall all but one")
    with _explaining(entry.value):
        return entry.load()


@contextlib.contextmanager
def _explaining(what: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:  # whatever somebody else's module raises
        reason = " ".join(str(error).split())
        package = what.partition(".")[0].partition(":")[0]
        missing = isinstance(error, ModuleNotFoundError) and error.name == package
        kind = "" if missing else f"{type(error).__name__}: "
        here = _lies_here(package) if missing else ""
        raise InputError(f"{what} cannot be imported ({kind}{reason}){here}") from error


def _lies_here(package: str) -> str:
    """Say that a file of the name lies in the working folder, where Python does not look."""
    found = Path(f"{package}.py").is_file() or Path(package, "__init__.py").is_file()
    return "; it lies in this folder: put PYTHONPATH=. before the command" if found else ""
