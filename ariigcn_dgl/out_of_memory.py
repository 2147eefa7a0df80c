"""Whether an error means that there is not enough memory: libraries say so in many ways."""

from __future__ import annotations

import errno

ADVICE = (
    "not enough memory: smaller batches (--training.batch_size) or shorter dialogues need less; of "
    "the systems, ct-net, lr-gcn, m3net, mmgcn and sdt need memory that grows with the square of a "
    "dialogue's length"
)
_NAMES = ("OutOfMemoryError",)  # torch's, of GPUs; torch itself is not imported for it
_WORDS = ("DefaultCPUAllocator", "bad_alloc", "annot allocate memory", "failed to map segment")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that there is not enough memory.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    >>> is_out_of_memory(RuntimeError("shapes do not match"))
    False
    """
    if isinstance(error, MemoryError) or type(error).__name__ in _NAMES:
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    words = str(error) if isinstance(error, (RuntimeError, ImportError)) else ""
    return any(word in words for word in _WORDS)
