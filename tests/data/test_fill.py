"""What stands in the place of a missing modality, on literal cases."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.data.fill import Filler, map_shapes, talkers_of
from ariigcn_dgl.data.missing import without_modalities


def _columns(**rows: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(values, np.float32)[:, None] for name, values in rows.items()}


def _masks(**rows: list[int]) -> dict[str, np.ndarray]:
    return {name: np.array(values, bool) for name, values in rows.items()}


def test_zero_changes_nothing() -> None:
    dialogues = synthesise(SynthConfig(train=2, val=2, test=2))
    assert Filler("zero").apply(dialogues) is dialogues


def test_a_speakers_mean_is_over_the_rows_that_are_there_in_the_dialogue() -> None:
    features = _columns(audio=[2, 0, 9, 4, 0])
    masks = _masks(audio=[1, 0, 1, 1, 0])
    filled, there = Filler("speaker_mean").fill(features, masks, np.array([0, 0, 1, 0, 2]))
    assert filled["audio"].ravel().tolist() == [2, 3, 9, 4, 0]  # the last has no other: the mean
    assert there["audio"].all()
    assert filled["audio"].dtype == np.float32
    assert features["audio"].ravel().tolist() == [2, 0, 9, 4, 0]


def test_a_speaker_of_another_dialogue_is_another_talker() -> None:
    talkers = talkers_of(np.array([3, 4, 3, 3]), np.array([3, 1]))
    assert talkers.tolist() == [0, 1, 0, 2]


def test_a_reconstruction_is_the_ridge_regression_of_the_training_rows() -> None:
    dialogues = synthesise(SynthConfig(train=1, val=1, test=1)).with_modalities(["text", "audio"])
    text, audio = (np.zeros((dialogues.num_utterances, 1), np.float32) for _ in range(2))
    text[:2], audio[:2] = [[-1], [1]], [[3], [7]]
    masks = {m: np.arange(dialogues.num_utterances) < 2 for m in ("text", "audio")}
    dialogues.features.update(text=text, audio=audio)
    dialogues.masks.update(masks)
    filler = Filler.fit("reconstruct", dialogues)
    # x'x = 2, x'y = 4, ridge 0.1 for each of the two rows: 4 / 2.2; the mean of audio is 5
    assert filler.maps["audio from text"].ravel().tolist() == pytest.approx([4 / 2.2, 5])


MAPS = {
    "text from audio": np.array([[10], [0]], np.float32),
    "text from visual": np.array([[100], [0]], np.float32),
    "text from audio+visual": np.array([[1], [1], [0.5]], np.float32),
}


@pytest.mark.parametrize(
    ("audio", "visual", "text"), [(1, 0, 20), (0, 1, 300), (1, 1, 5.5), (0, 0, 0)]
)
def test_a_row_is_made_of_all_that_it_has(audio: int, visual: int, text: float) -> None:
    features = _columns(text=[0], audio=[2 * audio], visual=[3 * visual])
    masks = _masks(text=[0], audio=[audio], visual=[visual])
    filled, there = Filler("reconstruct", MAPS).fill(features, masks, np.array([0]))
    assert filled["text"].item() == text
    assert there["text"].item() == bool(audio or visual)  # without any it stays missing


def test_a_row_that_is_there_stays() -> None:
    features, masks = _columns(text=[7], audio=[2]), _masks(text=[1], audio=[1])
    filled, _ = Filler("reconstruct", MAPS).fill(features, masks, np.array([0]))
    assert filled["text"].item() == 7


def test_what_training_never_shows_at_once_has_no_map() -> None:
    dialogues = synthesise(SynthConfig(train=2, val=1, test=1))
    assert Filler.fit("reconstruct", without_modalities(dialogues, ["text"])).maps.keys() == {
        "audio from visual",
        "visual from audio",
    }


def test_shapes_are_those_of_the_maps() -> None:
    dialogues = synthesise(SynthConfig(train=2, val=1, test=1))
    maps = Filler.fit("reconstruct", dialogues).maps
    assert {name: array.shape for name, array in maps.items()} == map_shapes(dialogues.widths)
    assert len(maps) == 9
