"""What an interrupted training goes on from: damaged, and made by somebody else."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.trainer import Trainer
from fuzz.mutate import damaged, drawn
from fuzz.readers.reader import Mutator, Reader, Seed, conversations
from fuzz.readers.values import JSON
from fuzz.target import Case, WrongAnswer

FILE = "state.pt"
SEED = 3
WRITTEN = ("metrics.jsonl", "metrics.csv")  # by a training that goes on


class State(Reader):
    """A file that was changed in any way must be refused, or hold what was written."""

    name = "state"

    def good(self) -> list[Seed]:
        """Train an epoch of two systems; return what they would go on from."""
        self.dialogues = conversations()
        seeds = []
        for system in ("mlp", "ariigcn"):
            path = self.folder / system
            fit(prepare(self.dialogues, self.config(system)), SEED, path, test="never")
            seeds.append(Seed(f"{system}/{FILE}", {f"{system}/{FILE}": _bytes(path)}))
        self.states = {seed.name: self.read(self.folder / seed.name) for seed in seeds}
        return seeds

    def config(self, system: str) -> RunConfig:
        """Return small settings."""
        model = SYSTEMS[system].Config(hidden_dim=4)
        training = TrainingConfig(epochs=1, batch_size=4, adversarial_epochs=1)
        return RunConfig(system, model, training).resolved(self.dialogues)

    def read(self, path: Path) -> dict[str, Any]:
        """Return the state in a file."""
        return RunFolder(path.parent).read_checkpoint()

    def run(self, case: Case, folder: Path) -> None:
        """Read it; other content than was written must not come out."""
        (name,) = case.files
        if not _same(self.read(folder / name), self.states[name]):
            raise WrongAnswer(f"training would go on from another state, by {case.words}")


class Resealed(State):
    """A file with the right hash: nothing in it is run, and what does not fit is refused."""

    name = "resealed-state"

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to the archive, to its members, to values, and pickles that give orders."""
        return _archive, _member, _member, _value, _value, _value, _order

    def case(self, seed: Seed, content: bytes, how: str) -> Case:
        """Return the file with the hash of what it holds now."""
        rest = _rest(content)
        head = b"ariigcn-state-1 " + hashlib.sha256(rest).hexdigest().encode() + b"\n"
        return Case(f"{seed.name}, {how}", {seed.name: head + rest})

    def run(self, case: Case, folder: Path) -> None:
        """Let a training go on from it, up to where its next epoch would begin."""
        (name,) = case.files
        path = (folder / name).parent
        config, deciding = self.config(path.name), self.states[name]["deciding"]
        try:
            shown = Shown.fit(self.dialogues, "zero")
            trainer = Trainer(shown, config, SEED, RunFolder(path), "cpu", "never")
            trainer.resume(deciding)
        finally:
            for one in WRITTEN:
                (path / one).unlink(missing_ok=True)


def _bytes(folder: Path) -> bytes:
    return (folder / FILE).read_bytes()


def _rest(content: bytes) -> bytes:
    return content.partition(b"\n")[2]


def _same(one: Any, other: Any) -> bool:
    """Whether two states hold the same."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _within(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return b"\n" + change(_rest(content))  # `Resealed.case` makes the head anew


def _archive(rng: random.Random, content: bytes) -> bytes:
    """Return a state whose bytes are damaged anywhere."""
    return _within(content, lambda rest: damaged(rng, rest))


def _member(rng: random.Random, content: bytes) -> bytes:
    """Return a state of which one member is damaged, and its checksum right again."""
    return _within(content, lambda rest: _with_member(rest, rng, lambda x: damaged(rng, x)))


def _order(rng: random.Random, content: bytes) -> bytes:
    """Return a state whose pickle ends this process when it is obeyed."""
    order = pickle.dumps(_Order(), protocol=2)
    return _within(content, lambda rest: _with_member(rest, rng, lambda _: order, "data.pkl"))


class _Order:
    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return os.abort, ()


def _with_member(
    rest: bytes, rng: random.Random, change: Callable[[bytes], bytes], end: str = ""
) -> bytes:
    with zipfile.ZipFile(io.BytesIO(rest)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([name for name in members if name.endswith(end)])
    members[name] = change(members[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for one, part in members.items():
            archive.writestr(zipfile.ZipInfo(one), part)
    return buffer.getvalue()


def _value(rng: random.Random, content: bytes) -> bytes:
    """Return a state with any value, or another tensor, in place of one value, or without it."""
    state = torch.load(io.BytesIO(_rest(content)), weights_only=True)
    cell: Any = state
    while True:
        key = rng.choice(list(cell) if isinstance(cell, dict) else range(len(cell)))
        if not isinstance(cell[key], (dict, list)) or not cell[key] or rng.random() < 0.2:
            break
        cell = cell[key]
    if isinstance(cell, dict) and rng.random() < 0.15:
        del cell[key]
    elif isinstance(cell[key], torch.Tensor) and rng.random() < 0.6:
        cell[key] = rng.choice(
            (
                cell[key].double(),
                cell[key].unsqueeze(0),
                cell[key].flatten()[:0],
                cell[key] * float("nan"),
                cell[key].to_sparse() if cell[key].dim() else cell[key].to(torch.int8),
            )
        )
    else:
        cell[key] = drawn(rng, JSON)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return b"\n" + buffer.getvalue()
