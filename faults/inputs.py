"""What the commands work on: small, so that each takes a second or two."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.data import SynthConfig, SynthModality, synthesise, write_folder
from ariigcn_dgl.data.community import write_layout
from faults.child import Child, Main

SMALL = (
    *("--model.hidden_dim=8", "--model.head_dim=8", "--model.projection_dim=0"),
    *("--training.batch_size=4", "--training.adversarial_epochs=1"),
)
STUDY = """title: Two settings
baseline: narrow
defaults: {system: mlp, set: {training.epochs: 2}}
settings:
  - {name: narrow, set: {model.hidden_dim: 4}, search: {training.learning_rate: [0.001, 0.01]}}
  - {name: wide, set: {model.hidden_dim: 8}, search: {training.learning_rate: [0.001, 0.01]}}
"""
LAYOUTS = ("mmgcn", "merbench")  # a pickle, and a folder of many files


def make_data(folder: Path) -> None:
    """Write a data set, feature files of other projects, and a study."""
    modality = SynthModality(width=6, strength=3.0, trait=0.5, drift=0.3)
    config = SynthConfig(
        name="small",
        train=6,
        val=3,
        test=3,
        length_mean=6,
        length_sd=2.0,
        length_min=3,
        length_max=9,
        text=modality,
        audio=modality,
        visual=modality,
    )
    write_folder(synthesise(config, 0), folder / "data")
    write_layout("dialoguegcn", folder / "others.pkl", fraction=0.02)
    for name in LAYOUTS:
        write_layout(name, folder / name, fraction=0.003)
    (folder / "study.yaml").write_text(STUDY)


def make_run(folder: Path, main: Main) -> None:
    """Train the run that is reported and predicts."""
    options = ["--data", str(folder / "data"), "--seeds", "0", "1", *SMALL, "--training.epochs=2"]
    end = Child(main, ["train", "--out", str(folder / "run"), *options]).wait()
    if end.code:
        raise RuntimeError(end.err)
