"""Every snippet of the documentation runs by itself and prints what stands there."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SNIPPETS = {
    f"{page.stem}-{number}": snippet
    for page in PAGES
    for number, snippet in enumerate(FENCE.findall(page.read_text()), start=1)
    if ">>>" in snippet
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet_runs(name: str):
    test = doctest.DocTestParser().get_doctest(SNIPPETS[name], {}, name, None, 0)
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


def test_what_the_readme_shows_in_python_runs():
    (snippet,) = FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    exec(snippet, names)
    assert tuple(names["states"].shape) == (3, 4, 32)
