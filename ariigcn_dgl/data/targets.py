"""What is to be predicted of an utterance: a class, several labels at once, numbers on a scale.

The classes of a data set are `Dialogues.labels`, the target of the name `LABEL`; all others are
`Dialogues.targets`. Models, scores and files ask a target for its `TargetSpec`, and nothing else
for what the task is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

Kind = Literal["classes", "multilabel", "regression"]
Per = Literal["utterance", "dialogue"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LABEL = "label"  # the name of a set's classes, or of what stands in their place
# Scales of sentiment that the field's files have without saying so: CH-SIMS, CMU-MOSI and MOSEI.
KNOWN_SCALES = ((-1.0, 1.0), (-3.0, 3.0))


@dataclass(frozen=True)
class TargetSpec:
    """What a target is, without its values: all that a model and its scores depend on.

    Parameters
    ----------
    name : str
        `LABEL`, or another one in lower case.
    kind : {"classes", "multilabel", "regression"}
        One of C classes; C labels that are independent of each other; K real numbers.
    names : tuple of str
        Of the C classes or labels, or of the K numbers.
    low, high : float, optional
        Range of the numbers of "regression", where one is known.
    unit : str
        Of these numbers, for tables; "" where they have none.
    per : {"utterance", "dialogue"}
        Where it is attached: to any utterance, or to exactly one of each dialogue, as the score of
        a clip or of a punch line is.

    Examples
    --------
    >>> TargetSpec("vad", "regression", ("valence", "arousal"), 1.0, 5.0).width
    2
    """

    name: str
    kind: Kind
    names: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    unit: str = ""
    per: Per = "utterance"

    @property
    def width(self) -> int:
        """Outputs that a model has for it: C or K."""
        return len(self.names)

    @property
    def columns(self) -> int:
        """Columns of its values: one of classes, else C or K."""
        return 1 if self.kind == "classes" else len(self.names)

    @property
    def is_labels(self) -> bool:
        """Whether it is a data set's own classes, `Dialogues.labels`."""
        return self.name == LABEL and self.kind == "classes"

    @property
    def centred(self) -> bool:
        """Whether it is numbers on a scale around 0, as sentiment is: then signs mean something."""
        return self.kind == "regression" and self.high is not None and self.low == -self.high

    def record(self) -> dict[str, Any]:
        """Return it as JSON knows it, without what it has by default."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind, "names": list(self.names)}
        if self.low is not None and self.high is not None:
            found["range"] = [self.low, self.high]
        if self.unit:
            found["unit"] = self.unit
        if self.per != "utterance":
            found["per"] = self.per
        return found

    @classmethod
    def of_record(cls, found: dict[str, Any]) -> TargetSpec:
        """Return what `record` wrote."""
        low, high = found.get("range", (None, None))
        return cls(
            found["name"],
            found["kind"],
            tuple(found["names"]),
            low,
            high,
            found.get("unit", ""),
            found.get("per", "utterance"),
        )


@dataclass(frozen=True)
class Target:
    """A target with its values.

    Parameters
    ----------
    spec : TargetSpec
        What it is.
    values : (N, columns) float32 array
        NaN where unknown. Of "classes" the class's number; of "multilabel" 0 and 1.

    Examples
    --------
    >>> spec = TargetSpec("score", "regression", ("score",))
    >>> score = Target(spec, np.array([[0.5], [np.nan]], np.float32))
    >>> score.known.tolist(), score.select([1]).known.tolist()
    ([True, False], [False])
    """

    spec: TargetSpec
    values: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Of which utterances something is known, (N,) bool."""
        return ~np.isnan(self.values).all(axis=1)

    def select(self, rows: np.ndarray | Sequence[int]) -> Target:
        """Return it with the values of these utterances."""
        return replace(self, values=self.values[rows])

    def without(self, rows: np.ndarray) -> Target:
        """Return it with these utterances, (N,) bool, unknown."""
        return replace(self, values=np.where(rows[:, None], np.float32(np.nan), self.values))


def classes_spec(label_names: Sequence[str]) -> TargetSpec:
    """Return the spec of a data set's classes."""
    return TargetSpec(LABEL, "classes", tuple(label_names))


def known_scale(values: np.ndarray) -> tuple[float, float] | tuple[()]:
    """Return the scale of sentiment that numbers without a declared range are on, else ().

    The smallest of `KNOWN_SCALES` that holds them, where some are below 0 and some above.

    Examples
    --------
    >>> known_scale(np.array([-2.5, 0.0, 1.0])), known_scale(np.array([1.0, 5.0]))
    ((-3.0, 3.0), ())
    """
    found = values[~np.isnan(values)]
    if not found.size or not found.min() < 0 < found.max():
        return ()
    most = np.abs(found).max()
    return next((scale for scale in KNOWN_SCALES if most <= scale[1]), ())


def score_target(scores: np.ndarray) -> Target:
    """Return one number of each utterance, (N,), in place of classes, on its known scale.

    Examples
    --------
    >>> score_target(np.array([-0.5, 1.0])).spec.high
    1.0
    """
    values = scores[:, None].astype(np.float32)
    low, high = known_scale(values) or (None, None)
    return Target(TargetSpec(LABEL, "regression", ("score",), low, high), values)
