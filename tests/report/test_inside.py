"""What is observed of a trained run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import ModalWindow, Window, collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.report.inside import Inside, _by_utterance, look_inside
from ariigcn_dgl.training.trained import TrainedRun
from tests.elsewhere import elsewhere


@pytest.fixture(scope="module")
def tested(dialogues: Dialogues) -> Dialogues:
    return dialogues.split("test")


@pytest.fixture(scope="module")
def trained(two_seeds: Path) -> TrainedRun:
    return TrainedRun(two_seeds / "seed0")


@pytest.fixture(scope="module")
def inside(trained: TrainedRun, tested: Dialogues) -> Inside:
    return look_inside(trained, tested)


def joined(inside: Inside, name: str) -> np.ndarray:
    return np.concatenate([getattr(answer, name) for answer in inside.answers])


def test_probabilities_are_those_of_the_run(
    inside: Inside, trained: TrainedRun, tested: Dialogues
) -> None:
    expected = trained.probabilities(trained.adapt(tested))
    np.testing.assert_array_equal(joined(inside, "probabilities"), expected)


def test_last_linear_map_makes_the_fused_logits_of_the_states(
    inside: Inside, trained: TrainedRun, tested: Dialogues
) -> None:
    model = trained.model
    scaled = trained.standardiser.apply(trained.adapt(tested))
    batch = collate(scaled, np.arange(scaled.num_dialogues), model.window)
    logits = []
    handle = model.head.register_forward_hook(lambda _, x, out: logits.append(out))
    with torch.inference_mode():
        model(batch)
        handle.remove()
        last = [m for m in model.head.modules() if isinstance(m, torch.nn.Linear)][-1]
        found = last(torch.from_numpy(inside.states))
    torch.testing.assert_close(found, logits[0])


def test_attention_is_that_of_the_graph_layer(
    inside: Inside, trained: TrainedRun, tested: Dialogues
) -> None:
    model = trained.model
    scaled = trained.standardiser.apply(trained.adapt(tested))
    for b, answer in enumerate(inside.answers):
        batch = collate(scaled, [b], model.window)
        with torch.inference_mode():
            states = model.project(batch)
            _, attention = model.graph.blocks[0].attend(batch.graph, states, get_attention=True)
        dense = torch.zeros(3, len(batch.labels), len(batch.labels))
        dense[:, batch.graph.dst, batch.graph.src] = attention.flatten(1)
        for m, weights in enumerate(answer.attention.values()):
            for i, row in enumerate(weights):
                expected = dense[m, i][answer.sources[i]]
                np.testing.assert_allclose(row, expected, rtol=1e-5)
                assert row.sum() == pytest.approx(1, abs=1e-5)


def test_sources_are_the_window(inside: Inside) -> None:
    answer = inside.answers[0]
    count = len(answer.probabilities)
    for i, sources in enumerate(answer.sources):
        assert sources.tolist() == list(range(max(0, i - 3), min(count, i + 3)))


def test_another_device_shows_the_same(inside: Inside, two_seeds: Path, tested: Dialogues) -> None:
    with elsewhere() as device:
        found = look_inside(TrainedRun(two_seeds / "seed0", device), tested)
    np.testing.assert_allclose(found.states, inside.states, rtol=1e-5, atol=1e-6)
    for one, expected in zip(found.answers, inside.answers, strict=True):
        np.testing.assert_allclose(one.probabilities, expected.probabilities, atol=1e-6)
        for name, rows in expected.attention.items():
            np.testing.assert_allclose(
                np.concatenate(one.attention[name]), np.concatenate(rows), atol=1e-6
            )


def test_without_a_modality_is_with_it_missing(
    inside: Inside, trained: TrainedRun, tested: Dialogues
) -> None:
    adapted = trained.adapt(tested)
    missing = replace(
        adapted,
        features=adapted.features | {"audio": np.zeros_like(adapted.features["audio"])},
        masks=adapted.masks | {"audio": np.zeros_like(adapted.masks["audio"])},
    )
    found = np.concatenate([answer.without["audio"] for answer in inside.answers])
    np.testing.assert_array_equal(found, trained.probabilities(missing))


def test_one_modality_has_nothing_to_leave_out(train: Callable, tested: Dialogues) -> None:
    trained = TrainedRun(train(modalities=["text"]) / "seed0")
    (answer, *_) = look_inside(trained, tested.with_modalities(["text"])).answers
    assert answer.without == {}
    assert list(answer.attention) == ["all modalities"]


@pytest.mark.parametrize("across", ["utterance", "window"])
def test_attention_across_modalities_is_what_each_pays_to_utterances(
    tested: Dialogues, across: str
) -> None:
    window = ModalWindow.of(Window(2, 1), tuple(tested.widths), across)
    batch = collate(tested, [0], window)
    graph, length = batch.graph, len(batch.labels)
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(1, graph.num_edges, generator=generator)
    found = _by_utterance(batch, [weight], window.modalities)
    for m, name in enumerate(window.modalities):
        for i in range(length):
            paid = np.zeros(length)
            for e in range(graph.num_edges):
                if graph.dst[e] == 3 * i + m:
                    paid[graph.src[e] // 3] += weight[0, e]
            np.testing.assert_allclose(found["attention"][name][i], paid[found["sources"][i]], 1e-5)
            assert paid.sum() == pytest.approx(paid[found["sources"][i]].sum())
