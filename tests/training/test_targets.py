"""Trainings on numbers and several labels, alone and beside classes: scores, files, settings."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import ariigcn_dgl
from ariigcn_dgl.batch import collate
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes
from ariigcn_dgl.data import Dialogues, write_folder
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import ARIIGCN, SYSTEMS
from ariigcn_dgl.training.callbacks import StopTraining
from ariigcn_dgl.training.cuda_graph import CapturedUpdate
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.floors import floors
from ariigcn_dgl.training.label_share import with_label_share
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, RunConfig, write_config
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.scoring import Scoring, flat
from ariigcn_dgl.training.trained import TrainedRun
from ariigcn_dgl.training.trainer import Learner
from tests.training.capturing import EmulatedGraphs

MOOD = TargetSpec("mood", "regression", ("valence", "arousal"), 1.0, 5.0)
CUES = TargetSpec("cues", "multilabel", ("laugh", "cry", "sigh"))
SCORE = TargetSpec("label", "regression", ("score",), -3.0, 3.0)


def _values(dialogues: Dialogues, spec: TargetSpec) -> np.ndarray:
    """Return values that follow from features, with gaps."""
    rng = np.random.default_rng(0)
    text = dialogues.features["text"]
    hidden = text @ rng.standard_normal((text.shape[1], spec.columns)) / 3
    if spec.kind == "multilabel":
        values = (hidden > 0.3).astype(np.float32)
    else:
        middle, half = (spec.high + spec.low) / 2, (spec.high - spec.low) / 2
        values = (middle + half * np.tanh(hidden)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@pytest.fixture(scope="session")
def both(dialogues: Dialogues) -> Dialogues:
    """Return the small set with numbers and labels beside its classes."""
    targets = {spec.name: Target(spec, _values(dialogues, spec)) for spec in (MOOD, CUES)}
    return replace(dialogues, targets=targets)


@pytest.fixture(scope="session")
def scored(dialogues: Dialogues) -> Dialogues:
    """Return the small set with a score in place of its classes."""
    return replace(
        dialogues,
        label_names=(),
        labels=np.full_like(dialogues.labels, -1),
        targets={"label": Target(SCORE, _values(dialogues, SCORE))},
    )


@pytest.fixture(scope="session")
def of_both(both: Dialogues, settings, tmp_path_factory) -> TrainedRun:
    """Return a run on numbers and labels beside classes."""
    return _trained(both, settings(), tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="session")
def of_score(scored: Dialogues, settings, tmp_path_factory) -> TrainedRun:
    """Return a run on a score alone."""
    return _trained(scored, settings(), tmp_path_factory.mktemp("score"))


def _trained(dialogues: Dialogues, config: RunConfig, folder: Path) -> TrainedRun:
    prepared = prepare(dialogues, config)
    write_config(folder / CONFIG_FILE, prepared.config)
    fit(prepared, 0, folder / "seed0")
    return TrainedRun(folder / "seed0")


def test_targets_beside_classes_have_scores_beside_theirs(of_both: TrainedRun) -> None:
    record = of_both.record
    assert record["format"] == 3
    assert [target["name"] for target in record["targets"]] == ["label", "mood", "cues"]
    for split in ("val", "test"):
        assert {"weighted_f1", "confusion", "targets"} <= record[split].keys()
        assert set(record[split]["targets"]) == {"mood", "cues"}
    assert record["calibration"]["temperature"] > 0


def test_a_run_without_classes_has_the_scores_of_its_target_alone(of_score: TrainedRun) -> None:
    record = of_score.record
    assert record["label_names"] == []
    assert record["val"].keys() == {"targets"}
    assert "calibration" not in record
    assert {"mae", "pearson", "acc2_positive", "acc7"} <= record["test"]["targets"]["label"].keys()
    assert not (of_score.folder.path / "per_class.csv").exists()


@pytest.mark.parametrize(("fixture", "trained"), [("both", "of_both"), ("scored", "of_score")])
def test_a_trained_run_scores_as_training_did(fixture, trained, request) -> None:
    dialogues, run = request.getfixturevalue(fixture), request.getfixturevalue(trained)
    found = run.score(dialogues)
    expected = flat(run.record["test"])
    assert found.headline().keys() == expected.keys()
    for name, value in found.headline().items():
        assert value == pytest.approx(expected[name], abs=1e-9)


def test_answers_do_not_depend_on_what_is_known(both: Dialogues, of_both: TrainedRun) -> None:
    run = of_both
    blind = replace(both, targets={}, labels=np.full_like(both.labels, -1))
    np.testing.assert_array_equal(
        run.probabilities(run.adapt(both)), run.probabilities(run.adapt(blind))
    )


def test_classes_beside_targets_are_predicted_as_ever(both: Dialogues, of_both: TrainedRun) -> None:
    run = of_both
    assert run.predict_proba(both).shape == (both.num_utterances, both.num_classes)
    np.testing.assert_allclose(run.predict_proba(both).sum(1), 1)
    answers = run.predict_targets(both)
    assert answers["mood"].shape == (both.num_utterances, 2)
    assert ((answers["mood"] >= 1) & (answers["mood"] <= 5)).all()
    assert ((answers["cues"] >= 0) & (answers["cues"] <= 1)).all()


def test_a_session_answers_each_target_by_its_name(both: Dialogues, settings, tmp_path) -> None:
    run = _trained(both, settings(causal=True), tmp_path)
    session = ariigcn_dgl.Session(run)
    said = both.select([0])
    for row in range(said.num_utterances):
        features = {m: x[row] for m, x in said.features.items() if said.masks[m][row]}
        speaker = said.speaker_names[said.speakers[row]]
        found = session.by_target(session.add(ariigcn_dgl.Utterance(speaker, features)))
        for name, expected in run.predict_targets(said).items():
            np.testing.assert_allclose(found[name], expected[row], atol=1e-5)
        np.testing.assert_allclose(found["label"].sum(), 1)


def test_a_run_without_classes_says_so(scored: Dialogues, of_score: TrainedRun) -> None:
    with pytest.raises(InputError, match="has no classes, but label: call predict_targets"):
        of_score.predict(scored)


def test_predictions_say_what_is_known_and_what_is_predicted(
    both: Dialogues, of_both: TrainedRun
) -> None:
    lines = (of_both.folder.path / "predictions.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    assert first["prediction"] in both.label_names
    mood, cues = first["targets"]["mood"], first["targets"]["cues"]
    assert mood["prediction"].keys() == {"valence", "arousal"}
    assert set(cues["prediction"].values()) <= {0, 1}
    assert cues["probabilities"].keys() == set(CUES.names)
    assert mood["value"] is None or mood["value"].keys() == {"valence", "arousal"}


def test_epochs_are_compared_by_the_metric_that_is_named(
    both: Dialogues, settings, tmp_path: Path
) -> None:
    changes = {"metric": "mood.mae", "epochs": 5, "learning_rate": 0.05}
    run = _trained(both, settings(**changes), tmp_path)
    record = run.record
    history = run.folder.read_metrics()
    best = min(history, key=lambda epoch: epoch["val_mood.mae"])
    assert record["best_epoch"] == best["epoch"]
    assert run.scoring.title == "mood MAE"


def test_a_score_of_classes_can_select_in_place_of_weighted_f1(
    dialogues: Dialogues, settings, tmp_path: Path
) -> None:
    run = _trained(dialogues, settings(metric="accuracy", epochs=4), tmp_path)
    record = run.record
    history = run.folder.read_metrics()
    assert record["format"] == 2
    assert record["best_epoch"] == max(history, key=lambda e: e["val_accuracy"])["epoch"]


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("mae", "'mae' is no score of label (classes): expected one of weighted_f1"),
        ("vad.ccc", "'vad.ccc' is no score of label (classes)"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(
    dialogues: Dialogues, settings, metric: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        prepare(dialogues, settings(metric=metric))
    assert str(caught.value).startswith(f"--training.metric: {words}")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"moods": 1.0}, "'moods' is none of the targets (label, mood, cues); did you mean"),
        ({"label": 0.0, "mood": 0.0, "cues": 0.0}, "all are 0: nothing is learnt"),
    ],
)
def test_weights_of_no_target_are_refused(both, settings, weights, words: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare(both, settings(target_weights=weights))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("system", "model", "words"),
    [
        ("ariigcn", {"sccl_weight": 0.5}, "--model.sccl_weight is of a contrast of classes"),
        (
            "graphsmile",
            {"shift_weight": 0.0},
            "--system graphsmile: sentiments are those of classes, and small has none: leave them "
            "out (--model.sentiment_weight 0 --model.shift_weight 0)",
        ),
    ],
)
def test_what_learns_classes_only_is_refused(scored, system, model, words: str) -> None:
    config = RunConfig(system)
    config = RunConfig(system, replace(config.model, **model), config.training)
    with pytest.raises(InputError) as caught:
        prepare(scored, config)
    assert words in str(caught.value)


@pytest.mark.parametrize("system", ["sdt", "graphsmile", "c-mfn"])
def test_a_system_with_losses_of_its_own_is_taken_to_learn_classes_only(system: str) -> None:
    kind = SYSTEMS[system]
    other = type("Other", (kind,), {"losses": lambda *_: {}})
    assert kind.classes_only(kind.Config()) == ""
    assert other.classes_only(kind.Config()) == "its training loss is one of classes"


SMALLER = {
    "sdt": {"hidden_dim": 16},
    "c-mfn": {"transformer_dim": 16, "num_layers": 1, "text_dim": 8, "blocks": True},
}
WITHOUT_CLASSES = {"graphsmile": {"sentiment_weight": 0.0, "shift_weight": 0.0}}


@pytest.mark.slow
@pytest.mark.parametrize("system", ["sdt", "graphsmile", "c-mfn"])
def test_a_score_alone_is_learnt_and_scored(system: str, scored: Dialogues, tmp_path: Path) -> None:
    config = RunConfig(system)
    model = SMALLER.get(system, {"hidden_dim": 16}) | WITHOUT_CLASSES.get(system, {})
    training = replace(config.training, epochs=12, batch_size=4, learning_rate=0.003)
    run = _trained(scored, RunConfig(system, replace(config.model, **model), training), tmp_path)
    history = run.folder.read_metrics()
    assert history[-1]["label"] < history[0]["label"]
    assert run.record["test"]["targets"]["label"]["mae"] > 0


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_takes_any_target(system: str, both: Dialogues) -> None:
    config = RunConfig(system)
    config = RunConfig(system, replace(config.model, **SMALLER.get(system, {})), config.training)
    prepared = prepare(both, config)
    torch.manual_seed(0)
    model = prepared.config.build(both.widths, both.num_outputs, prepared.objective)
    batch = collate(both, [0, 1], model.window)
    losses = model.losses(batch)
    assert {"classification", "mood", "cues"} <= losses.keys()
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_a_weight_multiplies_the_loss_of_its_target(both: Dialogues) -> None:
    found = []
    for weight in (1.0, 0.25):
        config = RunConfig("mlp")
        training = replace(config.training, target_weights={"mood": weight})
        prepared = prepare(both, RunConfig("mlp", config.model, training))
        torch.manual_seed(0)
        model = prepared.config.build(both.widths, both.num_outputs, prepared.objective).eval()
        found.append(model.losses(collate(both, [0, 1], model.window)))
    torch.testing.assert_close(found[1]["mood"], 0.25 * found[0]["mood"])
    torch.testing.assert_close(found[1]["cues"], found[0]["cues"])


def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    both: Dialogues, settings, tmp_path: Path
) -> None:
    prepared = prepare(both, settings(epochs=3))

    def stop(record: dict) -> None:
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(prepared, 0, tmp_path / "stopped", report=stop)
    records = [fit(prepared, 0, tmp_path / name) for name in ("stopped", "whole")]
    assert records[0]["test"] == records[1]["test"]


def test_a_checkpoint_of_before_there_were_metrics_is_gone_on_with(
    dialogues: Dialogues, settings, tmp_path: Path
) -> None:
    prepared = prepare(dialogues, settings(epochs=3))

    def stop(record: dict) -> None:
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(prepared, 0, tmp_path / "old", report=stop)
    folder = RunFolder(tmp_path / "old")
    state = folder.read_checkpoint()
    best = state["best"]
    state["best"] = {
        "epoch": best["epoch"],
        "weighted_f1": best["score"],
        "sha256": best["sha256"],
    }
    folder.write_checkpoint(state)
    records = [fit(prepared, 0, tmp_path / name) for name in ("old", "whole")]
    assert records[0]["test"] == records[1]["test"]


def test_labels_that_are_not_seen_hide_targets_too(both: Dialogues) -> None:
    few = with_label_share(both, 0.5, seed=0)
    train = few.split("train")
    hidden = [b for b in range(train.num_dialogues) if not train[b].labelled.any()]
    assert len(hidden) == train.num_dialogues // 2
    rest = few.split("test")
    np.testing.assert_array_equal(
        rest.targets["mood"].values, both.split("test").targets["mood"].values
    )


def test_a_contrast_of_targets_trains_captured_as_computed(both: Dialogues, settings) -> None:
    only = both.with_targets(["mood"])
    config = settings(scl_weight=0.1, regression_pairs="overlapping-bins")
    prepared = prepare(only, config)
    learners = []
    for capturable in (False, True):
        torch.manual_seed(0)
        model = prepared.config.build(only.widths, only.num_outputs, prepared.objective).double()
        for module in model.modules():
            if hasattr(module, "p"):
                module.p = 0.0
        learners.append(
            Learner(model, prepared.config.training, 4, epochs=2, capturable=capturable)
        )
    batches = [collate(only, chosen, learners[0].model.window) for chosen in [[0, 1]] * 4]
    batches = [replace(b, features={m: x.double() for m, x in b.features.items()}) for b in batches]
    shape = Shape.holding(Sizes.of(batches[0]), Nodes.of(batches[0]), dialogues=4)
    update = CapturedUpdate(learners[1].update, "cpu", [shape], EmulatedGraphs())
    for batch in batches:
        computed = learners[0].train_step(batch)
        replayed = learners[1].step(update, batch)
        assert computed.keys() == replayed.keys()
        for name in computed:
            torch.testing.assert_close(replayed[name], computed[name])


def test_a_floor_is_found_for_every_score(both: Dialogues, scored: Dialogues) -> None:
    for dialogues in (both, scored):
        scoring = Scoring(dialogues.specs)
        assert floors(dialogues, scoring).keys() == scoring.columns.keys()


def test_a_floor_of_what_training_never_saw_is_the_middle_or_the_only_class(
    both: Dialogues, scored: Dialogues
) -> None:
    train = both.in_split("train")
    mood = both.targets["mood"]
    unknown = mood.values.copy()
    unknown[train, 1] = np.nan
    lacking = replace(both, targets={"mood": replace(mood, values=unknown)})
    assert floors(lacking, Scoring(lacking.specs))["mood.mae_arousal"] > 0
    one = replace(both, labels=np.where(train & (both.labels >= 0), 1, both.labels))
    assert floors(one, Scoring(one.specs)).keys() == Scoring(one.specs).columns.keys()


def test_there_are_no_floors_beside_what_learns_from_a_share_of_the_labels(both: Dialogues) -> None:
    assert floors(both, Scoring(both.specs), label_share=0.5) == {}


def test_classes_alone_have_no_weight(dialogues: Dialogues, settings) -> None:
    with pytest.raises(InputError, match="'label' is the only target: there is no other one"):
        prepare(dialogues, settings(target_weights={"label": 0.5}))
    prepare(dialogues, settings(target_weights={"label": 1.0}))


def test_labels_have_names_with_dots(both: Dialogues, settings) -> None:
    cues = both.targets["cues"]
    named = replace(cues, spec=replace(cues.spec, names=("v1.2 tag", "cry", "sigh")))
    dotted = replace(both, targets={"cues": named})
    scoring = Scoring(dotted.specs, "f1_v1.2 tag")
    assert scoring.metric == "cues.f1_v1.2 tag"
    answers = np.full((dotted.num_utterances, dotted.num_outputs), 0.6)
    rows, of_sums = scoring.compared(scoring.values(dotted), answers)
    whole = flat(scoring.score(dotted, answers).record())["cues.f1_v1.2 tag"]
    assert of_sums(np.nansum(rows, axis=0)) == pytest.approx(whole)


def test_python_trains_targets_of_a_path_and_of_memory(both: Dialogues, tmp_path: Path) -> None:
    write_folder(both, tmp_path / "set")
    options = {"system": "mlp", "settings": {"training.epochs": 2}}
    of_path = ariigcn_dgl.fit(tmp_path / "set", tmp_path / "a", targets=["mood"], **options)
    of_memory = ariigcn_dgl.fit(both.with_targets(["mood"]), tmp_path / "b", **options)
    scores = [run.score(both.with_targets(["mood"])) for run in (of_path, of_memory)]
    assert scores[0] == scores[1]
    assert json.loads((tmp_path / "a" / "train.json").read_text())["targets"] == ["mood"]


def test_settings_of_before_are_those_of_before(settings) -> None:
    assert "metric" not in json.dumps(asdict(RunConfig("mlp").model))
    assert ARIIGCN.classes_only(settings().model) == ""


def test_a_callback_can_end_a_training_of_targets(scored: Dialogues, settings, tmp_path) -> None:
    def stop(record: dict) -> None:
        raise StopTraining

    record = fit(prepare(scored, settings(epochs=5)), 0, tmp_path / "seed0", report=stop)
    assert record["epochs"] == 1
