"""Pairwise contrast: the loss and its gradient, and those it is set beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ariigcn_dgl.benchmark.problem import Built, Peer, compiled
from ariigcn_dgl.benchmark.record import OURS, PASSES, Pass
from ariigcn_dgl.nn import ICCLLoss
from ariigcn_dgl.nn.contrast import ICCL_RULE
from ariigcn_dgl.ops import pairwise_contrast_reference
from ariigcn_dgl.optional import import_quietly

Form = Literal["infonce", "supcon"]
DIM, CLASSES, TEMPERATURE = 256, 7, 0.1
TRUTH_ELEMENTS = 2**22  # of a block of the (N, N) similarities in float64: 32 MB
CHUNK = 1024
LARGEST_SCALE = 2**15  # of a loss in float16, which ends at 2**16
LARGEST_REFERENCE = 2048
PML, INF_CL, LIGER = "pytorch_metric_learning", "inf_cl", "liger_kernel"


@dataclass(frozen=True)
class ContrastInputs:
    """Labelled rows, not normalised: every peer does that."""

    form: Form
    feat: Tensor  # (N, D)
    label: Tensor  # (N,)

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """What is differentiated."""
        return (self.feat,)

    def pair_bytes(self, copies: float) -> int:
        """Return the bytes of so many (N, N) float tensors."""
        return int(copies * len(self.feat) ** 2 * self.feat.element_size())


def draw_rows(
    size: int, form: Form, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> ContrastInputs:
    """Return rows in loose clusters, one per class."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(size) % CLASSES
    centre = torch.randn(CLASSES, DIM, generator=generator)
    feat = torch.randn(size, DIM, generator=generator) + centre[label] / 2
    return ContrastInputs(form, feat.to(device, dtype).requires_grad_(), label.to(device))


@dataclass(frozen=True)
class ContrastProblem:
    """N rows of one modality, and the form of the loss.

    "infonce" has the regulariser, "supcon" has none: then it is what other libraries call SupCon.
    """

    size: int
    form: Form
    operator = "contrast"
    passes = PASSES

    @property
    def shape(self) -> str:
        """What tables call it."""
        return f"N{self.size} {self.form}"

    def inputs(self, dtype: torch.dtype, device: torch.device, seed: int = 0) -> ContrastInputs:
        """Return tensors for all peers."""
        return draw_rows(self.size, self.form, dtype, device, seed)

    def sizes(self, inputs: ContrastInputs) -> dict[str, int]:
        """Return rows N and width D."""
        return {"N": self.size, "D": DIM}

    def work(self, inputs: ContrastInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return the FLOPs and bytes that no implementation can avoid."""
        return contrast_work(self.size, DIM, inputs.feat.element_size())

    def grad(self, inputs: ContrastInputs) -> Tensor:
        """Return N, as a scaled loss has: in float16 the gradient of a mean would underflow."""
        scale = min(self.size, LARGEST_SCALE)
        return torch.full((), scale, dtype=torch.double, device=inputs.feat.device)

    def truth(self, inputs: ContrastInputs, name: Pass) -> list[Tensor]:
        """Return loss and gradient by plain torch in float64, some anchors at a time."""
        feat = inputs.feat.detach().double().requires_grad_()
        loss, gradient = torch.zeros((), dtype=torch.double), torch.zeros_like(feat)
        grad = self.grad(inputs)
        for rows in torch.arange(self.size, device=feat.device).split(TRUTH_ELEMENTS // self.size):
            part = anchor_losses(feat, inputs.label, rows, inputs.form).sum() / self.size
            loss = loss + part.detach().cpu()
            if name != "forward":
                gradient += torch.autograd.grad(part, feat, grad)[0]
        return [loss] if name == "forward" else [loss, gradient]

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        supcon = PML_PEERS if self.form == "supcon" else ()
        return (*OUR_PEERS, *TORCH_PEERS, *supcon, *OTHER_FORMULAS)


def contrast_work(size: int, dim: int, item: int) -> dict[Pass, tuple[float, float]]:
    """Return the FLOPs and bytes of both passes.

    The similarities are symmetric: half of 2 N² D FLOPs makes them. The backward pass makes them
    again, and multiplies its weights, which are symmetric too but have to meet every row, with all
    rows: N² D + N² D + 2 N² D.

    Examples
    --------
    >>> contrast_work(size=10, dim=2, item=4)
    {'forward': (200.0, 80.0), 'forward+backward': (800.0, 240.0)}
    """
    pairs, rows = float(size**2 * dim), float(item * size * dim)
    return {"forward": (pairs, rows), "forward+backward": (4 * pairs, 3 * rows)}


def infonce_losses(z: Tensor, anchors: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Return InfoNCE with the regulariser for every anchor; masks are (anchors, N)."""
    s = anchors @ z.T
    logits = s / TEMPERATURE
    lse_pos = logits.masked_fill(~positive, -torch.inf).logsumexp(1)
    lse_neg = logits.masked_fill(~negative, -torch.inf).logsumexp(1)
    pull = ((1 - s).abs() * positive).sum(1) / positive.sum(1)
    push = (s.relu() * negative).sum(1) / negative.sum(1)
    return F.softplus(lse_neg - lse_pos) + pull + push


def supcon_losses(z: Tensor, anchors: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Return SupCon for every anchor, as the script of its authors does; masks are (anchors, N)."""
    logits = anchors @ z.T / TEMPERATURE
    logits = logits - logits.detach().amax(1, keepdim=True)
    log_sum = (logits.exp() * (positive | negative)).sum(1, keepdim=True).log()
    return -((logits - log_sum) * positive).sum(1) / positive.sum(1)


LOSSES = {"infonce": infonce_losses, "supcon": supcon_losses}


def anchor_losses(feat: Tensor, label: Tensor, rows: Tensor, form: Form) -> Tensor:
    """Return the loss of some rows as anchors, against all rows."""
    z = F.normalize(feat, dim=1)
    same = label[rows].unsqueeze(1) == label
    other_row = rows.unsqueeze(1) != torch.arange(len(label), device=label.device)
    return LOSSES[form](z, z[rows], same & other_row, ~same)


def all_pairs_loss(feat: Tensor, label: Tensor, form: Form) -> Tensor:
    """Return the mean loss over all anchors, with (N, N) tensors."""
    z = F.normalize(feat, dim=1)
    same = label.unsqueeze(1) == label
    itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
    return LOSSES[form](z, z, same & ~itself, ~same).mean()


def _eager(inputs: ContrastInputs) -> Built:
    return Built(lambda: all_pairs_loss(inputs.feat, inputs.label, inputs.form), inputs.leaves)


def _compiled(inputs: ContrastInputs) -> Built:
    function = compiled(all_pairs_loss)
    return Built(lambda: function(inputs.feat, inputs.label, inputs.form), inputs.leaves)


def _chunked(inputs: ContrastInputs) -> Built:
    chunks = torch.arange(len(inputs.feat), device=inputs.feat.device).split(CHUNK)
    fixed = (inputs.label, inputs.form)

    def chunk(feat: Tensor, rows: Tensor) -> Tensor:
        return anchor_losses(feat, fixed[0], rows, fixed[1]).sum()

    def forward() -> Tensor:
        parts = [checkpoint(chunk, inputs.feat, rows, use_reentrant=False) for rows in chunks]
        return torch.stack(parts).sum() / len(inputs.feat)

    return Built(forward, inputs.leaves)


def _few_rows(inputs: ContrastInputs) -> str:
    return "" if len(inputs.feat) > CHUNK else f"is one chunk of {CHUNK} rows: the eager form"


TORCH_PEERS = (
    Peer("eager", "torch eager", _eager, bytes_needed=lambda inputs: inputs.pair_bytes(9)),
    Peer(
        "compiled",
        "torch compiled",
        _compiled,
        compiled=True,
        bytes_needed=lambda inputs: inputs.pair_bytes(3),
    ),
    Peer("chunked", "torch chunks + checkpoint", _chunked, refusal=_few_rows),
)


def _ours(inputs: ContrastInputs) -> Built:
    loss = ICCLLoss(inputs.form, TEMPERATURE, regularise=inputs.form == "infonce")
    label = inputs.label.unsqueeze(0)
    return Built(lambda: loss(inputs.feat.unsqueeze(0), label), inputs.leaves)


def _reference(inputs: ContrastInputs) -> Built:
    label = inputs.label.unsqueeze(0)
    one_modality = torch.zeros_like(label)
    utterance = torch.arange(label.size(1), device=label.device).unsqueeze(0)

    def forward() -> Tensor:
        z = F.normalize(inputs.feat, dim=-1).unsqueeze(0)
        stats = pairwise_contrast_reference(
            z, label, one_modality, utterance, ICCL_RULE, temperature=TEMPERATURE, margin=1.0
        )
        positives, negatives = stats.count_pos, stats.count_neg
        if inputs.form == "supcon":
            mean = stats.sum_pos / positives / TEMPERATURE
            return (torch.logaddexp(stats.lse_pos, stats.lse_neg) - mean).mean()
        terms = F.softplus(stats.lse_neg - stats.lse_pos)
        return (terms + stats.margin_pos / positives + stats.hinge_neg / negatives).mean()

    return Built(forward, inputs.leaves)


def _too_large(inputs: ContrastInputs) -> str:
    fits = len(inputs.feat) <= LARGEST_REFERENCE
    return "" if fits else "makes many N x N tensors: small only"


OUR_PEERS = (
    Peer(OURS, "ours", _ours, slack=1),
    Peer("reference", "ours, reference", _reference, refusal=_too_large),
)


def _supcon(inputs: ContrastInputs) -> Built:
    loss = import_quietly(f"{PML}.losses").SupConLoss(temperature=TEMPERATURE)
    return Built(lambda: loss(inputs.feat, inputs.label), inputs.leaves)


PML_PEERS = (
    Peer(
        "pml",
        "pytorch-metric-learning",
        _supcon,
        package=PML,
        # int64 index lists of all pairs beside the float tensors
        bytes_needed=lambda inputs: inputs.pair_bytes(14),
    ),
)


def _attention(inputs: ContrastInputs) -> Built:
    """Make torch's attention do the FLOPs of our backward: all pairs, a product with them."""
    z = F.normalize(inputs.feat.detach(), dim=1).view(1, 1, *inputs.feat.shape)

    def forward() -> Tensor:
        return F.scaled_dot_product_attention(z, z, z)

    return Built(forward, timed={"forward+backward": torch.no_grad()(forward)})


def _inf_cl(inputs: ContrastInputs) -> Built:
    loss, scale = import_quietly(INF_CL).cal_flash_loss, 1 / TEMPERATURE
    rows = torch.arange(len(inputs.feat), device=inputs.feat.device)

    def forward() -> Tensor:
        z = F.normalize(inputs.feat, dim=1)
        return loss(z, z, rows, scale, head_dim=DIM).mean()

    return Built(forward, inputs.leaves)


def _liger(inputs: ContrastInputs) -> Built:
    """Make every row the class of its own: the rows are the last layer's weight as well."""
    module = import_quietly(f"{LIGER}.transformers.fused_linear_cross_entropy")
    loss = module.LigerFusedLinearCrossEntropyLoss()
    rows = torch.arange(len(inputs.feat), device=inputs.feat.device)

    def forward() -> Tensor:
        z = F.normalize(inputs.feat, dim=1)
        return loss(z, z / TEMPERATURE, rows)

    return Built(forward, inputs.leaves)


def _needs_triton(inputs: ContrastInputs) -> str:
    return "" if inputs.feat.is_cuda else "its kernels are for GPUs"


# One positive, the row itself: what users of these losses pay for all pairs of N rows.
OTHER_FORMULAS = (
    Peer("sdpa", "SDPA(z, z, z) forward", _attention, same=False),
    Peer("inf-cl", "Inf-CL", _inf_cl, package=INF_CL, same=False, refusal=_needs_triton),
    Peer("liger", "Liger linear + loss", _liger, package=LIGER, same=False, refusal=_needs_triton),
)
