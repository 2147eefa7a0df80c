"""Complete systems."""

from ariigcn_dgl.models.ariigcn import ARIIGCN
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig
from ariigcn_dgl.models.system import System

SYSTEMS: dict[str, type[System]] = {"ariigcn": ARIIGCN}  # by their names on the command line

__all__ = ["ARIIGCN", "SYSTEMS", "ARIIGCNConfig", "System"]
