"""Whether a training can fit into memory, before it begins."""

from __future__ import annotations

import errno

import numpy as np
import torch

from ariigcn_dgl.available_memory import available_memory, free_swap
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.run_config import RunConfig

GIBIBYTE = 1 << 30
_FLOAT = 4  # bytes
_COPIES = 4  # of the weights: themselves, gradients, Adam's two moments
# A step keeps so many numbers an utterance for each output of a layer and each feature. Measured on
# 32 dialogues of 60 utterances, 1238 features, default settings: 2.2 (bc-lstm-att, mlp) to 4.2
# (ariigcn 3.7, dialogue-rnn), 7.7 of lr-gcn, so this is what any system needs at least.
_KEPT = 2


def require_memory(dialogues: Dialogues, config: RunConfig, device: str = "cpu") -> None:
    """Raise where a training needs more memory than there is, swap space included.

    The estimate is a lower bound: what is not refused may still not fit.

    Parameters
    ----------
    dialogues : Dialogues
        As they were read: they are in memory already, or stay in their file.
    config : RunConfig
        Resolved for these dialogues.
    device : str
        Where to train; of another than the CPU only copies of the data set count.

    Raises
    ------
    InputError
        With the estimate, and what makes it smaller. Its cause is an `OSError`, as later there may
        be enough.
    """
    room = available_memory()
    if room is None:
        return
    room += free_swap()
    data, step = 0, 0
    if config.training.missing == "reconstruct":  # a standardised copy, and what is made of it
        data = 2 * _data_bytes(dialogues)
    if torch.device(device).type == "cpu":
        step = _step_bytes(dialogues, config)
    needed = data + step
    if needed <= room:
        return
    size = config.training.batch_size
    way_out = "fewer modalities need less"
    if step > data:
        way_out = (
            f"smaller batches (--training.batch_size, now {size}) or a narrower model need less"
        )
    raise InputError(
        f"{dialogues.name}: training {config.system} needs at least {needed / GIBIBYTE:.1f} GiB of "
        f"memory, there are {room / GIBIBYTE:.1f}: {way_out}"
    ) from OSError(errno.ENOMEM, "not enough memory")


def _data_bytes(dialogues: Dialogues) -> int:
    rows = [sequence.rows for sequence in dialogues.sequences.values()]
    return sum(array.nbytes for array in [*dialogues.features.values(), *rows])


def _step_bytes(dialogues: Dialogues, config: RunConfig) -> int:
    """Return the bytes of weights and of what a step on the longest dialogues keeps, at least."""
    with torch.device("meta"):  # takes no memory and draws no random numbers
        weights = list(config.build(dialogues.widths, dialogues.num_outputs).parameters())
    outputs = sum(weight.shape[0] for weight in weights if weight.ndim > 1)
    lengths = np.sort(dialogues.lengths[dialogues.indices("train")])
    utterances = int(lengths[-config.training.batch_size :].sum())
    kept = _KEPT * utterances * (outputs + sum(dialogues.widths.values()))
    return _FLOAT * (kept + _COPIES * sum(weight.numel() for weight in weights))
