"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig
from ariigcn_dgl.models.bc_lstm import BcLSTM, BcLSTMAttention, BcLSTMAttentionConfig, BcLSTMConfig
from ariigcn_dgl.models.bigru import BiGRU, BiGRUConfig
from ariigcn_dgl.models.c_mfn import CMFN, CMFNConfig
from ariigcn_dgl.models.ct_net import CTNet, CTNetConfig
from ariigcn_dgl.models.dialogue_gcn import DialogueGCN, DialogueGCNConfig
from ariigcn_dgl.models.dialogue_rnn import DialogueRNN, DialogueRNNConfig
from ariigcn_dgl.models.graphsmile import GraphSmile, GraphSmileConfig
from ariigcn_dgl.models.lr_gcn import LRGCN, LRGCNConfig
from ariigcn_dgl.models.m3net import M3NET, M3NETConfig
from ariigcn_dgl.models.mlp import MLP, MLPConfig
from ariigcn_dgl.models.mmgcn import MMGCN, MMGCNConfig
from ariigcn_dgl.models.sdt import SDT, SDTConfig
from ariigcn_dgl.models.system import System
from ariigcn_dgl.models.text_cnn import TextCNNConfig, UtteranceTextCNN
from ariigcn_dgl.plugins import Registry

_OWN: dict[str, type[System]] = {  # by their names on the command line
    "ariigcn": ARIIGCN,
    "bc-lstm": BcLSTM,
    "bc-lstm-att": BcLSTMAttention,
    "bigru": BiGRU,
    "c-mfn": CMFN,
    "ct-net": CTNet,
    "dialogue-gcn": DialogueGCN,
    "dialogue-rnn": DialogueRNN,
    "graphsmile": GraphSmile,
    "lr-gcn": LRGCN,
    "m3net": M3NET,
    "mlp": MLP,
    "mmgcn": MMGCN,
    "sdt": SDT,
    "textcnn": UtteranceTextCNN,
}
SYSTEMS = Registry("system", System, _OWN)

__all__ = [
    "ARIIGCN",
    "CMFN",
    "LRGCN",
    "M3NET",
    "MLP",
    "MMGCN",
    "SDT",
    "SYSTEMS",
    "ARIIGCNConfig",
    "BcLSTM",
    "BcLSTMAttention",
    "BcLSTMAttentionConfig",
    "BcLSTMConfig",
    "BiGRU",
    "BiGRUConfig",
    "CMFNConfig",
    "CTNet",
    "CTNetConfig",
    "DialogueGCN",
    "DialogueGCNConfig",
    "DialogueRNN",
    "DialogueRNNConfig",
    "GraphSmile",
    "GraphSmileConfig",
    "LRGCNConfig",
    "M3NETConfig",
    "MLPConfig",
    "MMGCNConfig",
    "SDTConfig",
    "System",
    "TextCNNConfig",
    "UtteranceTextCNN",
]
