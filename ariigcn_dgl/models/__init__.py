"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig
from ariigcn_dgl.models.bigru import BiGRU, BiGRUConfig
from ariigcn_dgl.models.mlp import MLP, MLPConfig
from ariigcn_dgl.models.system import System
from ariigcn_dgl.models.text_cnn import TextCNNConfig, UtteranceTextCNN

SYSTEMS: dict[str, type[System]] = {  # by their names on the command line
    "ariigcn": ARIIGCN,
    "bigru": BiGRU,
    "mlp": MLP,
    "textcnn": UtteranceTextCNN,
}

__all__ = [
    "ARIIGCN",
    "MLP",
    "SYSTEMS",
    "ARIIGCNConfig",
    "BiGRU",
    "BiGRUConfig",
    "MLPConfig",
    "System",
    "TextCNNConfig",
    "UtteranceTextCNN",
]
