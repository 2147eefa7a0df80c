"""Fine-tune a text encoder on labelled utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder, note_cut
from ariigcn_dgl.extract.text_fitting import fitting, weights_of
from ariigcn_dgl.extract.text_folds import fold_features
from ariigcn_dgl.extract.text_settings import TextTraining
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.turns import Reading, Tokens
from ariigcn_dgl.notes import Note
from ariigcn_dgl.progress import track

FEWEST_TOKENS = 32  # of an encoder that is to read what was said before, too


@dataclass(frozen=True)
class TextTuning:
    """A text encoder that is to be fine-tuned on the labelled utterances, and how."""

    encoder: TextEncoder
    config: TextTraining


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned encoder, and the features, (N, width), of the utterances that have text.

    Of the split train they come from encoders that did not see their labels, if there were folds.
    """

    encoder: TunedTextEncoder
    features: np.ndarray


def tune_text(
    tuning: TextTuning,
    utterances: Sequence[Spoken],
    labels: np.ndarray,
    splits: np.ndarray,
    note: Note,
) -> Tuned:
    """Fine-tune a text encoder to tell the classes from words alone.

    It learns from the split train; the epoch with the best weighted F1 on val is kept. The split
    test is never used. What the classifier is taught on is the feature: the pooled state.

    An encoder has seen the labels that it was trained on, so its features of train tell them
    better than those of new utterances. With folds, features of train come from encoders that did
    not see their dialogues, as many as there are folds, trained for as many epochs from the same
    weights. Each of those has a space of its own; features are turned and shifted to where the
    final encoder's are, by the map that does so best for the utterances that both have seen.

    Parameters
    ----------
    tuning : TextTuning
        Its encoder is changed, and belongs to the result.
    utterances : sequence of Spoken, length N
        Those of a dialogue together.
    labels : (N,) int array
        Class, negative where unknown.
    splits : (N,) str array
    note : callable
        Gets sentences about the result.

    Raises
    ------
    InputError
        If train has fewer than two labelled classes with text or val none, or the encoder cannot
        learn or read what is asked for.
    """
    config = tuning.config
    reading = Reading(config.context, config.speaker_names)
    learnt = {**asdict(config), "base": tuning.encoder.describe()}
    # The classifier is taught on vectors that have a length.
    tuning.encoder.recipe = replace(tuning.encoder.recipe, normalise=False)
    encoder = TunedTextEncoder(tuning.encoder, reading, learnt)
    turns = encoder.turns(utterances)
    said = np.flatnonzero([turn is not None for turn in turns])
    tokens = encoder.tokens([turn for turn in turns if turn is not None])
    short = [utterances[n].name for n, one in zip(said.tolist(), tokens, strict=True) if one.short]
    note_cut(short, encoder.max_tokens, note)
    splits = splits[said]
    labels = np.where((splits == "train") | (splits == "val"), labels[said], -1)
    train, val = (np.flatnonzero((labels >= 0) & (splits == x)) for x in ("train", "val"))
    _refuse(encoder, tokens, labels, train, val, note)
    start = weights_of(encoder.base.model)
    score, epoch = _choose(encoder, tokens, labels, train, val, config)
    features = encoder.encode_tokens(tokens)
    encoder.learnt |= {
        "train_utterances": len(train),
        "val_utterances": len(val),
        "val_weighted_f1": 100 * score,
        "epoch": epoch,
    }
    note(
        f"text encoder: fine-tuned on {len(train)} utterances, weighted F1 {100 * score:.1f} on "
        f"the {len(val)} of val, from text alone, after epoch {epoch} of {config.epochs}"
    )
    if config.folds < 2:
        note(
            "text encoder: it has seen the labels of train, so features of train flatter what is "
            "trained on them; --text_training.folds 5 takes them from encoders that did not"
        )
        return Tuned(encoder, features)
    rows = np.flatnonzero(splits == "train")
    dialogues = np.array([utterances[said[n]].dialogue for n in rows])
    chosen = weights_of(encoder.base.model)
    found = fold_features(encoder, tokens, labels, rows, dialogues, config, epoch, start)
    encoder.base.model.load_state_dict(chosen)
    features[rows] = found.aligned(features[rows])
    return Tuned(encoder, features)


def _refuse(
    encoder: TunedTextEncoder,
    tokens: Sequence[Tokens],
    labels: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    note: Note,
) -> None:
    if len(np.unique(labels[train])) < 2 or not len(val):
        raise InputError(
            f"--text_training: {len(train)} labelled utterances with text in train and {len(val)} "
            "in val, expected two classes in train and some in val: label them (--utterances)"
        )
    if encoder.reading.context and encoder.base.max_tokens < FEWEST_TOKENS:
        raise InputError(
            f"--text_training.context: the encoder reads {encoder.base.max_tokens} tokens, too few "
            f"for more than an utterance: expected one of at least {FEWEST_TOKENS}, or 0"
        )
    if encoder.base.dtype != "float32":
        raise InputError(
            f"--text_training: the encoder is in {encoder.base.dtype}, expected float32, in which "
            "weights can learn; on a GPU products are in bfloat16 anyway"
        )
    cut = sum(one.cut for one in tokens)
    if cut:
        note(
            f"text encoder: {cut} utterances have more words before them than the "
            f"{encoder.base.max_tokens} tokens that it reads: the oldest were cut off"
        )


def _choose(
    encoder: TunedTextEncoder,
    tokens: Sequence[Tokens],
    labels: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    config: TextTraining,
) -> tuple[float, int]:
    """Train in place; return the best score on val, from 0 to 1, and its epoch."""
    best, best_epoch, kept = -1.0, 0, {}
    with fitting(encoder, tokens, labels, train, config) as fit:
        for epoch in track(range(1, config.epochs + 1), "epochs of the text encoder"):
            fit.epoch()
            score = fit.score(val)
            if score > best:
                best, best_epoch, kept = score, epoch, weights_of(encoder.base.model)
    encoder.base.model.load_state_dict(kept)
    return best, best_epoch
