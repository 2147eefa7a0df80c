"""Sum up what gpu.sh left in a folder: how the steps ended, what was measured, and the goals.

    python benchmarks/gpu_summary.py OUT

Uses the standard library alone, so that there is a summary even where nothing could be built.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

FORWARD, BOTH = "forward", "forward+backward"
HALF, FLOAT = "bfloat16", "float32"


class Goal(NamedTuple):
    """Microseconds of a replay of ours, at most; of a step, native / recorded, at least.

    A goal for each card; None: there is none yet, what was measured is shown. `dtype` is the class
    of accuracy: float32 includes products in several terms of tf32 that are as exact.
    """

    operator: str
    shape: str
    name: str
    dtype: str
    h100: float | None
    h200: float | None


# The only goal that memory bounds is that of 100,000 nodes: an H200 copies 4.3 TB/s, an H100 3.0.
GOALS = (
    Goal("attention", "long D256", FORWARD, HALF, 600, 600 * 3.0 / 4.3),
    Goal("attention", "long D256", FORWARD, FLOAT, None, None),
    Goal("attention", "meld D256", FORWARD, HALF, 20, 20),
    Goal("attention", "meld D256", FORWARD, FLOAT, None, None),
    Goal("attention", "iemocap D256", FORWARD, HALF, 30, 30),
    Goal("attention", "iemocap D256", FORWARD, FLOAT, None, None),
    Goal("contrast", "N8192 supcon", BOTH, HALF, 450, 450),
    Goal("contrast", "N8192 supcon", BOTH, FLOAT, None, None),
    Goal("contrast", "N32768 supcon", BOTH, HALF, 7000, 7000),
    Goal("contrast", "N32768 supcon", BOTH, FLOAT, None, None),
    Goal("step", "iemocap", "step", HALF, 5, 5),
    Goal("step", "iemocap", "step", FLOAT, 5, 5),
)
CARDS = ("H200", "H100")


def timings(report: dict[str, Any], goal: Goal) -> dict[str, dict[str, Any]]:
    """Return what was measured of every peer for a goal, from all its cases; the first counts."""
    found: dict[str, dict[str, Any]] = {}
    for case in report.get("cases", ()):
        same = (case["operator"], case["dtype"]) == (goal.operator, goal.dtype)
        if same and case["shape"].startswith(goal.shape):
            for peer in case["peers"]:
                if goal.name in peer["passes"]:
                    found.setdefault(peer["key"], peer["passes"][goal.name])
    return found


def measured(report: dict[str, Any], goal: Goal) -> float | None:
    """Return microseconds of a replay of ours, or the ratio of a step; None if there is none."""
    found = timings(report, goal)
    if goal.operator == "step":
        if not {"native", "recorded"} <= set(found):
            return None
        return found["native"]["median"] / found["recorded"]["median"]
    seconds = found.get("ours", {}).get("replay")
    return None if seconds is None else 1e6 * seconds


def card(report: dict[str, Any]) -> str:
    """Return the card whose goals count, "" if there are none for this machine."""
    name = report.get("machine", {}).get("device", "")
    return next((one for one in CARDS if one in name), "")


def goal_line(report: dict[str, Any], goal: Goal) -> str:
    """Return a goal beside what was measured."""
    value, limit = measured(report, goal), {"H100": goal.h100, "H200": goal.h200}.get(card(report))
    step = goal.operator == "step"
    unit = "x native / recorded" if step else "µs"
    what = "not measured" if value is None else f"{value:.1f} {unit}"
    if limit is None:
        wanted = "no goal"
    elif value is None:
        wanted = f"goal {limit:.0f} {unit}"
    else:
        met = value >= limit if step else value <= limit
        wanted = f"goal {limit:.0f} {unit}: {'met' if met else 'missed'}"
    return f"{goal.operator} {goal.shape} {goal.name} {goal.dtype}: {what}, {wanted}"


def case_lines(case: dict[str, Any]) -> list[str]:
    """Return a line for each pass and peer: replays, calls with the host's time, error; reasons."""
    title = f"{case['operator']} {case['shape']} {case['dtype']}"
    found = []
    for name, bound in case["bounds"].items():
        found.append(f"{title} {name}: bound {1e6 * bound['seconds']:.1f} µs")
        for peer in case["peers"]:
            timing = peer["passes"].get(name)
            if timing is None:
                continue
            replay = timing["replay"]
            graph = f"{1e6 * replay:.1f} µs" if replay else timing["unreplayed"] or "no replay"
            error = "" if peer["error"] is None else f", error {peer['error']:.0e}"
            host = f"host {1e6 * timing['median']:.1f} µs"
            found.append(f"    {peer['key']:16} {graph}, {host}{error}")
    untimed = [peer for peer in case["peers"] if not peer["passes"]]
    if untimed:
        found.append(f"{title}: not timed")
    return found + [f"    {peer['key']:16} {peer['status']}: {peer['reason']}" for peer in untimed]


def step_line(folder: Path, step: dict[str, Any]) -> str:
    """Return how a step ended, with the last line that it said."""
    log = folder / "log" / f"{step['step']}.txt"
    said = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    endings = {0: "done", None: "left out", 124: "out of time", 125: "left out", 137: "killed"}
    ended = endings.get(step["exit"], f"failed ({step['exit']})")
    last = said[-1].strip()[:160] if said else "said nothing"
    return f"{step['step']:12} {ended}, {step['seconds']} s: {last}"


def read_report(folder: Path) -> dict[str, Any]:
    """Return what the benchmark measured, which is nothing if it did not come so far."""
    path = folder / "benchmark.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def summarise(folder: Path) -> dict[str, Any]:
    """Return steps, machine and goals with what was measured."""
    report = read_report(folder)
    steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    goals = [goal._asdict() | {"measured": measured(report, goal)} for goal in GOALS]
    return {"steps": steps, "machine": report.get("machine", {}), "goals": goals}


def lines(folder: Path, summary: dict[str, Any]) -> list[str]:
    """Return the summary as people read it."""
    report = read_report(folder)
    found = [step_line(folder, step) for step in summary["steps"]]
    for one in report.get("ceilings", ()):
        found.append(
            f"ceilings {one['dtype']}: matrix product {one['gemm'] / 1e3:.1f} TFLOP/s, "
            f"copy {one['copy'] / 1e3:.2f} TB/s"
        )
    for case in report.get("cases", ()):
        found += case_lines(case)
    if any(step["step"] == "machine" and step["exit"] is None for step in summary["steps"]):
        return [*found, "no GPU: CPU dry run, whose figures say nothing of a GPU"]
    found.append(f"goals are those of {card(report) or 'no card: they are for H100 and H200'}")
    return found + [goal_line(report, goal) for goal in GOALS]


def main() -> None:
    folder = Path(sys.argv[1])
    summary = summarise(folder)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print("\n".join(lines(folder, summary)))


if __name__ == "__main__":
    main()
