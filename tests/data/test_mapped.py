"""Large features stay in their files: the same numbers, no memory of their own, no surprises."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import (
    Dialogues,
    examine,
    fingerprint,
    load_dialogues,
    mapped,
    names,
    summarise,
    synthesise,
    write_folder,
)
from ariigcn_dgl.data.mapped import is_mapped, take
from ariigcn_dgl.data.names import Names
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.data.synth_config import SynthConfig
from ariigcn_dgl.data.targets import score_target
from ariigcn_dgl.errors import InputError


@pytest.fixture
def all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Map every file, name utterances as if they were millions, look at a few rows at a time."""
    monkeypatch.setattr(mapped, "LEAST_BYTES", 0)
    monkeypatch.setattr(mapped, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(names, "MANY", 0)


@pytest.fixture
def made() -> Dialogues:
    return synthesise(SynthConfig(train=10, val=3, test=3, unlabelled=0.2))


def _archive(dialogues: Dialogues, path: Path) -> Path:
    masks = {f"{name}_mask": mask for name, mask in dialogues.masks.items()}
    np.savez(
        path,
        dialogue_ptr=dialogues.dialogue_ptr,
        speaker=dialogues.speakers,
        label=dialogues.labels,
        dialogue_ids=np.array(list(dialogues.dialogue_ids)),
        split=np.array(dialogues.splits),
        utterance_ids=np.array(list(dialogues.utterance_ids)),
        speaker_names=np.array(dialogues.speaker_names),
        label_names=np.array(dialogues.label_names),
        **dialogues.features,
        **masks,
    )
    return path


def _plain(dialogues: Dialogues, path: Path) -> Path:
    path.mkdir()
    dialogues.to_pandas().to_csv(path / "utterances.csv", index=False)
    (path / "labels.txt").write_text("\n".join(dialogues.label_names))
    for name, array in dialogues.features.items():
        missing = np.where(dialogues.masks[name][:, None], array, np.float32(np.nan))
        np.save(path / f"{name}.npy", missing)
    return path


def _folder(dialogues: Dialogues, path: Path) -> Path:
    write_folder(dialogues, path)
    return path


@pytest.mark.parametrize("write", [_archive, _folder])
@pytest.mark.usefixtures("all_is_large")
def test_a_large_set_stays_in_its_file_and_is_the_same(
    made: Dialogues, tmp_path: Path, write: object
) -> None:
    loaded = load_dialogues(write(made, tmp_path / "made.npz"))  # a folder has any name
    assert all(map(is_mapped, loaded.features.values()))
    assert isinstance(loaded.utterance_ids, Names)
    assert fingerprint(loaded) == fingerprint(made)
    assert loaded.utterance_ids == made.utterance_ids
    assert tuple(loaded[2].utterance_ids) == made[2].utterance_ids


@pytest.mark.usefixtures("all_is_large")
def test_sequences_stay_in_their_file_beside_targets(made: Dialogues, tmp_path: Path) -> None:
    lengths = made.masks["text"] * (1 + np.arange(made.num_utterances) % 3)
    ptr = np.concatenate([[0], np.cumsum(lengths)])
    rng = np.random.default_rng(0)
    words = Ragged(rng.normal(size=(ptr[-1], 4)).astype(np.float32), ptr)
    score = score_target(rng.uniform(-3, 3, made.num_utterances))
    rich = replace(
        made,
        features=made.features | {"text": words.mean()},
        sequences={"text": words},
        targets={"mood": replace(score, spec=replace(score.spec, name="mood"))},
    )
    write_folder(rich, tmp_path / "rich")
    loaded = load_dialogues(tmp_path / "rich")
    assert is_mapped(loaded.sequences["text"].rows)
    assert fingerprint(loaded) == fingerprint(rich)
    ours, theirs = (Shown.fit(x, "zero").select([7, 2]) for x in (rich, loaded))
    assert fingerprint(ours) == fingerprint(theirs)
    usual = Standardiser.fit(rich.split("train")).apply(rich).select([7, 2])
    assert fingerprint(ours) == fingerprint(usual)


@pytest.mark.usefixtures("all_is_large")
def test_files_of_ones_own_stay_where_they_are_unless_rows_are_missing(
    made: Dialogues, tmp_path: Path
) -> None:
    made.masks["text"][:] = True
    loaded = load_dialogues(_plain(made, tmp_path / "mine"))
    assert [name for name, x in loaded.features.items() if is_mapped(x)] == ["text"]
    assert fingerprint(loaded) == fingerprint(made)


def test_a_small_set_is_read(made: Dialogues, tmp_path: Path) -> None:
    loaded = load_dialogues(_archive(made, tmp_path / "made.npz"))
    assert not any(map(is_mapped, loaded.features.values()))
    assert isinstance(loaded.utterance_ids, tuple)
    loaded.features["text"][0, 0] = 1  # one's own


@pytest.mark.usefixtures("all_is_large")
def test_what_is_compressed_or_of_another_type_is_read(
    npz_file: Path, npz_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    assert not any(map(is_mapped, load_dialogues(npz_file).features.values()))
    np.savez(tmp_path / "half.npz", **npz_arrays)
    loaded = load_dialogues(tmp_path / "half.npz")
    assert [is_mapped(x) for x in loaded.features.values()] == [False, True]  # float16, float32


@pytest.mark.usefixtures("all_is_large")
def test_a_file_is_not_written_to(made: Dialogues, tmp_path: Path) -> None:
    loaded = load_dialogues(_archive(made, tmp_path / "made.npz"))
    with pytest.raises(ValueError, match="read-only"):
        loaded.features["text"][0, 0] = 1
    loaded[:2].features["text"][0, 0] = 1  # a copy


@pytest.mark.usefixtures("all_is_large")
def test_a_flipped_bit_of_an_archive_is_found(made: Dialogues, tmp_path: Path) -> None:
    path = _archive(made, tmp_path / "made.npz")
    content = bytearray(path.read_bytes())
    at = content.find(made.features["text"][5].tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"text: damaged or truncated: Bad CRC-32"):
        load_dialogues(path)


@pytest.mark.parametrize("look", ["take", "blocks"])
@pytest.mark.usefixtures("all_is_large")
def test_a_file_that_is_written_to_meanwhile_ends_the_work(
    made: Dialogues, tmp_path: Path, look: str
) -> None:
    path = _archive(made, tmp_path / "made.npz")
    loaded = load_dialogues(path)
    os.utime(path, (0, 0))
    with pytest.raises(InputError, match=r"made.npz: has changed while it was in use"):
        take(loaded.features["text"], np.arange(40)) if look == "take" else fingerprint(loaded)


@pytest.mark.usefixtures("all_is_large")
def test_a_file_that_is_replaced_meanwhile_is_still_the_old_one(
    made: Dialogues, tmp_path: Path
) -> None:
    path = _archive(made, tmp_path / "made.npz")
    loaded = load_dialogues(path)
    path.rename(tmp_path / "old.npz")
    path.write_bytes(b"another")
    assert fingerprint(loaded) == fingerprint(made)


@pytest.mark.usefixtures("all_is_large")
def test_what_is_said_of_a_set_does_not_depend_on_where_it_lies(
    made: Dialogues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_dialogues(_archive(made, tmp_path / "synthetic.npz"))
    here = summarise(loaded), examine(loaded)
    monkeypatch.undo()
    assert here == (summarise(made), examine(made))


def test_statistics_are_the_same_whatever_is_in_memory_at_once(
    made: Dialogues, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Standardiser.fit(made, "train").arrays()
    monkeypatch.setattr(mapped, "BLOCK_BYTES", 1)  # a row
    for name, array in Standardiser.fit(made, "train").arrays().items():
        assert array.tobytes() == usual[name].tobytes()


def test_statistics_of_a_split_are_those_of_its_dialogues_alone(made: Dialogues) -> None:
    alone = Standardiser.fit(made.split("train")).arrays()
    for name, array in Standardiser.fit(made, "train").arrays().items():
        assert array.tobytes() == alone[name].tobytes()
