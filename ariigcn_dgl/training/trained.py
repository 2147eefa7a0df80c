"""A finished run, ready to be applied to dialogues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ariigcn_dgl.data import UNLABELLED, Dialogues, fingerprint
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.data.targets import Target
from ariigcn_dgl.data.unlike import ADVICE, unlike_rows
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.progress import track
from ariigcn_dgl.training.abstain import Abstention, choose_abstention
from ariigcn_dgl.training.calibration import calibrated
from ariigcn_dgl.training.classifier import Classifier
from ariigcn_dgl.training.objectives import recorded_objective
from ariigcn_dgl.training.predict import predict
from ariigcn_dgl.training.prepare import check_model
from ariigcn_dgl.training.run_config import CONFIG_FILE, settings_sha256
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.run_spec import SPEC_FILE, load_run_data, read_run_spec, read_settings
from ariigcn_dgl.training.scoring import Scoring


class TrainedRun(Classifier):
    """The model of one seed of a run folder, with the preprocessing it was trained with.

    Parameters
    ----------
    folder : str or Path
        Folder of one seed; the settings lie beside it. Or the run folder, where it has one seed.
    device : str
        Where the model computes; where it was trained does not matter.

    Raises
    ------
    InputError
        If a file is missing, damaged, or does not belong to the others; or a run folder has several
        seeds, which `Ensemble` loads.
    """

    def __init__(self, folder: str | Path, device: str = "cpu") -> None:
        folder = _seed_folder(Path(folder))
        self.folder = RunFolder(folder)
        self.record = self.folder.read_finished()
        self.config = read_settings(folder.parent)
        if settings_sha256(self.config) != self.record["settings_sha256"]:
            raise InputError(
                f"{folder}: was not trained with the settings of {folder.parent / CONFIG_FILE}: "
                "one of them is another run's"
            )
        self.label_names = tuple(self.record["label_names"])
        self.widths: dict[str, int] = self.record["widths"]
        self.standardiser = self.folder.read_standardiser(self.widths)
        self.filler = self.folder.read_filler(self.config.training.missing, self.widths)
        objective = recorded_objective(self.record, self.config.training)
        self.scoring = Scoring.of_run(self.record, self.config.training.metric)
        check_model(self.config, self.widths, self.num_outputs, str(folder), objective)
        self.model = self.config.build(self.widths, self.num_outputs, objective)
        self.folder.load_weights(self.model)
        self.model.to(device)
        self.lives_in: object = None  # what keeps its folder, if that is temporary

    @property
    def num_outputs(self) -> int:
        """Outputs that its model has for all of its targets; of classes alone their number C."""
        return sum(spec.width for spec in self.scoring.specs)

    @property
    def temperature(self) -> float:
        """What validation chose; 1 of a run of a version that chose none."""
        return self.record["calibration"]["temperature"] if "calibration" in self.record else 1.0

    def probabilities(self, dialogues: Dialogues) -> np.ndarray:
        """Return calibrated class probabilities, (N, C) float64, of dialogues from `adapt`.

        Of a run with other targets the answers to all of them, side by side.

        Raises
        ------
        InputError
            If they are not finite.
        """
        return self.scoring.calibrated(self.uncalibrated(dialogues), self.temperature)

    def uncalibrated(self, dialogues: Dialogues) -> np.ndarray:
        """Return the class probabilities, (N, C) float32, before the temperature.

        Raises
        ------
        InputError
            If they are not finite.
        """
        found = predict(self.model, self.shown(dialogues))
        if not np.isfinite(found).all():
            raise InputError(
                f"{self.folder.path}: its probabilities for {dialogues.name} are no finite numbers"
            )
        return found

    def shown(self, dialogues: Dialogues) -> Shown:
        """Return dialogues that `adapt` returned as the model is shown them: scaled and filled."""
        return Shown(dialogues, self.standardiser, self.filler)

    def doubts(self, dialogues: Dialogues) -> list[str]:
        """Return a sentence for each modality that is not of the make that was trained on.

        Judged by the standardiser (`ariigcn_dgl.data.unlike`): another encoder of the same width,
        another scale. The run is applied all the same.
        """
        rows, masks = dict[str, np.ndarray](), dict[str, np.ndarray]()
        for name in [m for m in dialogues.features if m in self.widths]:
            rows[name], masks[name] = dialogues.features[name], dialogues.masks[name]
            if name in dialogues.sequences:  # measured by their rows, as in training
                rows[name] = dialogues.sequences[name].rows
                masks[name] = np.ones(len(rows[name]), bool)
        return self.doubts_about(dialogues.name, rows, masks)

    def doubts_about(
        self,
        source: str,
        rows: Mapping[str, np.ndarray],
        masks: Mapping[str, np.ndarray] | None = None,
    ) -> list[str]:
        """Return as `doubts` sentences about rows, (N_m, D_m), of modalities."""
        odd = unlike_rows(self.standardiser, rows, masks)
        return [f"{source}: {name}: {what}; {ADVICE}" for name, what in odd.items()]

    def adapt(self, dialogues: Dialogues) -> Dialogues:
        """Return the dialogues with this run's classes and modalities.

        Labels are matched by name; a modality that the dialogues lack counts as missing.

        Raises
        ------
        InputError
            If the dialogues have a class or modality that the run does not know, a feature width
            differs, or there are more speakers than the graph has relations for.
        """
        self._check_modalities(dialogues)
        self._check_speakers(dialogues)
        features, masks = {}, {}
        for m, width in self.widths.items():
            if m in dialogues.features:
                features[m], masks[m] = dialogues.features[m], dialogues.masks[m]
            else:
                features[m], masks[m] = absent(dialogues.num_utterances, width)
        return replace(
            dialogues,
            features=features,
            masks=masks,
            labels=self._labels(dialogues),
            label_names=self.label_names,
            targets=self._targets(dialogues),
        )

    def _targets(self, dialogues: Dialogues) -> dict[str, Target]:
        """Return the run's targets beside classes: unknown where the dialogues have none."""
        found = {}
        for spec, _ in self.scoring.others():
            own = dialogues.targets.get(spec.name)
            if own is not None and (own.spec.kind, own.spec.names) != (spec.kind, spec.names):
                raise InputError(
                    f"{dialogues.name}: the target '{spec.name}' is {own.spec.kind} of "
                    f"{', '.join(own.spec.names)}, but this run was trained with {spec.kind} of "
                    f"{', '.join(spec.names)}"
                )
            unknown = np.full((dialogues.num_utterances, spec.columns), np.nan, np.float32)
            found[spec.name] = Target(spec, unknown if own is None else own.values)
        return found

    def _labels(self, dialogues: Dialogues) -> np.ndarray:
        if not self.label_names:
            return np.full(dialogues.num_utterances, UNLABELLED)
        number = {name: c for c, name in enumerate(self.label_names)}
        for name in dialogues.label_names:
            if name not in number:
                raise InputError(
                    f"{dialogues.name}: the label '{name}' is none of this run's classes "
                    f"({', '.join(self.label_names)}){did_you_mean(name, self.label_names)}"
                )
        table = np.array([number[name] for name in dialogues.label_names] + [UNLABELLED])
        return table[dialogues.labels]  # UNLABELLED is -1: the last entry

    def _check_modalities(self, dialogues: Dialogues) -> None:
        trained = ", ".join(f"{m} ({w})" for m, w in self.widths.items())
        for name, width in dialogues.widths.items():
            if name not in self.widths:
                raise InputError(
                    f"{dialogues.name}: has the modality '{name}', but this run was trained with "
                    f"{trained}: leave it out (--modalities)"
                )
            if width != self.widths[name]:
                raise InputError(
                    f"{dialogues.name}: {name} has {width} columns, but this run was trained with "
                    f"{self.widths[name]}: extract the features in the same way"
                )

    def _check_speakers(self, dialogues: Dialogues) -> None:
        window, found = self.model.window, dialogues.most_speakers
        if not window.distinguishes(found):
            raise InputError(
                f"{dialogues.name}: a dialogue has {found} speakers, but this run's graph "
                f"distinguishes {window.num_speakers}: train with "
                "--model.window.relations speaker"
            )


def _seed_folder(path: Path) -> Path:
    if not (path / SPEC_FILE).is_file():
        return path
    seeds = read_run_spec(path)["seeds"]
    if len(seeds) > 1:
        found = ", ".join(map(str, seeds))
        raise InputError(
            f"{path}: has the seeds {found}: name the folder of one of them, as "
            f"{path / f'seed{seeds[0]}'}, or load all by ariigcn_dgl.Ensemble"
        )
    return path / f"seed{seeds[0]}"


def mean_probabilities(runs: Sequence[TrainedRun], dialogues: Dialogues) -> np.ndarray:
    """Return the mean of several seeds' calibrated class probabilities, (N, C).

    Parameters
    ----------
    runs : sequence of TrainedRun
        Seeds of one run folder.
    dialogues : Dialogues
        What `TrainedRun.adapt` of one of them returned.
    """
    return np.mean([run.probabilities(dialogues) for run in track(runs, "seeds")], axis=0)


def abstention_of(runs: Sequence[TrainedRun], coverage: float) -> Abstention:
    """Return from which confidence on seeds answer together, as validation chooses it.

    Parameters
    ----------
    runs : sequence of TrainedRun
        Seeds of one run folder; they answer by `mean_probabilities`.
    coverage : float
        Share of validation's labelled utterances to answer, above 0 and up to 1.

    Raises
    ------
    InputError
        If a run has no classes or was trained by a version that kept no probabilities of
        validation, a file is damaged, or the runs are of different data sets.
    """
    found = [_validation(run) for run in runs]
    labels = found[0][1]
    for run, (_, others) in zip(runs, found, strict=True):
        if not np.array_equal(others, labels):
            raise InputError(
                f"{run.folder.path}: was validated on other utterances than "
                f"{runs[0].folder.path}: name seeds of one run"
            )
    probabilities = np.mean([own for own, _ in found], axis=0)
    return choose_abstention(coverage, probabilities, labels)


def _validation(run: TrainedRun) -> tuple[np.ndarray, np.ndarray]:
    """Return a run's probabilities of validation's labelled utterances, and their labels."""
    if run.scoring.classes is None:
        raise InputError(f"--coverage: is of classes, and {run.folder.path} has none")
    kept = run.folder.read_uncalibrated(run.record)
    if kept is None:
        raise InputError(
            f"--coverage: {run.folder.path} was trained by a version that kept no probabilities "
            "of validation to choose a bound from: train it again"
        )
    known = kept["val_labels"] != UNLABELLED
    return calibrated(kept["val"][known], run.temperature), kept["val_labels"][known]


def data_of(run: TrainedRun, data: str | None = None) -> Dialogues:
    """Return the dialogues that a run was trained on.

    Parameters
    ----------
    run : TrainedRun
    data : str, optional
        Where they lie now; default: where they were.

    Raises
    ------
    InputError
        If they are not there, are others, or have changed since.
    """
    folder = run.folder.path.parent
    spec = read_run_spec(folder)
    try:
        dialogues = load_run_data(spec, data)
    except InputError as error:
        raise InputError(f"{error}; if it lies elsewhere now, name it with --data") from error
    if fingerprint(dialogues) != run.record["dataset_sha256"]:
        raise InputError(
            f"{data or spec['data']}: is not the data set that {folder} was trained on: another "
            "data set, or changed since"
        )
    return dialogues
