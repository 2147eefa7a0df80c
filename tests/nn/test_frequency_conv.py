"""Convolution between low and high pass: gates near 1 and -1, norms, the equation."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.nn import FrequencyConv

PAIR = torch.tensor([[[False, True], [True, False]]])
FEAT = torch.tensor([[[1.0], [5.0]]])


def gated(bias: float) -> FrequencyConv:
    conv = FrequencyConv(1, num_layers=1)
    torch.nn.init.zeros_(conv.gates[0].weight)
    torch.nn.init.constant_(conv.gates[0].bias, bias)
    return conv


@torch.no_grad()
@pytest.mark.parametrize(("bias", "expected"), [(50, [6, 6]), (-50, [-4, 4]), (0, [1, 5])])
def test_gates_add_subtract_or_leave_out_neighbours(bias: float, expected: list[float]) -> None:
    assert gated(bias)(PAIR, FEAT).flatten().tolist() == expected


@torch.no_grad()
def test_an_edge_is_divided_by_the_roots_of_both_numbers_of_neighbours() -> None:
    star = torch.zeros(1, 5, 5, dtype=torch.bool)
    star[0, 0, 1:] = star[0, 1:, 0] = True  # 4 neighbours and 1: the root is 2
    out = gated(50)(star, torch.tensor([[[8.0], [2], [0], [0], [0]]]))
    assert out.flatten().tolist() == [9, 6, 4, 4, 4]


@torch.no_grad()
def test_a_node_without_neighbours_stays_as_it_is() -> None:
    assert gated(50)(torch.zeros(1, 2, 2, dtype=torch.bool), FEAT).equal(FEAT)


@torch.no_grad()
def test_a_gate_reads_the_node_and_then_its_neighbour() -> None:
    conv = FrequencyConv(3, num_layers=2).double()
    feat = torch.randn(1, 2, 3, dtype=torch.float64)
    expected = feat
    for gate in conv.gates:
        one, other = expected[0]
        to_one = gate(torch.cat([one, other])).tanh() * other
        to_other = gate(torch.cat([other, one])).tanh() * one
        expected = expected + torch.stack([to_one, to_other])
    torch.testing.assert_close(conv(PAIR, feat), expected)
