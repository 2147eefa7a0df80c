"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig
from ariigcn_dgl.models.dialogue_rnn import DialogueRNN, DialogueRNNConfig
from ariigcn_dgl.models.system import System

SYSTEMS: dict[str, type[System]] = {  # by their names on the command line
    "ariigcn": ARIIGCN,
    "dialogue-rnn": DialogueRNN,
}

__all__ = ["ARIIGCN", "SYSTEMS", "ARIIGCNConfig", "System"]
