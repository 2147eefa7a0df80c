"""Dialogues as a data set of DGL's kind: one graph per dialogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.batch.batch import Batch
from ariigcn_dgl.batch.window import ModalWindow, Window
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues, in_order
from ariigcn_dgl.data.load import load_checked
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.graph import Graph, to_dgl
from ariigcn_dgl.graph.modal import Across
from ariigcn_dgl.graph.modal_dgl import modal_graph_of, modal_to_dgl, rows_of
from ariigcn_dgl.graph.to_dgl import NODE_TYPE

TARGET = "target_"  # what names of targets begin with in node data, where modalities stand too


class DialogueGraphDataset(dgl.data.DGLDataset):
    """One heterograph per dialogue, for `dgl.dataloading.GraphDataLoader` and `dgl.batch`.

    Nodes are of type ``utterance``; every speaker relation of the window is an edge type. Node
    data: each modality's features under its name, (N, D_m) float32, where they exist under
    ``text_mask`` and so on, (N,) bool, ``label``, (N,) int64 with -1 for unknown, ``speaker``,
    (N,) int64, and each target as ``target_NAME``, (N, columns) float32, NaN where unknown. Several
    views of a modality stand side by side; `split_views` divides them by
    ``dialogues.view_widths(name)``.

    With `cross_modal` the modalities are node types, too, with their features as ``feat``, and the
    edges are between them; the utterances, without edges, have labels, speakers and targets. An
    utterance that lacks a modality lacks its node; ``place`` says of which utterance of its
    dialogue a node is one.

    `batch_from_dgl` makes of a batch of these graphs what the package's models read. Nothing is
    written to disk; the graphs are made anew from lengths and speakers.

    Parameters
    ----------
    source : Dialogues, str or Path
        A set in memory, or a folder or file that `load_dialogues` reads.
    window : Window
        Which utterances are connected, by which relations.
    cross_modal : {"none", "utterance", "window"}
        Whether nodes are utterances or their modalities, and where messages cross modalities; see
        `ariigcn_dgl.graph.modal_graph`.
    transform : callable, optional
        Applied to a graph whenever it is taken out.
    verbose : bool
        DGL's: say when the graphs are made.

    Raises
    ------
    InputError
        If the data set cannot be read, or has a modality of several rows per utterance.

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
        cross_modal: Literal["none"] | Across = "none",
        transform: Callable[[dgl.DGLGraph], dgl.DGLGraph] | None = None,
        verbose: bool = False,
    ) -> None:
        if isinstance(source, Dialogues):
            self.dialogues, folder = source, Path.cwd()  # DGL wants one; nothing is written there
        else:
            self.dialogues, folder = load_checked(source), Path(source).resolve().parent
        _require_vectors(self.dialogues)
        self.window = (window or Window()).resolved(self.dialogues.most_speakers)
        if cross_modal != "none":
            self.window = ModalWindow.of(self.window, tuple(self.dialogues.widths), cross_modal)
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
        features = {name: torch.from_numpy(x[rows]) for name, x in data.features.items()}
        masks = {name: torch.from_numpy(mask[rows]) for name, mask in data.masks.items()}
        structure = window.graph(torch.tensor([len(speakers)], device="cpu"), speakers, masks)
        if isinstance(window, ModalWindow):
            present = torch.stack([masks[name] for name in window.modalities])
            g = modal_to_dgl(structure, window.canonical_etypes, present)
            for name, x in features.items():
                g.nodes[name].data["feat"] = x[masks[name]]
        else:
            g = to_dgl(structure, window.relation_names)
            for name, x in features.items():
                g.ndata[name], g.ndata[f"{name}_mask"] = x, masks[name]
        g.nodes[NODE_TYPE].data["label"] = torch.from_numpy(data.labels[rows])
        g.nodes[NODE_TYPE].data["speaker"] = speakers
        for name, target in data.targets.items():
            values = torch.from_numpy(target.values[rows])
            g.nodes[NODE_TYPE].data[f"{TARGET}{name}"] = values
        return g

    def __getitem__(self, idx: int) -> dgl.DGLGraph:
        """Return the graph of one dialogue."""
        g = self.graphs[idx]
        return g if self._transform is None else self._transform(g)

    def __len__(self) -> int:
        """Return the number of dialogues B."""
        return len(self.graphs)


def batch_from_dgl(g: dgl.DGLGraph, window: Window) -> Batch:
    """Return what `collate` does, of graphs of a `DialogueGraphDataset` that `dgl.batch` joined.

    Parameters
    ----------
    g : DGLGraph
        One graph or a batch of them, on the CPU.
    window : Window
        That of the data set, which says in what order relations are numbered.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> dataset = DialogueGraphDataset(synthesise(SynthConfig()), cross_modal="window")
    >>> batch = batch_from_dgl(dgl.batch([dataset[0], dataset[1]]), dataset.window)
    >>> batch.graph.num_dst == len(dataset.window.modalities) * len(batch.labels)
    True
    """
    data = g.nodes[NODE_TYPE].data
    if isinstance(window, ModalWindow):
        graph = modal_graph_of(g, window.canonical_etypes)
        features, masks = {}, {}
        for name in window.modalities:
            own, rows = g.nodes[name].data["feat"], rows_of(g, name)
            masks[name] = rows.new_zeros(g.num_nodes(NODE_TYPE), dtype=torch.bool)
            masks[name][rows] = True
            features[name] = own.new_zeros(len(masks[name]), own.size(1)).index_copy(0, rows, own)
    else:
        graph = Graph.from_dgl(g, relation_names=window.relation_names)
        names = in_order(name for name in data if f"{name}_mask" in data)
        masks = {name: data[f"{name}_mask"] for name in names}
        features = {name: data[name] for name in masks}
    return Batch(
        features=features,
        masks=masks,
        labels=data["label"],
        speakers=data["speaker"],
        lengths=g.batch_num_nodes(NODE_TYPE),
        graph=graph,
        targets={
            key.removeprefix(TARGET): values
            for key, values in data.items()
            if key.startswith(TARGET) and values.is_floating_point() and key not in masks
        },
    )


def _require_vectors(dialogues: Dialogues) -> None:
    """Raise InputError if a modality has several rows per utterance, which no node data can be."""
    if dialogues.sequences:
        raise InputError(
            f"{dialogues.name}: {' and '.join(dialogues.sequences)} are sequences of rows per "
            "utterance, expected one vector for each: dataclasses.replace(dialogues, sequences={}) "
            "has the means of the rows alone"
        )
