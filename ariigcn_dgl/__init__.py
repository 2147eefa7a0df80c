"""Emotion recognition in conversation on graphs: AR-IIGCN on PyTorch and DGL.

Load, train, score and predict with `load_dialogues`, `fit` and `Ensemble` (docs/python.md).
`ariigcn_dgl.data` reads and makes dialogues, `graph` connects them, `ops` holds the native
operators, `nn` the layers and losses, `models` the complete systems, `training` the protocol.
Importing the package imports neither torch nor DGL, but makes PyPI's DGL 2.1.0 work on today's
torch when it is imported: by ``from ariigcn_dgl import dgl``, or by ``import dgl`` from then on.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ariigcn_dgl._dgl import import_dgl
from ariigcn_dgl._interpreter import refuse_subinterpreter

if TYPE_CHECKING:
    import dgl as dgl

    from ariigcn_dgl.bundle.ensemble import load_bundle as load_bundle
    from ariigcn_dgl.conversation.lines import label_lines as label_lines
    from ariigcn_dgl.data import Dialogues as Dialogues
    from ariigcn_dgl.data import SynthConfig as SynthConfig
    from ariigcn_dgl.data import dialogues_from_arrays as dialogues_from_arrays
    from ariigcn_dgl.data import dialogues_from_pandas as dialogues_from_pandas
    from ariigcn_dgl.data import load_dialogues as load_dialogues
    from ariigcn_dgl.data import synthesise as synthesise
    from ariigcn_dgl.errors import InputError as InputError
    from ariigcn_dgl.training.callbacks import Epoch as Epoch
    from ariigcn_dgl.training.callbacks import Logger as Logger
    from ariigcn_dgl.training.callbacks import StopTraining as StopTraining
    from ariigcn_dgl.training.ensemble import Ensemble as Ensemble
    from ariigcn_dgl.training.fit_run import fit as fit
    from ariigcn_dgl.training.session import Session as Session
    from ariigcn_dgl.training.session import Utterance as Utterance
    from ariigcn_dgl.training.tensorboard import TensorBoard as TensorBoard
    from ariigcn_dgl.training.trained import TrainedRun as TrainedRun

refuse_subinterpreter()

__version__ = version("ariigcn_dgl")

# The Python face, by the module of each name: imported when it is asked for.
_MODULES = {
    "Dialogues": "data",
    "Ensemble": "training.ensemble",
    "Epoch": "training.callbacks",
    "InputError": "errors",
    "Logger": "training.callbacks",
    "Session": "training.session",
    "StopTraining": "training.callbacks",
    "SynthConfig": "data",
    "TensorBoard": "training.tensorboard",
    "TrainedRun": "training.trained",
    "Utterance": "training.session",
    "dialogues_from_arrays": "data",
    "dialogues_from_pandas": "data",
    "fit": "training.fit_run",
    "label_lines": "conversation.lines",
    "load_bundle": "bundle.ensemble",
    "load_dialogues": "data",
    "synthesise": "data",
}


def __getattr__(name: str) -> Any:
    if name == "dgl":
        return import_dgl()
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
