"""Leave-one-session-out cross validation on IEMOCAP's training and validation dialogues.

The test session is dropped before anything else, so hyper-parameters may be chosen by these scores:

    python benchmarks/cross_validate.py --data iemocap.npz --model.adversarial off
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from jsonargparse import ArgumentParser

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, load_dialogues
from ariigcn_dgl.data.folds import Fold, with_fold
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import RunConfig, preset_config

SESSIONS = 4  # without the one that is tested


def session(dialogue_id: str) -> str:
    """Return the session of an IEMOCAP dialogue such as Ses05F_impro01."""
    return dialogue_id[:5]


def without_test(dialogues: Dialogues) -> Dialogues:
    return dialogues.select(np.flatnonzero(np.array(dialogues.splits) != "test"))


def cross_validate(dialogues: Dialogues, config: RunConfig, seed: int) -> dict[str, float]:
    """Return the held-out weighted F1 of every session."""
    scores = {}
    for number in range(SESSIONS):
        fold = with_fold(dialogues, Fold(number, SESSIONS))
        name = session(fold.dialogue_ids[fold.indices("test")[0]])
        with tempfile.TemporaryDirectory() as folder:
            run = fit(prepare(fold, config), seed, Path(folder) / "run")
        scores[name] = run["test"]["weighted_f1"]
    return scores


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=str, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    preset = preset_config("ariigcn", "tuned")
    parser.add_argument("--model", type=type(preset.model))
    parser.add_argument("--training", type=TrainingConfig)
    parser.set_defaults({"model": asdict(preset.model), "training": asdict(preset.training)})
    options = parser.instantiate(parser.parse_args())
    torch.set_num_threads(1)
    dialogues = without_test(load_dialogues(options.data))
    config = RunConfig(preset.system, options.model, options.training)
    for seed in options.seeds:
        scores = cross_validate(dialogues, config, seed)
        print(json.dumps({"seed": seed, "mean": mean(scores.values()), **scores}), flush=True)


if __name__ == "__main__":
    main()
