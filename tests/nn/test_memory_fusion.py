"""MemoryFusion and SentenceContext: a reference step by step, masks, odd widths, gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.nn import MemoryFusion, SentenceContext

WIDTHS, HIDDEN = {"text": 5, "audio": 3, "visual": 2}, {"text": 7, "audio": 3, "visual": 1}
MEMORY = 9


def make(widths: dict[str, int] = WIDTHS) -> MemoryFusion:
    torch.manual_seed(0)
    return MemoryFusion(widths, HIDDEN, MEMORY, attention_dim=11, dropout=0.1).double().eval()


def words(length: int, rows: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(length)
    return {
        m: torch.randn(rows, length, w, generator=generator, dtype=torch.float64)
        for m, w in WIDTHS.items()
    }


def everywhere(length: int, rows: int = 4) -> dict[str, Tensor]:
    return dict.fromkeys(WIDTHS, torch.ones(rows, length, dtype=torch.bool))


def step_by_step(
    fusion: MemoryFusion, sentence: dict[str, Tensor], c: dict[str, Tensor], u: Tensor
) -> tuple[Tensor, Tensor]:
    """Return state and memory of one sentence, (L, D_m) each, by the formulas as printed."""

    def net(layers: nn.Module, x: Tensor) -> Tensor:
        first, _, _, second = layers
        hidden = (first.weight @ x + first.bias).clamp(min=0)
        return second.weight @ hidden + second.bias

    h = {m: torch.zeros(HIDDEN[m], dtype=torch.float64) for m in WIDTHS}
    for t in range(len(sentence["text"])):
        before, c, after = dict(c), dict(c), []
        for m, lstm in fusion.lstms.items():
            gates = lstm.weight_ih @ sentence[m][t] + lstm.bias_ih
            i, f, g, o = (gates + lstm.weight_hh @ h[m] + lstm.bias_hh).chunk(4)
            c[m] = f.sigmoid() * c[m] + i.sigmoid() * g.tanh()
            h[m] = o.sigmoid() * c[m].tanh()
        after = torch.cat([before[m] for m in WIDTHS] + [c[m] for m in WIDTHS])
        attended = net(fusion.attend, after).softmax(0) * after
        both = torch.cat([attended, u])
        retain, update = net(fusion.retain, both).sigmoid(), net(fusion.update, both).sigmoid()
        u = retain * u + update * net(fusion.propose, attended).tanh()
    return torch.cat([h[m] for m in WIDTHS]), u


@torch.no_grad()
def test_equals_the_formulas_step_by_step() -> None:
    fusion, sentences = make(), words(6)
    cells = {m: torch.randn(4, w, dtype=torch.float64) for m, w in HIDDEN.items()}
    memory = torch.randn(4, MEMORY, dtype=torch.float64)
    states, last = fusion(sentences, everywhere(6), cells, memory)
    for b in range(4):
        one = {m: x[b] for m, x in sentences.items()}
        expected = step_by_step(fusion, one, {m: x[b] for m, x in cells.items()}, memory[b])
        torch.testing.assert_close(states[b], expected[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(last[b], expected[1], rtol=0, atol=1e-12)


@torch.no_grad()
def test_begins_with_zeros_unless_told_otherwise() -> None:
    fusion, sentences = make(), words(3)
    zeros = {m: torch.zeros(4, w, dtype=torch.float64) for m, w in HIDDEN.items()}
    memory = torch.zeros(4, MEMORY, dtype=torch.float64)
    told = fusion(sentences, everywhere(3), zeros, memory)
    for found, expected in zip(fusion(sentences, everywhere(3)), told, strict=True):
        assert found.equal(expected)


@pytest.mark.parametrize("side", ["front", "end"])
@torch.no_grad()
def test_padding_is_not_read(side: str) -> None:
    fusion, sentences = make(), words(4)
    rubbish = words(3)
    order = (rubbish, sentences) if side == "front" else (sentences, rubbish)
    exists = torch.ones(4, 7, dtype=torch.bool)
    exists[:, slice(0, 3) if side == "front" else slice(4, 7)] = False
    padded = {m: torch.cat([part[m] for part in order], 1) for m in WIDTHS}
    found = fusion(padded, dict.fromkeys(WIDTHS, exists))
    for one, expected in zip(found, fusion(sentences, everywhere(4)), strict=True):
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_an_lstm_stands_still_where_its_modality_is_missing() -> None:
    fusion, sentences, exists = make(), words(5), everywhere(5)
    exists = exists | {"audio": torch.zeros(4, 5, dtype=torch.bool)}
    states, _ = fusion(sentences, exists)
    assert (states[:, 7:10] == 0).all()
    other = fusion(sentences | {"audio": sentences["audio"] + 3}, exists)
    assert other.states.equal(states)


def test_has_the_parameters_of_the_published_networks() -> None:
    """LSTM cells, and four networks of two linear layers."""
    total = sum(HIDDEN.values())
    cells = sum(4 * HIDDEN[m] * (w + HIDDEN[m] + 2) for m, w in WIDTHS.items())

    def layers(reads: int, gives: int) -> int:
        return 11 * reads + 11 + gives * 11 + gives

    networks = (
        layers(2 * total, 2 * total)
        + layers(2 * total, MEMORY)
        + 2 * layers(2 * total + MEMORY, MEMORY)
    )
    assert sum(p.numel() for p in make().parameters()) == cells + networks


def test_gradients_are_right() -> None:
    fusion, sentences = make(), words(3, rows=2)
    exists = torch.tensor([[True, True, False], [True, True, True]])

    def last(*rows: Tensor) -> tuple[Tensor, Tensor]:
        found = fusion(dict(zip(WIDTHS, rows, strict=True)), dict.fromkeys(WIDTHS, exists))
        return found.states, found.memory

    rows = [x.requires_grad_() for x in sentences.values()]
    assert torch.autograd.gradcheck(last, rows)


def make_context(sentences: int = 3) -> SentenceContext:
    torch.manual_seed(0)
    options = {"dim": 6, "num_heads": 3, "num_layers": 2}
    return SentenceContext(WIDTHS, HIDDEN, MEMORY, sentences, **options).double().eval()


@torch.no_grad()
def test_sentences_that_do_not_exist_are_not_looked_at() -> None:
    context, states = make_context(), words(3)
    exists = torch.tensor([[False, True, True]]).expand(4, 3)
    cells, memory = context(states, exists)
    changed = {m: x.clone() for m, x in states.items()}
    for x in changed.values():
        x[:, 0] = 9.0
    other_cells, other_memory = context(changed, exists)
    assert memory.equal(other_memory)
    assert all(cells[m].equal(other_cells[m]) for m in WIDTHS)


@torch.no_grad()
def test_without_any_sentence_memory_and_cells_are_zeros() -> None:
    context = make_context()
    cells, memory = context(words(3), torch.zeros(4, 3, dtype=torch.bool))
    assert (memory == 0).all()
    assert all((x == 0).all() for x in cells.values())


@torch.no_grad()
def test_the_order_of_sentences_counts() -> None:
    context, states = make_context(), words(3)
    exists = torch.ones(4, 3, dtype=torch.bool)
    turned = {m: x.flip(1) for m, x in states.items()}
    assert not torch.allclose(context(states, exists)[1], context(turned, exists)[1])
