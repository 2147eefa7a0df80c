"""Intra-/inter-class and intra-/inter-modal contrastive losses (Eq. 11-14)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.ops import ContrastStats, Impl, PairRule, pairwise_contrast
from ariigcn_dgl.ops._checks import (
    require_choice,
    require_dim,
    require_floating,
    require_ids,
    require_shape,
)

ContrastForm = Literal["ratio", "infonce", "supcon"]
MarginMode = Literal["target", "hinge", "triplet", "off"]
ImclPairs = Literal["abstract", "section4c", "closing", "hycon", "all"]

# Readings of the paper's contradicting definitions; predicates over (same class, same modality,
# same utterance): positives, negatives.
IMCL_RULES: dict[str, PairRule] = {
    "abstract": PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and m),
    "section4c": PairRule.where(lambda c, m, u: c and m, lambda c, m, u: not c and not m),
    "closing": PairRule.where(lambda c, m, u: c and m, lambda c, m, u: c and not m),
    "hycon": PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and not m),
    "all": PairRule.where(lambda c, m, u: c, lambda c, m, u: not c),
}
ICCL_RULE = PairRule.where(lambda c, m, u: c and m, lambda c, m, u: not c and m)
SMALLEST_SUM = 1e-6  # keeps log(S+ / (S+ + S-)) finite where every positive is antipodal


class _Contrast(nn.Module):
    """What the losses over pairs of rows have in common; see `PairwiseContrast`."""

    impl: Impl = "native"

    def __init__(
        self,
        rule: PairRule,
        form: ContrastForm = "ratio",
        temperature: float = 0.1,
        margin: float = 1.0,
        margin_mode: MarginMode = "target",
    ) -> None:
        super().__init__()
        require_choice("form", form, get_args(ContrastForm))
        require_choice("margin_mode", margin_mode, get_args(MarginMode))
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.rule = rule
        self.form = form
        self.temperature = temperature
        self.margin = margin
        self.margin_mode = margin_mode

    def _mean_loss(
        self, feat: Tensor, label: Tensor, modality: Tensor, utterance: Tensor | None = None
    ) -> Tensor:
        """Return the mean loss over anchors; see `PairwiseContrast.forward`."""
        if utterance is None:  # no reading of the paper asks what rows show
            utterance = torch.arange(label.size(-1), device=label.device).expand_as(label)
        _check(feat, label=label, modality=modality, utterance=utterance)
        # Before the arithmetic: NaN times 0 is NaN. A zero row has no direction to be turned in.
        left_out = (label < 0) | feat.eq(0).all(-1)
        rows = feat.masked_fill(left_out.unsqueeze(-1), 0)
        # in half precision the norm's lower bound is 0, and a zero row would become NaN
        z = F.normalize(rows if rows.dtype == torch.float64 else rows.float(), dim=-1)
        z = z.to(feat.dtype) if feat.is_cuda else z  # where halves are multiplied faster
        stats = pairwise_contrast(
            z,
            label,
            modality,
            utterance,
            self.rule,
            temperature=self.temperature,
            margin=self.margin,
            impl=self.impl,
        )
        terms = self._form_terms(stats) + self._regulariser_terms(stats)
        # Without either there is nothing to be nearer to, or farther from.
        anchors = (stats.count_pos > 0) & (stats.count_neg > 0)
        return torch.where(anchors, terms, 0).sum() / anchors.sum().clamp(min=1)

    def _form_terms(self, stats: ContrastStats) -> Tensor:
        if self.form == "ratio":
            # Sums of (1 + s) / 2; log1p(S- / S+) is -log(S+ / (S+ + S-)) without its cancellation.
            positive = ((stats.count_pos + stats.sum_pos) / 2).clamp(min=SMALLEST_SUM)
            negative = ((stats.count_neg + stats.sum_neg) / 2).clamp(min=0)
            return torch.log1p(negative / positive)
        if self.form == "infonce":
            return F.softplus(stats.lse_neg - stats.lse_pos)  # -log(S+ / (S+ + S-)) of exponentials
        mean_pos = stats.sum_pos / stats.count_pos.clamp(min=1)
        return torch.logaddexp(stats.lse_pos, stats.lse_neg) - mean_pos / self.temperature

    def _regulariser_terms(self, stats: ContrastStats) -> Tensor:
        if self.margin_mode == "off":
            return torch.zeros_like(stats.sum_pos)
        count_pos, count_neg = stats.count_pos.clamp(min=1), stats.count_neg.clamp(min=1)
        if self.margin_mode == "triplet":
            gap = stats.sum_neg / count_neg - stats.sum_pos / count_pos
            return (gap + self.margin).clamp(min=0)
        penalty = stats.margin_pos
        if self.margin_mode == "hinge":  # [x]+ = (|x| + x) / 2, summed over the positives
            penalty = (penalty + self.margin * stats.count_pos - stats.sum_pos) / 2
        return penalty / count_pos + stats.hinge_neg / count_neg


class PairwiseContrast(_Contrast):
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
    temperature : float
        Temperature :math:`\tau` of "infonce" and "supcon".
    margin : float
        Target similarity :math:`\delta` of positives.
    margin_mode : {"target", "hinge", "triplet", "off"}
        Form of the regulariser.

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
        feat : (G, N, D) tensor
            Rows; normalised here. Rows pair within their group only.
        label, modality : (G, N) int64 tensors
            Class (negative: the row takes part in no pair) and modality of each row.
        utterance : (G, N) int64 tensor, optional
            What each row shows, for rules that ask for it; default all different.

        Returns
        -------
        scalar tensor, float32 or float64

        Raises
        ------
        ValueError
            If shapes, dtypes or devices do not fit.
        """
        return self._mean_loss(feat, label, modality, utterance)


class ICCLLoss(_Contrast):
    r"""Intra-class and inter-class contrastive loss, within each modality (Eq. 11, 12).

    .. math::
        L = \frac{1}{|A|} \sum_{i \in A} \Big( -\log \frac{S_i^+}{S_i^+ + S_i^-}
            + \frac{1}{|P_i|} \sum_{p \in P_i} |1 - s_{ip}|
            + \frac{1}{|N_i|} \sum_{n \in N_i} [s_{in}]_+ \Big)

    Positives P share the class, negatives N do not; all pairs lie in one modality; the anchors A
    have both. :math:`S^\pm` are sums over them, by `form`: see `PairwiseContrast`.

    Parameters
    ----------
    form, temperature
        See `PairwiseContrast`.
    regularise : bool
        Add Eq. 12's regulariser.

    Examples
    --------
    >>> import torch
    >>> ICCLLoss()(torch.ones(3, 4, 8), torch.zeros(3, 4, dtype=torch.int64)).item()
    0.0
    """

    def __init__(
        self, form: ContrastForm = "ratio", temperature: float = 0.1, regularise: bool = True
    ) -> None:
        # Eq. 12 is Eq. 14 with a target of 1: within a modality one class is to be one direction.
        mode: MarginMode = "target" if regularise else "off"
        super().__init__(ICCL_RULE, form, temperature, 1.0, mode)

    def forward(self, feat: Tensor, label: Tensor) -> Tensor:
        """Return the mean loss over anchors of all modalities.

        Parameters
        ----------
        feat : (M, N, D) tensor
            Utterances in each modality.
        label : (M, N) int64 tensor
            Class, negative where unlabelled or where the modality is missing.
        """
        return self._mean_loss(feat, label, torch.zeros_like(label))


class IMCLLoss(_Contrast):
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
    form, temperature, margin, margin_mode
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
        temperature: float = 0.1,
        margin: float = 0.5,
        margin_mode: MarginMode = "target",
    ) -> None:
        require_choice("pairs", pairs, IMCL_RULES)
        super().__init__(IMCL_RULES[pairs], form, temperature, margin, margin_mode)

    def forward(self, feat: Tensor, label: Tensor) -> Tensor:
        """Return the mean loss over anchors.

        Parameters
        ----------
        feat : (M, N, D) tensor
            Utterances in each modality.
        label : (M, N) int64 tensor
            Class, negative where unlabelled or where the modality is missing.
        """
        _check(feat, label=label)
        # All modalities in one group, because pairs reach across them.
        modality = torch.arange(len(feat), device=feat.device).repeat_interleave(label.size(1))
        rows = feat.reshape(1, -1, feat.size(-1))
        return self._mean_loss(rows, label.reshape(1, -1), modality.unsqueeze(0))


def _check(feat: Tensor, **ids: Tensor) -> None:
    """Raise ValueError unless `feat` is (G, N, D) and the identities of its rows are (G, N)."""
    require_floating(feat=feat)
    require_dim(3, feat=feat)
    for name, tensor in ids.items():
        require_shape(name, tensor, tuple(feat.shape[:2]))
    require_ids(feat=feat, **ids)
