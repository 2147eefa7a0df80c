"""Studies are read from YAML; what is wrong is named with file and key before anything runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.resolve import resolve
from ariigcn_dgl.experiments.study import Match, Range, combinations
from ariigcn_dgl.experiments.study_file import STUDIES, load_study
from ariigcn_dgl.models import SYSTEMS

pytestmark = pytest.mark.slow  # every system of every study is built

MOST_CANDIDATES = 8
PAGE = Path(__file__).parents[2] / "docs" / "studies.md"


def test_defaults_hold_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("""
title: Mine
about: >
  What it is
  about.
baseline: a
axis: width
defaults:
  system: mlp
  set: {training.epochs: 3, model.dropout: 0.1}
  group: both
settings:
  - {name: a, x: 1}
  - name: b
    system: bigru
    set: {model.dropout: 0.2}
    modalities: [text]
    match: {to: a, widths: [model.hidden_dim], multiple_of: 2}
""")
    study = load_study(str(path))
    assert (study.name, study.title, study.about) == ("mine", "Mine", "What it is about.")
    assert (study.baseline, study.axis) == ("a", "width")
    first, second = study.settings
    assert (first.system, first.preset, first.group, first.x) == ("mlp", "paper", "both", 1)
    assert first.changes == {"training.epochs": 3, "model.dropout": 0.1}
    assert first.space == {}
    assert (second.system, second.modalities) == ("bigru", ("text",))
    assert second.changes == {"training.epochs": 3, "model.dropout": 0.2}
    assert second.match == Match("a", ("model.hidden_dim",), 2)


def test_a_setting_has_the_size_of_one_that_is_left_out(data: Path) -> None:
    dialogues = load_source(str(data))
    study = load_study("equal-parameters")
    alone = study.only(["bigru"]).against("bigru")
    whole, part = (
        {row.setting.name: row.sizes for row in resolve(one, dialogues)} for one in (study, alone)
    )
    assert part["bigru equal"] == whole["bigru equal"] != {}


def test_a_search_is_every_combination(study: Path) -> None:
    grid = "{training.learning_rate: [0.1, 0.2], model.dropout: [0.3, 0.4]}"
    study.write_text(study.read_text().replace("{training.learning_rate: [0.003, 0.03]}", grid))
    found = combinations(load_study(str(study)).settings[0].space)
    pairs = [(one["training.learning_rate"], one["model.dropout"]) for one in found]
    assert pairs == [(0.1, 0.3), (0.1, 0.4), (0.2, 0.3), (0.2, 0.4)]


LR = "training.learning_rate"


@pytest.fixture
def ranged(study: Path) -> Callable[[object], Path]:
    """Return a function that writes a study with a range, or what stands in its place."""

    def write(values: object) -> Path:
        content = yaml.safe_load(study.read_text())
        content["defaults"]["search"] = {LR: values}
        study.write_text(yaml.safe_dump(content))
        return study

    return write


def test_a_range_is_read_with_numbers_as_people_write_them(study: Path) -> None:
    text = (
        "{training.learning_rate: {low: 1e-4, high: 1.0e-2, log: true}, model.hidden_dim: [4, 8]}"
    )
    study.write_text(study.read_text().replace("{training.learning_rate: [0.003, 0.03]}", text))
    space = load_study(str(study), trials=20).settings[0].space
    assert space == {LR: Range(0.0001, 0.01, log=True), "model.hidden_dim": (4, 8)}


def test_a_grid_refuses_a_range(ranged: Callable) -> None:
    path = ranged({"low": 0.1, "high": 0.2})
    message = r"settings\[0\]\.search\.training\.learning_rate: is a range, of which a grid cannot"
    with pytest.raises(InputError, match=message):
        load_study(str(path))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"low": 0.1}, ": lacks 'high'"),
        ({"low": 0.1, "high": 0.2, "step": 1}, ": unknown key 'step', expected of low, high, log"),
        ({"low": "x", "high": 0.2}, ".low: is 'x', expected a number"),
        ({"low": 0.1, "high": float("inf")}, ".high: is inf, expected a number"),
        ({"low": True, "high": 2}, ".low: is True, expected a number"),
        ({"low": 0.2, "high": 0.1}, ": is 0.2 to 0.1, expected low below high"),
        ({"low": 0, "high": 1, "log": True}, ": is 0 to 1, expected low below high, and above 0"),
        ([0.1, None], ": expected numbers, texts or true and false"),
        (3, ": expected a list of values to try, or {low: ..., high: ...}"),
    ],
)
def test_a_wrong_range_is_named(ranged: Callable, values: object, message: str) -> None:
    path = ranged(values)
    with pytest.raises(InputError) as error:
        load_study(str(path), trials=2)
    assert str(error.value).startswith(f"{path}: settings[0].search.{LR}{message}")


def test_a_range_beyond_the_limits_of_a_setting_is_refused(ranged: Callable) -> None:
    path = ranged({"low": -1.0, "high": 0.1})
    with pytest.raises(InputError, match=r"\(mlp\): training\.learning_rate: is -1\.0, expected"):
        load_study(str(path), trials=2)


def test_fewer_candidates_than_trials_are_refused(study: Path) -> None:
    with pytest.raises(InputError, match="has 2 candidates, fewer than the 3 trials that every"):
        load_study(str(study), trials=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titel": "x"}, "unknown key 'titel', expected of title, about, baseline, axis"),
        ({"title": 3}, "title: is 3, expected a text"),
        ({"settings": {}}, "settings: is {}, expected a list"),
        ({"settings": [3]}, "settings[0]: expected system, preset, set"),
        ({"settings": [{"system": "mlp"}]}, "settings[0]: lacks 'name'"),
        ({"settings": [{"name": "a"}]}, "settings[0]: lacks 'system'"),
        ({"baseline": "x"}, "baseline: there is no setting 'x'"),
        ({"defaults": {"seed": 1}}, "defaults: unknown key 'seed'"),
    ],
)
def test_a_wrong_key_is_named(study: Path, change: dict, message: str) -> None:
    content = yaml.safe_load(study.read_text())
    study.write_text(yaml.safe_dump(content | change))
    with pytest.raises(InputError) as error:
        load_study(str(study))
    assert str(error.value).startswith(f"{study}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "lstm"}, "--system: unknown system 'lstm'"),
        ({"preset": "tuned"}, "preset tuned: was chosen for ariigcn"),
        ({"set": {"model.hiden_dim": 3}}, "model.hiden_dim: mlp has no such setting"),
        ({"set": {"training.epochs": "x"}}, "training.epochs: is x, expected an integer"),
        ({"set": {"training.epochs": 0}}, "training.epochs: is 0, expected at least 1"),
        ({"search": {"model.dropout": [0.1, 1.5]}}, "model.dropout: is 1.5, expected a number"),
        ({"match": {"to": "mlp", "widths": ["model.w"]}}, "model.w: mlp has no such setting"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting(study: Path, change: dict, message: str) -> None:
    content = yaml.safe_load(study.read_text())
    content["settings"].append({"name": "new", "system": "mlp"} | change)
    study.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as error:
        load_study(str(study))
    assert str(error.value).startswith(f"{study}: settings[2] (new): {message.lstrip('-')}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "mlp"}, "settings[2].name: 'mlp' is there twice"),
        ({"modalities": ["Smell"]}, "settings[2].modalities: expected some of text, audio, visual"),
        ({"search": {"model.dropout": 0.1}}, "settings[2].search.model.dropout: expected a list"),
        ({"search": {}}, "settings[2].search: has 1 candidates, but mlp has 2: every setting gets"),
        ({"match": {"widths": []}}, "settings[2].match: lacks 'to'"),
        (
            {"match": {"to": "mlp", "widths": []}},
            "settings[2].match.widths: expected names of settings",
        ),
        (
            {"match": {"to": "mlp", "widths": ["model.hidden_dim"], "multiple_of": 0}},
            "settings[2].match.multiple_of: expected at least 1",
        ),
        (
            {"match": {"to": "mlp", "widths": [{"model.hidden_dim": 8}]}},
            "settings[2].match.widths: expected names of settings, as model.hidden_dim",
        ),
        ({"modalities": [[1]]}, "settings[2].modalities: expected some of text, audio, visual"),
        (
            {"match": {"to": "x", "widths": ["model.hidden_dim"]}},
            "settings[2].match.to: there is no setting 'x'",
        ),
        (
            {"name": "c", "match": {"to": "c", "widths": ["model.hidden_dim"]}},
            "settings[2].match.to: 'c' has a match itself, expected none",
        ),
        ({"x": "far"}, "settings[2].x: is 'far', expected a number"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(study: Path, change: dict, message: str) -> None:
    content = yaml.safe_load(study.read_text())
    content["settings"].append({"name": "new", "system": "mlp"} | change)
    study.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as error:
        load_study(str(study))
    assert str(error.value).startswith(f"{study}: {message}")


def test_the_readmes_example_can_be_trained(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    rows = resolve(load_study(str(path)), load_source("synthetic"))
    assert [row.problem for row in rows] == ["", "", ""]


def test_study_of_more_settings_than_anyone_compares_is_refused(study: Path) -> None:
    names = "".join(f"- {{name: a{n}, system: mlp}}\n" for n in range(1001))
    study.write_text(f"title: t\nbaseline: a0\nsettings:\n{names}")
    with pytest.raises(InputError, match="settings: more than 1000, the limit here; if you trust"):
        load_study(str(study))


def test_search_is_counted_before_it_is_made(study: Path) -> None:
    search = ", ".join(f"x{n}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]" for n in range(10))
    study.write_text(
        f"title: t\nbaseline: a\nsettings: [{{name: a, system: mlp, search: {{{search}}}}}]"
    )
    with pytest.raises(InputError, match=r"settings\[0\]\.search: has 10,000,000,000 candidates"):
        load_study(str(study))


@pytest.mark.parametrize("path", ["study.yaml", "pipe.yaml"])
def test_study_that_is_no_file_is_refused(path: str, tmp_path: Path) -> None:
    (os.mkfifo if path == "pipe.yaml" else os.mkdir)(tmp_path / path)
    with pytest.raises(InputError, match=rf"{path}: is a (folder|pipe), expected a file"):
        load_study(str(tmp_path / path))


def test_what_is_not_yaml_is_named(study: Path) -> None:
    study.write_text("title: [1")
    with pytest.raises(InputError, match=r"small\.yaml: not YAML: "):
        load_study(str(study))


def test_an_unknown_study_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"study 'mian': expected one of ablation, .*main"):
        load_study("mian")


def test_only_some_systems(study: Path) -> None:
    assert [s.name for s in load_study(str(study)).only(["bigru"]).settings] == ["bigru"]
    with pytest.raises(InputError, match="has no system 'ariigcn', only bigru, mlp"):
        load_study(str(study)).only(["ariigcn"])


def test_another_baseline(study: Path) -> None:
    assert load_study(str(study)).against("bigru").baseline == "bigru"
    with pytest.raises(InputError, match="--baseline: 'x' is not compared here"):
        load_study(str(study)).against("x")
    with pytest.raises(InputError, match="--baseline: 'mlp' is not compared here"):
        load_study(str(study)).only(["bigru"]).against(None)


AGAINST = """
title: t
baseline: a
defaults: {system: mlp}
settings:
  - {name: a}
  - {name: b, set: {model.dropout: 0.2}}
  - {name: c, set: {model.dropout: 0.3}, against: b}
"""


def test_a_setting_may_be_compared_with_another_than_the_baseline(study: Path) -> None:
    study.write_text(AGAINST)
    against = [one.against for one in load_study(str(study)).against(None).settings]
    assert against == ["", "", "b"]


def test_a_baseline_that_is_asked_for_is_that_of_all(study: Path) -> None:
    study.write_text(AGAINST)
    assert {one.against for one in load_study(str(study)).against("b").settings} == {""}


def test_a_setting_compared_with_one_that_is_not_there_is_refused(study: Path) -> None:
    study.write_text(AGAINST.replace("against: b", "against: d"))
    with pytest.raises(InputError, match=r"settings\[2\]\.against: there is no setting 'd'"):
        load_study(str(study))


def test_the_main_study_has_every_system_but_that_of_punch_lines() -> None:
    systems = {setting.system for setting in load_study("main").settings}
    assert systems == set(SYSTEMS) - {"c-mfn"}


@pytest.mark.parametrize("name", STUDIES)
def test_each_study_of_the_package_can_be_trained(name: str) -> None:
    study = load_study(name)
    rows = resolve(study, load_source("synthetic"))
    for row in rows:
        assert row.problem == ""
        assert 1 <= len(row.candidates) <= MOST_CANDIDATES
    assert study.title
    assert study.about


def test_a_modality_that_the_data_lack_is_a_problem_of_that_setting_only(data: Path) -> None:
    dialogues = load_source(str(data), ["text", "audio"])
    rows = {row.setting.name: row for row in resolve(load_study("modalities"), dialogues)}
    assert rows["T + V"].problem == "talk: has no modality 'visual', only text, audio"
    assert rows["T + A"].problem == ""
    assert list(rows["T"].dialogues.features) == ["text"]
