"""The modalities of a dialogue's utterances as nodes of one graph."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.nn._layout import padded, places


class ModalityGraph:
    """Each dialogue of a batch as a graph of (modality, utterance) nodes.

    A node is linked with the same modality of all utterances of its dialogue, itself included, and
    with the other modalities of its utterance (MMGCN, Hu 2021; M3NET, Chen 2023). Dialogues stand
    in a table of B rows: of T columns for the first modality, T for the second, and so on, where T
    is the length of the longest. What is missing or padding is no node and has no edge.

    Parameters
    ----------
    masks : (M, N) bool tensor
        False where a modality is missing; utterances dialogue after dialogue.
    lengths : (B,) int64 tensor
        Utterances in each dialogue, at least 1, on the CPU.

    Attributes
    ----------
    exists : (B, M T) bool tensor
        Where a node is.
    linked : (B, M T, M T) bool tensor
        Where an edge is.

    Examples
    --------
    >>> import torch
    >>> masks = torch.tensor([[True, True], [True, False]])  # the second utterance is not heard
    >>> ModalityGraph(masks, torch.tensor([2])).linked.int().tolist()
    [[[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]]
    """

    def __init__(self, masks: Tensor, lengths: Tensor) -> None:
        self.num_modalities = len(masks)
        self.lengths = lengths
        self.exists = self._side_by_side(masks)
        steps = self.exists.size(1) // self.num_modalities
        node = torch.arange(self.exists.size(1), device=masks.device)
        modality, step = node // steps, node % steps
        edges = (modality.unsqueeze(1) == modality) | (step.unsqueeze(1) == step)
        self.linked = edges & self.exists.unsqueeze(1) & self.exists.unsqueeze(2)

    def table(self, feat: Tensor) -> Tensor:
        """Return the nodes' states, (B, M T, D), of (M, N, D); zeros where no node is."""
        return self._zero_elsewhere(self._side_by_side(feat))

    def rows(self, table: Tensor) -> Tensor:
        """Return the modalities of each utterance side by side, (N, M D), of (B, M T, D).

        A missing modality has zeros there, whatever stands in the table.
        """
        by_modality = self._zero_elsewhere(table).unflatten(1, (self.num_modalities, -1))
        return by_modality.transpose(1, 2)[places(self.lengths, table.device)].flatten(1)

    def _side_by_side(self, rows: Tensor) -> Tensor:
        """Return (B, M T, ...) of (M, N, ...)."""
        return padded(rows.transpose(0, 1), self.lengths)[0].transpose(1, 2).flatten(1, 2)

    def _zero_elsewhere(self, table: Tensor) -> Tensor:
        return table.masked_fill(~self.exists.unsqueeze(-1), 0)
