"""The pictures of a recording, as players show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.extract.media.damage import Lost
from ariigcn_dgl.extract.media.decoding import Decoding
from ariigcn_dgl.extract.media.recording import opened
from ariigcn_dgl.extract.media.refusing import raised, reason
from ariigcn_dgl.extract.media.tracks import choice, picture_stream
from ariigcn_dgl.notes import Note

LONGEST_SIDE = 16_384  # pixels
_WIDEST = 8  # times as wide as high: pixels that are wider are the word of a damaged header


def pictures_at(
    path: Path, times: Sequence[float], note: Note | None = None, lost: Lost | None = None
) -> Iterator[np.ndarray | None]:
    """Yield the picture that is shown at each time, (H, W, 3) uint8 RGB.

    None once the pictures have ended, and always where there are none. Pictures are turned,
    mirrored and widened as the file says that they are to be shown. While pictures are damaged,
    the last one stands.

    Parameters
    ----------
    path : Path
    times : sequence of float
        Seconds, not decreasing.
    note : callable, optional
        Gets a sentence about the choice among several streams.
    lost : Lost, optional
        Gets what could not be decoded, up to the last of the times.

    Raises
    ------
    InputError
        If the file cannot be decoded.
    """
    with opened(path) as recording:
        stream = picture_stream(recording)
        if stream is None:
            yield from (None for _ in times)
            return
        sentence = choice(path, "picture", recording.pictures, stream)
        if sentence and note is not None:
            note(sentence)
        decoding = Decoding(recording, stream)
        decoding.lost = decoding.lost if lost is None else lost
        yield from _shown(decoding, times)


def _shown(decoding: Decoding, times: Sequence[float]) -> Iterator[np.ndarray | None]:
    frames = decoding.frames()
    ratio = _pixel_ratio(decoding.stream)
    shown, upcoming = None, _next(frames, decoding.lost)
    for time in times:
        while upcoming is not None and (shown is None or upcoming[0] <= time):
            shown, upcoming = upcoming, _next(frames, decoding.lost)
        if shown is None or (upcoming is None and time >= shown[1]):
            yield None
        else:
            yield _picture(shown, ratio, decoding.lost)


def _next(frames: Iterator[tuple[float, float, Any]], lost: Lost) -> Any:
    found = next(frames, None)
    if found is not None:
        lost.end(found[0])
    return found


def _picture(shown: tuple[float, float, Any], ratio: Fraction, lost: Lost) -> np.ndarray | None:
    start, end, frame = shown
    try:
        return upright(_square(frame, ratio), _matrix(frame))
    except raised() as error:
        lost.begin(start, reason(error))
        lost.end(end)
        return None


def _pixel_ratio(stream: Any) -> Fraction:
    """Return how much wider than high pixels are: of discs and broadcasts they are no squares."""
    if stream.codec_context is None:
        return Fraction(1)
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return ratio if ratio and 1 / _WIDEST <= ratio <= _WIDEST else Fraction(1)


def _square(frame: Any, ratio: Fraction) -> np.ndarray:
    """Return a picture of square pixels; one side grows, none shrinks."""
    width, height = frame.width, frame.height
    if ratio > 1:
        width = round(width * ratio)
    elif ratio < 1:
        height = round(height / ratio)
    if max(width, height) > LONGEST_SIDE:
        raise ValueError(f"a picture of {width} x {height} pixels")
    return frame.to_ndarray(format="rgb24", width=width, height=height)


def _matrix(frame: Any) -> np.ndarray | None:
    """Return how a picture is to be turned and mirrored, [[a, b], [c, d]]; None: not at all."""
    try:
        data = bytes(frame.side_data["DISPLAYMATRIX"])
    except KeyError:
        return None
    return np.frombuffer(data, np.int32)[:9].reshape(3, 3)[:2, :2] if len(data) >= 36 else None


def upright(picture: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Return a picture by the nearest of the eight ways to turn and mirror it.

    Parameters
    ----------
    picture : (H, W, 3) array
    matrix : (2, 2) array or None
        Upper left part of a display matrix: (x, y) is shown at (a x + c y, b x + d y).

    Examples
    --------
    >>> upright(np.array([[1, 2], [3, 4]])[..., None], np.array([[0, 1], [-1, 0]]))[..., 0]
    array([[3, 1],
           [4, 2]])
    """
    if matrix is None:
        return picture
    (a, b), (c, d) = matrix.astype(np.int64)
    if abs(a) + abs(d) < abs(b) + abs(c):
        picture = picture.swapaxes(0, 1)
        a, d = c, b
    picture = picture[:, ::-1] if a < 0 else picture
    return picture[::-1] if d < 0 else picture
