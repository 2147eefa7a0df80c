"""``ariigcn benchmark``."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ariigcn_dgl.benchmark.measure import Clock
from ariigcn_dgl.benchmark.options import DType, Operator, Options, Shape
from ariigcn_dgl.benchmark.picture import check_picture, draw
from ariigcn_dgl.benchmark.record import PASSES, CaseRecord, Report
from ariigcn_dgl.benchmark.runner import run, steps
from ariigcn_dgl.benchmark.show import CAPTION, case_table, machine_text, reasons
from ariigcn_dgl.benchmark.show import markdown as to_markdown
from ariigcn_dgl.cli.say import Screen
from ariigcn_dgl.device import check_device
from ariigcn_dgl.files import refuse_no_place

NARROWEST = 100  # columns that the tables need where there is no terminal


def benchmark(
    operators: list[Operator],
    shapes: list[Shape] | None = None,
    dims: list[int] | None = None,
    relations: list[int] | None = None,
    sizes: list[int] | None = None,
    dtypes: list[DType] | None = None,
    threads: list[int] | None = None,
    passes: list[Literal["forward", "forward+backward"]] | None = None,
    peers: list[str] | None = None,
    device: str = "cpu",
    seconds: float | None = None,
    clock: Clock = "wall",
    budget: float | None = None,
    seed: int | None = None,
    quick: bool = False,
    json: str | None = None,
    picture: str | None = None,
    read: str | None = None,
    markdown: bool = False,
) -> None:
    """Measure the operators, and a training step, beside other libraries and the machine's limits.

    Every peer is first compared with float64, output and gradients; what differs is not timed. The
    others take turns in one process. Bounds come from the multiply-add peak and the copy rate of
    this machine, measured in the same run.

    Parameters
    ----------
    operators : list of {"attention", "contrast", "plan", "step"}
        What to measure; default all. "plan" is the building of a batch's graph, "step" a training
        step of AR-IIGCN with its tuned settings, TGAN and contrast.
    shapes : list of {"meld", "iemocap", "long"}
        Batches for attention and plan: 32 dialogues x 10 utterances, 32 x 50, 1000 x 100; for
        step: 32 dialogues like MELD's, 8 like IEMOCAP's.
    dims : list of int
        Widths D for attention, e.g. 100 256 512.
    relations : list of int
        Numbers of relations for attention, twice a square: 8, 18, 162 for 2, 3, 9 speakers.
    sizes : list of int
        Numbers of rows N for contrast, e.g. 320 1600 8192 32768.
    dtypes : list of {"float32", "float64", "bfloat16", "float16"}
        Default float32.
    threads : list of int
        CPU threads; several are measured one after the other. Default: what torch takes.
    passes : list of {"forward", "forward+backward"}
        Default both. Does not concern step.
    peers : list of str
        Only these beside ours, by their keys, e.g. dgl dense-compiled.
    device : str
        Where to run: cpu, cuda, cuda:1 ...
    seconds : float
        Time for the repetitions of each peer and pass, slow ones are called once; default 0.5,
        with --quick 0.2.
    clock : {"wall", "cpu"}
        "cpu" is the time that the process computes; neighbours blur it less, for one thread only.
    budget : float
        Seconds after which no case is begun any more; what was left out says so.
    seed : int
        Of the inputs; default another one each time, which the JSON file names.
    quick : bool
        Small shapes and few peers, in less than a minute.
    json : str
        File for everything that was measured.
    picture : str
        File for a roofline picture: .png, .svg or .pdf.
    read : str
        File that --json of an earlier run wrote: show or draw that instead of measuring.
    markdown : bool
        Print Markdown tables instead.
    """
    if picture is not None:
        check_picture(picture)
    if read is not None:
        report = Report.read(read)
        if not markdown:
            _show_all(report)
    else:
        check_device(device)
        options = Options(
            operators=operators or get_args(Operator),
            shapes=shapes,
            dims=dims,
            relations=relations,
            sizes=sizes,
            dtypes=dtypes or ("float32",),
            threads=threads or (torch.get_num_threads(),),
            passes=passes or PASSES,
            peers=peers,
            device=device,
            seconds=(0.2 if quick else 0.5) if seconds is None else seconds,
            clock=clock,
            quick=quick,
            budget=budget,
            seed=seed,
        )
        for path in (json, picture):
            if path is not None:
                refuse_no_place(path)
        report = _run(options, show=not markdown, json=json)
    if read is not None and json is not None:
        report.write(json)
    if picture is not None:
        draw(report, picture)
    if markdown:
        print(to_markdown(report), end="")


def _run(options: Options, show: bool, json: str | None) -> Report:
    """Measure; the file has every case as soon as it is finished, whatever ends the rest."""
    device = torch.device(options.device)
    console, errors = _console(), Console(stderr=True)
    progress = Progress(
        TextColumn("{task.fields[case]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[peer]}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    task = progress.add_task("benchmark", total=steps(options, device), case="", peer="")

    def step(case: str, peer: str) -> None:
        progress.update(task, advance=1, case=case, peer=peer)

    def finished(report: Report) -> None:
        if show:
            _show(report.cases[-1], console)
        if json is not None:
            report.write(json)

    with progress:
        report = run(options, device, step, finished)
    if show:
        _show_end(report, console)
    return report


def _show_all(report: Report) -> None:
    console = _console()
    for case in report.cases:
        _show(case, console)
    _show_end(report, console)


def _show(case: CaseRecord, console: Console) -> None:
    console.print(case_table(case))
    for line in reasons(case):
        console.print(f"  {line}", style="dim", markup=False, highlight=False)
    console.print()


def _show_end(report: Report, console: Console) -> None:
    console.print(CAPTION, style="dim", markup=False, highlight=False)
    console.print(machine_text(report), markup=False, highlight=False)
    console.print(f"{report.seconds:.0f} s", highlight=False)


def _console() -> Console:
    console = Screen()
    return console if console.is_terminal else Screen(width=max(NARROWEST, console.width))
