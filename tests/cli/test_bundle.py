"""``ariigcn bundle``: one file of a run, which predicts as the run does, or is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL


@pytest.mark.parametrize("coverage", [None, 0.5])
def test_bundle_predicts_what_its_run_predicts(
    coverage: float | None,
    ariigcn: Callable,
    bundled: Path,
    trained: Path,
    data: Path,
    tmp_path: Path,
) -> None:
    more = () if coverage is None else ("--coverage", coverage)  # what is left open is the same
    for run, name in ((trained, "run.jsonl"), (bundled, "bundle.jsonl")):
        ended = ariigcn("predict", run, "--data", data, "--out", tmp_path / name, *more)
        assert ended.code == 0, ended.err
    assert (tmp_path / "run.jsonl").read_bytes() == (tmp_path / "bundle.jsonl").read_bytes()


def test_evaluate_scores_a_bundle_as_its_run(
    ariigcn: Callable, bundled: Path, trained: Path, data: Path, tmp_path: Path
) -> None:
    for run, name in ((trained, "run.json"), (bundled, "bundle.json")):
        ended = ariigcn("evaluate", run, "--data", data, "--json", tmp_path / name)
        assert ended.code == 0, ended.err
    assert (tmp_path / "run.json").read_bytes() == (tmp_path / "bundle.json").read_bytes()


def test_card_tells_scores_classes_and_licence(ariigcn: Callable, bundled: Path) -> None:
    ended = ariigcn("bundle", bundled)
    assert ended.code == 0
    assert ended.out.startswith("# talk\n")
    assert "its answers are those of the run, bit for bit." in ended.out
    assert "| **weighted F1** |" in ended.out
    assert "- **Licence**: CC0 \\*1\\*\n" in ended.out  # text, not markup


def test_language_is_what_the_maker_says(
    ariigcn: Callable, bundled: Path, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "it.ariigcn"
    assert ariigcn("bundle", trained, "--out", out, "--language", "Italiano").code == 0
    assert "- **Language**: Italiano\n" in ariigcn("bundle", out).out
    assert "Language" not in ariigcn("bundle", bundled).out  # nothing is known of its words


def test_half_precision_is_half_as_large_and_says_what_it_changes(
    ariigcn: Callable, bundled: Path, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "half.ariigcn"
    ended = ariigcn("bundle", trained, "--out", out, "--precision", "float16")
    assert ended.code == 0, ended.err
    assert "answers on test are others" in ariigcn("bundle", out).out
    # What is said and the bounds on confidence stay; the weights are halved.
    assert out.stat().st_size < 0.8 * bundled.stat().st_size


def test_file_says_nothing_of_folders_of_the_machine(bundled: Path, data: Path) -> None:
    assert str(data.parent).encode() not in bundled.read_bytes()


@pytest.mark.slow
def test_variants_of_one_data_set_lie_in_one_file(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    causal = tmp_path / "causal"
    options = ("--data", data, "--out", causal, "--model.causal", "true", *SMALL)
    assert ariigcn("train", *options).code == 0
    out = tmp_path / "both.ariigcn"
    assert ariigcn("bundle", trained, "--causal", causal, "--out", out).code == 0
    said = ariigcn("bundle", out).out
    assert "## Sees the whole dialogue (whole)" in said
    assert "## Sees what was said until now (causal)" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("{trained}", "--out", "{tmp}/a.zip"), "a.zip: expected a name that ends in .ariigcn"),
        (("{trained}", "--out", "{tmp}/there.ariigcn"), "there.ariigcn: exists already"),
        (("{trained}", "--out", "{tmp}/a.ariigcn", "--data", "{tmp}/no"), "name it with --data"),
        (("{trained}", "--about", "x.md"), "--about: needs --out, the bundle to write"),
        (("{trained}", "--precision", "float32"), "--precision: needs --out, the bundle to write"),
        (("{trained}", "--licence", "MIT"), "--licence: needs --out, the bundle to write"),
        (("{trained}", "--language", "Dutch"), "--language: needs --out, the bundle to write"),
        (("{trained}", "--causal", "{trained}", "--out", "{tmp}/a.ariigcn"), "looks ahead"),
        (("{tmp}/no.ariigcn",), "no.ariigcn: no such run folder or bundle; expected"),
        (("{tmp}/there.ariigcn",), "there.ariigcn: not a bundle, or damaged or truncated"),
    ],
    ids=[
        *("suffix", "exists", "data", "about", "precision", "licence", "language", "looks ahead"),
        *("missing", "no bundle"),
    ],
)
def test_what_cannot_be_is_refused(
    options: tuple[str, ...], words: str, trained: Path, tmp_path: Path, refused: Callable
) -> None:
    (tmp_path / "there.ariigcn").write_bytes(b"mine")
    filled = (one.format(trained=trained, tmp=tmp_path) for one in options)
    assert words in refused("bundle", *filled)
    assert [path.name for path in tmp_path.iterdir()] == ["there.ariigcn"]


def test_files_of_two_data_sets_are_not_put_together(
    refused: Callable, copy: Path, trained: Path, tmp_path: Path
) -> None:
    for path in (copy / "seed0" / "run.json", copy / "seed1" / "run.json"):
        record = json.loads(path.read_text()) | {"dataset_sha256": "0" * 64}
        path.write_text(json.dumps(record))
    for folder in (copy / "seed0", copy / "seed1"):
        from ariigcn_dgl.seal import seal

        seal(folder, ["run.json"])
    sentence = refused("bundle", trained, "--causal", copy, "--out", tmp_path / "a.ariigcn")
    assert "its dataset_sha256 differs" in sentence


def test_changed_bundle_is_refused_by_every_command(
    refused: Callable, bundled: Path, data: Path, tmp_path: Path
) -> None:
    changed = Path(shutil.copy(bundled, tmp_path / "changed.ariigcn"))
    content = bytearray(changed.read_bytes())
    content[-5] ^= 1  # a weight
    changed.write_bytes(content)
    for options in (
        ("bundle", changed),
        ("evaluate", changed, "--data", data),
        ("predict", changed, "--data", data, "--out", tmp_path / "p.jsonl"),
    ):
        assert "changed since it was made; get it again" in refused(*options)
    assert not (tmp_path / "p.jsonl").exists()
