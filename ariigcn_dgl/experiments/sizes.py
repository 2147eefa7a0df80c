"""Numbers of parameters, and the widths that give a wanted one."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

import torch

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.run_config import RunConfig, changed

WIDEST = 2**15


def count_parameters(config: RunConfig, dialogues: Dialogues) -> int:
    """Return how many parameters a model for these dialogues applies, without making it.

    Parts that only training runs (`System.training_only`) are not counted, as in the paper's table
    of equal sizes.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> count_parameters(RunConfig("mlp"), synthesise(SynthConfig()))
    35846
    """
    with torch.device("meta"):
        model = config.build(dialogues.widths, dialogues.num_outputs)
    apart = sum(p.numel() for part in model.training_only for p in part.parameters())
    return sum(p.numel() for p in model.parameters()) - apart


def matched(
    config: RunConfig, dialogues: Dialogues, target: int, widths: tuple[str, ...], multiple_of: int
) -> dict[str, int]:
    """Return the widths, in their present proportions, whose parameters are nearest to a number.

    Parameters
    ----------
    config : RunConfig
        Resolved for these dialogues.
    dialogues : Dialogues
    target : int
        The wanted number of parameters.
    widths : tuple of str
        Names of the settings to scale, e.g. "model.hidden_dim".
    multiple_of : int
        What every width must be divisible by.

    Raises
    ------
    InputError
        If the parameters of no width up to 32768 reach the number.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig())
    >>> matched(RunConfig("mlp"), data, 100_000, ("model.hidden_dim",), 1)
    {'model.hidden_dim': 249}
    """
    now = {name: attrgetter(name)(config) for name in widths}
    first = now[widths[0]]

    def scaled(step: int) -> dict[str, int]:
        factor = step * multiple_of / first
        places = {name: max(1, round(width * factor / multiple_of)) for name, width in now.items()}
        return {name: place * multiple_of for name, place in places.items()}

    def count(step: int) -> int:
        return count_parameters(changed(config, scaled(step)), dialogues)

    steps = range(1, WIDEST // multiple_of)
    above = bisect_left(steps, target, key=count)
    if above == len(steps):
        raise InputError(
            f"{config.system}: has fewer than {target:,} parameters at any {', '.join(widths)}"
        )
    nearest = min(steps[max(above - 1, 0) : above + 1], key=lambda step: abs(count(step) - target))
    return scaled(nearest)
