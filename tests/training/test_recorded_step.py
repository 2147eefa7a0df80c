"""Steps that are recorded and replayed do what steps that are computed do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.optimise import Optimiser
from ariigcn_dgl.training.presets import preset_config
from ariigcn_dgl.training.recorded_step import CudaGraphs, RecordedStep
from tests.training.recording import EmulatedGraphs

# What else than the presets has a way of its own through the step.
SETTINGS = [
    ("tuned", {}),
    ("tuned-meld", {}),
    ("paper", {}),
    ("tuned", {"speaker_relative": ("text", "audio"), "causal": True}),
    ("tuned", {"sccl_weight": 0.8, "scl_weight": 0.2, "fusion": "tfn"}),
    ("tuned", {"context": "none", "graph": False}),
]
each_setting = pytest.mark.parametrize(("preset", "changes"), SETTINGS, ids=str)
# Batches of two shapes, in which each dialogue stands elsewhere every time.
CHOSEN = [[0, 1, 2], [3, 4], [1, 2, 0], [4, 3], [2, 0, 1], [2, 1, 0], [3, 4], [0, 2, 1]]


def optimisers_of(preset: str, changes: dict, dialogues: Dialogues, device: str) -> list[Optimiser]:
    """Return two optimisers of one model, in float64 and without dropout; one to be recorded."""
    config, found = preset_config("ariigcn", preset), []
    kind = SYSTEMS["ariigcn"]
    settings = kind.resolved(replace(config.model, **changes), dialogues)
    for recorded in (False, True):
        torch.manual_seed(0)
        model = kind(dialogues.widths, dialogues.num_classes, settings).double().to(device)
        for layer in model.modules():
            if isinstance(layer, Dropout):
                layer.p = 0.0
        weight = torch.linspace(0.5, 1.5, dialogues.num_classes, dtype=torch.float64, device=device)
        found.append(Optimiser(model, config.training, 4, 2, weight, recorded))
    return found


def batches_of(dialogues: Dialogues, optimiser: Optimiser) -> list[Batch]:
    found = [collate(dialogues, chosen, optimiser.model.window) for chosen in CHOSEN]
    return [replace(b, features={m: x.double() for m, x in b.features.items()}) for b in found]


def check_same(
    optimisers: Sequence[Optimiser], computed: list[dict], recorded: list[dict[str, Tensor]]
) -> None:
    """Compare the losses of every step, and the weights and their averages after the last."""
    for a, b in zip(computed, recorded, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-6, atol=1e-8)
    for name in ("model", "average"):
        a, b = (getattr(o, name).state_dict() for o in optimisers)
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@each_setting
@pytest.mark.parametrize("kind", ["update", "adversarial_update"])
def test_replayed_steps_equal_computed_ones(preset, changes, kind, dialogues):
    computing, recording = optimisers_of(preset, changes, dialogues, "cpu")
    graphs = EmulatedGraphs()
    step = RecordedStep(recording, getattr(recording, kind), 3, graphs)
    batches = batches_of(dialogues, computing)
    computed = [computing.step(getattr(computing, kind), batch) for batch in batches]
    recorded = [step(batch) for batch in batches]
    assert graphs.replays == len(batches) - 2  # all but the first of each shape
    check_same([computing, recording], computed, recorded)


class _Calls:
    """A `Recorder` that computes instead."""

    def warm_up(self, function: Callable) -> object:
        return function()

    def record(self, function: Callable) -> Callable:
        return function


@pytest.mark.slow
@each_setting
@pytest.mark.parametrize("amp", [False, True], ids=["float32", "bfloat16"])
def test_replays_are_what_they_recorded_bit_by_bit(preset, changes, amp, dialogues):
    found = []
    for recorder in (_Calls(), EmulatedGraphs()):
        optimiser = optimisers_of(preset, changes, dialogues, "cpu")[1]
        optimiser.model.float()
        optimiser.average.float()
        optimiser.class_weight = None
        optimiser.config = replace(optimiser.config, amp=amp)
        step = RecordedStep(optimiser, optimiser.update, 3, recorder)
        batches = [collate(dialogues, chosen, optimiser.model.window) for chosen in CHOSEN]
        terms = [step(batch) for batch in batches]
        found.append([terms, optimiser.model.state_dict(), optimiser.average.state_dict()])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_setting
@pytest.mark.parametrize("kind", ["update", "adversarial_update"])
def test_cuda_graphs_of_steps_equal_computed_ones(preset, changes, kind, dialogues):
    computing, recording = optimisers_of(preset, changes, dialogues, "cuda")
    step = RecordedStep(recording, getattr(recording, kind), 3, CudaGraphs("cuda"))
    batches = batches_of(dialogues, computing)
    computed = [computing.step(getattr(computing, kind), b.to("cuda")) for b in batches]
    check_same([computing, recording], computed, [step(batch) for batch in batches])


@pytest.mark.parametrize("preset", ["tuned", "tuned-meld", "paper"])
def test_dropout_of_every_replay_is_another(preset: str, dialogues: Dialogues):
    config = preset_config("ariigcn", preset)
    kind = SYSTEMS["ariigcn"]
    settings = kind.resolved(replace(config.model, head_dropout=0.5), dialogues)
    model = kind(dialogues.widths, dialogues.num_classes, settings)
    optimiser = Optimiser(model, replace(config.training, learning_rate=1e-30), 4, 2, None, True)
    step = RecordedStep(optimiser, optimiser.update, 3, EmulatedGraphs())
    batch = collate(dialogues, [0, 1, 2], model.window)
    losses = [step(batch)["classification"].item() for _ in range(5)]
    assert len(set(losses)) == 5


@pytest.mark.slow
def test_a_recorded_training_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch, dialogues: Dialogues, settings: Callable, tmp_path: Path
):
    graphs = EmulatedGraphs()
    monkeypatch.setattr("ariigcn_dgl.training.fit.CudaGraphs", lambda device: graphs)
    config = settings(epochs=6, batch_size=8)

    def stop(record: dict) -> None:
        if record["epoch"] == 4 and graphs.replays:
            graphs.replays = 0
            raise KeyboardInterrupt

    def train(report: Callable) -> dict:
        return fit(dialogues, config, 0, tmp_path / "run", cuda_graphs=True, report=report)

    with pytest.raises(KeyboardInterrupt):
        train(stop)
    run = train(lambda record: None)
    assert (run["epochs"], graphs.replays) == (6, 1)
    assert run["test"]["weighted_f1"] > 0
