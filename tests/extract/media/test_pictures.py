"""Pictures as players show them."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ariigcn_dgl.extract.media import pictures_at
from ariigcn_dgl.extract.media.pictures import upright

WIDTH, HEIGHT = 64, 48
CORNERS = np.array([[1, 2], [3, 4], [5, 6]])[..., None]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (None, [[1, 2], [3, 4], [5, 6]]),
        ([[1, 0], [0, 1]], [[1, 2], [3, 4], [5, 6]]),
        ([[-1, 0], [0, 1]], [[2, 1], [4, 3], [6, 5]]),  # a mirror
        ([[1, 0], [0, -1]], [[5, 6], [3, 4], [1, 2]]),
        ([[-1, 0], [0, -1]], [[6, 5], [4, 3], [2, 1]]),
        ([[0, 1], [-1, 0]], [[5, 3, 1], [6, 4, 2]]),  # clockwise
        ([[0, -1], [1, 0]], [[2, 4, 6], [1, 3, 5]]),
        ([[0, 1], [1, 0]], [[1, 3, 5], [2, 4, 6]]),  # turned and mirrored
        ([[0, -1], [-1, 0]], [[6, 4, 2], [5, 3, 1]]),
        ([[-(2**31), 0], [0, 2**31 - 1]], [[2, 1], [4, 3], [6, 5]]),
        ([[0, 0], [0, 0]], [[1, 2], [3, 4], [5, 6]]),
    ],
)
def test_eight_ways_to_turn_and_mirror(matrix: list | None, expected: list) -> None:
    array = None if matrix is None else np.array(matrix, np.int64).astype(np.int32)
    assert upright(CORNERS, array)[..., 0].tolist() == expected


def _video(path: Path, ratio: Fraction = Fraction(1)) -> Path:
    """Write a red picture with a white bar at the left, of pixels so many times as wide as high."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5, width=WIDTH, height=HEIGHT)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = ratio
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[..., 0] = 200
        picture[:, : WIDTH // 4] = 255
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


def _turn(path: Path, matrix: tuple[int, ...]) -> Path:
    """Write a display matrix into the header of the track of an .mp4 file."""
    a, b, c, d = (value << 16 for value in matrix)
    content = bytearray(path.read_bytes())
    at = content.index(struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def _side_of_the_bar(picture: np.ndarray) -> str:
    green = picture[..., 1].astype(float)  # only white has any
    middle = [axis * green.sum(1 - n) for n, axis in enumerate(map(np.arange, green.shape))]
    down, right = (
        m.sum() / green.sum() / size for m, size in zip(middle, green.shape, strict=True)
    )
    if abs(down - 0.5) > abs(right - 0.5):
        return "top" if down < 0.5 else "bottom"
    return "left" if right < 0.5 else "right"


@pytest.mark.parametrize(
    ("matrix", "side"),
    [
        ((1, 0, 0, 1), "left"),
        ((-1, 0, 0, 1), "right"),
        ((1, 0, 0, -1), "left"),
        ((-1, 0, 0, -1), "right"),
        ((0, 1, -1, 0), "top"),
        ((0, 1, 1, 0), "top"),
        ((0, -1, 1, 0), "bottom"),
    ],
)
def test_display_matrix_is_followed(tmp_path: Path, matrix: tuple[int, ...], side: str) -> None:
    (picture,) = pictures_at(_turn(_video(tmp_path / "a.mp4"), matrix), [0.0])
    assert _side_of_the_bar(picture) == side


@pytest.mark.parametrize(
    ("ratio", "shape"),
    [
        (Fraction(1), (48, 64)),
        (Fraction(2), (48, 128)),
        (Fraction(16, 15), (48, 68)),
        (Fraction(1, 2), (96, 64)),
        (Fraction(100), (48, 64)),  # of a damaged header
    ],
)
def test_pixels_are_made_square(tmp_path: Path, ratio: Fraction, shape: tuple) -> None:
    (picture,) = pictures_at(_video(tmp_path / "a.mp4", ratio), [0.0])
    assert picture.shape[:2] == shape
    assert _side_of_the_bar(picture) == "left"


def test_wide_pixels_of_a_turned_camera(tmp_path: Path) -> None:
    path = _turn(_video(tmp_path / "a.mp4", Fraction(2)), (0, 1, -1, 0))
    (picture,) = pictures_at(path, [0.0])
    assert picture.shape[:2] == (128, 48)
    assert _side_of_the_bar(picture) == "top"
