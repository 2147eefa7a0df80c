"""What a typed graph must be, so that the kernels may trust it; messages name the argument."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = torch.iinfo(torch.int32).max  # of anything that a graph counts
MOST_RELATIONS = 2**20  # each has an entry in the plan, whether used or not


def check_vectors(**tensors: Tensor) -> None:
    """Raise ValueError unless all are 1-D int64 tensors on one device."""
    (first, reference), *_ = tensors.items()
    for name, tensor in tensors.items():
        if tensor.dtype != torch.int64 or tensor.dim() != 1:
            raise ValueError(
                f"{name} must be a 1-D int64 tensor, got {tensor.dim()}-D {tensor.dtype}"
            )
        if tensor.device != reference.device:
            raise ValueError(
                f"{name} must be on the device of {first} ({reference.device}), got {tensor.device}"
            )


def check_range(name: str, tensor: Tensor, size: int) -> None:
    """Raise ValueError unless every edge's entry lies in [0, size)."""
    edge = first_outside(tensor, size)
    if edge is not None:
        raise ValueError(f"{name} must lie in [0, {size}), got {int(tensor[edge])} at edge {edge}")


def first_outside(tensor: Tensor, size: int) -> int | None:
    """Return the place of the first entry outside of [0, size), or None."""
    if worst_outside(tensor, size) is None:  # cheap, and where is asked for seldom
        return None
    return int(((tensor < 0) | (tensor >= size)).nonzero()[0])


def worst_outside(tensor: Tensor, size: int) -> int | None:
    """Return the lowest entry if it is negative, else the highest if it is not below `size`."""
    if not len(tensor):
        return None
    low, high = torch.stack(tensor.aminmax()).tolist()  # together: a device is waited for once
    if low >= 0 and high < size:
        return None
    return low if low < 0 else high


def as_int64(name: str, tensor: Tensor) -> Tensor:
    """Return integers of any type as the kernels read them; raise ValueError for anything else."""
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{name} must be an integer tensor, got {type(tensor).__name__}")
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise ValueError(f"{name} must be an integer tensor, got {tensor.dtype}")
    return tensor.long()


def check_sizes(**sizes: int) -> None:
    """Raise ValueError unless int32 counts everything, and relations are not beyond any use."""
    for name, size in sizes.items():
        most = MOST_RELATIONS if name == "num_rels" else MOST
        least = 1 if name == "num_rels" else 0  # every layer has a matrix
        if not least <= size <= most:
            raise ValueError(f"{name} must lie in [{least}, {most}], got {size}")


def check_edge_index(
    edge_index: Tensor, edge_type: Tensor | None, num_src: int, num_dst: int, num_rels: int | None
) -> None:
    """Raise ValueError unless PyG's two tensors describe edges of so many nodes and relations."""
    check_range("edge_index[0]", edge_index[0], num_src)
    check_range("edge_index[1]", edge_index[1], num_dst)
    if edge_type is None:
        return
    check_vectors(edge_index=edge_index[0], edge_type=edge_type)
    if len(edge_type) != edge_index.size(1):
        raise ValueError(
            f"edge_type must have shape ({edge_index.size(1)},), got {tuple(edge_type.shape)}"
        )
    if num_rels is not None:
        check_range("edge_type", edge_type, num_rels)


def check_two_rows(edge_index: Tensor) -> None:
    """Raise ValueError unless a tensor has a row of sources and one of targets."""
    if edge_index.dtype != torch.int64 or edge_index.dim() != 2 or len(edge_index) != 2:
        raise ValueError(
            "edge_index must be a (2, E) int64 tensor, got "
            f"{tuple(edge_index.shape)} {edge_index.dtype}"
        )


def check_edge_ids(eids: Tensor) -> None:
    """Raise ValueError unless these 1-D int64 ids are each edge's, once."""
    _check_entries("eids", eids, len(eids))
    found = torch.bincount(eids)
    if (found > 1).any():
        edge = int(found.argmax())
        raise ValueError(
            f"eids must hold each edge once, but holds {edge} {int(found[edge])} times"
        )


def _check_entries(name: str, tensor: Tensor, size: int) -> None:
    edge = first_outside(tensor, size)
    if edge is not None:
        raise ValueError(f"{name}[{edge}] is {int(tensor[edge])}, expected 0 to {size - 1}")


def check_csr(
    indptr: Tensor, indices: Tensor, etypes: Tensor, eids: Tensor, num_rels: int, num_src: int
) -> None:
    """Raise ValueError unless the kernels may trust these 1-D int64 arrays."""
    sizes = {"num_src": num_src, "num_dst": len(indptr) - 1 if len(indptr) else 0}
    check_sizes(**sizes, num_edges=len(indices), num_rels=num_rels)
    if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices):
        raise ValueError(f"indptr must start at 0 and end at the number of edges ({len(indices)})")
    falls = indptr[1:] < indptr[:-1]  # not diff(), which may overflow
    if falls.any():
        raise ValueError(f"indptr decreases after row {int(falls.nonzero()[0])}")
    for name, tensor in (("etypes", etypes), ("eids", eids)):
        if len(tensor) != len(indices):
            raise ValueError(
                f"{name} must have one entry per edge ({len(indices)}), got {len(tensor)}"
            )
    _check_entries("indices", indices, num_src)
    _check_entries("etypes", etypes, num_rels)
    falls = etypes.diff() < 0
    starts = indptr[1:-1]  # from one target to the next relations may fall
    falls[starts[(starts > 0) & (starts < len(indices))] - 1] = False
    if falls.any():
        edge = int(falls.nonzero()[0])
        raise ValueError(
            f"etypes must not decrease within a target, but do after edge {edge}: "
            "use Graph.from_edges, which sorts"
        )
