"""Commands on targets beside classes: train, evaluate, predict, report, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.bundle.file import FORMAT
from ariigcn_dgl.cli import main
from ariigcn_dgl.data import load_dialogues, synthesise, write_folder
from ariigcn_dgl.data.synth_config import SENTIMENT
from ariigcn_dgl.training.floors import floors
from ariigcn_dgl.training.scoring import Scoring

QUICK = ("--system", "mlp", "--training.epochs", "3", "--training.learning_rate", "0.01")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a set of three modalities with scores from -3 to 3."""
    path = tmp_path_factory.mktemp("clips") / "clips"
    small = replace(SENTIMENT, train=12, val=6, test=8, length_mean=8.0, length_sd=2.0)
    write_folder(synthesise(replace(small, name="clips")), path)
    return path


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of classes, and of valence, arousal and dominance that nobody declares."""
    data = synthesise(replace(SENTIMENT, scores=(), train=12, val=6, test=8))
    scale = np.linspace(1, 5, data.num_classes)[data.labels]
    path = tmp_path_factory.mktemp("archive") / "set.npz"
    np.savez(
        path,
        dialogue_ids=np.array(data.dialogue_ids),
        split=np.array(data.splits),
        dialogue_ptr=data.dialogue_ptr,
        utterance_ids=np.array(data.utterance_ids),
        speaker=data.speakers,
        speaker_names=np.array(data.speaker_names),
        label=data.labels,
        label_names=np.array(data.label_names),
        vad_label=np.stack([scale, scale[::-1], 6 - scale], axis=1).astype(np.float32),
        **{m: x for m, x in data.features.items()},
        **{f"{m}_mask": x for m, x in data.masks.items()},
    )
    return path


@pytest.fixture(scope="session")
def run(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on the scores."""
    path = tmp_path_factory.mktemp("runs") / "scores"
    main(["train", "--data", str(clips), *QUICK, "--out", str(path)])
    return path


@pytest.fixture(scope="session")
def of_both(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on emotions, and on valence, arousal and dominance."""
    path = tmp_path_factory.mktemp("runs") / "both"
    options = ("--targets", "label", "vad", "--training.target_weights", '{"vad": 0.5}')
    main(["train", "--data", str(archive), *QUICK, *options, "--out", str(path)])
    return path


def test_scores_are_trained_on_and_shown_beside_a_floor(
    ariigcn: Callable, clips: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("train", "--data", clips, *QUICK, "--out", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    for words in ("MAE", "correlation", "CCC", "Acc-7", "Acc-5", "floor"):
        assert words in outcome.out
    assert "Acc-2, negative / non-negative" in outcome.out
    assert "F1, negative / positive" in outcome.out
    assert "best MAE on validation" in outcome.out.replace("\n", " ").replace("  ", " ")
    assert "val_label.mae" in outcome.err


def test_scores_are_taken_as_two_classes(ariigcn: Callable, clips: Path, tmp_path: Path) -> None:
    options = ("--targets", "label:non-negative", "--out", tmp_path / "run")
    outcome = ariigcn("train", "--data", clips, *QUICK, *options)
    assert outcome.code == 0, outcome.err
    assert "non-negative" in outcome.out
    assert "floor" in outcome.out
    assert ariigcn("evaluate", tmp_path / "run").code == 0
    known = ariigcn("predict", tmp_path / "run", "--data", clips, "--out", tmp_path / "p.jsonl")
    assert "of them have a known label" in known.out


def test_emotions_and_numbers_are_trained_together(
    ariigcn: Callable, archive: Path, tmp_path: Path
) -> None:
    options = ("--targets", "label", "vad", "--training.target_weights", '{"vad": 0.5}')
    folder = tmp_path / "run"
    outcome = ariigcn("train", "--data", archive, *QUICK, *options, "--out", folder)
    assert outcome.code == 0, outcome.err
    assert "weighted F1" in outcome.out
    assert "CCC, dominance" in outcome.out
    record = json.loads((folder / "seed0" / "run.json").read_text())
    assert record["widths"].keys() == {"text", "audio", "visual"}  # no target is an input
    assert ariigcn("evaluate", folder).code == 0


def test_evaluate_finds_the_scores_of_training_again(
    ariigcn: Callable, run: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("evaluate", run, "--json", tmp_path / "scores.json")
    assert outcome.code == 0, outcome.err
    found = json.loads((tmp_path / "scores.json").read_text())["0"]["test"]
    assert found == json.loads((run / "seed0" / "run.json").read_text())["test"]


def test_evaluate_scores_another_set_and_absent_modalities(
    ariigcn: Callable, run: Path, clips: Path, tmp_path: Path
) -> None:
    other = load_dialogues(clips)
    write_folder(other.split("test"), tmp_path / "other")
    outcome = ariigcn("evaluate", run, "--data", tmp_path / "other")
    assert "all scores" in outcome.out, outcome.err
    assert "Acc-7" in ariigcn("evaluate", run, "--absent", "text").out


def test_predict_writes_numbers(ariigcn: Callable, run: Path, clips: Path, tmp_path: Path) -> None:
    outcome = ariigcn("predict", run, "--data", clips, "--out", tmp_path / "p.jsonl")
    assert "have a known label: label: mae" in outcome.out
    first = json.loads((tmp_path / "p.jsonl").read_text().splitlines()[0])
    assert -3 <= first["targets"]["label"]["prediction"]["score"] <= 3
    ariigcn("predict", run, "--data", clips, "--out", tmp_path / "p.csv")
    row = next(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert float(row["predicted_label"]) == first["targets"]["label"]["prediction"]["score"]


def test_predict_in_parts_writes_and_scores_the_same(
    ariigcn: Callable, run: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ariigcn("predict", run, "--data", clips, "--out", tmp_path / "p.csv")
    monkeypatch.setattr("ariigcn_dgl.cli.predict.DIALOGUES_AT_ONCE", 7)
    parts = ariigcn("predict", run, "--data", clips, "--out", tmp_path / "q.csv")
    said = [x.out.replace("q.csv", "p.csv") for x in (whole, parts)]
    assert said[0] == said[1]
    rows = [
        list(csv.DictReader((tmp_path / name).read_text().splitlines()))
        for name in ("p.csv", "q.csv")
    ]
    for ours, theirs in zip(*rows, strict=True):
        assert ours["utterance"] == theirs["utterance"]
        own, other = (float(row["predicted_label"]) for row in (ours, theirs))
        assert own == pytest.approx(other, abs=1e-5)


def test_a_conversation_that_goes_on_gets_the_numbers_of_the_whole(
    ariigcn: Callable, run: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ariigcn("predict", run, "--data", clips, "--out", tmp_path / "p.jsonl")
    wanted = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    said = load_dialogues(clips)[0]
    lines = [
        json.dumps(
            {
                "dialogue": said.dialogue_ids[0],
                "speaker": said.speaker_names[said.speakers[row]],
                "features": {m: x[row].tolist() for m, x in said.features.items()},
            }
        )
        for row in range(said.num_utterances)
    ]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    outcome = ariigcn("predict", run, "--stream")
    assert outcome.code == 0, outcome.err
    for line, whole in zip(outcome.out.splitlines(), wanted, strict=False):
        found, expected = json.loads(line)["targets"]["label"], whole["targets"]["label"]
        assert found.keys() == {"prediction"}  # what is known is not asked of a conversation
        assert found["prediction"] == pytest.approx(expected["prediction"], abs=1e-5)
    assert len(outcome.out.splitlines()) == len(lines)


@pytest.mark.parametrize("more", [("--stream",), ("--data", "{clips}", "--out", "{tmp}/p.csv")])
def test_leaving_open_is_of_classes(
    more: tuple[str, ...], refused: Callable, run: Path, clips: Path, tmp_path: Path
) -> None:
    filled = (one.format(clips=clips, tmp=tmp_path) for one in more)
    assert "--coverage: is of classes, and " in refused(
        "predict", run, "--coverage", "0.8", *filled
    )


def test_predict_needs_no_score(ariigcn: Callable, run: Path, clips: Path, tmp_path: Path) -> None:
    blind = load_dialogues(clips).select([0, 1])
    blind = replace(blind, targets={}, splits=("test", "test"))
    write_folder(blind, tmp_path / "blind")
    outcome = ariigcn("predict", run, "--data", tmp_path / "blind", "--out", tmp_path / "p.jsonl")
    assert outcome.code == 0, outcome.err
    assert '"value": null' in (tmp_path / "p.jsonl").read_text()


def test_a_bundle_predicts_and_scores_as_its_run(
    ariigcn: Callable, run: Path, clips: Path, tmp_path: Path
) -> None:
    made = ariigcn("bundle", run, "--out", tmp_path / "clips.ariigcn")
    assert made.code == 0, made.err
    found = {}
    for model in (run, tmp_path / "clips.ariigcn"):
        out = tmp_path / f"{model.stem}.jsonl"
        assert ariigcn("predict", model, "--data", clips, "--out", out).code == 0
        scored = ariigcn("evaluate", model, "--data", clips, "--json", tmp_path / "scores.json")
        assert scored.code == 0, scored.err
        found[model] = out.read_bytes(), (tmp_path / "scores.json").read_bytes()
    assert found[run] == found[tmp_path / "clips.ariigcn"]
    card = ariigcn("bundle", tmp_path / "clips.ariigcn").out
    assert "- **Target label**: a number from -3 to 3\n" in card
    assert "its answers are those of the run, bit for bit." in card
    assert "| MAE | " in card
    assert "Classes" not in card
    assert FORMAT.encode() not in (tmp_path / "clips.ariigcn").read_bytes()  # to older versions


def test_a_card_has_the_scores_of_classes_and_of_targets(
    ariigcn: Callable, of_both: Path, tmp_path: Path
) -> None:
    out = tmp_path / "both.ariigcn"
    assert ariigcn("bundle", of_both, "--out", out, "--precision", "float16").code == 0
    card = ariigcn("bundle", out).out
    assert "| **weighted F1** |" in card
    assert "- **Target vad**: numbers: valence, arousal, dominance\n" in card
    assert "| CCC, " in card
    assert "answers to vad differ from the run's by at most" in card
    assert "answers on test are others" in card


def test_a_training_can_be_gone_on_with(ariigcn: Callable, run: Path) -> None:
    outcome = ariigcn("train", "--resume", run)
    assert outcome.code == 0, outcome.err
    assert "not trained again" in outcome.err
    assert "Acc-7" in outcome.out


def test_the_report_shows_what_was_predicted_of_test_dialogues(
    ariigcn: Callable, run: Path, of_both: Path, clips: Path, archive: Path, tmp_path: Path
) -> None:
    """A score alone, and numbers beside classes that nothing but the run's options names."""
    for folder, data, titles in (
        (run, clips, ["score"]),
        (of_both, archive, ["vad: valence", "vad: arousal", "vad: dominance"]),
    ):
        out = tmp_path / f"{folder.name}.html"
        outcome = ariigcn("report", folder, "--data", data, "--out", out)
        assert outcome.code == 0, outcome.err
        page = out.read_text()
        for title in titles:
            assert page.count(f"<figcaption>{title}</figcaption>") == 8  # test dialogues
        assert ", true</th>" in page
        assert ", predicted</th>" in page
        assert '<section id="farthest">' in page


def test_a_report_with_the_data_shows_the_floors_that_training_printed(
    ariigcn: Callable, run: Path, clips: Path, tmp_path: Path
) -> None:
    data = load_dialogues(clips)
    found = floors(data, Scoring(data.specs))["label.mae"]
    scores, pages = ariigcn("evaluate", run).out, []
    for options in ([], ["--data", clips]):
        out = tmp_path / f"{len(options)}.html"
        assert ariigcn("report", run, *options, "--out", out).code == 0
        pages.append(out.read_text())
    assert f" {found:.3f} " in scores[scores.index("floor") :]
    column, cell = (
        '<th scope="col" class="number">floor</th>',
        f'<td class="number">{found:.3f}</td>',
    )
    assert column in pages[1]
    assert cell in pages[1]
    assert column not in pages[0]


def test_the_report_of_another_data_set_is_refused(
    refused: Callable, run: Path, archive: Path, tmp_path: Path
) -> None:
    sentence = refused("report", run, "--data", archive, "--out", tmp_path / "report.html")
    assert "is not the data set that scores was trained on" in sentence


def test_the_report_of_scores_has_their_metrics(
    ariigcn: Callable, run: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("report", run, "--out", tmp_path / "report.html")
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "report.html").read_text()
    assert "Acc-2, negative / non-negative" in page
    assert "Validation MAE" in page
    assert "of classes only" in page


def test_the_report_of_classes_has_other_targets_too(
    ariigcn: Callable, archive: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    ariigcn("train", "--data", archive, *QUICK, "--targets", "label", "vad", "--out", folder)
    assert ariigcn("report", folder, "--out", tmp_path / "report.html").code == 0
    page = (tmp_path / "report.html").read_text()
    assert "CCC, arousal" in page
    assert "farthest" not in page  # which needs the data set
    assert "F1 of each class" in page


def test_data_check_shows_what_targets_are(ariigcn: Callable, clips: Path, archive: Path) -> None:
    shown = ariigcn("data", "check", "--data", clips)
    assert shown.code == 0
    assert "label (regression)" in shown.out
    assert "unlabelled" not in shown.out
    assert "arousal" in ariigcn(
        "data", "check", "--data", archive, "--targets", "label", "vad"
    ).out  # fmt: skip


def test_converted_sets_keep_the_targets_that_are_named(
    ariigcn: Callable, archive: Path, tmp_path: Path
) -> None:
    ariigcn(
        "data", "convert", "--data", archive, "--out", tmp_path / "set", "--targets", "label", "vad"
    )
    assert list(load_dialogues(tmp_path / "set").targets) == ["vad"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--targets", "mood"), "has no target 'mood'"),
        (("--targets", "label:9"), "there are no classes '9'"),
        (("--training.metric", "accuracy"), "'accuracy' is no score of label (regression)"),
        (("--system", "graphsmile"), "sentiments are those of classes, and clips has none: leave"),
        (("--training.target_weights", '{"vad": 1}'), "'vad' is none of the targets (label)"),
    ],
)
def test_what_does_not_fit_the_target_is_refused(
    refused: Callable, clips: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    assert words in refused("train", "--data", clips, *options, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_abstaining_is_of_classes_only_and_says_so(
    refused: Callable, run: Path, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    message = refused("predict", run, "--data", clips, "--out", out, "--coverage", "0.5")
    assert message.startswith("--coverage: is of classes, and ")
    assert not out.exists()


@pytest.mark.slow  # four trainings in processes of their own
@pytest.mark.slow
def test_spaces_of_a_score_are_coloured_by_parts_of_its_range(
    ariigcn: Callable, small: tuple[str, ...], clips: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("train", "--data", clips, *small, "--out", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    outcome = ariigcn("embed", tmp_path / "run", "--out", tmp_path / "gap")
    assert outcome.code == 0, outcome.err
    numbers = json.loads((tmp_path / "gap" / "embedding.json").read_text())
    assert all(-1 <= one["silhouette_class"] <= 1 for one in numbers.values())
    assert (tmp_path / "gap" / "embedding.png").exists()


@pytest.mark.slow  # four trainings in processes of their own
def test_a_study_compares_systems_on_a_score_taken_as_classes(
    ariigcn: Callable, clips: Path, tmp_path: Path
) -> None:
    study = tmp_path / "two.yaml"
    study.write_text(
        "title: Two\nabout: two systems\nbaseline: mlp\n"
        "defaults:\n  set: {training.epochs: 2}\n"
        "settings:\n  - {name: mlp, system: mlp}\n  - {name: bigru, system: bigru}\n"
    )
    options = ("--targets", "label:non-negative", "--seeds", "0", "--out", tmp_path / "study")
    outcome = ariigcn("experiment", study, "--data", clips, *options)
    assert outcome.code == 0, outcome.err
    assert "weighted F1" in (tmp_path / "study" / "table.md").read_text()


def test_synthetic_scores_can_be_had(ariigcn: Callable, tmp_path: Path) -> None:
    outcome = ariigcn("data", "synth", "--like", "sentiment", "--out", tmp_path / "set")
    assert outcome.code == 0, outcome.err
    made = load_dialogues(tmp_path / "set")
    assert made.widths.keys() == {"text", "audio", "visual"}
    values = made.targets["label"].values
    assert (values.min(), values.max()) == (-3, 3)


def test_intensities_are_imported_as_numbers(ariigcn: Callable, tmp_path: Path) -> None:
    file = tmp_path / "m.pkl"
    ariigcn("data", "synth", "--layout", "mmsa", "--out", file, "--fraction", "0.02")
    options = ("--labels", "score", "--out", tmp_path / "set")
    assert ariigcn("data", "import", file, *options).code == 0
    made = load_dialogues(tmp_path / "set")
    assert made.targets["label"].spec.high == 3
    assert made.label_names == ()


def test_a_file_of_classes_has_no_scores(
    ariigcn: Callable, refused: Callable, tmp_path: Path
) -> None:
    file = tmp_path / "i.pkl"
    ariigcn("data", "synth", "--layout", "dialoguegcn", "--out", file, "--fraction", "0.02")
    assert "no intensities" in refused("data", "import", file, "--labels", "score")
