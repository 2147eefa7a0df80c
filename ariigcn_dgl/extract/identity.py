"""Tell whether two encoders are the same one."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def weights_sha256(model: nn.Module, *also: str) -> str:
    """Return the SHA-256 of a model's names, shapes and values, and of texts that belong to it.

    It does not depend on the file or its format that the weights came from.

    Parameters
    ----------
    model : nn.Module
        On any device.
    *also : str
        For example a tokenizer's vocabulary.
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    for text in also:
        digest.update(text.encode())
    return digest.hexdigest()
