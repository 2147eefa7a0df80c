"""Classes of other packages under the names of settings: systems, fusions, losses, encoders.

A name is looked up among those of this package, then among the entry points of installed packages,
then as ``module:Class``. Installed packages are software that somebody chose to install. A module
that a run folder or a study names is text in a file, and importing it would run whatever lies there
under that name: it is imported only where the user names it, too (`agree`, ``--plugins``).
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar, get_type_hints

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import Limit

T = TypeVar("T")
OWN = __name__.partition(".")[0]
# A module and a class in it, wherever it stands in an option.
NAME = re.compile(r"(?<![\w.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_]\w*")
MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_agreed: set[str] = set()


class Origin(TypedDict):
    """Where a class came from that a run uses.

    `what` is its registry's, `named` what the settings call it. No distribution: a file that
    belongs to no installed package.
    """

    what: str
    named: str
    module: str
    qualname: str
    distribution: str | None
    version: str | None


class NotAgreedError(InputError):
    """A file names a class of a module that the user has not named."""


def agree(*names: str) -> None:
    """Let modules be imported where a setting names a class of theirs, in this process.

    Parameters
    ----------
    *names : str
        ``module`` or ``module:Class``; nothing is imported yet.

    Raises
    ------
    InputError
        If one has another form.

    Examples
    --------
    >>> agree("my-module")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: 'my-module': expected a module of Python, or module:Class
    """
    for name in names:
        module = name.partition(":")[0]
        if not (MODULE.fullmatch(name) or NAME.fullmatch(name)):
            raise InputError(f"'{name}': expected a module of Python, or module:Class")
        _agreed.add(module)


def agreed() -> tuple[str, ...]:
    """Return the modules that may be imported, for a process that works for this one."""
    return tuple(sorted(_agreed))


def option() -> list[str]:
    """Return the words of a command line that agree again, where that is needed."""
    return ["--plugins", *agreed()] if _agreed else []


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
    ariigcn_dgl.errors.InputError: unknown colour 'gren', did you mean 'green'? expected one of \
red, green, or module:Class
    """

    def __init__(self, what: str, base: type[T], own: Mapping[str, type[T]]) -> None:
        super().__init__(own)
        self.what, self.base = what, base
        self.group = f"{OWN}.{what}{'es' if what.endswith('s') else 's'}"

    def register(self, kind: type[T]) -> str:
        """Add a class under ``module:Class``, and return this name."""
        name = f"{kind.__module__}:{kind.__qualname__}"
        self[name] = self._checked(name, kind)
        return name

    @property
    def names(self) -> list[str]:
        """Names of all that is there, without importing what other packages have."""
        return [*self, *(name for name in _entries(self.group) if name not in self)]

    def __missing__(self, name: str) -> type[T]:
        if name in _entries(self.group):
            kind = _loaded(_entries(self.group)[name])
        elif NAME.fullmatch(name):
            kind = _imported(name, self.what)
        else:
            raise InputError(self._unknown(name))
        self[name] = self._checked(name, kind)
        return self[name]

    def _checked(self, name: str, kind: Any) -> type[T]:
        if not (inspect.isclass(kind) and issubclass(kind, self.base)):
            expected = f"a subclass of {self.base.__module__}.{self.base.__qualname__}"
            raise InputError(f"the {self.what} {name} is {kind!r:.60}, expected {expected}")
        return kind

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names, 1)
        meant = f"did you mean '{near[0]}'? " if near else ""
        known = f"one of {', '.join(self.names)}, or " if self.names else ""
        return f"unknown {self.what} '{name}', {meant}expected {known}module:Class"


class Registered(Limit):
    """The annotation of a setting that names a class of a registry, or maps such names to values.

    Examples
    --------
    >>> from typing import Annotated
    >>> Colour = Annotated[str, Registered(Registry("colour", int, {"red": int}))]
    """

    def __init__(self, registry: Registry) -> None:
        # What is not there raises its own sentence, which says more.
        super().__init__(
            f"the name of a {registry.what}",
            lambda value: all(registry[name] is not None for name in _names(value)),
        )
        object.__setattr__(self, "registry", registry)

    registry: Registry


def plugins_of(settings: Any) -> list[Origin]:
    """Return where the classes came from that a dataclass of settings names, but for our own."""
    hints, found = get_type_hints(type(settings), include_extras=True), []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            found += plugins_of(value)
        for limit in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(limit, Registered):
                found += plugins_named(limit.registry, _names(value))
    return found


def plugins_named(registry: Registry, names: Iterable[str]) -> list[Origin]:
    """Return where classes of a registry came from, but for our own."""
    return [origin(registry, name) for name in names if not is_own(registry[name])]


def origin(registry: Registry, name: str) -> Origin:
    """Return where a class of a registry came from.

    Examples
    --------
    >>> origin(Registry("colour", int, {"red": bool}), "red")["module"]
    'builtins'
    """
    kind = registry[name]
    # Of an entry point Python knows the package; else the one that has installed the module.
    entry = _entries(registry.group).get(name)
    installed = _distributions().get(kind.__module__.partition(".")[0], [""])[0]
    distribution = (entry.dist.name if entry and entry.dist else installed) or None
    return Origin(
        what=registry.what,
        named=name,
        module=kind.__module__,
        qualname=kind.__qualname__,
        distribution=distribution,
        version=version(distribution) if distribution else None,
    )


def require(registries: Iterable[Registry], origins: Iterable[Origin], who: str) -> None:
    """Raise `InputError` unless all classes are there that a run was trained with.

    Parameters
    ----------
    registries : iterable of Registry
        What the classes are looked for in.
    origins : iterable of Origin
        As `plugins_of` found them when it was trained.
    who : str
        The run, for the message.
    """
    known = {registry.what: registry for registry in registries}
    for one in origins:
        try:
            if one["what"] not in known:
                raise InputError(f"this version knows no {one['what']}s of other packages")
            known[one["what"]][one["named"]]
        except NotAgreedError as error:
            raise NotAgreedError(
                f"{who}: was trained with {_described(one)}, and no file has code imported by "
                f"naming it: if you trust that module, add --plugins {one['module']}"
            ) from error
        except InputError as error:
            raise InputError(
                f"{who}: was trained with {_described(one)}, but {error}: {_cure(one)}"
            ) from error


def _described(one: Origin) -> str:
    place, called = f"{one['module']}:{one['qualname']}", one["named"]
    package = f" of {one['distribution']} {one['version']}" if one["distribution"] else ""
    return f"{called}{package}" if called == place else f"{called} ({place}{package})"


def _cure(one: Origin) -> str:
    if NAME.fullmatch(one["named"]) is None and one["distribution"] is None:
        return f"in Python, import {one['module']} or whatever registered it, first"
    install = f"pip install {one['distribution']}, or " if one["distribution"] else ""
    return f"{install}put the folder of {one['module'].partition('.')[0]} on PYTHONPATH"


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def is_own(kind: type) -> bool:
    """Whether a class is of this package."""
    return kind.__module__.partition(".")[0] == OWN


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of installed packages, by name, without importing them."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            packages = " and ".join(one.dist.name if one.dist else "?" for one in (other, entry))
            raise InputError(f"{entry.name} is a {group} of both {packages}: uninstall one of them")
    return found


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _imported(name: str, what: str) -> Any:
    module, _, qualname = name.partition(":")
    if module not in _agreed:
        raise NotAgreedError(
            f"the {what} {name} is named by a file, which has no code imported: if you trust that "
            f"module, add --plugins {module}"
        )
    with _explaining(module):
        found = importlib.import_module(module)
    if not hasattr(found, qualname):
        raise InputError(f"{found.__file__ or module} has no {qualname}")
    return getattr(found, qualname)


def _loaded(entry: EntryPoint) -> Any:
    with _explaining(entry.value):
        return entry.load()


@contextlib.contextmanager
def _explaining(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever somebody else's module raises
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
