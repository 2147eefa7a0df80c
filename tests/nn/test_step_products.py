"""Products with one matrix, step after step, and a GRU's gates: kernels against plain torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._gru_steps import Cell, GRUSteps, pass_gates, pass_gates_back
from ariigcn_dgl.nn._step_products import StepProduct, add_row_sums, row_dots, write_outer_sum
from tests.native_calls import CALLS

NAMES = ["pack_matrix", "add_packed_product", "outer_product", "row_dots", "add_row_sums"]
each_type = pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


@each_type
def test_a_product_is_added(dtype: torch.dtype):
    out = torch.tensor([[1.0, 2.0]], dtype=dtype)
    matrix = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=dtype)
    StepProduct(matrix).add(out, torch.tensor([[10.0, 20.0, 30.0]], dtype=dtype))
    assert out.tolist() == [[41, 52]]


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 30])
@pytest.mark.parametrize(("depth", "width"), [(1, 1), (1, 5), (5, 1), (9, 64), (70, 131)])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_equal_torchs(rows: int, depth: int, width: int, transposed: bool):
    matrix = random(width, depth).T if transposed else random(depth, width)
    out, x = random(rows, width), random(rows, depth)
    expected = out + x @ matrix
    product = StepProduct(matrix)
    product.add(out, x)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


def test_a_product_writes_to_its_columns_only():
    gates, x, matrix = random(3, 10), random(3, 8), random(4, 5)
    before = gates.clone()
    StepProduct(matrix).add(gates[:, 2:7], x[:, 1:5])
    torch.testing.assert_close(gates[:, 2:7], before[:, 2:7] + x[:, 1:5] @ matrix)
    assert gates[:, :2].equal(before[:, :2])
    assert gates[:, 7:].equal(before[:, 7:])


@each_type
def test_outer_products_are_summed_over_rows(dtype: torch.dtype):
    left = torch.tensor([[1.0, 2.0], [10.0, 20.0]], dtype=dtype)
    right = torch.tensor([[3.0], [1.0]], dtype=dtype)
    out = torch.empty(2, 1, dtype=dtype)
    write_outer_sum(out, left, right)
    assert out.tolist() == [[13], [26]]


@pytest.mark.parametrize("rows", [0, 1, 127, 128, 300])
def test_outer_products_equal_torchs(rows: int):
    left, right = random(rows, 67)[:, 2:], random(rows, 70)
    whole = torch.zeros(65, 75, dtype=torch.float64)
    write_outer_sum(whole[:, 3:73], left, right)
    torch.testing.assert_close(whole[:, 3:73], left.T @ right, rtol=1e-12, atol=1e-12)
    assert not whole[:, [0, 1, 2, 73, 74]].any()


@each_type
def test_rows_of_tables_are_multiplied_and_summed(dtype: torch.dtype):
    tables = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]], dtype=dtype)
    assert row_dots(tables, torch.tensor([[1.0, 10.0]], dtype=dtype)).tolist() == [[21, 43]]
    out = torch.tensor([[100.0, 200.0]], dtype=dtype)
    add_row_sums(out, torch.tensor([[1.0, 10.0]], dtype=dtype), tables)
    assert out.tolist() == [[131, 242]]


@pytest.mark.parametrize("rows", [0, 1, 9, 70])
def test_rows_of_parts_of_tables_equal_torchs(rows: int):
    tables, vectors = random(3, 90, 37)[:, 5 : 5 + rows], random(3, 37)
    weights, out = random(3, 80)[:, :rows], random(3, 37)
    dots = torch.einsum("btd,bd->bt", tables, vectors)
    torch.testing.assert_close(row_dots(tables, vectors), dots, rtol=1e-12, atol=1e-12)
    expected = out + torch.einsum("bt,btd->bd", weights, tables)
    add_row_sums(out, weights, tables)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_is_that_of_torchs_cell(dtype: torch.dtype):
    torch.manual_seed(0)
    cell, x = nn.GRUCell(4 + 3, 19).to(dtype), random(5, 4 + 3, dtype=dtype)
    with torch.no_grad():
        steps = GRUSteps(Cell(*cell.parameters(), None), x[:, :4], [2, 2, 1])
        first, second = torch.empty(2, 19, dtype=dtype), torch.empty(2, 19, dtype=dtype)
        steps.add_others(0, x[:2, 4:])
        steps.run(0, torch.zeros_like(first), first)
        steps.add_others(1, x[2:4, 4:])
        steps.run(1, first, second)
        torch.testing.assert_close(first, cell(x[:2]))
        torch.testing.assert_close(second, cell(x[2:4], first))


@pytest.mark.parametrize("kept", [True, False])
def test_gates_have_the_values_and_gradients_of_plain_torch(
    kept: bool, monkeypatch: pytest.MonkeyPatch
):
    arguments, state, grad = 3 * random(11, 4 * 19), random(11, 19), random(11, 19)
    keep = random(11, 19) if kept else None
    found = []
    for native in (True, False):
        monkeypatch.setattr("ariigcn_dgl.nn._gru_steps.has_kernels", lambda _, own=native: own)
        gates, out, of_state = arguments.clone(), torch.empty_like(state), torch.empty_like(state)
        of_gates = torch.empty_like(gates)
        pass_gates(gates, state, keep, out)
        pass_gates_back(grad, gates, state, keep, of_gates, of_state)
        # u stays as it is, beside what is made of n, r and z
        found.append((gates, out, of_gates, of_state))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1e3, 1e30, float("inf")])
def test_gates_saturate(size: float):
    gates = torch.tensor([[size, -size, size, 2.0]])
    out = torch.empty(1, 1)
    pass_gates(gates, torch.zeros(1, 1), None, out)
    assert gates.tolist() == [[1, pytest.approx(0, abs=1e-38), 1, 2]]
    assert out.item() == 1


@pytest.mark.parametrize("name", [*NAMES, "gru_gates", "gru_gates_backward"])
def test_operators_keep_torchs_rules(name: str):
    call, arguments = CALLS[name]
    torch.library.opcheck(call.default, tuple(arguments.values()))
