"""Dialogues: reading, checking, writing and making them, without torch. Knows no model."""

from ariigcn_dgl.data.check import check
from ariigcn_dgl.data.dialogues import (
    MODALITIES,
    SPLITS,
    UNLABELLED,
    Dialogues,
    in_order,
    is_modality,
)
from ariigcn_dgl.data.findings import Finding, examine
from ariigcn_dgl.data.fingerprint import fingerprint
from ariigcn_dgl.data.folder import write_folder
from ariigcn_dgl.data.from_arrays import dialogues_from_arrays, dialogues_from_pandas
from ariigcn_dgl.data.load import load_dialogues
from ariigcn_dgl.data.ragged import Ragged, check_aligned
from ariigcn_dgl.data.summary import Summary, summarise
from ariigcn_dgl.data.synth import synthesise
from ariigcn_dgl.data.synth_config import SynthConfig, SynthModality
from ariigcn_dgl.data.views import split_views

__all__ = [
    "MODALITIES",
    "SPLITS",
    "UNLABELLED",
    "Dialogues",
    "Finding",
    "Ragged",
    "Summary",
    "SynthConfig",
    "SynthModality",
    "check",
    "check_aligned",
    "dialogues_from_arrays",
    "dialogues_from_pandas",
    "examine",
    "fingerprint",
    "in_order",
    "is_modality",
    "load_dialogues",
    "split_views",
    "summarise",
    "synthesise",
    "write_folder",
]
