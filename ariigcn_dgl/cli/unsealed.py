"""What is said of a data set before it is trained on."""

from __future__ import annotations

from ariigcn_dgl.cli.say import note
from ariigcn_dgl.data.folder import UNSEALED, lacks_seal


def note_unsealed(data: str) -> None:
    """Say that a data folder has no seal; it is used all the same, as those from before seals.

    Only what begins says so: what goes on compares the data with the run's own record of them.
    """
    if lacks_seal(data):
        note(f"{data}: {UNSEALED}")
