"""The seeds of a run folder, which answer together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.training.classifier import Classifier
from ariigcn_dgl.training.run_spec import read_run_spec
from ariigcn_dgl.training.seeds import seed_folders
from ariigcn_dgl.training.threads import torch_threads
from ariigcn_dgl.training.trained import TrainedRun, mean_probabilities


class Ensemble(Classifier):
    """A run folder: its seeds answer by the mean of their calibrated probabilities.

    These are the answers of ``ariigcn predict RUN``, and the scores are those that ``ariigcn
    evaluate RUN`` calls averaged; of one seed they are its own.

    Parameters
    ----------
    path : str or Path
        What `ariigcn_dgl.fit` or ``ariigcn train`` made: a run folder, or the folder of one of its
        seeds.
    device : str
        Where to compute: cpu, cuda, cuda:1 ... Where it was trained does not matter.

    Raises
    ------
    InputError
        If it is no run folder, is not finished, or a file is damaged.

    Attributes
    ----------
    path : Path
    runs : tuple of TrainedRun
        One for each seed.
    """

    def __init__(self, path: str | Path, device: str = "cpu") -> None:
        self.path = Path(path)
        folders = seed_folders(self.path)
        self.threads = read_run_spec(folders[0].parent)["threads"]
        self.runs = tuple(TrainedRun(folder, device) for folder in folders)
        self.label_names = self.runs[0].label_names
        self.scoring = self.runs[0].scoring

    def __repr__(self) -> str:
        record = self.runs[0].record
        seeds = ", ".join(str(run.record["seed"]) for run in self.runs)
        return (
            f"<Ensemble {str(self.path)!r}: {record['system']} on {record['dataset']}, "
            f"seed{'s' * (len(self.runs) > 1)} {seeds}>"
        )

    def adapt(self, dialogues: Dialogues) -> Dialogues:
        """Return the dialogues with the run's classes and modalities; as of `TrainedRun.adapt`."""
        return self.runs[0].adapt(dialogues)

    def probabilities(self, dialogues: Dialogues) -> np.ndarray:
        """Return the seeds' mean probabilities, (N, C) float64, of dialogues from `adapt`."""
        with torch_threads(self.threads):
            return mean_probabilities(self.runs, dialogues)
