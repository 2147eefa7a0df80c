"""Whether the device that is asked for can be used."""

from __future__ import annotations

import torch

from ariigcn_dgl.errors import InputError


def check_device(device: str) -> None:
    """Raise InputError unless torch can use the device."""
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--device {device}: not usable here ({reason}); use cpu") from error
