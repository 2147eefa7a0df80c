"""A graph that a validation saw in inference mode can be trained on afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.batch import DialogueGraphDataset
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.nn import RelEdgeAttentionConv

SRC, DST = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 2, 0, 2])
TYPES = torch.tensor([0, 1, 0, 1])


def _homogeneous() -> Callable[[], Tensor]:
    layer, graph, x = RelEdgeAttentionConv(8, 8, 2), dgl.graph((SRC, DST)), torch.randn(3, 8)
    return lambda: layer(graph, x, TYPES)


def _heterograph() -> Callable[[], Tensor]:
    edges = {("u", "a", "u"): (SRC, DST), ("u", "b", "u"): (DST, SRC)}
    layer, graph, x = RelEdgeAttentionConv(8, 8, 2), dgl.heterograph(edges), torch.randn(3, 8)
    return lambda: layer(graph, {"u": x})["u"]


def _of_a_dataset() -> Callable[[], Tensor]:
    small = SynthConfig(train=2, val=1, test=1, unlabelled=0.0)
    dataset = DialogueGraphDataset(synthesise(small))
    graph = dataset[0]
    layer = RelEdgeAttentionConv(graph.ndata["text"].shape[1], 8, dataset.num_rels)
    return lambda: layer(graph, graph.ndata["text"])


@pytest.mark.parametrize("make", [_homogeneous, _heterograph, _of_a_dataset])
def test_a_dgl_graph_seen_in_inference_mode_can_be_trained_on(
    make: Callable[[], Callable[[], Tensor]],
) -> None:
    call = make()
    with torch.inference_mode():
        before = call()
    after = call()
    after.sum().backward()
    assert after.equal(before)
