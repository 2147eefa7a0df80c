"""Which of a process's interpreters this is."""

from __future__ import annotations

try:
    import _interpreters as interpreters
except ModuleNotFoundError:  # before Python 3.13
    import _xxsubinterpreters as interpreters


def refuse_subinterpreter() -> None:
    """Raise ImportError in a subinterpreter, where the import of torch never returns."""
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError(
            "ariigcn_dgl works in the main interpreter of a process alone, as torch does: use "
            "threads, or processes (multiprocessing with the start method 'spawn')"
        )
