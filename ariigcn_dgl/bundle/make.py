"""Make a bundle of trained runs: pack them, score the file, write the card."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.bundle.file import SUFFIX, Content, write_file
from ariigcn_dgl.bundle.opened import opened
from ariigcn_dgl.bundle.pack import Precision, Variant, has_rounded_encoder, pack
from ariigcn_dgl.bundle.scores import measured
from ariigcn_dgl.bundle.tuned_encoder import encoded_anew
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.language import ENGLISH, looks_english
from ariigcn_dgl.extract.manifest import read_manifest, was_tuned_here
from ariigcn_dgl.files import refuse_existing
from ariigcn_dgl.training.run_spec import read_run_spec
from ariigcn_dgl.training.scoring import Scoring
from ariigcn_dgl.training.seeds import seed_folders
from ariigcn_dgl.training.session import Session
from ariigcn_dgl.training.trained import TrainedRun, data_of, mean_probabilities


@dataclass(frozen=True)
class Words:
    """What only its maker knows of a bundle.

    Parameters
    ----------
    description : str
        Markdown: what it is for, on which data, with which biases, what it must not be used for.
    licence : str
        Of weights and of the data, as their owners state them.
    language : str
        Of the words that the runs learnt from; "": English where those of the data set look so.
    """

    description: str
    licence: str
    language: str = ""


def make_bundle(
    runs: Mapping[Variant, Path],
    out: Path,
    words: Words,
    data: str | None = None,
    precision: Precision = "float32",
) -> dict[str, Any]:
    """Write a bundle; return what it says of itself.

    Its scores are those of the file: it is written, opened again, and scores the test split of the
    runs' data set. In float32 its probabilities are those of the runs, bit for bit. A fine-tuned
    text encoder in half precision makes the text features of test anew.

    Parameters
    ----------
    runs : mapping of {"whole", "causal"} to Path
        Run folders.
    out : Path
        New file, ending in ``.ariigcn``.
    words : Words
    data : str, optional
        Where the data set of the trainings lies now; default: where it was.
    precision : {"float32", "float16"}
        Of the weights.

    Raises
    ------
    InputError
        If the file cannot be written, a run is not finished, the runs do not belong together, the
        one that is to be causal looks ahead, or the data set is another one.
    """
    if out.suffix != SUFFIX:
        raise InputError(f"{out}: expected a name that ends in {SUFFIX}")
    refuse_existing(out)
    seeds = {v: [TrainedRun(f) for f in seed_folders(path)] for v, path in runs.items()}
    _refuse_strangers(runs, seeds)
    for run in seeds.get("causal", ()):
        Session(run)  # refuses one that looks ahead
    content = pack(seeds, precision)
    first = next(iter(seeds.values()))[0]
    test = first.adapt(data_of(first, data).part("test"))
    language = words.language or (ENGLISH if looks_english(test.words) else "")
    _say_language(content, language)
    found = _scored(seeds, content, test)
    about = {
        "name": out.stem,
        "description": words.description.strip(),
        "licence": words.licence,
        "language": language,
        "label_names": list(first.label_names),
        "dataset": first.record["dataset"],
        "splits": read_run_spec(first.folder.path.parent).get("splits", ""),
        "encoders": _encoders(first),
        "precision": precision,
        "made_with": version("ariigcn_dgl"),
        "runs": found,
    }
    write_file(out, replace(content, about=about | content.about))
    return about


def _say_language(content: Content, language: str) -> None:
    """Put the language where the run folders that a bundle becomes have it."""
    for said in content.about["variants"].values():
        if "extraction" in said and language:
            said["extraction"]["language"] = language


def _refuse_strangers(
    runs: Mapping[Variant, Path], seeds: Mapping[Variant, Sequence[TrainedRun]]
) -> None:
    """Raise where two runs answer otherwise than to the same targets from the same features."""
    (one, ours), *others = ((runs[v], found[0]) for v, found in seeds.items())
    for other, theirs in others:
        if ours.scoring.specs != theirs.scoring.specs and not ours.scoring.plain:
            raise InputError(
                f"{other}: has other targets than {one}: the variants of a bundle learn the same"
            )
        for what in ("label_names", "widths", "dataset_sha256"):
            if ours.record[what] != theirs.record[what]:
                raise InputError(
                    f"{other}: its {what} differs from that of {one}: the variants of a bundle "
                    "are trained on the same data set"
                )


def _scored(
    seeds: Mapping[Variant, Sequence[TrainedRun]], content: Content, test: Dialogues
) -> dict[str, Any]:
    """Return what a bundle says of each variant, scored from a file."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ariigcn-") as home:
        file = Path(home, f"bundle{SUFFIX}")
        write_file(file, content)
        read = test
        if has_rounded_encoder(content):
            with opened(str(file)) as folder:
                read = encoded_anew(test, folder)
        for variant, runs in seeds.items():
            with opened(str(file), causal=variant == "causal") as folder:
                theirs = mean_probabilities([TrainedRun(f) for f in seed_folders(folder)], read)
            scoring = runs[0].scoring
            found[variant] = {
                "system": runs[0].config.system,
                "seeds": len(runs),
                "equality": _equality(scoring, mean_probabilities(runs, test), theirs),
                "test": measured(scoring, test, theirs),
            }
    return found


def _equality(scoring: Scoring, ours: np.ndarray, theirs: np.ndarray) -> str:
    """Return in words how far a bundle's answers are from those of its runs."""
    if np.array_equal(ours, theirs):
        return "its answers are those of the run, bit for bit."
    apart = [
        f"{title} differ from the run's by at most {np.abs(ours[:, at] - theirs[:, at]).max():.1e}"
        for title, at in scoring.parts()
    ]
    if scoring.classes is not None:
        own, other = scoring.of_classes(ours).argmax(1), scoring.of_classes(theirs).argmax(1)
        apart.append(f"and {(own != other).sum()} of {len(ours)} answers on test are others")
    return f"{', '.join(apart)}."


def _encoders(run: TrainedRun) -> dict[str, str]:
    """Return in words what made the features."""
    manifest = read_manifest(run.folder.path.parent)
    if manifest is None:
        return {m: "made elsewhere: only --data can be labelled" for m in run.widths}
    return {m: _named(manifest["encoders"][m]) for m in run.widths}


def _named(encoder: Mapping[str, Any]) -> str:
    if was_tuned_here(encoder):
        learnt = encoder["learnt"]
        return f"{_named(learnt['base'])}, fine-tuned on {learnt['train_utterances']} utterances"
    name = str(encoder.get("name") or encoder["encoder"])
    found = encoder.get("version") or encoder.get("revision")
    return f"{name} ({found})" if found else name
