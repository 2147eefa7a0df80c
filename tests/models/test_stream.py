"""Models on a conversation that is still going on: equal to the batch, and blind to the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.data import Dialogues, SynthConfig, SynthModality, synthesise
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import SYSTEMS, ARIIGCNConfig, System
from ariigcn_dgl.models.bigru import BiGRUConfig
from ariigcn_dgl.models.mlp import MLPConfig


@pytest.fixture(scope="module")
def talk() -> Dialogues:
    """One dialogue of 30 utterances of two speakers, of which a quarter lack a modality."""
    modality = SynthModality(6, strength=1.4, trait=0.3, drift=0.1, missing=0.25)
    sizes = {"train": 1, "val": 1, "test": 1, "length_mean": 30, "length_sd": 0.1}
    config = SynthConfig(**sizes, length_min=30, text=modality, audio=modality, visual=modality)
    return synthesise(config).select([0])


def _prefix(dialogues: Dialogues, length: int) -> Dialogues:
    return replace(
        dialogues,
        features={m: x[:length] for m, x in dialogues.features.items()},
        masks={m: x[:length] for m, x in dialogues.masks.items()},
        labels=dialogues.labels[:length],
        speakers=dialogues.speakers[:length],
        dialogue_ptr=np.array([0, length]),
        utterance_ids=dialogues.utterance_ids[:length],
    )


def _utterance(dialogues: Dialogues, row: int, window: Window) -> Batch:
    _, first = np.unique(dialogues.speakers, return_index=True)
    by_appearance = [int(dialogues.speakers[place]) for place in sorted(first)]
    batch = collate(_prefix(dialogues, row + 1), [0], replace(window, past=0, future=0))
    one = slice(row, row + 1)
    return replace(
        batch,
        features={m: x[one] for m, x in batch.features.items()},
        masks={m: x[one] for m, x in batch.masks.items()},
        speakers=torch.tensor([by_appearance.index(int(dialogues.speakers[row]))]),
        lengths=torch.tensor([1]),
    )


def _model(system: str, config: object, talk: Dialogues, **widths: int) -> System:
    torch.manual_seed(0)
    return SYSTEMS[system](widths or talk.widths, talk.num_classes, config).eval()


CAUSAL = ARIIGCNConfig(
    hidden_dim=8, head_dim=8, window=Window(3, 0), causal=True, context="gru", residual="norm"
)
VARIANTS = {
    "all": replace(CAUSAL, speaker_relative=("text", "audio"), auxiliary_weight=0.3),
    "pairs": replace(CAUSAL, window=Window(3, 0, "pairs"), speaker_relative=("audio",)),
    "no graph": replace(CAUSAL, graph=False),
    "no context": replace(CAUSAL, context="none", residual="sum"),
    "no past": replace(CAUSAL, window=Window(0, 0)),
    "long past": replace(CAUSAL, window=Window(40, 0)),
    "across modalities": replace(CAUSAL, cross_modal="window", graph_blocks=2),
    "across modalities of an utterance": replace(
        CAUSAL,
        cross_modal="utterance",
        context="none",
        window=Window(3, 0, "party", distances=(1,)),
    ),
    "low-rank fusion": replace(CAUSAL, fusion="lfm"),
    "fed by generators": replace(
        CAUSAL, adversarial="alternate", gan_real="projected", feed_graph="sum"
    ),
}
MODELS = [
    *(pytest.param("ariigcn", config, id=name) for name, config in VARIANTS.items()),
    pytest.param("mlp", MLPConfig(8), id="mlp"),
    pytest.param("bigru", BiGRUConfig(8, causal=True), id="bigru"),
]


@pytest.mark.parametrize(("system", "config"), MODELS)
@torch.inference_mode()
def test_stream_is_the_batch_of_what_was_said_so_far(
    talk: Dialogues, system: str, config: object
) -> None:
    model = _model(system, config, talk)
    stream = model.stream()
    for row in range(talk.num_utterances):
        found = stream.add(_utterance(talk, row, model.window))
        expected = model(collate(_prefix(talk, row + 1), [0], model.window))[-1]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("system", "config"), MODELS)
@torch.inference_mode()
def test_nothing_looks_ahead(talk: Dialogues, system: str, config: object) -> None:
    model = _model(system, config, talk)
    whole = model(collate(talk, [0], model.window))
    for length in (1, 2, 7, 29):
        part = model(collate(_prefix(talk, length), [0], model.window))
        torch.testing.assert_close(part, whole[:length], rtol=0, atol=1e-5)


@torch.inference_mode()
def test_a_model_that_looks_ahead_does_differ(talk: Dialogues) -> None:
    config = replace(CAUSAL, causal=False, window=Window(3, 3))
    model = _model("ariigcn", config, talk)
    whole = model(collate(talk, [0], model.window))
    part = model(collate(_prefix(talk, 20), [0], model.window))
    assert (part[-1] - whole[19]).abs().max() > 1e-3


@torch.inference_mode()
def test_two_streams_of_a_model_do_not_mix(talk: Dialogues) -> None:
    model = _model("ariigcn", VARIANTS["all"], talk)
    utterances = [_utterance(talk, row, model.window) for row in range(5)]
    alone, one, other = model.stream(), model.stream(), model.stream()
    for utterance in utterances:
        expected = alone.add(utterance)
        other.add(utterances[0])
        assert torch.equal(one.add(utterance), expected)


@torch.inference_mode()
def test_memory_does_not_grow_with_the_conversation(talk: Dialogues) -> None:
    model = _model("ariigcn", VARIANTS["all"], talk)
    stream = model.stream()
    utterance = _utterance(talk, 0, model.window)
    for _ in range(100):
        stream.add(utterance)
    assert len(stream.recent) == len(stream.recent_speakers) == 7
    assert len(stream.speaker_states) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"window": Window(3, 2), "context": "none"}, "its window reaches 2 ahead"),
        ({"window": Window(3, 0)}, "its GRUs read backwards too"),
        ({"context": "none", "speaker_relative": ("audio",)}, "its means of speakers are over"),
    ],
)
def test_ariigcn_that_looks_ahead_is_refused(
    talk: Dialogues, changes: dict[str, object], why: str
) -> None:
    model = _model("ariigcn", replace(CAUSAL, causal=False, **changes), talk)
    with pytest.raises(InputError, match=rf"looks ahead \({why}.*--model.causal true"):
        model.stream()


@torch.inference_mode()
def test_ariigcn_that_happens_not_to_look_ahead_streams(talk: Dialogues) -> None:
    model = _model("ariigcn", replace(CAUSAL, causal=False, context="none"), talk)
    assert model.stream().add(_utterance(talk, 0, model.window)).shape == (talk.num_classes,)


def test_bidirectional_gru_is_refused(talk: Dialogues) -> None:
    with pytest.raises(InputError, match=r"looks ahead .*--model.causal true"):
        _model("bigru", BiGRUConfig(8), talk).stream()


def test_system_of_whole_dialogues_is_refused(talk: Dialogues) -> None:
    model = _model("ct-net", SYSTEMS["ct-net"].Config(), talk)
    with pytest.raises(InputError, match=r"reads whole dialogues: .*--model.causal true"):
        model.stream()


def test_causal_settings_have_no_future(talk: Dialogues) -> None:
    config = SYSTEMS["ariigcn"].resolved(ARIIGCNConfig(causal=True), talk)
    assert (config.window.past, config.window.future) == (10, 0)


def test_causal_with_a_future_cannot_be_built(talk: Dialogues) -> None:
    with pytest.raises(ValueError, match=r"causal: window\.future must be 0, got 2"):
        _model("ariigcn", replace(CAUSAL, window=Window(3, 2)), talk)
