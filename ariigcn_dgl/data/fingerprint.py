"""One hash for the content of a data set, to tell in a run's record what it was trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

import numpy as np

from ariigcn_dgl.data.dialogues import MODALITIES, Dialogues, in_order
from ariigcn_dgl.data.mapped import Stacked, blocks
from ariigcn_dgl.data.names import Names, some_at_once


def fingerprint(dialogues: Dialogues) -> str:
    """Return the SHA-256 of the content, 64 hexadecimal digits.

    It covers ids, splits, class and speaker names, labels, speakers, masks, features, their views
    and sequences, and targets, but not the name of the set nor the file format: a renamed or
    converted data set keeps its fingerprint, but for sets of shards (`ariigcn_dgl.data.shards`), of
    which the hashes of the files stand for the features.

    Parameters
    ----------
    dialogues : Dialogues
        A checked set.
    """
    digest = hashlib.sha256()
    names: dict[str, object] = {
        "dialogue_ids": dialogues.dialogue_ids,
        "splits": dialogues.splits,
        "utterance_ids": dialogues.utterance_ids,
        "label_names": dialogues.label_names,
        "speaker_names": dialogues.speaker_names,
        "widths": [dialogues.widths.get(modality, 0) for modality in MODALITIES],
    }
    present = in_order(dialogues.features)
    if set(present) - set(MODALITIES):  # sets of the three keep the fingerprint of before
        names["modalities"] = [(name, dialogues.widths[name]) for name in present]
    if dialogues.views:  # sets without any keep the fingerprint of before there were some
        names["views"] = [dialogues.views.get(m, ()) for m in in_order([*MODALITIES, *present])]
    if dialogues.sequences:  # likewise
        names["sequences"] = in_order(dialogues.sequences)
    if dialogues.targets:  # sets of nothing but classes keep theirs
        names["targets"] = [target.spec.record() for target in dialogues.targets.values()]
    for text in _as_json(names):
        digest.update(text.encode("ascii"))
    # With a byte order named: machines of either kind agree.
    for array in (dialogues.dialogue_ptr, dialogues.labels, dialogues.speakers):
        digest.update(np.ascontiguousarray(array, "<i8").data)
    for target in dialogues.targets.values():
        # One NaN for all, of which there are many.
        values = np.where(np.isnan(target.values), np.float32(np.nan), target.values)
        digest.update(np.ascontiguousarray(values, "<f4").data)
    for modality in present:  # in this order, whatever that of the reader was
        digest.update(np.ascontiguousarray(dialogues.masks[modality], np.uint8).data)
        array = dialogues.features[modality]
        if isinstance(array, Stacked):  # may be larger than memory: its files have hashes
            digest.update(array.sha256.encode("ascii"))
            continue
        for _, rows in blocks(array):
            digest.update(np.ascontiguousarray(rows, "<f4").data)
    for modality in in_order(dialogues.sequences):
        digest.update(np.ascontiguousarray(dialogues.sequences[modality].ptr, "<i8").data)
        for _, rows in blocks(dialogues.sequences[modality].rows):
            digest.update(np.ascontiguousarray(rows, "<f4").data)
    return digest.hexdigest()


def _as_json(names: Mapping[str, object]) -> Iterator[str]:
    """Yield `json.dumps` with sorted keys, without all of it at once."""
    before = "{"
    for key in sorted(names):
        yield f"{before}{json.dumps(key)}: "
        before, value = ", ", names[key]
        if isinstance(value, Names):
            yield "["
            for n, some in enumerate(filter(None, some_at_once(value))):
                yield f"{', ' if n else ''}{json.dumps(some)[1:-1]}"
            yield "]"
        else:
            yield json.dumps(value, sort_keys=True)
    yield "}"
