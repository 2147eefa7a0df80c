"""Transformers within and across modalities."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import CrossModalTransformer, TransformerBlock
from ariigcn_dgl.nn._positions import positions

NAMES = ["text", "audio", "visual"]
LENGTHS = torch.tensor([3, 1, 5])
ROWS = torch.arange(9).split(LENGTHS.tolist())


@pytest.fixture
def feat() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {m: torch.randn(9, 8, generator=generator, dtype=torch.float64) for m in NAMES}


@pytest.fixture
def masks() -> dict[str, Tensor]:
    """Utterances 1 and 6 have no audio; no utterance of the second dialogue has visual."""
    masks = {m: torch.ones(9, dtype=torch.bool) for m in NAMES}
    masks["audio"][[1, 6]] = False
    masks["visual"][3] = False
    return masks


def make(names: list[str] = NAMES) -> CrossModalTransformer:
    torch.manual_seed(0)
    return CrossModalTransformer(names, 8, 2).double().eval()


def slow_block(block: TransformerBlock, queries: Tensor, keys: Tensor) -> Tensor:
    """Scaled dot products head by head, as in Vaswani 2017; without anything hidden."""
    layer = block.attend.attention
    pairs = zip(layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3), strict=True)
    inputs = (queries, keys, keys)
    q, k, v = (x @ weight.T + bias for x, (weight, bias) in zip(inputs, pairs, strict=True))
    heads = [
        (q[:, part] @ k[:, part].T / 4**0.5).softmax(1) @ v[:, part]
        for part in (slice(0, 4), slice(4, 8))
    ]
    states = block.attend.norm(queries + layer.out_proj(torch.cat(heads, dim=1)))
    first, last = block.layers[0], block.layers[3]
    return block.norm(states + last(first(states).relu()))


def slow_fusion(model: CrossModalTransformer, feat: dict, masks: dict) -> Tensor:
    """One dialogue, utterance after utterance, without any padding or hidden key."""
    steps = len(feat["text"])
    places, within, across = _places(steps), {}, {}
    for m in NAMES:
        there = feat[m][masks[m]] + places[masks[m]]
        states = slow_block(model.within[m], there, there)
        within[m] = dict(zip(masks[m].nonzero().flatten().tolist(), states, strict=True))
    for (m, n), block in zip(model.pairs, model.across, strict=True):
        across[m, n] = {}
        for i, state in within[m].items():
            if within[n]:
                keys = torch.stack(list(within[n].values()))
                across[m, n][i] = slow_block(block, state.unsqueeze(0), keys)[0]
    fused = []
    for i in range(steps):
        parts = [stream[i] for stream in (*within.values(), *across.values()) if i in stream]
        parts = torch.stack(parts)
        fused.append(model.score(parts).softmax(0).T @ parts)
    return torch.cat(fused)


@torch.no_grad()
def test_equals_the_equations_on_each_dialogue(feat: dict, masks: dict):
    model = make()
    fused = model(feat, masks, LENGTHS)
    for rows in ROWS:
        part, there = ({m: x[m][rows] for m in NAMES} for x in (feat, masks))
        expected = slow_fusion(model, part, there)
        torch.testing.assert_close(fused[rows], expected, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_what_stands_in_a_missing_row_does_not_matter(feat: dict, masks: dict):
    model = make()
    changed = {m: x.masked_fill(~masks[m].unsqueeze(1), 9.0) for m, x in feat.items()}
    assert model(changed, masks, LENGTHS).equal(model(feat, masks, LENGTHS))


@torch.no_grad()
def test_an_utterance_without_any_modality_gets_finite_states(feat: dict, masks: dict):
    nothing = {m: torch.zeros_like(mask) for m, mask in masks.items()}
    assert make()(feat, nothing, LENGTHS).isfinite().all()


@torch.no_grad()
def test_one_modality_is_its_own_block(feat: dict, masks: dict):
    model = make(["text"])
    inputs = feat["text"][:3] + _places(3)
    expected = slow_block(model.within["text"], inputs, inputs)
    torch.testing.assert_close(model(feat, masks, LENGTHS)[:3], expected)


def _places(steps: int) -> Tensor:
    return positions(torch.empty(1, steps, 8, dtype=torch.float64))


def test_positions_are_sines_and_cosines():
    places = positions(torch.empty(1, 3, 4))
    expected = [
        [step.sin(), (step / 10_000).sin(), step.cos(), (step / 10_000).cos()]
        for step in torch.arange(3.0)
    ]
    torch.testing.assert_close(places, torch.tensor(expected))
