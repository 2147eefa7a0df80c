"""Runs on the nodes of a cluster: what is sent, what comes back, and what a lost node costs."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ariigcn_dgl
from ariigcn_dgl.data.write_shards import join
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments import ray_engine as module
from ariigcn_dgl.experiments import ray_node
from ariigcn_dgl.experiments.engine import Ending
from ariigcn_dgl.experiments.engines import check_engine
from ariigcn_dgl.experiments.queue import work_on
from ariigcn_dgl.experiments.ray_engine import RayEngine
from ariigcn_dgl.experiments.ray_node import LARGEST_SENT, Report, work_there
from ariigcn_dgl.parcel import packed, sizes, unpack
from ariigcn_dgl.training.run_folder import METRICS_FILE

VERSION = ariigcn_dgl.__version__


class _Errors(SimpleNamespace):
    class RayError(Exception):
        pass

    class OutOfMemoryError(RayError):
        pass

    class NodeDiedError(RayError):
        pass

    class WorkerCrashedError(RayError):
        pass

    class RayTaskError(RayError):
        cause: Exception


class Pretended:
    """A Ray whose only node is this process, or which says what it is told."""

    exceptions = _Errors

    def __init__(self, reports: list[Any] | None = None) -> None:
        self.reports = reports
        self.options: dict[str, Any] = {}
        self.cancelled: list[Any] = []
        self.resources = {"CPU": 5.0, "GPU": 2.0}

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, **options: Any) -> Callable:
        self.options = options

        def make(function: Callable[..., Iterator[Report]]) -> Any:
            def run(*arguments: Any) -> Iterator[Any]:
                return function(*arguments) if self.reports is None else iter(self.reports)

            task = SimpleNamespace(remote=run)
            return SimpleNamespace(options=lambda name: task)

        return make

    def put(self, value: Any) -> Any:
        return value

    def wait(self, things: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        return things, []

    def get(self, report: Any, timeout: float | None = None) -> Report:
        if isinstance(report, Exception):
            raise report
        return report

    def cancel(self, stream: Any) -> None:
        self.cancelled.append(stream)


def _bytes(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.json").write_bytes(b"one")
    (tmp_path / "a" / "empty").touch()
    (tmp_path / "a" / ".lock").touch()
    (tmp_path / "a" / "folder").mkdir()
    unpack(packed(tmp_path / "a"), tmp_path / "b")
    assert sizes(tmp_path / "b") == {"empty": 0, "x.json": 3}
    assert (tmp_path / "b" / "x.json").read_bytes() == b"one"


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "..", ".lock", ""])
def test_no_file_is_written_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"a node sent .*, which is no file of a run"):
        unpack({name: _bytes(b"")}, tmp_path / "runs")


def test_what_is_reported_is_written_and_what_is_not_kept_goes(make_run: Callable) -> None:
    run = make_run()
    first = Report({"metrics.jsonl": _bytes(b"{}\n"), "state.pt": _bytes(b"1")})
    last = Report(
        {"model.safetensors": _bytes(b"2")}, Ending(), ("metrics.jsonl", "model.safetensors")
    )
    work = RayEngine(Pretended([first, last]), run.data, 0).begin(run, None)
    assert work.ended() is None
    assert run.epochs_done == 1
    assert work.ended() == Ending()
    assert sizes(run.seed_folder.path) == {"metrics.jsonl": 3, "model.safetensors": 1}


def test_a_run_whose_report_is_on_its_way_is_not_waited_for(
    make_run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ray = make_run(), Pretended([Report({}, Ending())])
    work = RayEngine(ray, run.data, 0).begin(run, None)
    with monkeypatch.context() as patch:
        patch.setattr(ray, "wait", lambda things, timeout: ([], things))
        assert work.ended() is None
    assert work.ended() == Ending()


def _task_error(cause: Exception) -> Exception:
    error = _Errors.RayTaskError(f"Traceback ...\n{type(cause).__name__}: {cause}")
    error.cause = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (_Errors.NodeDiedError("id 0f\nlong"), "its node, or its process there, died"),
        (_Errors.OutOfMemoryError("4 GiB"), "its node ran out of memory"),
        (_Errors.RayError("\nno room\nat all"), "RayError: no room"),
        (_task_error(InputError("/tmp/x: No space left")), "/tmp/x: No space left"),
        (
            _task_error(ModuleNotFoundError("No module named 'ariigcn_dgl'")),
            "No module named 'ariigcn_dgl': every node needs ariigcn_dgl, of the same version, and "
            "the modules of --plugins",
        ),
    ],
)
def test_a_lost_run_is_no_failure_of_its_model(
    make_run: Callable, error: Exception, reason: str
) -> None:
    run = make_run()
    work = RayEngine(Pretended([error]), run.data, 0).begin(run, None)
    assert work.ended() == Ending(f"lost on the cluster: {reason}", final=False)


def test_a_node_that_ends_without_a_word_is_lost(make_run: Callable) -> None:
    run, ray = make_run(), Pretended([])
    work = RayEngine(ray, run.data, 0).begin(run, None)
    assert work.ended() == Ending("lost on the cluster: its node ended without a word")


def test_ray_tries_nothing_again_itself(make_run: Callable) -> None:
    ray = Pretended()
    RayEngine(ray, "synthetic", 0.25)
    assert ray.options == {
        "num_cpus": 1,
        "num_gpus": 0.25,
        "max_retries": 0,
        "num_returns": "streaming",
    }


def test_there_is_room_for_as_many_runs_as_cores_or_shares_of_gpus() -> None:
    ray = Pretended()
    assert RayEngine(ray, "synthetic", 0).room == 5
    assert RayEngine(ray, "synthetic", 0.5).room == 4
    ray.resources = {"CPU": 1.0}
    assert RayEngine(ray, "synthetic", 0.5).room == 1


def test_what_is_stopped_is_cancelled(make_run: Callable) -> None:
    run, ray = make_run(), Pretended([])
    engine = RayEngine(ray, run.data, 0)
    work = engine.begin(run, None)
    engine.stop([work])
    assert ray.cancelled == [work.stream]


def test_a_node_without_the_data_says_so(make_run: Callable, tmp_path: Path) -> None:
    run = replace(make_run(), data=str(tmp_path / "elsewhere.npz"))
    (report,) = work_there(run, VERSION, (), {}, None)
    assert not report.ending.final
    assert report.ending.reason.endswith(
        f"{tmp_path}/elsewhere.npz: no such file or folder on this node; data sets of more than 1 "
        "GiB, or of shards, are not sent: put it there on every node"
    )


def test_large_data_sets_are_not_sent(
    make_run: Callable, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_SENT", 10)
    assert RayEngine(Pretended(), str(data), 0).data is None


def test_sets_of_shards_are_not_sent(data: Path, tmp_path: Path) -> None:
    join([data], tmp_path / "joined")
    assert RayEngine(Pretended(), str(tmp_path / "joined"), 0).data is None


def test_a_node_of_another_version_is_refused(make_run: Callable) -> None:
    (report,) = work_there(make_run(), "0.0.1", (), {}, None)
    assert report.ending.reason.endswith(
        f"has ariigcn_dgl {VERSION}, the study 0.0.1: install the same one"
    )


@pytest.mark.slow
@pytest.mark.parametrize("largest", [LARGEST_SENT, 10], ids=["data sent", "data found"])
def test_a_run_on_a_node_has_the_bits_of_one_here(
    make_run: Callable,
    memory: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    largest: int,
) -> None:
    monkeypatch.setattr(module, "LARGEST_SENT", largest)
    here, there = make_run(test="once"), make_run(test="once", runs=tmp_path / "there")
    work_on([here], 1, memory)
    work_on([there], 1, memory, engine=RayEngine(Pretended(), there.data, 0))
    assert there.status == "done"
    names = sizes(here.seed_folder.path)
    assert sizes(there.seed_folder.path).keys() == names.keys()
    for name in ("model.safetensors", "metrics.jsonl", "predictions.jsonl"):
        files = [(run.seed_folder.path / name).read_bytes() for run in (here, there)]
        assert files[0] == files[1], name
    spec = [(run.folder / "train.json").read_bytes() for run in (here, there)]
    assert spec[0] == spec[1]  # where the data set lies here, not there


@pytest.mark.slow
def test_a_run_goes_on_where_its_lost_node_had_last_reported_from(
    make_run: Callable, memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_node, "SEND_SECONDS", 0)
    monkeypatch.setattr(ray_node, "LOOK_SECONDS", 0.01)
    long = {"training.epochs": 25, "training.patience": 25, "training.batch_size": 1}
    whole, run = make_run(long, runs=tmp_path / "whole"), make_run(long)
    work_on([whole], 1, memory)
    engine = RayEngine(Pretended(), run.data, 0)
    work = engine.begin(run, None)
    while run.epochs_done < 5 or not (run.seed_folder.path / "state.pt").exists():
        assert work.ended() is None
    work.stream.close()  # the node is gone
    begun = work_there(run, VERSION, (), packed(run.seed_folder.path), engine.data)
    first = next(one.files[METRICS_FILE] for one in begun if METRICS_FILE in one.files)
    begun.close()
    assert first.tobytes().count(b"\n") >= 2  # the weights may be of the epoch before
    work_on([run], 1, memory, engine=engine)
    for name in ("model.safetensors", "metrics.jsonl"):
        files = [(one.seed_folder.path / name).read_bytes() for one in (whole, run)]
        assert files[0] == files[1], name


@pytest.mark.slow
def test_other_data_of_the_same_name_on_a_node_are_told_with_the_node(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_SENT", 10)
    run = make_run(dataset_sha256="0" * 64)
    work_on([run], 1, memory, engine=RayEngine(Pretended(), run.data, 0))
    assert run.reason.startswith(f"node {platform.node()}: ")
    assert run.reason.endswith("talk: has changed since the study began")


@pytest.mark.slow
def test_a_models_failure_on_a_node_is_told_as_here(make_run: Callable, memory: Any) -> None:
    run = make_run({"training.learning_rate": 1e30})
    work_on([run], 1, memory, engine=RayEngine(Pretended(), run.data, 0))
    assert run.status == "failed"
    assert run.reason.startswith("training diverged: the classification loss is ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("spark", "cpu", 1.0), "--engine: is spark, expected local, ray or ray://HOST:PORT"),
        (("ray://head", "cpu", 1.0), "--engine: is ray://head, expected local, ray or"),
        (("ray", "cuda:1", 1.0), "--device cuda:1: expected cpu or cuda: Ray chooses which GPU"),
        (("ray", "cuda", 0.0), "--gpu_share: is 0.0, expected more than 0 and at most 1"),
        (("ray", "cpu", 0.5), "--gpu_share: goes with --device cuda"),
        (("local", "cpu", 0.5), "--gpu_share: goes with --engine ray; here several --jobs share"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        check_engine(*arguments)
    assert str(error.value).startswith(message)


def test_without_ray_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ariigcn_dgl.optional.is_installed", lambda name: name != "ray")
    with pytest.raises(InputError) as error:
        check_engine("ray://127.0.0.1:6379", "cpu", 1.0)
    assert str(error.value) == (
        'this needs ray, which is not installed: pip install "ariigcn_dgl[cluster]"'
    )


@pytest.mark.slow
def test_a_study_that_does_not_ask_for_ray_does_not_import_it() -> None:
    code = "import sys, ariigcn_dgl.cli.experiment; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
