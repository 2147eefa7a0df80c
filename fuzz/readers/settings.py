"""Settings of runs and studies, which are YAML; other JSON and JSON lines."""

from __future__ import annotations

import json
import random
from pathlib import Path

import yaml

from ariigcn_dgl.experiments.resolve import resolve
from ariigcn_dgl.experiments.study_file import load_study
from ariigcn_dgl.files import read_json
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.plain_yaml import read_yaml
from ariigcn_dgl.training.predict import read_predictions
from ariigcn_dgl.training.run_config import RunConfig, read_config, write_config
from fuzz.gentle import nudged, restyled, swapped
from fuzz.mutate import drawn, garbled
from fuzz.readers.reader import Mutator, Reader, Seed, conversations
from fuzz.readers.values import JSON
from fuzz.target import Case, WrongAnswer

YAML = (
    *(
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!!binary x",
        "!!set {a}",
    ),
    *("&a [*a]", "*x", "<<: *x", "? a", "{}", "[]", "~", "1e400", ".nan", ".inf", "0o17", "1:30"),
    *("2001-01-01", "2001-99-99", "|", ">", "- a", "a: b: c", "'", "{system: mlp}", "!!float x"),
)


STUDY = """\
title: Widths
about: What a wider model brings
baseline: narrow
axis: width
defaults:
  system: mlp
  set: {training.epochs: 1, model.hidden_dim: 4}
  search: {training.learning_rate: [0.001, 0.01]}
settings:
- {name: narrow, x: 4}
- name: wide
  x: 8
  modalities: [text, audio]
  set: {model.hidden_dim: 8}
- name: matched
  search: {training.batch_size: [4, 8]}
  match: {to: wide, widths: [model.hidden_dim], multiple_of: 2}
"""


class Yaml(Reader):
    """A text of YAML: words garbled, values replaced, keys odd, or all of it still plausible."""

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words, lines and values, and as many gentle changes."""
        return garbled, _line, _line, _setting, nudged, swapped, restyled, restyled


class Config(Yaml):
    """config.yaml of a run."""

    name = "config-yaml"

    def good(self) -> list[Seed]:
        """Return the settings of every system."""
        seeds = []
        for system in SYSTEMS:
            path = self.folder / f"{system}.yaml"
            write_config(path, RunConfig(system))
            seeds.append(Seed("config.yaml", {"config.yaml": path.read_bytes()}))
        return seeds

    def run(self, case: Case, folder: Path) -> None:
        """Read it; settings that are taken must be written and read as the same."""
        config = read_config(folder / "config.yaml")
        again = self.folder / "again.yaml"
        write_config(again, config)
        if read_config(again) != config:
            raise WrongAnswer("the settings would be read as others when written")


class Studies(Yaml):
    """A study."""

    name = "study-yaml"

    def good(self) -> list[Seed]:
        """Return a study that has a bit of everything."""
        self.dialogues = conversations()
        return [Seed("study.yaml", {"study.yaml": STUDY.encode()})]

    def run(self, case: Case, folder: Path) -> None:
        """Read it, and find the settings of every run; in another style it must be the same."""
        path = folder / "study.yaml"
        study = load_study(str(path))
        resolve(study, self.dialogues)
        again = self.folder / "study.yaml"
        again.write_text(yaml.safe_dump(read_yaml(path)[1], default_flow_style=True))
        if load_study(str(again)) != study:
            raise WrongAnswer("the study would be read as another when written")


class Records(Reader):
    """JSON and JSON lines: of a run folder's predictions, and of any object."""

    name = "json"
    labels = ("joy", "anger")

    def good(self) -> list[Seed]:
        """Return predictions, and an object."""
        answers = [
            {
                "dialogue": f"d{n // 3}",
                "utterance": f"u{n}",
                "speaker": "Ann",
                "label": self.labels[n % 2] if n else None,
                "prediction": "joy",
                "probabilities": {"joy": 0.75, "anger": 0.25},
            }
            for n in range(6)
        ]
        lines = "".join(json.dumps(answer) + "\n" for answer in answers).encode()
        header = json.dumps({"format": "a", "nested": answers[:2]}).encode()
        return [Seed("a.jsonl", {"a.jsonl": lines}), Seed("a.json", {"a.json": header})]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words, and any JSON in place of a field."""
        return (garbled, _field) if seed.name == "a.jsonl" else (garbled,)

    def run(self, case: Case, folder: Path) -> None:
        """Read it."""
        (name,) = case.files
        if name == "a.json":
            read_json(folder / name, ["nested"], "a")
            return
        for record in read_predictions(folder / name, self.labels):
            if not all(0 <= p <= 1 for p in record["probabilities"].values()):
                raise WrongAnswer(f"a probability of {record['probabilities']}")


def _line(rng: random.Random, content: bytes) -> bytes:
    """Return YAML with one to three lines that end in something of `YAML`."""
    lines = content.decode().split("\n")
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(lines))
        head = lines[place].split(":")[0]
        lines[place] = rng.choice((lines[place], head + ": ", head)) + rng.choice(YAML)
    return "\n".join(lines).encode()


def _setting(rng: random.Random, content: bytes) -> bytes:
    """Return YAML with any value in place of one."""
    value = yaml.safe_load(content)
    cell = value
    while True:
        key = rng.choice(list(cell) if isinstance(cell, dict) else range(len(cell)))
        if not isinstance(cell[key], (dict, list)) or not cell[key] or rng.random() < 0.3:
            break
        cell = cell[key]
    cell[key] = drawn(rng, JSON)
    return yaml.safe_dump(value).encode("utf-8", "surrogatepass")


def _field(rng: random.Random, content: bytes) -> bytes:
    """Return JSON lines with any value in place of one field of one line."""
    lines = [json.loads(line) for line in content.splitlines()]
    record = rng.choice(lines)
    record = rng.choice((record, record["probabilities"]))
    record[rng.choice(list(record))] = drawn(rng, JSON)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
