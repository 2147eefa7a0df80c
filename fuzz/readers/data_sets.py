"""Data sets of this package's own forms: archives, plain folders, sealed folders."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from pathlib import Path

import numpy as np

from ariigcn_dgl.data import Dialogues, load_dialogues, summarise, write_folder
from ariigcn_dgl.data.fingerprint import fingerprint
from ariigcn_dgl.data.write_shards import cut, write_shards
from fuzz.mutate import damaged, drawn, garbled
from fuzz.readers.reader import Mutator, Reader, Seed, conversations, files_of
from fuzz.readers.values import JSON
from fuzz.target import Case, WrongAnswer

CSV = "dialogue,utterance,speaker,label,split"
HEADER = 128  # bytes of an .npy file that say what is in it


class DataSet(Reader):
    """Whatever `load_dialogues` opens."""

    def path(self, folder: Path) -> Path:
        """Return what is loaded: the folder itself, or a file in it."""
        return folder

    def run(self, case: Case, folder: Path) -> None:
        """Load it."""
        load_dialogues(self.path(folder))


class Archive(DataSet):
    """An .npz archive, compressed and not."""

    name = "npz"

    def path(self, folder: Path) -> Path:
        """Return the archive."""
        return folder / "set.npz"

    def good(self) -> list[Seed]:
        """Return the archive, compressed and not."""
        arrays = _arrays(conversations())
        packed = []
        for save in (np.savez, np.savez_compressed):
            buffer = io.BytesIO()
            save(buffer, **arrays)
            packed.append(buffer.getvalue())
        return [Seed("set.npz", {"set.npz": content}) for content in packed]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to the archive, and to a member whose checksum is right again."""
        return damaged, _member, _member


def _member(rng: random.Random, content: bytes) -> bytes:
    """Return an archive with one member damaged, renamed, repeated or lost."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    kind = rng.randrange(5)
    if kind < 3:
        members[name] = _array_file(rng, members[name])
    elif kind == 3:
        members[rng.choice(("../a.npy", "/a.npy", "visual_mask.npy", "ü\n.npy"))] = members.pop(
            name
        )
    else:
        members[name] = members[rng.choice(list(members))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((0, 8))) as archive:
        for name, part in members.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return buffer.getvalue()


def _array_file(rng: random.Random, content: bytes) -> bytes:
    """Return an .npy file with a damaged header, or damaged anywhere."""
    if rng.random() < 0.5:
        return garbled(rng, content[:HEADER]) + content[HEADER:]
    return damaged(rng, content)


class Plain(DataSet):
    """A user's own folder: a table and an .npy file for each modality."""

    name = "plain-folder"

    def good(self) -> list[Seed]:
        """Return the folder, with each of its files as the one to damage."""
        dialogues = conversations()
        rows = [dict(zip(CSV.split(","), row, strict=True)) for row in _rows(dialogues)]
        arrays = {f"{name}.npy": _npy(array) for name, array in dialogues.features.items()}
        csv = "\n".join([CSV, *(",".join(row.values()) for row in rows), ""]).encode()
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        labels = "\n".join(dialogues.label_names).encode()
        views = json.dumps(dialogues.views).encode()
        whole = {"utterances.csv": csv, "labels.txt": labels, "views.json": views, **arrays}
        damaged_ones = ("utterances.csv", "labels.txt", "views.json", "text.npy")
        seeds = [Seed(name, whole) for name in damaged_ones]
        return [*seeds, Seed("utterances.jsonl", {"utterances.jsonl": lines, **arrays})]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words, or to an array's header."""
        return (_array_file,) if seed.name.endswith(".npy") else (garbled,)


class Sealed(DataSet):
    """A folder of `write_folder` of which one file was changed: to be noticed."""

    name = "sealed-folder"

    def good(self) -> list[Seed]:
        """Return the folder, with each of its files as the one to damage."""
        write_folder(conversations(), self.folder / "data")
        files = files_of(self.folder / "data")
        self.fingerprint = fingerprint(load_dialogues(self.folder / "data"))
        return [Seed(name, files) for name in files]

    def run(self, case: Case, folder: Path) -> None:
        """Load it; other content than was written must not come out."""
        if fingerprint(load_dialogues(folder)) != self.fingerprint:
            raise WrongAnswer(f"another data set than was sealed, by {case.words}")


class Resealed(DataSet):
    """A folder of `write_folder` that was changed and sealed anew, so that it is read."""

    name = "resealed-folder"

    def good(self) -> list[Seed]:
        """Return the folder, with each of its files but the seal as the one to damage."""
        write_folder(conversations(), self.folder / "data")
        files = files_of(self.folder / "data")
        return [Seed(name, files) for name in files if name != "seal.json"]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words, bytes, and the header within safetensors."""
        if seed.name == "dataset.json":
            return garbled, _header_field
        if seed.name == "features.safetensors":
            return damaged, _tensor_header
        return (garbled,)

    def case(self, seed: Seed, content: bytes, how: str) -> Case:
        """Return the folder with right hashes."""
        files = {**super().case(seed, content, how).files}
        if seed.name != "dataset.json":
            header = json.loads(files["dataset.json"])
            header["sha256"][seed.name] = hashlib.sha256(content).hexdigest()
            files["dataset.json"] = json.dumps(header).encode()
        own = json.loads(files["seal.json"])
        own["sha256"]["dataset.json"] = hashlib.sha256(files["dataset.json"]).hexdigest()
        files["seal.json"] = json.dumps(own).encode()
        return Case(f"{seed.name}, {how}", files)


class Shards(DataSet):
    """A set of shards, changed and sealed anew, so that it is read; every row is looked at."""

    name = "shards"

    def good(self) -> list[Seed]:
        """Return the set, with the files of its own as those to damage."""
        write_shards(cut(conversations(), 1000), self.folder / "data")
        files = files_of(self.folder / "data")
        return [Seed(name, files) for name in ("shards.json", "catalogue.safetensors")]

    def mutators(self, seed: Seed) -> tuple[Mutator, ...]:
        """Return damage to words, bytes, and the header within safetensors."""
        if seed.name == "shards.json":
            return garbled, _header_field
        return damaged, _tensor_header

    def case(self, seed: Seed, content: bytes, how: str) -> Case:
        """Return the folder with right hashes."""
        files = {**super().case(seed, content, how).files}
        if seed.name != "shards.json":
            header = json.loads(files["shards.json"])
            header["sha256"] = hashlib.sha256(content).hexdigest()
            files["shards.json"] = json.dumps(header).encode()
        own = json.loads(files["seal.json"])
        own["sha256"]["shards.json"] = hashlib.sha256(files["shards.json"]).hexdigest()
        files["seal.json"] = json.dumps(own).encode()
        return Case(f"{seed.name}, {how}", files)

    def run(self, case: Case, folder: Path) -> None:
        """Load it, and what it leads to."""
        summarise(load_dialogues(folder))


def _header_field(rng: random.Random, content: bytes) -> bytes:
    """Return dataset.json with any JSON in place of one field."""
    header = json.loads(content)
    header[rng.choice(list(header))] = drawn(rng, JSON)
    return json.dumps(header).encode()


def _tensor_header(rng: random.Random, content: bytes) -> bytes:
    """Return safetensors whose header has one field of one tensor changed."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    tensor = header[rng.choice([name for name in header if name != "__metadata__"])]
    key = rng.choice(list(tensor))
    odd = {
        "dtype": ["F64", "BF16", "F16", "I8", "BOOL", "F8_E4M3", "X9", None],
        "shape": [[], [0], [-1, 3], [2**40, 2**40], [1] * 100, "x", None],
        "data_offsets": [[0, 2**62], [8, 0], [0, 0], [-1, 8], [], None],
    }
    tensor[key] = rng.choice(
        [*odd[key], *(other[key] for other in header.values() if key in other)]
    )
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _rows(d: Dialogues) -> list[tuple[str, ...]]:
    labels = {-1: ""} | dict(enumerate(d.label_names))
    return [
        (
            d.dialogue_ids[b],
            d.utterance_ids[n],
            d.speaker_names[d.speakers[n]],
            labels[int(d.labels[n])],
            d.splits[b],
        )
        for n, b in enumerate(d.row_dialogues)
    ]


def _arrays(d: Dialogues) -> dict[str, np.ndarray]:
    turns = np.concatenate([np.arange(length) for length in d.lengths])
    return {
        "dialogue": d.row_dialogues,
        "dialogue_ids": np.array(d.dialogue_ids),
        "dialogue_ptr": d.dialogue_ptr,
        "split": np.array(d.splits),
        "turn": turns,
        "utterance_ids": np.array(d.utterance_ids),
        "speaker": d.speakers,
        "speaker_names": np.array(d.speaker_names),
        "label": d.labels,
        "label_names": np.array(d.label_names),
        **d.features,
        **{f"{name}_mask": mask for name, mask in d.masks.items()},
        **{f"{name}_views": np.array(widths) for name, widths in d.views.items()},
    }


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
