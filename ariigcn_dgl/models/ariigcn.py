"""AR-IIGCN (arXiv 2312.16778): an adversarial, contrastive graph network for emotions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.batch.window import ModalWindow
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import MODALITIES, Dialogues, in_order
from ariigcn_dgl.data.dialogues import UNLABELLED
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.distributed import gathered, share
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models.ariigcn_config import ARIIGCNConfig
from ariigcn_dgl.models.objective import PairChoice, cross_entropy
from ariigcn_dgl.models.system import System
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.nn import (
    FUSIONS,
    LOSSES,
    DialogueContext,
    EmotionInferenceSubnetwork,
    ICCLLoss,
    IMCLLoss,
    InstanceContrast,
    ModalityClassifiers,
    ModalityEncoder,
    RelationalGraph,
    SCCLLoss,
    Seen,
    SpeakerRelative,
    TriModalGAN,
    vad_prototypes,
)
from ariigcn_dgl.nn._side_by_side import run_side_by_side

# What a record of an epoch has beside the losses of others, whether or not they are on.
_NAMES_OF_TERMS = ("discriminator", "epoch")


class Encoded(NamedTuple):
    """A batch after the encoders, (M, N, D), and after the generators, if they have run."""

    projected: Tensor
    fakes: dict[str, Tensor] | None = None


class ARIIGCN(System):
    """AR-IIGCN: encoders, TGAN, relational graph convolutions, contrast, classifier.

    With one modality the TGAN and the IMCL loss are undefined and left out.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : ARIIGCNConfig
        Resolved: its window has no "auto".

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import Window, collate
    >>> data, config = synthesise(SynthConfig()), ARIIGCNConfig(hidden_dim=16, window=Window())
    >>> model = ARIIGCN(data.widths, data.num_classes, config)
    >>> batch = collate(data, [0, 1], config.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = ARIIGCNConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(batch_size=32)  # as printed (IV-F)
    capturable = True
    exportable = True

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: ARIIGCNConfig) -> None:
        super().__init__(widths, num_classes, config)
        if config.causal and config.window.future:  # `resolved` has made it 0: made by hand
            raise ValueError(f"causal: window.future must be 0, got {config.window.future}")
        if config.feed_graph != "projected" and config.gan_real != "projected":
            raise ValueError(
                f"feed_graph is {config.feed_graph!r}, which needs fakes as wide as the graph's "
                "nodes: gan_real must be 'projected'"
            )
        modalities, dim = len(widths), config.hidden_dim
        self.modalities = tuple(widths)
        self.speaker_relative = SpeakerRelative(config.causal)
        # Beside these modalities stands their difference from the speaker's mean, as wide again.
        input_widths = {m: w * (1 + (m in config.speaker_relative)) for m, w in widths.items()}
        self.encoder = ModalityEncoder(
            input_widths, dim, config.encoder_dropout, config.input_dropout
        )
        multimodal = modalities > 1  # one alone has no others to be made from or compared with
        self.gan = (
            TriModalGAN(
                widths,
                dim,
                gan_loss=config.gan_loss,
                sources=config.gan_sources,
                real=config.gan_real,
                paired=config.gan_paired,
            )
            if multimodal and config.adversarial != "off"
            else None
        )
        self.context = (
            DialogueContext(
                dim, modalities, config.graph_dropout, config.context_dropout, not config.causal
            )
            if config.context == "gru"
            else None
        )
        self.graph = (
            RelationalGraph(
                dim,
                self.window.num_rels,
                modalities,
                config.residual,
                config.graph_dropout,
                cross_modal=self.crosses,
                norm=config.graph_norm,
                second_norm=config.second_norm,
                num_blocks=config.graph_blocks,
            )
            if config.graph
            else None
        )
        contrasts = config.projection_dim and (config.iccl_weight or config.imcl_weight)
        self.projections = nn.ModuleList(
            [_projection(dim, config.projection_dim) for _ in widths if contrasts]
        )
        self.iccl = ICCLLoss(
            config.contrast, config.temperature, config.regularise, config.similarity
        )
        self.imcl = IMCLLoss(
            config.imcl_pairs,
            config.contrast,
            config.temperature,
            config.margin,
            config.margin_mode,
            config.similarity,
        )
        self.iccl_weight = config.iccl_weight
        self.imcl_weight = config.imcl_weight if multimodal else 0.0
        self.instance = InstanceContrast(config.temperature)
        self.instance_weight = config.instance_weight if multimodal else 0.0
        # What the graph blurs, the classifier still sees.
        self.skip = config.graph and config.residual == "norm"
        width = dim * (2 if self.skip else 1)
        self.fusion = FUSIONS[config.fusion](width, modalities)
        self.head = EmotionInferenceSubnetwork(
            self.fusion.out_feats, num_classes, config.head_dim, config.head_dropout
        )
        self.modality_heads = (
            ModalityClassifiers(width, num_classes, modalities, config.head_dropout)
            if config.auxiliary_weight
            else None
        )
        # SCL is ICCL of a single modality, the fused one.
        self.scl = ICCLLoss("supcon", config.temperature, regularise=False)
        self.sccl = _sccl(self.fusion.out_feats, num_classes, config)
        # A list, as names of modules are no names of parts of a module.
        self.own = nn.ModuleList(
            [LOSSES[name](self.fusion.out_feats, num_classes) for name in config.losses]
        )

    @property
    def training_only(self) -> Sequence[nn.Module]:
        """The contrast's projections, losses of others; the TGAN, unless it feeds the graph."""
        if self.gan is None:
            return [self.projections, self.own]
        fed = self.config.feed_graph != "projected"
        return [self.projections, self.own, self.gan.discriminators if fed else self.gan]

    @property
    def crosses(self) -> bool:
        """Whether the graph's nodes are (utterance, modality)."""
        config = self.config  # one modality has no others that its messages could cross to
        return config.graph and config.cross_modal != "none" and len(self.modalities) > 1

    @classmethod
    def classes_only(cls, config: ARIIGCNConfig) -> str:
        """Return why a model of these settings learns nothing but classes; "" if any target."""
        if cls.losses is not ARIIGCN.losses:  # of a subclass, which may know no targets
            return super().classes_only(config)
        if config.sccl_weight:
            return "--model.sccl_weight is of a contrast of classes with prototypes"
        return "--model.losses are of classes" if config.losses else ""

    @property
    def window(self) -> Window:
        """The graph of the batches."""
        if not self.crosses:
            return self.config.window
        return ModalWindow.of(self.config.window, self.modalities, self.config.cross_modal)

    @classmethod
    def resolved(cls, config: ARIIGCNConfig, dialogues: Dialogues) -> ARIIGCNConfig:
        """Return the settings with the graph's window and the labels' prototypes filled in."""
        config = super().resolved(config, dialogues)
        known = in_order([*MODALITIES, *dialogues.features])
        for name in config.speaker_relative:
            if name not in known:  # one of the usual three may be missing, this is a typo
                raise InputError(
                    f"--model.speaker_relative: is {name!r}, expected some of {', '.join(known)}"
                    f"{did_you_mean(name, known)}"
                )
        if config.causal:  # the one setting that all others follow
            config = replace(config, window=replace(config.window, future=0))
        if not config.sccl_weight:
            return config
        found = vad_prototypes(dialogues.label_names, config.prototypes)
        return replace(config, prototypes=found)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        return self.classify(*self._states(batch, self.project(batch)))

    def stream(self) -> ARIIGCNStream:
        """Return a reader of a conversation that is still going on; see `System.stream`."""
        self._refuse_looking_ahead()
        return ARIIGCNStream(self)

    def classify(self, states: Tensor, before: Tensor) -> Tensor:
        """Return the logits, (N, C), given the states after and before the graph, (M, N, D)."""
        utterances = self._seen(states, before)
        return self._classify(self.fusion(utterances), utterances)[0]

    def project(self, batch: Batch) -> Tensor:
        """Return the projected modalities, (M, N, D); zero where one is missing (Eq. 1)."""
        inputs = dict(batch.features)
        for name in self.config.speaker_relative:
            if name in inputs:
                inputs[name] = self.speaker_relative(inputs[name], batch.masks[name], batch.thread)
        return self.encode(inputs, batch.masks)

    def encode(self, inputs: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """Return the encoders' outputs, (M, N, D), zero where the masks, (N,), are False."""
        present = torch.stack([masks[name] for name in self.encoder.mlps])
        return zero_missing(self.encoder(inputs), present)

    def states(self, batch: Batch) -> Tensor:
        """Return the modalities after the graph, (M, N, D), before the contrast's projections."""
        return self._states(batch, self.project(batch))[0]

    def encoded(self, batch: Batch) -> Encoded:
        """Return what the losses of both opponents begin with, computed once for a step."""
        projected = self.project(batch)
        return Encoded(projected, self._existing_gan().generate(projected))

    def losses(
        self,
        batch: Batch,
        class_weight: Tensor | None = None,
        encoded: Encoded | None = None,
    ) -> dict[str, Tensor]:
        """Return the weighted terms of the training loss; their sum is minimised (Eq. 16, 17).

        Parameters
        ----------
        batch : Batch
            Utterances without a label count in no supervised term.
        class_weight : (C,) tensor, optional
            Weights of the classes in the cross entropy.
        encoded : Encoded, optional
            Of the batch, where `encoded` has computed it already.
        """
        projected, fakes = encoded or Encoded(self.project(batch))
        states, before = self._states(batch, projected, fakes)
        utterances = self._seen(states, before)
        fused = self.fusion(utterances)
        logits, by_modality = self._classify(fused, utterances)
        terms = self.supervised(logits, batch, class_weight)
        if by_modality is not None:
            terms["auxiliary"] = self._auxiliary(by_modality, batch, class_weight)
        contrasted = projected if self.config.contrast_states == "encoded" else states
        terms |= self._contrast_terms(contrasted, batch, fused)
        if self.instance_weight:
            present = gathered(batch.present(self.encoder.mlps), 1)
            loss = share(self.instance(gathered(projected, 1), present))
            terms["instance"] = self.instance_weight * loss
        if self.gan is not None and self.config.adversarial == "alternate":
            terms |= self._generator_terms(batch, projected, fakes)
        own = self.own_losses(Seen(fused, states, logits, batch.labels))
        taken = sorted(own.keys() & {*terms, *_NAMES_OF_TERMS})
        if taken:
            raise InputError(f"--model.losses: {', '.join(taken)} is a term of AR-IIGCN's own")
        return terms | own

    def _auxiliary(self, by_modality: Tensor, batch: Batch, class_weight: Tensor | None) -> Tensor:
        """Return the weighted loss of the modalities' own outputs, (M, N, C)."""
        if self.objective is not None:
            each = [self.objective.losses(own, batch, class_weight) for own in by_modality]
            return self.config.auxiliary_weight * _sum(x for own in each for x in own.values())
        count = len(by_modality)
        labels = batch.labels.repeat(count)
        mean = cross_entropy(by_modality.flatten(0, 1), labels, class_weight)
        return self.config.auxiliary_weight * count * mean

    def own_losses(self, seen: Seen) -> dict[str, Tensor]:
        """Return the weighted terms of losses of other packages; a subclass may add its own.

        Parameters
        ----------
        seen : Seen
            Of the batch, from the forward pass of all other losses.
        """
        pairs = zip(self.config.losses.items(), self.own, strict=True)
        return {name: weight * loss(seen) for (name, weight), loss in pairs}

    def _generator_terms(
        self, batch: Batch, projected: Tensor, fakes: dict[str, Tensor] | None
    ) -> dict[str, Tensor]:
        gan, config = self._existing_gan(), self.config
        loss = gan.generator_loss(projected, batch.masks, fakes)
        terms = {"generator": config.adversarial_weight * loss}
        if config.prediction_weight:
            loss = gan.prediction_loss(batch.features, projected, batch.masks, fakes)
            terms["prediction"] = config.prediction_weight * loss
        return terms

    def generator_loss(self, batch: Batch, encoded: Encoded | None = None) -> Tensor:
        """Return the generators' loss alone, for the staged schedule (Eq. 2, 4, 6)."""
        gan, (projected, fakes) = self._existing_gan(), encoded or Encoded(self.project(batch))
        return gan.generator_loss(projected, batch.masks, fakes)

    def discriminator_loss(self, batch: Batch, encoded: Encoded | None = None) -> Tensor:
        """Return the discriminators' loss (Eq. 3, 5, 7)."""
        gan = self._existing_gan()
        if encoded is None:
            with torch.no_grad():  # encoders learn from the generators' loss, never from this one
                encoded = Encoded(self.project(batch))
        projected, fakes = encoded
        return gan.discriminator_loss(batch.features, projected, batch.masks, fakes)

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters that `discriminator_loss` trains; no other loss does."""
        return iter(()) if self.gan is None else self.gan.discriminators.parameters()

    def _existing_gan(self) -> TriModalGAN:
        if self.gan is None:
            raise ValueError("there is no TGAN: it needs two modalities, and adversarial not 'off'")
        return self.gan

    def _states(
        self, batch: Batch, projected: Tensor, fakes: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the states after and before the graph, (M, N, D)."""
        before = self._fed(projected, fakes)
        if self.context is not None:
            before = self.context(before, batch.dialogues, batch.threads)
        states = before if self.graph is None else self.graph(batch.graph, before)
        return states, before

    def _fed(self, projected: Tensor, fakes: dict[str, Tensor] | None = None) -> Tensor:
        """Return what goes on to the context and the graph, (M, N, D)."""
        if self.gan is None or self.config.feed_graph == "projected":
            return projected
        fakes = self.gan.generate(projected) if fakes is None else fakes
        made = torch.stack(list(fakes.values()))
        # Of several sources their mean, so that one fake stands for a modality.
        made = made.unflatten(1, (self.gan.num_fakes, -1)).mean(1)
        return made if self.config.feed_graph == "generated" else projected + made

    def _seen(self, states: Tensor, before: Tensor) -> Tensor:
        """Return what the classifiers see, (M, N, D or 2 D)."""
        return torch.cat([states, before], dim=-1) if self.skip else states

    def _refuse_looking_ahead(self) -> None:
        config = self.config
        ahead = {
            f"its window reaches {config.window.future} ahead": config.graph
            and config.window.future > 0,
            "its GRUs read backwards too": config.context == "gru" and not config.causal,
            "its means of speakers are over the whole dialogue": bool(config.speaker_relative)
            and not config.causal,
        }
        found = [sentence for sentence, applies in ahead.items() if applies]
        if found:
            raise InputError(
                f"this run looks ahead ({'; '.join(found)}): train it with --model.causal true"
            )

    def _classify(self, fused: Tensor, utterances: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits, (N, C), and each modality's own, (M, N, C)."""
        logits = self.head(fused)
        if self.modality_heads is None:
            return logits, None
        by_modality = self.modality_heads(utterances)
        if self.objective is not None:
            votes = torch.cat([logits.unsqueeze(0), by_modality])
            return self.objective.together(votes), by_modality
        return logits + by_modality.sum(0), by_modality  # an ensemble over modalities

    def _contrast_terms(self, states: Tensor, batch: Batch, fused: Tensor) -> dict[str, Tensor]:
        """Return the weighted contrasts of the modalities, (M, N, D), and of the fused, (N, F)."""
        z = states
        if self.projections:
            z = cast("Tensor", run_side_by_side(self.projections, states))  # equally wide
        # Those of weight 0 are left out: they would cost as much as the others.
        losses = {"iccl": (self.iccl_weight, self.iccl), "imcl": (self.imcl_weight, self.imcl)}
        wanted = {name: (weight, loss) for name, (weight, loss) in losses.items() if weight}
        if not wanted and not self.config.scl_weight and self.sccl is None:
            return {}
        terms: dict[str, Tensor] = {}
        keys = gathered(self._contrast_keys(batch), 1)  # the pairs of all processes' rows
        if wanted:
            z, present = gathered(z, 1), gathered(batch.present(self.encoder.mlps), 1)
            by_modality = [torch.where(present, own, UNLABELLED) for own in keys]
            for name, (weight, loss) in wanted.items():
                terms[name] = weight * share(_mean([loss(z, own) for own in by_modality]))
        if not self.config.scl_weight and self.sccl is None:
            return terms
        fused = gathered(fused)
        if self.config.scl_weight:
            rows = fused.unsqueeze(0)  # as M = 1 modalities
            found = _mean([self.scl(rows, own.unsqueeze(0)) for own in keys])
            terms["scl"] = self.config.scl_weight * share(found)
        if self.sccl is not None:
            labels = gathered(batch.labels)
            terms["sccl"] = self.config.sccl_weight * share(self.sccl(fused, labels))
        return terms

    def _contrast_keys(self, batch: Batch) -> Tensor:
        """Return what "same class" means, (Q, N) in Q ways, -1 for utterances in no pair."""
        if self.objective is None:
            return batch.labels.unsqueeze(0)
        config = self.config
        pairs = PairChoice(config.multilabel_pairs, config.regression_pairs, config.regression_bins)
        return self.objective.keys(batch, pairs)


def _sum(losses: Iterable[Tensor]) -> Tensor:
    return reduce(add, losses)


def _mean(losses: Sequence[Tensor]) -> Tensor:
    """Return the mean of losses; one loss as it is."""
    return losses[0] if len(losses) == 1 else torch.stack(list(losses)).mean()


def _sccl(in_feats: int, num_classes: int, config: ARIIGCNConfig) -> SCCLLoss | None:
    if not config.sccl_weight:
        return None
    if len(config.prototypes) != num_classes:
        raise ValueError(
            f"prototypes must name the {num_classes} labels, got {list(config.prototypes)}"
        )
    return SCCLLoss(in_feats, list(config.prototypes.values()))


def _projection(in_feats: int, out_feats: int) -> nn.Module:
    return nn.Sequential(nn.Linear(in_feats, in_feats), nn.ReLU(), nn.Linear(in_feats, out_feats))


class ARIIGCNStream:
    """Reads one conversation, utterance by utterance; see `Stream`.

    Remembered are the states of the dialogue's GRU and of each speaker's, each speaker's mean
    features, and the last 2 x blocks x past + 1 utterances before the graph, whose layers see no
    others.

    Parameters
    ----------
    model : ARIIGCN
        In evaluation mode; must not look ahead.
    """

    def __init__(self, model: ARIIGCN) -> None:
        self.model = model
        layers = 2 * model.config.graph_blocks  # each a window back, and the utterance
        reach = layers * model.window.past + 1
        self.recent: deque[Tensor] = deque(maxlen=reach)
        self.recent_speakers: deque[int] = deque(maxlen=reach)
        self.recent_masks: deque[dict[str, Tensor]] = deque(maxlen=reach)
        self.dialogue_state: Tensor | None = None
        self.speaker_states: dict[int, Tensor] = {}
        self.means: dict[tuple[int, str], _Mean] = {}

    def add(self, utterance: Batch) -> Tensor:
        """Return the logits, (C,), of the next utterance."""
        speaker = int(utterance.on_cpu.speakers)
        projected = self.model._fed(self._project(utterance, speaker).unsqueeze(1)).squeeze(1)
        before = self._before(projected, speaker)
        graph = self.model.graph
        self.recent_masks.append(utterance.on_cpu.masks)
        states = before if graph is None else self._after(graph, before, speaker)
        return self.model.classify(states.unsqueeze(1), before.unsqueeze(1)).squeeze(0)

    def _project(self, utterance: Batch, speaker: int) -> Tensor:
        inputs = dict(utterance.features)
        for name in self.model.config.speaker_relative:
            if name in inputs:
                mean = self.means.setdefault((speaker, name), _Mean())
                present = bool(utterance.on_cpu.masks[name])
                inputs[name] = mean.append_difference(inputs[name], present)
        return self.model.encode(inputs, utterance.masks).squeeze(1)

    def _before(self, projected: Tensor, speaker: int) -> Tensor:
        if self.model.context is None:
            return projected
        before, self.dialogue_state, self.speaker_states[speaker] = self.model.context.step(
            projected, self.dialogue_state, self.speaker_states.get(speaker)
        )
        return before

    def _after(self, layers: RelationalGraph, before: Tensor, speaker: int) -> Tensor:
        self.recent.append(before)
        self.recent_speakers.append(speaker)
        masks = {m: torch.cat([x[m] for x in self.recent_masks]) for m in self.model.modalities}
        speakers = torch.tensor(self.recent_speakers, device="cpu")
        graph = self.model.window.last_graph(speakers, masks)
        feat = torch.stack(list(self.recent), dim=1)
        return layers(graph.to(feat.device), feat)[:, -1]  # of the newest; the others are known


class _Mean:
    """Mean of a speaker's rows so far."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count = 0

    def append_difference(self, row: Tensor, present: bool) -> Tensor:
        """Return the row, (1, D), and beside it its difference from the mean with it, (1, 2 D)."""
        if not present:  # as in `SpeakerRelative`: in no mean, and different from none
            return torch.cat([row, torch.zeros_like(row)], dim=1)
        self.total = self.total + row.double()  # as `SpeakerRelative` adds what came before
        self.count += 1
        return torch.cat([row, row - (self.total / self.count).to(row)], dim=1)
