"""Emotion recognition in conversation on graphs: AR-IIGCN on PyTorch and DGL.

`ariigcn_dgl.data` reads and makes dialogues, `graph` connects them, `ops` holds the native
operators, `nn` the layers and losses, `models` the complete systems, `training` the protocol.
Importing the package imports neither torch nor DGL, but makes PyPI's DGL 2.1.0 work on today's
torch when it is imported: by ``from ariigcn_dgl import dgl``, or by ``import dgl`` from then on.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ariigcn_dgl._dgl import import_dgl
from ariigcn_dgl._interpreter import refuse_subinterpreter

if TYPE_CHECKING:
    import dgl as dgl

refuse_subinterpreter()

__version__ = version("ariigcn_dgl")


def __getattr__(name: str) -> Any:
    if name == "dgl":
        return import_dgl()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
