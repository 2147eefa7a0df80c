"""Packages of other people, as files: modules on the path, and distributions with entry points."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ariigcn_dgl.extract.own_encoder import ENCODERS
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.nn import FUSIONS, LOSSES
from ariigcn_dgl.plugins.consent import _agreed
from ariigcn_dgl.plugins.origins import _distributions
from ariigcn_dgl.plugins.registry import _loaded, entries_of, is_own

REGISTRIES = (SYSTEMS, FUSIONS, LOSSES, ENCODERS)

MY_SYSTEM = '''"""A system of somebody else."""

from dataclasses import dataclass

from torch import nn

from ariigcn_dgl.models import System
from ariigcn_dgl.models.system import concatenate


@dataclass(frozen=True)
class MyConfig:
    """Settings.

    Parameters
    ----------
    hidden_dim : int
        Width.
    """

    hidden_dim: int = 8


class MySystem(System):
    """Two linear layers."""

    Config = MyConfig

    def __init__(self, widths, num_classes, config):
        super().__init__(widths, num_classes, config)
        self.layers = nn.Sequential(
            nn.Linear(sum(widths.values()), config.hidden_dim),
            nn.ReLU(),
            nn.Linear(config.hidden_dim, num_classes),
        )

    def forward(self, batch):
        return self.layers(concatenate(batch))
'''


class Packages:
    """A folder on the path, whose modules and distributions are forgotten after the test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.modules: list[str] = []
        folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))

    def add(self, module: str, text: str) -> None:
        """Put a module on the path."""
        (self.folder / f"{module}.py").write_text(text, encoding="utf-8")
        self.modules.append(module)
        entries_of.cache_clear()
        _distributions.cache_clear()

    def install(self, name: str, version: str, module: str, entry_points: str = "") -> None:
        """Make a module part of a distribution, perhaps with entry points."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "top_level.txt").write_text(module)
        (info / "RECORD").write_text(f"{module}.py,,\n")
        (info / "entry_points.txt").write_text(entry_points)
        entries_of.cache_clear()
        _distributions.cache_clear()

    def forget(self) -> None:
        """Let the next import and the next look at names begin anew, as in another process."""
        for module in self.modules:
            sys.modules.pop(module, None)
        for registry in REGISTRIES:
            for name in [name for name, kind in registry.items() if not is_own(kind)]:
                del registry[name]
        entries_of.cache_clear()
        _distributions.cache_clear()
        _agreed.clear()
        _loaded.clear()
