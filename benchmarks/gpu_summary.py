"""Sum up what gpu.sh left in a folder: how the steps ended, and times beside the goals.

    python benchmarks/gpu_summary.py OUT

Uses the standard library alone, so that there is a summary even where nothing could be built.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from operator import ge, le
from pathlib import Path
from typing import Any, NamedTuple


class Goal(NamedTuple):
    """Microseconds that a pass may take on an H200: as a CUDA graph, or called one by one."""

    operator: str
    shape: str
    dtype: str
    name: str
    limit: float
    replayed: bool


class Ratio(NamedTuple):
    """How many times longer than ours, or a form of it, another implementation shall take."""

    operator: str
    shape: str
    dtype: str
    name: str
    own: str
    peer: str
    least: float


BOTH = "forward+backward"
GOALS = (
    Goal("attention", "meld", "float32", "forward", 15, True),
    Goal("attention", "iemocap", "float32", "forward", 25, True),
    Goal("attention", "meld", "float32", BOTH, 50, True),
    Goal("attention", "iemocap", "float32", BOTH, 80, True),
    Goal("attention", "long", "bfloat16", "forward", 300, False),
    Goal("contrast", "N8192 supcon", "bfloat16", BOTH, 200, False),
    Goal("contrast", "N32768 supcon", "bfloat16", BOTH, 2600, False),
)
RATIOS = (
    Ratio("step", "iemocap", "float32", "step", "ours", "native", 5),
    Ratio("step", "iemocap", "float32", "step", "recorded", "native", 5),
)


def timing(goal: Goal | Ratio, peer: str, cases: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what was measured of a peer for a goal, None where nothing was."""
    for case in cases:
        same = (case["operator"], case["dtype"]) == (goal.operator, goal.dtype)
        if not same or not case["shape"].startswith(goal.shape):
            continue
        for found in case["peers"]:
            if found["key"] == peer and goal.name in found["passes"]:
                return found["passes"][goal.name]
    return None


def microseconds(goal: Goal, cases: list[dict[str, Any]]) -> float | None:
    """Return the microseconds of ours, None where they were not measured."""
    ours = timing(goal, "ours", cases)
    seconds = ours and ours["replay" if goal.replayed else "minimum"]
    return None if seconds is None else 1e6 * seconds


def ratio(goal: Ratio, cases: list[dict[str, Any]]) -> float | None:
    """Return how many times longer than ours the peer took, None where that is not known."""
    ours, peer = (timing(goal, key, cases) for key in (goal.own, goal.peer))
    return peer["minimum"] / ours["minimum"] if ours and peer else None


def read_cases(folder: Path) -> list[dict[str, Any]]:
    """Return the cases of all benchmarks that were finished."""
    reports = [json.loads(path.read_text()) for path in sorted(folder.glob("speed-*.json"))]
    return [case for report in reports for case in report["cases"]]


def summarise(folder: Path) -> dict[str, Any]:
    """Return the steps, and the goals with what was measured."""
    steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    cases = read_cases(folder)
    goals = [goal._asdict() | {"microseconds": microseconds(goal, cases)} for goal in GOALS]
    ratios = [goal._asdict() | {"ratio": ratio(goal, cases)} for goal in RATIOS]
    return {"steps": steps, "goals": goals, "ratios": ratios}


def goal_line(
    name: str,
    value: float | None,
    meets: Callable[[float, float], bool],
    goal: float,
    unit: str = "",
) -> str:
    """Return a goal beside what was measured, None where nothing was."""
    result = "not measured"
    if value is not None:
        result = f"{value:.1f}{unit}, {'met' if meets(value, goal) else 'missed'}"
    return f"{name:60} goal {goal}{unit}: {result}"


def lines(summary: dict[str, Any]) -> list[str]:
    """Return the summary as people read it."""
    found = []
    for step in summary["steps"]:
        ended = {0: "done", 124: "out of time"}.get(step["exit"], f"failed ({step['exit']})")
        found.append(f"{step['step']:16} {ended}, {step['seconds']} s")
    for goal in summary["goals"]:
        how = "graph" if goal["replayed"] else "eager"
        name = f"{goal['operator']} {goal['shape']} {goal['dtype']} {goal['name']}, {how}"
        found.append(goal_line(name, goal["microseconds"], le, goal["limit"], " µs"))
    for goal in summary["ratios"]:
        name = f"{goal['operator']} {goal['shape']} {goal['dtype']}, {goal['peer']} / {goal['own']}"
        found.append(goal_line(name, goal["ratio"], ge, goal["least"]))
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    summary = summarise(folder)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print("\n".join(lines(summary)))


if __name__ == "__main__":
    main()
