"""From the CPU to a device: in one copy, and without waiting for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

ALIGNMENT = 256  # bytes, as the allocator of CUDA aligns tensors


def send(tensors: Sequence[Tensor], device: torch.device | str) -> list[Tensor]:
    """Return the tensors on `device`.

    Tensors on the CPU travel to another device side by side in one buffer of page-locked memory, so
    that the host goes on at once; what it does next on the current stream finds them there.

    Parameters
    ----------
    tensors : sequence of tensors
    device : torch.device or str

    Examples
    --------
    >>> import torch
    >>> [x.shape for x in send([torch.zeros(2, 3), torch.ones(1).bool()], "meta")]
    [torch.Size([2, 3]), torch.Size([1])]
    """
    device = torch.device(device)
    if device.type == "cpu" or any(x.device.type != "cpu" for x in tensors):
        return [x.to(device) for x in tensors]
    buffer, places = pack(tensors, page_locked=device.type == "cuda")
    return unpack(buffer.to(device, non_blocking=True), tensors, places)


def send_rows(mask: Tensor, device: torch.device | str) -> Tensor:
    """Return where `mask`, (N,) bool, is true, on `device`; nobody waits if `mask` is on the CPU.

    Indexing by it gives the rows of indexing by the mask, whose number only the device would know.

    Examples
    --------
    >>> send_rows(torch.tensor([True, False, True]), "cpu").tolist()
    [0, 2]
    """
    return send([mask.nonzero().squeeze(1)], device)[0]


def pack(tensors: Sequence[Tensor], page_locked: bool) -> tuple[Tensor, list[int]]:
    """Return the bytes of the tensors in one buffer, and where each begins."""
    places, end = [], 0
    for tensor in tensors:
        places.append(end)
        end += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
    buffer = torch.empty(end, dtype=torch.uint8, device="cpu", pin_memory=page_locked)
    for view, tensor in zip(unpack(buffer, tensors, places), tensors, strict=True):
        view.copy_(tensor)
    return buffer, places


def unpack(buffer: Tensor, like: Sequence[Tensor], places: Sequence[int]) -> list[Tensor]:
    """Return views of the buffer with the shapes and dtypes of the tensors that were packed."""
    return [
        buffer[place : place + x.nbytes].view(x.dtype).view(x.shape)
        for x, place in zip(like, places, strict=True)
    ]
