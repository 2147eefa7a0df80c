"""Settings of a run: resolved for the data, written and read back, refused out of range."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.batch import Window
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import ARIIGCNConfig
from ariigcn_dgl.nn import VAD
from ariigcn_dgl.option_parser import OptionParser
from ariigcn_dgl.training.check_config import check_config
from ariigcn_dgl.training.run_config import (
    RunConfig,
    changed,
    identity,
    read_config,
    write_config,
)


@pytest.fixture
def crowded(dialogues: Dialogues) -> Dialogues:
    """Let each utterance of the first dialogue have a speaker of its own."""
    speakers = dialogues.speakers.copy()
    first = dialogues.rows(0)
    speakers[first] = np.arange(first.stop)
    return replace(dialogues, speakers=speakers, speaker_names=tuple("abcdefghijklmnop"))


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


def test_settings_in_range_pass(settings: Callable, dialogues: Dialogues) -> None:
    check_config(settings(), dialogues)


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
def test_setting_out_of_range_is_named(
    settings: Callable, dialogues: Dialogues, option: str, value: float
) -> None:
    with pytest.raises(InputError, match=f"^--{option}: is {re.escape(str(value))}, expected "):
        check_config(_with(settings(), option.split("."), value), dialogues)


def test_unknown_modality_is_named(settings: Callable, dialogues: Dialogues) -> None:
    with pytest.raises(InputError, match=r"smell'.*, expected some of text, audio, visual"):
        check_config(settings(speaker_relative=("audio", "smell")), dialogues)


def test_more_speakers_than_pairs_are_named(settings: Callable, crowded: Dialogues) -> None:
    config = settings(window=Window(relations="pairs"))
    with pytest.raises(InputError, match=r"num_speakers: is 2, but a dialogue of small has \d"):
        check_config(config, crowded)


def test_settings_that_cannot_be_built_are_one_sentence(dialogues: Dialogues) -> None:
    unresolved = RunConfig("ariigcn")
    with pytest.raises(InputError, match=r"^--model: .* got 'auto'"):
        check_config(unresolved, dialogues)


def test_system_without_its_modality_is_one_sentence(dialogues: Dialogues) -> None:
    mute = replace(
        dialogues,
        features={"audio": dialogues.features["audio"]},
        masks={"audio": dialogues.masks["audio"]},
    )
    with pytest.raises(InputError, match="textcnn: needs text, but the data set has audio only"):
        check_config(RunConfig("textcnn"), mute)


def test_settings_without_a_window_stay_as_they_are(crowded: Dialogues) -> None:
    config = RunConfig("mlp")
    assert config.resolved(crowded) == config
    check_config(config, crowded)


@pytest.mark.parametrize(
    ("system", "setting", "value"),
    [("bigru", "hidden_dim", 7), ("textcnn", "widths", ()), ("textcnn", "widths", (3, 0))],
)
def test_limits_of_every_system_are_kept(
    dialogues: Dialogues, system: str, setting: str, value: object
) -> None:
    config = RunConfig(system)
    config = replace(config, model=replace(config.model, **{setting: value}))
    sentence = re.escape(f"--model.{setting}: is {value}, expected ")
    with pytest.raises(InputError, match=f"^{sentence}"):
        check_config(config, dialogues)


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
        ({"model.dropuot": 0.1}, "--model.dropuot: ariigcn has no such setting"),
        ({"model.window": 3}, "--model.window: ariigcn has no such setting"),
        ({"system": "mlp"}, "--system: ariigcn has no such setting"),
        ({"training.epochs": None}, "--training.epochs: has no value"),
        ({"training.epochs": 2.5}, "--training.epochs: is 2.5, expected int"),
        ({"model.context": "lstm"}, "--model.context: is 'lstm', expected one of ['none', 'gru']"),
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
