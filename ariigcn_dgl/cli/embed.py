"""``ariigcn embed``."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from rich.table import Table

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import say, show
from ariigcn_dgl.device import check_device
from ariigcn_dgl.escape import cell
from ariigcn_dgl.experiments.embedding import draw_spaces, gap, require_measurable, spaces
from ariigcn_dgl.files import make_folder, refuse_taken, write_json
from ariigcn_dgl.progress import track
from ariigcn_dgl.training.seeds import seed_folders
from ariigcn_dgl.training.target_kinds import TARGET_KINDS, Groups
from ariigcn_dgl.training.trained import TrainedRun, data_of


def embed(
    run: str,
    out: str,
    data: str | None = None,
    split: Literal["train", "val", "test"] = "test",
    device: str = "cpu",
) -> None:
    """Measure and draw the gap between modalities before and after TGAN and contrast.

    Of the first seed of a run of AR-IIGCN. The folder gets embedding.json, and embedding.png with
    t-SNE pictures. Of a run without classes, class means a fifth of the range of its first number,
    or the set of labels.

    Parameters
    ----------
    run : str
        Run folder, or the folder of one of its seeds.
    out : str
        New folder.
    data : str
        Where the data set of the training lies now; default: where it was.
    split : {"train", "val", "test"}
        Dialogues to look at.
    device : str
        Where to compute: cpu, cuda, cuda:1 ...
    """
    check_device(device)
    folder = Path(out)
    refuse_taken(folder)
    trained = TrainedRun(seed_folders(Path(run))[0], device)
    dialogues = data_of(trained, data)
    chosen = dialogues.part(split)
    first = trained.scoring.specs[0]
    groups = Groups(trained.label_names, trained.adapt(chosen).labels)
    if not first.is_labels:
        groups = TARGET_KINDS[first.kind].groups(first, chosen.targets[first.name].values)
    require_measurable(replace(chosen, labels=groups.numbers, label_names=groups.names))
    with shown("embed"):
        found = spaces(trained, chosen, groups.numbers)
        gaps = [gap(space) for space in track(found, "spaces measured")]
    make_folder(folder)
    numbers = {space.title: asdict(one) for space, one in zip(found, gaps, strict=True)}
    write_json(folder / "embedding.json", numbers)
    table = Table(title=cell(f"{run}, {split}"), title_justify="left")
    table.add_column("space", no_wrap=True)
    for name in ("modality told, %", "silhouette modality", "silhouette class", "centroids"):
        table.add_column(name, justify="right")
    for title, one in numbers.items():
        table.add_row(title, *(f"{value:.2f}" for value in one.values()))
    show(table)
    with shown("embed"):
        picture = folder / "embedding.png"
        modalities = list(trained.widths)
        draw_spaces(found, gaps, modalities, groups.names, picture, ordered=groups.ordered)
    say(f"results: {folder}")
