"""Programs in torch.export and ONNX against the runs they were made of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.export.export import METADATA, export_run
from ariigcn_dgl.models import MLP, SYSTEMS
from ariigcn_dgl.training.trained import TrainedRun

pytestmark = pytest.mark.slow  # tracing takes seconds

Inputs = dict[str, np.ndarray]
SMALLEST = "mlp", "textcnn", "dialogue-gcn"  # of no context, and with a graph


def inputs(dialogues: Dialogues) -> Inputs:
    """Return what a user would give a program: raw features as they stand in the data set."""
    masks = np.stack(list(dialogues.masks.values()), axis=1)
    others = {"present": masks, "speakers": dialogues.speakers, "lengths": dialogues.lengths}
    return {**dialogues.features, **others}


def by_onnx(path: Path, given: Inputs) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    known = [one.name for one in session.get_inputs()]
    return session.run(["probabilities"], {name: given[name] for name in known})[0]


def by_torch(path: Path, given: Inputs) -> np.ndarray:
    features = {m: torch.from_numpy(given[m]) for m in ("text", "audio", "visual")}
    others = (torch.from_numpy(given[name]) for name in ("present", "speakers", "lengths"))
    with torch.no_grad():
        return torch.export.load(path).module()(features, *others).numpy()


def difference(run: TrainedRun, path: Path, dialogues: Dialogues) -> float:
    answer = by_onnx if path.suffix == ".onnx" else by_torch
    wanted = run.probabilities(run.adapt(dialogues))
    return float(np.abs(answer(path, inputs(dialogues)) - wanted).max())


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch.export.load
@pytest.mark.parametrize(
    ("preset", "suffix"),
    [
        ("tuned", ".onnx"),
        pytest.param("tuned", ".pt2", marks=pytest.mark.exhaustive),
        pytest.param("tuned-meld", ".onnx", marks=pytest.mark.exhaustive),
        pytest.param("graph", ".onnx", marks=pytest.mark.exhaustive),
    ],
)
def test_presets_answer_as_the_run_for_dialogues_of_any_lengths(
    preset: str, suffix: str, train: Callable, dialogues: Dialogues, tmp_path: Path
) -> None:
    run, out = train(preset=preset, **{"model.hidden_dim": 8}), tmp_path / f"run{suffix}"
    assert export_run(run, out) < 1e-4
    for split in ("val", "test"):
        part = dialogues.split(split)
        assert difference(run, out, part) < 1e-4


@pytest.mark.parametrize(
    "system",
    [
        pytest.param(name, marks=[] if name in SMALLEST else pytest.mark.exhaustive)
        for name, kind in SYSTEMS.items()
        if kind.exportable
    ],
)
def test_exportable_systems_answer_as_the_run_in_onnx(
    system: str, train: Callable, dialogues: Dialogues, tmp_path: Path
) -> None:
    run, out = train(system), tmp_path / "run.onnx"
    export_run(run, out)
    assert difference(run, out, dialogues.split("test")) < 1e-4


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("suffix", [".onnx", pytest.param(".pt2", marks=pytest.mark.exhaustive)])
def test_other_targets_have_an_output_each_on_their_own_scale(
    suffix: str, train: Callable, targeted: Dialogues, tmp_path: Path
) -> None:
    run, out = train("mlp", on=targeted), tmp_path / f"run{suffix}"
    assert export_run(run, out) < 1e-4
    test = targeted.split("test")
    names = ["probabilities", "predicted_mood", "predicted_cues"]
    if suffix == ".onnx":
        session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
        given = {one.name: inputs(test)[one.name] for one in session.get_inputs()}
        found = dict(zip(names, session.run(names, given), strict=True))
        about = json.loads(session.get_modelmeta().custom_metadata_map["ariigcn"])
    else:
        files = {METADATA: ""}
        program = torch.export.load(out, extra_files=files).module()
        features = {m: torch.from_numpy(x) for m, x in test.features.items()}
        others = (torch.from_numpy(inputs(test)[n]) for n in ("present", "speakers", "lengths"))
        found = dict(zip(names, (x.numpy() for x in program(features, *others)), strict=True))
        about = json.loads(files[METADATA])
    np.testing.assert_allclose(found["probabilities"], run.predict_proba(test), atol=1e-4)
    for name, wanted in run.predict_targets(test).items():
        np.testing.assert_allclose(found[f"predicted_{name}"], wanted, rtol=1e-4, atol=1e-4)
    assert [one["name"] for one in about["outputs"]] == names
    assert about["outputs"][1]["target"] == {
        "name": "mood",
        "kind": "regression",
        "names": ["valence", "arousal"],
        "range": [0.0, 100.0],
        "unit": "%",
    }


def test_modality_with_the_name_of_another_input_is_refused(
    train: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train("mlp")
    monkeypatch.setattr(run, "widths", {"text": 6, "lengths": 4})
    with pytest.raises(InputError, match="has an input or output 'lengths' of its own"):
        export_run(run, tmp_path / "a.pt2")


def test_other_system_is_refused_with_the_reason(train: Callable, tmp_path: Path) -> None:
    run, out = train("m3net"), tmp_path / "run.onnx"
    able = "ariigcn, bc-lstm, bc-lstm-att, bigru, dialogue-gcn, lr-gcn, mlp, textcnn"
    with pytest.raises(InputError, match=f"m3net cannot be exported: .* these can be: {able}"):
        export_run(run, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model.cross_modal": "window"}, "a graph across modalities"),
        ({"training.missing": "reconstruct"}, "was trained with --training.missing reconstruct"),
    ],
)
def test_settings_that_no_program_follows_are_refused(
    settings: dict, words: str, train: Callable, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        export_run(train(**settings), tmp_path / "run.pt2")


@pytest.fixture(scope="module")
def onnx_file(train: Callable, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedRun, Path]:
    """Return a run of relations of pairs of at most three speakers, and its program."""
    run, out = train(), tmp_path_factory.mktemp("onnx") / "run.onnx"
    export_run(run, out)
    return run, out


def test_file_says_what_goes_in_and_comes_out(onnx_file: tuple[TrainedRun, Path]) -> None:
    run, out = onnx_file
    model = onnx.load(out)
    said = json.loads(next(x.value for x in model.metadata_props if x.key == "ariigcn"))
    assert said["classes"] == list(run.label_names)
    assert said["modalities"] == ["text", "audio", "visual"]
    assert said["inputs"]["text"] == {"shape": ["utterances", 6], "dtype": "float32"}
    assert said["versions"]["torch"] == torch.__version__
    shapes = {
        one.name: [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim]
        for one in (*model.graph.input, *model.graph.output)
    }
    assert shapes["text"] == ["utterances", 6]
    assert shapes["lengths"] == ["dialogues"]
    assert shapes["probabilities"] == ["utterances", len(run.label_names)]


def test_snippet_of_the_documentation_runs(
    onnx_file: tuple[TrainedRun, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    shutil.copy(onnx_file[1], tmp_path / "emotions.onnx")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(snippet, names)
    assert len(names["emotions"]) == 5
    assert set(names["emotions"]) <= set(onnx_file[0].label_names)


def test_file_passes_the_checker_of_onnx(onnx_file: tuple[TrainedRun, Path]) -> None:
    onnx.checker.check_model(onnx.load(onnx_file[1]), full_check=True)


def test_more_speakers_than_the_graph_distinguishes_get_no_numbers(
    onnx_file: tuple[TrainedRun, Path], dialogues: Dialogues
) -> None:
    given = inputs(dialogues.split("test")[-1:])
    given["speakers"] = np.arange(len(given["speakers"]))
    assert np.isnan(by_onnx(onnx_file[1], given)).all()


def test_program_of_one_length_takes_no_other(
    train: Callable, dialogues: Dialogues, tmp_path: Path
) -> None:
    test = dialogues.indices("test")
    longest = test[np.argmax(dialogues.lengths[test])]
    run, out = train(), tmp_path / "run.onnx"
    export_run(run, out, utterances=int(dialogues.lengths[longest]))
    assert difference(run, out, dialogues.select([longest])) < 1e-4
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
        by_onnx(out, inputs(dialogues.select(test)))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torch_alone_runs_a_pt2(train: Callable, dialogues: Dialogues, tmp_path: Path) -> None:
    run, out = train("dialogue-gcn"), tmp_path / "run.pt2"
    export_run(run, out)
    script = (
        "import sys, json, torch; files = {'ariigcn.json': ''}\n"
        f"program = torch.export.load({str(out)!r}, extra_files=files)\n"
        "print(json.loads(files['ariigcn.json'])['classes'])\n"
        "assert 'ariigcn_dgl' not in sys.modules\n"
        "n = 5; features = {'text': torch.ones(n, 6), 'audio': torch.ones(n, 4),"
        " 'visual': torch.ones(n, 5)}\n"
        "present, speakers = torch.ones(n, 3).bool(), torch.tensor([0, 1, 0, 0, 1])\n"
        "print(program.module()(features, present, speakers, torch.tensor([2, 3])).shape[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(list(run.label_names)), "5"]
    assert METADATA == "ariigcn.json"


class Native(MLP):
    """Runs one of this package's own operators."""

    def forward(self, batch: Batch) -> Tensor:
        logits = super().forward(batch)
        lengths = torch.ones(4, dtype=torch.int64)
        numbers, _ = torch.ops.ariigcn.number_speakers(lengths, lengths)
        return logits + numbers.sum()


class Counting(MLP):
    """Depends on a number that only the data know."""

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) * (2 if bool(batch.speakers.sum() > 3) else 3)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(Native, "it runs the operator ariigcn.number_speakers"), (Counting, "cannot be exported: ")],
)
def test_system_of_others_that_is_no_program_is_refused(
    kind: type[MLP], words: str, train: Callable, tmp_path: Path
) -> None:
    SYSTEMS["theirs"] = kind
    try:
        with pytest.raises(InputError, match=words):
            export_run(train("theirs"), tmp_path / "run.pt2")
    finally:
        del SYSTEMS["theirs"]
    assert not (tmp_path / "run.pt2").exists()


@pytest.mark.parametrize("name", ["run.txt", "run"])
def test_other_suffix_is_refused(name: str, train: Callable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected \.onnx or \.pt2"):
        export_run(train("mlp"), tmp_path / name)
