"""Feature files of other projects, as ``ariigcn data import`` reads them."""

from __future__ import annotations

import pickle
import pickletools
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data import Dialogues, write_folder
from ariigcn_dgl.data.community import ImportOptions, import_file
from ariigcn_dgl.data.community.example import example
from ariigcn_dgl.data.community.humour import humour_example, sarcasm_example, writes_ur_funny
from ariigcn_dgl.data.community.published import CMU_MOSI
from ariigcn_dgl.data.community.write import FOLDERS, LAYOUTS, write_layout
from ariigcn_dgl.data.community.write_others import write_mustard
from ariigcn_dgl.data.community.write_sentiment import write_bc_lstm, write_csd, write_gcnet
from ariigcn_dgl.data.fingerprint import fingerprint
from ariigcn_dgl.data.load import read_dialogues
from fuzz.mutate import damaged, garbled
from fuzz.readers.reader import Mutator, Reader, Seed, files_of
from fuzz.target import Case, WrongAnswer

CLASSES = ("cogmen", "corect")  # of the writer's own class, so that only bytes can be changed
FRACTION = 0.003
OPCODES = [code.code.encode("latin1") for code in pickletools.opcodes]
ODD = (
    *(
        None,
        True,
        -1,
        7,
        2**40,
        10**30,
        0.5,
        float("nan"),
        float("inf"),
        "x",
        b"y",
        "\ud800",
        "a\0b",
    ),
    *(
        [],
        {},
        (),
        set(),
        [[]],
        [None],
        ["a"],
        {"a": 1},
        np.float64(3),
        np.zeros(0),
        np.zeros((2, 0)),
    ),
    *(
        np.zeros((3, 3, 3)),
        np.array(["a", "b"]),
        np.array([1, "x", None], object),
        np.zeros(5, complex),
    ),
)


class Pickles(Reader):
    """Every layout that is one pickle."""

    name = "community-pickles"

    def good(self) -> list[Seed]:
        """Return a small file of each layout."""
        seeds = []
        for name in LAYOUTS:
            if name not in FOLDERS:
                path = self.folder / f"{name}.pkl"
                write_layout(name, path, fraction=FRACTION)
                seeds.append(Seed(path.name, {path.name: path.read_bytes()}))
        return seeds

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to bytes, to instructions, and to values in a good pickle."""
        if Path(seed.name).stem in CLASSES:
            return damaged, _instruction
        return damaged, _instruction, _value, _value

    def run(self, case: Case, folder: Path) -> None:
        """Import it; what was written must be what was read."""
        (name,) = case.files
        options = ImportOptions(nonfinite_missing=len(case.files[name]) % 2 == 0)
        _written_again(import_file(folder / name, options).dialogues, self.folder / "out")


class Folders(Reader):
    """Folders of other projects, and MELD's csv files beside a feature file."""

    name = "community-folders"

    def good(self) -> list[Seed]:
        """Return all, with each of their files as the one to damage."""
        for name in ("merbench", "meld-csv"):
            write_layout(name, self.folder / name, fraction=FRACTION)
        write_layout("meld-raw1", self.folder / "meld.pkl", fraction=FRACTION)
        bench, csv = files_of(self.folder / "merbench"), files_of(self.folder / "meld-csv")
        csv["meld.pkl"] = (self.folder / "meld.pkl").read_bytes()
        narrow = humour_example({"text": 3, "audio": 2, "visual": 2}, fraction=FRACTION)
        writes_ur_funny("v2")(narrow, self.folder / "talks")
        talks = files_of(self.folder / "talks")
        write_mustard(
            sarcasm_example({"text": 2, "audio": 3}, fraction=FRACTION), self.folder / "clips"
        )
        clips = files_of(self.folder / "clips")
        mosi = example(CMU_MOSI, {"text": 2, "audio": 3, "visual": 2}, fraction=FRACTION)
        write_csd(mosi, self.folder / "mosi")
        write_gcnet(mosi, self.folder / "gcnet")
        gcnet = files_of(self.folder / "gcnet")
        write_bc_lstm(mosi, self.folder / "padded")
        padded = files_of(self.folder / "padded")
        sequences = files_of(self.folder / "mosi")
        some = [name for name in bench if name.endswith(".npz")] + list(bench)[:1]
        return [
            *(Seed(name, bench) for name in some),
            *(Seed(name, csv) for name in csv if name.endswith(".csv")),
            *(Seed(name, talks) for name in talks),
            *(Seed(name, clips) for name in clips),
            *(Seed(name, sequences) for name in sequences),
            *(Seed(name, padded) for name in padded),
            *(Seed(name, gcnet) for name in gcnet if name.endswith(".pkl")),
        ]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words of csv files, to bytes of arrays."""
        return (garbled,) if seed.name.endswith(".csv") else (damaged,)

    def run(self, case: Case, folder: Path) -> None:
        """Import it; what was written must be what was read."""
        csv = [folder / name for name in case.files if name.endswith(".csv")]
        path = folder / "meld.pkl" if csv else folder
        _written_again(import_file(path, ImportOptions(), csv).dialogues, self.folder / "out")


def _written_again(dialogues: Dialogues, out: Path) -> None:
    write_folder(dialogues, out)
    try:
        if fingerprint(read_dialogues(out)) != fingerprint(dialogues):
            raise WrongAnswer("what was written is not what was read")
    finally:
        for path in out.iterdir():
            path.unlink()
        out.rmdir()


def _instruction(rng: random.Random, content: bytes) -> bytes:
    """Return a pickle with up to three instructions replaced, added or lost."""
    out, places = bytearray(content), _places(content)
    for place in sorted(rng.choices(places, k=rng.randrange(1, 4)), reverse=True):
        out[place : place + rng.randrange(2)] = rng.choice((b"", *OPCODES))
    return bytes(out)


@cache
def _places(content: bytes) -> Sequence[int]:
    return [place for _, _, place in pickletools.genops(content)]


def _value(rng: random.Random, content: bytes) -> bytes:
    """Return a good pickle in which something odd stands in place of one value."""
    return pickle.dumps(_with_odd(rng, pickle.loads(content)), rng.choice((2, 3, 4, 5)))


def _with_odd(rng: random.Random, value: Any) -> Any:
    if not isinstance(value, (dict, list, tuple)) or not value or rng.random() < 0.15:
        return rng.choice(ODD)
    if isinstance(value, dict):
        key = rng.choice(list(value))
        return {**value, key: _with_odd(rng, value[key])}
    place = rng.randrange(len(value))
    return type(value)([*value[:place], _with_odd(rng, value[place]), *value[place + 1 :]])
