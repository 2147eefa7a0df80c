"""Where the classes came from that a run was trained with, and whether they are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import packages_distributions
from typing import Any, TypedDict, get_type_hints

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.optional import installed_version
from ariigcn_dgl.plugins.consent import NAME, NotAgreedError
from ariigcn_dgl.plugins.registry import Registered, Registry, entries_of, is_own, names_in


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


def plugins_of(settings: Any) -> list[Origin]:
    """Return where the classes came from that a dataclass of settings names, but for our own."""
    hints, found = get_type_hints(type(settings), include_extras=True), []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            found += plugins_of(value)
        for limit in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(limit, Registered):
                found += plugins_named(limit.registry, names_in(value))
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
    entries = [entry for entry in entries_of(registry.group).get(name, ()) if entry.dist]
    packages = [entry.dist.name for entry in entries if entry.dist]
    packages += _distributions().get(kind.__module__.partition(".")[0], [])
    distribution = packages[0] if packages else None
    return Origin(
        what=registry.what,
        named=name,
        module=kind.__module__,
        qualname=kind.__qualname__,
        distribution=distribution,
        version=installed_version(distribution) if distribution else None,
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
            module = one["named"].partition(":")[0]  # where it is looked for, not where it is from
            raise NotAgreedError(
                f"{who}: was trained with {_described(one)}, and no file has code imported by "
                f"naming it: if you trust that module, add --plugins {module}"
            ) from error
        except InputError as error:
            raise InputError(
                f"{who}: was trained with {_described(one)}, but {error}: {_cure(one)}"
            ) from error


def differences(then: Iterable[Origin]) -> str:
    """Return which packages have another version than when a run was trained, for a sentence."""
    found = {one["distribution"]: one["version"] for one in then if one["distribution"]}
    now = {name: installed_version(name) or "not installed" for name in found if name}
    changed = [name for name in now if now[name] != found[name]]
    return "; ".join(f"{name} {found[name]}, now {now[name]}" for name in changed)


def _described(one: Origin) -> str:
    place, called = f"{one['module']}:{one['qualname']}", one["named"]
    package = f" of {one['distribution']} {one['version']}" if one["distribution"] else ""
    return f"{called}{package}" if called == place else f"{called} ({place}{package})"


def _cure(one: Origin) -> str:
    if NAME.fullmatch(one["named"]) is None and one["distribution"] is None:
        return f"in Python, import {one['module']} or whatever registered it, first"
    install = f"pip install {one['distribution']}, or " if one["distribution"] else ""
    return f"{install}put the folder of {one['module'].partition('.')[0]} on PYTHONPATH"


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()
