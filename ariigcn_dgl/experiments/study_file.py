"""Studies from YAML files: those of the package, and a user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from ariigcn_dgl.data import MODALITIES
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.study import Changes, Match, Setting, Study
from ariigcn_dgl.plain_yaml import read_yaml
from ariigcn_dgl.read_limits import ADVICE, allowed
from ariigcn_dgl.training.run_config import default_preset

FOLDER = Path(__file__).with_name("studies")
MOST_SETTINGS, MOST_CANDIDATES = 1000, 1000
STUDIES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


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
    return _Reader(path).study()


class _Reader:
    """Reads one file; every error names the file and the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def study(self) -> Study:
        _, content = read_yaml(self.path)
        keys: dict[str, type] = {"title": str, "about": str, "baseline": str, "axis": str}
        keys |= {"defaults": dict, "settings": list}
        self.check(content, "", keys, ("title", "baseline", "settings"))
        defaults = content.get("defaults", {})
        self.check(defaults, "defaults", SETTING, ())
        if len(content["settings"]) > allowed(MOST_SETTINGS):
            raise self.wrong("settings", f"more than {MOST_SETTINGS}, the limit here; {ADVICE}")
        settings = tuple(
            self.setting(one, f"settings[{place}]", defaults)
            for place, one in enumerate(content["settings"])
        )
        text = {key: content.get(key, "").strip() for key in ("title", "about", "axis")}
        study = Study(self.path.stem, baseline=content["baseline"], settings=settings, **text)
        self.check_whole(study)
        return study

    def setting(self, content: Any, key: str, defaults: Changes) -> Setting:
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
        self.check_setting(setting, key)
        return setting

    def grid(self, content: Changes, key: str) -> tuple[Changes, ...]:
        for name, values in content.items():
            if not isinstance(values, list) or not values:
                raise self.wrong(f"{key}.{name}", "expected a list of values to try")
        count = prod(len(values) for values in content.values())
        if count > allowed(MOST_CANDIDATES):  # before they are made
            raise self.wrong(
                key, f"has {count:,} candidates, more than {MOST_CANDIDATES}, the limit; {ADVICE}"
            )
        return tuple(
            dict(zip(content, values, strict=True)) for values in product(*content.values())
        )

    def modalities(self, merged: Changes, key: str) -> tuple[str, ...] | None:
        names = merged.get("modalities")
        if names is None:
            return None
        if not names or not all(name in MODALITIES for name in names):
            raise self.wrong(f"{key}.modalities", f"expected some of {', '.join(MODALITIES)}")
        return tuple(names)

    def match(self, content: Changes, key: str) -> Match:
        keys = {"to": str, "widths": list, "multiple_of": int}
        self.check(content, key, keys, ("to", "widths"))
        if content.get("multiple_of", 1) < 1:
            raise self.wrong(f"{key}.multiple_of", "expected at least 1")
        widths = content["widths"]
        if not widths or not all(isinstance(name, str) for name in widths):
            raise self.wrong(f"{key}.widths", "expected names of settings, as model.hidden_dim")
        return Match(**{**content, "widths": tuple(content["widths"])})

    def check(
        self, content: Any, key: str, keys: Mapping[str, Any], required: Sequence[str]
    ) -> None:
        if not isinstance(content, dict):
            raise self.wrong(key, f"expected {', '.join(keys)}")
        for name, value in content.items():
            if name not in keys:
                raise self.wrong(key, f"unknown key '{name}', expected of {', '.join(keys)}")
            if not isinstance(value, keys[name]):
                kind = getattr(keys[name], "__name__", "number")
                where = f"{key}.{name}".lstrip(".")
                raise self.wrong(where, f"is {value!r}, expected a {KINDS.get(kind, kind)}")
        for name in required:
            if name not in content:
                raise self.wrong(key, f"lacks '{name}'")

    def check_setting(self, setting: Setting, key: str) -> None:
        """Refuse now what would otherwise be refused after an hour of training."""
        try:
            for changes in setting.search:
                setting.config(changes)
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
