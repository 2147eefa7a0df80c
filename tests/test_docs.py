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
