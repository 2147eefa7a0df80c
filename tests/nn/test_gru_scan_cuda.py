"""A GRU's recurrence on a CUDA device: equal to the CPU's, and in a CUDA graph."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Table
from ariigcn_dgl.nn import DialogueGRU
from ariigcn_dgl.nn._gru_scan import GRUScan

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
LENGTHS = torch.tensor([3, 1, 30, 2])
TOLERANCE = {
    torch.float32: 1e-5, torch.float64: 1e-12, torch.float16: 5e-3, torch.bfloat16: 4e-2,
}  # fmt: skip


def inputs_of(width: int, dtype: torch.dtype) -> tuple[Tensor, Table, list[Tensor]]:
    """Return inputs, table, and weight and bias."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 10, (130,), generator=generator)
    count = int(lengths.sum())
    table = Table.of(lengths, torch.randperm(count, generator=generator))
    shapes = [(count, 2, 3 * width), (2, 3 * width, width), (2, 3 * width)]
    inputs, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    return inputs.to(dtype), table, [(weight / width**0.5).to(dtype), bias.to(dtype)]


@pytest.mark.parametrize("width", [1, 7, 91])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_the_kernel_equals_the_cpus_loop(dtype: torch.dtype, width: int):
    inputs, table, parameters = inputs_of(width, dtype)
    results = []
    for move in (lambda x: x.double(), lambda x: x.cuda()):
        given = [move(x).requires_grad_() for x in (inputs, *parameters)]
        states = GRUScan.apply(given[0], table.rows.to(given[0].device), *given[1:])
        results.append([states, *torch.autograd.grad(states.square().sum(), given)])
    for other, one in zip(*results, strict=True):
        error = (one.cpu().double() - other).abs().max()
        assert error <= TOLERANCE[dtype] * other.abs().max()


def test_the_layer_runs_in_one_kernel_and_equals_cudnns():
    torch.manual_seed(0)
    layer, feat = DialogueGRU(8, 12).cuda(), torch.randn(36, 8, device="cuda")
    with torch.profiler.profile() as profile:
        ours = layer(feat, LENGTHS)
    assert sum("gru_scan_kernel" in event.name for event in profile.events()) == 1
    layer.impl = "reference"
    torch.testing.assert_close(ours, layer(feat, LENGTHS), rtol=1e-3, atol=1e-3)  # cuDNN: tf32


def test_the_kernel_can_be_captured():
    inputs, table, parameters = inputs_of(4, torch.float32)
    given = [x.cuda() for x in (inputs, table.rows, *parameters)]
    right = GRUScan.apply(*given)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        states = GRUScan.apply(*given)
    states.zero_()
    graph.replay()
    assert states.equal(right)


def test_a_direct_call_that_does_not_fit_raises():
    inputs, table, (weight, _) = inputs_of(4, torch.float32)
    given = [x.cuda() for x in (inputs, table.rows, weight)]
    with pytest.raises(RuntimeError, match="bias has another shape than expected"):
        torch.ops.ariigcn.gru_scan(*given, torch.ones(1, 11, device="cuda"))


def test_a_width_that_does_not_fit_is_run_by_cudnn():
    layer = DialogueGRU(4, 2000).cuda()
    assert layer(torch.randn(36, 4, device="cuda"), LENGTHS).shape == (36, 2000)
