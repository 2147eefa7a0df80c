"""C-MFN (Hasan 2019): a memory fusion network over a sentence's words, begun with its context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ariigcn_dgl import distributed
from ariigcn_dgl.batch import Batch, Truth
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, check_aligned
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.limits import EvenInt, Fraction, NotNegativeFloat, PositiveInt
from ariigcn_dgl.models._sentences import (
    Sentences,
    aligned,
    gathered,
    last_state,
    sentences_before,
)
from ariigcn_dgl.models.objective import MultilabelPairs, PairChoice, RegressionPairs
from ariigcn_dgl.models.system import System
from ariigcn_dgl.nn import (
    AdversarialContrastive,
    MemoryFusion,
    ModalityEncoder,
    SentenceContext,
)
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.ops import ContrastForm
from ariigcn_dgl.transfer import send_rows


@dataclass(frozen=True)
class CMFNConfig:
    """Settings of `CMFN`.

    Parameters
    ----------
    sees : {"both", "punchline", "context"}
        What the decision is made of: the sentence and those before it; the sentence alone, C-MFN
        (P); or those before it alone, C-MFN (C).
    max_words : int
        Words of a sentence that are read, from its first.
    max_context : int
        Sentences before the one that are read, up to it.
    text_dim : int
        Width of the LSTMs of the text.
    other_dim : int
        Width of the LSTMs of every other modality.
    memory_dim : int
        Width of the memory.
    attention_dim : int
        Hidden width of the memory's attention and gates, and of the classifier.
    transformer_dim : int
        Width of the Transformer over the sentences before.
    num_heads : int
        Heads of that Transformer; divides its width.
    num_layers : int
        Blocks of that Transformer.
    dropout : float
        Dropout in all parts.
    blocks : bool
        Train the states of sentences by TGAN, ICCL and IMCL, too, and let memory and classifier
        read them.
    block_dim : int
        Common width of the modalities' states, with `blocks`.
    adversarial_weight : float
        Weight of the generators' loss; 0 leaves the TGAN out.
    iccl_weight : float
        Weight of the ICCL loss; 0 leaves it out.
    imcl_weight : float
        Weight of the IMCL loss; 0 leaves it out.
    contrast : {"ratio", "infonce", "supcon"}
        Form of ICCL and IMCL.
    margin : float
        Similarity wanted across modalities.
    multilabel_pairs : {"each", "set"}
        With `blocks`, of several labels: which utterances are of the same class to ICCL and IMCL,
        each label by itself or the whole set.
    regression_pairs : {"bins", "overlapping-bins"}
        Of numbers: those in one bin of the range, or in one of two grids of bins.
    regression_bins : int
        Number of these bins.
    """

    sees: Literal["both", "punchline", "context"] = "both"
    max_words: PositiveInt = 20  # of the released loader, as `max_context`
    max_context: PositiveInt = 5
    # The widths were drawn at random by a public re-implementation, from 32 to 256 for text, 8 to
    # 80 for the others, 64 to 400 for the memory; the paper prints none.
    text_dim: PositiveInt = 128
    other_dim: PositiveInt = 64
    memory_dim: PositiveInt = 128
    attention_dim: PositiveInt = 128
    transformer_dim: EvenInt = 512
    num_heads: PositiveInt = 8
    num_layers: PositiveInt = 6
    dropout: Fraction = 0.2
    blocks: bool = False
    block_dim: PositiveInt = 128
    adversarial_weight: NotNegativeFloat = 0.1
    iccl_weight: NotNegativeFloat = 0.1
    imcl_weight: NotNegativeFloat = 0.1
    contrast: ContrastForm = "supcon"
    margin: float = 0.5
    multilabel_pairs: MultilabelPairs = "each"
    regression_pairs: RegressionPairs = "bins"
    regression_bins: PositiveInt = 7

    @property
    def adversarial(self) -> str:
        """When the blocks' GAN trains: in turns with everything else, or not at all."""
        return "alternate" if self.blocks and self.adversarial_weight else "off"

    @property
    def discriminator_rate(self) -> float:
        """Learning rate of the discriminators, relative to that of everything else."""
        return 1.0


class CMFN(System):
    """C-MFN: the contextual memory fusion network of Hasan 2019 (UR-FUNNY).

    Every utterance is decided on from its words and the sentences before it in the dialogue; in a
    set of punch lines only these have a label, and only utterances of which something is known are
    computed in training. Words of the modalities are aligned; a modality of vectors is a sequence
    of one row, and beside sequences one row that every word has. An LSTM reads each sentence,
    `SentenceContext` those before, `MemoryFusion` the words of the sentence. The paper has one
    output and a binary cross entropy, this as many as classes, which for two classes is the same.
    Padding is never read, nor does an LSTM begin with it.

    With `blocks`, as AR-IIGCN's paper reports but does not describe: states of all sentences are
    projected to one width and trained by a TGAN against the means of their words, those of labelled
    sentences (with `sees` "context" the means of the states before) by ICCL and IMCL; the context
    is made of the projected states, and the classifier reads them, too. Nothing that `sees` leaves
    out is in any loss.

    Parameters
    ----------
    widths : mapping of str to int
        Width of the words' features in each modality.
    num_classes : int
        Number of classes C.
    config : CMFNConfig
        Sizes and variants.

    Raises
    ------
    InputError
        If sequences of two modalities are of different lengths.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> model = CMFN(data.widths, data.num_classes, CMFNConfig(num_layers=1, sees="punchline"))
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = CMFNConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=15, batch_size=128, learning_rate=1e-3, weight_decay=0.0
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: CMFNConfig) -> None:
        super().__init__(widths, num_classes, config)
        dims = {m: config.text_dim if m == "text" else config.other_dim for m in widths}
        self.modalities = tuple(widths)
        reads_sentences = config.sees != "punchline" or config.blocks
        self.sentence = nn.ModuleDict(
            {m: nn.LSTM(w, dims[m], batch_first=True) for m, w in widths.items() if reads_sentences}
        )
        self.encode: ModalityEncoder | None = None
        self.blocks: AdversarialContrastive | None = None
        state_dims = dims
        if config.blocks:
            self.encode = ModalityEncoder(dims, config.block_dim, config.dropout)
            state_dims = dict.fromkeys(dims, config.block_dim)
            self.blocks = AdversarialContrastive(
                widths,
                config.block_dim,
                adversarial_weight=config.adversarial_weight,
                iccl_weight=config.iccl_weight,
                imcl_weight=config.imcl_weight,
                form=config.contrast,
                margin=config.margin,
            )
        self.context = (
            SentenceContext(
                state_dims,
                dims,
                config.memory_dim,
                config.max_context,
                config.transformer_dim,
                config.num_heads,
                config.num_layers,
                config.dropout,
            )
            if config.sees != "punchline"
            else None
        )
        self.memory = MemoryFusion(
            widths, dims, config.memory_dim, config.attention_dim, config.dropout
        )
        read = self.memory.out_feats + (len(widths) * config.block_dim if config.blocks else 0)
        self.head = nn.Sequential(
            nn.Linear(read, config.attention_dim),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(config.attention_dim, num_classes),
        )

    @classmethod
    def resolved(cls, config: CMFNConfig, dialogues: Dialogues) -> CMFNConfig:
        """Return the settings, where the words of the modalities are aligned."""
        check_aligned(dialogues, list(dialogues.features), dialogues.name)
        return super().resolved(config, dialogues)

    @classmethod
    def classes_only(cls, config: CMFNConfig) -> str:
        """Return why a model of these settings learns nothing but classes; "" if any target."""
        return "" if cls.losses is CMFN.losses else super().classes_only(config)

    @property
    def training_only(self) -> Sequence[nn.Module]:
        """The blocks' generators and discriminators."""
        return () if self.blocks is None else (self.blocks,)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        rows = torch.arange(len(batch.labels), device=batch.labels.device)
        sentences = self.encoded(batch)
        return self._decide(sentences, rows, self._unit_states(sentences, rows))

    def losses(
        self,
        batch: Batch,
        class_weight: Tensor | None = None,
        encoded: Sentences | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss of the labelled utterances, and the blocks' losses.

        See `System.losses` for the parameters.
        """
        sentences = self.encoded(batch) if encoded is None else encoded
        rows = send_rows(batch.on_cpu.labelled, batch.labels.device)
        rows = rows if len(rows) else rows.new_zeros(1)  # any: attention takes no empty batch
        truth = batch.truth.rows(rows)
        units = self._unit_states(sentences, rows)
        terms = self.supervised(self._decide(sentences, rows, units), truth, class_weight)
        if self.blocks is None or units is None:
            return terms
        # The pairs of all processes' rows.
        units = distributed.gathered(units, 1)
        keys = distributed.gathered(self._contrast_keys(truth), -1)
        present = dict(zip(self.modalities, units.detach().any(-1), strict=True))
        contrasts = self.blocks.contrast_terms(units, keys, present)
        terms |= {name: distributed.share(loss) for name, loss in contrasts.items()}
        return terms | self.blocks.generator_terms(
            self._stacked(sentences), self._shown_masks(batch, sentences)
        )

    def encoded(self, batch: Batch) -> Sentences:
        """Return the sentences' words and states, which all losses begin with."""
        words, exists = aligned(batch, self.modalities, self.config.max_words)
        states: dict[str, Tensor] = {}
        if self.sentence:
            states = {m: last_state(f, words[m], exists[m]) for m, f in self.sentence.items()}
        if self.encode is not None:
            projected = zero_missing(self.encode(states), batch.present(self.modalities))
            states = dict(zip(self.modalities, projected, strict=True))
        return Sentences(words, exists, states, sentences_before(batch, self.config.max_context))

    def generator_loss(self, batch: Batch, encoded: Sentences | None = None) -> Tensor:
        """Return the generators' loss alone, as weighted."""
        sentences = self.encoded(batch) if encoded is None else encoded
        masks = self._shown_masks(batch, sentences)
        return self._existing_blocks().generator_terms(self._stacked(sentences), masks)["generator"]

    def discriminator_loss(self, batch: Batch, encoded: Sentences | None = None) -> Tensor:
        """Return the discriminators' loss; what is real are the means of sentences' words."""
        if encoded is None:
            with torch.no_grad():
                encoded = self.encoded(batch)
        masks = self._shown_masks(batch, encoded)
        raw = {m: batch.features[m] for m in self.modalities}
        return self._existing_blocks().discriminator_loss(raw, self._stacked(encoded), masks)

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters that `discriminator_loss` trains; no other loss does."""
        return iter(()) if self.blocks is None else self.blocks.discriminator_parameters()

    def _contrast_keys(self, truth: Truth) -> Tensor:
        """Return what "same class" means, (N,), or (Q, N) in Q ways; -1 for no pair."""
        if self.objective is None:
            return truth.labels
        config = self.config
        pairs = PairChoice(config.multilabel_pairs, config.regression_pairs, config.regression_bins)
        return self.objective.keys(truth, pairs)

    def _existing_blocks(self) -> AdversarialContrastive:
        if self.blocks is None:
            raise ValueError("there is no TGAN: blocks is False")
        return self.blocks

    def _stacked(self, sentences: Sentences) -> Tensor:
        return torch.stack([sentences.states[m] for m in self.modalities])

    def _decide(self, sentences: Sentences, rows: Tensor, units: Tensor | None) -> Tensor:
        """Return the logits of some utterances, (B, C)."""
        cells = memory = None
        if self.context is not None:
            before, exists = gathered(sentences, rows)
            cells, memory = self.context(before, exists)
        if self.config.sees == "context":  # one word of zeros: not even the length is told
            words = {m: x.new_zeros(len(rows), 1, x.size(2)) for m, x in sentences.words.items()}
            read = dict.fromkeys(words, rows.new_ones(len(rows), 1, dtype=torch.bool))
        else:
            words = {m: x[rows] for m, x in sentences.words.items()}
            read = {m: x[rows] for m, x in sentences.exists.items()}
        parts = list(self.memory(words, read, cells, memory))
        if units is not None:
            parts.append(units.transpose(0, 1).flatten(1))
        return self.head(torch.cat(parts, 1))

    def _unit_states(self, sentences: Sentences, rows: Tensor) -> Tensor | None:
        """Return what the blocks contrast and the classifier reads, (M, B, D); None without."""
        if self.blocks is None:
            return None
        if self.config.sees != "context":
            return self._stacked(sentences)[:, rows]
        before, exists = gathered(sentences, rows)
        count = exists.sum(1, keepdim=True).clamp(min=1)
        return torch.stack([before[m].sum(1) / count for m in self.modalities])

    def _shown_masks(self, batch: Batch, sentences: Sentences) -> dict[str, Tensor]:
        """Return where the GAN looks: what is there of sentences that decisions are made of."""
        labelled = batch.labelled
        shown = torch.zeros_like(labelled) if self.config.sees == "context" else labelled
        if self.config.sees != "punchline":
            before = torch.where(labelled.unsqueeze(1), sentences.before, -1)
            marks = labelled.new_zeros(len(labelled) + 1)  # the last one: no sentence
            shown = shown | marks.index_fill(0, before.flatten(), True)[:-1]
        return {m: batch.masks[m] & shown for m in self.modalities}
