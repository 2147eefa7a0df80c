"""Contrastive losses over pairs of rows, with their gradient, as one operator (Eq. 11-14)."""

from __future__ import annotations

from math import isfinite
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.ops._checks import require_choice, require_rows
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops._precision import FP32_PRECISIONS, fp32_precision
from ariigcn_dgl.ops._second_derivative import differentiate_backward
from ariigcn_dgl.ops.pairwise_contrast import (
    MODALITY,
    UTTERANCE,
    ContrastStats,
    PairRule,
    are_learnt,
    as_bits,
    as_codes,
    pairwise_contrast,
    pairwise_contrast_reference,
    require_temperature,
)

ContrastForm = Literal["ratio", "infonce", "supcon"]  # in the order of csrc/contrast_term.h
MarginMode = Literal["target", "hinge", "triplet", "off"]
SMALLEST_SUM = 1e-6  # keeps log(S+ / (S+ + S-)) finite where every positive is antipodal


def contrast_loss(
    feat: Tensor,
    label: Tensor,
    rule: PairRule,
    *,
    modality: Tensor | None = None,
    utterance: Tensor | None = None,
    form: ContrastForm = "ratio",
    margin_mode: MarginMode = "target",
    temperature: float | Tensor = 0.1,
    margin: float | Tensor = 1.0,
    impl: Impl = "native",
) -> Tensor:
    r"""Return a contrastive loss over the pairs of rows: the mean over its anchors.

    `ariigcn_dgl.nn.PairwiseContrast` has the formulas. Rows are normalised, compared and reduced to
    the loss in one operator, two kernels forward and two backward on a GPU, without a tensor of
    pairs. Differentiable any number of times, from the second on by `contrast_loss_reference`.

    Parameters
    ----------
    feat : (G, N, D) tensor
        Rows, which pair within their group only. Their lengths do not matter; rows of zeros have
        similarity 0 to all others, and gradient 0.
    label : (G, N) int64 tensor
        Class of each row. Rows with a negative label take part in no pair and may hold anything.
    rule : PairRule
        Positives and negatives.
    modality, utterance : (G, N) int64 tensor, optional
        What else the rule may ask for; by default one modality, and all utterances different.
    form : {"ratio", "infonce", "supcon"}
    margin_mode : {"target", "hinge", "triplet", "off"}
    temperature, margin : float or scalar tensor
        Divisor inside exponentials; similarity wanted of positives. Where one of them needs a
        gradient, as the temperature that CLIP learns, plain torch computes, with (G, N, N) tensors.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    scalar tensor, float32 or float64
        0 where no row has positives and negatives.

    Raises
    ------
    ValueError
        If shapes, dtypes or devices do not fit, or an option is none of these.

    Examples
    --------
    >>> import torch
    >>> rule = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    >>> feat = torch.tensor([[[2.0, 0.0], [3.0, 0.0], [-1.0, 0.0]]])
    >>> contrast_loss(feat, torch.tensor([[0, 0, 1]]), rule, margin_mode="off").item()
    0.0
    """
    require_options(form, margin_mode, temperature, margin)
    modality, utterance, rule = identities(feat, label, modality, utterance, rule)
    feat = feat if feat.dtype == torch.float64 or feat.is_cuda else feat.float()
    if is_reference(impl, feat, temperature, margin) or are_learnt(temperature, margin):
        return contrast_loss_reference(
            feat,
            label,
            modality,
            utterance,
            rule,
            form=form,
            margin_mode=margin_mode,
            temperature=temperature,
            margin=margin,
        )
    loss, *_ = torch.ops.ariigcn.contrast_loss(
        feat.contiguous(),
        *(ids.contiguous() for ids in (label, modality, utterance)),
        as_bits(rule.positives),
        as_bits(rule.negatives),
        get_args(ContrastForm).index(form),
        get_args(MarginMode).index(margin_mode),
        float(temperature),
        float(margin),
        FP32_PRECISIONS.index(fp32_precision(feat.device, feat.dtype)),
    )
    return loss


def softmax_contrast_loss(
    feat: Tensor,
    label: Tensor,
    rule: PairRule,
    *,
    modality: Tensor | None = None,
    utterance: Tensor | None = None,
    form: ContrastForm = "ratio",
    margin_mode: MarginMode = "target",
    temperature: float | Tensor = 0.1,
    margin: float | Tensor = 1.0,
    impl: Impl = "native",
) -> Tensor:
    r"""Return `contrast_loss` of the similarities of rows' softmax.

    :math:`s_{ij} = \mathrm{softmax}(h_i) \cdot \mathrm{softmax}(h_j)`, of which "ratio" takes the
    sums as they are: they are never negative.
    """
    require_options(form, margin_mode, temperature, margin)
    modality, utterance, rule = identities(feat, label, modality, utterance, rule)
    rows = softmax_rows(feat, label)
    stats = pairwise_contrast(
        rows, label, modality, utterance, rule, temperature=temperature, margin=margin, impl=impl
    )
    return softmax_loss_of(stats, form, margin_mode, temperature, margin)


def require_options(
    form: ContrastForm,
    margin_mode: MarginMode,
    temperature: float | Tensor,
    margin: float | Tensor,
) -> None:
    """Raise ValueError unless the options of `contrast_loss` are some that it has."""
    require_choice("form", form, get_args(ContrastForm))
    require_choice("margin_mode", margin_mode, get_args(MarginMode))
    require_temperature(temperature)
    if not isinstance(margin, Tensor) and not isfinite(margin):
        raise ValueError(f"margin must be finite, got {margin}")


def contrast_loss_reference(
    feat: Tensor,
    label: Tensor,
    modality: Tensor,
    utterance: Tensor,
    rule: PairRule,
    *,
    form: ContrastForm = "ratio",
    margin_mode: MarginMode = "target",
    temperature: float | Tensor = 0.1,
    margin: float | Tensor = 1.0,
) -> Tensor:
    """Compute `contrast_loss` in plain torch, with (G, N, N) tensors."""
    stats = pairwise_contrast_reference(
        unit_rows(feat, label),
        label,
        modality,
        utterance,
        rule,
        temperature=temperature,
        margin=margin,
    )
    return loss_of(stats, form, margin_mode, temperature, margin)


def unit_rows(feat: Tensor, label: Tensor) -> Tensor:
    """Return rows of length 1, in float32 at least; zeros where unlabelled, or zero.

    Rows whose squares are too large for the type are not a number, as those that hold infinity.
    """
    # Before the arithmetic: NaN times 0 is NaN. A zero row has no direction to be turned in.
    left_out = (label < 0) | feat.eq(0).all(-1)
    rows = feat.masked_fill(left_out.unsqueeze(-1), 0)
    # in half precision the norm's lower bound is 0, and a zero row would become NaN
    rows = rows if rows.dtype == torch.float64 else rows.float()
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_min(1e-12)
    return rows / length.masked_fill(length.isinf(), torch.nan)


def softmax_rows(feat: Tensor, label: Tensor) -> Tensor:
    """Return the softmax of rows, in float32 at least; of zeros where unlabelled."""
    rows = feat.masked_fill((label < 0).unsqueeze(-1), 0)
    return (rows if rows.dtype == torch.float64 else rows.float()).softmax(-1)


def loss_of(
    stats: ContrastStats,
    form: ContrastForm,
    margin_mode: MarginMode,
    temperature: float | Tensor,
    margin: float | Tensor,
) -> Tensor:
    """Return `contrast_loss` of the statistics of `unit_rows`."""
    terms = _form_terms(stats, form, temperature) + _margin_terms(stats, margin_mode, margin)
    return _mean_over_anchors(stats, terms)


def softmax_loss_of(
    stats: ContrastStats,
    form: ContrastForm,
    margin_mode: MarginMode,
    temperature: float | Tensor,
    margin: float | Tensor,
) -> Tensor:
    """Return `softmax_contrast_loss` of the statistics of `softmax_rows`."""
    if form != "ratio":
        return loss_of(stats, form, margin_mode, temperature, margin)
    positive = stats.sum_pos.clamp(min=SMALLEST_SUM)
    terms = torch.log1p(stats.sum_neg.clamp(min=0) / positive)  # s is never negative here
    return _mean_over_anchors(stats, _margin_terms(stats, margin_mode, margin) + terms)


def identities(
    feat: Tensor,
    label: Tensor,
    modality: Tensor | None,
    utterance: Tensor | None,
    rule: PairRule,
) -> tuple[Tensor, Tensor, PairRule]:
    """Return checked modalities and utterances, and a rule that asks for none that is not given.

    Where one is not given, any ids may stand: the labels do.
    """
    given = {"label": label, "modality": modality, "utterance": utterance}
    require_rows("feat", feat, **{name: x for name, x in given.items() if x is not None})
    if modality is None:
        modality, rule = label, rule.assuming(MODALITY, same=True)
    if utterance is None:
        utterance, rule = label, rule.assuming(UTTERANCE, same=False)
    return modality, utterance, rule


def _mean_over_anchors(stats: ContrastStats, terms: Tensor) -> Tensor:
    """Return the mean of the terms of rows with positives and negatives, 0 without such a row."""
    # Without either there is nothing to be nearer to, or farther from.
    anchors = (stats.count_pos > 0) & (stats.count_neg > 0)
    return torch.where(anchors, terms, 0).sum() / anchors.sum().clamp(min=1)


def _form_terms(stats: ContrastStats, form: ContrastForm, temperature: float | Tensor) -> Tensor:
    """Return what each row adds by the form of the loss."""
    if form == "ratio":
        # Sums of (1 + s) / 2; log1p(S- / S+) is -log(S+ / (S+ + S-)) without its cancellation.
        positive = ((stats.count_pos + stats.sum_pos) / 2).clamp(min=SMALLEST_SUM)
        negative = ((stats.count_neg + stats.sum_neg) / 2).clamp(min=0)
        return torch.log1p(negative / positive)
    if form == "infonce":
        return F.softplus(stats.lse_neg - stats.lse_pos)  # -log(S+ / (S+ + S-)) of exponentials
    mean_pos = stats.sum_pos / stats.count_pos.clamp(min=1)
    return torch.logaddexp(stats.lse_pos, stats.lse_neg) - mean_pos / temperature


def _margin_terms(stats: ContrastStats, margin_mode: MarginMode, margin: float | Tensor) -> Tensor:
    """Return what each row adds by the regulariser."""
    if margin_mode == "off":
        return torch.zeros_like(stats.sum_pos)
    count_pos, count_neg = stats.count_pos.clamp(min=1), stats.count_neg.clamp(min=1)
    if margin_mode == "triplet":
        gap = stats.sum_neg / count_neg - stats.sum_pos / count_pos
        return (gap + margin).clamp(min=0)
    penalty = stats.margin_pos
    if margin_mode == "hinge":  # [x]+ = (|x| + x) / 2, summed over the positives
        penalty = (penalty + margin * stats.count_pos - stats.sum_pos) / 2
    return penalty / count_pos + stats.hinge_neg / count_neg


@torch.library.register_fake("ariigcn::contrast_loss")
def _(feat, label, modality, utterance, *constants):
    dtype = feat.dtype if feat.dtype == torch.float64 else torch.float32
    groups, size, _ = feat.shape
    table = groups, len(ContrastStats._fields), size
    shapes = (), (groups, size), table, table, ()
    loss, inverse, stats, slope, anchors = (feat.new_empty(x, dtype=dtype) for x in shapes)
    return loss, torch.empty_like(feat), inverse, stats, slope, anchors


@torch.library.register_fake("ariigcn::contrast_loss_backward")
def _(grad, z, inverse, stats, slope, anchors, feat, *others):
    return torch.empty_like(feat)


def _setup_context(ctx, inputs, output):
    feat, label, modality, utterance, *ctx.constants = inputs
    _, *saved = output
    ctx.mark_non_differentiable(*saved)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*saved, feat, label, modality, utterance)


def _backward(ctx, grad, *_):
    grad_feat = None
    if grad is not None:
        grad_feat = torch.ops.ariigcn.contrast_loss_backward(
            grad, *ctx.saved_tensors, *ctx.constants
        )
    return grad_feat, *[None] * 10


torch.library.register_autograd("ariigcn::contrast_loss", _backward, setup_context=_setup_context)


def _forward(grad, z, inverse, stats, slope, anchors, feat, label, modality, utterance, *constants):
    positives, negatives, form, margin_mode, temperature, margin, _ = constants
    loss = contrast_loss_reference(
        feat,
        label,
        modality,
        utterance,
        PairRule(as_codes(positives), as_codes(negatives)),
        form=get_args(ContrastForm)[form],
        margin_mode=get_args(MarginMode)[margin_mode],
        temperature=temperature,
        margin=margin,
    )
    return (loss,)


differentiate_backward("contrast_loss", gradients=[0], inputs=[6], forward=_forward)
