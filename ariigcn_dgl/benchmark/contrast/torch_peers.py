"""Pairwise contrast in plain torch: all pairs at once, compiled, and chunk by chunk."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ariigcn_dgl.benchmark.contrast.inputs import TEMPERATURE, ContrastInputs, Form
from ariigcn_dgl.benchmark.problem import Built, Peer

CHUNK = 1024


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
    torch.compiler.reset()
    function = torch.compile(all_pairs_loss, dynamic=False, fullgraph=True)
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
