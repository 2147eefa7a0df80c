"""Extractions that are stopped go on, and end with the same bits."""

from __future__ import annotations

import errno
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data import mapped, write_folder
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import jobs as jobs_module
from ariigcn_dgl.extract import parts, texts
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.kept import Kept, kept_beside
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.rows import Rows
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder
from tests.extract.media.tones import tone, write


class Loudness(Encoder):
    """Features of sound that a test can count and stop."""

    modality = "audio"
    width = 2

    def __init__(self, scale: float = 1.0, stop_at: int = 0) -> None:
        super().__init__()
        self.scale, self.stop_at, self.prepared = scale, stop_at, 0

    def describe(self) -> dict[str, Any]:
        return {"encoder": "loudness", "scale": self.scale}

    def prepare(self, seen: np.ndarray) -> Any:
        self.prepared += 1
        if self.prepared == self.stop_at:
            raise KeyboardInterrupt
        return None if not len(seen) else self.scale * np.array([np.abs(seen).mean(), seen.std()])

    def encode(self, inputs: Sequence[Any]) -> np.ndarray:
        return np.stack(inputs).astype(np.float32)


class Killed(Loudness):
    """Ends the process that it works in."""

    def prepare(self, seen: np.ndarray) -> Any:
        os._exit(9)


class Lengths(Encoder):
    """Features of texts that a test can count and stop."""

    modality = "text"
    width = 1

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__()
        self.stop_at, self.blocks = stop_at, 0

    def describe(self) -> dict[str, Any]:
        return {"encoder": "lengths"}

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        self.blocks += 1
        if self.blocks == self.stop_at:
            raise KeyboardInterrupt
        return np.array([[len(text)] for text in inputs], np.float32)


@pytest.fixture
def spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Spoken]:
    """Return two utterances of each of four recordings; each recording is a part."""
    monkeypatch.setattr(parts, "UTTERANCES", 1)
    monkeypatch.setattr(texts, "BLOCK", 2)
    utterances = []
    for n in range(4):
        path = write(tmp_path / f"{n}.wav", [(0.0, tone(200 + 100 * n, 0.4))])
        for m in range(2):
            times = (0.2 * m, 0.2 * m + 0.2)
            utterances.append(Spoken(path, f"d{n}", f"d{n}_{m}", "A", *times, "x" * (n + m + 1)))
    return utterances


def _extracted(
    spoken: list[Spoken],
    kept: Kept | None,
    audio: Encoder,
    text: Encoder | None = None,
    **options: Any,
) -> tuple[dict[str, np.ndarray], list[str]]:
    notes: list[str] = []
    found = extract("set", spoken, Encoders(text, audio), notes.append, kept=kept, **options)
    return found.dialogues.features, notes


def test_stopped_extraction_goes_on_and_ends_with_the_same_bits(
    spoken: list[Spoken], tmp_path: Path
) -> None:
    expected, notes = _extracted(spoken, None, Loudness(), Lengths())
    assert notes == []
    kept = Kept(tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        _extracted(spoken, kept, Loudness(stop_at=6), Lengths())
    audio = Loudness()
    with pytest.raises(KeyboardInterrupt):
        _extracted(spoken, kept, audio, Lengths(stop_at=3))
    assert audio.prepared == 4  # of the third and fourth recording
    audio, text = Loudness(), Lengths()
    found, notes = _extracted(spoken, kept, audio, text)
    assert (audio.prepared, text.blocks) == (0, 2)
    assert notes == ["goes on with 4 of 4 recordings done"]
    for modality in ("audio", "text"):
        np.testing.assert_array_equal(found[modality], expected[modality])


def test_what_another_encoder_made_is_made_again(spoken: list[Spoken], tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    _extracted(spoken, kept, Loudness())
    audio = Loudness(scale=2.0)
    found, notes = _extracted(spoken, kept, audio)
    assert (audio.prepared, notes) == (8, [])
    np.testing.assert_array_equal(found["audio"], _extracted(spoken, None, audio)[0]["audio"])


def test_recording_that_has_changed_is_done_again(spoken: list[Spoken], tmp_path: Path) -> None:
    kept, audio = Kept(tmp_path / "kept"), Loudness()
    _extracted(spoken, kept, audio)
    write(spoken[0].recording, [(0.0, tone(100, 0.4))])
    _, notes = _extracted(spoken, kept, audio)
    assert audio.prepared == 8 + 2
    assert notes == ["goes on with 3 of 4 recordings done"]


@pytest.mark.parametrize("content", [b"", b"no"])
def test_damaged_file_of_what_was_kept_is_made_again(
    spoken: list[Spoken], tmp_path: Path, content: bytes
) -> None:
    kept, audio = Kept(tmp_path / "kept"), Loudness()
    expected, _ = _extracted(spoken, kept, audio)
    next(kept.folder.iterdir()).write_bytes(content)
    found, _ = _extracted(spoken, kept, audio)
    assert audio.prepared == 8 + 2
    np.testing.assert_array_equal(found["audio"], expected["audio"])


def test_what_was_said_is_said_again(spoken: list[Spoken], tmp_path: Path) -> None:
    spoken[1] = Spoken(spoken[1].recording, "d0", "d0_1", "A", 5.0, 6.0, "late")
    kept = Kept(tmp_path / "kept")
    _, said = _extracted(spoken, kept, Loudness(), skip_damaged=True)
    _, again = _extracted(spoken, kept, Loudness(), skip_damaged=True)
    assert "d0_1" in said[-1]
    assert again == ["goes on with 4 of 4 recordings done", *said]


def test_what_is_kept_goes_when_all_is_there(tmp_path: Path) -> None:
    out = tmp_path / "set"
    with kept_beside(out) as kept:
        kept.put("a", {"x": np.zeros(1)})
    assert kept.folder == tmp_path / ".set.partial"
    with kept_beside(out) as kept:
        assert kept.has("a")
        out.mkdir()
    assert not kept.folder.exists()
    kept.put("a", {"x": np.zeros(1)})  # as of a process that was killed in between
    with kept_beside(out):
        assert not kept.folder.exists()


def test_threads_beside_a_gpu_end_with_the_same_bits(spoken: list[Spoken]) -> None:
    expected, _ = _extracted(spoken, None, Loudness())
    found, _ = _extracted(spoken, None, Loudness(), device="cuda", jobs=3)
    np.testing.assert_array_equal(found["audio"], expected["audio"])


def test_rows_that_lie_in_a_file_have_the_same_bits(
    spoken: list[Spoken], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken[1] = Spoken(spoken[1].recording, "d0", "d0_1", "A", 5.0, 6.0, "late")
    made = [Loudness(), Lengths()]
    notes: list[str] = []
    whole = extract("set", spoken, Encoders(made[1], made[0]), notes.append, skip_damaged=True)
    monkeypatch.setattr(mapped, "LEAST_BYTES", 1)
    kept = Kept(tmp_path / "kept")
    options: dict[str, Any] = {"skip_damaged": True, "kept": kept}
    found = extract("set", spoken, Encoders(made[1], made[0]), notes.append, **options)
    for modality in ("audio", "text"):
        ours, theirs = found.dialogues.features[modality], whole.dialogues.features[modality]
        assert (mapped.is_mapped(ours), mapped.is_mapped(theirs)) == (True, False)
        np.testing.assert_array_equal(ours, theirs)
        masks = (one.dialogues.masks[modality] for one in (found, whole))
        np.testing.assert_array_equal(*masks)
    assert not found.dialogues.masks["audio"][1]
    write_folder(found.dialogues, tmp_path / "mapped")
    write_folder(whole.dialogues, tmp_path / "memory")
    files = (tmp_path / one / "features.safetensors" for one in ("mapped", "memory"))
    assert len({file.read_bytes() for file in files}) == 1


def test_recordings_that_were_skipped_are_listed_at_the_end(
    spoken: list[Spoken], tmp_path: Path
) -> None:
    for n in (0, 2):
        (tmp_path / f"{n}.wav").write_bytes(b"no sound")
    kept = Kept(tmp_path / "kept")
    for _ in range(2):  # what was skipped before is listed again
        _, notes = _extracted(spoken, kept, Loudness(), skip_damaged=True)
        listed = f"{tmp_path}/0.wav, {tmp_path}/2.wav"
        assert notes[-1] == f"2 of 4 recordings could not be decoded, and are missing: {listed}"


def test_rows_of_two_extractions_at_once_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LEAST_BYTES", 1)
    ours, theirs = Rows(2, 1, tmp_path), Rows(2, 1, tmp_path)
    ours.put([0], [np.ones(1)])
    theirs.put([1], [np.full(1, 2.0)])
    assert ours.features().tolist() == [[1], [0]]
    assert theirs.features().tolist() == [[0], [2]]
    assert list(tmp_path.iterdir()) == []


def test_rows_that_cannot_be_written_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LEAST_BYTES", 1)
    rows = Rows(2, 3, tmp_path)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with rows.file, pytest.raises(InputError) as error, rows.written():
        raise full
    assert str(error.value) == f"{tmp_path}: cannot be written: No space left on device"


def test_no_more_parts_are_found_ahead_than_can_be_kept_in_memory() -> None:
    begun: list[int] = []

    def begin(task: Any) -> Future:
        begun.append(task)
        future: Future = Future()
        future.set_result(task)
        return future

    found = jobs_module._in_order([], begin, range(100), 2)
    assert next(found) == 0
    assert len(begun) == 2 * jobs_module.AHEAD + 1
    assert [*found] == [*range(1, 100)]


def _make(spoken: list[Spoken], out: Path) -> None:
    with kept_beside(out) as kept:
        encoders = Encoders(Lengths(), Loudness())
        write_folder(extract("set", spoken, encoders, lambda _: None, kept=kept).dialogues, out)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(
    spoken: list[Spoken], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LEAST_BYTES", 1)
    context = multiprocessing.get_context("fork")
    _make(spoken, tmp_path / "whole")
    began = time.monotonic()
    _make(spoken, tmp_path / "timed")
    seconds = time.monotonic() - began
    expected = (tmp_path / "whole" / "features.safetensors").read_bytes()
    moments, kills = np.random.default_rng(0), 0
    for n in range(50):
        out = tmp_path / f"killed{n}"
        while not out.exists():
            process = context.Process(target=_make, args=(spoken, out))
            process.start()
            process.join(moments.uniform(0, seconds))
            kills += process.is_alive()
            process.kill()
            process.join()
        assert (out / "features.safetensors").read_bytes() == expected
    assert kills >= 25


@pytest.mark.slow
def test_processes_end_with_the_same_bits(spoken: list[Spoken], tmp_path: Path) -> None:
    expected, _ = _extracted(spoken, None, Loudness())
    kept = Kept(tmp_path / "kept")
    found, _ = _extracted(spoken, kept, Loudness(), jobs=2)
    np.testing.assert_array_equal(found["audio"], expected["audio"])
    audio = Loudness()
    _extracted(spoken, kept, audio)  # they kept what they did
    assert audio.prepared == 0


@pytest.mark.slow
def test_process_that_is_killed_is_told(spoken: list[Spoken]) -> None:
    with pytest.raises(InputError, match=r"a process that decodes was killed .* fewer --jobs"):
        _extracted(spoken, None, Killed(), jobs=2)


def test_encoder_that_no_other_process_can_have_is_named(spoken: list[Spoken]) -> None:
    audio = Loudness()
    audio.unfit = lambda: None
    with pytest.raises(InputError, match=r"--jobs: an encoder cannot be given .*: use --jobs 1"):
        _extracted(spoken, None, audio, jobs=2)


def test_utterances_that_an_encoder_cut_are_told_again(
    roberta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "BLOCK", 2)
    said = ["a" * 62, "b" * 63, "", "c" * 200]
    utterances = [Spoken(None, "d", f"d_{n}", "A", None, None, one) for n, one in enumerate(said)]
    kept, encoders = Kept(tmp_path / "kept"), Encoders(TextEncoder(roberta))
    for _ in range(2):
        notes: list[str] = []
        extract("set", utterances, encoders, notes.append, kept=kept)
        assert notes == [
            "2 utterances are longer than the 64 tokens that the text encoder reads: the rest of "
            "them was not read; the first is 'd_1'"
        ]
