"""A GRU's recurrence on a CUDA device: equal to the CPU's, and in a CUDA graph."""

from __future__ import annotations

import pytest
import torch

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


@pytest.mark.parametrize("width", [1, 7, 97])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_the_scan_equals_the_cpus(dtype: torch.dtype, width: int):
    generator = torch.Generator().manual_seed(0)
    shapes = [(9, 2, 130, 3 * width), (2, 3 * width, width), (2, 3 * width)]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    inputs[1] /= width**0.5
    inputs = [x.to(dtype) for x in inputs]
    found = []
    for move in (lambda x: x.double(), lambda x: x.cuda()):
        given = [move(x).detach().requires_grad_() for x in inputs]
        states = GRUScan.apply(*given)
        found.append([states, *torch.autograd.grad(states.square().sum(), given)])
    for right, one in zip(*found, strict=True):
        assert (one.cpu().double() - right).abs().max() <= TOLERANCE[dtype] * right.abs().max()


def test_the_layer_runs_in_one_kernel_and_equals_cudnns():
    torch.manual_seed(0)
    layer, feat = DialogueGRU(8, 12).cuda(), torch.randn(36, 8, device="cuda")
    with torch.profiler.profile() as profile:
        ours = layer(feat, LENGTHS)
    assert sum("gru_scan_kernel" in event.name for event in profile.events()) == 1
    layer.impl = "reference"
    torch.testing.assert_close(ours, layer(feat, LENGTHS), rtol=1e-3, atol=1e-3)  # cuDNN: tf32


def test_the_scan_can_be_captured():
    inputs = torch.randn(5, 2, 3, 12, device="cuda")
    weight, bias = torch.randn(2, 12, 4, device="cuda"), torch.randn(2, 12, device="cuda")
    right = GRUScan.apply(inputs, weight, bias)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        states = GRUScan.apply(inputs, weight, bias)
    states.zero_()
    graph.replay()
    assert states.equal(right)


def test_a_direct_call_that_does_not_fit_raises():
    inputs, weight = torch.ones(2, 1, 1, 12, device="cuda"), torch.ones(1, 12, 4, device="cuda")
    with pytest.raises(RuntimeError, match="bias has another shape than expected"):
        torch.ops.ariigcn.gru_scan(inputs, weight, torch.ones(1, 11, device="cuda"))


def test_a_width_that_does_not_fit_is_run_by_cudnn():
    layer = DialogueGRU(4, 2000).cuda()
    assert layer(torch.randn(36, 4, device="cuda"), LENGTHS).shape == (36, 2000)
