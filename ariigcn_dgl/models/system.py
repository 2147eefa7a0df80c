"""What training and scoring need of a complete system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, in_order
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.data.views import in_words
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.graph import speaker_numbers
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.models.objective import Known, Objective, cross_entropy
from ariigcn_dgl.transfer import send

# Width of each view of the text; a setting of this type and name `System.resolved` fills in.
TextViews = Annotated[
    tuple[int, ...], Limit("widths of at least 1", lambda value: min(value, default=1) >= 1)
]


class Stream(Protocol):
    """Reads one conversation, utterance by utterance."""

    def add(self, utterance: Batch) -> Tensor:
        """Return the logits, (C,), of the next utterance.

        Its time and memory do not depend on how many were added before.

        Parameters
        ----------
        utterance : Batch
            Of one utterance; its speaker is numbered by first appearance in the conversation.
        """


class System(nn.Module):
    """A model that labels utterances, constructed from feature widths, classes and settings.

    Subclasses set `Config`, take ``(widths, num_classes, config)``, and define `forward`; those
    with more than a cross entropy define `losses`, those with a GAN `encoded`,
    `generator_loss`, `discriminator_loss` and `discriminator_parameters`, those that can do without
    the future `stream`.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : dataclass
        Of the subclass's type `Config`. With a setting ``text_views: TextViews = ()`` the system
        learns of the views of the text; the others take them as one, side by side.

    Raises
    ------
    InputError
        If the views do not add up to the width of the text.

    Attributes
    ----------
    text_views : tuple of int
        Width of each view of the text, for `ariigcn_dgl.data.split_views`; one if there is nothing
        to divide, none without text.
    objective : Objective or None
        What the outputs mean where they are not the logits of C classes and nothing else; then
        `num_classes` was its width.
    """

    Config: ClassVar[type]  # its defaults are the published sizes
    published: ClassVar[TrainingConfig] = TrainingConfig()  # how its authors trained it
    capturable: ClassVar[bool] = False  # its step reads nothing but tensors: `CapturedUpdate`
    # Its losses of several processes' shares add up to that of all: `ariigcn_dgl.distributed`.
    parallel: ClassVar[bool] = False
    # Made of layers that `ariigcn_dgl.export` has twins of, and of plain torch.
    exportable: ClassVar[bool] = False

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: Any) -> None:
        super().__init__()
        self.config = config
        self.text_views = _text_views(widths, config)
        self.objective: Objective | None = None

    @classmethod
    def classes_only(cls, config: Any) -> str:
        """Return why a model of these settings learns nothing but classes; "" if any target.

        Parameters
        ----------
        config : dataclass
            Of type `Config`.
        """
        return "" if cls.losses is System.losses else "its training loss is one of classes"

    @classmethod
    def resolved(cls, config: Any, dialogues: Dialogues) -> Any:
        """Return settings of type `Config` with those that depend on the data filled in."""
        if hasattr(config, "window"):
            config = replace(config, window=config.window.resolved(dialogues.most_speakers))
        # What is resolved stays as it is: a run's settings say what its weights were made for.
        if getattr(config, "text_views", None) == () and "text" in dialogues.features:
            config = replace(config, text_views=dialogues.view_widths("text"))
        return config

    @property
    def window(self) -> Window:
        """The graph of the batches; a system without one gets self-loops only."""
        return getattr(self.config, "window", Window(past=0, future=0))

    @property
    def device(self) -> torch.device:
        """Where the parameters are, and batches must be."""
        return next(self.parameters()).device

    @property
    def training_only(self) -> Sequence[nn.Module]:
        """Parts that `forward` never runs, such as a GAN: what a trained model would not miss."""
        return ()

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C), or the outputs of an `Objective`."""
        raise NotImplementedError

    def stream(self) -> Stream:
        """Return a reader of a conversation that is still going on, for evaluation mode.

        Raises
        ------
        InputError
            If the model looks ahead.
        """
        raise InputError(
            "this run's system reads whole dialogues: for a conversation that is still going on "
            "train --system ariigcn with --model.causal true, bigru with it, or mlp"
        )

    def losses(
        self, batch: Batch, class_weight: Tensor | None = None, encoded: Any = None
    ) -> dict[str, Tensor]:
        """Return the weighted terms of the training loss; their sum is minimised.

        Parameters
        ----------
        batch : Batch
            Of at least one utterance.
        class_weight : (C,) tensor, optional
            Weights of the classes in the cross entropy.
        encoded
            Of a system with a GAN: what `encoded` returned for the batch.
        """
        return self.supervised(self(batch), batch, class_weight)

    def supervised(
        self, outputs: Tensor, batch: Known, class_weight: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted loss of each target, of outputs (N, C), by the term's name.

        Parameters
        ----------
        outputs : (N, C) tensor
        batch : Batch or Truth
            Of these utterances.
        class_weight : (C,) tensor, optional
            As of `losses`.
        """
        if self.objective is None:
            return {"classification": cross_entropy(outputs, batch.labels, class_weight)}
        return self.objective.losses(outputs, batch, class_weight)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return what outputs, (N, C), say: class probabilities, or as of `Objective.answers`."""
        return outputs.softmax(-1) if self.objective is None else self.objective.answers(outputs)

    def encoded(self, batch: Batch) -> Any:
        """Return what all losses of a system with a GAN begin with; each takes it back."""
        raise NotImplementedError

    def generator_loss(self, batch: Batch, encoded: Any = None) -> Tensor:
        """Return the generators' loss alone, of a system with a GAN."""
        raise NotImplementedError

    def discriminator_loss(self, batch: Batch, encoded: Any = None) -> Tensor:
        """Return the discriminators' loss, of a system with a GAN."""
        raise NotImplementedError

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters that only `discriminator_loss` trains."""
        return iter(())


def _text_views(widths: Mapping[str, int], config: Any) -> tuple[int, ...]:
    views = getattr(config, "text_views", ())
    width = widths.get("text", 0)
    if views and sum(views) != width:
        raise InputError(
            f"--model.text_views: are {in_words(views)} wide, but the text has {width} columns; "
            "leave the option out to have those of the data set"
        )
    return views or ((width,) if width else ())


def known_lengths(batch: Batch) -> Tensor:
    """Return the utterances in each dialogue, (B,); of a batch where they may be depended on."""
    if batch.lengths is None:
        raise ValueError("batch.lengths: expected a tensor, got None: this reads whole dialogues")
    return batch.lengths


def speaker_rows(batch: Batch, num_speakers: int) -> Tensor:
    """Return the row of each utterance's speaker in a table of embeddings, (N,).

    Speakers are numbered within each dialogue by first appearance; those beyond `num_speakers`
    share the last row.
    """
    # On the CPU, where counting waits for nobody.
    numbers = speaker_numbers(batch.on_cpu.speakers, known_lengths(batch))
    return send([numbers.clamp(max=num_speakers - 1)], batch.speakers.device)[0]


def concatenate(batch: Batch) -> Tensor:
    """Return all modalities side by side, (N, sum of D_m), in the order of `in_order`.

    A missing modality counts as zeros, whatever stands in its rows. A system over it has input
    width ``sum(widths.values())``.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> batch = collate(data, [0, 1], Window(past=0, future=0))
    >>> concatenate(batch).shape == (len(batch.labels), sum(data.widths.values()))
    True
    """
    features = zero_where_missing(batch)
    return torch.cat([features[name] for name in in_order(features)], dim=1)


def zero_where_missing(batch: Batch) -> dict[str, Tensor]:
    """Return the features of each modality, (N, D_m), zero in rows where it is missing."""
    return {name: zero_missing(x, batch.masks[name]) for name, x in batch.features.items()}
