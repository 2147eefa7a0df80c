"""How far an epoch has come: what a training that is stopped within it goes on from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.distributed import everybodys, leads, rank
from ariigcn_dgl.training.losses import of_all


@dataclass
class WithinEpoch:
    """An epoch that is under way.

    Parameters
    ----------
    epoch : int
        Which.
    dropping : numpy.random.Generator
        Draws what modalities are hidden.
    losses : list of dict of str to () tensor
        Of each step that was taken; of several processes this one's shares.
    """

    epoch: int
    dropping: np.random.Generator
    losses: list[dict[str, Tensor]] = field(default_factory=list)

    def state_dict(self, device: torch.device) -> dict[str, Any]:
        """Return what `resume` wants; all processes call it together.

        The generators are those of each process, losses those of all together.
        """
        drawn = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        own = {
            "torch": torch.get_rng_state(),
            "cuda": drawn,
            "dropping": json.dumps(self.dropping.bit_generator.state),
        }
        return {
            "epoch": self.epoch,
            "random": everybodys(own),
            "losses": {name: of_steps.cpu() for name, of_steps in of_all(self.losses).items()},
        }

    def resume(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Be where the epoch was when `state_dict` was called, with what would be drawn next.

        A process that there was not draws as it would from the beginning of the epoch.
        """
        losses = {name: of_steps.to(device) for name, of_steps in state["losses"].items()}
        # The leader has everybody's: shares are added up.
        shares = losses if leads() else {m: torch.zeros_like(x) for m, x in losses.items()}
        steps = zip(*(of_steps.unbind() for of_steps in shares.values()), strict=True)
        self.losses = [dict(zip(shares, step, strict=True)) for step in steps]
        if rank() >= len(state["random"]):
            return
        own = state["random"][rank()]
        torch.set_rng_state(own["torch"])
        if own["cuda"] is not None and device.type == "cuda":
            torch.cuda.set_rng_state(own["cuda"], device)
        self.dropping.bit_generator.state = json.loads(own["dropping"])
