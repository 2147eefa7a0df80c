"""What may be said of how a run was conducted: read off its own record, in words, in one place.

Every table, report and LaTeX file takes its sentences about selection, test, splits and seeds from
here, so that none says what the run did not do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.metrics import TITLES
from ariigcn_dgl.training.prepare import TestUse
from ariigcn_dgl.training.run_config import PAPER, RunConfig, preset_config
from ariigcn_dgl.training.run_spec import RunSpec
from ariigcn_dgl.training.scoring import Scoring

UNKNOWN_SPLITS = "not recorded"  # by runs of before there was such a record
Length = Literal["preset", "search", "settings", "callback"]


@dataclass(frozen=True)
class Protocol:
    """How the weights of a training were selected, and how they were tested.

    Parameters
    ----------
    selection : {"best", "last"}
        As of `TrainingConfig`.
    epochs : int
        Of the schedule.
    length : {"preset", "search", "settings", "callback"}
        What decided the number of epochs.
    preset : str
        What the settings started from.
    test : {"never", "once", "every epoch"}
        As of `fit`.
    metric : str
        The score that epochs are compared by, in words.
    alone : int
        Epochs before, which trained a GAN alone.
    """

    selection: Literal["best", "last"]
    epochs: int
    length: Length
    preset: str
    test: TestUse
    metric: str = TITLES["weighted_f1"]
    alone: int = 0

    @property
    def kept(self) -> str:
        """Which epoch's weights are kept, and why that one.

        Examples
        --------
        >>> Protocol("best", 60, "preset", "paper", "once").kept
        'the epoch with the best weighted F1 on validation is kept'
        >>> Protocol("last", 12, "preset", "tuned", "once").kept
        'the last of 12 epochs is kept, a number of the preset tuned, chosen earlier on validation'
        >>> Protocol("last", 3, "settings", "tuned", "once").kept
        'the last of 3 epochs is kept, a number that was set beforehand'
        >>> Protocol("last", 3, "settings", "tuned", "once", alone=10).kept
        'the last of 3 epochs is kept, after 10 of the TGAN alone, a number that was set beforehand'
        """
        if self.selection == "best":
            return f"the epoch with the best {self.metric} on validation is kept"
        if self.length == "search":  # which may have chosen another number for each fold
            return "the last epoch is kept, of as many as the search chose on validation"
        why = {
            "preset": f"a number of the preset {self.preset}, chosen earlier on validation",
            "settings": "a number that was set beforehand",
            "callback": "after which a callback ended the training",
        }[self.length]
        before = f", after {self.alone} of the TGAN alone" if self.alone else ""
        return f"the last of {self.epochs} epochs is kept{before}, {why}"

    @property
    def tested(self) -> str:
        """How often the test split was scored."""
        return {
            "never": "test is not scored",
            "once": "test is scored once, with the weights that are kept",
            "every epoch": "test is scored after every epoch, which decides nothing",
        }[self.test]


def protocol_of(
    system: str,
    preset: str,
    training: Mapping[str, Any],
    epochs: int,
    test: TestUse,
    searched: Collection[str] = (),
) -> Protocol:
    """Return how a run was conducted.

    Parameters
    ----------
    system, preset : str
        What was trained, and what its settings started from.
    training : mapping
        The fields of its `TrainingConfig`.
    epochs : int
        That it trained, by its ``run.json``, those of a GAN alone among them.
    test : {"never", "once", "every epoch"}
        As of `fit`.
    searched : collection of str
        Settings of which a search chose, e.g. "training.epochs".
    """
    length: Length = "settings"
    if "training.epochs" in searched:
        length = "search"
    elif training["epochs"] == _chosen_epochs(system, preset):
        length = "preset"
    alone = max(epochs - training["epochs"], 0)
    return Protocol(training["selection"], epochs - alone, length, preset, test, alone=alone)


def _chosen_epochs(system: str, preset: str) -> int | None:
    """Return the number of epochs that was chosen with a preset; None where there is no such."""
    if preset == PAPER:  # published, which is not chosen on validation
        return None
    try:
        return preset_config(system, preset).training.epochs
    except InputError:  # a run of a study has its setting's name there
        return None


def conducted(
    config: RunConfig, spec: RunSpec, records: Mapping[int, Mapping[str, Any]]
) -> list[str]:
    """Return what there is to say of one run folder: selection, test, splits and seeds.

    Parameters
    ----------
    config, spec
        What `read_settings` and `read_run_spec` return of it.
    records : mapping of int to mapping
        Content of ``run.json`` by seed.
    """
    name = config.system
    protocol = run_protocol(config, spec, next(iter(records.values())))
    said = runs_in_words({name: protocol}, {name: spec["splits"]})
    return [*said, seeds_in_words(list(records))]


def run_protocol(config: RunConfig, spec: RunSpec, record: Mapping[str, Any]) -> Protocol:
    """Return how a run folder was conducted, by its settings, its spec and a ``run.json``."""
    test: TestUse = "never"
    if record.get("test"):
        test = "every epoch" if record.get("best_test_epoch") else "once"
    training = asdict(config.training)
    found = protocol_of(config.system, spec["preset"], training, record["epochs"], test)
    if "targets" in record or config.training.metric:
        title = Scoring.of_run(record, config.training.metric).title
        found = replace(found, metric=title)
    if record.get("stopped"):
        return replace(found, length="callback", epochs=record["epochs"], alone=0)
    return found


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Return "seed 0" or "3 seeds (0, 1, 2)".

    Examples
    --------
    >>> seeds_in_words([4]), seeds_in_words([0, 1, 2]), seeds_in_words(range(10))
    ('seed 4', '3 seeds (0, 1, 2)', '10 seeds (0 to 9)')
    """
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    run = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    if run and len(seeds) > 3:
        return f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]})"
    return f"{len(seeds)} seeds ({', '.join(map(str, seeds))})"


def protocols_in_words(protocols: Mapping[str, Protocol]) -> list[str]:
    """Return which epoch is kept, and how often test was scored, of runs by their names."""
    return [
        together({name: one.kept for name, one in protocols.items()}),
        together({name: one.tested for name, one in protocols.items()}),
    ]


def runs_in_words(protocols: Mapping[str, Protocol], splits: Mapping[str, str]) -> list[str]:
    """Return what there is to say of runs: which epoch, how tested, which splits.

    Parameters
    ----------
    protocols, splits : mapping
        Each by the names of the runs; `splits` are of ``train.json``, "" where it says nothing.
    """
    return [
        *protocols_in_words(protocols),
        f"splits: {together({name: one or UNKNOWN_SPLITS for name, one in splits.items()})}",
    ]


def together(sentences: Mapping[str, str]) -> str:
    """Return sentences about several things, by their names, as one; each sentence once.

    Examples
    --------
    >>> together({"mlp": "is kept", "bigru": "is kept"})
    'is kept'
    >>> together({"mlp": "is kept", "ours": "is lost", "bigru": "is kept"})
    'is kept (mlp, bigru); is lost (ours)'
    >>> together({"base": "is kept", "base, 3 %": "is kept", "ours": "is lost"})
    "is kept ('base', 'base, 3 %'); is lost ('ours')"
    """
    names: dict[str, list[str]] = {}
    for name, sentence in sentences.items():
        names.setdefault(sentence, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    quote = "'" if any("," in name for name in sentences) else ""
    listed = {x: ", ".join(f"{quote}{name}{quote}" for name in of) for x, of in names.items()}
    return "; ".join(f"{sentence} ({of})" for sentence, of in listed.items())
