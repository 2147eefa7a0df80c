"""Settings of AR-IIGCN."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from ariigcn_dgl.batch import Window
from ariigcn_dgl.data import is_modality
from ariigcn_dgl.limits import (
    Fraction,
    Limit,
    NotNegativeFloat,
    NotNegativeInt,
    PositiveFloat,
    PositiveInt,
)
from ariigcn_dgl.models.objective import MultilabelPairs, RegressionPairs
from ariigcn_dgl.nn._rel_edge_parameters import Norm
from ariigcn_dgl.nn.contrast import ImclPairs, Similarity
from ariigcn_dgl.nn.fusion import FusionName
from ariigcn_dgl.nn.mean_conv import Reduction
from ariigcn_dgl.nn.own_loss import LossWeights
from ariigcn_dgl.nn.relational_graph import Residual
from ariigcn_dgl.nn.sccl import Triple
from ariigcn_dgl.nn.tri_modal_gan import GanLoss, Real, Sources
from ariigcn_dgl.ops import ContrastForm, MarginMode

Modalities = Annotated[
    tuple[str, ...],
    Limit("names of modalities", lambda value: all(map(is_modality, value))),
]
Prototypes = Annotated[
    dict[str, Triple],
    Limit(
        "three numbers from 0 to 1 for each label",
        lambda value: all(0 <= x <= 1 for triple in value.values() for x in triple),
    ),
]


@dataclass(frozen=True)
class ARIIGCNConfig:
    """Settings of `ARIIGCN`; the defaults are the preset `paper`.

    Parameters
    ----------
    hidden_dim : int
        Common width D of the modalities.
    window : Window
        The graph.
    encoder_dropout : float
        Dropout in the encoders.
    input_dropout : float
        Dropout on the features.
    graph_dropout : float
        Dropout after the graph layers and before the context GRUs.
    context_dropout : float
        Dropout after the context GRUs.
    head_dropout : float
        Dropout in the classifiers.
    speaker_relative : tuple of str
        Modalities that also get the difference from the speaker's mean in the dialogue.
    context : {"none", "gru"}
        "gru": bidirectional GRUs over the dialogue and over each speaker's own utterances, before
        the graph.
    causal : bool
        Nothing looks ahead: the window's future becomes 0, the GRUs run forwards only, and means of
        speakers are over their utterances so far. For conversations that are still going on.
    graph : bool
        False leaves the graph layers out (for ablations).
    cross_modal : {"none", "utterance", "window"}
        What a node of the graph is. "none": an utterance, the same graph in each modality. Else
        (utterance, modality), so that messages cross modalities: between those of an utterance, as
        in MMGCN (Hu 2021), or all over the window; each ordered pair of modalities makes relations
        of its own.
    graph_blocks : int
        How often the two graph layers follow each other.
    graph_norm : {"relation", "none"}
        Whether the attention of the first layer, which sums up to 1, is divided by the number of
        neighbours in the relation once more, as printed (Eq. 10).
    second_norm : {"mean", "sum", "symmetric"}
        The second layer's reduction: a mean; the printed sum; or normalised by the degrees of both
        ends, of which the paper's Algorithm 1 lists the matrix.
    residual : {"none", "sum", "norm"}
        "sum" adds each graph layer's input to its output; "norm" also normalises (LayerNorm) and
        lets the classifier see the states before the graph. The paper's formulas print no residual,
        but without one its graph blurs utterances until little can be told about them.
    fusion : {"concatenate", "add", "tfn", "lfm"}
        How the classifier's input is made of the modalities: side by side, their sum, their tensor
        product, or that with weights of low rank. The paper's own, "cross-modal" fusion is
        "concatenate" with the TGAN.
    adversarial : {"off", "staged", "alternate"}
        Training of the TGAN: not at all; before everything else; or in turns with it.
    adversarial_weight : float
        Weight of the generators' loss in "alternate".
    gan_loss : {"nonsaturating", "minimax", "lsgan"}
        Form of the GAN's loss.
    gan_sources : {"joint", "each"}
        One fake of all other modalities, or one of each.
    gan_real : {"raw", "projected"}
        What the fakes imitate: features, or projections.
    gan_paired : bool
        Show discriminators what a fake was made of: then fakes must be of their utterance.
    discriminator_rate : float
        Learning rate of the discriminators, relative to that of everything else: below 1 where they
        win, so that they tell all fakes.
    prediction_weight : float
        Weight of the squared error between fakes and what they imitate; 0 leaves it out.
    feed_graph : {"projected", "generated", "sum"}
        What goes on to the graph: the projections, what the generators made of them, or both added;
        the latter two with `gan_real` "projected", whose fakes have the right width.
    iccl_weight : float
        Weight of the ICCL loss in Eq. 16; 0 leaves it out.
    imcl_weight : float
        Weight of the IMCL loss in Eq. 16; 0 leaves it out.
    scl_weight : float
        Weight of the supervised contrastive loss (Khosla 2020) on the fused utterance; 0 leaves it
        out. To compare it, set the other contrastive weights to 0.
    sccl_weight : float
        Weight of the cluster-level contrastive loss (Yang 2023) on the fused utterance; 0 leaves it
        out. Its authors use 0.8 on IEMOCAP.
    losses : dict of str to float
        Weights of losses of other packages, by entry point or module:Class (docs/extending.md).
    prototypes : dict of str to (float, float, float)
        Valence, arousal and dominance of labels, each from 0 to 1, for the cluster-level loss;
        emotions of IEMOCAP and MELD need none.
    instance_weight : float
        Weight of the contrast of an utterance's modalities with other utterances, labelled or not,
        of the encoders' outputs (`InstanceContrast`); 0 leaves it out.
    contrast : {"ratio", "infonce", "supcon"}
        Form of ICCL and IMCL.
    contrast_states : {"graph", "encoded"}
        Of what ICCL and IMCL are: of the states after the graph, in which modalities may have been
        mixed, or of the encoders' outputs, in which they have not.
    similarity : {"cosine", "softmax"}
        Of rows in ICCL and IMCL; see `PairwiseContrast`.
    temperature : float
        Temperature of "infonce" and "supcon", and of the supervised contrastive loss.
    imcl_pairs : {"abstract", "section4c", "closing", "hycon", "all"}
        Reading of the IMCL pairs.
    multilabel_pairs : {"each", "set"}
        Of several labels at once, what "same class" means in ICCL, IMCL and the supervised
        contrastive loss: each label by itself, so that pairs weigh by the labels that they share
        (MulSupCon; Zhang 2024); or the whole set.
    regression_pairs : {"bins", "overlapping-bins"}
        The same of numbers: that they lie in one bin of their range; or in one of two grids of
        bins, half a bin apart, so that close ones always do and distant ones never.
    regression_bins : int
        Number of these bins.
    margin : float
        Similarity wanted across modalities (Eq. 14).
    margin_mode : {"target", "hinge", "triplet", "off"}
        Form of Eq. 14.
    regularise : bool
        Add Eq. 12 to the ICCL loss.
    projection_dim : int
        Width of the projection heads before the contrast; 0: none.
    head_dim : int
        Width of the classifier's hidden layers.
    auxiliary_weight : float
        Weight of the cross entropy of one linear classifier per modality; where it is positive,
        their logits are added to the classifier's. 0: there are none.
    """

    hidden_dim: PositiveInt = 512  # not printed: 14.69 M parameters, where the paper has 14.68 M
    window: Window = field(default_factory=lambda: Window(relations="auto"))
    encoder_dropout: Fraction = 0.5  # the paper's, of which it does not say where
    input_dropout: Fraction = 0.0
    graph_dropout: Fraction = 0.0
    context_dropout: Fraction = 0.0
    head_dropout: Fraction = 0.5
    speaker_relative: Modalities = ()
    context: Literal["none", "gru"] = "none"
    causal: bool = False
    graph: bool = True
    cross_modal: Literal["none", "utterance", "window"] = "none"
    graph_blocks: PositiveInt = 1
    graph_norm: Norm = "relation"
    second_norm: Reduction = "mean"  # the printed sum grows with the window
    residual: Residual = "sum"  # not printed: see above
    fusion: FusionName = "concatenate"
    adversarial: Literal["off", "staged", "alternate"] = "staged"  # Eq. 17 has no GAN
    adversarial_weight: NotNegativeFloat = 0.1  # the paper prints no weight, so here and below
    gan_loss: GanLoss = "nonsaturating"
    gan_sources: Sources = "joint"
    gan_real: Real = "raw"
    gan_paired: bool = False
    discriminator_rate: PositiveFloat = 1.0
    prediction_weight: NotNegativeFloat = 0.0
    feed_graph: Literal["projected", "generated", "sum"] = "projected"
    iccl_weight: NotNegativeFloat = 0.1
    imcl_weight: NotNegativeFloat = 0.1
    scl_weight: NotNegativeFloat = 0.0
    sccl_weight: NotNegativeFloat = 0.0
    instance_weight: NotNegativeFloat = 0.0
    losses: LossWeights = field(default_factory=dict)
    prototypes: Prototypes = field(default_factory=dict)
    # The form that the text describes: without negative similarity the loss is 0, whatever the
    # positives, which is why it needs Eq. 12.
    contrast: ContrastForm = "ratio"
    contrast_states: Literal["graph", "encoded"] = "graph"
    similarity: Similarity = "cosine"
    temperature: PositiveFloat = 0.1  # Khosla 2020
    imcl_pairs: ImclPairs = "abstract"
    multilabel_pairs: MultilabelPairs = "each"
    regression_pairs: RegressionPairs = "bins"
    regression_bins: PositiveInt = 7  # the classes of Acc-7
    margin: float = 0.5  # the paper tries several and prints none
    margin_mode: MarginMode = "target"
    regularise: bool = True
    projection_dim: NotNegativeInt = 0
    head_dim: PositiveInt = 128  # of TFN (Zadeh 2017), whose subnetwork Eq. 15 is
    auxiliary_weight: NotNegativeFloat = 0.0
