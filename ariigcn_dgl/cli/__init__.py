"""The command line: ``ariigcn train | evaluate | predict | data | info``."""

from ariigcn_dgl.cli.main import main

__all__ = ["main"]
