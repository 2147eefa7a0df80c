"""Commands that are stopped at random moments: ``python -m faults``, or ``make kills``."""
