"""Intra-/inter-class and intra-/inter-modal contrastive losses (Eq. 11-14)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from ariigcn_dgl.ops import ContrastForm, Impl, MarginMode, PairRule, contrast_loss
from ariigcn_dgl.ops._checks import require_choice, require_rows, require_shape
from ariigcn_dgl.ops.contrast_loss import require_options, softmax_contrast_loss

ImclPairs = Literal["abstract", "section4c", "closing", "hycon", "all"]
Similarity = Literal["cosine", "softmax"]

# Readings of the paper's contradicting definitions; predicates over (same class, same modality,
# same utterance): positives, negatives.
IMCL_RULES: dict[str, PairRule] = {
    "abstract": PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and m),
    "section4c": PairRule.where(lambda c, m, u: c and m, lambda c, m, u: not c and not m),
    "closing": PairRule.where(lambda c, m, u: c and m, lambda c, m, u: c and not m),
    "hycon": PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and not m),
    "all": PairRule.where(lambda c, m, u: c, lambda c, m, u: not c),
}
# The same utterance in another modality; other utterances there.
INSTANCE_RULE = PairRule.where(lambda c, m, u: u and not m, lambda c, m, u: not u and not m)
ICCL_RULE = PairRule.where(lambda c, m, u: c and m, lambda c, m, u: not c and m)


class ContrastRows(NamedTuple):
    """What a loss compares: rows (G, N, D) of groups, and what `contrast_loss` may know of them."""

    feat: Tensor
    label: Tensor
    modality: Tensor | None = None
    utterance: Tensor | None = None


class Contrast(nn.Module):
    """What the losses over pairs of rows have in common; see `PairwiseContrast`."""

    impl: Impl = "native"

    def __init__(
        self,
        rule: PairRule,
        form: ContrastForm = "ratio",
        temperature: float | Tensor = 0.1,
        margin: float | Tensor = 1.0,
        margin_mode: MarginMode = "target",
        similarity: Similarity = "cosine",
    ) -> None:
        super().__init__()
        require_options(form, margin_mode, temperature, margin)
        require_choice("similarity", similarity, get_args(Similarity))
        self.similarity = similarity
        self.rule = rule
        self.form = form
        self.temperature = temperature
        self.margin = margin
        self.margin_mode = margin_mode

    def rows(self, *arguments: Any) -> ContrastRows:
        """Return the rows to compare, of what the loss is called with."""
        raise NotImplementedError

    def _mean_loss(self, rows: ContrastRows) -> Tensor:
        """Return the mean loss over anchors; see `PairwiseContrast.forward`."""
        loss = softmax_contrast_loss if self.similarity == "softmax" else contrast_loss
        return loss(
            rows.feat,
            rows.label,
            self.rule,
            modality=rows.modality,
            utterance=rows.utterance,
            form=self.form,
            margin_mode=self.margin_mode,
            temperature=self.temperature,
            margin=self.margin,
            impl=self.impl,
        )


def _in_groups(
    feat: Tensor, label: Tensor, modality: Tensor | None = None, utterance: Tensor | None = None
) -> ContrastRows:
    """Return rows as they are, or as one group where they have no groups."""
    if feat.dim() != 2:
        return ContrastRows(feat, label, modality, utterance)
    given = {"label": label, "modality": modality, "utterance": utterance}
    for name, ids in given.items():
        if ids is not None:
            require_shape(name, ids, tuple(feat.shape[:1]))
    return ContrastRows(
        feat.unsqueeze(0),
        label.unsqueeze(0),
        None if modality is None else modality.unsqueeze(0),
        None if utterance is None else utterance.unsqueeze(0),
    )


class PairwiseContrast(Contrast):
    r"""A contrastive loss over pairs of rows, with its regulariser (Eq. 11-14).

    With s the cosine of two rows, P and N the positives and negatives of anchor i, forms are

    * ``ratio``: :math:`-\log \frac{S^+}{S^+ + S^-}` with :math:`S^\pm = \sum \frac{1 + s}{2}`
    * ``infonce``: the same with :math:`S^\pm = \sum \exp(s / \tau)`
    * ``supcon``: :math:`-\frac{1}{|P|} \sum_{p \in P}
      \log \frac{\exp(s_p / \tau)}{\sum_{a \in P \cup N} \exp(s_a / \tau)}`

    and the regulariser adds :math:`\frac{1}{|N|} \sum_N [s]_+` and, by `margin_mode`,
    ``target`` :math:`\frac{1}{|P|} \sum_P |\delta - s|`, ``hinge`` :math:`[\delta - s]_+`, or
    ``triplet`` :math:`[\bar s_N - \bar s_P + \delta]_+` of the mean similarities. ``off`` has no
    regulariser. Anchors without positives or without negatives are skipped; with none left the
    loss is 0.

    Parameters
    ----------
    rule : PairRule
        Positives and negatives.
    form : {"ratio", "infonce", "supcon"}
        One of those above.
    temperature : float or scalar tensor
        Temperature :math:`\tau` of "infonce" and "supcon". A parameter is learnt, as CLIP's; it
        takes (G, N, N) tensors of plain torch then.
    margin : float or scalar tensor
        Target similarity :math:`\delta` of positives.
    margin_mode : {"target", "hinge", "triplet", "off"}
        Form of the regulariser.
    similarity : {"cosine", "softmax"}
        "softmax": :math:`s_{ij} = \mathrm{softmax}(h_i) \cdot \mathrm{softmax}(h_j)`, as the words
        of the paper can be read; near 0 in wide rows, which hardly move. Sums of "ratio" are then
        of s.

    Raises
    ------
    ValueError
        If an option is none of these, or the temperature not positive.

    Examples
    --------
    >>> import torch
    >>> loss = PairwiseContrast(ICCL_RULE, form="ratio", margin_mode="off")
    >>> z, label = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]]), torch.tensor([[0, 0, 1]])
    >>> loss(z, label, torch.zeros_like(label)).item()  # negatives are antipodal
    0.0
    """

    def forward(
        self, feat: Tensor, label: Tensor, modality: Tensor, utterance: Tensor | None = None
    ) -> Tensor:
        """Return the mean loss over anchors.

        Parameters
        ----------
        feat : (G, N, D) or (N, D) tensor
            Rows; normalised here. Rows pair within their group only.
        label, modality : (G, N) or (N,) int64 tensors
            Class (negative: the row takes part in no pair) and modality of each row.
        utterance : (G, N) or (N,) int64 tensor, optional
            What each row shows, for rules that ask for it; default all different.

        Returns
        -------
        scalar tensor, float32 or float64

        Raises
        ------
        ValueError
            If shapes, dtypes or devices do not fit.
        """
        return self._mean_loss(self.rows(feat, label, modality, utterance))

    def rows(
        self, feat: Tensor, label: Tensor, modality: Tensor, utterance: Tensor | None = None
    ) -> ContrastRows:
        """Return the rows of all groups."""
        return _in_groups(feat, label, modality, utterance)


class ICCLLoss(Contrast):
    r"""Intra-class and inter-class contrastive loss, within each modality (Eq. 11, 12).

    .. math::
        L = \frac{1}{|A|} \sum_{i \in A} \Big( -\log \frac{S_i^+}{S_i^+ + S_i^-}
            + \frac{1}{|P_i|} \sum_{p \in P_i} |1 - s_{ip}|
            + \frac{1}{|N_i|} \sum_{n \in N_i} [s_{in}]_+ \Big)

    Positives P share the class, negatives N do not; all pairs lie in one modality; the anchors A
    have both. :math:`S^\pm` are sums over them, by `form`: see `PairwiseContrast`.

    Parameters
    ----------
    form, temperature, similarity
        See `PairwiseContrast`.
    regularise : bool
        Add Eq. 12's regulariser.

    Examples
    --------
    >>> import torch
    >>> ICCLLoss()(torch.ones(3, 4, 8), torch.zeros(3, 4, dtype=torch.int64)).item()
    0.0

    SupCon (Khosla 2020) of rows and labels:

    >>> loss = ICCLLoss(form="supcon", temperature=0.1, regularise=False)
    >>> loss(torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])).shape
    torch.Size([])
    """

    def __init__(
        self,
        form: ContrastForm = "ratio",
        temperature: float | Tensor = 0.1,
        regularise: bool = True,
        similarity: Similarity = "cosine",
    ) -> None:
        # Eq. 12 is Eq. 14 with a target of 1: within a modality one class is to be one direction.
        mode: MarginMode = "target" if regularise else "off"
        super().__init__(ICCL_RULE, form, temperature, 1.0, mode, similarity)

    def forward(self, feat: Tensor, label: Tensor) -> Tensor:
        """Return the mean loss over anchors of all modalities.

        Parameters
        ----------
        feat : (M, N, D) or (N, D) tensor
            Utterances in each modality, or rows of one.
        label : (M, N) or (N,) int64 tensor
            Class, negative where unlabelled or where the modality is missing.

        Raises
        ------
        ValueError
            If shapes, dtypes or devices do not fit.
        """
        return self._mean_loss(self.rows(feat, label))

    def rows(self, feat: Tensor, label: Tensor) -> ContrastRows:
        """Return the rows of each modality as a group."""
        return _in_groups(feat, label)


class IMCLLoss(Contrast):
    r"""Intra-modal and inter-modal contrastive loss (Eq. 13, 14).

    .. math::
        L = \frac{1}{|A|} \sum_{i \in A} \Big( -\log \frac{S_i^+}{S_i^+ + S_i^-}
            + \frac{1}{|P_i|} \sum_{p \in P_i} |\delta - s_{ip}|
            + \frac{1}{|N_i|} \sum_{n \in N_i} [s_{in}]_+ \Big)

    over the utterances of all modalities together; :math:`S^\pm` by `form` and the regulariser by
    `margin_mode`: see `PairwiseContrast`. The paper defines the pairs in several contradicting
    ways; `pairs` names the reading (positives; negatives):

    * ``abstract``: same class, other modality; other class, same modality
    * ``section4c``: same class, same modality; other class, other modality
    * ``closing``: same class, same modality; same class, other modality
    * ``hycon``: same class, other modality; other class, other modality
    * ``all``: same class; other class

    Parameters
    ----------
    pairs : str
        The reading.
    form, temperature, margin, margin_mode, similarity
        See `PairwiseContrast`; the margin is the similarity wanted across modalities.

    Examples
    --------
    >>> import torch
    >>> loss = IMCLLoss(pairs="hycon", form="supcon")
    >>> loss(torch.randn(2, 6, 8), torch.tensor([[0, 0, 0, 1, 1, 1]] * 2)).shape
    torch.Size([])
    """

    def __init__(
        self,
        pairs: ImclPairs = "abstract",
        form: ContrastForm = "ratio",
        temperature: float | Tensor = 0.1,
        margin: float | Tensor = 0.5,
        margin_mode: MarginMode = "target",
        similarity: Similarity = "cosine",
    ) -> None:
        require_choice("pairs", pairs, IMCL_RULES)
        super().__init__(IMCL_RULES[pairs], form, temperature, margin, margin_mode, similarity)

    def forward(self, feat: Tensor, label: Tensor) -> Tensor:
        """Return the mean loss over anchors.

        Parameters
        ----------
        feat : (M, N, D) tensor
            Utterances in each modality.
        label : (M, N) int64 tensor
            Class, negative where unlabelled or where the modality is missing.

        Raises
        ------
        ValueError
            If shapes, dtypes or devices do not fit.
        """
        return self._mean_loss(self.rows(feat, label))

    def rows(self, feat: Tensor, label: Tensor) -> ContrastRows:
        """Return the rows of all modalities in one group, because pairs reach across them."""
        if feat.dim() == 2:
            raise ValueError(
                "feat must be (M, N, D), utterances in each modality, which are compared across "
                f"modalities, got shape {tuple(feat.shape)}: ICCLLoss takes rows of one"
            )
        require_rows("feat", feat, label=label)
        modality = torch.arange(len(feat), device=feat.device).unsqueeze(1).expand_as(label)
        rows = feat.reshape(1, -1, feat.size(-1))
        return ContrastRows(rows, label.reshape(1, -1), modality.reshape(1, -1))


class InstanceContrast(Contrast):
    r"""Contrast of what is said at once in two modalities with what is not (CLIP; Radford 2021).

    InfoNCE whose positives are an utterance's other modalities, and whose negatives all other
    utterances there; it needs no labels.

    Parameters
    ----------
    temperature : float or scalar tensor
        Temperature :math:`\tau`, which may be a parameter.

    Examples
    --------
    >>> import torch
    >>> z, there = torch.eye(3).expand(2, 3, 3), torch.ones(2, 3).bool()
    >>> round(InstanceContrast(0.1)(z, there).item(), 4)  # each is its own other modality
    0.0001
    """

    def __init__(self, temperature: float | Tensor = 0.1) -> None:
        super().__init__(INSTANCE_RULE, "infonce", temperature, margin_mode="off")

    def forward(self, feat: Tensor, present: Tensor) -> Tensor:
        """Return the mean loss over anchors.

        Parameters
        ----------
        feat : (M, N, D) tensor
            Utterances in each modality.
        present : (M, N) bool tensor
            Where each modality exists.
        """
        return self._mean_loss(self.rows(feat, present))

    def rows(self, feat: Tensor, present: Tensor) -> ContrastRows:
        """Return the rows of all modalities in one group, of one class."""
        label = present.long() - 1  # one class; what is missing has none
        require_rows("feat", feat, label=label)
        size, device = label.shape, feat.device
        modality = torch.arange(size[0], device=device).unsqueeze(1).expand(size)
        utterance = torch.arange(size[1], device=device).expand(size)
        rows = feat.reshape(1, -1, feat.size(-1))
        ids = (x.reshape(1, -1) for x in (label, modality, utterance))
        return ContrastRows(rows, *ids)
