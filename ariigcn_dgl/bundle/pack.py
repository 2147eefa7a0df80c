"""From run folders to what a bundle holds, and from that to a run folder again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ariigcn_dgl.bundle.file import AGAIN, Content
from ariigcn_dgl.bundle.halves import halved, single
from ariigcn_dgl.bundle.tuned_encoder import (
    TunedFile,
    pack_tuned,
    tuned_folder,
    unpack_tuned,
)
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.manifest import (
    AUDIO_ENCODER,
    MANIFEST,
    TEXT_ENCODER,
    read_manifest,
    without_places,
)
from ariigcn_dgl.extract.tuned_folder import TUNED_FILE
from ariigcn_dgl.files import read_text, write_json
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import seal
from ariigcn_dgl.training.run_config import CONFIG_FILE
from ariigcn_dgl.training.run_folder import FILLER, RUN_FILE, STANDARDISER, UNCALIBRATED, WEIGHTS
from ariigcn_dgl.training.run_record import LARGEST_SEED
from ariigcn_dgl.training.run_spec import SPEC_FILE, read_run_spec
from ariigcn_dgl.training.trained import TrainedRun

Variant = Literal["whole", "causal"]
Precision = Literal["float32", "float16"]
# Of a seed's folder, and their places in a bundle; what else lies there tells of the training, and
# predicts nothing.
PARTS = {file: Path(file).stem for file in (WEIGHTS, STANDARDISER, FILLER, UNCALIBRATED)}
ENCODER = "text_encoder"
_OF_TEST = "test"  # in `UNCALIBRATED`: bounds on confidence need validation alone

SeedName = Annotated[
    str,
    Limit(
        f"a number from 0 to {LARGEST_SEED}",
        lambda x: x.isascii() and x.isdigit() and str(int(x[:12])) == x and int(x) <= LARGEST_SEED,
    ),
]


class _Optional(TypedDict, total=False):
    extraction: dict[str, Any]  # not of features that were made elsewhere
    audio_encoder: dict[str, str]  # its file's header


class PackedRun(_Optional):
    """What a bundle says of one run: the files of its folder, as they stand there."""

    spec: dict[str, Any]
    config: str
    seeds: dict[SeedName, dict[str, Any]]


def pack(runs: Mapping[Variant, Sequence[TrainedRun]], precision: Precision) -> Content:
    """Return the content of a bundle of runs, which says nothing of this machine's folders.

    Parameters
    ----------
    runs : mapping of {"whole", "causal"} to sequence of TrainedRun
        All seeds of a run folder each.
    precision : {"float32", "float16"}
        Of weights: in half precision probabilities differ in the fourth digit.

    Raises
    ------
    InputError
        If a weight is too large for half precision.
    """
    said: dict[str, Any] = {}
    tensors: dict[str, np.ndarray] = {}
    for variant, seeds in runs.items():
        folder = seeds[0].folder.path.parent
        said[variant] = _said(folder, seeds)
        for run in seeds:
            place = f"{variant}/seed{run.record['seed']}"
            tensors |= dict(_tensors_of_seed(run.folder.path, place, precision))
        if (folder / AUDIO_ENCODER).is_file():
            with safe_open(folder / AUDIO_ENCODER, "np") as file:
                said[variant]["audio_encoder"] = file.metadata()
            tensors |= _named(load_file(folder / AUDIO_ENCODER), f"{variant}/audio_encoder")
    about: dict[str, Any] = {"variants": said}
    first = next(iter(runs.values()))[0]  # the variants are of one data set
    if not first.scoring.plain:
        about["targets"] = [spec.record() for spec in first.scoring.specs]
    found = tuned_folder(first.folder.path.parent) if "text" in first.widths else None
    if found is not None:
        about[ENCODER], weights = pack_tuned(found, precision == "float16")
        tensors |= _named(weights, ENCODER)
    return Content(about, tensors)


def _said(folder: Path, seeds: Sequence[TrainedRun]) -> dict[str, Any]:
    names = [run.record["seed"] for run in seeds]
    spec = {**read_run_spec(folder), "data": seeds[0].record["dataset"], "seeds": names}
    said: dict[str, Any] = {
        "spec": spec,
        "config": read_text(folder / CONFIG_FILE),
        "seeds": {str(run.record["seed"]): run.record for run in seeds},
    }
    manifest = read_manifest(folder)
    if manifest is not None:
        encoders = {m: without_places(one) for m, one in manifest["encoders"].items()}
        said["extraction"] = {**manifest, "encoders": encoders, "recordings": []}
    return said


def _tensors_of_seed(
    folder: Path, place: str, precision: Precision
) -> Iterator[tuple[str, np.ndarray]]:
    for file, part in PARTS.items():
        path = folder / file
        if not path.is_file():
            continue
        for name, array in load_file(path).items():
            if file == WEIGHTS and precision == "float16":
                array = halved(array, f"{path}: {name}")
            if (file, name) != (UNCALIBRATED, _OF_TEST):
                yield f"{place}/{part}/{name}", array


def _named(arrays: Mapping[str, np.ndarray], place: str) -> dict[str, np.ndarray]:
    return {f"{place}/{name}": array for name, array in arrays.items()}


def has_rounded_encoder(content: Content) -> bool:
    """Whether a bundle holds a fine-tuned text encoder in half precision."""
    return "rounded_from" in content.about.get(ENCODER, {}).get(TUNED_FILE, {})


def variants_of(content: Content, where: str) -> dict[str, PackedRun]:
    """Return what a bundle says of its runs, by variant.

    Raises
    ------
    InputError
        If it says something else.
    """
    said = conform(content.about.get("variants"), dict[Variant, PackedRun], where)
    if not said:
        raise InputError(f"{where}: damaged: holds no run; {AGAIN}")
    return said


def unpack(content: Content, variant: str, folder: Path, where: str) -> None:
    """Write the run folder of one variant, as it was packed, weights in float32.

    What is wrong with a file is found, as in any run folder, by whoever reads it.

    Parameters
    ----------
    content : Content
    variant : str
    folder : Path
        New.
    where : str
        Name of the bundle, for messages.

    Raises
    ------
    InputError
        If the bundle is no bundle of runs, or cannot be written.
    """
    run = variants_of(content, where)[variant]
    folder.mkdir()
    (folder / CONFIG_FILE).write_text(run["config"], encoding="utf-8")
    write_json(folder / SPEC_FILE, run["spec"])
    if "extraction" in run:
        write_json(folder / MANIFEST, run["extraction"])
    if "audio_encoder" in run:
        arrays = _below(content, f"{variant}/audio_encoder/")
        save_file(arrays, folder / AUDIO_ENCODER, run["audio_encoder"])
    if ENCODER in content.about:
        files = conform(content.about[ENCODER], dict[TunedFile, dict], where)
        unpack_tuned(files, _below(content, f"{ENCODER}/"), folder / TEXT_ENCODER)
    for seed, record in run["seeds"].items():
        own = folder / f"seed{seed}"
        own.mkdir()
        write_json(own / RUN_FILE, record)
        for file, part in PARTS.items():
            arrays = _below(content, f"{variant}/seed{seed}/{part}/")
            if file == WEIGHTS:
                arrays = {name: single(array) for name, array in arrays.items()}
            if arrays:
                save_file(arrays, own / file)
        seal(own, [path.name for path in own.iterdir()])
    seal(folder, [path.name for path in folder.iterdir() if path.is_file()])


def _below(content: Content, place: str) -> dict[str, np.ndarray]:
    found = content.tensors.items()
    return {name[len(place) :]: array for name, array in found if name.startswith(place)}
