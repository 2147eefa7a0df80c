"""Dialogues as tensors and graphs: batches for the models, and a data set of DGL's kind."""

from typing import TYPE_CHECKING, Any

from ariigcn_dgl.batch.batch import Batch, collate, shuffled_batches
from ariigcn_dgl.batch.window import Window

if TYPE_CHECKING:
    from ariigcn_dgl.batch.dgl_dataset import DialogueGraphDataset

__all__ = ["Batch", "DialogueGraphDataset", "Window", "collate", "shuffled_batches"]


def __getattr__(name: str) -> Any:
    if name == "DialogueGraphDataset":  # the one thing here that needs DGL
        from ariigcn_dgl.batch.dgl_dataset import DialogueGraphDataset

        return DialogueGraphDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
