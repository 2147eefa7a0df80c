"""`benchmarks/gpu.sh` without a GPU: the machine's programs have stand-ins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ariigcn_dgl.benchmark.record import OURS, PASSES, CaseRecord, PeerRecord, Report, Timing

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"
# Notes its call; fails, or takes forever, if FAIL, or HANG, is part of it. A benchmark writes JSON.
PYTHON = """#!/bin/bash
echo "$*" >> "$CALLS"
[[ "$*" == *gpu_summary.py* ]] && exec "$REAL" "$@"
[[ -n "$FAIL" && "$*" == *$FAIL* ]] && { echo "$FAIL went wrong" >&2; exit 3; }
[[ -n "$HANG" && "$*" == *$HANG* ]] && sleep 60
while [ $# -gt 0 ]; do [ "$1" = --json ] && cp "$REPORT" "$2"; shift; done
echo 9.0
"""
SANITIZER = """#!/bin/bash
shift 4
exec "$@"
"""
MEASURED = ("dialogues", "long", "contrast", "contrast-32768", "step")
TRAININGS = ["train", "train-graphs", "train-amp"]
STEPS = ["machine", "build", "tests", *MEASURED, *TRAININGS, "sanitizer"]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report of three cases, as if measured on a GPU."""
    timing = Timing(150e-6, 160e-6, calls=3, extra_bytes=None, replay=9e-6)
    passes = dict.fromkeys([*PASSES, "step"], timing)
    ours = PeerRecord(OURS, "ours", "equal", passes=passes)
    slower = {"step": Timing(600e-6, 600e-6, calls=3, extra_bytes=None, replay=None)}
    native = PeerRecord("native", "torch operators", "equal", passes=slower)

    def case(operator: str, shape: str, dtype: str) -> CaseRecord:
        return CaseRecord(operator, shape, "cuda", dtype, 1, {}, 1e-2, {}, (ours, native))

    cases = (
        case("contrast", "N8192 supcon", "bfloat16"),
        case("attention", "meld D256", "float32"),
        case("step", "iemocap", "float32"),
    )
    path = tmp_path / "report.json"
    Report("today", 1.0, {}, {}, (), cases).write(path)
    return path


@pytest.fixture
def dry_run(tmp_path: Path, report: Path):
    programs = {"python": PYTHON, "compute-sanitizer": SANITIZER, "nvidia-smi": "#!/bin/bash\n"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cuda" / "bin").mkdir(parents=True)
    (tmp_path / "cuda" / "bin" / "nvcc").symlink_to("/bin/true")

    def call(*arguments: str, **settings: str) -> tuple[subprocess.CompletedProcess, list[dict]]:
        environment = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHON": str(tmp_path / "python"),
            "REAL": sys.executable,
            "CUDA_HOME": str(tmp_path / "cuda"),
            "CALLS": str(tmp_path / "calls"),
            "REPORT": str(report),
            **{"FAIL": "", "HANG": ""},
            **settings,
        }
        command = ["bash", SCRIPT, tmp_path / "out", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = (tmp_path / "out" / "steps.jsonl").read_text().splitlines()
        return done, [json.loads(line) for line in lines]

    return call


def ends(steps: list[dict]) -> dict[str, int]:
    return {step["step"]: step["exit"] for step in steps}


def test_every_step_is_run_and_summed_up_last(dry_run, tmp_path):
    done, steps = dry_run()
    assert (done.returncode, done.stderr) == (0, "")
    assert ends(steps) == dict.fromkeys(STEPS, 0)
    summary = done.stdout.partition("== summary\n")[2]
    assert summary.count("done") == len(STEPS)
    assert "contrast N8192 supcon bfloat16 forward+backward, eager" in summary
    assert "goal 200 µs: 150.0 µs, met" in summary
    assert "goal 15 µs: 9.0 µs, met" in summary
    assert "goal 2600 µs: not measured" in summary
    assert "step iemocap float32, native / ours" in summary
    assert "step iemocap float32, native / recorded" in summary
    assert "goal 5: 4.0, missed" in summary
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["steps"] == steps
    left = {path.name for path in (tmp_path / "out").iterdir()}
    results = {f"speed-{name}.json" for name in MEASURED}
    assert left == {"log.txt", "steps.jsonl", "summary.json"} | results
    calls = (tmp_path / "calls").read_text()
    assert calls.count("pytest -q -x -m cuda") == 3  # memcheck, racecheck, synccheck


def test_failed_step_is_recorded_and_the_next_runs(dry_run):
    done, steps = dry_run(FAIL="train")
    assert done.returncode == 1
    assert ends(steps) == dict.fromkeys(STEPS, 0) | dict.fromkeys(TRAININGS, 3)
    assert "train went wrong" in done.stdout


def test_nothing_else_is_tried_with_what_could_not_be_built(dry_run):
    done, steps = dry_run(FAIL="setup.py")
    assert done.returncode == 1
    assert ends(steps) == {"machine": 0, "build": 3}
    assert "build            failed (3)" in done.stdout
    assert "goal 200 µs: not measured" in done.stdout
    assert "goal 5: not measured" in done.stdout


@pytest.mark.slow
def test_step_that_hangs_ends_with_the_time_and_later_ones_are_recorded(dry_run):
    done, steps = dry_run(HANG="pytest -q -m cuda", BUDGET="4")
    assert done.returncode == 1
    assert ends(steps)["build"] == 0
    assert {name: code for name, code in ends(steps).items() if name in ("tests", "sanitizer")} == {
        "tests": 124,
        "sanitizer": 124,
    }
    assert "tests            out of time" in done.stdout


def test_wheels_are_installed_first_and_removed_at_the_end(dry_run, tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "one.whl").touch()
    done, steps = dry_run(str(tmp_path / "wheels"))
    assert done.returncode == 0
    assert steps[0]["step"] == "wheels"
    assert "--no-index --no-deps" in (tmp_path / "calls").read_text().splitlines()[0]


def test_every_kernel_is_listed_with_a_test_for_the_sanitizers():
    sources = (SCRIPT.parents[1] / "csrc" / "cuda").rglob("*.cu")
    kernels = {
        name for path in sources for name in re.findall(r"\b(\w+_kernel)\(", path.read_text())
    }
    assert len(kernels) == 14
    listed = SCRIPT.read_text().partition("# One small test")[2].partition("sanitize()")[0]
    assert kernels == set(re.findall(r"\b\w+_kernel\b", listed))
    tests = (SCRIPT.parents[1] / "tests" / "ops" / "test_cuda_small.py").read_text()
    assert set(re.findall(r"^def (test_\w+)", tests, re.M)) == set(
        re.findall(r"#   (test_\w+)", listed)
    )


def test_folder_is_required():
    done = subprocess.run(["bash", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: benchmarks/gpu.sh OUT [WHEELS]\n")
