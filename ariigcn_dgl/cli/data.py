"""``ariigcn data check | convert | join | import | synth``."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from json import dumps
from pathlib import Path
from typing import Literal

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import say, show
from ariigcn_dgl.data import examine, fingerprint, summarise, synthesise, write_folder
from ariigcn_dgl.data.community import ImportOptions, import_file
from ariigcn_dgl.data.community.table import render as render_import
from ariigcn_dgl.data.community.write import LayoutName, write_layout
from ariigcn_dgl.data.dialogues import SPLITS
from ariigcn_dgl.data.findings.unread import examine_unread
from ariigcn_dgl.data.folder import UNSEALED, lacks_seal
from ariigcn_dgl.data.load import prepare
from ariigcn_dgl.data.shards import read_shards, shard_folders
from ariigcn_dgl.data.source import load_source, read_source
from ariigcn_dgl.data.summary_table import render
from ariigcn_dgl.data.synth import synthesise_parts
from ariigcn_dgl.data.synth_config import PRESETS
from ariigcn_dgl.data.target_views import target_names
from ariigcn_dgl.data.write_shards import cut, write_shards
from ariigcn_dgl.data.write_shards import join as join_shards
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import json_text


def check(data: str, json: bool = False, targets: list[str] | None = None) -> None:
    """Check a data set: show what is in it, what is wrong with it and what to do.

    A data set is one of: an .npz archive in the layout of the measuring sets; a folder that
    `ariigcn data convert`, `data join` or `data synth` wrote; or a folder of your own with
    utterances.csv or utterances.jsonl (columns dialogue, speaker, label, and optionally split and
    utterance; in order of speaking) and one text.npy, audio.npy, visual.npy (utterances x width)
    for each modality you have, with views.json where one is made of several views. Ends with code
    0 if the set is usable, with 2 if not.

    Parameters
    ----------
    data : str
        The data set.
    json : bool
        Print one JSON object instead of tables.
    targets : list of str
        Targets to look at, as of ariigcn train; default: those that the data set declares.
    """
    try:
        with shown("check"):
            dialogues = read_source(data, targets)
            rows, names = dialogues.num_utterances, target_names(targets)
            unread = examine_unread(Path(data), rows, names)
            summary, findings = summarise(dialogues), examine(dialogues, unread)
            usable = all(finding.severity != "error" for finding in findings)
            sha256 = fingerprint(prepare(dialogues, data)) if usable else None
    except InputError as error:
        if json:
            print(dumps({"data": data, "usable": False, "unreadable": str(error)}, indent=1))
        raise
    if json:
        report = {
            "data": data,
            "usable": usable,
            "sha256": sha256,
            "summary": asdict(summary),
            "findings": [asdict(finding) for finding in findings],
        }
        print(json_text(dumps(report, indent=1, ensure_ascii=False)))
    else:
        show(render(summary, findings))
        print(f"sha256 {sha256}" if usable else "not usable as it is: see the errors above")
        if lacks_seal(data):
            print(UNSEALED)
    if not usable:
        sys.exit(2)


def convert(
    data: str, out: str, targets: list[str] | None = None, shard_mib: int | None = None
) -> None:
    """Write a data set in the one format on disk (safetensors, JSON lines, JSON).

    Parameters
    ----------
    data : str
        The data set to read.
    out : str
        The new folder.
    targets : list of str
        Targets to keep, as of ariigcn train; default: those that the data set declares.
    shard_mib : int
        Divide it into shards of so many MiB of features, each a folder of that format: for sets
        that are larger than memory. 128 is usual; default: one folder.
    """
    if shard_mib is not None and shard_mib < 1:
        raise InputError(f"--shard_mib: is {shard_mib}, expected at least 1")
    dialogues = load_source(data, targets=targets)
    if shard_mib is None:
        write_folder(dialogues, out)
    else:
        write_shards(cut(dialogues, shard_mib << 20), out)
    say(f"{dialogues.num_utterances} utterances of {dialogues.num_dialogues} dialogues: {out}")


def join(sources: list[str], out: str) -> None:
    """Make one data set of several, which stay where they are.

    The new folder names the others and has their labels, ids and splits, but no features: it and
    they are to be moved together. Read by every command.

    Parameters
    ----------
    sources : list of str
        Folders that ariigcn extract, data convert, data import or data synth wrote, or sets of
        shards, with other dialogues each, and features of the same widths.
    out : str
        The new folder.
    """
    with shown("join"):
        dialogues = join_shards(sources, out)
    say(
        f"{dialogues.num_utterances} utterances of {dialogues.num_dialogues} dialogues in "
        f"{len(shard_folders(Path(out)))} shards: {out}"
    )


def import_(
    file: str,
    out: str | None = None,
    join: list[str] | None = None,
    labels: Literal["emotion", "sentiment", "score"] = "emotion",
    text_views: str = "all",
    val_fraction: float = 0.0,
    seed: int = 0,
    nonfinite_missing: bool = False,
    text: str | None = None,
    audio: str | None = None,
    visual: str | None = None,
) -> None:
    """Read a feature file that the field passes around, whichever it is; run nothing in it.

    Knows, by structure and not by name: IEMOCAP_features.pkl of DialogueRNN, DialogueGCN and MMGCN
    (6 or 4 emotions), MELD_features_raw.pkl and raw1, COSMIC's RoBERTa files, SDT's and
    GraphSmile's multimodal features, CMU-MOSEI in the same form, COGMEN's and CORECT's data_*.pkl,
    DailyDialog, MMSA dictionaries and the folders of MERBench, GCNet, bc-LSTM, UR-FUNNY, MUStARD
    and the CMU-Multimodal SDK (.csd). Pickles are read without running anything that they name.
    Shows what was recognised beside the published counts, and what to beware of.

    Parameters
    ----------
    file : str
        The file or folder.
    out : str
        New folder for the data set, in the format of ariigcn data convert; without it nothing is
        written.
    join : list of str
        More files on the same dialogues: feature files give the modalities and the lists of splits
        that FILE lacks; MELD's csv files give the speakers' names and its validation list.
    labels : {"emotion", "sentiment", "score"}
        Which labels, where the file has both or one follows from the other; "score": the
        intensities of sentiment of CMU-MOSI, CMU-MOSEI and CH-SIMS as numbers, not as classes.
    text_views : str
        Which views of the text to keep, where a file has several, as the four RoBERTa layers of
        COSMIC, SDT and GraphSmile (1 is the last layer): all of them side by side, first, their
        mean, or numbers, as 1,3.
    val_fraction : float
        Share of the training dialogues to move to validation where the file lists none.
    seed : int
        Seed of that choice, and of all splits where the files have none.
    nonfinite_missing : bool
        Mark rows with NaN or inf as missing instead of refusing the file.
    text : str
        Of a MERBench or GCNet folder: which folder of features is the text; of .csd
        and bc-LSTM's files: which file.
    audio : str
        Of a MERBench or GCNet folder: which folder of features is the audio; of .csd
        and bc-LSTM's files: which file.
    visual : str
        Of a MERBench or GCNet folder: which folder of features is the visual modality; of .csd
        and bc-LSTM's files: which file.
    """
    options = ImportOptions(
        labels, text_views, val_fraction, seed, nonfinite_missing, text, audio, visual
    )
    with shown("import"):
        imported = import_file(file, options, join or ())
        if out is not None:
            write_folder(imported.dialogues, out)
    show(render_import(imported))
    say(f"written: {out}" if out else "nothing written: name a new folder with --out")


def synth(
    out: str,
    like: Literal["synthetic", "iemocap-like", "meld-like", "sentiment"] = "synthetic",
    layout: Literal["none", LayoutName] = "none",
    fraction: float = 1.0,
    seed: int = 0,
    times: int = 1,
) -> None:
    """Write a synthetic data set with the statistics of real conversations.

    Parameters
    ----------
    out : str
        The new folder; with --layout a file, or a folder for merbench, meld-csv, ur-funny, mustard,
        cmu-sdk, gcnet, bc-lstm.
    like : {"synthetic", "iemocap-like", "meld-like", "sentiment"}
        "synthetic": the small set that `ariigcn train` uses by default; the next two have the size,
        lengths, classes and emotion dynamics of the real sets; "sentiment" is monologues of clips
        with a score from -3 to 3, of the size of CMU-MOSI.
    layout : str
        Write a file of the field instead, as ariigcn data import reads it: with the ids, widths,
        numbers of dialogues and class counts of the real one.
    fraction : float
        With --layout: share of the real numbers of dialogues and utterances.
    seed : int
        Same seed, same data.
    times : int
        Without --layout: that many times as many dialogues, written in shards as they are made, so
        that they may be more than the memory holds.
    """
    if times < 1 or (times > 1 and layout != "none"):
        raise InputError(f"--times: is {times}, expected at least 1, and with --layout 1")
    if layout == "none" and fraction != 1.0:
        raise InputError(f"--fraction: is {fraction}, which goes with --layout alone")
    if layout != "none":
        dialogues = write_layout(layout, out, seed, fraction)
    elif times == 1:
        dialogues = synthesise(PRESETS[like], seed)
        write_folder(dialogues, out)
    else:
        preset = PRESETS[like]
        larger = {split: times * getattr(preset, split) for split in SPLITS}
        with shown("synth"):
            write_shards(synthesise_parts(replace(preset, **larger), seed), out)
        dialogues = read_shards(out)
    say(f"{dialogues.num_utterances} utterances of {dialogues.num_dialogues} dialogues: {out}")
