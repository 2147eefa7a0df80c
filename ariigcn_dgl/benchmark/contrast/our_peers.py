"""Pairwise contrast by this package: the loss, and the same formula on the reference path."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.contrast.inputs import TEMPERATURE, ContrastInputs
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import OURS
from ariigcn_dgl.nn import ICCLLoss
from ariigcn_dgl.nn.contrast import ICCL_RULE
from ariigcn_dgl.ops import pairwise_contrast_reference

LARGEST_REFERENCE = 2048


def _ours(inputs: ContrastInputs) -> Built:
    loss = ICCLLoss(inputs.form, TEMPERATURE, regularise=inputs.form == "infonce")
    label = inputs.label.unsqueeze(0)
    return Built(lambda: loss(inputs.feat.unsqueeze(0), label), inputs.leaves)


def _reference(inputs: ContrastInputs) -> Built:
    label = inputs.label.unsqueeze(0)
    one_modality = torch.zeros_like(label)
    utterance = torch.arange(label.size(1), device=label.device).unsqueeze(0)

    def forward() -> Tensor:
        z = torch.nn.functional.normalize(inputs.feat, dim=-1).unsqueeze(0)
        stats = pairwise_contrast_reference(
            z, label, one_modality, utterance, ICCL_RULE, temperature=TEMPERATURE, margin=1.0
        )
        positives, negatives = stats.count_pos, stats.count_neg
        if inputs.form == "supcon":
            mean = stats.sum_pos / positives / TEMPERATURE
            return (torch.logaddexp(stats.lse_pos, stats.lse_neg) - mean).mean()
        terms = torch.nn.functional.softplus(stats.lse_neg - stats.lse_pos)
        return (terms + stats.margin_pos / positives + stats.hinge_neg / negatives).mean()

    return Built(forward, inputs.leaves)


def _too_large(inputs: ContrastInputs) -> str:
    fits = len(inputs.feat) <= LARGEST_REFERENCE
    return "" if fits else "makes many N x N tensors: small only"


OUR_PEERS = (
    Peer(OURS, "ours", _ours),
    Peer("reference", "ours, reference", _reference, refusal=_too_large),
)
