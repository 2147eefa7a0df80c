"""`benchmarks/gpu.sh` without a GPU: the machine's programs have stand-ins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ariigcn_dgl.benchmark.record import (
    OURS,
    PASSES,
    Bound,
    CaseRecord,
    Ceilings,
    PeerRecord,
    Report,
    Timing,
)

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"
# Notes its call; fails, or takes forever, if FAIL, or HANG, is part of it. A benchmark writes JSON.
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
MEASURED = ["kernels", "benchmark", "large", "sanitizers", "graphs", "train", "train-amp"]
STEPS = ["machine", "native", *MEASURED]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report of three cases, as if measured on a GPU."""
    timing = Timing(150e-6, 160e-6, calls=3, extra_bytes=None, replay=19e-6)
    ours = PeerRecord(OURS, "ours", "equal", error=2e-3, passes=dict.fromkeys(PASSES, timing))
    waits = Timing(9e-3, 9e-3, 3, None, unreplayed="no CUDA graph: RuntimeError: it waits")
    pml = PeerRecord("pml", "PML", "equal", passes={"forward": waits})
    absent = PeerRecord("liger", "Liger", "not run", "liger_kernel is not installed")
    steps = {"recorded": 1e-4, "native": 6e-4}
    taken = [
        PeerRecord(key, key, "equal", passes={"step": Timing(s, s, 3, None)})
        for key, s in steps.items()
    ]

    def case(operator: str, shape: str, dtype: str, passes, peers) -> CaseRecord:
        bounds = {name: Bound(1e9, 1e6, 1e-5) for name in passes}
        return CaseRecord(operator, shape, "cuda", dtype, 1, {}, 1e-2, bounds, tuple(peers))

    cases = (
        case("contrast", "N8192 supcon", "bfloat16", PASSES, [ours, pml, absent]),
        case("attention", "meld D256 R8", "bfloat16", PASSES, [ours]),
        case("step", "iemocap", "float32", ["step"], taken),
    )
    ceilings = (Ceilings(1, "bfloat16", None, 800e3, 3000.0),)
    path = tmp_path / "report.json"
    Report("today", 1.0, {}, {"device": "NVIDIA H200"}, ceilings, cases).write(path)
    return path


@pytest.fixture
def dry_run(tmp_path: Path, report: Path):
    programs = {"python": PYTHON, "compute-sanitizer": SANITIZER, "nvidia-smi": "#!/bin/bash\n"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def call(*arguments: str, **settings: str) -> tuple[subprocess.CompletedProcess, list[dict]]:
        environment = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHON": str(tmp_path / "python"),
            "REAL": sys.executable,
            "CARRIED": str(tmp_path / "carried"),
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
    assert summary.count(" done, ") == len(STEPS)
    assert "ceilings bfloat16: matrix product 800.0 TFLOP/s, copy 3.00 TB/s" in summary
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["steps"] == steps
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"log", "steps.jsonl", "benchmark.json", "summary.json"}
    calls = (tmp_path / "calls").read_text()
    assert calls.count(" benchmark ") == 1  # one process for all cases
    assert calls.count("pytest -q -x -m cuda") == 3  # memcheck, racecheck, synccheck


def test_goals_are_those_of_the_card(dry_run):
    summary = dry_run()[0].stdout.partition("goals are those of H200\n")[2].splitlines()
    assert summary[0] == "attention long D256 forward bfloat16: not measured, goal 419 µs"
    assert summary[2] == "attention meld D256 forward bfloat16: 19.0 µs, goal 20 µs: met"
    assert "contrast N8192 supcon forward+backward bfloat16: 19.0 µs, goal 450 µs: met" in summary
    assert "contrast N8192 supcon forward+backward float32: not measured, no goal" in summary
    assert summary[-1] == (
        "step iemocap step float32: 6.0 x native / recorded, goal 5 x native / recorded: met"
    )


def test_every_peer_has_a_figure_or_a_reason(dry_run):
    summary = dry_run()[0].stdout
    assert "contrast N8192 supcon bfloat16 forward: bound 10.0 µs" in summary
    assert "ours             19.0 µs, host 160.0 µs, error 2e-03" in summary
    assert "pml              no CUDA graph: RuntimeError: it waits, host 9000.0 µs" in summary
    assert "liger            not run: liger_kernel is not installed" in summary


def test_without_a_gpu_it_is_a_dry_run_and_says_so(dry_run, tmp_path):
    done, steps = dry_run(FAIL="torch.cuda.is_available())")
    assert ends(steps)["machine"] is None
    assert "machine is left out: no GPU: CPU dry run" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("no GPU: CPU dry run")
    assert "--device cpu" in (tmp_path / "calls").read_text()
    assert "goal" not in done.stdout


def test_library_of_other_sources_is_not_used(dry_run, tmp_path):
    (tmp_path / "carried").mkdir()
    (tmp_path / "carried" / "libariigcn.so").touch()
    (tmp_path / "carried" / "sources").write_text("others")
    dry_run()
    said = (tmp_path / "out" / "log" / "native.txt").read_text()
    assert said.startswith("the carried library was made from other sources")
    assert "build_ext --inplace" in (tmp_path / "calls").read_text()


def test_failed_step_is_recorded_and_the_next_runs(dry_run):
    done, steps = dry_run(FAIL="cuda_graphs")
    assert done.returncode == 1
    assert ends(steps) == dict.fromkeys(STEPS, 0) | {"train": 3}
    assert re.search(r"^train +failed \(3\), \d+ s: cuda_graphs went wrong$", done.stdout, re.M)


def test_nothing_else_is_tried_with_what_could_not_be_built(dry_run):
    done, steps = dry_run(FAIL="setup.py")
    assert done.returncode == 1
    assert ends(steps) == {"machine": 0, "native": 3}
    assert re.search(r"^native +failed \(3\), \d+ s: setup.py went wrong$", done.stdout, re.M)
    assert "contrast N32768 supcon forward+backward bfloat16: not measured, no goal" in done.stdout


@pytest.mark.slow
def test_step_that_hangs_ends_with_the_time_and_later_ones_are_left_out(dry_run):
    done, steps = dry_run(HANG="pytest -q -rs", BUDGET="4")
    assert done.returncode == 1
    assert ends(steps)["native"] == 0
    assert {ends(steps)[name] for name in ("kernels", "benchmark", "train")} <= {124, 125, 137}
    assert "train        left out, 0 s: no time was left" in done.stdout


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
        name
        for path in sources
        for name in re.findall(r"__global__[^;{]*?\b(\w+_kernel)\(", path.read_text())
    }
    assert len(kernels) == 22
    listed = SCRIPT.read_text().partition("# One small test")[2].partition("sanitize()")[0]
    assert kernels == set(re.findall(r"\b\w+_kernel\b", listed))
    tests = (SCRIPT.parents[1] / "tests" / "ops" / "test_cuda_small.py").read_text()
    assert set(re.findall(r"^def (test_\w+)", tests, re.M)) == set(
        re.findall(r"#   (test_\w+)", listed)
    )


def test_folder_is_required():
    done = subprocess.run(["bash", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: benchmarks/gpu.sh OUT [WHEELS]\n")
