"""How much of the machine a file may ask for while it is read, and how to allow more."""

from __future__ import annotations

import math
import os

from ariigcn_dgl.errors import InputError

VARIABLE = "ARIIGCN_READ_LIMIT"
ADVICE = f"if you trust it, allow ten times as much with the environment variable {VARIABLE}=10"


def allowed(amount: int) -> int:
    """Return a limit of a reader, times the factor that the environment variable names.

    Raises
    ------
    InputError
        If the variable holds something other than a positive number.

    Examples
    --------
    >>> allowed(1000)
    1000
    """
    text = os.environ.get(VARIABLE, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise InputError(f"{VARIABLE}: is {text!r}, expected a positive number")
    return int(amount * factor)
