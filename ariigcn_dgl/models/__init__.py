"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig

__all__ = ["ARIIGCN", "ARIIGCNConfig"]
