"""What attacks on readers share: good files, one of which is damaged."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ariigcn_dgl.data import Dialogues, SynthConfig, SynthModality, synthesise
from fuzz.mutate import damaged, garbled
from fuzz.target import Case, Target

Mutator = Callable[[random.Random, bytes], bytes]
TEXTS = (".csv", ".json", ".jsonl", ".srt", ".vtt", ".yaml", ".txt")


@dataclass(frozen=True)
class Seed:
    """Good files, and which of them is damaged.

    Parameters
    ----------
    name : str
        Of the file to damage.
    files : mapping of str to bytes
        All files, that one included.
    """

    name: str
    files: Mapping[str, bytes]


class Reader(Target):
    """Damages one file of a seed; `mutators` are tried as often as they stand there.

    Attributes
    ----------
    seeds : list of Seed
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seeds = self.good()

    @abstractmethod
    def good(self) -> list[Seed]:
        """Return the good files, which may be written to `folder` first."""

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return how a seed is damaged: texts by words, others by bytes."""
        return (garbled,) if seed.name.endswith(TEXTS) else (damaged,)

    def make(self, rng: random.Random) -> Case:
        """Damage a seed."""
        seed = rng.choice(self.seeds)
        mutator = rng.choice(self.mutators(seed))
        content = mutator(rng, seed.files[seed.name])
        return self.case(seed, content, mutator.__name__.strip("_"))

    def case(self, seed: Seed, content: bytes, how: str) -> Case:
        """Return the input in which a seed's file has other content."""
        return Case(f"{seed.name}, {how}", {**seed.files, seed.name: content})


def conversations() -> Dialogues:
    """Return a small data set with unlabelled utterances, missing modalities and two views."""
    modality = {"strength": 1.4, "trait": 0.3, "drift": 0.1}
    config = SynthConfig(
        name="talk",
        train=6,
        val=2,
        test=2,
        length_mean=4,
        length_sd=1,
        length_min=2,
        length_max=6,
        unlabelled=0.2,
        text=SynthModality(3, **modality),
        audio=SynthModality(2, **modality, missing=0.2),
        visual=SynthModality(2, **modality),
    )
    return replace(synthesise(config), views={"text": (1, 2)})


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder, by its path there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}
