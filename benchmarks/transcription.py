"""How well `ariigcn transcribe` hears words and tells speakers apart, on dialogues that it is made.

The voices are flite's (``apt install flite``), the text and the times of all turns are known:

    OMP_NUM_THREADS=1 python benchmarks/transcription.py benchmarks/results/transcription

The threshold that decides how many speakers there are was chosen on dialogues of the same voices
and other words.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from jsonargparse import auto_cli
from scipy.optimize import linear_sum_assignment

from ariigcn_dgl.extract.media import SAMPLE_RATE, read_sound
from ariigcn_dgl.speech.transcribe import transcribe
from ariigcn_dgl.transcripts.cue import Cue

DIALOGUES = (
    ("rms", "slt"),
    ("awb", "kal16"),
    ("slt", "awb"),
    ("rms", "awb"),
    ("rms", "slt", "kal16"),
)
TURNS = 8
LINES = (
    "My brother came back from the city on Monday.",
    "Is he going to stay with you this time?",
    "Only until he finds a room of his own.",
    "He should have told us that he was coming.",
    "You know him. He never tells anybody anything.",
    "Please close the window. It is cold in here.",
    "I paid the man already and he gave me no change.",
    "That is not what we talked about last night.",
    "What a beautiful day to work in the garden!",
    "Do not be so sad. We will find another dog.",
    "I am afraid of what the doctor is going to say.",
    "How many people did you invite to the party?",
    "Maybe ten or eleven. I did not count them.",
    "It was my turn to wash the dishes and you know it.",
    "No.",
    "I see.",
)
LOUDNESS = 0.08  # root of the mean square of a turn
GAPS = (0.2, 0.9)  # seconds between two turns, from and to
CONDITIONS = {  # dB of speech above pink noise, and the gaps
    "as it is": (None, GAPS),
    "noise, 20 dB below": (20, GAPS),
    "noise, 10 dB below": (10, GAPS),
    "no pause between turns": (None, (0.0, 0.05)),
}
FRAME = 0.01  # seconds
SUMMED = (
    *("words", "words_wrong", "speakers_wrong_given", "speakers_wrong_estimated"),
    *("seconds", "cpu_seconds"),
)


class Turn(NamedTuple):
    """What one voice says."""

    start: float
    end: float
    speaker: int
    text: str


def speak(voice: str, text: str) -> np.ndarray:
    """Return speech, without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        sound = read_sound(path)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[max(0, loud[0] - 400) : loud[-1] + 400]
    return sound * np.float32(LOUDNESS / np.sqrt(np.mean(sound**2)))


def dialogue(
    voices: tuple[str, ...], seed: int, gaps: tuple[float, float]
) -> tuple[np.ndarray, list[Turn]]:
    """Return the sound of a dialogue and its turns."""
    chance = random.Random(seed)
    lines = chance.sample(LINES, TURNS)
    parts, turns, at = [np.zeros(SAMPLE_RATE // 2, np.float32)], [], 0.5
    for n, text in enumerate(lines):
        said = speak(voices[n % len(voices)], text)
        pause = np.zeros(round(chance.uniform(*gaps) * SAMPLE_RATE), np.float32)
        turns.append(Turn(at, at + len(said) / SAMPLE_RATE, n % len(voices), text))
        parts += [said, pause]
        at += (len(said) + len(pause)) / SAMPLE_RATE
    return np.concatenate(parts), turns


def noisy(sound: np.ndarray, decibels: int | None) -> np.ndarray:
    """Return sound with pink noise, so many dB below the speech."""
    if decibels is None:
        return sound
    noise = np.fft.rfft(np.random.default_rng(0).normal(size=len(sound)))
    noise = np.fft.irfft(noise / np.sqrt(np.arange(len(noise)) + 1), len(sound))
    return sound + (noise / noise.std() * LOUDNESS * 10 ** (-decibels / 20)).astype(np.float32)


def words_wrong(said: str, heard: str) -> tuple[int, int]:
    """Return the edits from one text to the other, in words, and the words that were said."""
    wanted, found = (re.sub(r"[^a-z' ]", "", text.lower()).split() for text in (said, heard))
    row = np.arange(len(found) + 1)
    for n, word in enumerate(wanted, start=1):
        before, row[0] = row.copy(), n
        for m, other in enumerate(found, start=1):
            row[m] = min(before[m] + 1, row[m - 1] + 1, before[m - 1] + (word != other))
    return int(row[-1]), len(wanted)


def speakers_wrong(turns: list[Turn], cues: list[Cue]) -> float:
    """Return the share of speech that is taken for another's, after the best matching of names."""
    names = list(dict.fromkeys(cue.speaker for cue in cues))
    frames = round(max(turns[-1].end, cues[-1].end) / FRAME) + 1
    said, heard = np.full(frames, -1), np.full(frames, -1)
    for turn in turns:
        said[round(turn.start / FRAME) : round(turn.end / FRAME)] = turn.speaker
    for cue in cues:
        heard[round(cue.start / FRAME) : round(cue.end / FRAME)] = names.index(cue.speaker)
    both = (said >= 0) & (heard >= 0)
    table = np.zeros((said.max() + 1, len(names)))
    np.add.at(table, (said[both], heard[both]), 1)
    return float(1 - table[linear_sum_assignment(-table)].sum() / both.sum())


def write(path: Path, sound: np.ndarray) -> None:
    """Write sound as a file of 16 bits."""
    samples = (np.clip(sound, -1, 1) * np.iinfo(np.int16).max).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def measure(voices: tuple[str, ...], seed: int, condition: str) -> dict[str, Any]:
    """Return how one dialogue is transcribed, with the number of speakers given and estimated."""
    decibels, gaps = CONDITIONS[condition]
    sound, turns = dialogue(voices, seed, gaps)
    found: dict[str, Any] = {"condition": condition, "voices": voices}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dialogue.wav")
        write(path, noisy(sound, decibels))
        for name, count in (("given", len(voices)), ("estimated", None)):
            begun = time.process_time()
            cues = transcribe(path, None, lambda sentence: None, speakers=count)
            took = time.process_time() - begun
            found[f"speakers_wrong_{name}"] = speakers_wrong(turns, cues)
    heard = " ".join(cue.text for cue in cues)
    wrong, words = words_wrong(" ".join(turn.text for turn in turns), heard)
    found |= {"count_estimated": len({cue.speaker for cue in cues}), "turns": len(turns)}
    found |= {"words": words, "words_wrong": wrong, "utterances": len(cues)}
    return found | {"seconds": len(sound) / SAMPLE_RATE, "cpu_seconds": took}


def table(rows: list[dict[str, Any]]) -> str:
    """Return means over the dialogues of each condition."""
    lines = [
        "| | words wrong, % | speaker wrong, %, number given | number estimated | number right | "
        "seconds of one core for a second |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for condition in CONDITIONS:
        of = [row for row in rows if row["condition"] == condition]
        total = {key: sum(row[key] for row in of) for key in SUMMED}
        right = sum(row["count_estimated"] == len(row["voices"]) for row in of)
        lines.append(
            f"| {condition} | {100 * total['words_wrong'] / total['words']:.0f} "
            f"| {100 * total['speakers_wrong_given'] / len(of):.1f} "
            f"| {100 * total['speakers_wrong_estimated'] / len(of):.1f} "
            f"| {right} of {len(of)} | {total['cpu_seconds'] / total['seconds']:.1f} |"
        )
    return "\n".join(lines)


def main(out: Path) -> None:
    """Measure all dialogues.

    Parameters
    ----------
    out : Path
        New folder, for results.json and table.md.
    """
    rows = []
    for condition in CONDITIONS:
        for seed, voices in enumerate(DIALOGUES):
            rows.append(measure(voices, seed, condition))
            print(rows[-1], flush=True)
    out.mkdir()
    (out / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    (out / "table.md").write_text(table(rows) + "\n")
    print(table(rows))


if __name__ == "__main__":
    auto_cli(main)
