"""Extraction on a cluster: the same features, recordings sent along, lost nodes, one sentence."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ariigcn_dgl
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import on_ray
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.kept import Kept
from ariigcn_dgl.extract.parts import Work, parts_of
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.optional import is_installed
from tests.experiments.test_ray_cluster import ENVIRONMENT
from tests.experiments.test_ray_engine import Pretended as Steered
from tests.extract.media.tones import tone, write
from tests.extract.test_resuming import Loudness, spoken  # noqa: F401 - a fixture


class Pretended:
    """A Ray whose nodes are this process; it loses what it is told to lose."""

    exceptions = Steered.exceptions

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.losses: list[Exception] = []
        self.begun = 0

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}

    def remote(self, **options: Any) -> Callable:
        self.options = options

        def make(function: Callable) -> Any:
            def run(*arguments: Any) -> Callable[[], Any]:
                self.begun += 1
                sent = pickle.dumps(arguments)  # as if it went elsewhere
                return lambda: function(*pickle.loads(sent))

            return SimpleNamespace(remote=run)

        return make

    def put(self, value: Any) -> Any:
        return pickle.loads(pickle.dumps(value))

    def get(self, begun: Callable[[], Any]) -> Any:
        if self.losses:
            raise self.losses.pop()
        return begun()


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Pretended:
    pretended = Pretended()

    @contextlib.contextmanager
    def connected(name: str) -> Iterator[Pretended]:
        yield pretended

    monkeypatch.setattr(on_ray, "connected", connected)
    return pretended


def _extracted(
    spoken: list[Spoken],  # noqa: F811
    engine: str,
    kept: Kept | None = None,
    **options: Any,
) -> tuple[np.ndarray, list[str]]:
    notes: list[str] = []
    encoders = Encoders(audio=Loudness())
    found = extract("set", spoken, encoders, notes.append, kept=kept, engine=engine, **options)
    return found.dialogues.features["audio"], notes


def test_nodes_find_the_features_that_this_machine_finds(
    ray: Pretended,
    spoken: list[Spoken],  # noqa: F811
) -> None:
    here, _ = _extracted(spoken, "local")
    there, notes = _extracted(spoken, "ray")
    np.testing.assert_array_equal(there, here)
    assert notes == []
    assert ray.begun == 4
    assert ray.options == {"num_cpus": 1, "max_retries": 0}


def test_what_is_kept_is_not_sent_again(
    ray: Pretended,
    spoken: list[Spoken],  # noqa: F811
    tmp_path: Path,
) -> None:
    kept = Kept(tmp_path / "kept")
    here, _ = _extracted(spoken[:4], "local", kept)
    there, notes = _extracted(spoken, "ray", kept)
    np.testing.assert_array_equal(there[:4], here)
    assert ray.begun == 2
    assert notes == ["goes on with 2 of 4 recordings done"]
    _extracted(spoken, "ray", kept)
    assert ray.begun == 2


def test_a_part_whose_node_is_lost_is_begun_again(
    ray: Pretended,
    spoken: list[Spoken],  # noqa: F811
) -> None:
    here, _ = _extracted(spoken, "local")
    ray.losses = [ray.exceptions.NodeDiedError(), ray.exceptions.WorkerCrashedError()]
    there, _ = _extracted(spoken, "ray")
    np.testing.assert_array_equal(there, here)
    assert ray.begun == 6


def test_a_part_that_is_lost_three_times_is_named(
    ray: Pretended,
    spoken: list[Spoken],  # noqa: F811
) -> None:
    ray.losses = [ray.exceptions.OutOfMemoryError() for _ in range(3)]
    message = r"^--engine: 0.wav: lost on the cluster 3 times \(its node ran out of memory\); the"
    with pytest.raises(InputError, match=message):
        _extracted(spoken, "ray")


def test_a_damaged_recording_is_named_as_it_lies_here(
    ray: Pretended,
    spoken: list[Spoken],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoken[2].recording.write_bytes(b"no sound")
    monkeypatch.setattr("ariigcn_dgl.extract.features.probe", lambda path: None)
    with pytest.raises(InputError, match=f"^{spoken[2].recording}: "):
        _extracted(spoken, "ray")
    features, notes = _extracted(spoken, "ray", skip_damaged=True)
    assert not features[2:4].any()
    assert [str(spoken[2].recording) in one for one in notes] == [True, True]
    assert notes == _extracted(spoken, "local", skip_damaged=True)[1]


def test_nothing_is_left_of_a_part_on_its_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav", [(0.0, tone(200, 0.4))])
    (part,) = parts_of([Spoken(path, "d", "d_0", "A", 0.0, 0.4, "x")])
    home = tmp_path / "node"
    home.mkdir()
    monkeypatch.setattr(on_ray.tempfile, "gettempdir", lambda: str(home))
    work = Work(Loudness(), False, None, False, None, "cpu", None)
    files = [{"a.wav": np.fromfile(path, np.uint8)}]
    found = on_ray.work_there(ariigcn_dgl.__version__, (), work, part, files)
    assert found.perceived[0].heard is not None
    assert list(home.iterdir()) == []


def test_a_node_of_another_version_is_refused() -> None:
    found = on_ray.work_there("0.0.1", (), None, None, [])
    assert found == (
        f"--engine: a node has ariigcn_dgl {ariigcn_dgl.__version__}, this machine 0.0.1: install "
        "the same one"
    )


def test_an_encoder_that_no_other_machine_can_have_is_named(
    ray: Pretended,
    spoken: list[Spoken],  # noqa: F811
) -> None:
    audio = Loudness()
    audio.unfit = lambda: None
    with pytest.raises(
        InputError, match=r"^--engine: an encoder cannot be given .* --engine local"
    ):
        extract("set", spoken, Encoders(audio=audio), print, engine="ray")


CLUSTER = """
import sys
from pathlib import Path
import numpy as np
from ariigcn_dgl.extract import parts
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.functionals import Functionals
from ariigcn_dgl.extract.kept import Kept
from ariigcn_dgl.extract.spoken import Spoken

parts.UTTERANCES = 4
paths = sorted(Path(sys.argv[1]).glob("*.wav"))
spoken = [Spoken(path, path.stem, path.stem, "A", 0.0, 0.4, "x") for path in paths]
audio = Functionals("eGeMAPSv02")
def found(engine, kept):
    encoders = Encoders(audio=audio)
    made = extract("set", spoken, encoders, print, engine=engine, kept=kept)
    return made.dialogues.features["audio"]

there = found(sys.argv[2], Kept(Path(sys.argv[1], "kept")))
here = found("local", None)
assert np.array_equal(here, there), (here, there)
print("equal", here.shape)
"""


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.skipif(not is_installed("ray"), reason="needs the extra cluster")
@pytest.mark.skipif(not is_installed("opensmile"), reason="needs the extra opensmile")
def test_a_cluster_finds_the_same_features_though_a_node_is_killed(tmp_path: Path) -> None:
    for n in range(200):
        write(tmp_path / f"{n:03}.wav", [(0.0, tone(200 + n, 0.4))])
    environment = {**os.environ, **ENVIRONMENT}
    cluster = Path(__file__).parents[1] / "experiments" / "ray_cluster.py"
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(
        [sys.executable, str(cluster)], stdin=subprocess.PIPE, **pipes
    ) as process:
        lines = iter(process.stdout.readline, "")
        address = next(line.strip() for line in lines if line.startswith("127."))
        command = [sys.executable, "-c", CLUSTER, str(tmp_path), f"ray://{address}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, **pipes) as extracting:
            while len(list((tmp_path / "kept").glob("*.safetensors"))) < 8:  # of fifty
                assert extracting.poll() is None, extracting.stderr.read()
                time.sleep(0.02)
            process.stdin.write("\n")
            process.stdin.flush()
            said, wrong = extracting.communicate()
        process.stdin.close()
        process.stdout.read()
    assert extracting.returncode == 0, wrong
    assert "equal (200, 88)" in said
