"""Runs as earlier versions wrote them."""

from __future__ import annotations

import json
from pathlib import Path

from ariigcn_dgl.seal import unseal
from ariigcn_dgl.training.run_folder import RunFolder


def without_calibration(seed: Path) -> None:
    """Turn the folder of a seed into one of a version that chose no temperature."""
    record = json.loads((seed / "run.json").read_text())
    del record["calibration"]
    (seed / "run.json").write_text(json.dumps(record))
    (seed / "uncalibrated.safetensors").unlink()
    unseal(seed)
    RunFolder(seed).seal()
