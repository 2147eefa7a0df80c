"""The settings of a study, for one data set."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.sizes import count_parameters, matched
from ariigcn_dgl.experiments.study import Changes, Setting, Study
from ariigcn_dgl.training.prepare import check_config
from ariigcn_dgl.training.run_config import RunConfig


@dataclass(frozen=True)
class Candidate:
    """One point of a setting's search: what it changes, and everything that follows from it."""

    changes: Changes
    config: RunConfig


@dataclass(frozen=True)
class Row:
    """A setting with its data and its candidates.

    Parameters
    ----------
    setting : Setting
        The row's place in the study.
    dialogues : Dialogues
        With the modalities of the setting only.
    dataset_sha256 : str
        Their fingerprint.
    candidates : tuple of Candidate
        At least one, unless there is a problem.
    problem : str
        Why the setting cannot be trained on this data set; "" where it can.
    """

    setting: Setting
    dialogues: Dialogues
    dataset_sha256: str
    candidates: tuple[Candidate, ...] = ()
    problem: str = ""


def resolve(study: Study, dialogues: Dialogues, dataset_sha256: str | None = None) -> list[Row]:
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
    """
    settings = {setting.name: setting for setting in study.settings}
    # A fingerprint reads every feature, and most settings have the same modalities.
    hashes = {tuple(dialogues.features): dataset_sha256 or fingerprint(dialogues)}
    rows = []
    for setting in study.settings:
        row = _row(setting, settings, dialogues)
        modalities = tuple(row.dialogues.features)
        if modalities not in hashes:
            hashes[modalities] = fingerprint(row.dialogues)
        rows.append(replace(row, dataset_sha256=hashes[modalities]))
    return rows


def _row(setting: Setting, settings: dict[str, Setting], dialogues: Dialogues) -> Row:
    """Return a row without its fingerprint."""
    try:
        if setting.modalities is not None:
            dialogues = dialogues.with_modalities(setting.modalities)
        sizes = _sizes(setting, settings, dialogues)
        candidates = tuple(
            Candidate(changes, setting.config({**sizes, **changes}).resolved(dialogues))
            for changes in setting.search
        )
        for candidate in candidates:
            check_config(candidate.config, dialogues)
    except InputError as error:
        return Row(setting, dialogues, "", problem=str(error))
    return Row(setting, dialogues, "", candidates)


def _sizes(setting: Setting, settings: dict[str, Setting], dialogues: Dialogues) -> Changes:
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
