"""bc-LSTM (Poria 2017): a bidirectional LSTM over the utterances of a dialogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.limits import Fraction, PositiveInt
from ariigcn_dgl.models.system import System, concatenate, zero_where_missing
from ariigcn_dgl.nn import FUSIONS, DialogueAttention, DialogueLSTM
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn.fusion import FusionName


@dataclass(frozen=True)
class BcLSTMConfig:
    """Settings of bc-LSTM, and of bc-LSTM+Att; the defaults are the published ones for IEMOCAP.

    Parameters
    ----------
    hidden_dim : int
        Width of each LSTM, per direction.
    num_layers : int
        Layers of the LSTM over the dialogue, or of those over each modality (`modalities`).
    head_dim : int
        Width of the classifier's hidden layer.
    dropout : float
        Dropout between the LSTM's layers and in the classifier.
    attention : bool
        Attend over the dialogue's states before the classifier (bc-LSTM+Att).
    modalities : {"features", "projected", "hierarchical"}
        What the LSTM over the dialogue reads: all features side by side; a linear map of each
        modality, then `fusion`; or, as in the original paper, the states of one LSTM per modality,
        then `fusion`, with one layer over the dialogue.
    fusion_dim : int
        Width of the linear map of each modality, for "projected".
    fusion : {"concatenate", "add", "tfn", "lfm"}
        How modalities are fused, for "projected" and "hierarchical"; names of `ariigcn_dgl.nn`'s
        `FUSIONS`.
    bidirectional : bool
        Read the dialogue from its end as well; False: an utterance sees its past only.
    """

    hidden_dim: PositiveInt = 100
    num_layers: PositiveInt = 2
    head_dim: PositiveInt = 100
    dropout: Fraction = 0.25
    attention: bool = False
    modalities: Literal["features", "projected", "hierarchical"] = "features"
    fusion_dim: PositiveInt = 100
    fusion: FusionName = "concatenate"
    bidirectional: bool = True

    @property
    def states_dim(self) -> int:
        """Width of an LSTM's states, of both directions together."""
        return self.hidden_dim * (2 if self.bidirectional else 1)


@dataclass(frozen=True)
class BcLSTMAttentionConfig(BcLSTMConfig):  # noqa: D101  (has the docstring of its base)
    __doc__ = BcLSTMConfig.__doc__

    attention: bool = True


class BcLSTM(System):
    """bc-LSTM: the contextual LSTM of Poria 2017.

    Sizes and training are those of github.com/declare-lab/conv-emotion, which lets the LSTM run
    over padding; here there is none. The original trains its hierarchical form in two stages, each
    modality's LSTM with a classifier of its own first; here all of it is trained at once. Where the
    model is not bidirectional, the attention sees the past only.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : BcLSTMConfig
        Sizes, and what the LSTM reads.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> model = BcLSTM(data.widths, data.num_classes, BcLSTMConfig())
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = BcLSTMConfig
    parallel = True
    exportable = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=60,
        batch_size=32,
        learning_rate=1e-4,
        patience=60,  # all epochs: there is no early stopping
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: BcLSTMConfig) -> None:
        super().__init__(widths, num_classes, config)
        kinds: dict[str, type[_Inputs]] = {
            "features": _Features,
            "projected": _Projected,
            "hierarchical": _Hierarchical,
        }
        self.inputs = kinds[config.modalities](widths, config)
        states = config.states_dim
        num_layers = 1 if config.modalities == "hierarchical" else config.num_layers
        self.dialogue = DialogueLSTM(
            self.inputs.out_feats, states, num_layers, config.dropout, config.bidirectional
        )
        self.attention = (
            DialogueAttention(states, past_only=not config.bidirectional)
            if config.attention
            else None
        )
        self.head = nn.Sequential(
            nn.Linear(states, config.head_dim),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(config.head_dim, num_classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        states = self.dialogue(self.inputs(batch), batch.lengths)
        if self.attention is not None:
            states = self.attention(states, batch.lengths)
        return self.head(states)


class BcLSTMAttention(BcLSTM):
    """bc-LSTM+Att: `BcLSTM`, with attention by default."""

    Config = BcLSTMAttentionConfig


class _Inputs(nn.Module):
    """Makes of a batch what the LSTM over the dialogue reads, (N, out_feats)."""

    out_feats: int

    def __init__(self, widths: Mapping[str, int], config: BcLSTMConfig) -> None:
        super().__init__()  # one signature for all three kinds: `BcLSTM` chooses by name


class _Features(_Inputs):
    def __init__(self, widths: Mapping[str, int], config: BcLSTMConfig) -> None:
        super().__init__(widths, config)
        self.out_feats = sum(widths.values())

    def forward(self, batch: Batch) -> Tensor:
        return concatenate(batch)


class _Projected(_Inputs):
    def __init__(self, widths: Mapping[str, int], config: BcLSTMConfig) -> None:
        super().__init__(widths, config)
        dim = config.fusion_dim
        self.maps = nn.ModuleDict({m: nn.Linear(width, dim) for m, width in widths.items()})
        self.fusion = FUSIONS[config.fusion](dim, len(widths))
        self.out_feats = self.fusion.out_feats

    def forward(self, batch: Batch) -> Tensor:
        features = zero_where_missing(batch)
        # Zero again after the map, whose bias makes something of nothing.
        projected = [zero_missing(f(features[m]), batch.masks[m]) for m, f in self.maps.items()]
        return self.fusion(torch.stack(projected))


class _Hierarchical(_Inputs):
    def __init__(self, widths: Mapping[str, int], config: BcLSTMConfig) -> None:
        super().__init__(widths, config)
        dim = config.states_dim
        sizes = (dim, config.num_layers, config.dropout, config.bidirectional)
        self.lstms = nn.ModuleDict({m: DialogueLSTM(w, *sizes) for m, w in widths.items()})
        self.fusion = FUSIONS[config.fusion](dim, len(widths))
        self.out_feats = self.fusion.out_feats

    def forward(self, batch: Batch) -> Tensor:
        features = zero_where_missing(batch)
        states = [lstm(features[m], batch.lengths) for m, lstm in self.lstms.items()]
        return self.fusion(torch.stack(states))
