"""CT-Net: its parts in order on vectors and on words, speakers, missing modalities, padding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, Steps
from ariigcn_dgl.data import SynthConfig, load_dialogues, synthesise
from ariigcn_dgl.data.community.humour import humour_example
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import CTNet, CTNetConfig
from ariigcn_dgl.nn._positions import positions
from ariigcn_dgl.training.ensemble import Ensemble
from ariigcn_dgl.training.fit_run import fit

WIDTHS = {"text": 6, "audio": 4}
SMALL = CTNetConfig(hidden_dim=8, num_heads=2, context_dim=5, num_speakers=2)


def make(config: CTNetConfig = SMALL, widths: dict[str, int] = WIDTHS) -> CTNet:
    torch.manual_seed(0)
    return CTNet(widths, 3, config).double().eval()


@pytest.fixture
def words(batch: Batch) -> Batch:
    """The batch with words and, in other numbers, segments of audio; utterance 15 has neither."""
    generator = torch.Generator().manual_seed(1)
    masks = {m: mask.clone() for m, mask in batch.masks.items()}
    masks["text"][15] = False
    sequences = {}
    for m, width in WIDTHS.items():
        lengths = torch.randint(1, 7, (17,), generator=generator) * masks[m]
        rows = torch.randn(int(lengths.sum()), width, generator=generator, dtype=torch.float64)
        sequences[m] = Steps(rows, lengths)
    return replace(batch, masks=masks, sequences=sequences)


@pytest.mark.parametrize("reads", ["words", "vectors"])
def test_size_of_the_defaults(reads: str):
    with torch.device("meta"):
        model = CTNet({"text": 100, "audio": 100}, 6, CTNetConfig(reads=reads))
    block = 4 * 128 * 129 + 128 * 512 + 512 + 512 * 128 + 128 + 4 * 128
    fuse = 4 * block + 128 * 129 + 128  # two modalities, two ordered pairs; the scores
    context = 2 * 3 * 100 * (128 + 100 + 2) + 4 * 200 * 201 + 2 * 200
    others = 2 * 101 * 128 + 9 * 128 + 201 * 6  # projections, speakers, classifier
    assert sum(p.numel() for p in model.parameters()) == fuse + context + others == 1_137_142


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
def test_one_modality_has_no_pairs(batch: Batch):
    model = make(widths={"audio": 4})
    assert len(model.fuse.across) == 0
    assert model(batch).isfinite().all()  # the last dialogue has no audio


def test_heads_must_divide_the_widths():
    with pytest.raises(ValueError, match="width of 10 cannot be split into 4 heads"):
        make(replace(SMALL, num_heads=4))


def fused_alone(model: CTNet, said: dict[str, Tensor]) -> Tensor:
    """Return an utterance, (D,), fused of the words (L_m, D_m) of each modality that it has."""
    fuse, states = model.fuse, {}
    for m, rows in said.items():
        table = model.project[m](rows).unsqueeze(0)
        table = table + positions(table)
        nothing = torch.zeros(1, len(rows), dtype=torch.bool)
        states[m] = fuse.within[m](table, table, nothing)
    streams = [state.mean(1) for state in states.values()]
    for (m, n), block in zip(fuse.pairs, fuse.across, strict=True):
        if m in said and n in said:
            nothing = torch.zeros(1, len(said[n]), dtype=torch.bool)
            streams.append(block(states[m], states[n], nothing).mean(1))
    if not streams:
        return torch.zeros(8, dtype=torch.float64)
    stacked = torch.cat(streams)
    return (fuse.score(stacked).softmax(0) * stacked).sum(0)


def said_in(batch: Batch) -> list[dict[str, Tensor]]:
    """Return the words of each utterance in the modalities that it has."""
    parts = {m: x.rows.split(x.lengths.tolist()) for m, x in batch.sequences.items()}
    return [{m: rows[n] for m, rows in parts.items() if len(rows[n])} for n in range(17)]


@torch.no_grad()
def test_words_are_fused_without_their_padding_and_then_heard_in_the_dialogue(words: Batch):
    """Each utterance is computed alone, where nothing is padded or missing."""
    model = make()
    fused = torch.stack([fused_alone(model, said) for said in said_in(words)])
    model.fuse.of_sequences = lambda *_: fused
    expected = model(words)
    del model.fuse.of_sequences
    torch.testing.assert_close(model(words), expected, rtol=1e-10, atol=1e-10)
    found = model._of_words(words)
    torch.testing.assert_close(found, fused, rtol=1e-10, atol=1e-10)
    assert found[14].std() > 0.1  # text alone; a dead model would prove nothing


def test_a_longer_utterance_changes_no_other_gradient(words: Batch):
    """The first dialogue's, of words that are padded more beside a dialogue of longer ones."""
    model = make()
    lengths = words.sequences["text"].lengths.clone()
    lengths[16] += 30
    more = torch.ones(30, 6, dtype=torch.float64)
    longer = Steps(torch.cat([words.sequences["text"].rows, more]), lengths)
    found = []
    for one in (words, replace(words, sequences=words.sequences | {"text": longer})):
        logits = model(one)[:5]
        found.append((logits, *torch.autograd.grad(logits.square().sum(), model.fuse.parameters())))
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_of_an_utterance_the_first_steps_are_read(words: Batch):
    model = make(replace(SMALL, max_steps=2))
    first = {
        m: Steps(torch.cat([rows[:2] for rows in x.rows.split(x.lengths.tolist())]), kept)
        for m, x in words.sequences.items()
        for kept in [x.lengths.clamp(max=2)]
    }
    torch.testing.assert_close(model(words), model(replace(words, sequences=first)))


@torch.no_grad()
def test_a_vector_beside_words_is_a_sequence_of_one_row(words: Batch):
    model = make()
    audio = words.features["audio"]
    there = words.masks["audio"]
    one = Steps(audio[there], there.long())
    text = {"text": words.sequences["text"]}
    as_words = model(replace(words, sequences=text | {"audio": one}))
    torch.testing.assert_close(model(replace(words, sequences=text)), as_words)
    rubbish = replace(words, features=words.features | {"audio": audio.where(there[:, None], 7.0)})
    assert model(replace(rubbish, sequences=text)).equal(model(replace(words, sequences=text)))


@torch.no_grad()
def test_vectors_are_read_of_words_where_that_is_asked_for(words: Batch):
    model = make(replace(SMALL, reads="vectors"))
    assert model(words).equal(model(replace(words, sequences={})))
    assert not model(words).equal(make()(words))


def test_a_model_of_words_refuses_vectors(batch: Batch):
    with pytest.raises(InputError, match="reads the words of utterances, and these have one"):
        make(replace(SMALL, reads="words"))(batch)


def test_words_are_read_where_the_data_set_has_them():
    talks = humour_example({"text": 4, "audio": 3}, fraction=0.002)
    vectors = synthesise(SynthConfig())
    assert CTNet.resolved(CTNetConfig(), talks).reads == "words"
    assert CTNet.resolved(CTNetConfig(reads="vectors"), talks).reads == "vectors"
    assert CTNet.resolved(CTNetConfig(), vectors).reads == "vectors"
    with pytest.raises(InputError, match=r"reads words: every modality of .* is one vector per"):
        CTNet.resolved(CTNetConfig(reads="words"), vectors)


@pytest.mark.slow  # a training
def test_a_run_on_words_is_scored_again_as_it_was(tmp_path: Path):
    talks = humour_example({"text": 4, "audio": 3}, fraction=0.002)
    settings = {"model.hidden_dim": 8, "model.context_dim": 4, "training.epochs": 2}
    ensemble = fit(talks, tmp_path / "run", system="ct-net", settings=settings)
    record = json.loads((tmp_path / "run" / "seed0" / "run.json").read_text())
    again = Ensemble(tmp_path / "run").score(load_dialogues(tmp_path / "run" / "data"))
    assert again == ensemble.score(talks)
    assert again.weighted_f1 == pytest.approx(record["test"]["weighted_f1"])
