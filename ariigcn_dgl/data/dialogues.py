"""A set of dialogues in memory: features, labels, speakers and splits, one row per utterance."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ariigcn_dgl.data.mapped import take
from ariigcn_dgl.data.names import chosen, spans
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.targets import LABEL, Target, TargetSpec, classes_spec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.optional import require

if TYPE_CHECKING:
    import pandas as pd

MODALITIES = ("text", "audio", "visual")
SPLITS = ("train", "val", "test")
_MODALITY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# What archives call something else, and what torch's modules have by these names already.
_TAKEN = {
    *("dialogue", "dialogues", "label", "labels", "speaker", "speakers", "split", "splits", "turn"),
    *("apply", "bfloat16", "buffers", "children", "clear", "compile", "cpu", "cuda", "double"),
    *("eval", "float", "forward", "half", "ipu", "items", "keys", "modules", "mtia", "parameters"),
    *("pop", "to", "train", "training", "type", "update", "values", "xpu", "val", "test"),
    *("add_module", "call_super_init", "dump_patches", "extra_repr", "load_state_dict"),
    *("named_buffers", "named_children", "named_modules", "named_parameters", "share_memory"),
    *("state_dict", "to_empty", "zero_grad"),
}
_FIRST_WORDS = ("dialogue", "label", "speaker", "utterance", "get", "set", "register")
UNLABELLED = -1  # also the last place of a table, so that tables of classes can end with it


def is_modality(name: str) -> bool:
    """Whether a modality can have this name: of `MODALITIES`, or another in lower case.

    Examples
    --------
    >>> is_modality("physio"), is_modality("heart_rate"), is_modality("EEG"), is_modality("label")
    (True, True, False, False)
    """
    words = name.split("_")
    return (
        _MODALITY.fullmatch(name) is not None
        and name not in _TAKEN
        and words[0] not in _FIRST_WORDS
        and words[-1] not in ("mask", "ptr", "views")
    )


def in_order(names: Iterable[str]) -> list[str]:
    """Return modalities in the order that they have everywhere: `MODALITIES`, others by name.

    Examples
    --------
    >>> in_order(["physio", "visual", "text", "gaze"])
    ['text', 'visual', 'gaze', 'physio']
    """
    different = set(names)
    return [m for m in MODALITIES if m in different] + sorted(different - set(MODALITIES))


@dataclass(frozen=True, repr=False)
class Dialogues:
    """Utterances of many dialogues, sorted by dialogue, then by their order in the dialogue.

    Its length is the number of dialogues. An index, an id or a slice gives dialogues as a set of
    their own: ``data[0]``, ``data["Ses01F_impro01"]``, ``data[:10]``, ``data.split("test")``.

    Shapes: N utterances, B dialogues, S speakers, C classes, D_m width of modality m.

    Parameters
    ----------
    name : str
        Name of the data set, for tables and run folders.
    features : dict of str to (N, D_m) float32 array
        One array per modality, in the order of `in_order`; large ones of files stay there and
        cannot be written to (`ariigcn_dgl.data.mapped`).
    masks : dict of str to (N,) bool array
        False where the modality is missing for the utterance; its feature row is then all zeros
        (`ariigcn_dgl.data.missing`).
    labels : (N,) int64 array
        Class index into `label_names`; `UNLABELLED` (-1) where unknown, and everywhere in a set
        without classes.
    speakers : (N,) int64 array
        Index into `speaker_names`.
    dialogue_ptr : (B + 1,) int64 array
        Rows of dialogue b are ``dialogue_ptr[b]:dialogue_ptr[b + 1]``.
    dialogue_ids, splits : sequence of str, length B
        Unique name of each dialogue; the split it belongs to (`SPLITS`).
    utterance_ids : sequence of str, length N
        Unique name of each utterance. Sequences are tuples; of very many, `Names`.
    label_names, speaker_names : tuple of str
        Names of the C classes, none in a set without classes, and of the S speakers.
    views : dict of str to tuple of int
        Of a modality that has several views (`ariigcn_dgl.data.views`): the width of each, which
        add up to D_m. A modality of one view has no entry.
    divided : str
        How splits came about where this program made them, e.g. "at random, ... seed 0"; "": the
        set came with them. No part of the content: the fingerprint covers the splits themselves.
    words : sequence of str, length N or 0
        What was said, "" where unknown; empty where nothing is known of any utterance. For people
        to read: nothing is computed from it, and it is no part of the fingerprint.
    sequences : dict of str to Ragged
        Of a modality that is a sequence of rows per utterance (`ariigcn_dgl.data.ragged`): the
        rows, whose means are its features. A modality of one vector has no entry.
    targets : dict of str to Target
        What else is to be predicted, by name: numbers, several labels at once, other classes
        (`ariigcn_dgl.data.targets`).

    Attributes
    ----------
    source : str or None
        Absolute path of the data set, where it is as `load_dialogues` read it; None of any other
        set, also of one that is made out of it.
    source_sha256 : str or None
        `fingerprint` of what was read there: whether an array has been changed since.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig(name="made", train=4, val=2, test=2))
    >>> len(data), data[0].num_dialogues, data[-3:].splits
    (8, 1, ('val', 'test', 'test'))
    >>> data["test_0001"].dialogue_ids
    ('test_0001',)
    """

    name: str
    features: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    labels: np.ndarray
    speakers: np.ndarray
    dialogue_ptr: np.ndarray
    dialogue_ids: Sequence[str]
    splits: tuple[str, ...]
    utterance_ids: Sequence[str]
    label_names: tuple[str, ...]
    speaker_names: tuple[str, ...]
    views: dict[str, tuple[int, ...]] = field(default_factory=dict)
    divided: str = ""
    words: Sequence[str] = ()
    sequences: dict[str, Ragged] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    # Not set by __init__, so that `replace` does not hand it on to what is other content.
    source: str | None = field(default=None, init=False, compare=False)
    source_sha256: str | None = field(default=None, init=False, compare=False)

    def __repr__(self) -> str:
        counts = Counter(self.splits)
        splits = ", ".join(f"{counts[split]} {split}" for split in SPLITS if counts[split])
        widths = ", ".join(f"{modality} {width}" for modality, width in self.widths.items())
        predicted = [f"{self.num_classes} classes"] if self.label_names or not self.targets else []
        predicted += [f"{name} ({target.spec.kind})" for name, target in self.targets.items()]
        return (
            f"<Dialogues {self.name!r}: {_counted(self.num_dialogues, 'dialogue')} ({splits}), "
            f"{_counted(self.num_utterances, 'utterance')}, {', '.join(predicted)}, {widths}>"
        )

    def __len__(self) -> int:
        return self.num_dialogues

    def __getitem__(self, which: int | str | slice) -> Dialogues:
        """Return one dialogue by its number or id, or those of a slice, as a set of their own.

        Raises
        ------
        IndexError, KeyError
            If there is no such dialogue.
        """
        if isinstance(which, slice):
            return self.select(np.arange(self.num_dialogues)[which])
        if isinstance(which, str):
            if which not in self.dialogue_ids:
                raise KeyError(f"{self.name}: has no dialogue {which!r}")
            return self.select([self.dialogue_ids.index(which)])
        return self.select([range(self.num_dialogues)[which]])  # counts from the end, too

    @property
    def num_utterances(self) -> int:
        """Number of utterances N."""
        return len(self.utterance_ids)

    @property
    def num_dialogues(self) -> int:
        """Number of dialogues B."""
        return len(self.dialogue_ids)

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return len(self.label_names)

    @property
    def specs(self) -> tuple[TargetSpec, ...]:
        """What is to be predicted: the classes, where there are some, then the other targets."""
        classes = [classes_spec(self.label_names)] if self.label_names else []
        return (*classes, *(target.spec for target in self.targets.values()))

    @property
    def num_outputs(self) -> int:
        """Outputs that a model of all targets has; of classes alone C."""
        return sum(spec.width for spec in self.specs)

    @property
    def labelled(self) -> np.ndarray:
        """Of which utterances at least one target is known, (N,) bool."""
        known = self.labels != UNLABELLED
        for target in self.targets.values():
            known = known | target.known
        return known

    @property
    def widths(self) -> dict[str, int]:
        """Feature width D_m of each modality."""
        return {name: array.shape[1] for name, array in self.features.items()}

    def view_widths(self, modality: str) -> tuple[int, ...]:
        """Return the width of each view of a modality; of one without views its one width."""
        return self.views.get(modality, (self.widths[modality],))

    @property
    def lengths(self) -> np.ndarray:
        """Number of utterances in each dialogue, (B,) int64."""
        return np.diff(self.dialogue_ptr)

    @property
    def most_speakers(self) -> int:
        """Largest number of speakers in a dialogue; 0 without dialogues."""
        pairs = np.unique(self.row_dialogues * len(self.speaker_names) + self.speakers)
        return int(np.bincount(pairs // max(len(self.speaker_names), 1), minlength=1).max())

    def rows(self, dialogue: int) -> slice:
        """Return the rows of one dialogue."""
        return slice(int(self.dialogue_ptr[dialogue]), int(self.dialogue_ptr[dialogue + 1]))

    def dialogue_of(self, row: int) -> str:
        """Return the id of an utterance's dialogue."""
        return self.dialogue_ids[int(np.searchsorted(self.dialogue_ptr, row, side="right")) - 1]

    @property
    def row_dialogues(self) -> np.ndarray:
        """The index of each utterance's dialogue, (N,) int64."""
        return np.repeat(np.arange(self.num_dialogues), self.lengths)

    @property
    def row_splits(self) -> np.ndarray:
        """The split of each utterance, (N,) of str."""
        return np.repeat(np.array(self.splits), self.lengths)

    def indices(self, split: str) -> np.ndarray:
        """Return the indices of the dialogues of one split, (B_split,) int64."""
        return np.flatnonzero(np.array(self.splits) == split)

    def in_split(self, split: str) -> np.ndarray:
        """Return which utterances are of a split, (N,) bool."""
        return np.repeat(np.array(self.splits) == split, self.lengths)

    def part(self, split: str) -> Dialogues:
        """Return the dialogues of one split as a set of their own, an empty one without any."""
        return self.select(self.indices(split))

    def split(self, name: str) -> Dialogues:
        """Return the dialogues of one split, "train", "val" or "test", as a set of their own.

        Raises
        ------
        InputError
            If no dialogue is in it.
        """
        if name not in self.splits:
            known = ", ".join(split for split in SPLITS if split in self.splits)
            raise InputError(f"{self.name}: has no split '{name}', only {known}")
        return self.part(name)

    def to_pandas(self) -> pd.DataFrame:
        """Return a table of one row per utterance; row n is row n of features and masks.

        Columns ``dialogue``, ``utterance``, ``speaker``, ``label`` (missing where unknown) and
        ``split``: those that a table of one's own has, too (`dialogues_from_pandas`). Where words
        are known a column ``text`` has them.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        names = np.array([*self.label_names, None], dtype=object)  # UNLABELLED is -1: the last
        columns = {
            "dialogue": np.repeat(np.array(self.dialogue_ids, dtype=object), self.lengths),
            "utterance": np.array(self.utterance_ids, dtype=object),
            "speaker": np.array(self.speaker_names, dtype=object)[self.speakers],
            "label": names[self.labels],
            "split": np.repeat(np.array(self.splits, dtype=object), self.lengths),
        }
        if self.words:
            columns["text"] = np.array(self.words, dtype=object)
        return require("pandas", "pandas").DataFrame(columns)

    def with_modalities(self, names: Sequence[str]) -> Dialogues:
        """Return the same dialogues with the named modalities only.

        Raises
        ------
        InputError
            If one is not there, or none is named.
        """
        names = [names] if isinstance(names, str) else names
        for name in names:
            if name not in self.features:
                raise InputError(
                    f"{self.name}: has no modality '{name}', only {', '.join(self.features)}"
                    f"{did_you_mean(name, self.features)}"
                )
        if not names:
            raise InputError(f"{self.name}: name at least one of {', '.join(self.features)}")
        kept = [name for name in self.features if name in names]
        return replace(
            self,
            features={name: self.features[name] for name in kept},
            masks={name: self.masks[name] for name in kept},
            views={name: self.views[name] for name in kept if name in self.views},
            sequences={m: self.sequences[m] for m in kept if m in self.sequences},
        )

    def with_targets(self, names: Sequence[str]) -> Dialogues:
        """Return the same dialogues with the named targets only, in this order.

        Parameters
        ----------
        names : sequence of str
            `LABEL` for the classes, which stay first.

        Raises
        ------
        InputError
            If one is not there, is named twice, or none is named.
        """
        known = [spec.name for spec in self.specs]
        names = [names] if isinstance(names, str) else names
        for name in names:
            if name not in known:
                raise InputError(
                    f"{self.name}: has no target '{name}', only {', '.join(known) or 'none'}"
                    f"{did_you_mean(name, known)}"
                )
        if not names or len(set(names)) < len(names):
            raise InputError(f"--targets: name at least one of {', '.join(known)}, each once")
        kept = replace(self, targets={n: self.targets[n] for n in names if n in self.targets})
        if LABEL in names or not self.label_names:
            return kept
        return replace(kept, label_names=(), labels=np.full_like(self.labels, UNLABELLED))

    def without_features(self) -> Dialogues:
        """Return the same dialogues with no modality: what to count, `split` and `select` by."""
        return replace(self, features={}, masks={}, views={}, sequences={})

    def select(self, dialogues: Sequence[int] | np.ndarray) -> Dialogues:
        """Return the chosen dialogues, in the given order, as a set of their own."""
        dialogues = np.asarray(dialogues, dtype=np.int64)
        firsts = self.dialogue_ptr[dialogues]
        lengths = self.dialogue_ptr[dialogues + 1] - firsts
        rows = spans(firsts, lengths)
        return replace(
            self,
            features={name: take(array, rows) for name, array in self.features.items()},
            masks={name: array[rows] for name, array in self.masks.items()},
            labels=self.labels[rows],
            speakers=self.speakers[rows],
            dialogue_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            dialogue_ids=chosen(self.dialogue_ids, dialogues),
            splits=tuple(self.splits[b] for b in dialogues),
            utterance_ids=chosen(self.utterance_ids, rows),
            words=chosen(self.words, rows) if self.words else (),
            sequences={name: one.select(rows) for name, one in self.sequences.items()},
            targets={name: target.select(rows) for name, target in self.targets.items()},
        )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
