"""The command: tables, JSON, Markdown, picture, and bad options."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ariigcn_dgl.benchmark.record import PeerRecord, Report, Timing
from ariigcn_dgl.benchmark.show import markdown
from ariigcn_dgl.cli import main

ARGUMENTS = (
    *("--quick", "--dims", "8", "--sizes", "40", "--seconds", "0", "--threads", "1"),
    # Always the same: of one model in sixty a whole step's gradient lies at a kink of its ReLUs,
    # where float32 and float64 differ by more than rounding.
    *("--seed", "0"),
    *("--peers", "torch-split", "eager", "pml", "torch", "dgl-gatv2conv"),
)


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory, small_machine: None) -> Path:
    """Return the JSON file of a tiny run of everything."""
    path = tmp_path_factory.mktemp("benchmark") / "result.json"
    main(["benchmark", *ARGUMENTS, "--json", str(path)])
    return path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command and return what it printed."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        main(["benchmark", *map(str, arguments)])
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command, which must end with code 2; return its one sentence."""

    def run(*arguments: object) -> str:
        with pytest.raises(SystemExit) as end:
            main(["benchmark", *map(str, arguments)])
        captured = capsys.readouterr()
        assert (end.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
        return captured.err

    return run


def test_report_survives_the_file(result: Path, tmp_path: Path) -> None:
    report = Report.read(result)
    report.write(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(result.read_text())
    assert Report.read(tmp_path / "again.json") == report


def test_report_has_machine_ceilings_and_all_operators(result: Path) -> None:
    report = Report.read(result)
    assert {case.operator for case in report.cases} == {"attention", "contrast", "plan", "step"}
    assert report.machine["torch"]
    assert report.ceilings[0].compute >= report.ceilings[0].gemm > 0
    for case in report.cases:
        assert case.peer("ours").status == "equal"
        assert all(case.over_bound(case.peer("ours"), name) > 0 for name in case.bounds)


def test_table_shows_times_errors_and_the_bound(said: Callable, result: Path) -> None:
    out = said("--read", result)
    for words in ("attention meld D8 R8", "bound (", "torch gather + index_add", "1.00×"):
        assert words in out
    assert "DGL GATv2Conv, other formula" in out


def test_markdown_has_a_row_per_case_and_pass(said: Callable, result: Path) -> None:
    report = Report.read(result)
    out = said("--read", result, "--markdown")
    assert out == markdown(report)
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    tables = 4
    assert len(rows) == 2 * tables + sum(len(case.bounds) for case in report.cases)
    assert len({line.count("|") for line in rows if "attention" not in line}) <= tables
    assert "DGL GATv2Conv\\*" in out


def test_untimed_peer_is_a_dash_with_its_reason(result: Path, said: Callable) -> None:
    report = Report.read(result)
    case = report.cases[0]
    peer = replace(case.peer("torch-split"), status="wrong", reason="differs", passes={})
    peers = tuple(peer if one.key == "torch-split" else one for one in case.peers)
    report = replace(report, cases=(replace(case, peers=peers),))
    report.write(result.parent / "wrong.json")
    out = said("--read", result.parent / "wrong.json")
    assert "torch gather + index_add: wrong: differs" in out
    assert "torch gather" not in markdown(report)


def test_on_a_gpu_replays_count_and_calls_are_the_hosts(result: Path, said: Callable) -> None:
    report = Report.read(result)
    case = report.cases[0]
    replayed = Timing(5e-3, 6e-3, 3, None, replay=2e-3)
    waits = Timing(9e-3, 9e-3, 3, None, unreplayed="no CUDA graph: it waits")
    peers = (
        PeerRecord("ours", "ours", "equal", passes={"forward": replayed}),
        PeerRecord("a", "twice", "equal", passes={"forward": replace(replayed, replay=4e-3)}),
        PeerRecord("b", "waits", "equal", passes={"forward": waits}),
    )
    case = replace(case, device="cuda", peers=peers)
    replace(report, cases=(case,)).write(result.parent / "gpu.json")
    out = said("--read", result.parent / "gpu.json")
    assert "graph ms" in out
    assert "host ms" in out
    assert "waits: forward: no CUDA graph: it waits" in out
    assert case.over_ours(peers[1], "forward") == pytest.approx(2.0)
    assert case.over_ours(peers[2], "forward") == pytest.approx(1.8)  # of calls, as one has none


def test_file_has_every_case_as_soon_as_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_machine: None
) -> None:
    written, write = [], Report.write

    def noted(report: Report, path: str) -> None:
        write(report, path)
        written.append(len(Report.read(path).cases))

    monkeypatch.setattr(Report, "write", noted)
    options = ("contrast", "--sizes", "8", "--peers", "eager", "--seconds", "0")
    main(["benchmark", *options, "--json", str(tmp_path / "result.json")])
    assert written == [1, 2]


@pytest.mark.slow
def test_picture_is_drawn(result: Path, tmp_path: Path, said: Callable) -> None:
    said("--read", result, "--picture", tmp_path / "roof.png")
    assert (tmp_path / "roof.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["roof.png"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "expected a JSON object"),
        ("{}", "lacks 'format'"),
        ('{"format": 0}', "lacks"),
        (None, "cannot be read"),
    ],
)
def test_file_that_is_no_report_is_refused(
    refused: Callable, tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "bad.json").write_text(content)
    assert words in refused("--read", tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"format": 0}, "has format 0"), ({"cases": [{"bounds": {}}]}, "not a result of")],
)
def test_damaged_report_is_refused(
    refused: Callable, result: Path, tmp_path: Path, change: dict, words: str
) -> None:
    content = json.loads(result.read_text()) | change
    (tmp_path / "bad.json").write_text(json.dumps(content))
    assert words in refused("--read", tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bake"], "operators: is bake, expected one of"),
        (["--relations", "10"], "--relations 10: expected twice a square"),
        (["--dims", "0"], "--dims 0: expected at least 1"),
        (["--threads", "-1"], "--threads -1: expected at least 1"),
        (["--peers", "me"], "--peers me: expected some of chunked, compiled"),
        (["--seconds", "-1"], "--seconds -1.0: expected at least 0"),
        (["--clock", "cpu", "--threads", "2"], "only with --threads 1"),
        (["--shapes", "small"], "--shapes: is small, expected one of"),
        (["step", "--shapes", "long"], "--shapes long: step has iemocap, meld"),
        (["--picture", "roof.gif"], "expected a name that ends in .png, .svg or .pdf"),
        (
            ["--json", "no/such/folder.json"],
            "cannot be written: No such file or directory: create no/such",
        ),
    ],
)
def test_bad_option_is_one_sentence(refused: Callable, arguments: list[str], words: str) -> None:
    assert words in refused(*arguments)
