"""Time stamps of packets, made to go on where those of a file jump."""

from __future__ import annotations

from dataclasses import dataclass, field

NEAR = 1.0  # seconds between time stamps that may follow each other without a thought
LONGEST_GAP = 60.0  # seconds in which nothing comes that is believed


@dataclass
class Clock:
    """Shifts the time stamps of joined segments, alike for sound and pictures.

    Recordings that were joined begin again at 0, or at a random time: a segment then goes on where
    everything before it has ended. A gap within the stated length, or of less than a minute, is
    one.

    Parameters
    ----------
    stated : float
        Seconds, how long the recording says that it is; infinity: it does not.

    Examples
    --------
    >>> clock = Clock(stated=float("inf"))
    >>> [clock.shift(stream, at, 2.0) for stream, at in [(0, 0), (0, 2), (1, 0), (0, 0), (1, 0)]]
    [0.0, 0.0, 0.0, 4.0, 4.0]
    """

    stated: float
    reached: float = 0.0
    shifts: list[float] = field(default_factory=lambda: [0.0])
    shift_of: dict[int, float] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)

    def shift(self, stream: int, time: float, length: float) -> float:
        """Return what is to be added to a packet's time stamps.

        Parameters
        ----------
        stream : int
        time : float
            Its decoding time stamp, in seconds from the beginning of the recording.
        length : float
            Seconds.
        """
        shift = self.shift_of.get(stream, self.shifts[-1])
        if not self._follows(stream, time + shift):
            shift = self._other(stream, time, shift)
        self.shift_of[stream] = shift
        self.due[stream] = time + shift + length
        self.reached = max(self.reached, self.due[stream])
        return shift

    def _follows(self, stream: int, time: float) -> bool:
        due = self.due.get(stream)
        return (due is None or due - NEAR <= time) and time <= self.reached + NEAR

    def _other(self, stream: int, time: float, shift: float) -> float:
        """Return the shift of a packet that does not follow its stream's last one."""
        known = next((one for one in self.shifts if self._follows(stream, time + one)), None)
        if known is not None:
            return known
        back = time + shift < self.due.get(stream, 0.0) - NEAR
        end = self.reached if self.stated == float("inf") else max(self.stated, self.reached)
        if back or time + shift > end + LONGEST_GAP:
            self.shifts.append(self.reached - time)
            return self.shifts[-1]
        return shift
