"""A finished run applied to dialogues, and what does not belong to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from ariigcn_dgl.batch import Window
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import unseal
from ariigcn_dgl.training.abstain import choose_abstention
from ariigcn_dgl.training.calibration import calibrated
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, settings_sha256, write_config
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.trained import TrainedRun, abstention_of
from tests.elsewhere import elsewhere


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished seed, to damage."""
    shutil.copytree(trained.parent, tmp_path / "run")
    return tmp_path / "run" / trained.name


@pytest.fixture
def older(copy: Path) -> Path:
    """Return a copy as a version without calibration would have written it."""
    record = json.loads((copy / "run.json").read_text())
    del record["calibration"]
    (copy / "run.json").write_text(json.dumps(record))
    (copy / "uncalibrated.safetensors").unlink()
    unseal(copy)
    RunFolder(copy).seal()
    return copy


def _refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        TrainedRun(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _edit_record(folder: Path, **changes: object) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | changes))
    RunFolder(folder).seal()


def test_probabilities_are_those_of_the_training(trained: Path, dialogues: Dialogues) -> None:
    run = TrainedRun(trained)
    test = run.adapt(dialogues.split("test"))
    written = (trained / "predictions.jsonl").read_text().splitlines()
    expected = [list(json.loads(line)["probabilities"].values()) for line in written]
    np.testing.assert_allclose(run.probabilities(test), expected, atol=6e-7)


def test_probabilities_are_calibrated_and_classes_those_before(
    trained: Path, dialogues: Dialogues
) -> None:
    run = TrainedRun(trained)
    adapted = run.adapt(dialogues)
    before, after = run.uncalibrated(adapted), run.probabilities(adapted)
    assert run.temperature == run.record["calibration"]["temperature"] != 1
    np.testing.assert_allclose(after, calibrated(before, run.temperature))
    assert np.array_equal(after.argmax(1), before.argmax(1))


def test_kept_probabilities_are_those_before_the_temperature(
    trained: Path, dialogues: Dialogues
) -> None:
    run = TrainedRun(trained)
    kept = run.folder.read_uncalibrated(run.record)
    for split in ("val", "test"):
        part = run.adapt(dialogues.split(split))
        assert np.array_equal(kept[split], run.uncalibrated(part))
    val = dialogues.split("val")
    assert kept["val_labels"].tolist() == val.labels.tolist()


def test_run_of_a_version_without_calibration_has_temperature_1(
    older: Path, dialogues: Dialogues
) -> None:
    run = TrainedRun(older)
    adapted = run.adapt(dialogues)
    assert run.temperature == 1
    np.testing.assert_allclose(run.probabilities(adapted), run.uncalibrated(adapted), rtol=1e-6)


def test_run_of_a_version_without_calibration_cannot_abstain_and_says_what_to_do(
    older: Path,
) -> None:
    with pytest.raises(InputError, match=r"^--coverage: .*seed0 was trained by .*: train it again"):
        abstention_of([TrainedRun(older)], 0.8)


def test_several_seeds_abstain_by_the_mean_of_their_validation_probabilities(
    trained: Path, copy: Path
) -> None:
    arrays = load_file(copy / "uncalibrated.safetensors")
    arrays["val"] = np.ascontiguousarray(arrays["val"][:, ::-1])
    save_file(arrays, copy / "uncalibrated.safetensors")
    RunFolder(copy).seal()
    runs = [TrainedRun(trained), TrainedRun(copy)]
    known = arrays["val_labels"] >= 0
    means = [calibrated(arrays["val"][known], one.temperature) for one in runs]
    mean = (means[0][:, ::-1] + means[1]) / 2
    expected = choose_abstention(0.5, mean, arrays["val_labels"][known])
    found = abstention_of(runs, 0.5)
    assert found.confidence == pytest.approx(expected.confidence)
    assert (found.answered, found.accuracy) == (expected.answered, expected.accuracy)


def test_seeds_that_were_validated_on_other_utterances_are_named(trained: Path, copy: Path) -> None:
    arrays = load_file(copy / "uncalibrated.safetensors")
    half = {name: array[:5] for name, array in arrays.items()}
    save_file(half, copy / "uncalibrated.safetensors")
    RunFolder(copy).seal()
    with pytest.raises(InputError, match="was validated on other utterances than"):
        abstention_of([TrainedRun(trained), TrainedRun(copy)], 0.8)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("val", np.full((3, 2), 0.5, np.float32), "val: expected probabilities of 6 classes"),
        ("test", np.full((3, 6), np.nan, np.float32), "test: expected probabilities of 6 classes"),
        ("val", np.full((1, 6), 0.1, np.float32), "val_labels: expected classes"),
        ("val_labels", np.array([99]), "val_labels: expected classes"),
        ("more", np.ones(1), "expected val, val_labels and test"),
    ],
)
def test_damaged_kept_probabilities_are_named(
    copy: Path, name: str, value: np.ndarray, sentence: str
) -> None:
    arrays = load_file(copy / "uncalibrated.safetensors")
    save_file(arrays | {name: value}, copy / "uncalibrated.safetensors")
    RunFolder(copy).seal()
    run = TrainedRun(copy)
    with pytest.raises(InputError, match=rf"uncalibrated.safetensors: damaged: {sentence}"):
        run.folder.read_uncalibrated(run.record)


@pytest.mark.parametrize("temperature", [0, -1.0, 1e9, "2", None])
def test_temperature_that_cannot_be_is_named(copy: Path, temperature: object) -> None:
    record = json.loads((copy / "run.json").read_text())
    _edit_record(copy, calibration=record["calibration"] | {"temperature": temperature})
    assert "run.json: damaged: calibration.temperature: " in _refusal(copy)


def test_probabilities_are_the_same_on_another_device(trained: Path, dialogues: Dialogues) -> None:
    run = TrainedRun(trained)
    adapted = run.adapt(dialogues)
    with elsewhere() as device:
        moved = TrainedRun(trained, device)
        assert {p.device.type for p in moved.model.parameters()} == {device}
        np.testing.assert_allclose(
            moved.probabilities(adapted), run.probabilities(adapted), atol=1e-6
        )


def test_labels_are_matched_by_name(trained: Path, dialogues: Dialogues) -> None:
    c = dialogues.num_classes
    turned = replace(
        dialogues,
        label_names=dialogues.label_names[::-1],
        labels=np.where(dialogues.labels < 0, -1, c - 1 - dialogues.labels),
    )
    adapted = TrainedRun(trained).adapt(turned)
    assert adapted.label_names == dialogues.label_names
    assert np.array_equal(adapted.labels, dialogues.labels)


def test_fewer_classes_are_taken(trained: Path, dialogues: Dialogues) -> None:
    name = dialogues.label_names[3]
    one = replace(dialogues, label_names=(name,), labels=np.where(dialogues.labels < 0, -1, 0))
    adapted = TrainedRun(trained).adapt(one)
    assert set(adapted.labels.tolist()) == {-1, 3}


def test_missing_modality_counts_as_missing_everywhere(trained: Path, dialogues: Dialogues) -> None:
    run = TrainedRun(trained)
    bare = replace(
        dialogues,
        features={"visual": dialogues.features["visual"], "text": dialogues.features["text"]},
        masks={"visual": dialogues.masks["visual"], "text": dialogues.masks["text"]},
    )
    adapted = run.adapt(bare)
    assert list(adapted.features) == list(run.widths)
    assert not adapted.masks["audio"].any()
    assert not adapted.features["audio"].any()
    assert np.isfinite(run.probabilities(adapted)).all()


def test_no_dialogue_gives_no_row(trained: Path, dialogues: Dialogues) -> None:
    run = TrainedRun(trained)
    assert run.probabilities(run.adapt(dialogues.select([]))).shape == (0, 6)


def test_unknown_modality_is_named(trained: Path, dialogues: Dialogues) -> None:
    more = replace(dialogues, features=dialogues.features | {"smell": np.ones((1, 2))})
    with pytest.raises(InputError, match=r"small: has the modality 'smell', but .*text \(6\)"):
        TrainedRun(trained).adapt(more)


def test_other_width_is_named(trained: Path, dialogues: Dialogues) -> None:
    wide = replace(dialogues, features=dialogues.features | {"audio": np.ones((1, 9))})
    with pytest.raises(InputError, match=r"small: audio has 9 columns, but .* trained with 4"):
        TrainedRun(trained).adapt(wide)


def test_unknown_label_is_named(trained: Path, dialogues: Dialogues) -> None:
    bored = replace(dialogues, label_names=("bored", *dialogues.label_names[1:]))
    with pytest.raises(InputError, match=r"small: the label 'bored' is none .*classes \(happy, "):
        TrainedRun(trained).adapt(bored)


def test_too_many_speakers_for_pairs_are_named(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    config = settings(window=Window(2, 2, "pairs"), epochs=1)
    write_config(tmp_path / CONFIG_FILE, config)
    fit(prepare(dialogues, config), 0, tmp_path / "seed0")
    crowd = replace(dialogues, speakers=np.arange(dialogues.num_utterances) % 3)
    with pytest.raises(InputError, match=r"a dialogue has 3 speakers, but .* distinguishes 2"):
        TrainedRun(tmp_path / "seed0").adapt(crowd)


@pytest.mark.parametrize("name", ["model.safetensors", "standardiser.safetensors", "run.json"])
def test_changed_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[-9] ^= 1
    (copy / name).write_bytes(content)
    assert f"seed0/{name}: changed or truncated since it was written" in _refusal(copy)
    assert f"or delete {copy} and train again" in _refusal(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "standardiser.safetensors"])
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
def test_truncated_file_is_named(copy: Path, name: str, keep: float) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(keep * len(content))])
    RunFolder(copy).seal()
    assert f"{name}: truncated or damaged" in _refusal(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "standardiser.safetensors", "run.json"])
def test_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"{name}: no such file, but seal.json beside it names it; put the right" in _refusal(
        copy
    )


def test_settings_of_another_run_are_named(copy: Path, settings: Callable) -> None:
    write_config(copy.parent / CONFIG_FILE, settings(window=Window(1, 2)))
    assert "seed0: was not trained with the settings of" in _refusal(copy)


def test_weights_of_other_sizes_are_named(copy: Path, settings: Callable) -> None:
    config = settings(hidden_dim=16)
    write_config(copy.parent / CONFIG_FILE, config)
    _edit_record(copy, settings_sha256=settings_sha256(config))
    refusal = _refusal(copy)
    assert "model.safetensors: the weights do not fit the settings of this run" in refusal
    assert "expected" in refusal


def _edit_weights(folder: Path, edit: Callable[[dict[str, np.ndarray]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors")
    RunFolder(folder).seal()


def test_weights_with_a_layer_too_few_are_named(copy: Path) -> None:
    _edit_weights(copy, lambda weights: weights.pop(min(weights)))
    assert " has shape none, expected (" in _refusal(copy)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(copy: Path, value: float) -> None:
    _edit_weights(copy, lambda weights: weights[min(weights)].fill(value))
    assert "has weights that are no finite numbers" in _refusal(copy)


def test_standardiser_of_other_features_is_named(copy: Path) -> None:
    save_file({"text.mean": np.ones(3, np.float32)}, copy / "standardiser.safetensors")
    RunFolder(copy).seal()
    assert "standardiser.safetensors: the statistics are not of the features" in _refusal(copy)


@pytest.mark.parametrize(
    ("name", "value"),
    [("text.std", 0), ("text.std", -1), ("text.std", np.nan), ("text.mean", np.inf)],
)
def test_statistics_that_cannot_be_are_named(copy: Path, name: str, value: float) -> None:
    arrays = load_file(copy / "standardiser.safetensors")
    arrays[name][0] = value
    save_file(arrays, copy / "standardiser.safetensors")
    RunFolder(copy).seal()
    assert f"standardiser.safetensors: damaged: {name}: expected" in _refusal(copy)


def test_probabilities_that_are_not_finite_are_refused(trained: Path, dialogues: Dialogues) -> None:
    run = TrainedRun(trained)
    with torch.no_grad():
        next(run.model.parameters()).fill_(torch.nan)
    with pytest.raises(InputError, match="its probabilities for small are no finite numbers"):
        run.probabilities(run.adapt(dialogues))


@pytest.mark.parametrize("text", ["", '{"test": ', "[1]", "\x00"])
def test_damaged_record_is_named(copy: Path, text: str) -> None:
    (copy / "run.json").write_text(text)
    RunFolder(copy).seal()
    assert "seed0/run.json: " in _refusal(copy)


def test_record_that_lacks_something_is_named(copy: Path) -> None:
    (copy / "run.json").write_text('{"format": 2, "test": {}}')
    RunFolder(copy).seal()
    assert "seed0/run.json: damaged: lacks '" in _refusal(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"format": 1},
            "format is 1, this program reads 2: another version of it trained this run",
        ),
        ({"label_names": [["a"]]}, "label_names.0: expected text, found list"),
        ({"label_names": ["a", "a"]}, "label_names: expected different names, found list"),
        ({"label_names": ["a", "b"]}, "val.per_class: expected the classes a, b"),
        ({"widths": {"Smell": 3}}, "expected the name of a modality, found 'Smell'"),
        ({"widths": {"text": 0}}, "widths.text: expected at least 1, found 0"),
        ({"seconds": float("nan")}, "seconds: expected a finite number, found nan"),
        ({"dataset_sha256": "g" * 64}, "dataset_sha256: expected 64 hexadecimal digits"),
        ({"val": None}, "val: expected an object, found None"),
    ],
)
def test_record_with_something_else_in_it_is_named(
    copy: Path, changes: dict[str, object], words: str
) -> None:
    _edit_record(copy, **changes)
    refusal = _refusal(copy)
    assert "seed0/run.json: " in refusal
    assert words in refusal


def test_unfinished_run_says_how_to_go_on(copy: Path) -> None:
    unseal(copy)
    expected = f"the training is not finished, go on with: ariigcn train --resume {copy.parent}"
    assert expected in _refusal(copy)
