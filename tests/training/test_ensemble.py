"""What a trained run answers from Python: the mean of its seeds, as the command line does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.ensemble import Ensemble
from ariigcn_dgl.training.fit_run import fit
from ariigcn_dgl.training.trained import TrainedRun


@pytest.fixture(scope="module")
def run(dialogues: Dialogues, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of two seeds."""
    folder = tmp_path_factory.mktemp("python") / "mlp"
    fit(dialogues, folder, system="mlp", seeds=[0, 1], settings={"training.epochs": 2})
    return folder


@pytest.fixture(scope="module")
def ensemble(run: Path) -> Ensemble:
    return Ensemble(str(run))


def test_probabilities_are_the_mean_of_the_seeds(ensemble: Ensemble, dialogues: Dialogues) -> None:
    found = ensemble.predict_proba(dialogues)
    seeds = [run.predict_proba(dialogues) for run in ensemble.runs]
    assert found.shape == (dialogues.num_utterances, dialogues.num_classes)
    np.testing.assert_array_equal(found, (seeds[0] + seeds[1]) / 2)
    assert not np.array_equal(seeds[0], seeds[1])


def test_predictions_are_names_of_the_most_probable_classes(
    ensemble: Ensemble, dialogues: Dialogues
) -> None:
    found, probabilities = ensemble.predict(dialogues), ensemble.predict_proba(dialogues)
    assert found.tolist() == [dialogues.label_names[c] for c in probabilities.argmax(1)]


def test_scores_are_those_of_the_command_line(
    ensemble: Ensemble,
    dialogues: Dialogues,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["evaluate", str(ensemble.path), "--json", str(tmp_path / "scores.json")])
    capsys.readouterr()
    theirs = json.loads((tmp_path / "scores.json").read_text())
    for split in ("val", "test"):
        ours = ensemble.score(dialogues, split).headline()
        assert ours == {name: theirs["averaged"][split][name] for name in ours}
    own = ensemble.runs[1].score(dialogues).headline()
    assert own == {name: theirs["1"]["test"][name] for name in own}


def test_answers_are_those_of_the_command_line(
    ensemble: Ensemble,
    dialogues: Dialogues,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, out = str(ensemble.path / "data"), str(tmp_path / "labels.jsonl")
    main(["predict", str(ensemble.path), "--data", data, "--out", out])
    capsys.readouterr()
    lines = [json.loads(line) for line in Path(out).read_text().splitlines()]
    assert ensemble.predict(dialogues).tolist() == [line["prediction"] for line in lines]


def test_no_split_is_all_of_them(ensemble: Ensemble, dialogues: Dialogues) -> None:
    scores = ensemble.score(dialogues, split=None)
    assert sum(row["support"] for row in scores.per_class) == (dialogues.labels >= 0).sum()


def test_nothing_to_score_is_refused(ensemble: Ensemble, dialogues: Dialogues) -> None:
    unlabelled = replace(dialogues, labels=np.full_like(dialogues.labels, -1))
    with pytest.raises(InputError, match="small: the split 'test' has no labelled utterance"):
        ensemble.score(unlabelled)
    with pytest.raises(InputError, match="small: no labelled utterance to score"):
        ensemble.score(unlabelled, split=None)


def test_missing_modality_is_answered(ensemble: Ensemble, dialogues: Dialogues) -> None:
    answers = ensemble.predict(dialogues[:2].with_modalities(["text"]))
    assert len(answers) == dialogues[:2].num_utterances


def test_scores_print_as_one_short_line(ensemble: Ensemble, dialogues: Dialogues) -> None:
    scores = ensemble.score(dialogues)
    assert str(scores).startswith(f"weighted F1 {scores.weighted_f1:.2f}, accuracy ")
    assert "confusion" not in repr(scores)


def test_repr_says_what_it_is(ensemble: Ensemble, run: Path) -> None:
    assert repr(ensemble) == f"<Ensemble '{run}': mlp on small, seeds 0, 1>"


def test_folder_of_a_seed_is_an_ensemble_of_one(run: Path) -> None:
    one = Ensemble(run / "seed1")
    assert [seed.record["seed"] for seed in one.runs] == [1]
    assert repr(one).endswith("seed 1>")


def test_trained_run_takes_text_for_its_folder(run: Path) -> None:
    assert TrainedRun(str(run / "seed1")).record["seed"] == 1


def test_trained_run_of_several_seeds_says_how_to_name_one(run: Path) -> None:
    with pytest.raises(InputError) as caught:
        TrainedRun(run)
    assert f"has the seeds 0, 1: name the folder of one of them, as {run}/seed0" in str(
        caught.value
    )


def test_trained_run_takes_the_run_folder_of_one_seed(dialogues: Dialogues, tmp_path: Path) -> None:
    fit(dialogues, tmp_path / "one", system="mlp", seeds=[4], settings={"training.epochs": 1})
    assert TrainedRun(tmp_path / "one").record["seed"] == 4


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        Ensemble(tmp_path)
