"""Check once, before anything is trained or written, what a training is given.

`prepare` turns dialogues and settings into a `Prepared`; `fit` trusts it. Commands call it once,
before they make a folder, whatever the number of seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from ariigcn_dgl.data import SPLITS, Dialogues, fingerprint
from ariigcn_dgl.data.targets import LABEL, classes_spec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.models.objective import Objective
from ariigcn_dgl.training.label_share import with_label_share
from ariigcn_dgl.training.losses import divergence
from ariigcn_dgl.training.objectives import objective_of
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.scoring import Scoring

TestUse = Literal["never", "once", "every epoch"]
LEARNT_FROM = ("train", "val")  # test may lack labels: then it is predicted, not scored


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found fit for training.

    Parameters
    ----------
    dialogues : Dialogues
        With labels in every split that is learnt from or scored by epochs.
    config : RunConfig
        Resolved for the dialogues, and a model can be built of it.
    dataset_sha256 : str
        Fingerprint of the dialogues.
    objective : Objective or None
        What the model is to learn, where it is more than classes.
    """

    dialogues: Dialogues
    config: RunConfig
    dataset_sha256: str
    objective: Objective | None = None

    @property
    def scoring(self) -> Scoring:
        """How answers are scored, and epochs compared."""
        return Scoring(self.dialogues.specs, self.config.training.metric)

    def of_seed(self, seed: int) -> Prepared:
        """Return what a seed learns from: of the training labels those of its share.

        What the objective knows of the others goes, too: their mean and deviation.
        """
        share = self.config.training.label_share
        if share == 1:
            return self
        few = with_label_share(self.dialogues, share, seed)
        return replace(self, dialogues=few, objective=objective_of(few, self.config.training))

    def divergence(self, history: Iterable[Mapping[str, Any]], best_epoch: int) -> str:
        """Return a sentence where a training diverged, else ""; as `losses.divergence`."""
        weight = self.config.training.target_weights.get(LABEL, 1.0)
        return divergence(history, best_epoch, self.dialogues.num_classes, weight)


def prepare(
    dialogues: Dialogues,
    config: RunConfig,
    *,
    test: TestUse = "once",
    dataset_sha256: str | None = None,
) -> Prepared:
    """Resolve settings for dialogues, and refuse what cannot be trained.

    Parameters
    ----------
    dialogues : Dialogues
        As `ariigcn_dgl.data.source.load_source` returns them: their form has been checked.
    config : RunConfig
        Resolved or not: what is resolved stays as it is.
    test : {"never", "once", "every epoch"}
        As of `fit`; "every epoch" needs labels in the test split, too.
    dataset_sha256 : str, optional
        Fingerprint of the dialogues, where the caller has it already: it reads every feature.

    Raises
    ------
    InputError
        If a split has no labelled utterance, or a setting does not fit the others or the
        dialogues: names the option, its value and what was expected.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> dialogues = synthesise(SynthConfig())
    >>> prepare(dialogues, RunConfig()).config.model.window.relations
    'pairs'
    """
    config = config.resolved(dialogues)
    require_labels(dialogues, SPLITS if test == "every epoch" else LEARNT_FROM)
    objective = objective_of(dialogues, config.training)
    check_config(config, dialogues, objective)
    Scoring(dialogues.specs, config.training.metric)  # raises where it is none of the targets'
    return Prepared(dialogues, config, dataset_sha256 or fingerprint(dialogues), objective)


def require_labels(dialogues: Dialogues, splits: Sequence[str] = SPLITS) -> None:
    """Raise `InputError` where one of the splits has no labelled utterance."""
    scoring = Scoring(dialogues.specs or [classes_spec(dialogues.label_names)])
    bare = dialogues.without_features()
    for split in splits:
        if not scoring.scorable(bare.part(split)):
            raise InputError(
                f"{dialogues.name}: the split '{split}' has no labelled utterance: needs some in "
                f"{', '.join(splits[:-1])} and {splits[-1]}"
            )


def check_config(
    config: RunConfig, dialogues: Dialogues, objective: Objective | None = None
) -> None:
    """Raise `InputError` where resolved settings do not fit each other or the dialogues."""
    _check_speakers(config, dialogues)
    check_model(config, dialogues.widths, dialogues.num_outputs, "--model", objective)


def _check_speakers(config: RunConfig, dialogues: Dialogues) -> None:
    window, found = getattr(config.model, "window", None), dialogues.most_speakers
    if window is not None and not window.distinguishes(found):
        raise InputError(
            f"--model.window.num_speakers: is {window.num_speakers}, but a dialogue of "
            f"{dialogues.name} has {found} speakers: raise it, or use "
            "--model.window.relations speaker"
        )


def captures_steps(wanted: bool | None, device: str, config: RunConfig, processes: int = 1) -> bool:
    """Return whether the steps of a training are captured as CUDA graphs.

    Parameters
    ----------
    wanted : bool, optional
        Default: where they can be, and no class is another package's, which may keep in Python
        what changes from step to step.
    device : str
    config : RunConfig
    processes : int
        That train together.

    Raises
    ------
    InputError
        If it is wanted and cannot be.
    """
    refusal = _no_capture(device, config, processes)
    if wanted and refusal:
        raise InputError(f"--cuda_graphs: {refusal}")
    return wanted if wanted is not None else not refusal and not config.plugins


def _no_capture(device: str, config: RunConfig, processes: int) -> str:
    """Return why steps cannot be captured, or ""."""
    system = config.system
    if torch.device(device).type != "cuda":
        return f"needs a CUDA device, got --device {device}"
    if processes > 1:
        return "is of one process, not of several by torchrun"
    if not SYSTEMS[system].capturable:
        able = ", ".join(name for name, kind in SYSTEMS.items() if kind.capturable)
        return f"{system} cannot be captured, only {able}"
    crosses = getattr(config.model, "cross_modal", "none") != "none"
    if crosses and config.training.modality_dropout > 0:
        return (
            "edges across modalities come and go with --training.modality_dropout, so that batches "
            "have no few shapes: leave one of the three out"
        )
    return ""


def check_processes(config: RunConfig, dialogues: Dialogues, count: int) -> None:
    """Raise `InputError` where several processes could not train as one does.

    Parameters
    ----------
    config : RunConfig
        Resolved.
    dialogues : Dialogues
    count : int
        Number of processes.
    """
    system, size = config.system, config.training.batch_size
    if not SYSTEMS[system].parallel or config.plugins:
        able = ", ".join(name for name, kind in SYSTEMS.items() if kind.parallel)
        raise InputError(
            f"torchrun: the losses of {system} with its settings are not known to add up over "
            f"processes; only those of {able}, without classes of other packages"
        )
    last = len(dialogues.indices("train")) % size or size
    if min(size, last) < count:
        raise InputError(
            f"--training.batch_size: is {size}, and the last batch of an epoch has {last} of the "
            f"{len(dialogues.indices('train'))} training dialogues: each of {count} processes "
            "needs one of every batch"
        )


def check_model(
    config: RunConfig,
    widths: Mapping[str, int],
    num_classes: int,
    where: str,
    objective: Objective | None = None,
) -> None:
    """Raise where no model can be built of settings.

    Parameters
    ----------
    config : RunConfig
        Resolved.
    widths : mapping of str to int
        Of the features.
    num_classes : int
        Number of classes C, or the width of the objective.
    where : str
        What comes before the reason in the message.
    objective : Objective, optional
        What the model is to learn, where it is more than classes.

    Raises
    ------
    InputError
        Gives the model's own reason.
    """
    try:
        with torch.device("meta"):  # takes no memory and draws no random numbers
            config.build(widths, num_classes, objective)
    except InputError:  # a system's own sentence names the option already
        raise
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from error
