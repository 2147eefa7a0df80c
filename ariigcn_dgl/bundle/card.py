"""The card of a bundle, in Markdown: what it is, what it scores, what it must not be used for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ariigcn_dgl.bundle.scores import Interval, SplitScores, TargetScores
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.escape import markdown
from ariigcn_dgl.training.drawn_dialogues import LEVEL
from ariigcn_dgl.training.metrics import TITLES
from ariigcn_dgl.training.scoring import Scoring, specs_of
from ariigcn_dgl.training.target_kinds import TARGET_KINDS

VARIANTS = {
    "whole": "sees the whole dialogue",
    "causal": "sees what was said until now",
}


def card(about: Mapping[str, Any]) -> str:
    """Return the card of what `ariigcn_dgl.bundle.make.make_bundle` says of a bundle."""
    return "\n".join(_lines(about)) + "\n"


def _lines(about: Mapping[str, Any]) -> Iterator[str]:
    scoring = Scoring(specs_of(about))
    yield f"# {markdown(about['name'])}"
    yield ""
    yield from about["description"].splitlines()
    yield ""
    if scoring.classes is not None:
        yield f"- **Classes**: {', '.join(map(markdown, scoring.classes.names))}"
    for spec, _ in scoring.others():
        words = TARGET_KINDS[spec.kind].in_words(spec)
        yield f"- **Target {markdown(spec.name)}**: {markdown(words)}"
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
        several = run["seeds"] > 1
        of = f"the mean of {run['seeds']} seeds" if several else "one seed"
        yield f"{markdown(run['system'])}, {of}; {run['equality']}"
        if variant == "causal" and several:
            yield ""
            yield "`predict --stream` answers by one of these seeds, the best on validation."
        if run["test"] is None:
            continue
        if scoring.classes is not None:
            yield from _scores(run["test"])
        for spec, _ in scoring.others():
            yield from _target_scores(spec, run["test"]["targets"][spec.name])


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


def _target_scores(spec: TargetSpec, test: TargetScores) -> Iterator[str]:
    yield ""
    yield (
        f"{markdown(spec.name)} on the test split: {test['utterances']} utterances in "
        f"{test['dialogues']} dialogues; accuracies and F1 in percent, with the "
        f"{100 * LEVEL:.0f} % interval over dialogues."
    )
    yield ""
    yield "| | score | interval |"
    yield "| --- | ---: | ---: |"
    for metric in TARGET_KINDS[spec.kind].metrics(spec):
        cells = _cells(test["scores"][metric.name], 1 if metric.is_percentage else 3)
        yield f"| {markdown(metric.title)} | {cells} |"


def _cells(one: Interval, decimals: int = 1) -> str:
    low, high = (f"{one[bound]:.{decimals}f}" for bound in ("low", "high"))
    return f"{one['score']:.{decimals}f} | {low} to {high}"
