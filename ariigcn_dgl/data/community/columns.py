"""Bring the values of a pickle to arrays and names; say what does not fit, and where."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.read_limits import ADVICE, allowed

# A small file can refer to one long row many times; real files describe every number themselves.
_BYTES_PER_BYTE = 64
_FREE_BYTES = 1 << 26


class Columns:
    """Conversions of the values of one file, within a memory in proportion to its size.

    Parameters
    ----------
    path : str
        The file, for messages.
    size : int
        Its bytes.
    """

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        self.allowance = allowed(_BYTES_PER_BYTE * size + _FREE_BYTES)

    def fail(self, field: str, dialogue: str, problem: str) -> InputError:
        """Return the error about a field of a dialogue."""
        return InputError(f"{self.path}: {field}: dialogue {_short(dialogue)}: {problem}")

    def features(self, value: Any, field: str, dialogue: str) -> np.ndarray:
        """Return one row of numbers per utterance, (T, D) float32."""
        if not is_sequence(value) or len(value) == 0:
            raise self.fail(field, dialogue, f"{kind(value)}, expected a row for each utterance")
        rows = list(value)
        widths = [_width(row) for row in rows]
        # Before any row is copied; four bytes are a float32.
        self.afford(4 * sum(max(width, 0) for width in widths))
        for turn, found in enumerate(widths):
            if found < 1 or found != widths[0] or not _is_plain(rows[turn]):
                width = f"{widths[0]} " if widths[0] > 0 else ""
                expected = f"a row of {width}plain numbers"
                raise self.fail(
                    field, dialogue, f"utterance {turn} is {kind(rows[turn])}, expected {expected}"
                )
        try:
            # What is too large for float32 becomes inf, which is reported later.
            with np.errstate(over="ignore"):
                return np.stack([np.asarray(row, np.float32).reshape(-1) for row in rows])
        except (TypeError, ValueError, OverflowError) as error:
            raise self.fail(field, dialogue, "a row with a value that is no number") from error

    def numbers(self, value: Any, field: str, dialogue: str) -> np.ndarray:
        """Return one number per utterance, (T,) float64; None becomes NaN."""
        if not is_sequence(value):
            raise self.fail(field, dialogue, f"{kind(value)}, expected a number for each utterance")
        self.afford(8 * len(value))
        out = np.empty(len(value), np.float64)
        for turn, item in enumerate(value):
            number = _single(item)
            if number is None:
                raise self.fail(
                    field, dialogue, f"utterance {turn} is {kind(item)}, expected a number"
                )
            out[turn] = number
        self._check_alike(value, field, dialogue)
        return out

    def speakers(self, value: Any, field: str, dialogue: str) -> list[str]:
        """Return a name per utterance; of a one-hot vector the place of the one."""
        if not is_sequence(value):
            raise self.fail(
                field, dialogue, f"{kind(value)}, expected a speaker for each utterance"
            )
        names = []
        for turn, item in enumerate(value):
            name = _speaker(item)
            if name is None:
                raise self.fail(
                    field,
                    dialogue,
                    f"utterance {turn} is {kind(item)}, expected a name or a one-hot",
                )
            names.append(name)
        self._check_alike(value, field, dialogue)
        return names

    def _check_alike(self, value: Any, field: str, dialogue: str) -> None:
        """Raise where one value is of another form than the others: a sign of damage."""
        forms = [_form(item) for item in value]
        usual = Counter(form for form in forms if form).most_common(1)
        for turn, form in enumerate(forms):
            if form and form != usual[0][0]:
                raise self.fail(
                    field,
                    dialogue,
                    f"utterance {turn} is {form}, the others are {usual[0][0]}; expected one form",
                )

    def afford(self, needed: int) -> None:
        """Count bytes that are to be made of the file; InputError where they are too many."""
        self.allowance -= needed
        if self.allowance < 0:
            raise InputError(
                f"{self.path}: describes far more numbers than a file of its size can hold: it "
                f"repeats a few rows over and over; not a feature file; {ADVICE}"
            )


def is_sequence(value: Any) -> bool:
    """Whether a value has one element per utterance."""
    if isinstance(value, np.ndarray):
        return value.ndim >= 1
    return isinstance(value, (list, tuple))


def sentences(value: Any) -> list[str] | None:
    """Return what was said in the utterances of a dialogue; None of what is no list of sentences.

    Examples
    --------
    >>> sentences(["Hello.", "What?"]), sentences([["Hello", "."]])
    (['Hello.', 'What?'], None)
    """
    if not is_sequence(value) or not all(isinstance(one, str) for one in value):
        return None
    return [str(one) for one in value]


def is_empty(value: Any) -> bool:
    """Whether a value is a sequence without elements."""
    return is_sequence(value) and len(value) == 0


def ids(value: Any) -> list[str] | None:
    """Return the dialogue ids of a list, tuple, set or array; None of anything else."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (list, tuple, set)):
        return None
    if not all(isinstance(one, (str, int)) and not isinstance(one, bool) for one in value):
        return None
    # The order of a set is an accident of the process that wrote it.
    return sorted(map(str, value)) if isinstance(value, set) else list(map(str, value))


def kind(value: Any) -> str:
    """Return what a value is, in a few words, for messages.

    Examples
    --------
    >>> kind([1, 2]), kind(np.zeros((2, 3)))
    ('a list of 2', 'an array of shape (2, 3)')
    """
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    name = {"dict": "dictionary", "str": "text", "NoneType": "nothing"}.get(
        type(value).__name__, type(value).__name__
    )
    article = "an" if name[0] in "aeiou" else "a"
    if isinstance(value, (list, tuple, dict, set)):
        return f"{article} {name} of {len(value)}"
    return name if name in ("text", "nothing") else f"{article} {name}"


def _width(row: Any) -> int:
    if isinstance(row, np.ndarray):
        # (1, D) is how some extractors return the vector of a single utterance.
        return (
            row.size if row.dtype.kind in "biuf" and row.size == max(row.shape, default=0) else -1
        )
    return len(row) if isinstance(row, (list, tuple)) else -1


def _is_plain(row: Any) -> bool:
    # NumPy would read text as numbers and unfold lists in lists.
    if isinstance(row, np.ndarray):
        return True
    kinds = set(map(type, row))
    return kinds <= {int, float, type(None)} or kinds == {bool}


def _single(item: Any) -> float | None:
    if is_sequence(item) and len(item) == 1:
        item = item[0]
    if item is None:
        return np.nan
    # True is a number to Python, but no class or intensity.
    if isinstance(item, (int, float, np.number)) and not isinstance(item, bool):
        try:
            return float(item)
        except OverflowError:
            return None
    return None


def _speaker(item: Any) -> str | None:
    if isinstance(item, (str, bytes)):
        # latin1, which any byte is a letter of, as the pickle's own texts are read.
        return item.decode("latin1") if isinstance(item, bytes) else str(item)
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return str(int(item))
    if not is_sequence(item) or _width(item) < 1 or not _is_plain(item):
        return None
    vector = np.asarray(item).reshape(-1)
    hot = np.flatnonzero(vector)
    return str(hot[0]) if len(hot) == 1 and vector[hot[0]] == 1 else None


def _form(item: Any) -> str:
    """Return the form of a label or speaker; "" of nothing, which goes with any."""
    if item is None:
        return ""
    if is_sequence(item):
        return "a list of one" if len(item) == 1 else "a vector"
    return "text" if isinstance(item, (str, bytes)) else "a number"


def _short(dialogue: str) -> str:
    return repr(dialogue)[:60]
