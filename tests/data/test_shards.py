"""Sets of shards: the same set as in one folder, in any order of reading, nothing in silence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.batch.batch import shuffled_batches
from ariigcn_dgl.data import Dialogues, examine, load_dialogues, shards, summarise, synthesise
from ariigcn_dgl.data.columns import columns_of
from ariigcn_dgl.data.folder import write_folder
from ariigcn_dgl.data.mapped import Stacked, blocks, take
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.shards import together
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.data.synth_config import SynthConfig
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.data.write_shards import cut, join, write_shards
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import seal

SCORE = TargetSpec("score", "regression", ("score",), -3.0, 3.0)


@pytest.fixture(scope="module")
def made() -> Dialogues:
    one = synthesise(SynthConfig(train=12, val=3, test=3, unlabelled=0.2))
    words = tuple(f"said {n} – ‘é’" for n in range(one.num_utterances))
    return replace(one, words=words)


@pytest.fixture(scope="module")
def written(made: Dialogues, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "shards"
    write_shards(cut(made, 40_000), path)
    return path


@pytest.fixture
def divided(written: Path, tmp_path: Path) -> Path:
    """Return a copy, which a test may damage."""
    return Path(shutil.copytree(written, tmp_path / "shards"))


def arrays_of(dialogues: Dialogues) -> dict[str, np.ndarray]:
    targets = {name: target.values for name, target in dialogues.targets.items()}
    return {
        "labels": dialogues.labels,
        "dialogue_ptr": dialogues.dialogue_ptr,
        "speaker": np.array(dialogues.speaker_names)[dialogues.speakers],
        **{f"{m}_mask": mask for m, mask in dialogues.masks.items()},
        **{m: np.asarray(rows) for m, rows in dialogues.features.items()},
        **targets,
    }


def assert_equal(ours: Dialogues, theirs: Dialogues) -> None:
    for name in ("dialogue_ids", "utterance_ids", "splits", "words", "label_names", "views"):
        assert getattr(ours, name) == getattr(theirs, name), name
    one, other = arrays_of(ours), arrays_of(theirs)
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f"), name


def test_a_set_of_shards_is_the_set_that_was_divided(made: Dialogues, divided: Path) -> None:
    found = load_dialogues(divided)
    assert isinstance(found.features["text"], Stacked)
    assert len(found.features["text"].pieces) > 5
    assert_equal(found, made)


def test_views_and_targets_are_kept(made: Dialogues, tmp_path: Path) -> None:
    values = np.linspace(-3, 3, made.num_utterances, dtype=np.float32)[:, None]
    values[3] = np.nan
    scored = replace(
        made,
        views={"text": (24, 40)},
        targets={"score": Target(SCORE, values)},
        divided="by hand",
    )
    write_shards(cut(scored, 100_000), tmp_path / "shards")
    found = load_dialogues(tmp_path / "shards")
    assert_equal(found, scored)
    assert found.divided == "by hand"
    assert found.specs == scored.specs


@pytest.mark.parametrize("rows", [3, -1, slice(5, 90, 7), np.array([70, 0, 69, 0])])
def test_stacked_rows_are_those_of_one_array(made: Dialogues, divided: Path, rows: object) -> None:
    found, whole = load_dialogues(divided).features["text"], made.features["text"]
    assert np.array_equal(found[rows], whole[rows])
    assert np.array_equal(found[rows, 5], whole[rows, 5])


def test_stacked_rows_can_be_chosen_by_bool(made: Dialogues, divided: Path) -> None:
    found, whole = load_dialogues(divided).features["audio"], made.features["audio"]
    chosen = np.arange(len(whole)) % 3 == 0
    assert np.array_equal(take(found, chosen), whole[chosen])
    with pytest.raises(IndexError):
        found[chosen[:-1]]


def test_a_row_beyond_the_last_is_no_row(divided: Path) -> None:
    found = load_dialogues(divided).features["audio"]
    with pytest.raises(IndexError):
        found[len(found)]


def test_stacked_blocks_are_all_rows_in_their_order(made: Dialogues, divided: Path) -> None:
    whole = made.features["text"]
    ends = [0]
    for rows, block in blocks(load_dialogues(divided).features["text"]):
        assert rows.start == ends[-1]
        assert np.array_equal(block, whole[rows])
        ends.append(rows.stop)
    assert ends[-1] == len(whole)


def test_training_rows_are_scaled_by_what_was_measured_when_they_were_written(
    made: Dialogues, divided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load_dialogues(divided)
    monkeypatch.setattr(shards.ShardFile, "arrays", None)  # no file may be looked at
    ours, theirs = Standardiser.fit(found, "train"), Standardiser.fit(made, "train")
    for m in made.features:
        np.testing.assert_allclose(ours.mean[m], theirs.mean[m], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(ours.std[m], theirs.std[m], rtol=1e-6)


def test_other_rows_are_measured(made: Dialogues, divided: Path) -> None:
    chosen = made.in_split("test") & made.masks["audio"]
    ours = columns_of(load_dialogues(divided).features["audio"], chosen)
    theirs = columns_of(made.features["audio"], chosen)
    assert ours.count == theirs.count
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-12)
    np.testing.assert_allclose(ours.std, theirs.std, rtol=1e-12)
    assert np.array_equal(ours.largest, theirs.largest)


def test_what_is_found_out_about_a_set_does_not_depend_on_shards(
    made: Dialogues, divided: Path
) -> None:
    found = load_dialogues(divided)
    assert [str(one) for one in examine(found)] == [str(one) for one in examine(made)]


def test_a_set_of_shards_can_be_made_one_folder_again(
    made: Dialogues, divided: Path, tmp_path: Path
) -> None:
    write_folder(made, tmp_path / "one")
    write_folder(load_dialogues(divided), tmp_path / "back")
    assert_equal(load_dialogues(tmp_path / "back"), load_dialogues(tmp_path / "one"))


def test_a_modality_may_lack_in_a_shard(made: Dialogues, tmp_path: Path) -> None:
    first, rest = made[:4], made[4:].with_modalities(["text"])
    write_shards([first, rest], tmp_path / "shards")
    found = load_dialogues(tmp_path / "shards")
    assert not found.masks["audio"][first.num_utterances :].any()
    assert not np.asarray(found.features["audio"])[first.num_utterances :].any()
    assert np.array_equal(found.features["text"], made.features["text"])


# Joining.


@pytest.fixture
def folders(made: Dialogues, tmp_path: Path) -> list[Path]:
    parts = [made[:5], made[5:]]
    paths = [tmp_path / "first", tmp_path / "second"]
    for part, path in zip(parts, paths, strict=True):
        write_folder(part, path)
    return paths


def test_folders_are_joined_without_copying_their_features(
    made: Dialogues, folders: list[Path], tmp_path: Path
) -> None:
    assert_equal(replace(join(folders, tmp_path / "joined"), name=made.name), made)
    assert {path.name for path in (tmp_path / "joined").iterdir()} == {
        "shards.json",
        "catalogue.safetensors",
        "seal.json",
    }


def test_joined_folders_can_be_moved_together(
    made: Dialogues, folders: list[Path], tmp_path: Path
) -> None:
    join(folders, tmp_path / "joined")
    for path in [*folders, tmp_path / "joined"]:
        (tmp_path / "moved").mkdir(exist_ok=True)
        shutil.move(path, tmp_path / "moved" / path.name)
    assert_equal(load_dialogues(tmp_path / "moved" / "joined"), made)


def test_sets_of_shards_are_joined_shard_by_shard(
    made: Dialogues, folders: list[Path], divided: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_folder(
        replace(
            made,
            dialogue_ids=tuple(f"{name}_2" for name in made.dialogue_ids),
            utterance_ids=tuple(f"{name}_2" for name in made.utterance_ids),
        ),
        other,
    )
    found = join([divided, other], tmp_path / "joined")
    assert len(found.features["text"].pieces) == len(list(divided.glob("shard0*"))) + 1
    assert_equal(replace(found[: len(made)], name=made.name), made)


def test_classes_of_joined_folders_are_put_together_by_name(
    made: Dialogues, tmp_path: Path
) -> None:
    other = replace(made[5:], label_names=tuple(reversed(made.label_names)))
    write_folder(made[:5], tmp_path / "first")
    write_folder(other, tmp_path / "second")
    found = join([tmp_path / "first", tmp_path / "second"], tmp_path / "joined")
    assert found.label_names == tuple(sorted(made.label_names))
    names = [(*part.label_names, None) for part in (made[:5], other)]
    expected = [n[c] for n, p in zip(names, (made[:5], other), strict=True) for c in p.labels]
    assert [(*found.label_names, None)[c] for c in found.labels] == expected


def _twice(made: Dialogues) -> list[Dialogues]:
    return [made[:5], made[4:]]


def _of_another_width(made: Dialogues) -> list[Dialogues]:
    return [
        made[:5],
        replace(
            made[5:],
            features={"text": made[5:].features["text"][:, :9]},
            masks={"text": made[5:].masks["text"]},
        ),
    ]


def _of_other_targets(made: Dialogues) -> list[Dialogues]:
    rest = made[5:]
    values = np.zeros((rest.num_utterances, 1), np.float32)
    return [made[:5], replace(rest, targets={"score": Target(SCORE, values)})]


def _of_sequences(made: Dialogues) -> list[Dialogues]:
    said = Ragged.of([row[None] for row in made.features["text"]])
    mask = np.ones(made.num_utterances, bool)
    return [replace(made, sequences={"text": said}, masks=made.masks | {"text": mask})]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (_twice, "second: the dialogue 'train_0004' is in .*first, too"),
        (_of_another_width, "second: text has the width 9, in .*first 64"),
        (_of_other_targets, "second: has the targets score, .*first none"),
        (_of_sequences, "first: text is a sequence of rows per utterance"),
    ],
)
def test_folders_that_do_not_fit_are_refused(
    made: Dialogues, tmp_path: Path, parts: Callable[[Dialogues], list[Dialogues]], sentence: str
) -> None:
    paths = [tmp_path / name for name in ("first", "second")]
    written = parts(made)
    for part, path in zip(written, paths, strict=False):
        write_folder(part, path)
    with pytest.raises(InputError, match=sentence):
        join(paths[: len(written)], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_what_is_no_folder_of_this_program_is_not_joined(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a\.npz: not a folder with dataset\.json or shards\.json"
    ):
        join([tmp_path / "a.npz"], tmp_path / "joined")


# Damage.


def test_a_lost_shard_is_named(divided: Path) -> None:
    shutil.rmtree(divided / "shard00002")
    with pytest.raises(InputError, match=r"shard00002.features.safetensors: no such file, but"):
        load_dialogues(divided)


def test_a_changed_shard_is_refused_when_it_is_looked_at(divided: Path) -> None:
    path = divided / "shard00001" / "features.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found = load_dialogues(divided)
    assert found.features["text"][0].any()
    with pytest.raises(InputError, match=r"shard00001.features.safetensors: changed or truncated"):
        summarise(found)


def test_a_shard_of_another_set_is_refused(divided: Path) -> None:
    shutil.copy(
        divided / "shard00001" / "features.safetensors",
        divided / "shard00003" / "features.safetensors",
    )
    found = load_dialogues(divided)
    with pytest.raises(InputError, match="shard00003"):
        np.asarray(found.features["text"])


@pytest.mark.parametrize("name", ["catalogue.safetensors", "shards.json"])
@pytest.mark.parametrize("keep", [0, 20, 200])
def test_a_truncated_file_is_one_sentence(divided: Path, name: str, keep: int) -> None:
    (divided / name).write_bytes((divided / name).read_bytes()[:keep])
    with pytest.raises(InputError, match=f"{name}: changed or truncated"):
        load_dialogues(divided)


@pytest.mark.parametrize("name", ["catalogue.safetensors", "shards.json", "seal.json"])
def test_a_lost_file_is_one_sentence(divided: Path, name: str) -> None:
    (divided / name).unlink()
    with pytest.raises(InputError, match=f"{name}: .*[Nn]o such file"):
        load_dialogues(divided)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, "version is 2, this program reads version 1"),
        ({"format": "other"}, "format is 'other', expected 'ariigcn-shards'"),
        ({"widths": {"text": 64}}, "shard00000 has other modalities than text"),
        ({"widths": {"text": -1, "audio": 32, "visual": 48}}, "is not of .* shards and -1 columns"),
        ({"shards": []}, "labels of .* utterances, shards.json has 0"),
        ({"shards": [{"folder": "x"}]}, "lacks 'shards.0.dialogues'"),
        ({"name": 5}, "name: expected"),
        ({"sha256": "\u2028"}, "sha256: expected 64 hexadecimal digits"),
        (
            {"targets": [{"name": "s", "kind": "regression", "names": ["s"]}]},
            "target.s: found nothing",
        ),
    ],
)
def test_a_strangers_header_is_one_sentence(
    divided: Path, change: dict[str, object], sentence: str
) -> None:
    path = divided / "shards.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    seal(divided, ["shards.json"])
    with pytest.raises(InputError, match=sentence):
        np.asarray(load_dialogues(divided).features["text"])


# The order of reading.


def test_a_small_set_is_read_as_one_group_and_draws_nothing(made: Dialogues, divided: Path) -> None:
    generator = np.random.default_rng(0)
    chosen = made.indices("train")
    (group,) = together(load_dialogues(divided), chosen, generator)
    assert group is chosen
    assert generator.random() == np.random.default_rng(0).random()


def test_groups_hold_every_dialogue_once_and_few_shards(
    divided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "WINDOW_BYTES", 90_000)
    found = load_dialogues(divided)
    chosen = found.indices("train")
    groups = together(found, chosen, np.random.default_rng(0))
    assert len(groups) > 2
    assert sorted(np.concatenate(groups)) == chosen.tolist()
    ptr = found.features["text"].ptr
    of_group = [set(np.searchsorted(ptr, found.dialogue_ptr[g], side="right")) for g in groups]
    for n, some in enumerate(of_group):
        assert not any(some & other for other in of_group[:n])
    again = together(found, chosen, np.random.default_rng(1))
    assert [list(g) for g in again] != [list(g) for g in groups]


def test_batches_of_groups_are_full_and_hold_every_dialogue_once() -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 100)
    groups = np.split(np.random.default_rng(1).permutation(100), [23, 24, 71])
    batches = list(shuffled_batches(lengths, groups, 4, np.random.default_rng(2)))
    assert [len(batch) for batch in batches] == [4] * 25
    assert sorted(np.concatenate(batches)) == list(range(100))
    # Those of the first group come first, but for what does not fill a pool.
    assert set(np.concatenate(batches[:4])) <= set(groups[0])
