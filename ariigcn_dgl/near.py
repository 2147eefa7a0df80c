"""What somebody meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice

LEAST = 0.6  # of difflib's ratio, as in its get_close_matches
LONGEST, MOST = 100, 1000  # letters and names; what files hold may be far more


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that names the known word nearest to a wrong one, or "".

    Case, and ``-`` for ``_``, count for nothing; of a name with groups, as
    ``--training.learning_rate``, the last part alone may be near.

    Parameters
    ----------
    word : str
        What was given.
    known : iterable of str
        What there is; of equally near ones the first counts.

    Examples
    --------
    >>> did_you_mean("dialoguegcn", ["mlp", "dialogue-gcn"])
    "; did you mean 'dialogue-gcn'?"
    >>> did_you_mean("--learning-rate", ["--data", "--training.learning_rate"])
    "; did you mean '--training.learning_rate'?"
    >>> did_you_mean("xyz", ["mlp"])
    ''
    """
    if len(word) > LONGEST:
        return ""
    likeness = {x: _likeness(word, x) for x in islice(known, MOST) if len(x) <= LONGEST}
    best = max(likeness, key=likeness.__getitem__, default="")
    return f"; did you mean '{best}'?" if likeness.get(best, 0) >= LEAST else ""


def _likeness(word: str, name: str) -> float:
    wanted, whole = _plain(word), _plain(name)
    last = whole.rpartition(".")[2]
    # A little less than by the whole name, which wins where both are there.
    return max(_ratio(wanted, whole), 0.9 * _ratio(wanted.rpartition(".")[2], last))


def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio()


def _plain(name: str) -> str:
    return name.lstrip("-").lower().replace("-", "_")
