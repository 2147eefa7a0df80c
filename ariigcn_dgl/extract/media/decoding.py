"""Frames of a stream, each at its time; what cannot be decoded costs only itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ariigcn_dgl.extract.media.clock import Clock
from ariigcn_dgl.extract.media.damage import Lost
from ariigcn_dgl.extract.media.recording import Recording
from ariigcn_dgl.extract.media.refusing import raised, reason
from ariigcn_dgl.extract.media.tracks import picture_stream, sound_track

Timed = tuple[float, float, Any]
FAILURES = 32  # reads that fail one after the other, after which nothing more is expected
EARLY = 1.0  # seconds; a recording that ends so long before its stated end is truncated
USUAL = 0.04  # seconds that a picture is shown where the file does not say


class Decoding:
    """The decoding of one stream.

    Parameters
    ----------
    recording : Recording
    stream : av.stream.Stream

    Attributes
    ----------
    lost : Lost
        Grows while frames are taken; complete when there are no more.
    """

    def __init__(self, recording: Recording, stream: Any) -> None:
        self.recording, self.stream, self.lost = recording, stream, Lost()
        self.clock = Clock(recording.stated)
        self.due, self.any = 0.0, False

    def frames(self) -> Iterator[Timed]:
        """Yield from when to when each frame lasts, in seconds from the beginning, and it."""
        if self.stream.codec_context is None:
            self.lost.begin(0.0, "FFmpeg has no decoder for it")
            self._finish()
            return
        self.stream.thread_type = "AUTO"
        for packet in self._packets():
            if packet.stream.index == self.stream.index:
                yield from map(self._timed, self._decoded(packet))
        self._finish()

    def _packets(self) -> Iterator[Any]:
        """Yield the packets of sound and pictures, with time stamps that do not jump."""
        both = {self.stream.index: self.stream}
        for other in (sound_track(self.recording, None), picture_stream(self.recording)):
            if other is not None and other.type != self.stream.type:
                both[other.index] = other
        failures = 0
        while failures < FAILURES:
            packets = self.recording.container.demux(tuple(both.values()))
            try:
                for packet in packets:
                    failures = 0
                    self._shift(packet)
                    yield packet
                return
            except raised() as error:  # the next packet may be whole
                failures += 1
                self.lost.begin(self.due, reason(error))

    def _shift(self, packet: Any) -> None:
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None or not packet.time_base:
            return
        time = float(stamp * packet.time_base) - self.recording.origin
        length = float((packet.duration or 0) * packet.time_base)
        shift = self.clock.shift(packet.stream.index, time, max(length, 0.0))
        ticks = round(shift / packet.time_base)
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except raised() as error:
            # A broadcast is joined in the middle: its first pictures lack those that they refer to.
            if self.any or self.stream.type == "audio":
                self.lost.begin(self.due, reason(error))
            else:
                self.lost.why = self.lost.why or reason(error)
            return []

    def _timed(self, frame: Any) -> Timed:
        time = frame.time
        known = time is not None and math.isfinite(time)
        start = time - self.recording.origin if known else self.due
        self.due = start + self._length(frame)
        self.any = True
        return start, self.due, frame

    def _length(self, frame: Any) -> float:
        if self.stream.type == "audio":
            return float(frame.samples / frame.sample_rate) if frame.sample_rate else 0.0
        rate = self.stream.average_rate
        length = float((frame.duration or 0) * (self.stream.time_base or 0))
        return max(length, float(1 / rate) if rate else USUAL)

    def _finish(self) -> None:
        """Note what is missing at the end."""
        if not self.any and self.lost.why:
            self.lost.spans = [(0.0, math.inf)]
        elif self.recording.stated < math.inf and self._ends_early():
            self.lost.begin(self.due, "the file ends early")
            self.lost.end(self.recording.stated)
        else:
            self.lost.end(self.clock.due.get(self.stream.index, self.due))

    def _ends_early(self) -> bool:
        return self.recording.stated - max(self.clock.reached, self.due) > EARLY
