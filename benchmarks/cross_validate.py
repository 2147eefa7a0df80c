"""Leave-one-session-out cross validation on IEMOCAP's training and validation dialogues.

The test session is dropped before anything else, so hyper-parameters may be chosen by these scores:

    python benchmarks/cross_validate.py --data iemocap.npz --model.adversarial off
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from jsonargparse import ArgumentParser

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, load_dialogues
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.presets import preset_config
from ariigcn_dgl.training.run_config import RunConfig


def session(dialogue_id: str) -> str:
    """Return the session of an IEMOCAP dialogue such as Ses05F_impro01."""
    return dialogue_id[:5]


def without_test(dialogues: Dialogues) -> Dialogues:
    return dialogues.select(np.flatnonzero(np.array(dialogues.splits) != "test"))


def hold_out(dialogues: Dialogues, name: str) -> Dialogues:
    """Make one session the test split of its fold; the others keep their splits."""
    pairs = zip(dialogues.dialogue_ids, dialogues.splits, strict=True)
    return replace(
        dialogues,
        splits=tuple("test" if session(one) == name else split for one, split in pairs),
    )


def cross_validate(dialogues: Dialogues, config: RunConfig, seed: int) -> dict[str, float]:
    """Return the held-out weighted F1 of every session."""
    scores = {}
    for name in sorted({session(one) for one in dialogues.dialogue_ids}):
        with tempfile.TemporaryDirectory() as folder:
            fold = hold_out(dialogues, name)
            run = fit(fold, config.resolved(fold), seed, Path(folder) / "run")
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
