"""C-MFN: sizes, what (P) and (C) do not see, words and padding, blocks, misaligned words."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, Steps, Window, collate
from ariigcn_dgl.data import Dialogues, dialogues_from_arrays, load_dialogues
from ariigcn_dgl.data.community.humour import humour_example
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import CMFN, CMFNConfig
from ariigcn_dgl.models.objective import Objective, head_of
from ariigcn_dgl.training.ensemble import Ensemble
from ariigcn_dgl.training.fit_run import fit

WIDTHS = {"text": 5, "audio": 3, "visual": 2}
SMALL = CMFNConfig(
    text_dim=7,
    other_dim=3,
    memory_dim=9,
    attention_dim=11,
    transformer_dim=6,
    num_heads=3,
    num_layers=1,
    block_dim=5,
    max_context=3,
)
LENGTHS = (4, 1, 3)  # sentences; the last of each is the punch line
SPLITS = ("train", "val", "test")


def make_dialogues(extra: int = 0) -> Dialogues:
    """Return three talks of sentences of 1 to 6 words, of which the last has a label."""
    generator = np.random.default_rng(0)
    count = sum(LENGTHS)
    words = generator.integers(1, 7, count)
    last = np.cumsum(LENGTHS) - 1
    features = {
        m: [generator.normal(size=(n + (m == "audio") * extra, w)) for n in words]
        for m, w in WIDTHS.items()
    }
    return dialogues_from_arrays(
        dialogue=np.repeat(["a", "b", "c"], LENGTHS),
        speaker=["speaker"] * count,
        split=np.repeat(SPLITS, LENGTHS),
        label=["funny" if n in last else "" for n in range(count)],
        label_names=["not funny", "funny"],
        **features,
    )


def make(widths: dict[str, int] = WIDTHS, **changes: object) -> CMFN:
    torch.manual_seed(0)
    return CMFN(widths, 2, replace(SMALL, **changes)).double().eval()


@pytest.fixture
def batch() -> Batch:
    found = collate(make_dialogues(), [0, 1, 2], Window(0, 0))
    return replace(
        found,
        features={m: x.double() for m, x in found.features.items()},
        sequences={m: Steps(x.rows.double(), x.lengths) for m, x in found.sequences.items()},
    )


@pytest.mark.parametrize(
    ("sees", "blocks", "parameters"),
    [
        ("both", False, 20_696_706),
        ("both", True, 22_306_805),
        ("punchline", False, 830_210),
        ("punchline", True, 2_703_477),
        ("context", False, 20_696_706),
        ("context", True, 22_306_805),
    ],
)
def test_has_the_parameters_of_before(sees: str, blocks: bool, parameters: int) -> None:
    with torch.device("meta"):
        widths = {"text": 300, "audio": 81, "visual": 371}
        model = CMFN(widths, 2, CMFNConfig(sees=sees, blocks=blocks))
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_parameters_are_those_of_its_parts() -> None:
    """Of the golden number of "both": LSTMs, Transformer, memory, classifier."""
    widths, hidden = (300, 81, 371), (128, 64, 64)
    lstms = sum(4 * h * (w + h + 2) for w, h in zip(widths, hidden, strict=True))
    attention, norms = 4 * (512 * 512 + 512), 2 * 2 * 512
    block = attention + norms + (512 * 2048 + 2048) + (2048 * 512 + 512)
    cells = sum(5 * h * h + h for h in hidden)
    context = cells + (256 * 512 + 512) + 6 * block + (5 * 512 * 128 + 128)

    def layers(reads: int, gives: int) -> int:
        return 128 * reads + 128 + gives * 128 + gives

    memory = layers(512, 512) + layers(512, 128) + 2 * layers(512 + 128, 128)
    head = layers(256 + 128, 2)
    assert 2 * lstms + context + memory + head == 20_696_706


def gradients(model: CMFN, batch: Batch, utterance: int) -> Tensor:
    """Return how far the words of each utterance move one utterance's logits, (N,)."""
    steps = {
        m: Steps(x.rows.detach().requires_grad_(), x.lengths) for m, x in batch.sequences.items()
    }
    features = {m: x.detach().requires_grad_() for m, x in batch.features.items()}
    model(replace(batch, sequences=steps, features=features))[utterance].square().sum().backward()
    owners = torch.arange(len(batch.labels)).repeat_interleave(steps["text"].lengths)
    found = torch.zeros(len(batch.labels), dtype=torch.float64)
    for one in steps.values():
        assert one.rows.grad is not None
        found = found.index_add(0, owners, one.rows.grad.abs().sum(1))
    for x in features.values():
        found = found if x.grad is None else found + x.grad.abs().sum(1)
    return found


@pytest.mark.parametrize(
    ("sees", "blocks", "seen"),
    [
        (sees, blocks, seen)
        for (sees, seen), blocks in product(
            [("both", [0, 1, 2, 3]), ("punchline", [3]), ("context", [0, 1, 2])], [False, True]
        )
    ],
)
def test_no_gradient_comes_from_what_is_not_seen(
    sees: str, blocks: bool, seen: list[int], batch: Batch
) -> None:
    found = gradients(make(sees=sees, blocks=blocks), batch, utterance=3)
    assert found.nonzero().flatten().tolist() == seen


@pytest.mark.parametrize(("sees", "seen"), [("punchline", [3, 4, 7]), ("context", [0, 1, 2, 5, 6])])
def test_no_loss_reads_what_is_not_seen(sees: str, seen: list[int], batch: Batch) -> None:
    model = make(sees=sees, blocks=True).train()
    changed = [n for n in range(8) if n not in seen]
    features = {m: x.clone() for m, x in batch.features.items()}
    steps = dict(batch.sequences)
    owners = torch.arange(8).repeat_interleave(steps["text"].lengths)
    for m, x in features.items():
        x[changed] += 3
        rows = steps[m].rows.clone()
        rows[torch.isin(owners, torch.tensor(changed))] += 3
        steps[m] = Steps(rows, steps[m].lengths)
    other = replace(batch, features=features, sequences=steps)
    results = []
    for one in (batch, other):
        torch.manual_seed(1)
        terms = model.losses(one) | {"discriminator": model.discriminator_loss(one)}
        results.append({name: term.item() for name, term in terms.items()})
    assert results[0] == pytest.approx(results[1], rel=1e-9)


@torch.no_grad()
def test_of_a_sentence_the_first_words_are_read_and_before_it_the_last_sentences(
    batch: Batch,
) -> None:
    model = make(max_words=2, max_context=1)
    steps = batch.sequences["text"]
    ends = steps.lengths.cumsum(0)
    late = torch.arange(len(steps.rows)) - (ends - steps.lengths).repeat_interleave(steps.lengths)
    rows = torch.where((late >= 2).unsqueeze(1), 5.0, steps.rows)
    rows[: int(ends[1])] = 7.0  # two sentences before the punch line of the first talk
    changed = replace(batch, sequences=batch.sequences | {"text": Steps(rows, steps.lengths)})
    torch.testing.assert_close(model(changed)[3:], model(batch)[3:], rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_longer_sentence_in_the_batch_changes_nothing(batch: Batch) -> None:
    dialogues, model = make_dialogues(), make(blocks=True).float()
    together = model(collate(dialogues, [0, 1, 2], Window(0, 0)))
    alone = [model(collate(dialogues, [b], Window(0, 0))) for b in range(3)]
    torch.testing.assert_close(torch.cat(alone), together, rtol=0, atol=1e-6)


@torch.no_grad()
def test_a_vector_stands_beside_every_word(batch: Batch) -> None:
    model = make()
    vector = batch.features["audio"]
    lengths = batch.sequences["text"].lengths
    repeated = Steps(vector.repeat_interleave(lengths, 0), lengths)
    words = model(replace(batch, sequences=batch.sequences | {"audio": repeated}))
    others = {m: x for m, x in batch.sequences.items() if m != "audio"}
    torch.testing.assert_close(model(replace(batch, sequences=others)), words)


def test_words_that_are_not_aligned_are_refused(batch: Batch) -> None:
    with pytest.raises(
        InputError, match=r"'a_0' has \d rows of text for \d of audio, expected .* aligned"
    ):
        CMFN.resolved(SMALL, make_dialogues(extra=1))
    steps = batch.sequences["audio"]
    assert steps.lengths[0] > 1
    shorter = Steps(steps.rows[1:], torch.cat([steps.lengths[:1] - 1, steps.lengths[1:]]))
    with pytest.raises(InputError, match="different lengths in text and audio and visual"):
        make()(replace(batch, sequences=batch.sequences | {"audio": shorter}))


def test_one_modality_has_neither_gan_nor_imcl(batch: Batch) -> None:
    model = make({"text": 5}, blocks=True)
    assert list(model.losses(batch)) == ["classification", "iccl"]
    assert list(model.discriminator_parameters()) == []


def test_a_batch_without_labels_has_finite_gradients(batch: Batch) -> None:
    unlabelled = replace(batch, labels=torch.full_like(batch.labels, -1))
    model = make(blocks=True).train()
    terms = model.losses(unlabelled)
    (sum(terms.values()) + model.discriminator_loss(unlabelled)).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_only_labelled_utterances_are_trained_on(batch: Batch) -> None:
    model = make()
    expected = torch.nn.functional.cross_entropy(model(batch)[[3, 4, 7]], batch.labels[[3, 4, 7]])
    torch.testing.assert_close(model.losses(batch)["classification"], expected)


def test_of_other_targets_only_what_is_known_is_trained_on(batch: Batch) -> None:
    spec = TargetSpec("fun", "regression", ("fun",), 0.0, 10.0)
    values = torch.full((8, 1), float("nan"))
    known = [1, 4, 7]
    values[known] = torch.tensor([[2.0], [2.1], [9.0]])
    unlabelled = torch.full_like(batch.labels, -1)
    batch = replace(batch, labels=unlabelled, targets={"fun": values})
    torch.manual_seed(0)
    model = CMFN(WIDTHS, 1, replace(SMALL, blocks=True)).double().eval()
    model.objective = Objective((head_of(spec),))
    terms = model.losses(batch)
    expected = (model(batch)[known] - values[known]).abs().mean()
    torch.testing.assert_close(terms["fun"], expected)
    assert list(terms) == ["fun", "iccl", "imcl", "generator"]
    assert all(term.isfinite() for term in terms.values())
    # The second is in a bin with the third instead of the first.
    values = values.clone()
    values[4] = 8.9
    assert model.losses(replace(batch, targets={"fun": values}))["iccl"] != terms["iccl"]


@pytest.mark.slow  # a training
def test_a_run_on_words_is_scored_again_as_it_was(tmp_path: Path) -> None:
    talks = humour_example({"text": 4, "audio": 3}, fraction=0.002)
    settings = {f"model.{name}": value for name, value in vars(SMALL).items() if name != "sees"}
    settings |= {"model.blocks": True, "training.epochs": 2}
    run = tmp_path / "run"
    ensemble = fit(talks, run, system="c-mfn", settings=settings, seeds=[0])
    record = json.loads((run / "seed0" / "run.json").read_text())
    again = Ensemble(run).score(load_dialogues(run / "data"))
    assert again == ensemble.score(talks)
    assert again.weighted_f1 == pytest.approx(record["test"]["weighted_f1"])
