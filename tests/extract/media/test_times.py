"""What is said and shown at 5 s is heard and seen at 5 s, however a file counts its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.extract.media import SAMPLE_RATE, pictures_at, read_sound
from tests.extract.media.tones import begins, pitch, tone, write

BEEP, SILENCE = tone(440, 0.5), tone(0, 5)


def _greys(path: Path, times: list[float]) -> list[int | None]:
    found = pictures_at(path, times)
    return [None if one is None else 10 * round(float(one.mean()) / 10) for one in found]


def test_gap_in_time_stamps_is_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [(0.0, tone(880, 1)), (5.0, BEEP)])
    sound = read_sound(path)
    assert len(sound) == pytest.approx(5.5 * SAMPLE_RATE, abs=100)
    assert not sound[round(1.1 * SAMPLE_RATE) : round(4.9 * SAMPLE_RATE)].any()
    assert begins(sound[SAMPLE_RATE + 200 :]) == pytest.approx(4.0, abs=0.03)


@pytest.mark.parametrize("name", ["a.mkv", "a.ts"])
def test_recording_may_begin_far_from_zero(tmp_path: Path, name: str) -> None:
    codec = "mp2" if name == "a.ts" else "pcm_s16le"
    path = tmp_path / name
    write(
        path,
        [(3600.0, np.r_[SILENCE, BEEP])],
        [(3600.0, 0), (3605.0, 200), (3605.1, 0)],
        codec=codec,
    )
    assert begins(read_sound(path)) == pytest.approx(5.0, abs=0.05)
    assert _greys(path, [4.9, 5.05]) == [0, 200]


def test_sound_may_begin_after_the_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [(5.0, BEEP)], [(0.0, 0), (5.0, 200)])
    assert begins(read_sound(path)) == pytest.approx(5.0, abs=0.01)


def test_pictures_may_begin_after_the_sound(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [(0.0, np.r_[SILENCE, BEEP])], [(2.0, 100), (5.0, 200)])
    assert _greys(path, [0.0, 2.0, 4.9, 5.0]) == [100, 100, 100, 200]


def test_pictures_may_last_any_time(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv", [], [(0.0, 0), (0.1, 50), (5.0, 100), (5.033, 150), (9.0, 200)]
    )
    assert _greys(path, [0.05, 0.1, 4.9, 5.01, 5.04, 8.9, 9.0]) == [0, 50, 50, 100, 150, 150, 200]


def test_joined_recordings_follow_each_other(tmp_path: Path) -> None:
    pictures = [(0.04 * n, 50) for n in range(100)]
    first = write(tmp_path / "a.ts", [(0.0, tone(880, 2))], pictures, codec="mp2")
    pictures = [(0.04 * n, 100 if n < 25 else 200) for n in range(50)]
    write(tmp_path / "b.ts", [(0.0, np.r_[tone(0, 1), BEEP])], pictures, codec="mp2")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + (tmp_path / "b.ts").read_bytes())
    sound = read_sound(joined)
    beep = 4.2 + begins(sound[round(4.2 * SAMPLE_RATE) :])
    assert beep == pytest.approx(5.0, abs=0.1)  # the first ends with its pictures, after 4 s
    assert _greys(joined, [0.0, 3.9, beep - 0.1, beep + 0.1]) == [50, 50, 100, 200]


def test_one_time_stamp_that_lies_moves_nothing_else(tmp_path: Path) -> None:
    pieces = [(0.0, tone(0, 2.048)), (2.048, tone(0, 0.064)), (2.112, tone(0, 2.888)), (5.0, BEEP)]
    pieces[1] = (0.5, pieces[1][1])
    path = write(tmp_path / "a.nut", pieces)
    assert begins(read_sound(path)) == pytest.approx(5.0, abs=0.03)


def test_clock_that_runs_fast_is_followed(tmp_path: Path) -> None:
    """A recorder that counts 16,000 Hz and samples 15,200 of them."""
    pieces = [(0.064 * n / 0.95, tone(0, 0.064)) for n in range(round(5 * 0.95 / 0.064))]
    path = write(tmp_path / "a.mkv", [*pieces, (5.0, BEEP)])
    assert begins(read_sound(path)) == pytest.approx(5.0, abs=0.12)


def test_rounded_time_stamps_cut_nothing(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    piece = tone(500, 0.064)  # 32 periods
    pieces = [(0.064 * n + generator.uniform(0, 0.02), piece) for n in range(50)]
    sound = read_sound(write(tmp_path / "a.mkv", pieces))
    assert pitch(sound) == pytest.approx(500, abs=1)
    assert np.abs(np.diff(sound)).max() < 0.1  # no click
