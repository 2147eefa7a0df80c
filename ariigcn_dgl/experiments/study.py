"""A study: named settings that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.training.run_config import RunConfig, changed, preset_config

Changes = Mapping[str, Any]  # "model.NAME" or "training.NAME" to value


def changes_text(changes: Changes) -> str:
    """Return "learning_rate 0.001, dropout 0.5"."""
    return ", ".join(f"{name.rpartition('.')[2]} {_short(x)}" for name, x in changes.items())


def _short(value: object) -> str:
    """Return a value as people write it: a drawn number has more digits than anyone compares."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Range:
    """Numbers that a search may propose, both ends included.

    Parameters
    ----------
    low, high : float or int
        Whole numbers where both are.
    log : bool
        Whether each factor is as likely as each other, as learning rates want it.
    """

    low: float
    high: float
    log: bool = False


Space = Mapping[str, tuple[Any, ...] | Range]  # setting to its choices, or to a range of numbers


def combinations(space: Space) -> tuple[Changes, ...]:
    """Return every combination of the choices of a space, which has no range.

    Examples
    --------
    >>> combinations({"model.dropout": (0.1, 0.2)})
    ({'model.dropout': 0.1}, {'model.dropout': 0.2})
    """
    choices = [values for values in space.values() if isinstance(values, tuple)]
    return tuple(dict(zip(space, values, strict=True)) for values in product(*choices))


def lowest(space: Space) -> Changes:
    """Return the first choice of each setting of a space, and the lower end of each range."""
    return {
        name: values.low if isinstance(values, Range) else values[0]
        for name, values in space.items()
    }


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
    space : mapping of str to tuple or Range
        Further changes, of which validation chooses; empty where there is nothing to choose.
    modalities : tuple of str, optional
        Default: all that the data set has.
    match : Match, optional
    group : str
        Heading in the table, and line in a curve.
    x : float, optional
        Place on the study's axis.
    against : str
        The setting that it is compared with; "": the study's baseline.
    """

    name: str
    system: str
    preset: str
    changes: Changes
    space: Space = field(default_factory=dict)
    modalities: tuple[str, ...] | None = None
    match: Match | None = None
    group: str = ""
    x: float | None = None
    against: str = ""

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
    absent : bool
        Also test every setting without each of its modalities.
    left_out : tuple of Setting
        Not compared here, but others may have their size (`Setting.match`).
    """

    name: str
    title: str
    about: str
    baseline: str
    settings: tuple[Setting, ...]
    axis: str = ""
    absent: bool = False
    left_out: tuple[Setting, ...] = ()

    def only(self, systems: Sequence[str]) -> Study:
        """Return the study of these systems only; InputError where it has none of one."""
        known = sorted({setting.system for setting in self.settings})
        for system in systems:
            if system not in known:
                raise InputError(
                    f"--systems: the study {self.name} has no system '{system}', only "
                    f"{', '.join(known)}{did_you_mean(system, known)}"
                )
        kept = tuple(s for s in self.settings if s.system in systems)
        rest = tuple(s for s in self.settings if s.system not in systems)
        return replace(self, settings=kept, left_out=(*self.left_out, *rest))

    def against(self, baseline: str | None) -> Study:
        """Return the study with a baseline that it has; default: its own, and its settings'."""
        study = self if baseline is None else replace(self, baseline=baseline)
        names = [setting.name for setting in study.settings]
        if study.baseline not in names:
            raise InputError(
                f"--baseline: '{study.baseline}' is not compared here, expected one of "
                f"{', '.join(names)}{did_you_mean(study.baseline, names)}"
            )
        kept = names if baseline is None else ()
        settings = [
            one if one.against in kept else replace(one, against="") for one in self.settings
        ]
        return replace(study, settings=tuple(settings))
