"""Named settings: each system's published ones, and those chosen on validation data."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.run_config import RunConfig, read_config

FOLDER = Path(__file__).parents[1] / "presets"
PAPER = "paper"
PRESETS = (PAPER, "tuned", "tuned-meld")
DEFAULTS = {"ariigcn": "tuned"}  # for other systems: what was published


def default_preset(system: str) -> str:
    """Return the name of the preset that a system is trained with unless another is named."""
    return DEFAULTS.get(system, PAPER)


def preset_config(system: str, preset: str) -> RunConfig:
    """Return the settings of a preset, not yet resolved for a data set.

    Parameters
    ----------
    system : str
        One of `ariigcn_dgl.models.SYSTEMS`.
    preset : str
        "paper": the published settings; the others were chosen on validation data and belong to
        one system.

    Raises
    ------
    InputError
        If there is no such system, no such preset, or the preset is another system's.

    Examples
    --------
    >>> preset_config("ariigcn", "tuned").model.hidden_dim
    100
    """
    published = RunConfig(system)
    if preset == PAPER:
        return published
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(f"--preset: unknown preset '{preset}', expected one of {known}")
    config = read_config(FOLDER / f"{preset}.yaml")
    if config.system != system:
        raise InputError(
            f"--preset {preset}: was chosen for {config.system}; --system {system} has the preset "
            f"{PAPER} only"
        )
    return config
