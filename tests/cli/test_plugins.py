"""Systems of other packages, from training to the report; files alone import nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.cli.guarded import BUG
from ariigcn_dgl.training.run_config import read_config
from tests.plugin_packages import MY_SYSTEM, Packages

NAME = "my_module:MySystem"
TRAP = "raise SystemExit('this ran')"
SHORT = ("--training.epochs=2", "--training.batch_size=4")
STUDY = f"""
title: Mine
baseline: theirs
settings:
- {{name: mine, system: '{NAME}', set: {{training.epochs: 1}}}}
- {{name: theirs, system: mlp, set: {{training.epochs: 1}}}}
"""


@pytest.fixture
def mine(packages: Packages) -> Packages:
    """Return the package my-package 1.2, which has the module of the system."""
    packages.add("my_module", MY_SYSTEM)
    packages.install("my-package", "1.2", "my_module")
    return packages


@pytest.fixture
def run(mine: Packages, ariigcn: Callable, data: Path, tmp_path: Path) -> Path:
    """Return the run folder of the system, as another process finds it."""
    folder = tmp_path / "run"
    ended = ariigcn("train", "--system", NAME, "--data", data, "--out", folder, *SHORT)
    assert ended.code == 0, ended.err
    mine.forget()
    return folder


def test_run_says_where_its_system_came_from(run: Path) -> None:
    assert json.loads((run / "train.json").read_text())["plugins"] == [
        {
            "what": "system",
            "named": NAME,
            "module": "my_module",
            "qualname": "MySystem",
            "distribution": "my-package",
            "version": "1.2",
        }
    ]


def test_run_of_our_own_says_nothing(trained: Path) -> None:
    assert "plugins" not in json.loads((trained / "train.json").read_text())


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "{run}"),
        ("predict", "{run}", "--data", "{data}", "--out", "{out}"),
        ("report", "{run}", "--out", "{out}"),
        ("embed", "{run}", "--out", "{out}"),
        ("train", "--resume", "{run}"),
    ],
    ids=lambda words: words[0],
)
def test_run_folder_imports_nothing_unasked(
    words: tuple[str, ...],
    run: Path,
    mine: Packages,
    data: Path,
    tmp_path: Path,
    refused: Callable,
) -> None:
    mine.add("my_module", TRAP)
    out = tmp_path / "out"
    said = refused(*(word.format(run=run, data=data, out=out) for word in words))
    assert said == (
        f"{run}: was trained with {NAME} of my-package 1.2, and no file has code imported by "
        "naming it: if you trust that module, add --plugins my_module"
    )
    assert "my_module" not in sys.modules
    assert not out.exists()


def test_run_is_scored_again_where_its_module_is_agreed_to(run: Path, ariigcn: Callable) -> None:
    ended = ariigcn("evaluate", run, "--plugins", "my_module")
    assert ended.code == 0, ended.err
    assert NAME in ended.out


def test_run_is_reported_where_its_module_is_agreed_to(
    run: Path, data: Path, tmp_path: Path, ariigcn: Callable
) -> None:
    out = tmp_path / "page.html"
    ended = ariigcn("report", run, "--data", data, "--out", out, "--plugins", NAME)
    assert ended.code == 0, ended.err
    assert NAME in out.read_text(encoding="utf-8")


def test_package_that_is_gone_is_named(run: Path, mine: Packages, refused: Callable) -> None:
    (mine.folder / "my_module.py").unlink()
    assert refused("evaluate", run, "--plugins", "my_module") == (
        f"{run}: was trained with {NAME} of my-package 1.2, but my_module cannot be imported (No "
        "module named 'my_module'): pip install my-package, or put the folder of my_module on "
        "PYTHONPATH"
    )


def test_other_version_of_the_package_is_noted(
    run: Path, mine: Packages, ariigcn: Callable
) -> None:
    metadata = mine.folder / "my_package-1.2.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.2", "1.3"))
    said = ariigcn("evaluate", run, "--plugins", "my_module").err
    assert f"{run / 'seed0'}: was trained with my-package 1.2, now 1.3" in " ".join(said.split())


def test_error_in_a_module_of_others_is_called_theirs(
    mine: Packages, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine.add("my_module", MY_SYSTEM.replace("concatenate(batch))", "1 / 0)"))
    with pytest.raises(SystemExit) as end:
        main(["train", "--system", NAME, "--data", str(data), "--out", str(tmp_path / "run")])
    said = capsys.readouterr().err.splitlines()[-1]
    assert end.value.code == BUG
    assert said.startswith(f"ariigcn: an error in {mine.folder}/my_module.py, line ")
    assert "(ZeroDivisionError: division by zero); its traceback is in " in said


def test_system_of_an_entry_point_needs_no_word(
    mine: Packages, ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    mine.install("offers", "3", "my_module", f"[ariigcn_dgl.systems]\nmine = {NAME}\n")
    run = tmp_path / "run"
    ended = ariigcn("train", "--system", "mine", "--data", data, "--out", run, *SHORT)
    assert ended.code == 0, ended.err
    mine.forget()
    assert ariigcn("evaluate", run).code == 0


def test_options_are_those_of_the_system(mine: Packages, ariigcn: Callable) -> None:
    assert "--model.hidden_dim" in ariigcn("train", "--system", NAME, "--help").out


def test_file_of_options_imports_nothing_unasked(
    mine: Packages, refused: Callable, tmp_path: Path
) -> None:
    mine.add("my_module", TRAP)
    (tmp_path / "mine.yaml").write_text(f"system: '{NAME}'\n")
    said = refused("train", "--config", tmp_path / "mine.yaml")
    assert said.startswith(f"--system: the system {NAME} is of a module that naming")


@pytest.mark.slow
def test_study_has_workers_that_agree(
    mine: Packages, ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    study, out = tmp_path / "mine.yaml", tmp_path / "study"
    study.write_text(STUDY)
    words = ("experiment", study, "--data", data, "--seeds", "1", "--out", out)
    ended = ariigcn(*words, "--plugins", "my_module")
    assert ended.code == 0, ended.err
    assert "mine" in ended.out


def test_study_imports_nothing_unasked(mine: Packages, refused: Callable, tmp_path: Path) -> None:
    mine.add("my_module", TRAP)
    (tmp_path / "mine.yaml").write_text(STUDY)
    said = refused("experiment", tmp_path / "mine.yaml", "--out", tmp_path / "study")
    assert said.startswith(
        f"{tmp_path}/mine.yaml: settings[0] (mine): system: the system {NAME} is"
    )


SUBCLASS = """
from dataclasses import dataclass
from ariigcn_dgl.models import ARIIGCN, ARIIGCNConfig

@dataclass(frozen=True)
class MyConfig(ARIIGCNConfig):
    '''Settings.

    Parameters
    ----------
    mine : float
        One more.
    '''

    mine: float = 0.5

class MySystem(ARIIGCN):
    '''One more setting.'''

    Config = MyConfig
"""


def test_subclass_of_ariigcn_has_its_presets(
    packages: Packages, ariigcn: Callable, data: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    packages.add("my_module", SUBCLASS)
    run = tmp_path / "run"
    ended = ariigcn("train", "--system", NAME, "--data", data, "--out", run, *small)
    assert ended.code == 0, ended.err
    assert json.loads((run / "train.json").read_text())["preset"] == "tuned"
    config = read_config(run / "config.yaml")
    assert (config.training.selection, config.model.mine) == ("last", 0.5)


PARTS = """
import torch
from torch import nn
from ariigcn_dgl.nn import Fusion, Loss

class MyFusion(Fusion):
    def __init__(self, in_feats, num_modalities):
        super().__init__(in_feats, num_modalities)
        self.out_feats = in_feats

    def forward(self, feat):
        return feat.amax(0)

class MyLoss(Loss):
    def __init__(self, in_feats, num_classes):
        super().__init__(in_feats, num_classes)
        self.centres = nn.Parameter(torch.zeros(num_classes, in_feats))

    def forward(self, seen):
        return (seen.fused - self.centres[seen.labels.clamp(min=0)]).square().mean()
"""


@pytest.fixture
def of_parts(
    packages: Packages, ariigcn: Callable, data: Path, tmp_path: Path, small: tuple[str, ...]
) -> Path:
    """Return a run with a fusion and a loss of a module, as another process finds it."""
    packages.add("my_parts", PARTS)
    run = tmp_path / "run"
    parts = ("--model.fusion", "my_parts:MyFusion", "--model.losses", '{"my_parts:MyLoss": 0.1}')
    ended = ariigcn("train", "--data", data, "--out", run, *small, *parts)
    assert ended.code == 0, ended.err
    packages.forget()
    return run


def test_run_says_where_its_fusion_and_loss_came_from(of_parts: Path) -> None:
    plugins = json.loads((of_parts / "train.json").read_text())["plugins"]
    assert [(one["what"], one["named"]) for one in plugins] == [
        ("fusion", "my_parts:MyFusion"),
        ("loss", "my_parts:MyLoss"),
    ]


def test_loss_is_a_term_of_every_epoch(of_parts: Path) -> None:
    first = (of_parts / "seed0" / "metrics.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["my_parts:MyLoss"] > 0


def test_run_of_own_parts_is_scored_again_where_agreed_to(
    of_parts: Path, ariigcn: Callable, refused: Callable
) -> None:
    assert "add --plugins my_parts" in refused("evaluate", of_parts)
    assert ariigcn("evaluate", of_parts, "--plugins", "my_parts").code == 0


@pytest.mark.parametrize(
    ("option", "first", "last"),
    [
        (("--model.fusion", "tfm"), "--model.fusion: unknown fusion 'tfm'", "mean 'tfn'?"),
        (("--model.losses", '{"focal": 1}'), "--model.losses: unknown loss 'focal'", ":Class"),
        (("--system", "mpl"), "--system: unknown system 'mpl'", "mean 'mlp'?"),
    ],
)
def test_unknown_name_is_answered_with_the_nearest(
    option: tuple[str, str], first: str, last: str, refused: Callable
) -> None:
    said = refused("train", *option)
    assert said.startswith(first)
    assert said.endswith(last)


def test_plugin_that_is_no_name_is_refused(refused: Callable, tmp_path: Path) -> None:
    said = refused("evaluate", tmp_path, "--plugins", "my/module.py")
    assert said == "'my/module.py': expected a module of Python, or module:Class"
