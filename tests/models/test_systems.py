"""What every system must do. A new system is one line in `SMALL`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from inspect import getdoc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, SynthConfig, SynthModality, synthesise
from ariigcn_dgl.models import SYSTEMS, System
from ariigcn_dgl.training.prepare import check_config
from ariigcn_dgl.training.run_config import RunConfig, read_config, write_config
from ariigcn_dgl.training.trainer import Learner


@dataclass(frozen=True)
class Small:
    """Settings with which a system learns ten dialogues by heart in a second."""

    model: dict[str, Any]
    learning_rate: float = 0.01
    steps: int = 60
    modalities: tuple[str, ...] = ("text", "audio", "visual")  # that it looks at


SMALL = {
    "ariigcn": Small({"hidden_dim": 32, "window": Window(2, 2), "head_dropout": 0.1}),
    "bc-lstm": Small({"hidden_dim": 32, "dropout": 0.1}),
    "bc-lstm-att": Small({"hidden_dim": 32, "dropout": 0.1}, steps=150),
    "bigru": Small({"hidden_dim": 32}),
    "c-mfn": Small(
        {"text_dim": 32, "other_dim": 8, "memory_dim": 16, "transformer_dim": 32, "num_layers": 1}
        | {"block_dim": 16, "dropout": 0.1, "blocks": True}
    ),
    "ct-net": Small({"hidden_dim": 32, "context_dim": 16, "dropout": 0.1}, 0.003),
    # without nodal attention, which blends utterances that the graph has made alike
    "dialogue-gcn": Small({"hidden_dim": 32, "window": Window(2, 2), "nodal_attention": False}),
    "dialogue-rnn": Small(
        {"global_dim": 16, "party_dim": 16, "emotion_dim": 32, "listener": True}, steps=100
    ),
    "graphsmile": Small(
        {"hidden_dim": 32, "num_layers": 3, "window": Window(2, 2), "dropout": 0.1}
    ),
    "lr-gcn": Small({"hidden_dim": 32, "window": Window(2, 2), "dropout": 0.1}),
    "m3net": Small({"hidden_dim": 32, "graph_dim": 32, "dropout": 0.1}),
    "mlp": Small({"hidden_dim": 64, "dropout": 0.1}),
    "mmgcn": Small({"hidden_dim": 32, "graph_dim": 32, "dropout": 0.1}),
    "sdt": Small({"hidden_dim": 32, "dropout": 0.1}, 0.003),
    "textcnn": Small({"num_filters": 32, "dropout": 0.1}, modalities=("text",)),
}
each_system = pytest.mark.parametrize("name", SYSTEMS)
# ariigcn trains its GAN in steps of their own; c-mfn has no use for a state before a first word.
SOME_WEIGHTS_REST = ("ariigcn", "c-mfn")
# Others know speakers by the relations of a graph, or not at all.
READING_SPEAKERS = ("ct-net", "dialogue-rnn", "m3net", "mmgcn", "sdt")


def _modality(width: int) -> SynthModality:
    return SynthModality(width, strength=1.4, trait=0.3, drift=0.1)


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    """Ten dialogues of two speakers in training, and two more in each of the others."""
    return synthesise(
        SynthConfig(
            train=10,
            val=2,
            test=2,
            length_mean=4,
            length_sd=3,
            length_min=1,
            length_max=12,
            text=_modality(16),
            audio=_modality(5),
            visual=_modality(4),
        )
    )


def config_of(name: str, dialogues: Dialogues) -> RunConfig:
    small = SMALL[name]
    model = replace(SYSTEMS[name].Config(), **small.model)
    training = TrainingConfig(learning_rate=small.learning_rate)
    return RunConfig(name, model, training).resolved(dialogues)


def make(name: str, dialogues: Dialogues) -> System:
    torch.manual_seed(0)
    return config_of(name, dialogues).build(dialogues.widths, dialogues.num_classes)


def lengthened(dialogues: Dialogues) -> list[int]:
    """Return dialogues of different lengths, not sorted by them."""
    order = np.argsort(dialogues.lengths)
    return [int(order[i]) for i in (5, 0, 9, 3)]


@each_system
def test_system_has_small_settings_for_these_tests(name: str) -> None:
    assert name in SMALL


@pytest.mark.slow
@each_system
def test_ten_dialogues_are_learned_by_heart(name: str, dialogues: Dialogues) -> None:
    model, config = make(name, dialogues), config_of(name, dialogues)
    learner = Learner(model, config.training, 1, SMALL[name].steps)
    batch = collate(dialogues, dialogues.indices("train"), model.window)
    for _ in range(SMALL[name].steps):
        learner.train_step(batch)
    right = model.eval()(batch).argmax(1) == batch.labels
    assert right[batch.labelled].double().mean() > 0.95


@each_system
@torch.no_grad()
def test_dialogues_of_a_batch_do_not_influence_each_other(name: str, dialogues: Dialogues) -> None:
    model, chosen = make(name, dialogues).eval(), lengthened(dialogues)
    together = model(collate(dialogues, chosen, model.window))
    alone = [model(collate(dialogues, [one], model.window)) for one in chosen]
    torch.testing.assert_close(torch.cat(alone), together, rtol=1e-5, atol=1e-5)


@each_system
@torch.no_grad()
def test_the_default_device_does_not_matter(name: str, dialogues: Dialogues) -> None:
    model = make(name, dialogues).eval()
    expected = model(collate(dialogues, [0, 1], model.window))
    with torch.device("meta"):
        found = model.forward(collate(dialogues, [0, 1], model.window))
    torch.testing.assert_close(found, expected)  # torch's Transformers take another path there


@each_system
@torch.no_grad()
def test_a_dialogue_of_one_utterance_gets_logits(name: str, dialogues: Dialogues) -> None:
    model, shortest = make(name, dialogues).eval(), int(np.argmin(dialogues.lengths))
    assert dialogues.lengths[shortest] == 1
    logits = model(collate(dialogues, [shortest], model.window))
    assert logits.shape == (1, dialogues.num_classes)
    assert logits.isfinite().all()


def without(batch: Batch, modality: str, rubbish: float) -> Batch:
    mask = torch.zeros_like(batch.masks[modality])
    features = torch.full_like(batch.features[modality], rubbish)
    return replace(
        batch,
        masks=batch.masks | {modality: mask},
        features=batch.features | {modality: features},
    )


def seen(name: str) -> Iterator[str]:
    return iter(SMALL[name].modalities)


@pytest.mark.parametrize(("name", "modality"), [(n, m) for n in SYSTEMS for m in seen(n)])
@torch.no_grad()
def test_a_missing_modality_counts_as_zeros(name: str, modality: str, dialogues: Dialogues) -> None:
    model = make(name, dialogues).eval()
    batch = collate(dialogues, [0, 1], model.window)
    logits = model(without(batch, modality, rubbish=0.0))
    assert logits.isfinite().all()
    assert not logits.equal(model(batch))
    assert logits.equal(model(without(batch, modality, rubbish=7.0)))


@each_system
def test_the_training_loss_has_finite_gradients_with_missing_modalities(
    name: str, dialogues: Dialogues
) -> None:
    model = make(name, dialogues).train()
    batch = collate(dialogues, [0, 1], model.window)
    sum(model.losses(without(batch, "text", rubbish=0.0)).values()).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads
    assert all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name not in SOME_WEIGHTS_REST])
def test_every_weight_is_trained(name: str, dialogues: Dialogues) -> None:
    model = make(name, dialogues).train()
    batch = collate(dialogues, dialogues.indices("train"), model.window)
    sum(model.losses(batch).values()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@each_system
@torch.no_grad()
def test_names_of_speakers_do_not_matter(name: str, dialogues: Dialogues) -> None:
    model = make(name, dialogues).eval()
    batch = collate(dialogues, lengthened(dialogues), model.window)
    assert model(replace(batch, speakers=100 - batch.speakers)).equal(model(batch))


@pytest.mark.parametrize("name", READING_SPEAKERS)
@torch.no_grad()
def test_who_speaks_matters(name: str, dialogues: Dialogues) -> None:
    model = make(name, dialogues).eval()
    batch = collate(dialogues, lengthened(dialogues), model.window)
    others = batch.speakers.clone()
    others[1] = others.max() + 1  # somebody who has said nothing yet
    assert not model(replace(batch, speakers=others)).equal(model(batch))


@each_system
def test_settings_are_read_back_as_they_were_written(
    name: str, dialogues: Dialogues, tmp_path: Path
) -> None:
    for config in (RunConfig(name), config_of(name, dialogues)):
        write_config(tmp_path / "config.yaml", config)
        assert read_config(tmp_path / "config.yaml") == config


@each_system
def test_published_settings_are_in_range_and_can_be_built(name: str, dialogues: Dialogues) -> None:
    check_config(RunConfig(name).resolved(dialogues), dialogues)


@each_system
def test_every_setting_is_documented(name: str) -> None:
    config = SYSTEMS[name].Config
    for setting in asdict(config()):
        assert f"\n{setting} : " in getdoc(config)
