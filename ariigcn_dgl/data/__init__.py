"""Dialogues: reading, checking, writing and making them. Knows no model."""

from typing import TYPE_CHECKING, Any

from ariigcn_dgl.data.check import check
from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.findings import Finding, examine
from ariigcn_dgl.data.fingerprint import fingerprint
from ariigcn_dgl.data.folder import write_folder
from ariigcn_dgl.data.load import load_dialogues
from ariigcn_dgl.data.summary import Summary, summarise
from ariigcn_dgl.data.synth import synthesise
from ariigcn_dgl.data.synth_config import SynthConfig, SynthModality

if TYPE_CHECKING:
    from ariigcn_dgl.data.dgl_dataset import DialogueGraphDataset

__all__ = [
    "MODALITIES",
    "SPLITS",
    "UNLABELLED",
    "DialogueGraphDataset",
    "Dialogues",
    "Finding",
    "Summary",
    "SynthConfig",
    "SynthModality",
    "check",
    "examine",
    "fingerprint",
    "load_dialogues",
    "summarise",
    "synthesise",
    "write_folder",
]


def __getattr__(name: str) -> Any:
    if name == "DialogueGraphDataset":  # the one thing here that needs DGL
        from ariigcn_dgl.data.dgl_dataset import DialogueGraphDataset

        return DialogueGraphDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
