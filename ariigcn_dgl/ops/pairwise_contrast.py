"""Pairwise contrast: statistics of every row's positive and negative similarities (Eq. 11-14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.ops._checks import require_rows
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops._precision import FP32_PRECISIONS, fp32_precision, without_autocast
from ariigcn_dgl.ops._second_derivative import differentiate_backward

CLASS, MODALITY, UTTERANCE = 1, 2, 4  # bits of a pair's code: "both rows have the same ..."


@dataclass(frozen=True)
class PairRule:
    """Which pairs of rows are positives and which negatives.

    A pair's code adds `CLASS`, `MODALITY` and `UTTERANCE` for each that its rows share; `positives`
    and `negatives` are sets of codes. A row never pairs with itself.

    Examples
    --------
    >>> same_class = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    >>> sorted(same_class.positives)
    [1, 3, 5, 7]
    """

    positives: frozenset[int]
    negatives: frozenset[int]

    def __post_init__(self) -> None:
        both, known = self.positives & self.negatives, frozenset(range(8))
        if both or not self.positives | self.negatives <= known:
            raise ValueError(
                "positives and negatives must be different codes from 0 to 7, got "
                f"{sorted(self.positives)} and {sorted(self.negatives)}"
            )

    @classmethod
    def where(cls, positive, negative) -> PairRule:
        """Build a rule from two predicates over (same class, same modality, same utterance)."""
        codes = [
            (code, [bool(code & bit) for bit in (CLASS, MODALITY, UTTERANCE)]) for code in range(8)
        ]
        return cls(
            frozenset(code for code, same in codes if positive(*same)),
            frozenset(code for code, same in codes if negative(*same)),
        )

    def assuming(self, bit: int, same: bool) -> PairRule:
        """Return the rule for rows that all share what `bit` stands for, or that all differ in it.

        It no longer asks for that.
        """

        def known(code: int) -> int:
            return code | bit if same else code & ~bit

        return PairRule(
            frozenset(code for code in range(8) if known(code) in self.positives),
            frozenset(code for code in range(8) if known(code) in self.negatives),
        )


class ContrastStats(NamedTuple):
    """Per-row sums over positives and negatives; each (G, N), 0 where the set is empty."""

    count_pos: Tensor
    count_neg: Tensor
    sum_pos: Tensor  # sum of s
    sum_neg: Tensor
    lse_pos: Tensor  # log sum exp of s / temperature
    lse_neg: Tensor
    margin_pos: Tensor  # sum of |margin - s|
    hinge_neg: Tensor  # sum of max(s, 0)


def pairwise_contrast(
    z: Tensor,
    label: Tensor,
    modality: Tensor,
    utterance: Tensor,
    rule: PairRule,
    *,
    temperature: float | Tensor = 0.1,
    margin: float | Tensor = 1.0,
    impl: Impl = "native",
) -> ContrastStats:
    r"""Reduce all pairwise similarities :math:`s_{ij} = z_i \cdot z_j` to per-row statistics.

    Every contrastive loss of this package is a short formula over these. Similarities are streamed
    in tiles, forward and backward; no (N, N) tensor exists. Differentiable any number of times,
    from the second on by `pairwise_contrast_reference`. On a GPU halves are multiplied on tensor
    cores; floats as ``torch.backends.cuda.matmul.fp32_precision`` says: "none", its default, there
    in three products of tf32, as accurately as float32; "tf32" in one; "ieee" by multiply-adds.

    Parameters
    ----------
    z : (G, N, D) tensor
        Rows to compare within each of G groups; unit rows make s the cosine.
    label, modality, utterance : (G, N) int64 tensors
        Identity of each row. Rows with a negative label take part in no pair.
    rule : PairRule
        Which pairs count.
    temperature, margin : float or scalar tensor
        Divisor inside the log-sum-exp; target of the positives' penalty. Where one of them needs a
        gradient, as the temperature that CLIP learns, plain torch computes, with (G, N, N) tensors.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    ContrastStats
        Eight (G, N) tensors, float32 (float64 for float64 input). Counts carry no gradient.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or the temperature is not positive and finite.

    Examples
    --------
    >>> import torch
    >>> z = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> label = torch.tensor([[0, 0, 1]])
    >>> rule = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    >>> stats = pairwise_contrast(z, label, label * 0, torch.arange(3)[None], rule)
    >>> stats.sum_pos, stats.count_neg
    (tensor([[1., 1., 0.]]), tensor([[1., 1., 2.]]))
    """
    require_rows("z", z, label=label, modality=modality, utterance=utterance)
    require_temperature(temperature)
    z = z if z.dtype == torch.float64 or z.is_cuda else z.float()  # the CPU has no halves
    if is_reference(impl, z, temperature, margin) or are_learnt(temperature, margin):
        options = {"temperature": temperature, "margin": margin}
        return pairwise_contrast_reference(z, label, modality, utterance, rule, **options)
    stats = torch.ops.ariigcn.pairwise_contrast(
        z.contiguous(),
        *(ids.contiguous() for ids in (label, modality, utterance)),
        as_bits(rule.positives),
        as_bits(rule.negatives),
        float(temperature),
        float(margin),
        FP32_PRECISIONS.index(fp32_precision(z.device, z.dtype)),
    )
    return ContrastStats(*stats.unbind(1))


def require_temperature(temperature: float | Tensor) -> None:
    """Raise ValueError unless similarities can be divided by it; nobody waits for a tensor's."""
    if not isinstance(temperature, Tensor) and not 0 < temperature < torch.inf:
        raise ValueError(f"temperature must be positive and finite, got {temperature}")


def are_learnt(*constants: float | Tensor) -> bool:
    """Return whether a derivative by one of them is wanted, which only the references have."""
    return torch.is_grad_enabled() and any(
        isinstance(x, Tensor) and x.requires_grad for x in constants
    )


def pairwise_contrast_reference(
    z: Tensor,
    label: Tensor,
    modality: Tensor,
    utterance: Tensor,
    rule: PairRule,
    *,
    temperature: float | Tensor = 0.1,
    margin: float | Tensor = 1.0,
) -> ContrastStats:
    """Compute `pairwise_contrast` in plain torch, with (G, N, N) tensors."""
    # A row is as similar to itself as can be, which tells nothing.
    itself = torch.eye(z.size(1), dtype=torch.bool, device=z.device)
    ids = label, modality, utterance
    options = {"temperature": temperature, "margin": margin}
    return contrast_statistics(similarities(z, z), ids, ids, itself, rule, **options)


def similarities(rows: Tensor, others: Tensor) -> Tensor:
    """Return the products of rows with others, (G, N, K), in float32 at least."""
    dtype = rows.dtype if rows.dtype == torch.float64 else torch.float32
    with without_autocast(rows):
        return rows.to(dtype) @ others.to(dtype).mT


def contrast_statistics(
    s: Tensor,
    ids: Sequence[Tensor],
    other_ids: Sequence[Tensor],
    itself: Tensor,
    rule: PairRule,
    *,
    temperature: float | Tensor,
    margin: float | Tensor,
) -> ContrastStats:
    """Reduce similarities of rows to others to per-row statistics, in plain torch.

    Parameters
    ----------
    s : (G, N, K) tensor
        Similarities.
    ids, other_ids : sequence of (G, N), of (G, K) int64 tensors
        Label, modality and utterance of each row, and of each of the others.
    itself : (N, K) bool tensor
        Which of the others is the row, and no pair.
    rule : PairRule
        Which pairs count.
    temperature, margin : float
        As of `pairwise_contrast`.
    """
    same = [x.unsqueeze(2) == y.unsqueeze(1) for x, y in zip(ids, other_ids, strict=True)]
    code = sum(bit * part for bit, part in zip((CLASS, MODALITY, UTTERANCE), same, strict=True))
    usable = (ids[0] >= 0).unsqueeze(2) & (other_ids[0] >= 0).unsqueeze(1) & ~itself
    sides = []
    for codes, penalty in ((rule.positives, (margin - s).abs()), (rule.negatives, s.relu())):
        mask = usable & torch.isin(code, torch.tensor(sorted(codes), device=s.device))
        some = mask.any(-1)  # rows without pairs stay finite, for the sake of derivatives
        left_out = ~mask & some.unsqueeze(-1)
        lse = (s / temperature).masked_fill(left_out, -torch.inf).logsumexp(-1)
        lse = torch.where(some, lse, torch.zeros_like(lse))
        sides.append([mask.sum(-1).to(s), (s * mask).sum(-1), lse, (penalty * mask).sum(-1)])
    return ContrastStats(*[part for pair in zip(*sides, strict=True) for part in pair])


def as_bits(codes: frozenset[int]) -> int:
    """Return a set of codes as the operators take it: one bit for each."""
    return sum(1 << code for code in codes)


def as_codes(bits: int) -> frozenset[int]:
    """Return the set of codes that an operator was given."""
    return frozenset(code for code in range(8) if bits >> code & 1)


@torch.library.register_fake("ariigcn::pairwise_contrast")
def _(z, label, modality, utterance, positives, negatives, temperature, margin, precision):
    dtype = z.dtype if z.dtype == torch.float64 else torch.float32
    return z.new_empty(z.size(0), len(ContrastStats._fields), z.size(1), dtype=dtype)


@torch.library.register_fake("ariigcn::pairwise_contrast_backward")
def _(
    grad, stats, z, label, modality, utterance, positives, negatives, temperature, margin, precision
):
    return torch.empty_like(z)


def _setup_context(ctx, inputs, output):
    z, label, modality, utterance, *ctx.constants = inputs
    ctx.save_for_backward(output, z, label, modality, utterance)


def _backward(ctx, grad):
    grad_z = torch.ops.ariigcn.pairwise_contrast_backward(
        grad.contiguous(), *ctx.saved_tensors, *ctx.constants
    )
    return grad_z, *[None] * 8


torch.library.register_autograd(
    "ariigcn::pairwise_contrast", _backward, setup_context=_setup_context
)


def _forward(
    grad, stats, z, label, modality, utterance, positives, negatives, temperature, margin, precision
):
    rule = PairRule(as_codes(positives), as_codes(negatives))
    options = {"temperature": temperature, "margin": margin}
    stats = pairwise_contrast_reference(z, label, modality, utterance, rule, **options)
    return (torch.stack(stats, dim=1),)


differentiate_backward("pairwise_contrast", gradients=[0], inputs=[2], forward=_forward)
