"""Every example runs and prints what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.optional import is_installed

pytestmark = pytest.mark.slow  # every example is run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
QUICK = {
    "dgl_node_classification": ("--people", "40", "--epochs", "2", "--seeds", "2"),
    "pyg_node_classification": (),
    "link_prediction": ("--epochs", "5", "--seeds", "2"),
    "rdf_node_classification": ("--epochs", "2", "--seeds", "2"),
    "csr_operators": (),
    "plug_in": ("--epochs", "1", "--seeds", "2"),
}


def run(name: str, *more: str) -> str:
    if not name.startswith(("dgl", "csr")) and not is_installed("torch_geometric"):
        pytest.skip("needs PyG")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *QUICK[name], *more],
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or "100%" in done.stderr  # progress
    return done.stdout


def test_all_examples_are_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(QUICK)


def test_layers_stand_side_by_side():
    out = run("dgl_node_classification")
    for layer in ("RelEdgeAttentionConv", "dgl.nn.RelGraphConv", "dgl.nn.HGTConv"):
        row = next(line for line in out.splitlines() if layer in line)
        assert re.search(r"[\d,]+ │ +\d+\.\d ± \d+\.\d │ +\d+\.\d │$", row)
    assert "4 types" in out
    assert "12 relations" in out


def test_layers_stand_side_by_side_on_rdf(tmp_path: Path):
    generator = np.random.default_rng(0)
    src, dst = generator.integers(40, size=(2, 90))
    people, path = np.arange(30), tmp_path / "graph.npz"
    np.savez(
        path, src=src, rel=np.arange(90) % 3, dst=dst, num_nodes=40, node=people,
        label=people % 4, is_test=people % 5 == 0,
    )  # fmt: skip
    out = run("rdf_node_classification", "--data", str(path))
    for layer in ("RelEdgeAttentionConv, means", "dgl.nn.RelGraphConv", "PyG RGATConv"):
        assert re.search(rf"{layer} +│ +\d+\.\d\d ± \d+\.\d\d │", out)
    assert "180 edges of 6 relations, 24 people to learn from, 6 to test, 2 seeds" in out


@pytest.mark.exhaustive
def test_layers_stand_side_by_side_on_links(tmp_path: Path):
    for name, count in (("train", 40), ("valid", 8), ("test", 8)):
        rows = [f"e{i % 9}\tr{i % 2}\te{i * 5 % 9}" for i in range(count)]
        (tmp_path / f"{name}.txt").write_text("\n".join(rows), "utf-8")
    out = run("link_prediction", "--data", str(tmp_path))
    for layer in ("none", "RelEdgeAttentionConv, means", "dgl.nn.RelGraphConv", "PyG RGATConv"):
        assert re.search(rf"{layer}.*│ +\d+\.\d ± \d+\.\d │", out)
    assert "9 entities, 2 relations, 40 triples to learn, 8 to test, 2 seeds" in out


def test_the_layer_learns_in_pyg():
    out = run("pyg_node_classification")
    accuracy = float(re.search(r"test accuracy ([\d.]+) %", out)[1])
    assert accuracy > 60  # 33 % by chance
    assert out.count("mean attention to") == 2


def test_operators_run_on_csr_tensors():
    out = run("csr_operators")
    differences = re.findall(r"(?:A @ H|reference): ([\d.e+-]+)", out)
    assert len(differences) == 2
    assert max(map(float, differences)) < 1e-4
    assert "sums to 1: 200" in out
    assert "second derivative is finite: True" in out


def test_a_model_of_somebody_else_is_trained_without_and_with_the_blocks():
    out = run("plug_in")
    scores = re.findall(
        r"^(?:without|with blocks) +(\d+\.\d) ± \d+\.\d weighted F1$", out, re.MULTILINE
    )
    assert len(scores) == 2
    assert re.search(
        r"^difference +[+-]\d+\.\d ± .* by seed: [+-]\d+\.\d, [+-]\d+\.\d$", out, re.MULTILINE
    )
