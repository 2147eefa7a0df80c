"""``ariigcn evaluate``: exactly the scores of the training, or one sentence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sklearn.metrics import f1_score

from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.seal import seal, unseal
from ariigcn_dgl.training.predict import score_probabilities
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.trained import TrainedRun
from tests.cli.older import without_calibration


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _record(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def test_scores_of_all_seeds_are_those_of_their_records(
    ariigcn: Callable, trained: Path, tmp_path: Path
) -> None:
    assert ariigcn("evaluate", trained, "--json", tmp_path / "scores.json").code == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    averaged = scores.pop("averaged")
    assert scores == {str(seed): _record(trained / f"seed{seed}") for seed in (0, 1)}
    assert set(averaged) == {"val", "test", "calibration"}


def test_average_of_seeds_is_what_predict_answers(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("evaluate", trained, "--json", tmp_path / "scores.json")
    ariigcn("predict", trained, "--data", data, "--out", tmp_path / "labels.jsonl")
    tested = [line for line in _lines(trained / "seed0" / "predictions.jsonl") if line["label"]]
    said = {line["utterance"]: line["prediction"] for line in _lines(tmp_path / "labels.jsonl")}
    truth, found = [line["label"] for line in tested], [said[line["utterance"]] for line in tested]
    averaged = json.loads((tmp_path / "scores.json").read_text())["averaged"]["test"]
    assert averaged["weighted_f1"] == pytest.approx(
        100 * f1_score(truth, found, average="weighted", zero_division=0)
    )
    row = next(line for line in outcome.out.splitlines() if "averaged" in line)
    assert f"{averaged['weighted_f1']:.2f}" in row


def test_folder_of_one_seed_gives_the_scores_of_its_record(
    ariigcn: Callable, trained: Path, tmp_path: Path
) -> None:
    assert ariigcn("evaluate", trained / "seed1", "--json", tmp_path / "scores.json").code == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores == {"1": _record(trained / "seed1")}


def test_scores_are_printed(ariigcn: Callable, trained: Path) -> None:
    out = ariigcn("evaluate", trained).out
    for seed in (0, 1):
        test = _record(trained / f"seed{seed}")["test"]
        row = next(line for line in out.splitlines() if re.match(rf"│ +{seed} │", line))
        assert f"{test['weighted_f1']:.2f}" in row
        assert f"{test['accuracy']:.2f}" in row
    assert "mean ± sd" in out


BORDERS = tuple("┏┃┡│├└")


def test_tables_fit_80_columns_without_broken_cells(
    ariigcn: Callable, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = ariigcn("evaluate", trained).out.splitlines()
    assert max(len(line) for line in lines if line[:1] in BORDERS) <= 80
    row = next(line for line in lines if line.startswith("│mean ± sd"))
    assert len(re.findall(r"\d\.\d\d ± \d", row)) == 4


def test_data_that_moved_can_be_named(ariigcn: Callable, copy: Path, plain: Path) -> None:
    plan = json.loads((copy / "train.json").read_text())
    (copy / "train.json").write_text(json.dumps(plan | {"data": "/gone"}))
    seal(copy, ["train.json"])
    names = "happy\nsad\nneutral\nangry\nexcited\nfrustrated\n"
    (plain / "labels.txt").write_text(names)
    assert "/gone: no such file" in ariigcn("evaluate", copy).err
    assert ariigcn("evaluate", copy, "--data", plain).code == 0


def test_other_labelled_data_is_scored_as_predict_labels_it(
    ariigcn: Callable, trained: Path, plain: Path, tmp_path: Path
) -> None:
    (plain / "visual.npy").unlink()
    outcome = ariigcn("evaluate", trained, "--data", plain, "--json", tmp_path / "scores.json")
    assert outcome.code == 0, outcome.err
    assert f"{plain}: is not the data set that the run was trained on (raw)\n" in outcome.err
    assert f"{plain}: has no visual; treated as missing\n" in outcome.err
    told = ariigcn("predict", trained, "--data", plain, "--out", tmp_path / "p.jsonl").out
    lines = [line for line in _lines(tmp_path / "p.jsonl") if line["label"]]
    truth, found = [x["label"] for x in lines], [x["prediction"] for x in lines]
    expected = 100 * f1_score(truth, found, average="weighted", zero_division=0)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["averaged"]["utterances"] == len(lines)
    assert scores["averaged"]["scores"]["weighted_f1"] == pytest.approx(expected)
    assert f"{len(lines)} of them have a known label: weighted F1 {expected:.2f}" in told


def test_one_split_of_other_data_is_scored(
    ariigcn: Callable, trained: Path, plain: Path, tmp_path: Path
) -> None:
    (plain / "visual.npy").unlink()
    options = ("--data", plain, "--split", "test", "--json", tmp_path / "scores.json")
    assert ariigcn("evaluate", trained, *options).code == 0
    found = load_dialogues(plain)
    test = found.split("test")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["0"]["utterances"] == (test.labels >= 0).sum()


def test_a_split_that_was_drawn_says_so(ariigcn: Callable, trained: Path, plain: Path) -> None:
    (plain / "visual.npy").unlink()
    table = plain / "utterances.csv"
    table.write_text(re.sub(r"\bval\b", "train", table.read_text()))
    outcome = ariigcn("evaluate", trained, "--data", plain, "--split", "train")
    assert outcome.code == 0, outcome.err
    assert "val at random, 10 % of the labelled training dialogues" in outcome.err
    assert "--split train scores what is train of these" in outcome.err


def test_split_is_for_other_data(refused: Callable[..., str], trained: Path) -> None:
    assert "--split test: is for another data set" in refused("evaluate", trained, "--split=test")


def test_other_data_of_other_classes_is_refused(
    refused: Callable[..., str], trained: Path, plain: Path
) -> None:
    table = plain / "utterances.csv"
    table.write_text(table.read_text().replace("happy", "joyful"))
    outcome = refused("evaluate", trained, "--data", plain)
    assert "the label 'joyful' is none of this run's classes (happy, " in outcome


def test_data_that_has_changed_is_not_taken_for_that_of_the_training(
    refused: Callable[..., str], copy: Path, plain: Path
) -> None:
    spec = json.loads((copy / "train.json").read_text())
    (copy / "train.json").write_text(json.dumps(spec | {"data": str(plain)}))
    seal(copy, ["train.json"])
    assert f"{plain}: has changed since {copy}/seed0 was trained" in refused("evaluate", copy)


@pytest.mark.parametrize("name", ["model.safetensors", "standardiser.safetensors"])
def test_truncated_file_is_named(refused: Callable[..., str], copy: Path, name: str) -> None:
    content = (copy / "seed1" / name).read_bytes()
    (copy / "seed1" / name).write_bytes(content[:-7])
    assert f"seed1/{name}: changed or truncated" in refused("evaluate", copy)


@pytest.mark.parametrize("name", ["train.json", "config.yaml", "seed0/run.json"])
def test_damaged_text_is_named(refused: Callable[..., str], copy: Path, name: str) -> None:
    text = (copy / name).read_text()
    (copy / name).write_text(text[: len(text) // 2])
    assert f"{name}: " in refused("evaluate", copy)


def test_settings_of_another_run_are_named(refused: Callable[..., str], copy: Path) -> None:
    text = (copy / "config.yaml").read_text().replace("hidden_dim: 8", "hidden_dim: 12")
    (copy / "config.yaml").write_text(text)
    seal(copy, ["config.yaml"])
    assert "seed0: was not trained with the settings of " in refused("evaluate", copy)


def test_weights_of_another_seed_are_named(refused: Callable[..., str], copy: Path) -> None:
    shutil.copy(copy / "seed1" / "model.safetensors", copy / "seed0")
    assert "seed0/model.safetensors: changed or truncated" in refused("evaluate", copy)


def _edit_record(folder: Path, **changes: object) -> None:
    (folder / "run.json").write_text(json.dumps(_record(folder) | changes))
    RunFolder(folder).seal()


def test_scores_that_training_did_not_record_are_printed_and_refused(
    ariigcn: Callable, copy: Path
) -> None:
    test = _record(copy / "seed1")["test"]
    _edit_record(copy / "seed1", test=test | {"weighted_f1": 99.5})
    outcome = ariigcn("evaluate", copy)
    assert outcome.code == 2
    assert f"{test['weighted_f1']:.2f}" in outcome.out
    assert (
        f"{copy / 'seed1'}: the scores are not those that training recorded: test weighted F1 "
        f"{test['weighted_f1']:.4f}, recorded 99.5000" in outcome.err
    )


def test_other_versions_than_those_of_the_training_are_said(ariigcn: Callable, copy: Path) -> None:
    then = _record(copy / "seed1")["environment"] | {"torch": "0.1"}
    _edit_record(copy / "seed1", environment=then)
    outcome = ariigcn("evaluate", copy)
    assert outcome.code == 0
    assert outcome.err == f"{copy / 'seed1'}: was trained with torch 0.1, now {torch.__version__}\n"


def test_unfinished_seed_says_how_to_go_on(refused: Callable[..., str], copy: Path) -> None:
    unseal(copy / "seed1")
    assert f"is not finished, go on with: ariigcn train --resume {copy}" in refused(
        "evaluate", copy
    )


def test_folder_that_is_no_run_is_named(refused: Callable[..., str], data: Path) -> None:
    assert "not a run folder (no train.json)" in refused("evaluate", data)


def test_folder_of_the_scores_must_be_there(
    ariigcn: Callable, trained: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("evaluate", trained, "--json", tmp_path / "a" / "scores.json")
    assert outcome.code == 2
    assert "scores.json: cannot be written: No such file or directory" in outcome.err


@pytest.mark.slow
def test_names_with_brackets_are_printed_as_they_are(
    ariigcn: Callable, plain: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    table = plain / "utterances.csv"
    table.write_text(table.read_text().replace(",sad,", ",[/sad],"))
    out = tmp_path / "[/run]"
    assert "[/sad]" in ariigcn("train", "--data", plain, "--out", out, *small).out
    assert "[/sad]" in ariigcn("evaluate", out).out
    assert ariigcn("data", "check", "--data", plain).code == 0


@pytest.mark.slow
def test_run_of_some_modalities_is_scored_on_these(
    ariigcn: Callable, data: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "text"
    trained = ariigcn("train", "--data", data, "--modalities", "text", "--out", out, *small)
    assert trained.code == 0, trained.err
    assert json.loads((out / "seed0" / "run.json").read_text())["widths"] == {"text": 6}
    outcome = ariigcn("evaluate", out, "--json", tmp_path / "scores.json")
    again = json.loads((tmp_path / "scores.json").read_text())["0"]["test"]
    assert outcome.code == 0, outcome.err
    assert again == json.loads((out / "seed0" / "run.json").read_text())["test"]


def test_calibration_before_and_after_is_that_of_the_record(
    ariigcn: Callable, trained: Path
) -> None:
    out = ariigcn("evaluate", trained).out
    for seed in (0, 1):
        found = _record(trained / f"seed{seed}")["calibration"]
        errors = [f"{found['test'][when]:.2f}" for when in ("before", "after")]
        row = [str(seed), f"{found['temperature']:.2f}", *errors]
        assert row in [re.split(r"\W+(?:\s+|$)", line.strip("│ ")) for line in out.splitlines()]


def test_answering_less_is_shown_for_the_mean_of_the_seeds(
    ariigcn: Callable, trained: Path
) -> None:
    lines = ariigcn("evaluate", trained).out.split("by predict --coverage, mean of 2 seeds")[1]
    rows = [re.findall(r"[\d.]+", line) for line in lines.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == ["100", "90", "80", "70"]
    assert rows[0][1] == "100.0"


def test_run_of_a_version_without_calibration_is_scored_as_of_temperature_1(
    ariigcn: Callable, copy: Path
) -> None:
    for seed in (0, 1):
        without_calibration(copy / f"seed{seed}")
    outcome = ariigcn("evaluate", copy)
    assert outcome.code == 0
    assert f"{copy / 'seed1'}: was trained by a version that chose no temperature" in outcome.err
    assert outcome.out.count(" 1.00 ") >= 2


def test_an_absent_modality_is_hidden_from_test_alone_and_named_everywhere(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    outcome = ariigcn("evaluate", trained, "--absent", "audio", "--json", out)
    assert outcome.code == 0, outcome.err
    assert " ".join(outcome.out.split()).count("audio absent") == 2  # both tables
    scores = json.loads(out.read_text())
    assert scores.keys() == {"0", "1", "averaged"}
    assert all(
        one["absent"] == ["audio"] and one.keys() == {"absent", "test"} for one in scores.values()
    )
    run = TrainedRun(trained / "seed0")
    test = load_dialogues(data).split("test")
    kept = [name for name in test.features if name != "audio"]
    part = run.adapt(test.with_modalities(kept))  # as if it had never been there
    found = score_probabilities(part, run.probabilities(part), part.label_names)
    assert scores["0"]["test"]["weighted_f1"] == found.weighted_f1


def test_nothing_is_scored_without_any_modality(refused: Callable, trained: Path) -> None:
    message = refused("evaluate", trained, "--absent", "text", "audio", "visual")
    assert message.startswith("raw: without text, audio, visual nothing is left")
