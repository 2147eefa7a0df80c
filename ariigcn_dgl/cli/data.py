"""``ariigcn data check | convert | synth``."""

from __future__ import annotations

from typing import Literal

from rich.console import Console

from ariigcn_dgl.data import fingerprint, summarise, synthesise, write_folder
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.data.summary_table import render
from ariigcn_dgl.data.synth_config import PRESETS


def check(data: str) -> None:
    """Check a data set and show what is in it.

    A data set is one of: an .npz archive in the layout of the measuring sets; a folder that
    `ariigcn data convert` or `ariigcn data synth` wrote; or a folder of your own with
    utterances.csv or utterances.jsonl (columns dialogue, speaker, label, and optionally split and
    utterance; in order of speaking) and one text.npy, audio.npy, visual.npy (utterances x width)
    for each modality you have.

    Parameters
    ----------
    data : str
        The data set.
    """
    dialogues = load_source(data)
    Console().print(render(summarise(dialogues)))
    print(f"sha256 {fingerprint(dialogues)}")


def convert(data: str, out: str) -> None:
    """Write a data set in the one format on disk (safetensors, JSON lines, JSON).

    Parameters
    ----------
    data : str
        The data set to read.
    out : str
        The new folder.
    """
    dialogues = load_source(data)
    write_folder(dialogues, out)
    print(f"{dialogues.num_utterances} utterances of {dialogues.num_dialogues} dialogues: {out}")


def synth(
    out: str, like: Literal["synthetic", "iemocap-like", "meld-like"] = "synthetic", seed: int = 0
) -> None:
    """Write a synthetic data set with the statistics of real conversations.

    Parameters
    ----------
    out : str
        The new folder.
    like : {"synthetic", "iemocap-like", "meld-like"}
        "synthetic": the small set that `ariigcn train` uses by default; the others have the size,
        lengths, classes and emotion dynamics of the real sets.
    seed : int
        Same seed, same data.
    """
    dialogues = synthesise(PRESETS[like], seed)
    write_folder(dialogues, out)
    print(f"{dialogues.num_utterances} utterances of {dialogues.num_dialogues} dialogues: {out}")
