"""``ariigcn export``."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.bundle.opened import opened
from ariigcn_dgl.cli.chosen_runs import best_run, chosen_runs
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.export.export import export_run


def export(run: str, out: str, seed: int | None = None, utterances: int | None = None) -> None:
    """Write a trained run as a program for ONNX or torch.export, which needs this package no more.

    It takes raw features (text, audio, visual: utterances x width), which of them are present, a
    number for each speaker, and the lengths of dialogues, and gives calibrated probabilities, of
    other targets numbers on their scale and probabilities of labels; standardisation and
    temperature are inside. The file says its classes or targets, modalities and versions.
    Before it is written it is compared with the run on random dialogues. What cannot be exported is
    refused with the reason (docs/export.md). FILE.onnx needs pip install "ariigcn_dgl[export]".

    Parameters
    ----------
    run : str
        Run folder, the folder of one of its seeds, or a bundle.
    out : str
        New file: .onnx, or .pt2 of torch.export.
    seed : int
        Which seed's model; default: the one with the best validation score.
    utterances : int
        Make it for one dialogue of exactly this length; default: any dialogues, of any lengths.
    """
    with opened(run, note=note) as folder:
        best = best_run(chosen_runs(folder, seed))
        difference = export_run(best, Path(out), utterances)
    say(f"seed {best.record['seed']} of {run}, its answers to {difference:.0e} at most: {out}")
