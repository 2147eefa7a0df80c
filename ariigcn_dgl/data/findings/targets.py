"""Targets beside the classes: absent, constant or rare."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ariigcn_dgl.data.dialogues import SPLITS, Dialogues
from ariigcn_dgl.data.findings.finding import Finding
from ariigcn_dgl.data.findings.labels import FEW, unlabelled
from ariigcn_dgl.data.targets import Target


def examine_targets(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield what there is to say about targets that are not the set's classes."""
    for name, target in dialogues.targets.items():
        for split in SPLITS:
            if split in dialogues.splits:
                part = target.select(dialogues.in_split(split))
                yield from _split(name, split, part)


def _split(name: str, split: str, target: Target) -> Iterator[Finding]:
    known = ~np.isnan(target.values)
    if not known.any():
        yield unlabelled(split, f"of {name}: ")
        return
    missing = int((~known.any(axis=1)).sum())
    if missing:
        yield Finding(
            "note",
            split,
            f"of {name}: {missing} of {len(known)} utterances are not known",
            "they are context only: no loss, no score",
        )
    if split != "train":
        return
    columns = target.spec.names if target.spec.columns > 1 else (name,)
    for column, part, there in zip(columns, target.values.T, known.T, strict=True):
        values = part[there]
        if len(values) and (values == values[0]).all():
            yield Finding(
                "warning",
                split,
                f"of {name}: {column} is {values[0]:g} wherever it is known",
                "nothing of it can be learnt",
            )
        elif target.spec.kind == "multilabel" and 0 < (values == 1).sum() < FEW:
            yield Finding(
                "warning",
                split,
                f"of {name}: {int((values == 1).sum())} of {len(values)} utterances have {column}",
                "scores on so few say little; label more",
            )
