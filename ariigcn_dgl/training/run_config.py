"""The settings of a run: published or chosen (presets), changed, resolved, and their file."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass, replace
from functools import cache, reduce
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import yaml

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import write_text
from ariigcn_dgl.limits import check_limits
from ariigcn_dgl.models import SYSTEMS, System
from ariigcn_dgl.models.objective import Objective
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.option_parser import OptionParser
from ariigcn_dgl.plain_yaml import check_shape, read_yaml
from ariigcn_dgl.plugins import Origin, is_own, plugins_named, plugins_of

CONFIG_FILE = "config.yaml"
PRESET_FOLDER = Path(__file__).parents[1] / "presets"
PAPER = "paper"
PresetName = Literal["paper", "tuned", "tuned-meld", "graph"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)
DEFAULT_PRESETS = {"ariigcn": "tuned"}  # for other systems: what was published
# Files from before these settings existed lack them, and mean these values, whatever the defaults.
ADDED_LATER = {
    "model.causal": False,
    "model.contrast_states": "graph",
    "model.cross_modal": "none",
    "model.discriminator_rate": 1.0,
    "model.feed_graph": "projected",
    "model.gan_paired": False,
    "model.gan_real": "raw",
    "model.gan_sources": "joint",
    "model.graph_blocks": 1,
    "model.graph_norm": "relation",
    "model.instance_weight": 0.0,
    "model.losses": {},
    "model.max_steps": 50,
    "model.multilabel_pairs": "each",
    "model.prediction_weight": 0.0,
    "model.reads": "vectors",
    "model.regression_bins": 7,
    "model.regression_pairs": "bins",
    "model.second_norm": "mean",
    "model.similarity": "cosine",
    "model.window.distances": (),
    "training.modality_dropout": 0.0,
    "training.amp": False,
    "training.label_share": 1.0,
    "training.metric": "",
    "training.missing": "zero",
    "training.regression_loss": "mae",
    "training.target_weights": {},
}


@dataclass(frozen=True, init=False)
class RunConfig:
    """Everything that decides a run's numbers, besides the data set and the seed.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`, or ``module:Class`` (`ariigcn_dgl.plugins`).
    model : dataclass, optional
        Of the system's type `Config`; default: the published sizes.
    training : TrainingConfig, optional
        Default: how the system's authors trained it.

    Raises
    ------
    InputError
        If there is no such system, or a setting is out of range.

    Examples
    --------
    >>> RunConfig("ariigcn").training.epochs
    60
    >>> RunConfig(training=TrainingConfig(epochs=0))
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --training.epochs: is 0, expected at least 1
    """

    system: str
    model: Any
    training: TrainingConfig

    def __init__(
        self, system: str = "ariigcn", model: Any = None, training: TrainingConfig | None = None
    ) -> None:
        kind = _kind(system)
        object.__setattr__(self, "system", system)
        object.__setattr__(self, "model", kind.Config() if model is None else model)
        object.__setattr__(self, "training", kind.published if training is None else training)
        check_limits(self.model, "--model")
        check_limits(self.training, "--training")

    def resolved(self, dialogues: Dialogues) -> RunConfig:
        """Return the settings with those that depend on the data filled in."""
        return replace(self, model=SYSTEMS[self.system].resolved(self.model, dialogues))

    def build(
        self, widths: Mapping[str, int], num_classes: int, objective: Objective | None = None
    ) -> System:
        """Return a new model for features of these widths.

        Parameters
        ----------
        widths : mapping of str to int
        num_classes : int
            Number of classes, or the width of an objective.
        objective : Objective, optional
            What its outputs are to mean, if not the logits of classes.

        Raises
        ------
        InputError
            If a system of these settings knows no targets but classes.
        """
        kind = SYSTEMS[self.system]
        if objective is not None:
            _refuse_classes_only(self.system, kind.classes_only(self.model), objective)
        model = kind(widths, num_classes, self.model)
        model.objective = objective
        return model

    def adversarial_epochs(self, num_modalities: int) -> int:
        """Return the number of epochs that train a GAN alone; one modality has no GAN."""
        staged = getattr(self.model, "adversarial", "off") == "staged" and num_modalities > 1
        return self.training.adversarial_epochs if staged else 0

    def epochs(self, num_modalities: int) -> int:
        """Return the number of all epochs, if patience saves none."""
        return self.adversarial_epochs(num_modalities) + self.training.epochs

    @property
    def plugins(self) -> list[Origin]:
        """Where the classes came from that are not of this package."""
        return plugins_named(SYSTEMS, [self.system]) + plugins_of(self.model)


def _refuse_classes_only(system: str, reason: str, objective: Objective) -> None:
    other = [spec for spec in objective.specs if not spec.is_labels]
    if reason and other:
        able = [name for name in SYSTEMS.names if not SYSTEMS[name].classes_only(_default(name))]
        raise InputError(
            f"--system {system}: {reason}, and the target '{other[0].name}' is none "
            f"({other[0].kind}): take one of {', '.join(able)}"
        )


def _default(system: str) -> Any:
    return SYSTEMS[system].Config()


def _kind(system: str) -> type[System]:
    try:
        kind = SYSTEMS[system]
    except InputError as error:
        raise InputError(f"--system: {error}") from error
    config = getattr(kind, "Config", None)
    if not is_dataclass(config) or any(map(_has_no_default, fields(config))):
        raise InputError(
            f"--system: {system}: its Config is {config!r:.60}, expected a frozen dataclass whose "
            "fields all have defaults"
        )
    if not is_own(kind):
        _resolve_types(config, system)
    return kind


def _resolve_types(config: Any, system: str) -> None:
    """Give the settings of a subclass types where those it inherits are written as text.

    jsonargparse looks for all of them where the subclass stands, which need not know the others'.
    """
    try:
        types = get_type_hints(config, include_extras=True)
    except (NameError, TypeError) as error:
        raise InputError(f"--system: {system}: the types of its Config: {error}") from error
    annotations = inspect.get_annotations(config.__init__)
    annotations.update((field.name, types[field.name]) for field in fields(config))
    config.__init__.__annotations__ = annotations


def _has_no_default(field: Field) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def default_preset(system: str) -> str:
    """Return the name of the preset that a system is trained with unless another is named.

    A subclass has that of the system it derives from.
    """
    kind = _kind(system)
    return next((p for s, p in DEFAULT_PRESETS.items() if issubclass(kind, SYSTEMS[s])), PAPER)


def preset_config(system: str, preset: str) -> RunConfig:
    """Return the settings of a preset, not yet resolved for a data set.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`.
    preset : str
        "paper": the published settings; the others were chosen on validation data and belong to
        one system, and to those that derive from it: what a subclass adds to the settings keeps its
        own defaults.

    Raises
    ------
    InputError
        If there is no such system, no such preset, or the preset is another system's.

    Examples
    --------
    >>> preset_config("ariigcn", "tuned").model.hidden_dim
    100
    """
    published = RunConfig(system)
    if preset == PAPER:
        return published
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(
            f"--preset: unknown preset '{preset}', expected one of {known}"
            f"{did_you_mean(preset, PRESETS)}"
        )
    config = _preset(preset)
    if config.system == system:
        return config
    kind, base = _kind(system), SYSTEMS[config.system]
    if not (issubclass(kind, base) and issubclass(kind.Config, base.Config)):
        raise InputError(
            f"--preset {preset}: was chosen for {config.system}; --system {system} has the preset "
            f"{PAPER} only"
        )
    return RunConfig(system, kind.Config(**vars(config.model)), config.training)


@cache  # a study asks for the same ones again and again
def _preset(name: str) -> RunConfig:
    return read_config(PRESET_FOLDER / f"{name}.yaml")


def _parser(config: RunConfig) -> OptionParser:
    """Return what reads and writes settings, with the types that options have."""
    model: Any = type(config.model)  # not its name, which another class may get
    return _parser_of(model)


@cache  # a parser of a large dataclass takes tens of milliseconds to make
def _parser_of(model: type) -> OptionParser:
    parser = OptionParser()
    parser.add_argument("--system", type=str)
    parser.add_argument("--model", type=model)
    parser.add_argument("--training", type=TrainingConfig)
    return parser


def changed(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """Return settings with some values replaced.

    Parameters
    ----------
    config : RunConfig
        What to change a copy of.
    changes : mapping of str to value
        By the names of the options: "model.hidden_dim", "training.epochs", "model.window.past" ...

    Raises
    ------
    InputError
        If a setting does not exist, or the value has the wrong type or is out of range.

    Examples
    --------
    >>> changed(RunConfig("mlp"), {"training.epochs": 3}).training.epochs
    3
    """
    names = [name for name in _names_of(config) if name != "system"]  # which decides the others
    settings = asdict(config)
    for name, value in changes.items():
        if name not in names:
            near = did_you_mean(name, names)
            raise InputError(f"--{name}: {config.system} has no such setting{near}")
        if value is None:
            raise InputError(f"--{name}: has no value")
        *groups, setting = name.split(".")
        reduce(dict.__getitem__, groups, settings)[setting] = value
    parser = _parser(config)
    return RunConfig(**vars(parser.instantiate(parser.parse_object(settings))))


def _names_of(settings: Any, prefix: str = "") -> Iterator[str]:
    for item in fields(settings):
        value = getattr(settings, item.name)
        if is_dataclass(value):
            yield from _names_of(value, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"


def identity(config: RunConfig) -> dict[str, Any]:
    """Return all settings, without later ones that change nothing: the same for ever.

    Examples
    --------
    >>> "modality_dropout" in identity(RunConfig("mlp"))["training"]
    False
    """
    settings = asdict(config)
    for name, value in ADDED_LATER.items():
        *parts, setting = name.split(".")
        found = reduce(lambda group, part: group.get(part, {}), parts, settings)
        if found.get(setting) == value:
            del found[setting]
    return settings


def settings_sha256(config: RunConfig) -> str:
    """Return one hash for all settings of a run.

    Examples
    --------
    >>> settings_sha256(RunConfig("mlp")) == settings_sha256(RunConfig("bigru"))
    False
    """
    return hashlib.sha256(json.dumps(identity(config), sort_keys=True).encode()).hexdigest()


def write_config(path: Path, config: RunConfig) -> None:
    """Write the settings as YAML that ``ariigcn train --config`` takes, too."""
    parser = _parser(config)
    text = parser.dump(parser.parse_object(asdict(config)))
    write_text(path, text)


def read_config(path: Path) -> RunConfig:
    """Read what `write_config` wrote.

    Raises
    ------
    InputError
        If the file is missing, truncated, holds something else, or a value is out of range.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; is {path.parent} the folder of a run?")
    try:
        text, content = read_yaml(path)
        base = RunConfig(_system_named_in(content))  # which decides the types of the rest
        check_shape(content, asdict(base), str(path))
        parser = _parser(base)
        found = parser.parse_string(text, defaults=False)
        config = RunConfig(**vars(parser.instantiate(found)))
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ").removeprefix("--")  # a file has no options
        raise InputError(f"{path}: not the settings of a run: {reason}") from error
    except (RecursionError, TypeError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not the settings of a run: {reason}") from error
    complete = parser.parse_object(asdict(config))
    missing = sorted({*complete.keys()} - {*found.keys()})
    lost = [name for name in missing if name not in ADDED_LATER]
    if lost:  # defaults in their place would be another model
        raise InputError(f"{path}: truncated or damaged: lacks {lost[0]}")
    meant = {name: ADDED_LATER[name] for name in missing if complete[name] != ADDED_LATER[name]}
    return changed(config, meant) if meant else config


def _system_named_in(content: Any) -> str:
    if not isinstance(content, dict) or not isinstance(content.get("system"), str):
        raise InputError("it names no system")
    return content["system"]
