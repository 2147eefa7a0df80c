"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN, ARIIGCNConfig

__all__ = ["ARIIGCN", "ARIIGCNConfig"]
