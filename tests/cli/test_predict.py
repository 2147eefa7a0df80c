"""``ariigcn predict``: one JSON line per utterance, or one sentence and no file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import load_dialogues
from tests.cli.older import without_calibration


@pytest.fixture
def refused_predict(
    refused: Callable[..., str], trained: Path, plain: Path, tmp_path: Path
) -> Callable[..., str]:
    """Predict on the user's folder, which must be refused without a file being written."""

    def run(*options: object) -> str:
        out = tmp_path / "labels.jsonl"
        sentence = refused("predict", trained, "--data", plain, "--out", out, *options)
        assert not list(tmp_path.glob("*labels*"))
        return sentence

    return run


@pytest.mark.parametrize(
    ("source", "option", "alone"),
    [
        (
            ["--stream"],
            ["--out", "a"],
            "--out: goes with --data and --transcript and --media alone",
        ),
        (["--stream"], ["--modalities", "text"], "--modalities: goes with"),
        (["--stream"], ["--text", "a"], "--text: goes with --transcript and --media alone"),
        (["--data", "a"], ["--keep", "3"], "--keep: goes with --stream alone"),
        (["--transcript", "a"], ["--speakers", "3"], "--speakers: goes with --media alone"),
        (
            ["--transcript", "a"],
            ["--skip_damaged"],
            "--skip_damaged: goes with --media alone",
        ),
    ],
)
def test_options_of_another_source_are_refused(
    refused: Callable, trained: Path, source: list[str], option: list[str], alone: str
) -> None:
    assert alone in refused("predict", trained, *source, *option)


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_utterance_is_labelled_in_order(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("predict", trained, "--data", data, "--out", tmp_path / "p.jsonl")
    lines, dialogues = _lines(tmp_path / "p.jsonl"), load_dialogues(data)
    assert (outcome.code, outcome.err) == (0, "")
    assert f"{dialogues.num_utterances} utterances labelled" in outcome.out
    assert [line["utterance"] for line in lines] == list(dialogues.utterance_ids)
    assert {line["prediction"] for line in lines} <= set(dialogues.label_names)


def test_a_table_says_what_the_lines_say(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    for name in ("p.jsonl", "p.csv"):
        assert ariigcn("predict", trained, "--data", data, "--out", tmp_path / name).code == 0
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = _lines(tmp_path / "p.jsonl")
    assert [(x["utterance"], x["prediction"]) for x in rows] == [
        (x["utterance"], x["prediction"]) for x in lines
    ]
    assert [x["label"] for x in rows] == [x["label"] or "" for x in lines]
    happy = [float(x["p_happy"]) for x in rows]
    assert happy == [x["probabilities"]["happy"] for x in lines]


def test_scores_of_the_data_of_the_training_are_not_taken_for_those_of_test(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    out = ariigcn("predict", trained, "--data", data, "--out", tmp_path / "p.csv").out
    assert " of them have a known label: weighted F1 " in out
    assert f"{data}: the run was trained on a part of it; ariigcn evaluate scores" in out


@pytest.mark.parametrize("seed", [0, 1])
def test_predictions_are_those_of_the_training(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path, seed: int
) -> None:
    out = tmp_path / "p.jsonl"
    ariigcn("predict", trained, "--data", data, "--out", out, "--seed", seed)
    ours = {line["utterance"]: line for line in _lines(out)}
    for line in _lines(trained / f"seed{seed}" / "predictions.jsonl"):
        found = ours[line["utterance"]]
        assert found["prediction"] == line["prediction"]
        assert found["probabilities"] == pytest.approx(line["probabilities"], abs=2e-6)


def test_mean_of_all_seeds_is_the_default(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("predict", trained, "--data", data, "--out", tmp_path / "mean")
    assert "labelled by the mean of 2 seeds" in outcome.out
    for seed in (0, 1):
        ariigcn("predict", trained / f"seed{seed}", "--data", data, "--out", tmp_path / f"{seed}")
    mean, *seeds = (_lines(tmp_path / name) for name in ("mean", "0", "1"))
    for line, *ones in zip(mean, *seeds, strict=True):
        for label, p in line["probabilities"].items():
            expected = np.mean([one["probabilities"][label] for one in ones])
            assert p == pytest.approx(expected, abs=2e-6)


def test_unlabelled_dialogues_have_null_as_label(
    ariigcn: Callable, trained: Path, plain: Path, tmp_path: Path
) -> None:
    (plain / "utterances.csv").write_text("dialogue,speaker\nmeeting,Ann\nmeeting,Bob\n")
    for path in plain.glob("*.npy"):
        np.save(path, np.load(path)[:2])
    outcome = ariigcn("predict", trained, "--data", plain, "--out", tmp_path / "p.jsonl")
    assert outcome.code == 0
    assert [line["label"] for line in _lines(tmp_path / "p.jsonl")] == [None, None]


def test_missing_modality_is_noted(
    ariigcn: Callable, trained: Path, plain: Path, tmp_path: Path
) -> None:
    (plain / "audio.npy").unlink()
    outcome = ariigcn("predict", trained, "--data", plain, "--out", tmp_path / "p.jsonl")
    assert (outcome.code, outcome.err) == (0, f"{plain}: has no audio; treated as missing\n")


@pytest.mark.parametrize("used", [["text"], ["audio"], ["audio", "visual"]])
def test_any_modalities_can_be_chosen_and_are_named(
    ariigcn: Callable, trained: Path, plain: Path, tmp_path: Path, used: list[str]
) -> None:
    ariigcn("predict", trained, "--data", plain, "--out", tmp_path / "a", "--modalities", *used)
    for name in {"text", "audio", "visual"} - set(used):
        (plain / f"{name}.npy").unlink()
    outcome = ariigcn("predict", trained, "--data", plain, "--out", tmp_path / "b")
    assert f", from {', '.join(used)}: " in outcome.out
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_file_that_exists_is_refused_and_left_alone(
    refused: Callable[..., str], trained: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.jsonl").write_text("mine")
    sentence = refused("predict", trained, "--data", data, "--out", tmp_path / "p.jsonl")
    assert "p.jsonl: exists already; choose another name" in sentence
    assert (tmp_path / "p.jsonl").read_text() == "mine"


def test_folder_of_the_file_must_be_there(
    refused: Callable[..., str], trained: Path, data: Path, tmp_path: Path
) -> None:
    sentence = refused("predict", trained, "--data", data, "--out", tmp_path / "a" / "p.jsonl")
    assert "p.jsonl: cannot be written: No such file or directory" in sentence


def test_unknown_seed_is_named(refused_predict: Callable[..., str]) -> None:
    assert "--seed 7: " in (sentence := refused_predict("--seed", 7))
    assert sentence.endswith("has no such seed, it has 0, 1")


def test_other_width_is_named(refused_predict: Callable[..., str], plain: Path) -> None:
    np.save(plain / "text.npy", np.load(plain / "text.npy")[:, :3])
    assert "mine: text has 3 columns, but this run was trained with 6" in refused_predict()


def test_unknown_label_is_named(refused_predict: Callable[..., str], plain: Path) -> None:
    table = plain / "utterances.csv"
    table.write_text(table.read_text().replace(",sad,", ",bored,"))
    assert "mine: the label 'bored' is none of this run's classes (happy, " in refused_predict()


def _without_audio(folder: Path, to: Path) -> Path:
    to.mkdir()
    for path in folder.iterdir():
        if path.name != "audio.npy":
            (to / path.name).write_bytes(path.read_bytes())
    return to


@pytest.mark.slow
def test_modality_that_was_not_trained_is_named(
    ariigcn: Callable,
    refused: Callable[..., str],
    plain: Path,
    tmp_path: Path,
    small: tuple[str, ...],
) -> None:
    less = _without_audio(plain, tmp_path / "less")
    assert ariigcn("train", "--data", less, "--out", tmp_path / "run", *small).code == 0
    sentence = refused("predict", tmp_path / "run", "--data", plain, "--out", tmp_path / "p")
    assert "mine: has the modality 'audio', but this run was trained with text (6), v" in sentence
    assert not (tmp_path / "p").exists()


@pytest.mark.slow
def test_too_many_speakers_for_pairs_are_named(
    ariigcn: Callable,
    refused: Callable[..., str],
    data: Path,
    plain: Path,
    tmp_path: Path,
    small: tuple[str, ...],
) -> None:
    pairs = "--model.window.relations=pairs"
    assert ariigcn("train", "--data", data, "--out", tmp_path / "run", *small, pairs).code == 0
    lines = [line.split(",") for line in (plain / "utterances.csv").read_text().splitlines()]
    for row, cells in enumerate(lines[1:]):
        cells[2] = "ABC"[row % 3]
    (plain / "utterances.csv").write_text("\n".join(map(",".join, lines)) + "\n")
    sentence = refused("predict", tmp_path / "run", "--data", plain, "--out", tmp_path / "p")
    assert "mine: a dialogue has 3 speakers, but this run's graph distinguishes 2" in sentence


@pytest.mark.parametrize("seed", [(), ("--seed", 1)])
def test_the_least_sure_are_left_open(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path, seed: tuple[object, ...]
) -> None:
    options = ("--data", data, *seed)
    everything = ariigcn("predict", trained, *options, "--out", tmp_path / "all")
    outcome = ariigcn("predict", trained, *options, "--out", tmp_path / "some", "--coverage", 0.5)
    assert (everything.code, outcome.code) == (0, 0)
    sure, unsure = [], []
    for whole, line in zip(_lines(tmp_path / "all"), _lines(tmp_path / "some"), strict=True):
        assert line["probabilities"] == whole["probabilities"]
        assert line["prediction"] == (None if line["abstained"] else whole["prediction"])
        (unsure if line["abstained"] else sure).append(max(line["probabilities"].values()))
    assert sure
    assert min(sure) >= max(unsure)
    assert f"{len(sure)} utterances labelled" in outcome.out
    assert f"\n{len(unsure)} of {len(sure) + len(unsure)} left open, of a confi" in outcome.out


def test_half_of_validation_is_answered_where_half_is_asked_for(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    options = ("--data", data, "--out", tmp_path / "p", "--coverage", 0.5)
    said = ariigcn("predict", trained, *options).out
    dialogues = load_dialogues(data)
    validated = {dialogues.dialogue_ids[d] for d in dialogues.indices("val")}
    known = [x for x in _lines(tmp_path / "p") if x["dialogue"] in validated and x["label"]]
    answered = [line for line in known if not line["abstained"]]
    right = np.mean([line["prediction"] == line["label"] for line in answered])
    assert 0.5 <= len(answered) / len(known) < 0.5 + 1 / len(known)
    assert f"on validation {100 * len(answered) / len(known):.1f} % are answered, " in said
    assert f"{100 * right:.1f} % of them right" in said


def test_coverage_of_one_answers_everything_and_says_so(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    options = ("--data", data, "--out", tmp_path / "p", "--coverage", 1)
    outcome = ariigcn("predict", trained, *options)
    assert {line["abstained"] for line in _lines(tmp_path / "p")} == {False}
    assert "\n0 of " in outcome.out


@pytest.mark.parametrize("coverage", ["0", "-0.5", "1.01", "80"])
def test_coverage_that_is_no_share_is_refused(
    refused_predict: Callable[..., str], coverage: str
) -> None:
    sentence = refused_predict("--coverage", coverage)
    assert sentence.startswith("--coverage: is ")
    assert sentence.endswith("expected a share above 0 and up to 1")


@pytest.mark.parametrize("coverage", ["nan", "inf", "most"])
def test_coverage_that_is_no_number_is_refused(
    refused_predict: Callable[..., str], coverage: str
) -> None:
    assert f"--coverage: is {coverage}, expected a number" in refused_predict(
        "--coverage", coverage
    )


def test_run_of_a_version_without_calibration_labels_but_cannot_abstain(
    ariigcn: Callable, refused: Callable[..., str], copy: Path, data: Path, tmp_path: Path
) -> None:
    for seed in (0, 1):
        without_calibration(copy / f"seed{seed}")
    options = ("--data", data, "--out", tmp_path / "p")
    sentence = refused("predict", copy, *options, "--coverage", 0.8)
    assert sentence.startswith(f"--coverage: {copy / 'seed0'} was trained by a version that kept")
    assert sentence.endswith(": train it again")
    assert not (tmp_path / "p").exists()
    assert ariigcn("predict", copy, *options).code == 0


def test_features_of_another_scale_are_named(
    ariigcn: Callable, trained: Path, plain: Path, tmp_path: Path
) -> None:
    np.save(plain / "text.npy", 9 * np.load(plain / "text.npy"))
    outcome = ariigcn("predict", trained, "--data", plain, "--out", tmp_path / "p.jsonl")
    assert outcome.code == 0
    (line,) = outcome.err.splitlines()
    assert "mine: text: its columns " in line
    assert "another scale; its probabilities mean little; extract the features as for" in line
