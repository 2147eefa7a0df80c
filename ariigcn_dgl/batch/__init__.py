"""Dialogues as tensors and graphs: batches for the models, and a data set of DGL's kind."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ariigcn_dgl.batch.batch import Batch, collate, relinked, shuffled_batches
from ariigcn_dgl.batch.steps import Steps
from ariigcn_dgl.batch.truth import Truth
from ariigcn_dgl.batch.window import ModalWindow, Window

if TYPE_CHECKING:
    from ariigcn_dgl.batch.dgl_dataset import DialogueGraphDataset, batch_from_dgl

__all__ = [
    "Batch",
    "DialogueGraphDataset",
    "ModalWindow",
    "Steps",
    "Truth",
    "Window",
    "batch_from_dgl",
    "collate",
    "relinked",
    "shuffled_batches",
]


def __getattr__(name: str) -> Any:
    if name in ("DialogueGraphDataset", "batch_from_dgl"):  # what needs DGL here
        return getattr(import_module("ariigcn_dgl.batch.dgl_dataset"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
