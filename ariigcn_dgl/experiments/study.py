"""A study: named settings that are compared, and their YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from ariigcn_dgl.data import MODALITIES
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text
from ariigcn_dgl.limits import check_limits
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.presets import default_preset, preset_config
from ariigcn_dgl.training.run_config import RunConfig, changed

FOLDER = Path(__file__).with_name("studies")
STUDIES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
Changes = Mapping[str, Any]  # "model.NAME" or "training.NAME" to value


@dataclass(frozen=True)
class Match:
    """Scale a system's widths together until it has another setting's number of parameters.

    Parameters
    ----------
    to : str
        Name of the other setting.
    widths : tuple of str
        The settings to scale, e.g. "model.hidden_dim"; they keep their proportions.
    multiple_of : int
        What every width must be divisible by.
    """

    to: str
    widths: tuple[str, ...]
    multiple_of: int = 1


@dataclass(frozen=True)
class Setting:
    """One row of a study's table.

    Parameters
    ----------
    name : str
    system, preset : str
        What is trained, and the settings it starts from.
    changes : mapping of str to value
        What differs from the preset.
    search : tuple of mappings
        Further changes, one mapping a candidate, of which validation chooses.
    modalities : tuple of str, optional
        Default: all that the data set has.
    match : Match, optional
    group : str
        Heading in the table, and line in a curve.
    x : float, optional
        Place on the study's axis.
    """

    name: str
    system: str
    preset: str
    changes: Changes
    search: tuple[Changes, ...] = ({},)
    modalities: tuple[str, ...] | None = None
    match: Match | None = None
    group: str = ""
    x: float | None = None

    def config(self, changes: Changes | None = None) -> RunConfig:
        """Return the settings, before a data set is known, with further changes."""
        base = preset_config(self.system, self.preset)
        return changed(base, {**self.changes, **(changes or {})})


@dataclass(frozen=True)
class Study:
    """What is compared with what.

    Parameters
    ----------
    name : str
        Name of its file.
    title, about : str
        What is asked, and how to read the answer.
    baseline : str
        The setting that all others are tested against.
    settings : tuple of Setting
    axis : str
        What `Setting.x` is; "" for a study without a curve.
    """

    name: str
    title: str
    about: str
    baseline: str
    settings: tuple[Setting, ...]
    axis: str = ""

    def only(self, systems: Sequence[str]) -> Study:
        """Return the study of these systems only; InputError where it has none of one."""
        known = sorted({setting.system for setting in self.settings})
        for system in systems:
            if system not in known:
                raise InputError(
                    f"--systems: the study {self.name} has no system '{system}', only "
                    f"{', '.join(known)}"
                )
        return replace(self, settings=tuple(s for s in self.settings if s.system in systems))

    def against(self, baseline: str | None) -> Study:
        """Return the study with a baseline that it has; default: its own."""
        study = self if baseline is None else replace(self, baseline=baseline)
        names = [setting.name for setting in study.settings]
        if study.baseline not in names:
            raise InputError(
                f"--baseline: '{study.baseline}' is not compared here, expected one of "
                f"{', '.join(names)}"
            )
        return study


def load_study(name: str) -> Study:
    """Return a study of this package, or one from a YAML file.

    Parameters
    ----------
    name : str
        One of `STUDIES`, or the path of a ``.yaml`` file of the same form.

    Raises
    ------
    InputError
        If there is no such study; names the file and the key that is wrong.

    Examples
    --------
    >>> load_study("margin").axis
    'margin'
    """
    own = name in STUDIES
    if not own and not name.endswith((".yaml", ".yml")):
        known = ", ".join(STUDIES)
        raise InputError(f"study '{name}': expected one of {known}, or a .yaml file")
    path = FOLDER / f"{name}.yaml" if own else Path(name)
    return _Reader(path).study(own)


class _Reader:
    """Reads one file; every error names the file and the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def study(self, own: bool) -> Study:
        try:
            content = yaml.safe_load(read_text(self.path))
        except yaml.YAMLError as error:
            raise self.wrong("", " ".join(f"not YAML: {error}".split())) from error
        allowed = {"title": str, "about": str, "baseline": str, "axis": str}
        allowed |= {"defaults": dict, "settings": list}
        self.check(content, "", allowed, ("title", "baseline", "settings"))
        defaults = content.get("defaults", {})
        self.check(defaults, "defaults", SETTING, ())
        settings = tuple(
            self.setting(one, f"settings[{place}]", defaults, own)
            for place, one in enumerate(content["settings"])
        )
        text = {key: content.get(key, "").strip() for key in ("title", "about", "axis")}
        study = Study(self.path.stem, baseline=content["baseline"], settings=settings, **text)
        self.check_whole(study)
        return study

    def setting(self, content: Any, key: str, defaults: Changes, own: bool) -> Setting:
        self.check(content, key, SETTING | {"name": str, "x": (int, float)}, ("name",))
        merged = {**defaults, **content}
        if "system" not in merged:
            raise self.wrong(key, "lacks 'system'")
        system = merged["system"]
        setting = Setting(
            name=content["name"],
            system=system,
            preset=merged.get("preset", default_preset(system)),
            changes={**defaults.get("set", {}), **content.get("set", {})},
            search=self.grid(merged.get("search", {}), f"{key}.search"),
            modalities=self.modalities(merged, key),
            match=self.match(merged["match"], f"{key}.match") if merged.get("match") else None,
            group=merged.get("group", ""),
            x=content.get("x"),
        )
        if system in SYSTEMS or not own:
            self.check_setting(setting, key)
        return setting

    def grid(self, content: Changes, key: str) -> tuple[Changes, ...]:
        for name, values in content.items():
            if not isinstance(values, list) or not values:
                raise self.wrong(f"{key}.{name}", "expected a list of values to try")
        return tuple(
            dict(zip(content, values, strict=True)) for values in product(*content.values())
        )

    def modalities(self, merged: Changes, key: str) -> tuple[str, ...] | None:
        names = merged.get("modalities")
        if names is None:
            return None
        if not names or not set(names) <= set(MODALITIES):
            raise self.wrong(f"{key}.modalities", f"expected some of {', '.join(MODALITIES)}")
        return tuple(names)

    def match(self, content: Changes, key: str) -> Match:
        allowed = {"to": str, "widths": list, "multiple_of": int}
        self.check(content, key, allowed, ("to", "widths"))
        return Match(**{**content, "widths": tuple(content["widths"])})

    def check(
        self, content: Any, key: str, allowed: Mapping[str, Any], required: Sequence[str]
    ) -> None:
        if not isinstance(content, dict):
            raise self.wrong(key, f"expected {', '.join(allowed)}")
        for name, value in content.items():
            if name not in allowed:
                raise self.wrong(key, f"unknown key '{name}', expected of {', '.join(allowed)}")
            if not isinstance(value, allowed[name]):
                kind = getattr(allowed[name], "__name__", "number")
                where = f"{key}.{name}".lstrip(".")
                raise self.wrong(where, f"is {value!r}, expected a {KINDS.get(kind, kind)}")
        for name in required:
            if name not in content:
                raise self.wrong(key, f"lacks '{name}'")

    def check_setting(self, setting: Setting, key: str) -> None:
        """Refuse now what would otherwise be refused after an hour of training."""
        try:
            for changes in setting.search:
                config = setting.config(changes)
                check_limits(config.model, "model")
                check_limits(config.training, "training")
            if setting.match:
                setting.config(dict.fromkeys(setting.match.widths, setting.match.multiple_of))
        except InputError as error:
            raise self.wrong(f"{key} ({setting.name})", str(error).removeprefix("--")) from error

    def check_whole(self, study: Study) -> None:
        names = [setting.name for setting in study.settings]
        for place, setting in enumerate(study.settings):
            if setting.name in names[:place]:
                raise self.wrong(f"settings[{place}].name", f"'{setting.name}' is there twice")
            if setting.match and setting.match.to not in names:
                where = f"settings[{place}].match.to"
                raise self.wrong(where, f"there is no setting '{setting.match.to}'")
            if len(setting.search) != len(study.settings[0].search):
                raise self.wrong(
                    f"settings[{place}].search",
                    f"has {len(setting.search)} candidates, but {names[0]} has "
                    f"{len(study.settings[0].search)}: every setting gets the same budget",
                )
        if study.baseline not in names:
            raise self.wrong("baseline", f"there is no setting '{study.baseline}'")

    def wrong(self, key: str, reason: str) -> InputError:
        return InputError(": ".join([str(self.path), *([key] if key else []), reason]))


KINDS = {"str": "text", "dict": "mapping", "int": "whole number"}
SETTING = {
    "system": str,
    "preset": str,
    "set": dict,
    "search": dict,
    "modalities": list,
    "match": (dict, type(None)),
    "group": str,
}
