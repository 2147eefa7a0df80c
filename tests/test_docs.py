"""Every snippet of the documentation runs and prints what stands there.

By itself, but for the page on Python, which is one session from top to bottom.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from ariigcn_dgl.data import SynthConfig, synthesise, write_folder

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SNIPPETS = {
    f"{page.stem}-{number}": snippet
    for page in PAGES
    for number, snippet in enumerate(FENCE.findall(page.read_text()), start=1)
    if ">>>" in snippet and page.stem != "python"
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet_runs(name: str):
    _run(SNIPPETS[name], name)


@pytest.mark.slow
def test_the_python_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snippets = FENCE.findall((ROOT / "docs" / "python.md").read_text())
    _run("".join(snippet for snippet in snippets if ">>>" in snippet), "python")


def _run(text: str, name: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    flags = doctest.ELLIPSIS
    report: list[str] = []
    results = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert results.failed == 0, "".join(report)
    assert results.attempted > 0


def test_the_layers_page_has_its_snippets():
    assert sum(name.startswith("layers-") for name in SNIPPETS) >= 13


WRITTEN = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *PAGES]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def _shown_in_the_readme() -> list[str]:
    return FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_first_lines_in_python_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snippet = _shown_in_the_readme()[0]
    assert snippet in FENCE.findall((ROOT / "docs" / "python.md").read_text(encoding="utf-8"))
    for name in ("iemocap", "my_dialogues"):
        made = synthesise(SynthConfig(name=name, train=4, val=2, test=2))
        write_folder(made, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(snippet, names)
    assert set(names["labels"]) <= set(made.label_names)
    assert capsys.readouterr().out.startswith("weighted F1 ")


def test_the_layer_that_the_readme_shows_runs() -> None:
    _, snippet = _shown_in_the_readme()
    names: dict[str, object] = {}
    exec(snippet, names)
    assert tuple(names["states"].shape) == (3, 4, 32)
