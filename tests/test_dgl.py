"""DGL runs on the installed torch, forward and backward, and says what it lacks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ariigcn_dgl import _dgl, dgl

ROOT = Path(__file__).parents[1]
MISSING = "dgl.graphbolt" in _dgl.missing_packages(Path(dgl.__file__).parent)
without_graphbolt = pytest.mark.skipif(not MISSING, reason="this DGL has GraphBolt for this torch")


def run_python(code: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process, which has not imported DGL and has no DGL settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DGL")}
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def graph() -> dgl.DGLGraph:
    """Build 0 -> 1, 0 -> 2, 1 -> 2 and a loop at 0."""
    return dgl.graph(([0, 0, 1, 0], [1, 2, 2, 0]))


@pytest.fixture
def feat() -> torch.Tensor:
    return torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]], requires_grad=True)


def assert_differentiable(out: torch.Tensor, *leaves: torch.Tensor) -> None:
    assert out.isfinite().all()
    out.square().sum().backward()
    for leaf in leaves:
        assert leaf.grad.isfinite().all()
        assert leaf.grad.abs().sum() > 0


# Layers


def test_graph_conv_adds_up_the_in_neighbours_and_back(graph, feat):
    conv = dgl.nn.GraphConv(2, 2, norm="none", weight=False, bias=False)
    out = conv(graph, feat)
    assert out.tolist() == [[1.0, 0.0], [1.0, 0.0], [1.0, 2.0]]
    out.sum().backward()
    assert feat.grad.tolist() == [[3.0, 3.0], [1.0, 1.0], [0.0, 0.0]]


def test_gatv2_conv_runs_forward_and_backward(graph, feat):
    conv = dgl.nn.GATv2Conv(2, 3, num_heads=2)
    out, attention = conv(graph, feat, get_attention=True)
    assert out.shape == (3, 2, 3)
    assert torch.allclose(attention[0], torch.ones(2, 1))
    assert_differentiable(out, feat, conv.attn)


@pytest.mark.parametrize("regularizer", ["basis", "bdd", None])
def test_rel_graph_conv_runs_forward_and_backward(graph, feat, regularizer):
    conv = dgl.nn.RelGraphConv(2, 4, num_rels=2, regularizer=regularizer, num_bases=2)
    out = conv(graph, feat, torch.tensor([0, 1, 1, 0]))
    assert out.shape == (3, 4)
    assert_differentiable(out, feat, *conv.parameters())


def test_hetero_graph_conv_sums_over_the_relations(feat):
    relations = {("u", "same", "u"): ([0, 1], [1, 2]), ("u", "other", "u"): ([0], [2])}
    graph = dgl.heterograph(relations, num_nodes_dict={"u": 3})
    convs = {
        name: dgl.nn.GraphConv(2, 2, norm="none", weight=False, bias=False)
        for name in ("same", "other")
    }
    conv = dgl.nn.HeteroGraphConv(convs, aggregate="sum")
    out = conv(graph, {"u": feat})["u"]
    assert out.tolist() == [[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]
    assert_differentiable(out, feat)


def test_edge_softmax_sums_to_one_over_the_in_edges(graph):
    scores = torch.tensor([5.0, 1.0, 1.0, -2.0], requires_grad=True)
    attention = dgl.nn.functional.edge_softmax(graph, scores)
    assert attention.tolist() == [1.0, 0.5, 0.5, 1.0]
    attention[1].backward()
    assert scores.grad.tolist() == [0.0, 0.25, -0.25, 0.0]


def test_conv_on_a_block_updates_the_destinations_only(feat):
    block = dgl.to_block(dgl.graph(([0, 1], [2, 2]), num_nodes=3), torch.tensor([2]))
    source_feat = feat[block.srcdata[dgl.NID]]
    out = dgl.nn.GraphConv(2, 2, norm="none", weight=False, bias=False)(block, source_feat)
    assert out.tolist() == [[1.0, 2.0]]
    assert_differentiable(out, feat)


# Graphs and loaders


def test_unbatch_returns_what_was_batched(graph):
    graph.ndata["x"] = torch.arange(3)
    other = dgl.graph(([0], [1]))
    other.ndata["x"] = torch.tensor([7, 8])
    batch = dgl.batch([graph, other])
    assert batch.batch_num_nodes().tolist() == [3, 2]
    assert batch.edges()[0].tolist() == [0, 0, 1, 0, 3]
    assert [g.ndata["x"].tolist() for g in dgl.unbatch(batch)] == [[0, 1, 2], [7, 8]]


def test_graph_data_loader_batches_graphs_and_labels():
    samples = [(dgl.graph(([0], [1])), torch.tensor(label)) for label in range(3)]
    loader = dgl.dataloading.GraphDataLoader(samples, batch_size=2)
    batches = [(graph.num_nodes(), labels.tolist()) for graph, labels in loader]
    assert batches == [(4, [0, 1]), (2, [2])]


@pytest.mark.filterwarnings("ignore:Dataloader CPU affinity opt is not enabled")
def test_neighbor_sampler_yields_blocks_that_train(graph, feat):
    graph.ndata["x"] = feat.detach()
    sampler = dgl.dataloading.NeighborSampler([-1, -1], prefetch_node_feats=["x"])
    loader = dgl.dataloading.DataLoader(graph, torch.tensor([2]), sampler, batch_size=1)
    convs = [dgl.nn.GraphConv(2, 2, allow_zero_in_degree=True) for _ in range(2)]
    ((inputs, outputs, blocks),) = loader
    assert sorted(inputs.tolist()) == [0, 1, 2]
    assert outputs.tolist() == [2]
    hidden = blocks[0].srcdata["x"]
    for block, conv in zip(blocks, convs, strict=True):
        hidden = conv(block, hidden)
    assert hidden.shape == (1, 2)
    assert_differentiable(hidden, convs[0].weight)


def test_load_graphs_returns_what_save_graphs_wrote(graph, tmp_path):
    graph.edata["etype"] = torch.tensor([3, 1, 2, 0])
    path = str(tmp_path / "graphs.bin")
    dgl.save_graphs(path, [graph], {"label": torch.tensor([5])})
    (loaded,), labels = dgl.load_graphs(path)
    assert [ends.tolist() for ends in loaded.edges()] == [[0, 0, 1, 0], [1, 2, 2, 0]]
    assert loaded.edata["etype"].tolist() == [3, 1, 2, 0]
    assert labels["label"].tolist() == [5]


def test_pickling_keeps_edges_and_features(graph):
    graph.ndata["x"] = torch.tensor([1.0, 2.0, 3.0])
    loaded = pickle.loads(pickle.dumps(graph))
    assert loaded.edges()[1].tolist() == [1, 2, 2, 0]
    assert loaded.ndata["x"].tolist() == [1.0, 2.0, 3.0]


def test_int32_copy_computes_the_same(graph, feat):
    small = graph.int()
    assert small.idtype == torch.int32
    conv = dgl.nn.GraphConv(2, 2)
    assert torch.equal(conv(small, feat), conv(graph, feat))


def test_adj_tensors_give_the_in_edges_of_every_node(graph):
    indptr, indices, eids = graph.adj_tensors("csc")
    assert indptr.tolist() == [0, 1, 2, 4]
    assert indices.tolist() == [0, 0, 0, 1]
    assert eids.tolist() == [3, 0, 1, 2]


# The import


SPELLINGS = ("from ariigcn_dgl import dgl", "import ariigcn_dgl, dgl")


@pytest.mark.slow
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_import_is_silent_and_leaves_the_home_folder_alone(tmp_path, spelling):
    # With an empty cache Python compiles DGL anew, which is when it warns of DGL's syntax. The
    # large packages come first, from the usual cache, because compiling them takes long.
    done = run_python(
        "import sys, networkx, pandas, scipy.sparse, torch, tqdm\n"
        f"sys.pycache_prefix = {str(tmp_path / 'cache')!r}\n"
        f"{spelling}\n",
        "-W",
        "error",
        HOME=str(tmp_path / "home"),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
@without_graphbolt
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_import_repairs_a_failed_import_of_dgl_without_torchdata(spelling):
    # In a process of its own, because DGL's library knows only the classes imported last.
    done = run_python(
        "import sys; sys.modules['torchdata'] = None\n"
        "try: import dgl\n"
        "except (ImportError, FileNotFoundError): pass\n"
        "else: raise AssertionError('dgl imports by itself')\n"
        f"{spelling}\n"
        "assert dgl.utils and dgl.heterograph_index and dgl.backend.pytorch\n"
        "assert dgl.graph(([0], [1])).in_degrees().tolist() == [0, 1]\n",
        DGLBACKEND="pytorch",  # a bare import of DGL would write to the home folder
    )
    assert done.returncode == 0, done.stderr


def test_import_of_the_package_imports_neither_torch_nor_dgl():
    done = run_python(
        "import ariigcn_dgl, sys\nassert not {'torch', 'dgl', 'numpy'} & set(sys.modules)\n",
    )
    assert done.returncode == 0, done.stderr


def test_dgl_can_be_looked_up_without_importing_it():
    done = run_python(
        "import ariigcn_dgl, importlib.util, os, sys\n"
        "spec = importlib.util.find_spec('dgl')\n"
        "assert spec.origin.endswith('__init__.py') and spec.loader.get_source('dgl')\n"
        "assert not {'torch', 'dgl', 'numpy'} & set(sys.modules)\n"
        "assert 'DGLBACKEND' not in os.environ\n"
    )
    assert done.returncode == 0, done.stderr


def test_dgl_does_not_show_that_room_was_made_for_it():
    assert type(dgl.__spec__.loader) is type(dgl.__loader__) is SourceFileLoader


def test_later_import_gives_the_same_module():
    import dgl as later

    assert later is dgl


def test_importing_again_changes_nothing():
    before = sys.meta_path.copy()
    assert _dgl.import_dgl() is dgl
    assert sys.meta_path == before


@pytest.mark.slow
def test_one_finder_is_asked_first_and_only_once():
    done = run_python(
        "import sys\n"
        "from ariigcn_dgl import dgl\n"
        "import dgl as again, ariigcn_dgl\n"
        "names = [type(finder).__name__ for finder in sys.meta_path]\n"
        "assert names[0] == 'DGLFinder' and names.count('DGLFinder') == 1, names\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def finder() -> _dgl.DGLFinder:
    return next(one for one in sys.meta_path if isinstance(one, _dgl.DGLFinder))


def test_reloading_is_left_to_the_import_system(finder):
    assert type(finder.find_spec("dgl", None, dgl).loader) is SourceFileLoader


def test_finders_without_find_spec_are_passed_over(finder, monkeypatch):
    others = [one for one in sys.meta_path if one is not finder]
    monkeypatch.setattr(sys, "meta_path", [finder, object(), *others])
    assert finder.find_spec("dgl").origin == dgl.__file__


def test_dgl_that_is_already_imported_is_kept(monkeypatch):
    mine = ModuleType("dgl")
    monkeypatch.setitem(sys.modules, "dgl", mine)
    assert _dgl.import_dgl() is mine


@pytest.mark.parametrize("found", ["nothing", "folder", "None"])
def test_absence_of_dgl_is_one_sentence(monkeypatch, tmp_path, found):
    if found == "folder":
        (tmp_path / "dgl").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "dgl")
    if found == "None":  # a name that was blocked
        monkeypatch.setitem(sys.modules, "dgl", None)
    with pytest.raises(ImportError) as error:
        import_module("ariigcn_dgl").dgl  # noqa: B018
    how = "pip install dgl==2.1.0" if sys.version_info < (3, 13) else "ariigcn dgl --install"
    assert str(error.value) == f"this needs DGL 2.1.0, which is not installed: {how}"


# Without DGL


def test_nothing_is_a_dgl_graph_while_dgl_is_being_imported(graph, monkeypatch):
    assert _dgl.is_dgl_graph(graph)
    for unfinished in (ModuleType("dgl"), None):
        monkeypatch.setitem(sys.modules, "dgl", unfinished)
        assert not _dgl.is_dgl_graph(graph)


@pytest.mark.slow
def test_layers_models_and_training_do_not_import_dgl():
    done = run_python(
        "import ariigcn_dgl.data, ariigcn_dgl.nn.pyg, ariigcn_dgl.models, sys\n"
        "import ariigcn_dgl.training.fit, ariigcn_dgl.cli, ariigcn_dgl.benchmark.runner\n"
        "assert 'dgl' not in sys.modules\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_training_runs_without_dgl(tmp_path):
    done = run_python(
        "import sys; sys.modules['dgl'] = None\n"
        "from ariigcn_dgl.cli import main\n"
        f"main(['train', '--out', {str(tmp_path / 'run')!r}, '--training.epochs', '1'])\n"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        "from ariigcn_dgl import dgl",
        "from ariigcn_dgl.batch import DialogueGraphDataset",
        "to_dgl(graph, ['any'])",
    ],
)
def test_what_needs_dgl_says_so_without_it(use):
    done = run_python(
        "import sys, torch; sys.modules['dgl'] = None\n"
        "from ariigcn_dgl.graph import Graph, to_dgl\n"
        "graph = Graph.from_csr(torch.tensor([0, 1]), torch.tensor([0]))\n"
        f"{use}\n"
    )
    assert done.returncode == 1
    assert "\nImportError: this needs DGL 2.1.0, which is not installed: " in done.stderr


@pytest.mark.slow
def test_layers_take_structures_without_dgl():
    done = run_python(
        "import sys, torch; sys.modules['dgl'] = None\n"
        "from ariigcn_dgl.graph import Graph\n"
        "from ariigcn_dgl.nn import RelEdgeAttentionConv\n"
        "graph = Graph.from_csr(torch.tensor([0, 1]), torch.tensor([0]))\n"
        "conv = RelEdgeAttentionConv(3, 4)\n"
        "assert conv(graph, torch.ones(1, 3)).shape == (1, 4)\n"
        "try: conv([], torch.ones(1, 3))\n"
        "except ValueError as error: assert 'must be a DGLGraph or a Graph' in str(error)\n"
        "else: raise AssertionError('a list is no graph')\n"
    )
    assert done.returncode == 0, done.stderr


# What is missing


@without_graphbolt
def test_calling_graphbolt_says_what_is_missing_and_what_works():
    with pytest.raises(ImportError) as error:
        dgl.graphbolt.ItemSet(torch.arange(3))
    message = str(error.value)
    assert message.startswith("dgl.graphbolt.ItemSet is not available: dgl.graphbolt, dgl.sparse")
    assert f"a DGL compiled for torch {torch.__version__.split('+')[0]} " in message
    assert "dgl.dataloading" in message


@without_graphbolt
def test_attribute_of_a_graphbolt_name_says_what_is_missing():
    with pytest.raises(AttributeError, match=r"^dgl\.graphbolt\.ItemSet\.name is not available"):
        _ = dgl.graphbolt.ItemSet.name
    assert not hasattr(dgl.graphbolt.ItemSet, "name")


@without_graphbolt
def test_private_names_of_graphbolt_are_absent():
    assert not hasattr(dgl.graphbolt, "__file__")


@without_graphbolt
def test_graphbolt_submodule_imports_and_says_what_is_missing():
    from dgl.graphbolt.impl import FusedCSCSamplingGraph

    with pytest.raises(ImportError, match=r"^dgl\.graphbolt\.impl\.FusedCSCSamplingGraph is not"):
        FusedCSCSamplingGraph()


@without_graphbolt
def test_nothing_is_an_instance_of_a_graphbolt_class(graph):
    assert not isinstance(graph, dgl.graphbolt.FusedCSCSamplingGraph)
    assert dgl.graphbolt.FusedCSCSamplingGraph is dgl.graphbolt.FusedCSCSamplingGraph


@without_graphbolt
def test_subclass_of_a_graphbolt_class_can_be_defined_but_not_made():
    class Sampler(dgl.graphbolt.SubgraphSampler):
        pass

    with pytest.raises(ImportError, match="Sampler is not available"):
        Sampler()


@without_graphbolt
def test_sparse_says_what_is_missing():
    with pytest.raises(ImportError, match=r"^dgl\.sparse is not available.*PyPI's dgl 2\.1\.0 is"):
        import dgl.sparse  # noqa: F401


# Which parts are missing


@pytest.fixture
def package(monkeypatch, tmp_path) -> Path:
    """Lay out a DGL on disk with both libraries for torch 9.8.7, which is then the version."""
    for part, stem in (("graphbolt", "libgraphbolt"), ("dgl_sparse", "libdgl_sparse")):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{stem}_pytorch_9.8.7.so").touch()
    monkeypatch.setattr(_dgl, "_torch_version", lambda: "9.8.7")
    monkeypatch.setattr(_dgl, "_library_folder", lambda package: package)
    monkeypatch.setattr(_dgl, "_has_datapipes", lambda: True)
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_libraries_for_this_torch_leave_nothing_missing(package):
    assert _dgl.missing_packages(package) == []


def test_libraries_for_another_torch_leave_both_missing(package, monkeypatch):
    monkeypatch.setattr(_dgl, "_torch_version", lambda: "9.8.8")
    assert _dgl.missing_packages(package) == ["dgl.graphbolt", "dgl.sparse"]


def test_torchdata_without_datapipes_costs_graphbolt_only(package, monkeypatch):
    monkeypatch.setattr(_dgl, "_has_datapipes", lambda: False)
    assert _dgl.missing_packages(package) == ["dgl.graphbolt"]


@pytest.mark.parametrize(
    ("folders", "expected"), [([], False), (["torchdata"], False), (["torchdata/datapipes"], True)]
)
def test_datapipes_are_looked_up_without_importing_torchdata(
    monkeypatch, tmp_path, folders, expected
):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "torchdata" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "torchdata", raising=False)
    assert _dgl._has_datapipes() is expected


def test_library_folder_honours_dgl_library_path(monkeypatch, tmp_path):
    (tmp_path / "libdgl.so").touch()
    monkeypatch.setenv("DGL_LIBRARY_PATH", str(tmp_path))
    assert _dgl._library_folder(Path(dgl.__file__).parent) == tmp_path
