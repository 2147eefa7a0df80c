"""Settings of a run: presets, resolved for the data, changed, written and read back."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import SYSTEMS, ARIIGCNConfig, CTNetConfig
from ariigcn_dgl.nn import VAD
from ariigcn_dgl.option_parser import OptionParser
from ariigcn_dgl.training.run_config import (
    PRESETS,
    RunConfig,
    changed,
    default_preset,
    identity,
    preset_config,
    read_config,
    write_config,
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"speaker_relative": ("audio",)},
        {"speaker_relative": ("text", "audio", "visual"), "margin_mode": "off"},
        {"learning_rate": 1e-12, "residual": "norm", "decoupled_decay": True},
    ],
)
def test_written_settings_are_read_back(
    settings: Callable, tmp_path: Path, changes: dict[str, object]
) -> None:
    config = settings(**changes)
    write_config(tmp_path / "config.yaml", config)
    assert read_config(tmp_path / "config.yaml") == config


def test_auto_relations_become_pairs_for_two_speakers(dialogues: Dialogues) -> None:
    assert dialogues.most_speakers == 2
    assert RunConfig().resolved(dialogues).model.window.relations == "pairs"


def test_auto_relations_become_speaker_for_more(crowded: Dialogues) -> None:
    assert RunConfig().resolved(crowded).model.window.relations == "speaker"


def test_relations_that_are_given_stay(settings: Callable, dialogues: Dialogues) -> None:
    assert settings().resolved(dialogues) == settings()


def test_settings_without_a_window_stay_as_they_are(crowded: Dialogues) -> None:
    config = RunConfig("mlp")
    assert config.resolved(crowded) == config


def test_prototypes_are_resolved_to_the_labels_of_the_data(
    settings: Callable, dialogues: Dialogues
) -> None:
    config = settings(sccl_weight=0.8, prototypes={"sad": (0.1, 0.2, 0.3)}).resolved(dialogues)
    found = config.model.prototypes
    assert tuple(found) == dialogues.label_names
    assert (found["happy"], found["sad"]) == (VAD["happiness"], (0.1, 0.2, 0.3))
    assert config.resolved(dialogues) == config


def test_prototypes_keep_the_order_of_the_labels_in_the_file(
    settings: Callable, dialogues: Dialogues, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    config = settings(sccl_weight=0.8).resolved(dialogues)
    write_config(path, config)
    assert read_config(path) == config
    assert tuple(read_config(path).model.prototypes) == dialogues.label_names


def test_missing_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config.yaml: no such file; is .* the folder of a run"):
        read_config(tmp_path / "config.yaml")


def test_truncated_settings_are_not_filled_with_defaults(
    settings: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    write_config(path, settings())
    text = path.read_text()
    path.write_text(text[: text.index("  patience")])
    with pytest.raises(InputError, match=r"config.yaml: truncated .* lacks training.adversarial"):
        read_config(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "",
        "system: nonsense",
        "system: [ariigcn]",
        "system: ariigcn\nmodel: [",
        "just words",
        "{}",
        "model:\n  hidden_dim: 3\n",
        "system: ariigcn",
        "system: ariigcn\nmodel: 3",
        "system: ariigcn\nmodel:\n  hidden_dim: wide\n",
        "system: ariigcn\nmodel:\n  nonsense: 1\n",
        "system: ariigcn\nother: 1\n",
        "\x00\x01",
        "system: ariigcn\nmodel: {hidden_dim: null}",
        "system: ariigcn\nmodel: {window: null}",
        "system: ariigcn\nmodel: {hidden_dim: 0}",
        "system: ariigcn\nmodel: {head_dim: -1}",
        "system: ariigcn\nmodel: {encoder_dropout: 2.0}",
        "system: ariigcn\nmodel: {temperature: 0.0}",
        "system: ariigcn\nmodel: {window: {past: -3}}",
        "system: ariigcn\nmodel: {window: {relations: pairs, num_speakers: 30000}}",
        "system: ariigcn\ntraining: {epochs: 0}",
        "system: ariigcn\nmodel: " + "[" * 20_000,
        "a: &a [1]\nb: &b [*a, *b]\nsystem: ariigcn",
    ],
)
def test_damaged_settings_are_one_sentence_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"config.yaml: (truncated|not the settings)") as caught:
        read_config(path)
    assert "\n" not in str(caught.value)


def test_unknown_system_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown system 'nonsense', expected one of ariigcn, "):
        RunConfig("nonsense")


def test_changed_settings_keep_the_rest() -> None:
    config = changed(RunConfig(), {"model.window.past": 3, "model.speaker_relative": ["audio"]})
    model = replace(
        ARIIGCNConfig(), window=replace(ARIIGCNConfig().window, past=3), speaker_relative=("audio",)
    )
    assert config == RunConfig(model=model)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "input_dropout: 0.",
            "input_dropout: 2.",
            "model.input_dropout: is 2.0, expected a num",
        ),
        ("epochs: 60", "epochs: 0", "training.epochs: is 0, expected at least 1"),
        ("past: 10", "past: -3", "model.window.past: is -3, expected a number that is not neg"),
    ],
)
def test_written_value_out_of_range_is_named(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "config.yaml"
    write_config(path, RunConfig())
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=f"config.yaml: not the settings of a run: {words}"):
        read_config(path)


@pytest.mark.slow
def test_nesting_without_end_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("[" * 10_000)
    with pytest.raises(InputError, match=r"config\.yaml: not the settings of a run"):
        read_config(tmp_path / "config.yaml")


def test_environment_gives_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    parser = OptionParser(env_prefix="APP")
    parser.add_argument("--size", type=int, default=1)
    monkeypatch.setenv("APP_SIZE", "7")
    assert parser.parse_args([]).size == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model.hiden_dim": 8},
            "--model.hiden_dim: ariigcn has no such setting; did you mean 'model.hidden_dim'?",
        ),
        (
            {"model.window": 3},
            "--model.window: ariigcn has no such setting; did you mean 'model.window.past'?",
        ),
        ({"system": "mlp"}, "--system: ariigcn has no such setting"),
        ({"training.epochs": None}, "--training.epochs: has no value"),
        ({"training.epochs": 2.5}, "--training.epochs: is 2.5, expected an integer"),
        ({"model.context": "lstm"}, "--model.context: is lstm, expected one of ['none', 'gru']"),
    ],
)
def test_changes_that_do_not_fit_are_named(changes: dict, message: str) -> None:
    with pytest.raises(InputError) as error:
        changed(RunConfig(), changes)
    assert str(error.value) == message


def test_settings_added_later_count_only_where_they_change_something(settings: Callable) -> None:
    plain, other = identity(settings()), identity(settings(causal=True, modality_dropout=0.1))
    assert other["model"] == plain["model"] | {"causal": True}
    assert other["training"] == plain["training"] | {"modality_dropout": 0.1}
    assert "causal" not in plain["model"]
    assert "modality_dropout" not in plain["training"]


def test_a_file_from_before_a_setting_means_what_was_done_then(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    vectors = RunConfig("ct-net", CTNetConfig(reads="vectors"))
    write_config(path, vectors)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(x for x in lines if "reads:" not in x and "max_steps:" not in x))
    assert read_config(path) == vectors != RunConfig("ct-net")
    assert {"reads", "max_steps"}.isdisjoint(identity(vectors)["model"])


@pytest.mark.parametrize("system", SYSTEMS)
def test_paper_is_what_was_published(system: str) -> None:
    config = preset_config(system, "paper")
    assert config.system == system
    assert config.model == SYSTEMS[system].Config()
    assert config.training == SYSTEMS[system].published


@pytest.mark.parametrize("preset", PRESETS)
def test_ariigcn_has_every_preset(preset: str) -> None:
    assert preset_config("ariigcn", preset).system == "ariigcn"


@pytest.mark.parametrize("system", SYSTEMS)
def test_default_preset_belongs_to_the_system(system: str) -> None:
    assert preset_config(system, default_preset(system)).system == system


def test_ariigcn_is_tuned_by_default_and_others_as_published() -> None:
    assert (default_preset("ariigcn"), default_preset("bigru")) == ("tuned", "paper")


def test_preset_of_another_system_is_refused() -> None:
    sentence = "--preset tuned-meld: was chosen for ariigcn; --system mlp has the preset paper only"
    with pytest.raises(InputError, match=sentence):
        preset_config("mlp", "tuned-meld")


def test_unknown_preset_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="'best', expected one of paper, tuned, tuned-meld, graph"):
        preset_config("ariigcn", "best")


def _with(part: object, path: list[str], value: object) -> object:
    """Return a copy in which the field that the path of names leads to has the value."""
    name, *rest = path
    return replace(part, **{name: _with(getattr(part, name), rest, value) if rest else value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("model.hidden_dim", 0),
        ("model.window.past", -1),
        ("model.window.num_speakers", 0),
        ("model.iccl_weight", -0.5),
        ("model.iccl_weight", math.nan),
        ("model.projection_dim", -1),
        ("model.temperature", 0.0),
        ("model.prototypes", {"sad": (0.5, 0.5, 1.5)}),
        ("model.encoder_dropout", -0.1),
        ("model.encoder_dropout", 1.0),
        ("training.epochs", 0),
        ("training.weight_decay", math.inf),
        ("training.learning_rate", 0.0),
        ("training.learning_rate", math.nan),
        ("training.ema_decay", 1.0),
    ],
)
def test_setting_out_of_range_is_named(settings: Callable, option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^--{option}: is {re.escape(str(value))}, expected "):
        _with(settings(), option.split("."), value)


@pytest.mark.parametrize(
    ("system", "setting", "value"),
    [("bigru", "hidden_dim", 7), ("textcnn", "widths", ()), ("textcnn", "widths", (3, 0))],
)
def test_limits_of_every_system_are_kept(system: str, setting: str, value: object) -> None:
    model = replace(RunConfig(system).model, **{setting: value})
    sentence = re.escape(f"--model.{setting}: is {value}, expected ")
    with pytest.raises(InputError, match=f"^{sentence}"):
        RunConfig(system, model)


@pytest.mark.parametrize(
    "content",
    [
        "model: {class_path: would_run.Settings}",
        "training: {class_path: would_run.Settings}",
        "model: would_run.Settings",
        "model: {window: would_run.Settings}",
        "model: {window: {class_path: would_run.Settings}}",
    ],
)
def test_a_file_names_nothing_that_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "would_run.py").write_text("class Settings: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(f"system: ariigcn\n{content}\n")
    with pytest.raises(InputError):
        read_config(file)
    assert "would_run" not in sys.modules
