"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig
from ariigcn_dgl.models.dialogue_gcn import DialogueGCN, DialogueGCNConfig
from ariigcn_dgl.models.lr_gcn import LRGCN, LRGCNConfig
from ariigcn_dgl.models.system import System

SYSTEMS: dict[str, type[System]] = {  # by their names on the command line
    "ariigcn": ARIIGCN,
    "dialogue-gcn": DialogueGCN,
    "lr-gcn": LRGCN,
}

__all__ = [
    "ARIIGCN",
    "LRGCN",
    "SYSTEMS",
    "ARIIGCNConfig",
    "DialogueGCN",
    "DialogueGCNConfig",
    "LRGCNConfig",
    "System",
]
