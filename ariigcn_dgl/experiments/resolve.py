"""The settings of a study, for one data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.sizes import count_parameters, matched
from ariigcn_dgl.experiments.study import (
    Changes,
    Setting,
    Study,
    combinations,
    lowest,
)
from ariigcn_dgl.training.prepare import check_config
from ariigcn_dgl.training.run_config import RunConfig


@dataclass(frozen=True)
class Candidate:
    """One point of a setting's search: what it changes, and everything that follows from it."""

    changes: Changes
    config: RunConfig


@dataclass(frozen=True)
class Row:
    """A setting with its data, and the candidates that follow from both.

    Parameters
    ----------
    setting : Setting
        The row's place in the study.
    dialogues : Dialogues
        With the modalities of the setting only.
    dataset_sha256 : str
        Their fingerprint.
    sizes : mapping of str to int
        Widths that `Setting.match` gives it.
    problem : str
        Why the setting cannot be trained on this data set; "" where it can.
    """

    setting: Setting
    dialogues: Dialogues
    dataset_sha256: str
    sizes: Changes = field(default_factory=dict)
    problem: str = ""

    def candidate(self, changes: Changes) -> Candidate:
        """Return a point of the setting's search."""
        config = self.setting.config({**self.sizes, **changes})
        return Candidate(changes, config.resolved(self.dialogues))

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every combination of choices: at least one, unless there is a problem."""
        if self.problem:
            return ()
        return tuple(map(self.candidate, combinations(self.setting.space)))


def resolve(
    study: Study, dialogues: Dialogues, dataset_sha256: str | None = None, sampled: bool = False
) -> list[Row]:
    """Return the study's settings for a data set, in their order.

    Every candidate's settings are checked here; that the splits have labels, the caller has.

    Parameters
    ----------
    study : Study
        Whose settings are resolved.
    dialogues : Dialogues
        With all its modalities.
    dataset_sha256 : str, optional
        Fingerprint of the dialogues, where the caller has it already.
    sampled : bool
        Candidates are not all combinations, but drawn later: only the lowest is checked.
    """
    settings = {setting.name: setting for setting in (*study.left_out, *study.settings)}
    # A fingerprint reads every feature, and most settings have the same modalities.
    hashes = {tuple(dialogues.features): dataset_sha256 or fingerprint(dialogues)}
    rows = []
    for setting in study.settings:
        row = _row(setting, settings, dialogues)
        modalities = tuple(row.dialogues.features)
        if modalities not in hashes:
            hashes[modalities] = fingerprint(row.dialogues)
        row = replace(row, dataset_sha256=hashes[modalities])
        rows.append(row if row.problem else _checked(row, sampled))
    return rows


def _row(setting: Setting, settings: Mapping[str, Setting], dialogues: Dialogues) -> Row:
    """Return a row without its fingerprint, its candidates not yet checked."""
    try:
        if setting.modalities is not None:
            dialogues = dialogues.with_modalities(setting.modalities)
        return Row(setting, dialogues, "", _sizes(setting, settings, dialogues))
    except InputError as error:
        return Row(setting, dialogues, "", problem=str(error))


def _checked(row: Row, sampled: bool) -> Row:
    """Return the row, with its problem if a candidate does not fit the data."""
    try:
        tried = [row.candidate(lowest(row.setting.space))] if sampled else row.candidates
        for candidate in tried:
            check_config(candidate.config, row.dialogues)
    except InputError as error:
        return replace(row, problem=str(error))
    return row


def _sizes(setting: Setting, settings: Mapping[str, Setting], dialogues: Dialogues) -> Changes:
    if setting.match is None:
        return {}
    other = settings[setting.match.to].config().resolved(dialogues)
    return matched(
        setting.config().resolved(dialogues),
        dialogues,
        count_parameters(other, dialogues),
        setting.match.widths,
        setting.match.multiple_of,
    )
