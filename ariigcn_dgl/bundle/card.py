"""The card of a bundle, in Markdown: what it is, what it scores, what it must not be used for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ariigcn_dgl.bundle.scores import Interval, SplitScores
from ariigcn_dgl.escape import markdown
from ariigcn_dgl.training.drawn_dialogues import LEVEL
from ariigcn_dgl.training.metrics import TITLES

VARIANTS = {
    "whole": "sees the whole dialogue",
    "causal": "sees what was said until now",
}


def card(about: Mapping[str, Any]) -> str:
    """Return the card of what `ariigcn_dgl.bundle.make.make_bundle` says of a bundle."""
    return "\n".join(_lines(about)) + "\n"


def _lines(about: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {markdown(about['name'])}"
    yield ""
    yield from about["description"].splitlines()
    yield ""
    yield f"- **Classes**: {', '.join(map(markdown, about['label_names']))}"
    yield f"- **Trained on**: {markdown(about['dataset'])}; splits: {markdown(about['splits'])}"
    if about.get("language"):  # older bundles do not say
        yield f"- **Language**: {markdown(about['language'])}"
    for modality, encoder in about["encoders"].items():
        yield f"- **Features of {modality}**: {markdown(encoder)}"
    yield f"- **Licence**: {markdown(about['licence'])}"
    yield f"- **Made with**: ariigcn\\_dgl {about['made_with']}, weights in {about['precision']}"
    for variant, run in about["runs"].items():
        yield ""
        yield f"## {VARIANTS[variant].capitalize()} ({variant})"
        yield ""
        yield f"{markdown(run['system'])}, the mean of {run['seeds']} seeds; {run['equality']}"
        if run["test"] is not None:
            yield from _scores(run["test"])


def _scores(test: SplitScores) -> Iterator[str]:
    yield ""
    yield (
        f"Test split: {test['utterances']} utterances in {test['dialogues']} dialogues; percent, "
        f"with the {100 * LEVEL:.0f} % interval over dialogues. Expected calibration error "
        f"{test['calibration_error']:.1f} points."
    )
    yield ""
    yield "| | score | interval | utterances |"
    yield "| --- | ---: | ---: | ---: |"
    for name, interval in test["headline"].items():
        yield f"| **{TITLES[name]}** | {_cells(interval)} | {test['utterances']} |"
    for row in test["per_class"]:
        yield f"| F1 of {markdown(row['label'])} | {_cells(row)} | {row['utterances']} |"


def _cells(one: Interval) -> str:
    return f"{one['score']:.1f} | {one['low']:.1f} to {one['high']:.1f}"
