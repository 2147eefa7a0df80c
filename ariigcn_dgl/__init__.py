"""Emotion recognition in conversation on graphs: AR-IIGCN on PyTorch and DGL.

`ariigcn_dgl.data` reads and makes dialogues, `graph` connects them, `ops` holds the native
operators, `nn` the layers and losses, `models` the complete systems, `training` the protocol.
Importing the package makes PyPI's DGL 2.1.0 work on today's torch.
"""

from importlib.metadata import version

from ariigcn_dgl import _dgl  # noqa: F401  (before anything else imports DGL)

__version__ = version("ariigcn_dgl")
