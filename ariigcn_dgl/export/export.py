"""Write a trained run as a program, and make sure that it answers as the run does."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from ariigcn_dgl.batch.window import ModalWindow
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.export.program import Program
from ariigcn_dgl.extract.manifest import read_manifest, without_places
from ariigcn_dgl.files import refuse_existing, replacing
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.optional import require
from ariigcn_dgl.plugins import is_own
from ariigcn_dgl.training.trained import TrainedRun

EXTRA = "export"
ONNX, PT2 = ".onnx", ".pt2"
METADATA = "ariigcn.json"  # of a .pt2; in an ONNX model the property "ariigcn"
OTHERS, OUTPUT = ("present", "speakers", "lengths"), "probabilities"
TOLERANCE = 1e-4  # of probabilities, and of numbers in deviations; measured are some 1e-7
TRACED = (3, 2, 4)  # utterances of the dialogues that a program of any lengths is traced with
CHECKED = ((1,), (2, 1), (9, 3), (30,))  # and of those that it is checked with
VERSIONS = ("python", "ariigcn_dgl", "torch")

Answer = Callable[[Sequence[Tensor]], np.ndarray]


def export_run(run: TrainedRun, out: Path, utterances: int | None = None) -> float:
    """Write a run as a program from raw features to calibrated probabilities, or other answers.

    Parameters
    ----------
    run : TrainedRun
        One seed.
    out : Path
        New file; ``.onnx`` or ``.pt2`` (`torch.export`) by its suffix.
    utterances : int, optional
        Length of the one dialogue that the program is to take; default: any dialogues.

    Returns
    -------
    float
        Largest difference of its answers from those of the run, on random dialogues; of numbers
        on a scale in standard deviations of the training split.

    Raises
    ------
    InputError
        If the run cannot be exported (says why), the suffix is another one, the file exists, a
        library is missing, or the program does not answer as the run does.
    """
    if out.suffix not in (ONNX, PT2):
        raise InputError(f"{out}: the suffix says the format: expected {ONNX} or {PT2}")
    refuse_existing(out)
    if out.suffix == ONNX:
        for library in ("onnx", "onnxscript", "onnxruntime"):
            require(library, EXTRA)
    if utterances is not None and utterances < 1:
        raise InputError(f"--utterances: is {utterances}, expected at least 1")
    refuse_inexportable(run)
    traced = _traced(run, utterances)
    described = json.dumps(describe(run, utterances), ensure_ascii=False, indent=1)
    with replacing(out) as scratch, scratch.open("wb") as file:
        if out.suffix == PT2:
            torch.export.save(traced, file, extra_files={METADATA: described})
            return _checked(run, utterances, _answer_of_pt2(traced, run))
        content = _onnx(traced, run, described)
        file.write(content)
        return _checked(run, utterances, _answer_of_onnx(content, run))


def refuse_inexportable(run: TrainedRun) -> None:
    """Raise `InputError`, with the reason, where no program can be made of a run."""
    where = run.folder.path
    if not run.model.exportable:
        able = ", ".join(name for name, kind in SYSTEMS.items() if kind.exportable)
        raise InputError(
            f"{_refusal(run)}: how it lays dialogues out is counted on the "
            f"host, where a program is not; these can be: {able}"
        )
    if isinstance(run.model.window, ModalWindow):
        raise InputError(
            f"{where}: a graph across modalities (--model.cross_modal) cannot be exported: its "
            "edges come and go with the modalities; train with --model.cross_modal none"
        )
    if getattr(run.model.config, "vector_as", None) == "words":
        raise InputError(
            f"{where}: reads the words of utterances (--model.vector_as words), a program one "
            "vector of each; train with --model.vector_as word"
        )
    taken = [name for name in run.widths if name in {*OTHERS, *_outputs(run)}]
    if taken:
        raise InputError(
            f"{where}: a program has an input or output '{taken[0]}' of its own: give the modality "
            "another name in the data set and train again"
        )
    if run.filler.kind != "zero":
        raise InputError(
            f"{where}: was trained with --training.missing {run.filler.kind}, which looks at the "
            "data before the model does and is no part of a program; train with zero"
        )


def describe(run: TrainedRun, utterances: int | None = None) -> dict[str, Any]:
    """Return what a program says of itself: what goes in, what comes out, where it is from."""
    rows = "utterances" if utterances is None else utterances
    dialogues = "dialogues" if utterances is None else 1
    modalities = list(run.widths)
    inputs = {m: {"shape": [rows, w], "dtype": "float32"} for m, w in run.widths.items()}
    inputs["present"] = {"shape": [rows, len(modalities)], "dtype": "bool"}
    inputs["speakers"] = {"shape": [rows], "dtype": "int64"}
    inputs["lengths"] = {"shape": [dialogues], "dtype": "int64"}
    window = run.model.window
    outputs: list[dict[str, Any]] = [
        {"name": name, "shape": [rows, spec.width], "dtype": "float32"}
        for name, spec in _outputs(run).items()
    ]
    said: dict[str, Any] = {"output": outputs[0]}
    if not run.scoring.plain:
        pairs = zip(outputs, run.scoring.specs, strict=True)
        said = {"outputs": [one | {"target": spec.record()} for one, spec in pairs]}
    return {
        "inputs": inputs,
        **said,
        "classes": list(run.label_names),
        "modalities": modalities,
        "sequences": run.record.get("sequences", []),
        "encoders": _encoders(run),
        "most_speakers": window.num_speakers if window.relations == "pairs" else None,
        "system": run.config.system,
        "dataset": run.record["dataset"],
        "seed": run.record["seed"],
        "temperature": run.temperature,
        "versions": {name: environment()[name] for name in VERSIONS},
    }


def _encoders(run: TrainedRun) -> dict[str, dict[str, Any]]:
    """Return what made the features, by modality; empty where that is not known."""
    manifest = read_manifest(run.folder.path.parent)
    found = {} if manifest is None else manifest["encoders"]
    return {name: without_places(found[name]) for name in run.widths if name in found}


def _outputs(run: TrainedRun) -> dict[str, TargetSpec]:
    """Return the program's outputs by their names, in order: those of classes keep theirs."""
    return {OUTPUT if s.is_labels else f"predicted_{s.name}": s for s in run.scoring.specs}


def _traced(run: TrainedRun, utterances: int | None) -> ExportedProgram:
    """Return the program; of a system of another package, InputError where it is none."""
    try:
        traced = _exported(run, utterances)
    except Exception as error:  # whatever torch or somebody else's code raises
        if is_own(type(run.model)):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{_refusal(run)}: {reason}") from error
    for module in traced.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            if str(node.target).startswith("ariigcn."):  # nobody else has this operator
                raise InputError(
                    f"{_refusal(run)}: it runs the operator {node.target}, for which "
                    "ariigcn_dgl/export/twins.py would need a layer in plain torch"
                )
    return traced


def _refusal(run: TrainedRun) -> str:
    return f"{run.folder.path}: {run.config.system} cannot be exported"


def _exported(run: TrainedRun, utterances: int | None) -> ExportedProgram:
    lengths = TRACED if utterances is None else (utterances,)
    features, *others = _nested(run, _tensors(_random(run, lengths)))
    rows, dialogues = (Dim(name, min=1) for name in ("utterances", "dialogues"))
    shapes = {
        "features": {name: {0: rows} for name in features},
        "present": {0: rows},
        "speakers": {0: rows},
        "lengths": {0: dialogues},
    }
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own making
        return torch.export.export(
            Program(run),
            (features, *others),
            dynamic_shapes=shapes if utterances is None else None,
            strict=False,
        )


def _onnx(traced: ExportedProgram, run: TrainedRun, described: str) -> bytes:
    """Return the bytes of an ONNX model."""
    with torch.no_grad(), warnings.catch_warnings(), _only_errors_of("torch.onnx"):
        warnings.simplefilter("ignore")
        made: Any = torch.onnx.export(
            traced,
            input_names=[*run.widths, *OTHERS],
            output_names=list(_outputs(run)),
            dynamo=True,
            verbose=False,
        )
    model = made.model_proto
    names = {}
    for value in (*model.graph.input, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                names[dim.dim_param] = "dialogues" if value.name == "lengths" else "utterances"
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in names:  # to write it would delete the size of any other
                dim.dim_param = names[dim.dim_param]
    model.metadata_props.add(key="ariigcn", value=described)
    return model.SerializeToString()


@contextmanager
def _only_errors_of(name: str) -> Iterator[None]:
    """Let a logger say nothing below errors: torch's tells of libraries that nothing needs."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _answer_of_pt2(traced: ExportedProgram, run: TrainedRun) -> Answer:
    module = traced.module()

    def answer(tensors: Sequence[Tensor]) -> np.ndarray:
        found = module(*_nested(run, tensors))
        each = [found] if isinstance(found, Tensor) else found
        return np.concatenate([one.detach().numpy() for one in each], axis=1)

    return answer


def _answer_of_onnx(content: bytes, run: TrainedRun) -> Answer:
    runtime = require("onnxruntime", EXTRA)
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [*run.widths, *OTHERS]
    known = {one.name for one in session.get_inputs()}  # one that decides nothing is not there

    def answer(tensors: Sequence[Tensor]) -> np.ndarray:
        pairs = zip(names, tensors, strict=True)
        given = {name: x.numpy() for name, x in pairs if name in known}
        return np.concatenate(session.run(list(_outputs(run)), given), axis=1)

    return answer


def _checked(run: TrainedRun, utterances: int | None, answer: Answer) -> float:
    """Return the largest difference from the run; InputError where it is none of rounding."""
    difference, objective = 0.0, run.model.objective
    heads = () if objective is None else objective.heads
    unit = np.array([x for head in heads for x in head.unit] or 1.0)
    for lengths in CHECKED if utterances is None else ((utterances,),):
        dialogues = _random(run, lengths, seed=1)  # others than were traced
        found, wanted = answer(_tensors(dialogues)), run.probabilities(run.adapt(dialogues))
        difference = max(difference, float((np.abs(found - wanted) / unit).max()))
    if not difference <= TOLERANCE:  # nor NaN
        raise InputError(
            f"{run.folder.path}: the exported program's answers differ from the run's by "
            f"{difference:.2g}, more than {TOLERANCE}: nothing was written; please report it"
        )
    return difference


def _random(run: TrainedRun, lengths: Sequence[int], seed: int = 0) -> Dialogues:
    """Return dialogues of random features, some missing, of as many speakers as there may be.

    The first utterance lies far out, where standardised features are clipped.
    """
    generator, count = np.random.default_rng(seed), sum(lengths)
    far = np.where(np.arange(count)[:, None] == 0, 20.0, 1.0)
    window = run.model.window
    most = min(window.num_speakers, 3) if window.relations == "pairs" else 3
    masks = {name: generator.random(count) > 0.2 for name in run.widths}
    features = {
        name: np.where(
            masks[name][:, None],
            run.standardiser.mean[name]
            + run.standardiser.std[name] * far * generator.standard_normal((count, width)),
            0,
        ).astype(np.float32)
        for name, width in run.widths.items()
    }
    names = [str(n) for n in range(max(count, most, len(lengths)))]
    return Dialogues(
        name="random",
        features=features,
        masks=masks,
        labels=np.full(count, -1),
        speakers=generator.integers(0, most, count),
        dialogue_ptr=np.cumsum([0, *lengths]),
        dialogue_ids=tuple(names[: len(lengths)]),
        splits=("test",) * len(lengths),
        utterance_ids=tuple(names[:count]),
        label_names=run.label_names,
        speaker_names=tuple(names[:most]),
    )


def _tensors(dialogues: Dialogues) -> list[Tensor]:
    """Return the program's inputs, side by side."""
    masks = np.stack(list(dialogues.masks.values()), axis=1)
    arrays = (*dialogues.features.values(), masks, dialogues.speakers, dialogues.lengths)
    return [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]


def _nested(run: TrainedRun, tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    count = len(run.widths)
    return dict(zip(run.widths, tensors, strict=False)), *tensors[count:]
