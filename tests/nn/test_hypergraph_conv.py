"""Convolution over hyperedges: means of modalities and of utterances, and their weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ariigcn_dgl.nn import HypergraphConv, ModalityGraph

ALL = torch.ones(2, 2, dtype=torch.bool)
FEAT = torch.tensor([[1.0, 3], [5, 11]]).unsqueeze(-1)  # two modalities of two utterances


@torch.no_grad()
def check(
    conv: HypergraphConv, expected: list[list[float]], masks: Tensor = ALL, feat: Tensor = FEAT
) -> None:
    """Compare the modalities of both utterances."""
    graph = ModalityGraph(masks, torch.tensor([2]))
    rows = graph.rows(conv(graph, graph.table(feat)))
    torch.testing.assert_close(rows, torch.tensor(expected))


def test_a_node_becomes_the_mean_of_its_two_hyperedges() -> None:
    # modalities: 2 and 8; utterances: 3 and 7
    check(HypergraphConv(1, 2, 1), [[2.5, 5.5], [4.5, 7.5]])


def test_means_are_over_what_is_there() -> None:
    masks = torch.tensor([[True, True], [True, False]])
    # modalities: 2 and 5; utterances: 3 and 3
    check(HypergraphConv(1, 2, 1), [[2.5, 4.0], [2.5, 0.0]], masks)


def test_weights_of_nodes_count_within_an_utterance() -> None:
    conv = HypergraphConv(1, 2, 1)
    conv.log_node_weight.data[1] = math.log(3.0)
    # utterances: (1 + 3 * 5) / 4 and (3 + 3 * 11) / 4
    check(conv, [[3.0, 6.0], [5.5, 8.5]])


def test_weights_of_hyperedges_count_at_a_node() -> None:
    conv = HypergraphConv(1, 2, 1)
    conv.log_edge_weight.data[0] = math.log(3.0)  # of the first modality
    check(conv, [[(3 * 2 + 3) / 4, 5.5], [(3 * 2 + 7) / 4, 7.5]])


def test_negative_states_leak() -> None:
    check(HypergraphConv(1, 2, 1), [[-0.025, -0.055], [-0.045, -0.075]], feat=-FEAT)


def test_every_layer_has_a_bias() -> None:
    conv = HypergraphConv(1, 2, 2)
    conv.biases[0].data.fill_(100.0)
    conv.biases[1].data.fill_(-100.0)
    # of the first layer's means modalities have 3.5 and 6.5, utterances 4 and 6
    check(conv, [[3.75, 5.25], [4.75, 6.25]])
