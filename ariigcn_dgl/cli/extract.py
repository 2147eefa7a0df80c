"""``ariigcn extract``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio_training import AudioTraining
from ariigcn_dgl.extract.beside import transcript_beside
from ariigcn_dgl.extract.choose import (
    Computing,
    audio_encoder,
    default_text,
    text_encoder,
    visual_encoder,
)
from ariigcn_dgl.extract.features import Encoders, Hearing
from ariigcn_dgl.extract.features import extract as extract_features
from ariigcn_dgl.extract.kept import kept_beside
from ariigcn_dgl.extract.media import SUFFIXES
from ariigcn_dgl.extract.sentence_recipe import Pooling, has_straight_quotes_alone
from ariigcn_dgl.extract.spoken import Spoken, from_table, of_table
from ariigcn_dgl.extract.spoken_folder import from_folder
from ariigcn_dgl.extract.spoken_tables import table_of_utterances
from ariigcn_dgl.extract.spoken_transcript import from_subtitles, from_transcript
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.text_settings import TextTraining
from ariigcn_dgl.extract.text_training import TextTuning
from ariigcn_dgl.extract.texts import TextReady
from ariigcn_dgl.extract.transformer import Dtype
from ariigcn_dgl.extract.write import write_extraction
from ariigcn_dgl.files import refuse_existing
from ariigcn_dgl.limits import check_limits
from ariigcn_dgl.notes import unsaid
from ariigcn_dgl.ray_cluster import LOCAL, check_name, imported_ray

TRAIN, NO_CHANGE, NOT_TUNED = "train", AudioTraining(), TextTraining()


def extract(
    media: str,
    out: str,
    subtitles: str | None = None,
    utterances: str | None = None,
    text: str | None = None,
    audio: str | None = None,
    visual: str | None = None,
    pooling: Pooling = "auto",
    pictures: int = 8,
    audio_training: AudioTraining = NO_CHANGE,
    text_training: TextTraining = NOT_TUNED,
    skip_damaged: bool = False,
    track: str | None = None,
    offline: bool = False,
    device: str = "cpu",
    dtype: Dtype = "float32",
    jobs: int = 1,
    engine: str = LOCAL,
) -> None:
    """Make features of recordings: a data set for train and predict, and a record of how.

    Needs pip install "ariigcn_dgl[extract]". The recordings are a file with subtitles or another
    transcript (docs/transcripts.md), a folder of such pairs, or with --utterances any files that a
    table names. Recordings without sound or without pictures are used as they are. For --text alone
    no recording is needed: a transcript, a table of utterances, or a folder of them will do, as
    MELD's train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv.

    --text, --audio and --visual take a path, or the name of an encoder: one that an installed
    package carries (minilm, opensmile:eGeMAPSv02), one that an installed package or module:Class
    offers (docs/extending.md), or one of the Hugging Face hub, with @revision for another than its
    main branch; where a path of that name exists, it is meant. What comes from the hub is
    downloaded once, as safetensors and never with code, and its commit is recorded. Without any of
    the three, text is encoded by minilm (pip install "ariigcn_dgl[text]"). docs/encoders.md

    --audio train trains the paper's audio encoder here, on the labels of the split train, with val
    to choose the epoch. It therefore flatters the training split; scores on val and test are
    honest. --text_training.epochs 3 fine-tunes the text encoder in the same way, but features of
    train come from encoders that did not see their dialogues (docs/fine_tuning.md).

    What is done is kept in a hidden folder beside --out until all is: the same command goes on
    where one that was stopped had come to.

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
        roberta-large, sentence-transformers/all-mpnet-base-v2, minilm ...: a Transformer encoder
        on the hub or in a folder.
    audio : str
        opensmile:eGeMAPSv02 or another set of openSMILE; microsoft/wavlm-base-plus,
        facebook/hubert-base-ls960 ...: a speech model on the hub or in a folder; the file of an
        encoder that was trained here before; or "train".
    visual : str
        densenet121 (161, 169, 201): torchvision's weights, from the hub; or the state dict of a
        torchvision DenseNet (.pth, .safetensors).
    pooling : {"auto", "mean", "first", "cls"}
        Of text: what the encoder's folder says, else the mean; the mean over tokens of the last
        layer; its first token; or the first token, mean of four layers (for encoders fine-tuned
        on sentences).
    pictures : int
        Pictures per utterance.
    audio_training : AudioTraining
        How --audio train trains.
    text_training : TextTraining
        How the text encoder is fine-tuned.
    skip_damaged : bool
        Go on where a recording is damaged; what utterances lose there counts as missing.
    track : str
        Which of several sound tracks is heard: its number, from 1, or its language as the file
        writes it (eng); default: the one that is marked as default.
    offline : bool
        Download nothing: encoders of the hub come from its cache. HF_HUB_OFFLINE=1 says the same.
    device : str
        Where the encoders compute: cpu, cuda, cuda:1 ...
    dtype : {"float32", "float16", "bfloat16"}
        In which precision Transformers and DenseNet compute; half of it is for GPUs.
    jobs : int
        How many processes decode recordings, and encode what they decode, at once.
    engine : str
        "ray": recordings are sent to the nodes of the Ray cluster that this machine is part of, and
        decoded and encoded there, "ray://HOST:PORT" of the one whose head that is (pip install
        "ariigcn_dgl[cluster]"); text is encoded on this machine.
    """
    check_device(device)
    _check_engine(engine, device, jobs)
    with kept_beside(Path(out)):
        refuse_existing(Path(out))
    if jobs < 1:
        raise InputError(f"--jobs: is {jobs}, expected at least 1")
    check_limits(audio_training, "--audio_training")
    check_limits(text_training, "--text_training")
    if pictures < 1:
        raise InputError(f"--pictures: is {pictures}, expected at least 1")
    if text is None and audio is None and visual is None:
        text = _default_text()
    computing = Computing(device, dtype, offline)
    encoders = Encoders(
        text=_text(text, text_training, computing, pooling),
        audio=_audio(audio, audio_training, computing),
        visual=visual_encoder(visual, note, computing, pictures) if visual else None,
    )
    spoken = _spoken(Path(media), subtitles, utterances)
    _settle_quotes(encoders.text, spoken)
    name = Path(out).resolve().name
    with kept_beside(Path(out)) as kept:
        with shown("extract"):
            extracted = extract_features(
                name, spoken, encoders, note, skip_damaged, device, track, kept, jobs, engine
            )
        write_extraction(extracted, spoken, Path(out))
    found = extracted.dialogues
    widths = ", ".join(f"{m} ({w})" for m, w in found.widths.items())
    say(f"{found.num_utterances} utterances of {found.num_dialogues} dialogues, {widths}: {out}")


def _check_engine(engine: str, device: str, jobs: int) -> None:
    check_name(engine)
    if engine == LOCAL:
        return
    if device != "cpu":
        raise InputError(f"--device: is {device}, expected cpu with --engine {engine}")
    if jobs != 1:
        raise InputError("--jobs: goes with --engine local; a cluster works as its cores allow")
    imported_ray()  # before anything is read


def _default_text() -> str:
    name = default_text()
    if name is None:
        raise InputError(
            "give at least one of --text, --audio and --visual, what makes features; --text minilm "
            'is small, and needs no hub: pip install "ariigcn_dgl[text]"'
        )
    note(f"none of --text, --audio and --visual is given: --text {name}")
    return name


def _text(
    name: str | None, training: TextTraining, computing: Computing, pooling: Pooling
) -> TextReady | TextTuning | None:
    made = text_encoder(name, note, computing, pooling) if name else None
    if training == NOT_TUNED:
        return made
    if made is None:
        raise InputError("--text_training: goes with --text, which names the encoder to fine-tune")
    if not training.epochs:
        raise InputError("--text_training.epochs: is 0, expected at least 1 with --text_training")
    if not isinstance(made, TextEncoder):
        raise InputError(
            f"--text_training: --text is {name}, expected an encoder for transformers that was not "
            "fine-tuned here: others are used as they are"
        )
    return TextTuning(made, training)


def _settle_quotes(text: TextReady | TextTuning | None, spoken: Sequence[Spoken]) -> None:
    """Let words with other quotes than those of the data set be read as if they had the same."""
    encoder = text.encoder if isinstance(text, TextTuning) else text
    if isinstance(encoder, TextEncoder) and has_straight_quotes_alone(one.text for one in spoken):
        encoder.recipe = replace(encoder.recipe, straight_quotes=True)


def _audio(
    name: str | None, training: AudioTraining, computing: Computing
) -> Hearing | AudioTraining | None:
    if name is None:
        return None
    return training if name == TRAIN else audio_encoder(name, note, computing)


def _spoken(media: Path, subtitles: str | None, utterances: str | None) -> list[Spoken]:
    if not media.exists():
        raise InputError(f"{media}: no such file or folder")
    if subtitles and utterances:
        raise InputError("give either --subtitles or --utterances")
    if utterances:
        return from_table(Path(utterances), media, note)
    if not media.is_dir():
        return _of_file(media, Path(subtitles) if subtitles else None)
    if subtitles:
        raise InputError(f"{media}: --subtitles goes with one recording, this is a folder")
    return from_folder(media, note)


def _of_file(media: Path, subtitles: Path | None) -> list[Spoken]:
    """Return the utterances of a recording, or of a table or a transcript alone."""
    if subtitles or media.suffix.lower() in SUFFIXES:
        return from_subtitles(media, subtitles, note)
    table = table_of_utterances(media, unsaid)
    if table is not None:
        return of_table(table, None, note)
    if transcript_beside(media) not in (None, media):  # a recording of an ending of its own
        return from_subtitles(media, None, note)
    return from_transcript(media, note)
