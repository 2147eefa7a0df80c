"""How much memory an extraction takes that makes one data set of an archive of recordings.

    python benchmarks/archive.py --recordings 500 --width 1024

makes recordings of two seconds of noise with 400 utterances each in a temporary folder, extracts
features of that width by an encoder that computes next to nothing, and says what the process took:
``peak`` with the pages of files that it had looked at (ru_maxrss), ``own`` the most that was not a
file's, asked twenty times a second. What is measured is the package that Python finds.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data import write_folder
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.kept import kept_beside
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.spoken import Spoken

POLL_SECONDS = 0.05
UTTERANCES = 400  # of a recording
RATE = 16_000


class Wide(Encoder):
    """Features that cost nothing but their memory."""

    modality = "audio"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def describe(self) -> dict[str, Any]:
        return {"encoder": "wide", "width": self.width}

    def prepare(self, seen: np.ndarray) -> Any:
        return np.float32(seen[0])

    def encode(self, inputs: Sequence[Any]) -> np.ndarray:
        return np.asarray(inputs, np.float32)[:, None] + np.arange(self.width, dtype=np.float32)


def main() -> None:
    """Make the recordings, extract, say the peak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=500)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--folder", help="where to make it; default: the system's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        home, own = Path(name), [0]
        spoken = [one for n in range(options.recordings) for one in _recording(home, n)]
        threading.Thread(target=_watch, args=(own,), daemon=True).start()
        began, out = time.process_time(), home / "out"
        with kept_beside(out) as kept:
            encoders = Encoders(audio=Wide(options.width))
            write_folder(extract("set", spoken, encoders, print, kept=kept).dialogues, out)
        features = (out / "features.safetensors").stat().st_size
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        print(f"{len(spoken):,} utterances, features of {features >> 20:,} MiB")
        print(f"peak {peak >> 20:,} MiB, own {own[0] >> 20:,} MiB", end=", ")
        print(f"{time.process_time() - began:.0f} CPU s")


def _recording(home: Path, number: int) -> list[Spoken]:
    path = home / f"{number}.wav"
    noise = np.random.default_rng(number).standard_normal(2 * RATE) * 3000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(noise.astype("<i2").tobytes())
    starts = (0.004 * n for n in range(UTTERANCES))
    named = ((f"d{number}", f"d{number}_{n}") for n in range(UTTERANCES))
    return [
        Spoken(path, *names, "A", start, start + 0.3, "")
        for names, start in zip(named, starts, strict=True)
    ]


def _watch(own: list[int]) -> None:
    while True:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                own[0] = max(own[0], int(line.split()[1]) << 10)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
