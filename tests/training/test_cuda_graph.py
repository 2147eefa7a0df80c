"""Steps that are captured and replayed do what steps that are computed do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes, few_shapes
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.training.cuda_graph import CapturedUpdate, CudaGraphs, OrComputed
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import preset_config
from ariigcn_dgl.training.trainer import Learner
from tests.training.capturing import EmulatedGraphs

PARTS = {"adversarial": "alternate", "iccl_weight": 0.1, "imcl_weight": 0.1}
# What else than the presets has a way of its own through the step.
SETTINGS = [
    ("tuned", {}),
    ("graph", {}),
    ("tuned", {"context": "none", "graph": False}),
]
ADVERSARIAL = [
    ("tuned", PARTS),
    ("tuned-meld", PARTS | {"graph_norm": "relation"}),
    ("paper", {}),
    ("tuned", PARTS | {"speaker_relative": ("text", "audio"), "causal": True}),
    ("tuned", PARTS | {"sccl_weight": 0.8, "scl_weight": 0.2, "fusion": "tfn"}),
    ("graph", PARTS | {"cross_modal": "window", "gan_paired": True, "prediction_weight": 0.1}),
    ("graph", PARTS | {"instance_weight": 0.1, "gan_sources": "each", "discriminator_rate": 0.5}),
]
each_setting = pytest.mark.parametrize(("preset", "changes"), SETTINGS + ADVERSARIAL, ids=str)
each_update = pytest.mark.parametrize(
    ("preset", "changes", "kind"),
    [(*one, "update") for one in SETTINGS + ADVERSARIAL]
    + [(*one, "adversarial_update") for one in ADVERSARIAL],
    ids=str,
)
# Batches of two shapes, in which each dialogue stands elsewhere every time.
CHOSEN = [[0, 1, 2], [3, 4], [1, 2, 0], [4, 3], [2, 0, 1], [2, 1, 0], [3, 4], [0, 2, 1]]


def learners_of(preset: str, changes: dict, dialogues: Dialogues, device: str) -> list[Learner]:
    """Return two learners of one model, in float64 and without dropout; one to be captured."""
    config, found = preset_config("ariigcn", preset), []
    kind = SYSTEMS["ariigcn"]
    settings = kind.resolved(replace(config.model, **changes), dialogues)
    for capturable in (False, True):
        torch.manual_seed(0)
        model = kind(dialogues.widths, dialogues.num_classes, settings).double().to(device)
        for layer in model.modules():
            if isinstance(layer, Dropout):
                layer.p = 0.0
        weight = torch.linspace(0.5, 1.5, dialogues.num_classes, dtype=torch.float64, device=device)
        found.append(Learner(model, config.training, 4, 2, weight, capturable))
    return found


def batches_of(dialogues: Dialogues, learner: Learner) -> list[Batch]:
    found = [collate(dialogues, chosen, learner.model.window) for chosen in CHOSEN]
    return [replace(b, features={m: x.double() for m, x in b.features.items()}) for b in found]


def shapes_of(dialogues: Dialogues, learner: Learner) -> list[Shape]:
    window = learner.model.window
    sizes = Sizes.of_dialogues(dialogues, window).of_batches(map(np.array, CHOSEN))
    nodes = Nodes(window.nodes_per_utterance, window.num_rels)
    return few_shapes(sizes, nodes, dialogues=3, most=2)


def check_same(
    learners: Sequence[Learner], computed: list[dict], replayed: list[dict[str, Tensor]]
) -> None:
    """Compare the losses of every step, and the weights and their averages after the last."""
    for a, b in zip(computed, replayed, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-6, atol=1e-8)
    for name in ("model", "ema"):
        a, b = (getattr(one, name).state_dict() for one in learners)
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@each_update
def test_replayed_steps_equal_computed_ones(preset, changes, kind, dialogues):
    computing, capturing = learners_of(preset, changes, dialogues, "cpu")
    graphs = EmulatedGraphs()
    update = CapturedUpdate(
        getattr(capturing, kind), "cpu", shapes_of(dialogues, capturing), graphs
    )
    batches = batches_of(dialogues, computing)
    computed = [computing.step(getattr(computing, kind), batch) for batch in batches]
    replayed = [capturing.step(update, batch) for batch in batches]
    assert graphs.replays == len(batches) - 2  # all but the first of each of two shapes
    check_same([computing, capturing], computed, replayed)


class _Calls:
    """A `GraphCapture` that computes instead."""

    def warm_up(self, function: Callable) -> object:
        return function()

    def capture(self, function: Callable) -> Callable:
        return function


@pytest.mark.slow
@each_setting
@pytest.mark.parametrize(
    "amp",
    [False, pytest.param(True, marks=pytest.mark.exhaustive)],
    ids=["float32", "bfloat16"],
)
def test_replays_are_what_they_captured_bit_by_bit(preset, changes, amp, dialogues):
    found = []
    for capture in (_Calls(), EmulatedGraphs()):
        learner = learners_of(preset, changes, dialogues, "cpu")[1]
        learner.model.float()
        learner.ema.float()
        learner.class_weight = None
        learner.config = replace(learner.config, amp=amp)
        update = CapturedUpdate(learner.update, "cpu", shapes_of(dialogues, learner), capture)
        batches = [collate(dialogues, chosen, learner.model.window) for chosen in CHOSEN]
        terms = [learner.step(update, batch) for batch in batches]
        found.append([terms, learner.model.state_dict(), learner.ema.state_dict()])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_update
def test_cuda_graphs_of_steps_equal_computed_ones(preset, changes, kind, dialogues):
    computing, capturing = learners_of(preset, changes, dialogues, "cuda")
    update = CapturedUpdate(
        getattr(capturing, kind), "cuda", shapes_of(dialogues, capturing), CudaGraphs("cuda")
    )
    batches = batches_of(dialogues, computing)
    computed = [computing.step(getattr(computing, kind), b.to("cuda")) for b in batches]
    replayed = [capturing.step(update, batch) for batch in batches]
    check_same([computing, capturing], computed, replayed)


@pytest.mark.parametrize("preset", ["tuned", "tuned-meld", "paper", "graph"])
def test_dropout_of_every_replay_is_another(preset: str, dialogues: Dialogues):
    config = preset_config("ariigcn", preset)
    kind = SYSTEMS["ariigcn"]
    settings = kind.resolved(replace(config.model, head_dropout=0.5), dialogues)
    model = kind(dialogues.widths, dialogues.num_classes, settings)
    learner = Learner(model, replace(config.training, learning_rate=1e-30), 4, 2, capturable=True)
    update = CapturedUpdate(learner.update, "cpu", shapes_of(dialogues, learner), EmulatedGraphs())
    batch = collate(dialogues, [0, 1, 2], model.window)
    losses = [learner.step(update, batch)["classification"].item() for _ in range(5)]
    assert len(set(losses)) == 5


class _Uncapturable(_Calls):
    def capture(self, function: Callable) -> Callable:
        raise RuntimeError("operation not permitted when stream is capturing")


def test_what_cannot_be_captured_is_computed_and_said(dialogues: Dialogues):
    computing, capturing = learners_of("graph", {}, dialogues, "cpu")
    shapes, batches = shapes_of(dialogues, capturing), batches_of(dialogues, computing)[:4]
    update = CapturedUpdate(capturing.update, "cpu", shapes, OrComputed(_Uncapturable()))
    computed = [computing.step(computing.update, batch) for batch in batches]
    with pytest.warns(UserWarning, match=r"^a step could not be captured .* computed: operation"):
        replayed = [capturing.step(update, batch) for batch in batches]
    check_same([computing, capturing], computed, replayed)


@pytest.mark.slow
def test_a_captured_training_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch, dialogues: Dialogues, settings: Callable, tmp_path: Path
):
    graphs = EmulatedGraphs()
    monkeypatch.setattr("ariigcn_dgl.training.fit._capture", lambda *_: graphs)
    config = settings(epochs=6, batch_size=8)

    def stop(record: dict) -> None:
        if record["epoch"] == 4 and graphs.replays:
            graphs.replays = 0
            raise KeyboardInterrupt

    def train(report: Callable) -> dict:
        return fit(prepare(dialogues, config), 0, tmp_path / "run", report=report)

    with pytest.raises(KeyboardInterrupt):
        train(stop)
    run = train(lambda record: None)
    assert (run["epochs"], graphs.replays) == (6, 1)
    assert run["test"]["weighted_f1"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("modality_dropout", [0.0, 0.5])
def test_shapes_hold_modalities_that_are_filled(
    monkeypatch: pytest.MonkeyPatch,
    dialogues: Dialogues,
    settings: Callable,
    tmp_path: Path,
    modality_dropout: float,
):
    graphs = EmulatedGraphs()
    monkeypatch.setattr("ariigcn_dgl.training.fit._capture", lambda *_: graphs)
    config = settings(
        epochs=4,
        batch_size=8,
        missing="speaker_mean",
        cross_modal="window",
        modality_dropout=modality_dropout,
    )
    fit(prepare(dialogues, config), 0, tmp_path / "run")
    assert graphs.replays > 0
