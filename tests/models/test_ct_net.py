"""CT-Net: its parts in order, speakers, missing modalities, one modality."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.models import CTNet, CTNetConfig

WIDTHS = {"text": 6, "audio": 4}
SMALL = CTNetConfig(hidden_dim=8, num_heads=2, context_dim=5, num_speakers=2)


def make(config: CTNetConfig = SMALL, widths: dict[str, int] = WIDTHS) -> CTNet:
    torch.manual_seed(0)
    return CTNet(widths, 3, config).double().eval()


def test_size_of_the_defaults():
    with torch.device("meta"):
        model = CTNet({"text": 100, "audio": 100}, 6, CTNetConfig())
    block = 4 * 128 * 129 + 128 * 512 + 512 + 512 * 128 + 128 + 4 * 128
    fuse = 4 * block + 128 * 129 + 128  # two modalities, two ordered pairs; the scores
    context = 2 * 3 * 100 * (128 + 100 + 2) + 4 * 200 * 201 + 2 * 200
    others = 2 * 101 * 128 + 9 * 128 + 201 * 6  # projections, speakers, classifier
    assert sum(p.numel() for p in model.parameters()) == fuse + context + others


@torch.no_grad()
def test_is_its_parts_in_order_on_each_dialogue(batch: Batch):
    """Fusion, speaker embedding, GRU, attention added and normalised, classifier."""
    model = make()
    local = torch.tensor([0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0])  # third: second's
    logits = model(batch)
    for rows in torch.arange(17).split(batch.lengths.tolist()):
        length = torch.tensor([len(rows)])
        masks = {m: batch.masks[m][rows] for m in WIDTHS}
        projected = {
            m: model.project[m](batch.features[m][rows] * masks[m].unsqueeze(1)) for m in WIDTHS
        }
        fused = model.fuse(projected, masks, length) + model.speakers.weight[local[rows]]
        states = model.context.gru(fused)[0]
        heard = model.attend.attention(states, states, states)[0]
        expected = model.head(model.attend.norm(states + heard))
        torch.testing.assert_close(logits[rows], expected, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_who_speaks_matters_and_names_do_not(batch: Batch):
    model = make()
    assert model(replace(batch, speakers=100 - batch.speakers)).equal(model(batch))
    swapped = batch.speakers.clone()
    swapped[8] = 9
    assert not model(replace(batch, speakers=swapped)).equal(model(batch))


@torch.no_grad()
def test_one_modality_has_no_pairs(batch: Batch):
    model = make(widths={"audio": 4})
    assert len(model.fuse.across) == 0
    assert model(batch).isfinite().all()  # the last dialogue has no audio


def test_heads_must_divide_the_widths():
    with pytest.raises(ValueError, match="width of 10 cannot be split into 4 heads"):
        make(replace(SMALL, num_heads=4))
