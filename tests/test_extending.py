"""Every file and every command of docs/extending.md, as a reader would type them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ariigcn_dgl.cli import main
from tests.plugin_packages import REGISTRIES, Packages

pytestmark = pytest.mark.slow  # trains and exports

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
MODULES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"^\$ PYTHONPATH=\. ariigcn (.+)$", PAGE, re.MULTILINE)
RECIPES = {  # the commands that use each module
    name: [c for c in COMMANDS if f"{name}:" in c or f"--plugins {name}" in c] for name in MODULES
}
SUBTITLES = "1\n00:00:00,000 --> 00:00:01,000\nAnn: hello there\n"


@pytest.fixture
def folder(packages: Packages, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with the modules of the page, and a film with subtitles."""
    for name, text in MODULES.items():
        packages.add(name, text)
    (packages.folder / "film.mp4").write_bytes(b"no pictures are looked at")
    (packages.folder / "film.srt").write_text(SUBTITLES)
    monkeypatch.chdir(packages.folder)
    return packages.folder


def run(command: str) -> int:
    try:
        main(shlex.split(command))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch.export
@pytest.mark.parametrize("name", RECIPES)
def test_recipe_runs(
    name: str, folder: Path, packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    assert RECIPES[name]
    for command in RECIPES[name]:
        assert run(command) == 0, capsys.readouterr().err
        packages.forget()  # as the next command, which is another process, finds it


def test_every_command_belongs_to_a_recipe() -> None:
    assert sorted(COMMANDS) == sorted(c for commands in RECIPES.values() for c in commands)


def test_refusal_is_the_one_that_is_shown(
    folder: Path, packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(RECIPES["my_system"][0]) == 0
    packages.forget()
    capsys.readouterr()
    assert run("evaluate mine") == 2
    assert capsys.readouterr().err in PAGE


def test_loss_of_the_page_is_a_term_of_the_training(folder: Path) -> None:
    assert run(RECIPES["my_loss"][0]) == 0
    assert "my_loss:Centres" in (folder / "centred" / "seed0" / "metrics.csv").read_text()


def test_entry_points_of_the_page_are_found(folder: Path, packages: Packages) -> None:
    (toml,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    text = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", toml).replace('"', "")
    packages.install("mine", "1", "my_system", text)
    beyond = [[n for n in registry.names if n not in registry] for registry in REGISTRIES]
    assert beyond == [["my-system"], ["gated"], ["centres"], ["hashed-words"]]
    kinds = [registry[name].__name__ for registry, (name,) in zip(REGISTRIES, beyond, strict=True)]
    assert kinds == ["MySystem", "Gated", "Centres", "HashedWords"]
