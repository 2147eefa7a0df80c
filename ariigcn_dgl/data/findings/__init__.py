"""What a careful person would say of a data set before training on it."""

from __future__ import annotations

from collections.abc import Iterable

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.findings.features import examine_features
from ariigcn_dgl.data.findings.finding import Finding
from ariigcn_dgl.data.findings.labels import examine_labels
from ariigcn_dgl.data.findings.repeats import examine_repeats
from ariigcn_dgl.data.findings.structure import examine_structure
from ariigcn_dgl.data.findings.targets import examine_targets
from ariigcn_dgl.progress import track

__all__ = ["Finding", "examine"]

# The gravest first; sorted() keeps the order of the examinations within a severity.
_ORDER = ("error", "warning", "note")


def examine(dialogues: Dialogues, beside: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """Return what there is to say of a set, the gravest first.

    Parameters
    ----------
    dialogues : Dialogues
        A set whose fields agree (`check_structure`); its features may be NaN or inf.
    beside : iterable of Finding
        What else there is to say, as of `ariigcn_dgl.data.findings.unread.examine_unread`.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> small = synthesise(SynthConfig(train=20, val=5, test=5, unlabelled=0.5))
    >>> print(examine(small.with_modalities(["text"]))[0])  # doctest: +ELLIPSIS
    train: ... of ... utterances have no label; they are context only: no loss, no score
    """
    examinations = (
        examine_labels,
        examine_targets,
        examine_structure,
        examine_features,
        examine_repeats,
    )
    findings = [
        finding
        for examination in track(examinations, "examinations")
        for finding in examination(dialogues)
    ]
    findings += beside
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))
