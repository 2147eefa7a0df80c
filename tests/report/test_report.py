"""The report as text: every system, several runs, missing pieces, hostile names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.folds import Fold, with_fold
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.report.report import report_html
from ariigcn_dgl.report.run_files import RunFiles, read_run
from ariigcn_dgl.training.metrics import HEADLINE
from ariigcn_dgl.training.run_folder import RunFolder

NO_ATTENTION = "This system has no attention over a graph"
NO_SPACE = "This system joins the modalities"
GRAPH_SYSTEMS = ("ariigcn", "dialogue-gcn", "lr-gcn")


def run_of(folder: Path) -> RunFiles:
    return read_run(folder.name, sorted(folder.glob("seed*")))


def embedded(html: str) -> dict:
    return json.loads(re.search(r'id="browser-data">(.*?)</script>', html)[1])


@pytest.fixture(scope="module")
def html(two_seeds: Path, dialogues: Dialogues) -> str:
    return report_html([run_of(two_seeds)], dialogues)


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_has_a_report(system: str, train: Callable, dialogues: Dialogues) -> None:
    html = report_html([run_of(train(system))], dialogues)
    (answers,) = (run["answers"] for run in embedded(html)["runs"])
    assert bool(answers[0]["attention"]) == (system in GRAPH_SYSTEMS)
    assert list(answers[0]["without"]) == ["text", "audio", "visual"]
    assert (NO_SPACE in html) == (system != "ariigcn")
    assert NO_ATTENTION in html  # hidden by the script where there is attention


def test_scores_are_those_of_the_run(html: str, two_seeds: Path) -> None:
    for seed in (0, 1):
        test = json.loads((two_seeds / f"seed{seed}" / "run.json").read_text())["test"]
        for name in ("weighted_f1", "accuracy", "macro_f1"):
            assert f'<td class="number">{test[name]:.2f}</td>' in html


def test_mean_and_deviation_are_over_seeds(html: str, two_seeds: Path) -> None:
    records = [json.loads((two_seeds / f"seed{s}" / "run.json").read_text()) for s in (0, 1)]
    a, b = (record["test"]["weighted_f1"] for record in records)
    assert f'{(a + b) / 2:.2f}<span class="sd"> ± {abs(a - b) / 2**0.5:.2f}</span>' in html


def test_every_loss_has_a_curve(html: str) -> None:
    titles = re.findall(r"<figcaption>(Loss: .*?)</figcaption>", html)
    assert titles == [
        "Loss: classification",
        "Loss: each modality alone",
        "Loss: ICCL, within modalities",
        "Loss: IMCL, across modalities",
        "Loss: TGAN generators",
        "Loss: TGAN discriminators",
    ]
    assert html.count("kept: epoch") == 2 * (1 + len(titles))


def test_pictures_take_colours_from_the_page_and_need_no_other_element(html: str) -> None:
    pictures = re.findall(r'<svg class="picture".*?</svg>', html, re.DOTALL)
    assert len(pictures) == 1 + 1 + 7 + 14  # F1 of classes, reliability, curves, projections
    for one in pictures:
        assert "var(--" in one
        assert not re.search(r"#|url\(|<use|<style|<image|\bid=|\bon\w+=", one)


def test_bins_of_the_calibration_are_a_table(html: str, two_seeds: Path) -> None:
    (run,) = [run_of(two_seeds)]
    table = re.search("The bins as a table.*?</table>", html, re.DOTALL)[0]
    rows = re.findall(r'<th scope="row">(\d+) to (\d+)</th><td class="number">(\d+)</td>', table)
    assert sum(int(count) for _, _, count in rows) == sum(
        len(seed.predictions.hits) for seed in run.seeds
    )


def test_the_same_runs_make_the_same_page(two_seeds: Path) -> None:
    first, second = (report_html([run_of(two_seeds)]) for _ in range(2))
    assert first == second


def test_spaces_before_and_after(html: str) -> None:
    for title in ("before training", "after the TGAN", "after graph and contrast"):
        assert title in html


def test_dialogues_are_those_of_the_test_split(html: str, dialogues: Dialogues) -> None:
    test = dialogues.split("test")
    data = embedded(html)
    assert [one["name"] for one in data["dialogues"]] == list(test.dialogue_ids)
    names = [u["name"] for one in data["dialogues"] for u in one["utterances"]]
    assert names == list(test.utterance_ids)
    labels = [u["label"] for one in data["dialogues"] for u in one["utterances"]]
    assert labels == [None if label < 0 else label for label in test.labels]


def test_without_data_no_utterance_is_in_the_page(two_seeds: Path, dialogues: Dialogues) -> None:
    html = report_html([run_of(two_seeds)])
    assert "browser-data" not in html
    assert not any(name in html for name in dialogues.dialogue_ids)
    assert not any(speaker.split()[0] in html for speaker in dialogues.speaker_names)
    assert "aggregate figures only" in html


def test_the_folder_of_the_data_is_not_in_the_page(html: str, two_seeds: Path) -> None:
    assert "somewhere" not in html
    assert str(two_seeds.parent) not in html


def test_hostile_names_stay_text(html: str) -> None:
    assert "<img" not in html
    assert "<script>document" not in html
    assert html.count("</script>") == 3  # of the data, of the colours for paper, of the script


def test_speakers_of_mistakes_turn_no_number_beside_them(html: str) -> None:
    examples = re.findall('<button type="button" class="example".*?</button>', html)
    assert examples
    for one in examples:
        assert re.search(r'<span class="about"><bdi>.*</bdi>, \d+ %</span>', one)


@pytest.mark.slow
def test_several_runs_side_by_side(train: Callable, two_seeds: Path, dialogues: Dialogues) -> None:
    runs = [run_of(two_seeds), run_of(train("mlp", modalities=["text", "audio"]))]
    html = report_html(runs, dialogues)
    data = embedded(html)
    assert [run["name"].split(",")[0] for run in data["runs"]] == ["ariigcn", "mlp"]
    assert "2 runs on small" in html
    # what an utterance has, not what a run was trained with
    assert any("visual" in u["modalities"] for u in data["dialogues"][0]["utterances"])


def test_runs_of_different_data_sets_side_by_side(two_seeds: Path) -> None:
    run = run_of(two_seeds)
    seeds = [replace(seed, record={**seed.record, "dataset": "other"}) for seed in run.seeds]
    html = report_html([run, replace(run, name="second", seeds=seeds)])
    assert "<h1>2 runs on small, other</h1>" in html
    assert "ariigcn (paper) on other" in html


def test_run_without_an_epoch_has_no_curves(two_seeds: Path) -> None:
    run = run_of(two_seeds)
    html = report_html([replace(run, seeds=[replace(seed, history=[]) for seed in run.seeds])])
    assert "No learning curves: metrics.jsonl has no epoch." in html


def test_optimistic_scores_are_called_so(two_seeds: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(two_seeds, tmp_path / "run"))
    path = folder / "seed0" / "run.json"
    record = json.loads(path.read_text())
    record["best_test_epoch"] = dict.fromkeys(HEADLINE, 99.25) | {"epoch": 2}
    path.write_text(json.dumps(record))
    RunFolder(path.parent).seal()
    html = report_html([run_of(folder)])
    assert re.search(r"Optimistic, and not the result: had seed 0 .* 99\.25 \(epoch 2\)", html)


def test_runs_of_one_fold_show_the_dialogues_that_it_tests(
    train: Callable, dialogues: Dialogues
) -> None:
    fold = Fold(1, 3)
    html = report_html([run_of(train("mlp", fold=fold))], dialogues)
    tested = with_fold(dialogues, fold)
    names = [tested.dialogue_ids[b] for b in tested.indices("test")]
    assert f"The test split: {len(names)} dialogues" in html
    assert all(name in html for name in names)


def test_runs_of_different_folds_are_refused(
    train: Callable, two_seeds: Path, dialogues: Dialogues
) -> None:
    runs = [run_of(two_seeds), run_of(train("mlp", fold=Fold(1, 3)))]
    with pytest.raises(InputError, match="of different folds"):
        report_html(runs, dialogues)


def test_other_data_is_refused(two_seeds: Path, dialogues: Dialogues) -> None:
    other = replace(dialogues, labels=dialogues.labels[::-1].copy())
    with pytest.raises(InputError, match="small: is not the data set that ariigcn was trained on"):
        report_html([run_of(two_seeds)], other)


def test_calibration_before_and_after_the_temperature_is_shown(two_seeds: Path) -> None:
    html = report_html([run_of(two_seeds)])
    records = [json.loads((two_seeds / f"seed{s}" / "run.json").read_text()) for s in (0, 1)]
    errors = [record["calibration"]["test"] for record in records]
    after, before = (sum(one[w] for one in errors) / 2 for w in ("after", "before"))
    found = re.search(r"<b>([\d.]+)<.*? ECE, before ([\d.]+)<.*? confidence, before ", html)
    assert [float(text) for text in found.groups()] == pytest.approx([after, before], abs=0.011)


def test_run_of_a_version_without_calibration_shows_its_own(two_seeds: Path) -> None:
    run = run_of(two_seeds)
    seeds = [replace(one, predictions=replace(one.predictions, before=None)) for one in run.seeds]
    html = report_html([replace(run, seeds=seeds)])
    assert "ECE, before" not in html
    assert " ECE</span>" in html


def test_the_lead_says_what_the_run_did(two_seeds: Path) -> None:
    html = report_html([run_of(two_seeds)])
    assert "best weighted F1 on validation is kept. Test is scored once" in html
    assert "Splits: not recorded." in html


def test_the_lead_does_not_say_that_the_last_epoch_was_chosen(two_seeds: Path) -> None:
    run = run_of(two_seeds)
    html = report_html([replace(run, protocol=replace(run.protocol, selection="last"))])
    assert "best weighted F1 on validation is kept" not in html
    assert "a number that was set beforehand" in html
