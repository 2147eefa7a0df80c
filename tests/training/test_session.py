"""A run on a conversation that is still going on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ariigcn_dgl.batch import Window
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, write_config
from ariigcn_dgl.training.session import Session, Utterance
from ariigcn_dgl.training.trained import TrainedRun
from tests.elsewhere import elsewhere


@pytest.fixture(scope="module")
def run(
    dialogues: Dialogues, settings: Callable, tmp_path_factory: pytest.TempPathFactory
) -> TrainedRun:
    """Return a trained run that does not look ahead; its graph distinguishes two speakers."""
    folder = tmp_path_factory.mktemp("causal")
    config = settings(
        causal=True,
        window=Window(2, 0, "pairs"),
        context="gru",
        speaker_relative=("audio",),
        adversarial="off",
    )
    write_config(folder / CONFIG_FILE, config)
    fit(prepare(dialogues, config), 0, folder / "seed0")
    return TrainedRun(folder / "seed0")


def _utterance(dialogues: Dialogues, row: int) -> Utterance:
    present = {m: x[row] for m, x in dialogues.features.items() if dialogues.masks[m][row]}
    return Utterance(dialogues.speaker_names[dialogues.speakers[row]], present)


def test_probabilities_are_those_of_the_whole_dialogues(
    run: TrainedRun, dialogues: Dialogues
) -> None:
    complete = replace(dialogues, masks={m: x.copy() for m, x in dialogues.masks.items()})
    expected = run.probabilities(run.adapt(complete))
    for b in range(dialogues.num_dialogues):
        session = Session(run)
        for row in range(*dialogues.rows(b).indices(dialogues.num_utterances)):
            found = session.add(_utterance(dialogues, row))  # a few have no modality at all
            np.testing.assert_allclose(found, expected[row], atol=1e-5)


def test_rows_of_a_sequence_are_scaled_one_by_one_as_in_training(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 5, dialogues.num_utterances) * dialogues.masks["audio"]
    rows = [generator.standard_cauchy((n, 4)).astype(np.float32) for n in lengths]  # far out
    sequence = Ragged.of(rows)
    features = dialogues.features | {"audio": sequence.mean()}
    said = replace(dialogues, features=features, sequences={"audio": sequence})
    prepared = prepare(said, settings(causal=True, context="gru", adversarial="off"))
    write_config(tmp_path / CONFIG_FILE, prepared.config)
    fit(prepared, 0, tmp_path / "seed0")
    run = TrainedRun(tmp_path / "seed0")
    expected = run.probabilities(run.adapt(said))
    session = Session(run)
    for row in range(*said.rows(0).indices(said.num_utterances)):
        utterance = _utterance(said, row)
        given = {**utterance.features, **({"audio": rows[row]} if len(rows[row]) else {})}
        found = session.add(Utterance(utterance.speaker, given))
        np.testing.assert_allclose(found, expected[row], atol=1e-5)


def test_a_name_is_one_speaker_however_its_accents_are_written(run: TrainedRun) -> None:
    session = Session(run)
    for name in ("Jos\N{LATIN SMALL LETTER E WITH ACUTE}", "Jose\N{COMBINING ACUTE ACCENT}"):
        session.add(Utterance(name, {"text": np.ones(6)}))
    assert len(session.numbers) == 1


def test_speaker_without_a_name_is_refused(run: TrainedRun) -> None:
    with pytest.raises(InputError, match="speaker is empty, expected a name"):
        Session(run).add(Utterance("", {"text": np.ones(6)}))


def test_probabilities_are_the_same_on_another_device(
    run: TrainedRun, dialogues: Dialogues
) -> None:
    utterances = [_utterance(dialogues, row) for row in range(dialogues.num_utterances)]
    utterances = [one for one in utterances if one.features][:9]
    here = Session(run)
    expected = [here.add(one) for one in utterances]
    with elsewhere() as device:
        there = Session(TrainedRun(run.folder.path, device))
        found = [there.add(one) for one in utterances]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_run_that_looks_ahead_is_refused(trained: Path) -> None:
    with pytest.raises(InputError, match=r"looks ahead .*--model.causal true"):
        Session(TrainedRun(trained))


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ({"text": np.ones((2, 6))}, r"text: expected 6 numbers, found the shape \(2, 6\)"),
        ({"smell": [1.0]}, "unknown modality 'smell': this run was trained with text"),
        ({"text": [1.0]}, r"text: expected 6 numbers, found the shape \(1,\)"),
        ({"text": 1.0}, r"text: expected 6 numbers, found the shape \(\)"),
        ({"text": ["a"] * 6}, "text: expected 6 numbers"),
        ({"text": [[1.0], [1.0, 2.0]]}, "text: expected 6 numbers"),
        ({"text": [0, 0, float("nan"), 0, 0, 0]}, "text: nan in column 2, expected finite"),
        ({"text": [0, 1e300, 0, 0, 0, 0]}, "text: inf in column 1, expected finite"),
    ],
)
def test_features_that_do_not_fit_are_named(run: TrainedRun, features: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Session(run).add(Utterance("Ann", features))


def test_refused_utterance_leaves_the_conversation_as_it_was(run: TrainedRun) -> None:
    clean, disturbed = Session(run), Session(run)
    good, bad = Utterance("Ann", {"text": np.ones(6)}), Utterance("Bob", {"text": np.ones(5)})
    for _ in range(3):
        with pytest.raises(InputError):
            disturbed.add(bad)
        assert np.array_equal(disturbed.add(good), clean.add(good))
    assert disturbed.numbers == {"Ann": 0}


def test_speaker_too_many_for_pairs_is_named(run: TrainedRun) -> None:
    session = Session(run)
    for name in ("Ann", "Bob", "Ann"):
        session.add(Utterance(name, {"text": np.ones(6)}))
    with pytest.raises(InputError, match=r"'Cy' is speaker number 3, .* distinguishes 2: train "):
        session.add(Utterance("Cy", {"text": np.ones(6)}))


class Recorder(TorchDispatchMode):
    """Notes every operator that is called, and the shapes of its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        shapes = [tuple(x.shape) for x in tree_leaves((args, kwargs)) if torch.is_tensor(x)]
        self.calls.append((func, *shapes))
        return func(*args, **(kwargs or {}))


@pytest.mark.slow
def test_work_for_an_utterance_does_not_grow(run: TrainedRun) -> None:
    session, utterance = Session(run), Utterance("Ann", {"text": np.ones(6), "audio": np.ones(4)})
    work = []
    for _ in range(200):
        with Recorder() as recorder:
            session.add(utterance)
        work.append(recorder.calls)
    assert work[50] == work[199]
    assert len(work[50]) > 10


@pytest.mark.slow
def test_dialogue_of_ten_thousand_utterances(run: TrainedRun) -> None:
    count, generator = 10_000, np.random.default_rng(0)
    features = {
        m: generator.standard_normal((count, w)).astype(np.float32) for m, w in run.widths.items()
    }
    dialogues = Dialogues(
        name="endless",
        features=features,
        masks={m: generator.random(count) < 0.9 for m in features},
        labels=np.full(count, -1),
        speakers=generator.integers(2, size=count),
        dialogue_ptr=np.array([0, count]),
        dialogue_ids=("endless",),
        splits=("test",),
        utterance_ids=tuple(map(str, range(count))),
        label_names=run.label_names,
        speaker_names=("Ann", "Bob"),
    )
    dialogues.masks["text"][:] = True
    for m, x in dialogues.features.items():
        x[~dialogues.masks[m]] = 0
    expected = run.probabilities(run.adapt(dialogues))
    assert expected.shape == (count, len(run.label_names))
    session = Session(run)
    for row in range(1000):
        found = session.add(_utterance(dialogues, row))
        np.testing.assert_allclose(found, expected[row], rtol=0, atol=1e-5)
