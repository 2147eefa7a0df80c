"""A training in TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.optional import import_quietly, require
from ariigcn_dgl.training.callbacks import Epoch, Logger
from ariigcn_dgl.training.scoring import flat

FOLDER = "tensorboard"


class TensorBoard(Logger):
    """A `Logger` for TensorBoard: ``tensorboard --logdir runs`` shows all runs below it.

    Losses are scalars ``loss/NAME``, scores ``val/NAME`` in percent by epoch; ``kept/SPLIT_NAME``
    are the scores of the weights that are kept, at their epoch. It needs ``pip install
    "ariigcn_dgl[tensorboard]"``.

    Parameters
    ----------
    folder : str or Path, optional
        Where events are written, as RUN/SEED in it; default: ``tensorboard`` in the
        run folder.

    Raises
    ------
    InputError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        require("tensorboard", "tensorboard")
        self.folder = None if folder is None else Path(folder)
        self.writer: Any = None

    def begin(self, folder: Path, settings: Mapping[str, Any], history: Sequence[Epoch]) -> None:
        """Begin with a seed; see `Logger`."""
        place = folder.parent / FOLDER / folder.name
        if self.folder is not None:  # which several runs may share
            place = self.folder / folder.resolve().parent.name / folder.name
        writer = import_quietly("torch.utils.tensorboard").SummaryWriter
        # What a process that was stopped has written is hidden, and written again.
        self.writer = writer(str(place), purge_step=0 if place.exists() else None)
        text = json.dumps(settings, indent=2, default=str).replace("\n", "\n    ")
        self.writer.add_text("settings", f"    {text}")  # indented: Markdown leaves it as it is
        for epoch in history:
            self.log(epoch)

    def log(self, epoch: Epoch) -> None:
        """Write an epoch's figures, at once."""
        for name, value in epoch.figures.items():
            split, _, score = name.partition("_")
            tag = f"val/{score}" if split == "val" else f"loss/{name}"
            self.writer.add_scalar(tag, value, epoch.number)
        self.writer.flush()

    def end(self, record: Mapping[str, Any] | None) -> None:
        """Write the scores of the weights that are kept, and close the file."""
        if record is not None:
            for split in ("val", "test"):
                self._write_kept(split, record[split] or {}, record["best_epoch"])
        self.writer.close()
        self.writer = None

    def _write_kept(self, split: str, scores: Mapping[str, Any], epoch: int) -> None:
        """Write a split's scores; a test split without labels has none."""
        for name, value in flat(scores).items():
            self.writer.add_scalar(f"kept/{split}_{name}", value, epoch)
