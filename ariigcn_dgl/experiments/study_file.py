"""Studies from YAML files: those of the package, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan, prod
from pathlib import Path
from typing import Any

from ariigcn_dgl.data import MODALITIES, is_modality
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.study import (
    Changes,
    Match,
    Range,
    Setting,
    Space,
    Study,
    combinations,
)
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.plain_yaml import read_yaml
from ariigcn_dgl.read_limits import ADVICE, allowed
from ariigcn_dgl.training.run_config import default_preset

FOLDER = Path(__file__).with_name("studies")
MOST_SETTINGS, MOST_CANDIDATES = 1000, 1000
STUDIES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_study(name: str, trials: int | None = None) -> Study:
    """Return a study of this package, or one from a YAML file.

    Parameters
    ----------
    name : str
        One of `STUDIES`, or the path of a ``.yaml`` file of the same form.
    trials : int, optional
        Number of candidates that each setting's search is to propose (`SampledSearch`); default:
        searches try every combination of choices, and there may be no range.

    Raises
    ------
    InputError
        If there is no such study, or it cannot be searched so; names the file and the key that is
        wrong.

    Examples
    --------
    >>> load_study("margin").axis
    'margin'
    """
    own = name in STUDIES
    if not own and not name.endswith((".yaml", ".yml")):
        known = ", ".join(STUDIES)
        raise InputError(
            f"study '{name}': expected one of {known}, or a .yaml file{did_you_mean(name, STUDIES)}"
        )
    path = FOLDER / f"{name}.yaml" if own else Path(name)
    return _Reader(path, trials).study()


class _Reader:
    """Reads one file; every error names the file and the key."""

    def __init__(self, path: Path, trials: int | None) -> None:
        self.path = path
        self.trials = trials

    def study(self) -> Study:
        _, content = read_yaml(self.path)
        keys: dict[str, type] = {"title": str, "about": str, "baseline": str, "axis": str}
        keys |= {"defaults": dict, "settings": list, "absent": bool}
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
        study = Study(
            self.path.stem,
            baseline=content["baseline"],
            settings=settings,
            absent=content.get("absent", False),
            **text,
        )
        self.check_whole(study)
        return study

    def setting(self, content: Any, key: str, defaults: Changes) -> Setting:
        self.check(
            content, key, SETTING | {"name": str, "x": (int, float), "against": str}, ("name",)
        )
        merged = {**defaults, **content}
        if "system" not in merged:
            raise self.wrong(key, "lacks 'system'")
        system = merged["system"]
        setting = Setting(
            name=content["name"],
            system=system,
            preset=merged.get("preset") or self.default_preset(system, key, content["name"]),
            changes={**defaults.get("set", {}), **content.get("set", {})},
            space=self.space(merged.get("search", {}), f"{key}.search"),
            modalities=self.modalities(merged, key),
            match=self.match(merged["match"], f"{key}.match") if merged.get("match") else None,
            group=merged.get("group", ""),
            x=content.get("x"),
            against=content.get("against", ""),
        )
        self.check_setting(setting, key)
        return setting

    def default_preset(self, system: str, key: str, name: str) -> str:
        try:
            return default_preset(system)
        except InputError as error:
            raise self.wrong(f"{key} ({name})", str(error).removeprefix("--")) from error

    def space(self, content: Changes, key: str) -> Space:
        return {name: self.values(values, f"{key}.{name}") for name, values in content.items()}

    def values(self, content: Any, key: str) -> tuple[Any, ...] | Range:
        if isinstance(content, list) and content:
            if self.trials and not all(isinstance(one, CHOICES) for one in content):
                raise self.wrong(key, "expected numbers, texts or true and false to choose of")
            return tuple(content)
        if not isinstance(content, dict):
            raise self.wrong(key, "expected a list of values to try, or {low: ..., high: ...}")
        if self.trials is None:
            raise self.wrong(
                key,
                "is a range, of which a grid cannot try every value: name a list of values, "
                "or search it with --search optuna:N",
            )
        self.check(content, key, {"low": NUMBER, "high": NUMBER, "log": bool}, ("low", "high"))
        low, high = (self.number(content[end], f"{key}.{end}") for end in ("low", "high"))
        log = content.get("log", False)
        if not low < high or (log and low <= 0):
            above = ", and above 0 with log" if log else ""
            raise self.wrong(key, f"is {low} to {high}, expected low below high{above}")
        return Range(low, high, log)

    def number(self, value: Any, key: str) -> float:
        """Return a number; what YAML takes for text where it has no dot, as 1e-4, is one, too."""
        try:
            found = float(value) if isinstance(value, str) else value
        except ValueError:
            found = nan
        if isinstance(found, bool) or not isfinite(found):
            raise self.wrong(key, f"is {value!r}, expected a number")
        return found

    def modalities(self, merged: Changes, key: str) -> tuple[str, ...] | None:
        names = merged.get("modalities")
        if names is None:
            return None
        if not names or not all(isinstance(name, str) and is_modality(name) for name in names):
            raise self.wrong(
                f"{key}.modalities", f"expected some of {', '.join(MODALITIES)}, or other names"
            )
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
                near = did_you_mean(name, keys)
                raise self.wrong(key, f"unknown key '{name}', expected of {', '.join(keys)}{near}")
            if not isinstance(value, keys[name]):
                kind = getattr(keys[name], "__name__", "number")
                where = f"{key}.{name}".lstrip(".")
                raise self.wrong(where, f"is {value!r}, expected a {KINDS.get(kind, kind)}")
        for name in required:
            if name not in content:
                raise self.wrong(key, f"lacks '{name}'")

    def check_setting(self, setting: Setting, key: str) -> None:
        """Refuse now what would otherwise be refused after an hour of training."""
        self.check_budget(setting, f"{key}.search")
        try:
            for changes in self.extremes(setting):
                setting.config(changes)
            if setting.match:
                setting.config(dict.fromkeys(setting.match.widths, setting.match.multiple_of))
        except InputError as error:
            raise self.wrong(f"{key} ({setting.name})", str(error).removeprefix("--")) from error

    def check_budget(self, setting: Setting, key: str) -> None:
        """Refuse more combinations than anyone tries, or fewer than there are to be trials."""
        choices = [len(x) for x in setting.space.values() if not isinstance(x, Range)]
        if len(choices) < len(setting.space):  # a range always has more
            return
        count = prod(choices)
        if self.trials is None and count > allowed(MOST_CANDIDATES):  # before they are made
            raise self.wrong(
                key, f"has {count:,} candidates, more than {MOST_CANDIDATES}, the limit; {ADVICE}"
            )
        if self.trials is not None and count < self.trials:
            raise self.wrong(
                key,
                f"has {count} candidates, fewer than the {self.trials} trials that every setting "
                "gets: name more values or ranges, or fewer trials",
            )

    def extremes(self, setting: Setting) -> Iterator[Changes]:
        """Yield changes that are out of a setting's limits where any of its candidates is."""
        if self.trials is None:
            yield from combinations(setting.space)
            return
        for name, values in setting.space.items():
            for value in (values.low, values.high) if isinstance(values, Range) else values:
                yield {name: value}

    def check_whole(self, study: Study) -> None:
        names = [setting.name for setting in study.settings]
        scaled = {setting.name for setting in study.settings if setting.match}
        for place, setting in enumerate(study.settings):
            if setting.name in names[:place]:
                raise self.wrong(f"settings[{place}].name", f"'{setting.name}' is there twice")
            if setting.match and setting.match.to not in names:
                where = f"settings[{place}].match.to"
                raise self.wrong(where, f"there is no setting '{setting.match.to}'")
            if setting.match and setting.match.to in scaled:
                where = f"settings[{place}].match.to"
                raise self.wrong(where, f"'{setting.match.to}' has a match itself, expected none")
            if setting.against and setting.against not in names:
                where = f"settings[{place}].against"
                raise self.wrong(where, f"there is no setting '{setting.against}'")
        if self.trials is None:  # else the number of trials is every setting's
            self.check_equal_budgets(study.settings)
        if study.baseline not in names:
            raise self.wrong("baseline", f"there is no setting '{study.baseline}'")

    def check_equal_budgets(self, settings: Sequence[Setting]) -> None:
        counts = [len(combinations(setting.space)) for setting in settings]
        for place, count in enumerate(counts):
            if count != counts[0]:
                raise self.wrong(
                    f"settings[{place}].search",
                    f"has {count} candidates, but {settings[0].name} has {counts[0]}: every "
                    "setting gets the same budget",
                )

    def wrong(self, key: str, reason: str) -> InputError:
        return InputError(": ".join([str(self.path), *([key] if key else []), reason]))


KINDS = {"str": "text", "dict": "mapping", "int": "whole number"}
NUMBER = (int, float, str)  # text, too: YAML reads 1e-4 as one
CHOICES = (bool, int, float, str)  # what the file of trials can hold
SETTING = {
    "system": str,
    "preset": str,
    "set": dict,
    "search": dict,
    "modalities": list,
    "match": (dict, type(None)),
    "group": str,
}
