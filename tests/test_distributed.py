"""A training on several processes has the weights of one: shares, gradients, files, restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from ariigcn_dgl import distributed
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import SynthConfig, load_dialogues, synthesise, write_folder
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.prepare import captures_steps, check_processes
from ariigcn_dgl.training.run_config import RunConfig

TORCHRUN = ("-m", "torch.distributed.run", "--standalone")
# Rows of both processes, a loss of all pairs of them, and what one process would find.
TOGETHER = """
import torch
from ariigcn_dgl import distributed as d
from torch import nn

with d.joined("cpu") as device:
    rank = d.rank()
    assert (device, d.size(), d.leads()) == ("cpu", 2, rank == 0)
    weight = nn.Parameter(torch.arange(6.0).reshape(3, 2))
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    own = rows[:2] if rank == 0 else rows[2:]  # of different numbers
    pairs = lambda z: (z @ z.T).tanh().sum() + z.prod()
    z = d.gathered((own @ weight).unsqueeze(0), 1)[0]
    d.share(pairs(z)).backward()
    d.add_gradients([weight, nn.Parameter(torch.zeros(1))])
    alone = nn.Parameter(weight.detach().clone())
    pairs(rows @ alone).backward()
    torch.testing.assert_close(weight.grad, alone.grad)
    torch.testing.assert_close(z, rows @ alone)
    assert d.summed(torch.tensor([rank + 1.0])).item() == 3
    assert d.told(rank) == 0 and d.everybodys(rank) == [0, 1]
assert d.size() == 1
"""


# Losses of targets, and what students are from their teacher, of rows of two processes and of one.
TARGETS = """
import torch
from ariigcn_dgl import distributed as d
from ariigcn_dgl.batch import Truth
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.models.objective import Objective, PairChoice, head_of

SPECS = {
    "score": TargetSpec("score", "regression", ("a", "b"), -3.0, 3.0),
    "cues": TargetSpec("cues", "multilabel", ("x", "y")),
    "tone": TargetSpec("tone", "classes", ("low", "high")),
}
torch.manual_seed(0)
truth = {"score": torch.randn(9, 2), "cues": torch.rand(9, 2).round(), "tone": torch.ones(9, 1)}
for values in truth.values():
    values[[0, 3, 4], 0] = torch.nan
outputs, students, there = torch.randn(9, 6), torch.randn(2, 9, 6), torch.rand(2, 9) < 0.7
ROWS = (slice(0, 2), slice(2, 9))  # of the first process and the second, which know 1 and 5 tones

def measured(form, rows):
    objective = Objective(tuple(head_of(spec, 1.5, form=form) for spec in SPECS.values()))
    said = outputs[rows].clone().requires_grad_()
    learnt = students[:, rows].clone().requires_grad_()
    known = Truth(torch.full((9,), -1)[rows], {name: x[rows] for name, x in truth.items()})
    losses = objective.losses(said, known)
    losses["far"] = objective.distance(learnt, said, there[:, rows], 2.0)
    sum(losses.values()).backward()
    keys = torch.cat([head.keys(known, PairChoice()) for head in objective.heads])
    shares = {name: d.summed(loss.detach()) for name, loss in losses.items()}
    return shares, said.grad, learnt.grad, d.gathered(keys, 1)

FORMS = ("mae", "mse", "huber", "ccc")
with d.joined("cpu"):
    own = ROWS[d.rank()]
    together = [measured(form, own) for form in FORMS]
for form, (shares, said, learnt, keys) in zip(FORMS, together, strict=True):
    alone = measured(form, slice(None))
    torch.testing.assert_close(shares, alone[0])
    torch.testing.assert_close(said, alone[1][own])
    torch.testing.assert_close(learnt, alone[2][:, own])
    for ours, theirs in zip(keys, alone[3], strict=True):
        assert (ours[:, None] == ours).equal(theirs[:, None] == theirs)
"""


# Keeps what it goes on from after every second step; of the first attempt a process dies within the
# second epoch.
DYING = """
import os
import signal

from ariigcn_dgl.cli.main import main
from ariigcn_dgl.training import trainer

trainer.CHECKPOINT_SECONDS, trainer.CLOCK_STEPS = 0, 2
take = trainer.Learner.step

def step(self, *arguments):
    attempt, rank = os.environ["TORCHELASTIC_RESTART_COUNT"], os.environ["RANK"]
    if (self.step_count, attempt, rank) == (6, "0", "1"):
        os.kill(os.getpid(), signal.SIGKILL)
    print("attempt", attempt, "rank", rank, "step", self.step_count, flush=True)
    return take(self, *arguments)

trainer.Learner.step = step
main()
"""


# No setting turns off the dropout of discriminators, which draw in each process for themselves.
UNDROPPED = """
from ariigcn_dgl.cli.main import main
from ariigcn_dgl.nn._dropout import Dropout

Dropout.forward = lambda self, x: x
main()
"""


def _run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | (env or {}),
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "talk"
    write_folder(synthesise(SynthConfig(name="talk", train=16, val=5, test=5)), path)
    return path


@pytest.fixture
def train(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Train on so many processes; return the folder of the seed."""

    (tmp_path / "undropped.py").write_text(UNDROPPED)

    def train(processes: int, *options: object) -> Path:
        out = tmp_path / str(processes)
        start = [*TORCHRUN, "--nproc-per-node", processes] if processes > 1 else []
        command = ["train", "--data", data, "--out", out, *options]
        said = _run(*start, tmp_path / "undropped.py", *command)
        assert said.returncode == 0, said.stderr
        return out / "seed0"

    return train


def _assert_same(one: Path, other: Path, tolerance: float) -> None:
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (one, other))
    for name, weights in ours.items():
        np.testing.assert_allclose(weights, theirs[name], rtol=0, atol=tolerance)


def test_alone_nothing_is_done() -> None:
    rows = torch.ones(2, 3, requires_grad=True)
    assert distributed.gathered(rows) is distributed.share(rows) is distributed.summed(rows) is rows
    assert (distributed.size(), distributed.rank(), distributed.told("a")) == (1, 0, "a")
    with distributed.joined("cuda:3") as device:
        assert device == "cuda:3"


@pytest.mark.slow
def test_losses_and_gradients_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    (tmp_path / "together.py").write_text(TOGETHER)
    said = _run(*TORCHRUN, "--nproc-per-node", 2, tmp_path / "together.py")
    assert said.returncode == 0, said.stderr


@pytest.mark.slow
def test_losses_of_targets_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    (tmp_path / "targets.py").write_text(TARGETS)
    said = _run(*TORCHRUN, "--nproc-per-node", 2, tmp_path / "targets.py")
    assert said.returncode == 0, said.stderr


BIGRU = ("--system", "bigru", "--preset", "paper", "--model.dropout", 0, "--training.epochs", 2)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_bigru_of_one_two_and_four_processes_is_the_same(train: Callable) -> None:
    options = (*BIGRU, "--training.batch_size", 8, "--training.class_weights", "true")
    one = train(1, *options)
    for processes in (2, 4):
        several = train(processes, *options)
        _assert_same(one, several, 1e-5)
        ours, theirs = (
            [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
            for folder in (one, several)
        )
        for before, now in zip(ours, theirs, strict=True):
            assert now == pytest.approx(before, rel=1e-5)


UNDROPPED_PARTS = [
    option
    for part in ("encoder", "input", "graph", "context", "head")
    for option in (f"--model.{part}_dropout", 0)
]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_ariigcn_with_all_its_losses_is_the_same_on_two_processes(train: Callable) -> None:
    options = [
        *("--preset", "tuned", "--model.hidden_dim", 8, "--training.epochs", 1),
        *("--training.batch_size", 8, "--model.adversarial", "alternate"),
        *("--model.prediction_weight", 0.1, "--model.gan_sources", "each"),
    ]
    options += UNDROPPED_PARTS
    for loss in ("iccl", "imcl", "scl", "sccl", "instance"):
        options += [f"--model.{loss}_weight", 0.1]
    one, two = train(1, *options), train(2, *options)
    _assert_same(one, two, 1e-4)
    ours, theirs = (json.loads((x / "metrics.jsonl").read_text()) for x in (one, two))
    assert theirs == pytest.approx(ours, rel=1e-4)


SMALL = {
    "c-mfn": ("--model.transformer_dim", 16, "--model.num_layers", 1, "--model.blocks", "true"),
    "graphsmile": ("--model.hidden_dim", 16),
    "sdt": ("--model.hidden_dim", 16),
}


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("system", SMALL)
def test_numbers_and_labels_beside_classes_are_learnt_the_same_on_two_processes(
    system: str, data: Path, train: Callable, tmp_path: Path
) -> None:
    """But for weights like the biases of keys: of rounding, their gradient, Adam makes steps."""
    dialogues = load_dialogues(data)
    hidden = dialogues.features["text"][:, :5] / 3
    mood = TargetSpec("mood", "regression", ("valence", "arousal"), -9.0, 9.0)
    cues = TargetSpec("cues", "multilabel", ("laugh", "cry", "sigh"))
    values = hidden[:, :2].clip(-9, 9), (hidden[:, 2:] > 0.2).astype(np.float32)
    values[0][::3] = np.nan
    targets = {s.name: Target(s, x) for s, x in zip((mood, cues), values, strict=True)}
    write_folder(replace(dialogues, targets=targets), tmp_path / "data")
    options = (
        *("--data", tmp_path / "data", "--targets", "mood", "label", "cues", "--system", system),
        *("--model.dropout", 0, "--training.epochs", 2, "--training.batch_size", 8),
        *SMALL[system],
    )
    one, two = train(1, *options), train(2, *options)
    said = [load_file(folder / "uncalibrated.safetensors") for folder in (one, two)]
    for name, probabilities in said[0].items():
        np.testing.assert_allclose(probabilities, said[1][name], rtol=0, atol=1e-5)
    ours, theirs = (
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (one, two)
    )
    for before, now in zip(ours, theirs, strict=True):
        assert now == pytest.approx(before, rel=1e-5)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_killed_processes_that_are_started_again_end_with_the_same_bits(
    train: Callable, data: Path, tmp_path: Path
) -> None:
    options = (*BIGRU[:-1], 12, "--training.batch_size", 8, "--training.patience", 12)
    whole = train(2, *options)
    out = tmp_path / "killed"
    command = [*TORCHRUN, "--nproc-per-node", 2, "--max-restarts", 1, "-m", "ariigcn_dgl"]
    command += ["train", "--data", data, "--out", out, *options]
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    with process:
        while not (out / "seed0" / "state.pt").exists():
            time.sleep(0.02)
            assert process.poll() is None, process.stderr.read()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        said = process.stderr.read()
    assert process.returncode == 0, said
    name = "model.safetensors"
    assert (out / "seed0" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_processes_killed_within_an_epoch_go_on_within_it_with_the_same_bits(
    train: Callable, tmp_path: Path
) -> None:
    """With dropout, of which each process has its own."""
    made = synthesise(SynthConfig(name="made", train=16, val=4, test=4))
    write_folder(made, tmp_path / "made")
    options = ("--data", tmp_path / "made", "--system", "bigru", "--training.epochs", 2)
    options += ("--training.batch_size", 4, "--training.modality_dropout", 0.3)
    options += ("--model.dropout", 0.3)
    whole = train(2, *options)
    (tmp_path / "dying.py").write_text(DYING)
    out = tmp_path / "killed"
    command = [*TORCHRUN, "--nproc-per-node", 2, "--max-restarts", 1, tmp_path / "dying.py"]
    command += ["train", "--out", out, *options]
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps = [
        int(line.split()[-1]) for line in done.stdout.splitlines() if "attempt 1 rank 0" in line
    ]
    assert steps == [6, 7]  # of four in an epoch
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (out / "seed0" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
def test_a_folder_that_is_there_is_refused_once(train: Callable, tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    with pytest.raises(AssertionError, match="exists already"):
        train(2, *BIGRU)


def test_systems_whose_losses_do_not_add_up_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SYSTEMS["sdt"], "parallel", False)
    dialogues = synthesise(SynthConfig())
    with pytest.raises(InputError, match=r"^torchrun: the losses of sdt .* only those of "):
        check_processes(RunConfig("sdt").resolved(dialogues), dialogues, 2)


@pytest.mark.parametrize(("size", "train"), [(1, 8), (7, 15), (4, 9)])
def test_a_batch_with_fewer_dialogues_than_processes_is_refused(size: int, train: int) -> None:
    dialogues = synthesise(SynthConfig(train=train, val=2, test=2))
    config = RunConfig("mlp", training=TrainingConfig(batch_size=size))
    with pytest.raises(InputError, match=r"^--training.batch_size: is .* needs one of every batch"):
        check_processes(config, dialogues, 2)


def test_recorded_steps_are_of_one_process() -> None:
    with pytest.raises(InputError, match=r"^--cuda_graphs: is of one process"):
        captures_steps(True, "cuda", RunConfig(), 2)
