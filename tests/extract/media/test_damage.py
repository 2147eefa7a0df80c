"""What is damaged costs only itself."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.log_mel import log_mel
from ariigcn_dgl.extract.media import SAMPLE_RATE, Lost, pictures_at, read_sound
from ariigcn_dgl.extract.recordings import perceive
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.visual import VisualEncoder
from tests.extract.media.tones import begins, pitch, tone, write

SECONDS = 6


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Return six seconds of FLAC: silence, from 5 s on a tone; each packet has a checksum."""
    return write(tmp_path / "a.mka", [(0.0, np.r_[tone(0, 5), tone(440, 1)])], codec="flac")


def _damage(path: Path, start: float, end: float) -> None:
    """Overwrite the packets between two times."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [
            bytes(packet)
            for packet in container.demux()
            if packet.size and start <= packet.pts * packet.time_base < end
        ]
    at = 0
    for packet in packets:  # those of silence are alike
        at = content.index(packet, at)
        content[at : at + len(packet)] = b"\x55" * len(packet)
    path.write_bytes(content)


def _perceived(path: Path, notes: list[str], skip_damaged: bool, see: VisualEncoder | None = None):
    spoken = [Spoken(path, "d", f"d_{n}", "A", float(n), n + 1.0, "") for n in range(SECONDS)]
    return perceive(path, spoken, None if see else log_mel, see, notes.append, skip_damaged)


def test_one_bad_packet_costs_only_itself(tmp_path: Path, notes: list[str]) -> None:
    path = write(tmp_path / "a.mka", [(0.0, tone(440, 6))], codec="flac")
    _damage(path, 2.9, 3.0)
    sound = read_sound(path, note=notes.append)
    assert len(sound) == 6 * SAMPLE_RATE
    silent = np.flatnonzero(np.abs(sound).reshape(-1, 160).max(1) == 0) / 100
    assert 2.8 < silent.min() < silent.max() < 3.1
    assert pitch(sound[4 * SAMPLE_RATE :]) == pytest.approx(440, abs=2)
    (sentence,) = notes
    assert sentence.startswith(f"{path}: 2.")
    assert sentence.endswith(" s of the sound is damaged; silent there")


@pytest.mark.parametrize("skip_damaged", [False, True])
def test_small_damage_costs_no_utterance_anything(
    song: Path, notes: list[str], skip_damaged: bool
) -> None:
    _damage(song, 2.9, 3.0)
    found = _perceived(song, notes, skip_damaged)
    assert all(one.heard is not None for one in found)
    assert found[2].heard.mean() < found[5].heard.mean()
    (sentence,) = notes
    assert sentence.startswith(f"{song}: the sound cannot be decoded at 2.")
    assert sentence.endswith("; silent there")


def test_large_damage_is_refused_where_utterances_are(song: Path, notes: list[str]) -> None:
    _damage(song, 1.2, 2.4)
    sentence = r"a\.mka: the sound cannot be decoded at 1\.\d+-2\.\d+ s \(Invalid data found"
    sentence += r".*\), where 2 of 6 utterances are, 'd_1' first: mend .* by --skip_damaged"
    with pytest.raises(InputError, match=sentence):
        _perceived(song, notes, skip_damaged=False)
    with pytest.raises(InputError, match=r"a\.mka: the sound is damaged or truncated at 1\.\d+-2"):
        read_sound(song)


def test_large_damage_costs_only_the_utterances_that_it_touches(
    song: Path, notes: list[str]
) -> None:
    _damage(song, 1.2, 2.4)
    found = _perceived(song, notes, skip_damaged=True)
    assert [one.heard is None for one in found] == [False, True, True, False, False, False]
    assert begins(read_sound(song, skip_damaged=True)) == pytest.approx(5.0, abs=0.01)
    (sentence,) = notes
    assert sentence.endswith("; missing of 2 of 6 utterances")


def test_large_damage_where_nobody_speaks_is_told(song: Path, notes: list[str]) -> None:
    _damage(song, 1.2, 2.4)
    spoken = [Spoken(song, "d", "d_0", "A", 4.0, 6.0, "")]
    (one,) = perceive(song, spoken, log_mel, None, notes.append)
    assert one.heard is not None
    assert notes[0].endswith("; missing of 0 of 1 utterances")


def test_truncated_recording_costs_only_what_is_not_there(song: Path, notes: list[str]) -> None:
    content = song.read_bytes()
    with av.open(str(song)) as container:
        packets = [bytes(packet) for packet in container.demux() if packet.size]
    song.write_bytes(content[: content.index(packets[-len(packets) // 4])])
    with pytest.raises(InputError, match=r"\(the file ends early\), where 2 of 6 .* 'd_4' first"):
        _perceived(song, notes, skip_damaged=False)
    found = _perceived(song, notes, skip_damaged=True)
    assert [one.heard is None for one in found] == [False] * 4 + [True] * 2


def test_utterances_after_the_end_go_without(song: Path, notes: list[str]) -> None:
    spoken = [Spoken(song, "d", f"d_{n}", "A", n, n + 1.0, "") for n in (0.0, 7.0)]
    found = perceive(song, spoken, log_mel, None, notes.append, skip_damaged=True)
    assert [one.heard is None for one in found] == [False, True]
    assert notes[-1].startswith(f"{song}: ends before the utterance 'd_7.0' begins at 7.0 s")
    assert notes[-1].endswith("; missing of 1 of 2 utterances")


def test_sound_of_which_nothing_can_be_decoded_is_refused(song: Path, notes: list[str]) -> None:
    _damage(song, 0.0, 6.0)
    with pytest.raises(InputError, match=r"the sound is damaged or truncated at from 0\.00 s on"):
        read_sound(song)
    assert all(one.heard is None for one in _perceived(song, notes, skip_damaged=True))


def test_damaged_pictures_cost_only_utterances_there(
    tmp_path: Path, densenet: Path, notes: list[str]
) -> None:
    path = _film(tmp_path / "a.mkv")
    _damage(path, 2.2, 3.8)
    lost = Lost()
    found = list(pictures_at(path, [0.0, 3.0, 5.0], lost=lost))
    assert all(picture is not None for picture in found)
    assert lost.spans == [(pytest.approx(2.2, abs=0.11), pytest.approx(3.8, abs=0.11))]
    see = VisualEncoder(densenet, pictures=1)
    with pytest.raises(InputError, match="the pictures cannot be decoded at 2"):
        _perceived(path, notes, False, see)
    found = _perceived(path, notes, True, see)
    assert [one.visual is None for one in found] == [False, False, True, True, False, False]


def _film(path: Path) -> Path:
    """Write six seconds of pictures, each with a checksum."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10, width=32, height=32)
        stream.pix_fmt, stream.options = "yuv420p", {"level": "3", "slicecrc": "1"}
        for n in range(10 * SECONDS):
            picture = np.random.default_rng(n).integers(0, 255, (32, 32, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


def test_pictures_of_an_unknown_codec_count_as_lost(tmp_path: Path) -> None:
    path = _film(tmp_path / "a.avi")
    path.write_bytes(path.read_bytes().replace(b"FFV1", b"Q#@!"))
    lost = Lost()
    assert list(pictures_at(path, [0.0, 1.0], lost=lost)) == [None, None]
    assert lost.concerns(0.0, 1.0)
    assert "decoder" in lost.why
