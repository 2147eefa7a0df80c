"""A run folder: what it trains (``train.json``, ``config.yaml``), made whole, and locked in use.

The spec says the data set, modalities, fold, preset, seeds, device and threads; the settings stand
beside it. Each seed's own files are a `RunFolder` in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypedDict

from ariigcn_dgl import distributed
from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.data.division import splits_in_words
from ariigcn_dgl.data.folder import write_folder
from ariigcn_dgl.data.folds import Fold
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.device import check_device
from ariigcn_dgl.environment import differences, environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import file_name
from ariigcn_dgl.extract.manifest import AUDIO_ENCODER, MANIFEST, keep_manifest
from ariigcn_dgl.files import (
    make_folder,
    read_json,
    refuse_taken,
    replacing,
    sweep_beside,
    write_json,
)
from ariigcn_dgl.limits import Limit, NotNegativeInt, PositiveInt, Sha256
from ariigcn_dgl.lock import locked
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.nn import FUSIONS, LOSSES
from ariigcn_dgl.plugins import Origin, require
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import is_sealed, lost, seal, unseal, verify
from ariigcn_dgl.training.memory import require_memory
from ariigcn_dgl.training.prepare import Prepared, TestUse, captures_steps, prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, RunConfig, read_config, write_config
from ariigcn_dgl.training.run_folder import resume_command, way_out
from ariigcn_dgl.training.run_record import Modality, Seed

SPEC_FILE = "train.json"
DATA_FOLDER = "data"
BUSY = "another process is training in it; wait for it"
Seeds = Annotated[list[Seed], Limit("different numbers", lambda x: 0 < len(x) == len(set(x)))]


class FoldSpec(TypedDict):
    """A fold of a cross-validation."""

    number: NotNegativeInt
    of: PositiveInt


class _Optional(TypedDict, total=False):
    modalities: list[Modality] | None
    fold: FoldSpec | None
    cuda_graphs: bool | None
    threads: PositiveInt
    environment: dict[str, str]
    splits: str  # `splits_in_words` of the dialogues
    plugins: list[Origin]
    targets: list[str] | None


class RunSpec(_Optional):
    """What ``train.json`` says."""

    data: str
    dataset_sha256: Sha256
    preset: str
    seeds: Seeds
    device: str


# What a spec that does not say otherwise means: all modalities, and the data set's own splits.
DEFAULTS: _Optional = {
    "modalities": None,
    "fold": None,
    "cuda_graphs": False,
    "threads": 1,
    "environment": {},
    "splits": "",
    "plugins": [],
    "targets": None,
}


def write_run_spec(run: Path, spec: RunSpec, config: RunConfig) -> None:
    """Write into a folder all that decides a run, and seal it.

    Parameters
    ----------
    run : Path
        A folder, new or of a run that is to begin anew.
    spec : RunSpec
        As `read_run_spec` is to return it.
    config : RunConfig
        Resolved for the data set.
    """
    unseal(run)  # its hashes are of files that are about to be replaced
    write_config(run / CONFIG_FILE, config)
    plugins = config.plugins  # said where there are any only: others read it without
    write_json(run / SPEC_FILE, {**spec, "plugins": plugins} if plugins else spec)
    keep_manifest(spec["data"], run)  # so that recordings can be extracted in the same way
    extracted = [name for name in (MANIFEST, AUDIO_ENCODER) if (run / name).is_file()]
    seal(run, [CONFIG_FILE, SPEC_FILE, *extracted])


def read_run_spec(run: Path) -> RunSpec:
    """Read the spec of a run folder, with `DEFAULTS` where it says nothing.

    Raises
    ------
    InputError
        If it is no run folder, or its spec is damaged.
    """
    if not run.exists():
        raise InputError(f"{run}: does not exist, expected a run folder: what --out named")
    if run.is_file():
        raise InputError(
            f"{run}: is a file, expected a run folder: what --out of ariigcn train named; a bundle "
            "is read by ariigcn predict, evaluate and export, and in Python by load_bundle"
        )
    if not (run / SPEC_FILE).is_file() and SPEC_FILE not in lost(run):
        raise InputError(f"{run}: not a run folder (no {SPEC_FILE}): expected what --out named")
    if not is_sealed(run):
        raise InputError(
            f"{run}: has no seal.json: another version of this program made it, or a file was "
            "lost; use that version, or train again"
        )
    verify(run / SPEC_FILE, way_out(run))
    written: RunSpec = conform(read_json(run / SPEC_FILE), RunSpec, str(run / SPEC_FILE))
    return {**DEFAULTS, **written}


def read_settings(run: Path) -> RunConfig:
    """Read the settings of a run folder.

    Raises
    ------
    InputError
        If they are damaged, or not those that it was begun with; or if it was trained with classes
        of other packages that are not here, or are of a module that was not agreed to.
    """
    if is_sealed(run):
        verify(run / CONFIG_FILE, way_out(run))
    if (run / SPEC_FILE).is_file():
        require((SYSTEMS, FUSIONS, LOSSES), read_run_spec(run)["plugins"], str(run))
    return read_config(run / CONFIG_FILE)


def load_run_data(spec: RunSpec, source: str | None = None) -> Dialogues:
    """Return the dialogues that a run trains and tests on.

    Parameters
    ----------
    spec : RunSpec
        What `read_run_spec` returned.
    source : str, optional
        Where the data set lies now; default: where it was.
    """
    fold = None if spec["fold"] is None else Fold(**spec["fold"])
    return load_source(source or spec["data"], spec["modalities"], fold, spec["targets"])


def unchanged_data(spec: RunSpec, changed: str) -> Dialogues:
    """Return the dialogues of a run as the spec was written for them.

    Parameters
    ----------
    spec : RunSpec
        What `read_run_spec` returned.
    changed : str
        What is wrong where they no longer are.

    Raises
    ------
    InputError
        If they have changed, or as of `load_source`.
    """
    dialogues = load_run_data(spec)
    if fingerprint(dialogues) != spec["dataset_sha256"]:
        raise InputError(changed)
    return dialogues


def prepare_run(run: Path, spec: RunSpec, changed: str, test: TestUse = "once") -> Prepared:
    """Return what a run folder trains on, as `fit` wants it.

    Parameters
    ----------
    run : Path
        The folder.
    spec : RunSpec
        What `read_run_spec` returned of it.
    changed : str
        As of `unchanged_data`.
    test : {"never", "once", "every epoch"}
        As of `fit`.

    Raises
    ------
    InputError
        As of `unchanged_data`, `read_settings` and `prepare`.
    """
    dialogues, config = unchanged_data(spec, changed), read_settings(run)
    return prepare(dialogues, config, test=test, dataset_sha256=spec["dataset_sha256"])


def default_folder(data: str, system: str, preset: str) -> Path:
    """Return the run folder of a training for which none is named: by its subject and the time."""
    return Path("runs") / f"{file_name(data)}-{system}-{preset}-{datetime.now():%Y%m%d-%H%M%S}"


def new_spec(
    prepared: Prepared,
    data: str,
    *,
    preset: str,
    seeds: list[int],
    device: str,
    cuda_graphs: bool | None,
    threads: int,
    modalities: list[str] | None = None,
    targets: list[str] | None = None,
) -> RunSpec:
    """Return what a training is begun with, on this machine.

    Parameters
    ----------
    prepared : Prepared
    data : str
        Where the dialogues lie.
    preset, seeds, device, cuda_graphs, threads, modalities, targets
        As of ``ariigcn train``.
    """
    # Said where some are named only: others read the spec without.
    named: _Optional = {} if targets is None else {"targets": targets}
    return {
        **named,
        "data": data,
        "dataset_sha256": prepared.dataset_sha256,
        "modalities": modalities,
        "preset": preset,
        "seeds": seeds,
        "device": device,
        "cuda_graphs": cuda_graphs,
        "threads": threads,
        "environment": environment(),
        "splits": splits_in_words(prepared.dialogues),
    }


def check_machine(spec: RunSpec, prepared: Prepared) -> None:
    """Raise `InputError` where a run cannot be trained on this machine as it is begun."""
    check_device(spec["device"])
    captures_steps(spec["cuda_graphs"], spec["device"], prepared.config, distributed.size())
    require_memory(prepared.dialogues, prepared.config, spec["device"])


def begun_elsewhere(run: Path, spec: RunSpec) -> str:
    """Return a sentence where a run was begun in another environment, else ""."""
    changed = differences(spec["environment"])
    if not changed:
        return ""
    return (
        f"{run}: was begun with {changed}: the numbers may differ from those of an uninterrupted "
        "training"
    )


@contextlib.contextmanager
def new_run(
    path: Path, spec: RunSpec, config: RunConfig, kept: Dialogues | None = None
) -> Iterator[None]:
    """Make a run folder with all that decides the run, or nothing; lock it while it is trained in.

    Parameters
    ----------
    path : Path
        Its parents are made; it must not exist.
    spec, config
        As of `write_run_spec`.
    kept : Dialogues, optional
        To be kept in the folder, as `DATA_FOLDER`: those of memory, which no file has.

    Raises
    ------
    InputError
        If it exists or cannot be created.
    """
    again = resume_command(path)
    refuse_taken(path, f"choose another name with --out, or go on with: {again}")
    make_folder(path.parent)
    with contextlib.ExitStack() as stack:
        with replacing(path) as scratch:
            scratch.mkdir()
            # Before it has its name: nobody else can come in between.
            stack.enter_context(locked(scratch, BUSY))
            if kept is not None:
                write_folder(kept, scratch / DATA_FOLDER)
            write_run_spec(scratch, spec, config)
        yield


@contextlib.contextmanager
def resumed_run(path: Path) -> Iterator[RunSpec]:
    """Yield the spec of a run folder that is to be gone on with; lock it meanwhile.

    Raises
    ------
    InputError
        If it is no run folder, is damaged, or another process trains in it.
    """
    spec = read_run_spec(path)
    sweep_beside(path)  # what a process that was killed in `new_run` left
    with locked(path, BUSY):
        yield spec
