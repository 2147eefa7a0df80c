"""SupCon of pytorch-metric-learning."""

from __future__ import annotations

from ariigcn_dgl.benchmark.contrast.inputs import TEMPERATURE, ContrastInputs
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.optional import import_quietly

PACKAGE = "pytorch_metric_learning"


def _supcon(inputs: ContrastInputs) -> Built:
    loss = import_quietly(f"{PACKAGE}.losses").SupConLoss(temperature=TEMPERATURE)
    return Built(lambda: loss(inputs.feat, inputs.label), inputs.leaves)


PML_PEERS = (
    Peer(
        "pml",
        "pytorch-metric-learning",
        _supcon,
        package=PACKAGE,
        # int64 index lists of all pairs beside the float tensors
        bytes_needed=lambda inputs: inputs.pair_bytes(14),
    ),
)
