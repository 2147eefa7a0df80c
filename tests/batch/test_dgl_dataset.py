"""Dialogues as a data set of DGL's kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl import dgl
from ariigcn_dgl.batch import DialogueGraphDataset, Window, batch_from_dgl, collate
from ariigcn_dgl.data import (
    Dialogues,
    SynthConfig,
    dialogues_from_arrays,
    fingerprint,
    synthesise,
    write_folder,
)
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.graph import Graph, relation_names


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    return synthesise(SynthConfig())


@pytest.fixture(scope="module")
def dataset(dialogues: Dialogues) -> DialogueGraphDataset:
    return DialogueGraphDataset(dialogues, Window(past=3, future=1))


def test_every_dialogue_is_a_graph(dataset, dialogues):
    assert len(dataset) == dialogues.num_dialogues
    assert [g.num_nodes() for g in dataset] == dialogues.lengths.tolist()
    assert (dataset.num_classes, dataset.num_rels) == (dialogues.num_classes, 5)


def test_a_batch_has_the_edges_and_data_of_the_packages_own_batch(dataset, dialogues):
    chosen = [4, 0, 7]
    g, own = dgl.batch([dataset[b] for b in chosen]), collate(dialogues, chosen, dataset.window)
    graph = Graph.from_dgl(g, relation_names=relation_names("speaker"))
    for name in ("indptr", "indices", "etypes", "seg_ptr"):
        assert getattr(graph, name).equal(getattr(own.graph, name)), name
    assert g.ndata["label"].equal(own.labels)
    assert g.ndata["speaker"].equal(own.speakers)
    for name, feat in own.features.items():
        assert g.ndata[name].equal(feat)
        assert g.ndata[f"{name}_mask"].equal(own.masks[name])


def test_splits_are_those_of_the_dialogues(dataset, dialogues):
    parts = [dataset.split_idx(split) for split in ("train", "val", "test")]
    assert torch.cat(parts).sort().values.tolist() == list(range(len(dataset)))
    assert all(dialogues.splits[b] == "val" for b in parts[1])
    with pytest.raises(ValueError, match="split must be one of train, val, test, got 'dev'"):
        dataset.split_idx("dev")


def test_a_transform_is_applied_whenever_a_graph_is_taken(dialogues):
    dataset = DialogueGraphDataset(dialogues, transform=dgl.to_homogeneous)
    assert dataset[0].is_homogeneous
    assert dataset.graphs[0].etypes != dataset[0].etypes


def test_automatic_relations_are_resolved(dialogues):
    dataset = DialogueGraphDataset(dialogues, Window(relations="auto"))
    assert dataset.num_rels == len(dataset[0].etypes)


def test_a_folder_is_read_and_nothing_written(dialogues, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_folder(dialogues, tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    dataset = DialogueGraphDataset(tmp_path / "data")
    assert sorted(tmp_path.rglob("*")) == before
    assert fingerprint(dataset.dialogues) == fingerprint(dialogues)
    assert dataset.raw_dir == str(tmp_path)


def test_it_can_be_shown(dataset):
    assert f"num_graphs={len(dataset)}" in repr(dataset)


@pytest.mark.parametrize("cross_modal", ["none", "window"])
def test_a_batch_made_of_graphs_has_the_targets(cross_modal: str):
    vad = np.float32([[1, 2, 3], [4, np.nan, 6], [7, 8, 9]])
    dialogues = dialogues_from_arrays(
        ["a", "a", "b"],
        ["x", "y", "x"],
        label=["p", "q", "p"],
        split=["train"] * 3,
        text=np.ones((3, 2)),
        audio=np.ones((3, 1)),
        targets={"vad": vad, "score": np.float32([1, 2, 3])},
    )
    dataset = DialogueGraphDataset(dialogues, cross_modal=cross_modal)
    own = collate(dialogues, [1, 0], dataset.window)
    batch = batch_from_dgl(dgl.batch([dataset[1], dataset[0]]), dataset.window)
    assert list(batch.targets) == ["vad", "score"]
    assert batch.targets["vad"].nan_to_num(-1).tolist() == [[7, 8, 9], [1, 2, 3], [4, -1, 6]]
    assert batch.targets["score"].equal(own.targets["score"])
    assert batch.masks.keys() == own.masks.keys()


def test_sequences_of_rows_are_refused_and_their_means_are_taken():
    words = [np.ones((1, 2)), np.float32([[1, 1], [3, 5]])]
    dialogues = dialogues_from_arrays(
        ["a", "a"], ["x", "y"], label=["p", "q"], split=["test"] * 2, text=words
    )
    with pytest.raises(InputError, match="text are sequences of rows per utterance"):
        DialogueGraphDataset(dialogues)
    dataset = DialogueGraphDataset(replace(dialogues, sequences={}))
    assert dataset[0].ndata["text"].tolist() == [[1, 1], [2, 3]]
