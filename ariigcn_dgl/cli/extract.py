"""``ariigcn extract``."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import AudioEncoder, load_encoder
from ariigcn_dgl.extract.audio_training import AudioTraining
from ariigcn_dgl.extract.features import Encoders
from ariigcn_dgl.extract.features import extract as extract_features
from ariigcn_dgl.extract.manifest import write_extraction
from ariigcn_dgl.extract.media import SUFFIXES
from ariigcn_dgl.extract.own_encoder import ENCODERS, Encoder, make_encoder
from ariigcn_dgl.extract.spoken import Spoken, from_table
from ariigcn_dgl.extract.spoken_folder import from_folder
from ariigcn_dgl.extract.spoken_tables import is_table_of_utterances
from ariigcn_dgl.extract.spoken_transcript import (
    from_subtitles,
    from_transcript,
    transcript_beside,
)
from ariigcn_dgl.extract.text import Pooling, TextEncoder
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.files import refuse_existing
from ariigcn_dgl.limits import check_limits
from ariigcn_dgl.plugins import NAME

TRAIN, NO_CHANGE = "train", AudioTraining()


def extract(
    media: str,
    out: str,
    subtitles: str | None = None,
    utterances: str | None = None,
    text: str | None = None,
    audio: str | None = None,
    visual: str | None = None,
    pooling: Pooling = "mean",
    pictures: int = 8,
    audio_training: AudioTraining = NO_CHANGE,
    skip_damaged: bool = False,
    device: str = "cpu",
) -> None:
    """Make features of recordings: a data set for train and predict, and a record of how.

    Needs pip install "ariigcn_dgl[extract]". Nothing is downloaded: encoders lie on this machine.
    Give at least one of --text, --audio and --visual: each may also be the name of an encoder that
    an installed package offers, or module:Class (docs/extending.md). The recordings are a file with
    subtitles or another transcript (docs/transcripts.md), a folder of such pairs, or with
    --utterances any files that a table names. Recordings without sound or without pictures are used
    as they are. For --text alone no recording is needed: a transcript, a table of utterances, or a
    folder of them will do, as MELD's train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv.

    The audio encoder is the paper's: --audio train trains it here, on the labels of the split
    train, with val to choose the epoch. It therefore flatters the training split, as fine-tuned
    text encoders do; scores on val and test are honest.

    Parameters
    ----------
    media : str
        Recording, or folder of recordings; for --text alone also a transcript, a table, or a
        folder of them.
    out : str
        New data folder.
    subtitles : str
        Subtitles of the recording, or another transcript with times; default: the file beside it
        of the same name.
    utterances : str
        Table (.csv, .jsonl): file, dialogue, speaker, and optionally start and end (seconds or
        00:01:02,500), text, label, split, utterance; in order of speaking.
    text : str
        Folder of a RoBERTa-like encoder for transformers.
    audio : str
        File of an audio encoder that was trained before, or "train".
    visual : str
        State dict of a torchvision DenseNet (.pth, .safetensors).
    pooling : {"mean", "cls"}
        Of text: the mean over tokens of the last layer, or the first token, mean of four layers
        (for encoders fine-tuned on sentences).
    pictures : int
        Pictures per utterance.
    audio_training : AudioTraining
        How --audio train trains.
    skip_damaged : bool
        Go on where a recording is damaged; its sound and pictures count as missing.
    device : str
        Where the encoders compute: cpu, cuda, cuda:1 ...
    """
    check_device(device)
    refuse_existing(Path(out))
    check_limits(audio_training, "--audio_training")
    if pictures < 1:
        raise InputError(f"--pictures: is {pictures}, expected at least 1")
    encoders = Encoders(
        text=_own(text, "text", device)
        or (TextEncoder(Path(text), pooling, device) if text else None),
        audio=_own(audio, "audio", device) or _audio(audio, audio_training, device),
        visual=_own(visual, "visual", device)
        or (VisualEncoder(Path(visual), pictures, device) if visual else None),
    )
    if encoders == Encoders():
        raise InputError("give at least one of --text, --audio and --visual: what makes features")
    spoken = _spoken(Path(media), subtitles, utterances)
    name = Path(out).resolve().name
    with shown("extract"):
        extracted = extract_features(name, spoken, encoders, note, skip_damaged, device)
    write_extraction(extracted, spoken, Path(out))
    found = extracted.dialogues
    widths = ", ".join(f"{m} ({w})" for m, w in found.widths.items())
    say(f"{found.num_utterances} utterances of {found.num_dialogues} dialogues, {widths}: {out}")


def _own(name: str | None, modality: str, device: str) -> Encoder | None:
    """Return an encoder of another package, if the name is that of one and of no path."""
    if name is None or Path(name).exists():
        return None
    named = name in ENCODERS.names or NAME.fullmatch(name)
    return make_encoder(name, modality, device) if named else None


def _audio(
    name: str | None, training: AudioTraining, device: str
) -> AudioEncoder | AudioTraining | None:
    if name is None:
        return None
    return training if name == TRAIN else load_encoder(Path(name), device)


def _spoken(media: Path, subtitles: str | None, utterances: str | None) -> list[Spoken]:
    if not media.exists():
        raise InputError(f"{media}: no such file or folder")
    if subtitles and utterances:
        raise InputError("give either --subtitles or --utterances")
    if utterances:
        return from_table(Path(utterances), media)
    if not media.is_dir():
        return _of_file(media, Path(subtitles) if subtitles else None)
    if subtitles:
        raise InputError(f"{media}: --subtitles goes with one recording, this is a folder")
    return from_folder(media, note)


def _of_file(media: Path, subtitles: Path | None) -> list[Spoken]:
    """Return the utterances of a recording, or of a table or a transcript alone."""
    if subtitles or media.suffix.lower() in SUFFIXES:
        return from_subtitles(media, subtitles, note)
    if is_table_of_utterances(media):
        return from_table(media, None)
    if transcript_beside(media) not in (None, media):  # a recording of an ending of its own
        return from_subtitles(media, None, note)
    return from_transcript(media, note)
