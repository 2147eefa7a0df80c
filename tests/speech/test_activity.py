"""Where there is speech, as Silero's own program says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.optional import packaged_file
from ariigcn_dgl.speech import activity
from ariigcn_dgl.speech.activity import STEP, SileroNetwork, speech_probabilities


def test_speech_is_told_from_the_pauses(sound: np.ndarray, turns: tuple) -> None:
    probabilities = speech_probabilities(sound)
    middles = (np.arange(len(probabilities)) + 0.5) * STEP / SAMPLE_RATE
    within = np.any([(a + 0.2 < middles) & (middles < b - 0.2) for a, b, _ in turns], axis=0)
    outside = np.all([(middles < a - 0.1) | (b + 0.1 < middles) for a, b, _ in turns], axis=0)
    assert np.mean(probabilities[within] > 0.5) > 0.95
    assert np.mean(probabilities[outside] < 0.5) > 0.9


def test_noise_and_tones_are_no_speech() -> None:
    times = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(0, 0.1, len(times)).astype(np.float32)
    tone = (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    assert speech_probabilities(noise).mean() < 0.1
    assert speech_probabilities(tone).mean() < 0.1


def test_blocks_do_not_show(sound: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = speech_probabilities(sound)
    monkeypatch.setattr(activity, "_BLOCK", 7)
    np.testing.assert_allclose(speech_probabilities(sound), whole, atol=1e-5)


def test_no_sound_has_no_steps() -> None:
    assert speech_probabilities(np.empty(0, np.float32)).shape == (0,)


@pytest.mark.slow
def test_probabilities_are_those_of_the_package(
    sound: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's program has newer weights than its safetensors: its own are compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have no TorchScript
        theirs = torch.jit.load(packaged_file("silero_vad", "data/silero_vad.jit", ""))
    names = {f"encoder.{n}.reparam_conv": f"conv{n + 1}" for n in range(4)}
    names |= {"stft.forward_basis_buffer": "stft_conv.weight", "decoder.decoder.2": "final_conv"}
    names |= {f"decoder.rnn.{w}": f"lstm.{w}_l0" for w in ("weight_ih", "weight_hh")}
    names |= {f"decoder.rnn.{b}": f"lstm.{b}_l0" for b in ("bias_ih", "bias_hh")}
    weights = {}
    for name, value in theirs.state_dict().items():
        if name.startswith("_model."):
            plain = name.removeprefix("_model.")
            known = next(x for x in names if plain.startswith(x))
            weights[plain.replace(known, names[known])] = value
    network = SileroNetwork()
    network.load_state_dict(weights)
    monkeypatch.setattr(activity, "_network", lambda: network.eval())
    part = sound[: 100 * STEP]
    with torch.inference_mode():
        steps = torch.from_numpy(part).split(STEP)
        expected = [theirs(step, SAMPLE_RATE).item() for step in steps]
    np.testing.assert_allclose(speech_probabilities(part), expected, atol=1e-4)
