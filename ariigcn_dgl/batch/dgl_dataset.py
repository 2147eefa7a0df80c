"""Dialogues as a data set of DGL's kind: one graph per dialogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.batch.window import Window
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues
from ariigcn_dgl.data.load import load_dialogues
from ariigcn_dgl.graph import relation_names, to_dgl


class DialogueGraphDataset(dgl.data.DGLDataset):
    """One heterograph per dialogue, for `dgl.dataloading.GraphDataLoader` and `dgl.batch`.

    Nodes are of type ``utterance``; every speaker relation of the window is an edge type. Node
    data: each modality's features under its name, (N, D_m) float32, where they exist under
    ``text_mask`` and so on, (N,) bool, ``label``, (N,) int64 with -1 for unknown, and ``speaker``,
    (N,) int64. Several views of a modality stand side by side; `split_views` divides them by
    ``dialogues.view_widths(name)``. Nothing is written to disk; the graphs are made anew from
    lengths and speakers.

    Parameters
    ----------
    source : Dialogues, str or Path
        A set in memory, or a folder or file that `load_dialogues` reads.
    window : Window
        Which utterances are connected, by which relations.
    transform : callable, optional
        Applied to a graph whenever it is taken out.
    verbose : bool
        DGL's: say when the graphs are made.

    Raises
    ------
    InputError
        If the data set cannot be read.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> dataset = DialogueGraphDataset(synthesise(SynthConfig()))
    >>> graph = dataset[0]
    >>> graph.ntypes, graph.num_nodes() == len(graph.ndata["label"])
    (['utterance'], True)
    >>> loader = dgl.dataloading.GraphDataLoader(dataset, batch_size=4)
    >>> next(iter(loader)).batch_size
    4
    """

    def __init__(
        self,
        source: Dialogues | str | Path,
        window: Window | None = None,
        *,
        transform: Callable[[dgl.DGLGraph], dgl.DGLGraph] | None = None,
        verbose: bool = False,
    ) -> None:
        if isinstance(source, Dialogues):
            self.dialogues, folder = source, Path.cwd()  # DGL wants one; nothing is written there
        else:
            self.dialogues, folder = load_dialogues(source), Path(source).resolve().parent
        self.window = (window or Window()).resolved(self.dialogues.most_speakers)
        self.graphs: list[dgl.DGLGraph] = []
        super().__init__(
            self.dialogues.name, raw_dir=str(folder), verbose=verbose, transform=transform
        )

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return self.dialogues.num_classes

    @property
    def num_rels(self) -> int:
        """Number of relations R, which is that of the graphs' edge types."""
        return self.window.num_rels

    def split_idx(self, split: str) -> Tensor:
        """Return the dialogues of ``train``, ``val`` or ``test``, (B_split,) int64.

        Raises
        ------
        ValueError
            If there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        return torch.from_numpy(self.dialogues.indices(split))

    def process(self) -> None:
        """Make all graphs; called by DGL."""
        self.graphs = [self._graph(b) for b in range(self.dialogues.num_dialogues)]

    def _graph(self, dialogue: int) -> dgl.DGLGraph:
        data, rows, window = self.dialogues, self.dialogues.rows(dialogue), self.window
        speakers = torch.from_numpy(data.speakers[rows])
        structure = window.graph(torch.tensor([len(speakers)]), speakers)
        g = to_dgl(structure, relation_names(window.graph_relations, window.num_speakers))
        for name, array in data.features.items():
            g.ndata[name] = torch.from_numpy(array[rows])
            g.ndata[f"{name}_mask"] = torch.from_numpy(data.masks[name][rows])
        g.ndata["label"] = torch.from_numpy(data.labels[rows])
        g.ndata["speaker"] = speakers
        return g

    def __getitem__(self, idx: int) -> dgl.DGLGraph:
        """Return the graph of one dialogue."""
        g = self.graphs[idx]
        return g if self._transform is None else self._transform(g)

    def __len__(self) -> int:
        """Return the number of dialogues B."""
        return len(self.graphs)
