"""Lines of a conversation that is still going on, as ``ariigcn predict --stream`` answers them."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path

from ariigcn_dgl.cli import main
from ariigcn_dgl.cli.predict_stream import answers, bounded_lines, longest_line
from ariigcn_dgl.data import write_folder
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.trained import TrainedRun
from fuzz.mutate import drawn, garbled
from fuzz.readers.reader import Mutator, Reader, Seed, conversations
from fuzz.readers.values import JSON
from fuzz.target import Case, WrongAnswer

SMALL = (
    "--model.hidden_dim=8",
    "--model.head_dim=8",
    "--model.projection_dim=0",
    "--model.causal=true",
    "--training.epochs=1",
    "--training.adversarial_epochs=1",
)


class Lines(Reader):
    """Every line that is not blank gets one answer: probabilities, or its number and the error."""

    name = "stream"

    def good(self) -> list[Seed]:
        """Train a model; return what two speakers say."""
        self.trained = TrainedRun(RunFolder(trained_run(self.folder) / "seed0").path)
        features = {name: [0.1] * width for name, width in self.trained.widths.items()}
        said = [
            {"dialogue": f"d{n % 2}", "speaker": "ab"[n % 2], "features": features}
            for n in range(4)
        ]
        lines = "".join(
            json.dumps(line) + "\n" for line in [*said, {"dialogue": "d0", "end": True}]
        )
        return [Seed("a.jsonl", {"a.jsonl": lines.encode()})]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words, and any JSON in place of a field."""
        return garbled, garbled, _field

    def run(self, case: Case, folder: Path) -> None:
        """Answer the lines."""
        content = case.files["a.jsonl"]
        lines = bounded_lines(io.BytesIO(content), longest_line(self.trained))
        found = [json.dumps(one, ensure_ascii=False) for one in answers(self.trained, lines, 2)]
        if len(found) != sum(bool(line.strip()) for line in content.split(b"\n")):
            raise WrongAnswer(f"{len(found)} answers, not one for each line")
        for answer in found:
            answer.encode("utf-8")
            _check(json.loads(answer))


def _check(answer: dict[str, object]) -> None:
    shares = answer.get("probabilities")
    if shares is not None and not (
        all(0 <= p <= 1 for p in shares.values()) and abs(sum(shares.values()) - 1) < 1e-3
    ):
        raise WrongAnswer(f"probabilities are {shares}")


def _field(rng: random.Random, content: bytes) -> bytes:
    """Return the lines with any value in place of one."""
    lines = [json.loads(line) for line in content.splitlines()]
    record = rng.choice(lines)
    if "features" in record and rng.random() < 0.6:
        record = record["features"]
    record[rng.choice(list(record))] = drawn(rng, JSON)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def trained_run(folder: Path) -> Path:
    """Return the folder of a small run that was trained, once, on `folder`/data."""
    out = folder / "run"
    write_folder(conversations(), folder / "data")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main(["train", "--data", str(folder / "data"), "--out", str(out), *SMALL])
    return out
